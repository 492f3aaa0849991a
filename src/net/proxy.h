#ifndef PP_NET_PROXY_H
#define PP_NET_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/thread.h"

/*
 * The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy): what a
 * load balancer says of the client before the first byte of the protocol, and
 * before TLS.
 */
enum {
	PROXY_ADDRESS_SIZE = 46, /* of an IPv6 address as text, and a NUL */
	PROXY_V1_MAX = 107,      /* its line, CRLF included (2.1) */
	PROXY_V2_HEAD = 16,
	PROXY_HEADER_MAX = 4096, /* more in version 2 is refused */
};

struct proxy_header {
	/* The proxy's own connection, a health check: it is the client. */
	bool local;
	/* Whose it is was not said (UNKNOWN, UNSPEC), or is none that could
	 * reach us over the network (UDP, a unix socket). */
	bool unknown;
	char address[PROXY_ADDRESS_SIZE]; /* of the client, canonical text */
	uint16_t port;
};

/*
 * proxy_parse - what `in` begins with: 1 a whole header, *used bytes; 0 more is
 * needed; -1 (PROTO) none.  Pure; hostile input.
 */
int proxy_parse(struct span in, struct proxy_header *h, size_t *used,
		struct err *e);

/* proxy_wants - so many more bytes belong to the header for sure, when
 * proxy_parse said 0; >= 1. */
size_t proxy_wants(struct span in);

/*
 * proxy_accept - read the header off the non-blocking socket fd, and not a byte
 * behind it.  0, or -1: PROTO, CLOSED, TIMEOUT, STOP when `stop` (may be NULL)
 * is raised, TEMP.
 */
int proxy_accept(int fd, struct proxy_header *h, int64_t deadline_ms,
		 const struct wake *stop, struct err *e);

#endif
