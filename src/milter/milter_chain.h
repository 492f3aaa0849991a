#ifndef PP_MILTER_MILTER_CHAIN_H
#define PP_MILTER_MILTER_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/thread.h"
#include "mail/status.h"
#include "milter/milter_macro.h"
#include "milter/milter_message.h"
#include "milter/milter_setup.h"

/*
 * struct milter_chain - the milters of one SMTP session, asked in their order;
 * the first refusal is the answer.  A message's content goes to one after the
 * other, and each sees the header and the body as the ones before it have left
 * them.
 *
 * A milter that cannot be asked, dies, is late or breaks the protocol answers
 * with its fallback (enum milter_fallback), for the rest of the message; with
 * the next message it is asked anew.  It never decides anything by dying: what
 * it had wanted to change is forgotten.  One thread at a time.
 */
struct milter_chain;

struct milter_client {
	const char *session; /* for logs */
	const char *helo;    /* "" when there was none yet */
	uint16_t port;
	const struct wake *stop; /* may be NULL */
};

/* milter_chain_new - takes a reference to setup.  *f is borrowed: the caller
 * fills it in before each call below and it outlives the chain. */
int milter_chain_new(struct milter_chain **c, struct milter_setup *setup,
		     struct milter_facts *f, const struct milter_client *client,
		     struct err *e);
void milter_chain_free(struct milter_chain **c); /* NULL-safe */

/* Each of these leaves *r as it is, or puts a refusal there (4xx, 5xx). */
void milter_chain_connect(struct milter_chain *c, struct smtp_reply *r);
void milter_chain_helo(struct milter_chain *c, const char *name,
		       struct smtp_reply *r);
void milter_chain_unknown(struct milter_chain *c, struct span line,
			  struct smtp_reply *r);

/* milter_chain_mail - begins a message; milter_chain_abort ends it, whatever
 * was answered.  path: "<a@b>"; the parameters follow. */
void milter_chain_mail(struct milter_chain *c, const struct span *text,
		       size_t n, struct smtp_reply *r);
void milter_chain_rcpt(struct milter_chain *c, const struct span *text,
		       size_t n, struct smtp_reply *r);
void milter_chain_data(struct milter_chain *c, struct smtp_reply *r);

/* milter_chain_message - its content; *m is changed as the milters want it. */
void milter_chain_message(struct milter_chain *c, struct milter_message *m,
			  struct smtp_reply *r);

/* milter_chain_discards - who wants this message thrown away: a milter's name,
 * or NULL. */
const char *milter_chain_discards(const struct milter_chain *c);

/* milter_chain_is_done - nobody has to be shown the content: all are content
 * with the message as it is. */
bool milter_chain_is_done(const struct milter_chain *c);

void milter_chain_abort(struct milter_chain *c);

/* milter_chain_restart - end every connection, and the message with it: the
 * next milter_chain_mail begins anew, with what the facts say by then. */
void milter_chain_restart(struct milter_chain *c);

#endif
