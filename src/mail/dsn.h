#ifndef PP_MAIL_DSN_H
#define PP_MAIL_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Delivery status notifications: multipart/report (RFC 6522) with a human part,
 * message/delivery-status (RFC 3464) and the original: its header
 * (text/rfc822-headers) or all of it (message/rfc822).  In their shapes of
 * RFC 6533 when an address is not ASCII.  Pure; any thread.
 */
enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn_recipient {
	const char *address; /* final recipient */
	const char *orcpt;   /* "rfc822;x@y", xtext (RFC 3461 4.2), or NULL */
	enum dsn_action action;
	const char *status;      /* "5.1.1" */
	const char *remote_host; /* whose words the diagnostic is; NULL: ours */
	const char *diagnostic;  /* a reply, "550 5.1.1 ...", or NULL */
	int64_t last_attempt_s;  /* wall clock; 0 = none */
};

struct dsn_facts {
	const char *id;      /* of the DSN: its Message-ID is <id@host> */
	const char *host;    /* reporting MTA */
	const char *to;      /* reverse-path of the original, or postmaster */
	bool to_postmaster;  /* the original had none */
	const char *envid;   /* xtext (RFC 3461 4.4), or NULL */
	const char *release; /* "for;3600" (RFC 4865 7), or NULL */
	int64_t arrival_s, now_s;
	const struct dsn_recipient *recipients;
	size_t n_recipients;
	struct span original_header;
	/* The whole original, header included; empty: only its header is
	 * returned (RFC 3461 4.3). */
	struct span original_message;
};

/* dsn_format - the whole message, CRLF lines, appended to *out. 0 or -1. */
int dsn_format(const struct dsn_facts *f, struct buf *out, struct err *e);

#endif
