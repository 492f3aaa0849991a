#include "base/arena.h"
#include "mail/submit.h"
#include "smtp/smtp_server_private.h"

#include <errno.h>

/*
 * The transaction has one door in and one out.  txn_open fills an empty one for
 * on_mail; from the moment on_mail says yes (the state becomes SMTP_ST_MAIL)
 * only txn_reset ends it, and that is where on_reset is called: after the end
 * of data, at RSET, EHLO, QUIT, on every error and when the session's thread
 * leaves for whatever reason.  So on_reset runs exactly once for each accepted
 * on_mail.
 */

/* A recipient's two texts. */
static const size_t SLOT_BYTES = (size_t)2 * ADDRESS_SIZE;
static const size_t ORCPT_BYTES = DSN_ORCPT_MAX + 1;

static int
recipients_max(const struct smtp_session *s)
{
	return s->server->o.recipients_max;
}

int
smtp_server_txn_open(struct smtp_session *s, const char *canonical,
		     const char *text, struct err *e)
{
	size_t n = (size_t)recipients_max(s);
	size_t room =
	    n * (sizeof(struct smtp_txn_rcpt) + SLOT_BYTES + ORCPT_BYTES);

	arena_init(&s->arena, SMTP_TXN_ARENA_BYTES + room);
	s->slot = NULL;
	s->orcpt_slot = NULL;
	s->txn = (struct smtp_txn){
		.reverse_path = arena_str(&s->arena, span_of(canonical)),
		.reverse_text = arena_str(&s->arena, span_of(text)),
		.declared_size = -1,
		.arena = &s->arena,
		.recipients =
		    arena_alloc(&s->arena, n * sizeof(struct smtp_txn_rcpt)),
	};
	rand_id(s->txn.id);
	if (s->txn.reverse_path != NULL && s->txn.reverse_text != NULL &&
	    s->txn.recipients != NULL)
		return 0;
	smtp_server_txn_drop(s);
	return err_set(e, ERR_TEMP, ENOMEM, "transaction");
}

struct smtp_txn_rcpt *
smtp_server_txn_next(struct smtp_session *s, const char *canonical,
		     const char *text, struct span orcpt)
{
	struct smtp_txn_rcpt *r = &s->txn.recipients[s->txn.n_recipients];

	/* A refused recipient leaves its slot to the next one, so that a flood
	 * of refusals costs no memory. */
	if (s->slot == NULL)
		s->slot = arena_alloc(&s->arena, SLOT_BYTES);
	if (s->slot == NULL ||
	    span_copy(span_of(canonical), s->slot, ADDRESS_SIZE) != 0 ||
	    span_copy(span_of(text), s->slot + ADDRESS_SIZE, ADDRESS_SIZE) != 0)
		return NULL;
	if (orcpt.p != NULL && s->orcpt_slot == NULL)
		s->orcpt_slot = arena_alloc(&s->arena, ORCPT_BYTES);
	if (orcpt.p != NULL &&
	    (s->orcpt_slot == NULL ||
	     span_copy(orcpt, s->orcpt_slot, ORCPT_BYTES) != 0))
		return NULL;
	*r = (struct smtp_txn_rcpt){ .canonical = s->slot,
				     .text = s->slot + ADDRESS_SIZE,
				     .orcpt = orcpt.p != NULL ? s->orcpt_slot
							      : NULL };
	return r;
}

void
smtp_server_txn_accept(struct smtp_session *s)
{
	s->txn.n_recipients++;
	s->slot = NULL;
	s->orcpt_slot = NULL;
	s->state = SMTP_ST_RCPT;
}

const char *
smtp_server_with(const struct smtp_client_info *c, const struct smtp_txn *txn)
{
	return received_with((c->esmtp ? RECEIVED_ESMTP : 0) |
			     (c->lmtp ? RECEIVED_LMTP : 0) |
			     (txn->smtputf8 ? RECEIVED_UTF8 : 0) |
			     (c->tls != NULL ? RECEIVED_TLS : 0) |
			     (c->login[0] != '\0' ? RECEIVED_AUTH : 0));
}

void
smtp_server_txn_drop(struct smtp_session *s)
{
	arena_reset(&s->arena);
	s->txn = (struct smtp_txn){ 0 };
	s->slot = NULL;
	s->orcpt_slot = NULL;
	s->asked = false;
}

void
smtp_server_txn_reset(struct smtp_session *s)
{
	if ((s->state & SMTP_ST_TXN) == 0)
		return;
	s->state = SMTP_ST_READY;
	auth_results_free(&s->intake.results);
	buf_free(&s->intake.header);
	s->server->ops.on_reset(s->server->ctx, &s->txn);
	smtp_server_txn_drop(s);
}
