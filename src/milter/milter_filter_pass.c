#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "milter/milter_filter_private.h"

/* ---- the text -------------------------------------------------------------
 */

/* To the policy's on_body. */
struct sink {
	const struct milter_filter *f;
	struct smtp_txn *txn;
};

static int
put(void *sink, struct span piece, struct err *e)
{
	const struct sink *to = sink;

	return piece.n == 0 ? 0
			    : to->f->o.policy->on_body(to->f->o.policy_ctx,
						       to->txn, piece, e);
}

static int
put_header(struct sink *to, const struct milter_header *h, struct err *e)
{
	const struct smtp_server_ops *policy = to->f->o.policy;
	struct buf out;
	int rc = -1;

	buf_init(&out, HEADER_BLOCK_MAX + 2);
	if (milter_header_write(h, false, &out) != 0 ||
	    buf_add_str(&out, "\r\n") != 0)
		(void)err_set(e, ERR_TEMP, errno, "header");
	else
		rc = policy->on_header(
		    to->f->o.policy_ctx, to->txn,
		    span_head(buf_span(&out), HEADER_BLOCK_MAX),
		    out.n <= HEADER_BLOCK_MAX, e);
	/* the empty line may be what is too much */
	if (rc == 0)
		rc = put(to, span_skip(buf_span(&out), HEADER_BLOCK_MAX), e);
	buf_free(&out);
	return rc;
}

/* on_data, the bytes, on_end: of a transaction that has its recipients. */
static void
store(const struct milter_filter *f, const struct smtp_client_info *c,
      struct smtp_txn *txn, const struct milter_message *m,
      struct smtp_reply *r)
{
	const struct smtp_server_ops *policy = f->o.policy;
	struct sink to = { f, txn };
	struct buf top;
	struct err e;

	buf_init(&top, HEADER_BLOCK_MAX);
	if (milter_header_write(&m->header, true, &top) != 0) {
		(void)err_set(&e, ERR_TEMP, errno, "header");
		milter_filter_failed(c, "data", &e, r);
		goto out;
	}
	txn->top_fields = buf_span(&top);
	txn->quarantine = m->quarantine[0] != '\0' ? m->quarantine : NULL;
	if (policy->on_data != NULL)
		policy->on_data(f->o.policy_ctx, c, txn, r);
	if (!milter_filter_accepts(r))
		goto out;
	*r = (struct smtp_reply){ 0 };
	if (put_header(&to, &m->header, &e) != 0 ||
	    milter_body_each(&m->body, put, &to, &e) != 0)
		milter_filter_failed(c, "data", &e, r);
	else
		policy->on_end(f->o.policy_ctx, c, txn, r);
out:
	txn->top_fields = span_make(NULL, 0);
	txn->quarantine = NULL;
	buf_free(&top);
}

/* ---- another envelope -----------------------------------------------------
 */

/* A second transaction of the same message; its memory is the filter's. */
static int
copy_txn(struct filter_txn *t, const struct smtp_txn *txn,
	 struct smtp_txn *again)
{
	const struct milter_message *m = &t->message;
	size_t room = m->n_rcpt * sizeof(struct smtp_txn_rcpt);

	arena_init(&t->arena, SMTP_TXN_ARENA_BYTES + room);
	*again = *txn;
	again->reverse_path = m->sender_canonical;
	again->reverse_text = m->sender_text;
	again->n_recipients = 0;
	again->recipients = arena_alloc(&t->arena, room);
	again->arena = &t->arena;
	again->policy = NULL;
	again->changed = m->envelope_changed;
	return again->recipients != NULL ? 0 : -1;
}

static void
log_unwanted(const struct smtp_client_info *c, const struct smtp_txn *txn,
	     const char *address, const struct smtp_reply *r)
{
	char words[200];
	struct log_line l;

	reply_one_line(r, words, sizeof(words));
	log_begin(&l, LOG_WARN, "milter-recipient-refused");
	log_str(&l, "session", c->session);
	log_str(&l, "id", txn->id);
	log_str(&l, "rcpt", address);
	log_str(&l, "reply", words);
	log_end(&l);
}

/*
 * The recipients one after the other.  The client's own were accepted before;
 * if one is refused now, all of the message is, for the client knows only one
 * answer.  One that a milter has added and that does not exist is left out and
 * logged: it must not keep the mail of the others back for ever.
 */
static void
add_recipients(const struct milter_filter *f, const struct smtp_client_info *c,
	       struct milter_message *m, struct smtp_txn *again,
	       struct smtp_reply *r)
{
	for (unsigned i = 0; i < m->n_rcpt; i++) {
		struct milter_rcpt *one = &m->rcpt[i];
		struct smtp_txn_rcpt *slot =
		    &again->recipients[again->n_recipients];
		struct smtp_reply said = { 0 };
		one->slot = -1;
		if (one->gone)
			continue;
		*slot = (struct smtp_txn_rcpt){ .canonical = one->canonical,
						.text = one->text,
						.notify = one->notify,
						.orcpt = one->orcpt };
		f->o.policy->on_rcpt(f->o.policy_ctx, c, again, slot, &said);
		if (milter_filter_accepts(&said)) {
			one->slot = (int)again->n_recipients++;
			continue;
		}
		log_unwanted(c, again, one->canonical, &said);
		*r = said;
		if (one->from >= 0 || said.code < 500)
			return;
	}
	if (again->n_recipients > 0)
		reply_set(r, 250, NULL, "ok");
}

/* LMTP: what was said of each goes to the client's own list. */
static void
bring_back(const struct milter_message *m, const struct smtp_txn *again,
	   struct smtp_txn *txn)
{
	for (unsigned i = 0; i < m->n_rcpt; i++) {
		const struct milter_rcpt *one = &m->rcpt[i];
		if (one->from >= 0 && !one->gone && one->slot >= 0)
			txn->recipients[one->from].reply =
			    again->recipients[one->slot].reply;
	}
}

static void
store_anew(const struct milter_filter *f, const struct smtp_client_info *c,
	   struct smtp_txn *txn, struct smtp_reply *r)
{
	const struct smtp_server_ops *policy = f->o.policy;
	struct filter_txn *t = txn->filter;
	struct smtp_txn again;

	policy->on_reset(f->o.policy_ctx, txn);
	t->closed = true;
	if (copy_txn(t, txn, &again) != 0) {
		reply_set(r, 451, "4.3.0", "Out of memory, try again later");
		return;
	}
	*r = (struct smtp_reply){ 0 };
	policy->on_mail(f->o.policy_ctx, c, &again, r);
	if (!milter_filter_accepts(r))
		return;
	add_recipients(f, c, &t->message, &again, r);
	if (milter_filter_accepts(r)) {
		store(f, c, &again, &t->message, r);
		bring_back(&t->message, &again, txn);
	}
	policy->on_reset(f->o.policy_ctx, &again);
}

void
milter_filter_pass(const struct milter_filter *f,
		   const struct smtp_client_info *c, struct smtp_txn *txn,
		   struct smtp_reply *r)
{
	const struct filter_txn *t = txn->filter;

	if (t->stale || t->message.envelope_changed)
		store_anew(f, c, txn, r);
	else
		store(f, c, txn, &t->message, r);
}
