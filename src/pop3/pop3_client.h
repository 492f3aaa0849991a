#ifndef PP_POP3_CLIENT_H
#define PP_POP3_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/sasl_client.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/thread.h"
#include "net/tls_outcome.h"

/*
 * The POP3 client side (RFC 1939, 2449, 2595, 5034, 6856), for the shell.
 * Blocking, bounded; the server's replies are hostile input.  Thread: one at a
 * time.
 */
struct pop3_client;

enum pop3_cap {
	POP3_CAP_TOP = 1,
	POP3_CAP_UIDL = 2,
	POP3_CAP_USER = 4,
	POP3_CAP_SASL = 8,
	POP3_CAP_PIPELINING = 16,
	POP3_CAP_UTF8 = 32,
	POP3_CAP_RESP_CODES = 64,
	POP3_CAP_STLS = 128,
};

enum {
	POP3_REPLY_SIZE = 513,
	POP3_UIDL_SIZE = 71,
	POP3_HEADER_MAX = 256 * 1024, /* bytes of a header pop3_client_tops
					 gives; a longer one is cut there */
};

/* A status line: "+OK text" / "-ERR [CODE] text". */
struct pop3_reply {
	bool ok;
	bool unasked;       /* refused by this side: the server said nothing */
	char resp_code[32]; /* "IN-USE", "AUTH", "SYS/TEMP"; "" when none */
	char text[POP3_REPLY_SIZE];
};

/* direction '>' sent, '<' received, '=' a remark on TLS; secrets are "***" */
typedef void pop3_trace_fn(void *ctx, char direction, struct span line);

enum pop3_client_tls {
	POP3_TLS_NONE,     /* in the clear, whatever is offered */
	POP3_TLS_MAY,      /* STLS where it is offered and not refused */
	POP3_TLS_MUST,     /* STLS, or no connection: -1 (TEMP) */
	POP3_TLS_IMPLICIT, /* from the first byte (RFC 8314 3.3) */
};

struct pop3_client_options {
	const char *host;
	uint16_t port;
	int64_t connect_timeout_ms, command_timeout_ms, data_timeout_ms;
	const struct wake *stop; /* may be NULL */
	pop3_trace_fn *trace;    /* may be NULL */
	void *trace_ctx;
	enum pop3_client_tls tls;
	struct tls_client *tls_client;   /* not NULL unless NONE */
	const struct tls_peer *tls_peer; /* what the peer must show; NULL:
					    nothing.  Borrowed for the call */
	struct tls_outcome *tls_outcome; /* out, also when the call fails; may
					    be NULL */
};

/* All return 0 when the server answered (look at r->ok), -1 without a valid
 * answer (*e TEMP, TIMEOUT, CLOSED, PROTO, LIMIT, STOP): then free it. */

/* pop3_client_open - connect, greeting, CAPA; with TLS the handshake and, after
 * STLS, CAPA once more: what was said in clear text is forgotten. */
int pop3_client_open(struct pop3_client **c,
		     const struct pop3_client_options *o, struct pop3_reply *r,
		     struct err *e);

/* pop3_client_tls - what came of TLS, for the life of c. */
const struct tls_outcome *pop3_client_tls(const struct pop3_client *c);

unsigned pop3_client_capabilities(const struct pop3_client *c);

/* pop3_client_login - AUTH by the strongest mechanism that is offered and
 * possible (auth/sasl_client.h), else USER and PASS.  When neither will do *r
 * is a refusal with the reason.  -1 (PROTO) also when the server cannot prove
 * itself. */
int pop3_client_login(struct pop3_client *c, const struct sasl_login *l,
		      struct pop3_reply *r, struct err *e);

int pop3_client_stat(struct pop3_client *c, uint32_t *count, uint64_t *bytes,
		     struct pop3_reply *r, struct err *e);

/* pop3_client_list - LIST and UIDL (pipelined when offered) into a malloc'ed
 * array of all messages; at most `max` (else LIMIT). */
struct pop3_item {
	uint32_t number;
	uint64_t bytes;
	char uidl[POP3_UIDL_SIZE]; /* "" when the server has no UIDL */
};
int pop3_client_list(struct pop3_client *c, uint32_t max,
		     struct pop3_item **items, uint32_t *n,
		     struct pop3_reply *r, struct err *e);

/* pop3_client_top - header (and `lines` body lines) of message n, appended to
 * *out with CRLF; out->max bounds it (LIMIT). */
int pop3_client_top(struct pop3_client *c, uint32_t n, uint32_t lines,
		    struct buf *out, struct pop3_reply *r, struct err *e);

/* pop3_client_tops - header of each of n messages, pipelined when offered;
 * got(ctx, number, header) for each; a refused one gets an empty span.  Where
 * the server has no TOP the message is read and `header` begins with its
 * header.  got returning -1 ends the connection (TEMP). */
int pop3_client_tops(struct pop3_client *c, const uint32_t *numbers, uint32_t n,
		     int (*got)(void *ctx, uint32_t number, struct span header),
		     void *ctx, struct err *e);

/* pop3_client_retr - the whole message, given in pieces to write(ctx, ..),
 * CRLF, dots removed; write returning -1 ends the connection. */
int pop3_client_retr(struct pop3_client *c, uint32_t n,
		     int (*write)(void *ctx, struct span bytes, struct err *e),
		     void *ctx, struct pop3_reply *r, struct err *e);

/* pop3_client_command - one line, one status line: DELE, RSET, NOOP. */
int pop3_client_command(struct pop3_client *c, struct pop3_reply *r,
			struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* pop3_client_quit - QUIT: *r tells whether the deletions took effect; frees.
 */
int pop3_client_quit(struct pop3_client **c, struct pop3_reply *r,
		     struct err *e);
void pop3_client_free(struct pop3_client **c); /* cut without QUIT */

#endif
