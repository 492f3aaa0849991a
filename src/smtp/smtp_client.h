#ifndef PP_SMTP_CLIENT_H
#define PP_SMTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/sasl_client.h"
#include "base/err.h"
#include "base/span.h"
#include "base/thread.h"
#include "mail/address.h"
#include "mail/dsn_param.h"
#include "mail/status.h"
#include "net/tls_outcome.h"
#include "smtp/smtp_limits.h"

/*
 * The SMTP client side: the sender's relay and verification, and the shell.  It
 * speaks LMTP (RFC 2033) too, over TCP or a unix socket.
 * One connection, blocking, every step under its own deadline; the peer's
 * replies are hostile input.  Thread: one at a time.
 */
struct smtp_client;
struct stream;

enum smtp_ext {
	SMTP_EXT_SIZE = 1,
	SMTP_EXT_PIPELINING = 2,
	SMTP_EXT_8BITMIME = 4,
	SMTP_EXT_ENHANCEDSTATUSCODES = 8,
	SMTP_EXT_SMTPUTF8 = 16,
	SMTP_EXT_DSN = 128,
	SMTP_EXT_XPOSTPAIRID = 256,
	SMTP_EXT_CHUNKING = 512,
	SMTP_EXT_FUTURERELEASE = 4096,
	SMTP_EXT_XQUEUE = 8192,
	SMTP_EXT_REQUIRETLS = 2048, /* counts over TLS only */
	SMTP_EXT_STARTTLS = 1024,
};

/* trace - sees every line: direction '>' sent, '<' received; never a secret
 * (AUTH data is "***") nor message content; '=' is a remark on TLS. */
typedef void smtp_trace_fn(void *ctx, char direction, struct span line);

enum smtp_client_tls {
	SMTP_TLS_NONE,     /* in the clear, whatever is offered */
	SMTP_TLS_MAY,      /* STARTTLS where it is offered and not refused */
	SMTP_TLS_MUST,     /* STARTTLS, or no connection: -1 (TEMP) */
	SMTP_TLS_IMPLICIT, /* from the first byte (RFC 8314 3.3) */
};

struct smtp_client_options {
	const char *host;
	uint16_t port;
	const char *path; /* of a unix socket, in place of both; or NULL */
	/* a connection that is there already, taken over whatever comes of it;
	 * or NULL */
	struct stream **stream;
	bool lmtp;        /* speak LMTP (RFC 2033) */
	const char *helo; /* our name; NULL: the address we come from */
	int64_t connect_timeout_ms;
	int64_t command_timeout_ms;  /* for each reply */
	int64_t greeting_timeout_ms; /* for the first one; 0: the same */
	/* for one message to be sent; and, before that, for recipients to be
	 * asked about */
	int64_t data_timeout_ms;
	/* for each reply to what was sent with the message or after it, and for
	 * a piece of the message to be taken; 0: as data_timeout_ms */
	int64_t final_timeout_ms;
	const struct wake *stop; /* may be NULL */
	smtp_trace_fn *trace;    /* may be NULL */
	void *trace_ctx;
	enum smtp_client_tls tls;
	struct tls_client *tls_client;   /* not NULL unless NONE */
	const struct tls_peer *tls_peer; /* what the peer must show; NULL:
					    nothing.  Borrowed for the call */
	struct tls_outcome *tls_outcome; /* out, also when the call fails; may
					    be NULL */
};

/*
 * Results of the calls below: 0 when the peer answered (look at *r); -1 when
 * there was no valid answer: *e is TEMP, TIMEOUT, CLOSED, PROTO or STOP, and
 * the connection is to be freed.
 */

/* smtp_client_open - connect, greeting, EHLO (HELO when EHLO is refused with
 * 5xx), or LHLO.  0 with r->code 2xx: ready.  Another code: refused; *c is
 * NULL. */
int smtp_client_open(struct smtp_client **c,
		     const struct smtp_client_options *o, struct smtp_reply *r,
		     struct err *e);

/* smtp_client_set_trace - from now on (a kept connection has another user). */
void smtp_client_set_trace(struct smtp_client *c, smtp_trace_fn *trace,
			   void *ctx);

/* smtp_client_tls - what came of TLS, for the life of c. */
const struct tls_outcome *smtp_client_tls(const struct smtp_client *c);

unsigned smtp_client_extensions(const struct smtp_client *c);

