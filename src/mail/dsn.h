#ifndef PP_MAIL_DSN_H
#define PP_MAIL_DSN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Delivery status notifications: multipart/report (RFC 6522) with a human part,
 * message/delivery-status (RFC 3464) and the header of the original
 * (text/rfc822-headers).  Pure; any thread.
 */
enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED };

struct dsn_recipient {
	const char *address; /* final recipient */
	const char *orcpt;   /* original recipient "rfc822;x@y", or NULL */
	enum dsn_action action;
	const char *status;      /* "5.1.1" */
	const char *remote_host; /* or NULL */
	const char *diagnostic;  /* the peer's reply "550 5.1.1 ...", or NULL */
	int64_t last_attempt_s;  /* wall clock; 0 = none */
};

struct dsn_facts {
	const char *id;    /* of the DSN: its Message-ID is <id@host> */
	const char *host;  /* reporting MTA */
	const char *to;    /* reverse-path of the original */
	const char *envid; /* or NULL */
	int64_t arrival_s, now_s;
	const struct dsn_recipient *recipients;
	size_t n_recipients;
	struct span original_header;
};

/* dsn_format - the whole message, CRLF lines, appended to *out. 0 or -1. */
int dsn_format(const struct dsn_facts *f, struct buf *out, struct err *e);

#endif
