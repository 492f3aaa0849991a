#ifndef PP_NET_DIAL_H
#define PP_NET_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/stream.h"

/*
 * net_endpoint - "host:port", "[v6]:port" or "host" split in two.  Port is
 * 0..65535; without one, default_port (or -1: an error).  host >= 256 bytes.
 * Returns 0 or -1 (PERM).
 */
enum { NET_HOST_SIZE = 256 };
int net_endpoint(struct span text, int default_port, char host[NET_HOST_SIZE],
		 uint16_t *port, struct err *e);

/*
 * net_dial - connect to host:port over TCP: every address that resolve_host
 * gives, in its order; the question for the name and all attempts share the one
 * deadline.  TEMP: refused, unreachable, unknown name; TIMEOUT; STOP when
 * `stop` (may be NULL) is raised.
 * On success the stream watches `stop`.
 */
int net_dial(struct stream **s, const char *host, uint16_t port,
	     int64_t deadline_ms, const struct wake *stop, struct err *e);

/* net_is_local - is the other end of this socket on this machine: a loopback
 * address or a unix socket? */
bool net_is_local(int fd);

/* net_own_literal - our address on this connection as an address literal (RFC
 * 5321 4.1.3): "[192.0.2.1]", "[IPv6:2001:db8::1]"; "localhost" on a unix
 * socket. */
enum { NET_LITERAL_SIZE = 64 };
void net_own_literal(int fd, char text[NET_LITERAL_SIZE]);

#endif