/* What the peer allows (RFC 9422); 0: it does not say. */
struct smtp_client_limits {
	unsigned recipients; /* RCPTMAX, of one transaction */
	unsigned domains;    /* RCPTDOMAINMAX, of one connection (4.3) */
	unsigned mails;      /* MAILMAX, transactions of one connection */
};
const struct smtp_client_limits *
smtp_client_limits(const struct smtp_client *c);
/* smtp_client_is_used_up - MAILMAX is reached: one more MAIL is too many. */
bool smtp_client_is_used_up(const struct smtp_client *c);

/* The domains of recipients, one after the other.  One that comes back after
 * another counts once more: never fewer than the peer counts. */
struct smtp_client_domains {
	unsigned n;
	char last[ADDRESS_SIZE];
};
/* smtp_client_count_domain - of one more recipient.  smtp_client_domains -
 * those that c has named so far. */
void smtp_client_count_domain(struct smtp_client_domains *d,
			      const char *address);
const struct smtp_client_domains *
smtp_client_domains(const struct smtp_client *c);

int64_t smtp_client_size_max(const struct smtp_client *c); /* 0: not stated */
bool smtp_client_is_idle(
    const struct smtp_client *c); /* no data pending: still usable */

/*
 * smtp_client_auth - AUTH by the strongest mechanism that is offered and
 * possible (auth/sasl_client.h).  When there is none *r is 504 5.5.4 with the
 * reason.  -1 (PROTO) also when the server cannot prove itself.
 */
int smtp_client_auth(struct smtp_client *c, const struct sasl_login *l,
		     struct smtp_reply *r, struct err *e);

/* smtp_client_offers_auth - did it offer any mechanism? */
bool smtp_client_offers_auth(const struct smtp_client *c);

/* smtp_client_command - one line, one reply (NOOP, VRFY, RSET ...). */
int smtp_client_command(struct smtp_client *c, struct smtp_reply *r,
			struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * smtp_client_send - one transaction: MAIL, RCPT for each, DATA or BDAT, the
 * message; pipelined when offered.  Each recipient's `reply` is its verdict:
 * the RCPT reply when refused, else the final reply (or the MAIL/DATA refusal).
 * In LMTP there is a final reply for each; when the connection breaks among
 * them those that came count, and nothing is known of the others. A transaction
 * that the peer may still hold open is ended with RSET.
 *
 * A message the peer cannot take is refused without asking it, in its place:
 * 552 5.3.4 (over its SIZE), 554 5.6.3 (no 8BITMIME), 553 5.6.7 (no SMTPUTF8),
 * 550 5.7.30 (no REQUIRETLS, or its TLS is not verified; but not from the null
 * path, RFC 8689 5: a report goes as safely as it can).
 *
 * ret, envid, notify and orcpt go to a peer with DSN, delivery_id to one with
 * XPOSTPAIRID; the others are not told.
 *
 * Recipients who could not be asked about within data_timeout_ms have
 * 451 4.5.3.
 *
 * 421 ends the connection, whatever it answers (RFC 5321 3.8): it is then the
 * verdict on everybody whose reply it took away, too.
 *
 * On -1 a recipient with reply.code >= 400 was refused before the failure; with
 * code 0 nothing is known: where text_sent, the peer may or may not have taken
 * the message.
 */
struct smtp_send_rcpt {
	const char *address;     /* without <> */
	unsigned notify;         /* enum dsn_notify, or 0 */
	const char *orcpt;       /* "type;xtext", or NULL */
	struct smtp_reply reply; /* out */
	/* out: what was said at RCPT itself (verified, queued for later ...),
	 * code 0 when nothing was. */
	struct smtp_reply at_rcpt;
};
struct smtp_send {
	const char *reverse_path; /* without <>; "" for the null path */
	struct smtp_send_rcpt *recipients;
	unsigned n_recipients; /* <= SMTP_HAND_OVER_MAX */
	bool eight_bit, smtputf8;
	bool require_tls; /* REQUIRETLS (RFC 8689) */
	enum dsn_ret ret;
	const char *envid;   /* xtext, or NULL */
	const char *release; /* mail/release.h, for FUTURERELEASE, or NULL */
	const char *delivery_id; /* for XPOSTPAIRID, or NULL */
	bool text_sent; /* out: the peer may have some of the message */
	int64_t size;   /* bytes of the message */
	/* read_bytes - the next piece of the message (CRLF or LF lines) into
	 * buf; returns its size, 0 at the end, -1 with *e: the connection is
	 * cut, so that no half message is ever accepted. */
	long (*read_bytes)(void *ctx, char *buf, unsigned long size,
			   struct err *e);
	void *ctx;
};
int smtp_client_send(struct smtp_client *c, struct smtp_send *m, struct err *e);

/* smtp_client_close - QUIT with a short wait when `politely`, then free. */
void smtp_client_close(struct smtp_client **c, bool politely);

#endif
