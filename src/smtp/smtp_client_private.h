#ifndef PP_SMTP_CLIENT_PRIVATE_H
#define PP_SMTP_CLIENT_PRIVATE_H

#include "net/stream.h"
#include "smtp/smtp_client.h"

/* Shared by smtp_client.c (connection), smtp_client_send.c (transaction) and
 * smtp_client_chunk.c (the same with BDAT). */
enum { SMTP_CLIENT_MECHANISMS_SIZE = 512 };

struct smtp_client {
	struct stream *stream;
	int64_t command_timeout_ms, data_timeout_ms, final_timeout_ms;
	smtp_trace_fn *trace;
	void *trace_ctx;
	bool dead; /* no valid answer came: never used again */
	bool deaf; /* a reply had no clear end: none is read behind it */
	/* a write failed, or the peer spoke before it was its turn: nothing
	 * more is sent, and what it has said is read */
	bool unsent;
	bool at_end; /* the reply to the end of a message is read */
	/* all of a message went out before the replies to its envelope: who
	 * leaves now does not know what became of it */
	bool text_gone;
	bool lmtp;
	unsigned extensions;
	int64_t size_max;
	struct smtp_client_limits limits;
	unsigned mails; /* MAIL commands so far */
	struct smtp_client_domains domains;
	char mechanisms[SMTP_CLIENT_MECHANISMS_SIZE]; /* of AUTH */
	struct tls_outcome tls;
};

/* smtp_client_deadline - of a command and its reply.  smtp_client_deadline_last
 * - of a reply to a message that was sent.  smtp_client_deadline_step - of one
 * step of a message that must be done by deadline_ms.  smtp_client_deadline_end
 * - of the reply to the end of a message that was put just now; waits until the
 * peer's system has taken it. */
int64_t smtp_client_deadline(const struct smtp_client *c);
int64_t smtp_client_deadline_last(const struct smtp_client *c);
int64_t smtp_client_deadline_step(const struct smtp_client *c,
				  int64_t deadline_ms);
int64_t smtp_client_deadline_end(struct smtp_client *c, int64_t deadline_ms);

/* smtp_client_put - one command line into the output buffer. */
int smtp_client_put(struct smtp_client *c, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* smtp_client_put_secret - a line that the trace must not see. */
int smtp_client_put_secret(struct smtp_client *c, struct span line,
			   struct err *e);

/* smtp_client_note_auth - what follows AUTH in the reply to EHLO. */
void smtp_client_note_auth(struct smtp_client *c, struct span mechanisms);

/* smtp_client_verdict - flush, then read one reply that must be 2xx, 4xx, 5xx,
 * or exactly `also` (0: none); `what` names the command for an error. */
int smtp_client_verdict(struct smtp_client *c, int64_t deadline_ms, int also,
			const char *what, struct smtp_reply *r, struct err *e);

/* smtp_client_final - the same for the reply that ends a message.  A yes counts
 * only to who has been sent all of it. */
int smtp_client_final(struct smtp_client *c, int64_t deadline_ms,
		      const char *what, struct smtp_reply *r, struct err *e);

/* smtp_client_hear_out - a write failed as *e says: what the peer has said may
 * tell why.  False: not by its doing. */
bool smtp_client_hear_out(struct smtp_client *c, const struct err *e);

/* ---- a transaction --------------------------------------------------------
 */

/* How far an envelope is. */
struct smtp_client_envelope {
	struct smtp_reply mail; /* code 0: not read yet */
	unsigned put, read;     /* recipients, and replies to them */
	unsigned accepted;
};

/* smtp_client_put_envelope - MAIL and RCPT for each, with all replies but those
 * to the last group; there is none left when the rest is not asked about.
 * smtp_client_read_envelope - the replies that are left. */
int smtp_client_put_envelope(struct smtp_client *c, struct smtp_send *m,
			     struct smtp_client_envelope *v, struct err *e);
int smtp_client_read_envelope(struct smtp_client *c, struct smtp_send *m,
			      struct smtp_client_envelope *v, struct err *e);

/* smtp_client_is_hopeless - nobody will be accepted any more. */
bool smtp_client_is_hopeless(const struct smtp_client_envelope *v);

/* smtp_client_break - the connection broke before the message was sent: 0 when
 * all verdicts are known all the same, or -1. */
int smtp_client_break(struct smtp_send *m,
		      const struct smtp_client_envelope *v);

/* smtp_client_refuse_all - MAIL was refused.  smtp_client_refuse_open - this is
 * the verdict on everybody who was not refused. */
void smtp_client_refuse_all(struct smtp_send *m, const struct smtp_reply *mail);
void smtp_client_refuse_open(struct smtp_send *m, const struct smtp_reply *r);

/* smtp_client_read_verdicts - LMTP: one for each who was accepted. */
int smtp_client_read_verdicts(struct smtp_client *c, struct smtp_send *m,
			      struct err *e);

/* smtp_client_end_transaction - RSET, for what the peer may hold open. */
void smtp_client_end_transaction(struct smtp_client *c);

/* smtp_client_may_chunk - is BDAT the way for this message and this peer?
 * smtp_client_send_chunks - smtp_client_send by it. */
bool smtp_client_may_chunk(const struct smtp_client *c,
			   const struct smtp_send *m);
int smtp_client_send_chunks(struct smtp_client *c, struct smtp_send *m,
			    struct err *e);

/* smtp_client_trace - one line, or remark, for whoever listens. */
void smtp_client_trace(const struct smtp_client *c, char direction,
		       struct span line);

/* smtp_client_encrypt - the handshake, now. */
int smtp_client_encrypt(struct smtp_client *c,
			const struct smtp_client_options *o, struct err *e);

/* smtp_client_starttls - STARTTLS and the handshake, as far as o->tls asks for
 * it; c->tls tells what came of it.  -1: the connection is over. */
int smtp_client_starttls(struct smtp_client *c,
			 const struct smtp_client_options *o, struct err *e);

#endif
