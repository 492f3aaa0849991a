#ifndef PP_POP3_CLIENT_PRIVATE_H
#define PP_POP3_CLIENT_PRIVATE_H

/*
 * Shared by the parts of the POP3 client: pop3_client.c (session and lines),
 * pop3_client_tls.c, pop3_client_login.c, and pop3_client_mail.c (lists and
 * messages).
 */
#include "net/stream.h"
#include "pop3/pop3_client.h"

enum {
	POP3_CLIENT_COMMAND_MAX = 253, /* RFC 2449 4: 255 octets with CRLF */
};

struct pop3_client {
	struct stream *s;
	int64_t command_timeout_ms, data_timeout_ms;
	pop3_trace_fn *trace;
	void *trace_ctx;
	unsigned caps;
	bool caps_known;      /* CAPA was answered */
	char mechanisms[512]; /* of SASL */
	struct tls_outcome tls;
};

/* pop3_client_trace - one line, or remark, for whoever listens. */
void pop3_client_trace(struct pop3_client *c, char direction, struct span line);

/* pop3_client_encrypt - the handshake, now. */
int pop3_client_encrypt(struct pop3_client *c,
			const struct pop3_client_options *o, struct err *e);

/* pop3_client_stls - STLS and the handshake, as far as o->tls asks for it;
 * c->tls tells what came of it. */
int pop3_client_stls(struct pop3_client *c, const struct pop3_client_options *o,
		     struct err *e);

/* pop3_client_deadline - now + timeout; negative stays "never". */
int64_t pop3_client_deadline(int64_t timeout_ms);

/* pop3_client_put - buffer a command line; `shown` is what the trace may see
 * of it (NULL: all).  PERM when it holds a line end. */
int pop3_client_put(struct pop3_client *c, const char *line, const char *shown,
		    struct err *e);
int pop3_client_flush(struct pop3_client *c, struct err *e);

/* pop3_client_reply - read one status line. */
int pop3_client_reply(struct pop3_client *c, struct pop3_reply *r,
		      struct err *e);

/* pop3_client_challenge - read the answer to a step of AUTH (RFC 5034 4): with
 * "+ ..." *challenge is what follows (it lives until the next read), else it is
 * NULL and *r is the status line. */
int pop3_client_challenge(struct pop3_client *c, struct pop3_reply *r,
			  struct span *challenge, struct err *e);

/* pop3_client_note_sasl - what follows SASL in the reply to CAPA. */
void pop3_client_note_sasl(struct pop3_client *c, struct span mechanisms);

/* pop3_client_ask - put, flush, reply. */
int pop3_client_ask(struct pop3_client *c, const char *line, const char *shown,
		    struct pop3_reply *r, struct err *e);

/* pop3_client_listing - read lines up to ".", take(ctx, line) for each; more
 * than `max` is LIMIT. */
int pop3_client_listing(struct pop3_client *c, uint32_t max,
			int (*take)(void *ctx, struct span line, struct err *e),
			void *ctx, struct err *e);

#endif
