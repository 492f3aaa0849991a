#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "mail/header.h"
#include "milter/milter_filter_private.h"

enum {
	PARAMETERS_MAX = 8,
	PARAMETER_BYTES = 600,
	/* what milters may add to a message of the greatest size */
	GROWTH_MAX = 1024 * 1024,
};

/* The arguments of MAIL or RCPT as a milter gets them: the path, then each
 * parameter. */
struct arguments {
	struct span v[PARAMETERS_MAX];
	size_t n;
	char text[PARAMETERS_MAX][PARAMETER_BYTES];
};

static void put_argument(struct arguments *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
put_argument(struct arguments *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(a->text[a->n], PARAMETER_BYTES, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= PARAMETER_BYTES)
		return; /* the engine's limits are below ours */
	a->v[a->n] = span_make(a->text[a->n], (size_t)n);
	a->n++;
}

static void
mail_arguments(const struct smtp_txn *txn, struct arguments *a)
{
	a->n = 0;
	put_argument(a, "<%s>", txn->reverse_text);
	if (txn->declared_size >= 0)
		put_argument(a, "SIZE=%lld", (long long)txn->declared_size);
	if (txn->body == SMTP_BODY_8BITMIME)
		put_argument(a, "BODY=8BITMIME");
	if (txn->smtputf8)
		put_argument(a, "SMTPUTF8");
	if (txn->ret != DSN_RET_NONE)
		put_argument(a, "RET=%s", dsn_ret_text(txn->ret));
	if (txn->envid != NULL)
		put_argument(a, "ENVID=%s", txn->envid);
}

static void
rcpt_arguments(const struct smtp_txn_rcpt *rcpt, struct arguments *a)
{
	char notify[DSN_NOTIFY_SIZE];

	a->n = 0;
	put_argument(a, "<%s>", rcpt->text);
	dsn_notify_text(rcpt->notify, notify);
	if (rcpt->notify != 0)
		put_argument(a, "NOTIFY=%s", notify);
	if (rcpt->orcpt != NULL)
		put_argument(a, "ORCPT=%s", rcpt->orcpt);
}

/* ---- the envelope ---------------------------------------------------------
 */

static const char *
host_of(const char *canonical)
{
	struct span local, domain;

	address_split(canonical, &local, &domain);
	return domain.n > 0 ? domain.p : "";
}

static int
open_txn(const struct milter_filter *f, struct filter_session *s,
	 const struct smtp_client_info *c, struct smtp_txn *txn)
{
	struct filter_txn *t = calloc(1, sizeof(*t));
	int64_t max =
	    f->o.size_max > 0 ? f->o.size_max + GROWTH_MAX : INT64_MAX;

	if (t == NULL)
		return -1;
	t->session = s;
	milter_message_init(&t->message, f->o.dirfd, max);
	t->message.sender_canonical = txn->reverse_path;
	t->message.sender_text = txn->reverse_text;
	t->message.utf8 = txn->smtputf8;
	buf_init(&t->message_id, MILTER_ID_TEXT_MAX + 1);
	milter_filter_know(s, c);
	s->facts.id = txn->id;
	s->facts.mail_mailer = "smtp";
	s->facts.mail_addr = txn->reverse_path;
	s->facts.mail_host = host_of(txn->reverse_path);
	txn->filter = t;
	return 0;
}

static void
close_txn(struct smtp_txn *txn)
{
	struct filter_txn *t = txn->filter;
	struct milter_facts *facts = &t->session->facts;

	milter_chain_abort(t->session->chain);
	facts->id = facts->mail_addr = facts->mail_host = NULL;
	facts->rcpt_addr = facts->rcpt_host = facts->message_id = NULL;
	milter_message_clear(&t->message);
	buf_free(&t->message_id);
	arena_reset(&t->arena);
	free(t);
	txn->filter = NULL;
}

static void
out_of_memory(struct smtp_reply *r)
{
	reply_set(r, 451, "4.3.0", "Out of memory, try again later");
}

void
milter_filter_mail(void *ctx, const struct smtp_client_info *c,
		   struct smtp_txn *txn, struct smtp_reply *r)
{
	const struct milter_filter *f = ctx;
	struct filter_session *s = c->filter;
	struct arguments a;

	f->o.policy->on_mail(f->o.policy_ctx, c, txn, r);
	if (s == NULL || !milter_filter_accepts(r))
		return;
	if (open_txn(f, s, c, txn) != 0) {
		out_of_memory(r);
	} else {
		mail_arguments(txn, &a);
		milter_chain_mail(s->chain, a.v, a.n, r);
	}
	if (milter_filter_accepts(r))
		return;
	f->o.policy->on_reset(f->o.policy_ctx, txn);
	if (txn->filter != NULL)
		close_txn(txn);
}

void
milter_filter_rcpt(void *ctx, const struct smtp_client_info *c,
		   struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt,
		   struct smtp_reply *r)
{
	const struct milter_filter *f = ctx;
	struct filter_txn *t = txn->filter;
	struct arguments a;
	struct err e;

	f->o.policy->on_rcpt(f->o.policy_ctx, c, txn, rcpt, r);
	if (t == NULL || !milter_filter_accepts(r))
		return;
	t->session->facts.rcpt_mailer = "smtp";
	t->session->facts.rcpt_addr = rcpt->canonical;
	t->session->facts.rcpt_host = host_of(rcpt->canonical);
	rcpt_arguments(rcpt, &a);
	milter_chain_rcpt(t->session->chain, a.v, a.n, r);
	struct milter_rcpt one = { .canonical = rcpt->canonical,
				   .text = rcpt->text,
				   .notify = rcpt->notify,
				   .orcpt = rcpt->orcpt,
				   .from = (int)txn->n_recipients };
	if (milter_filter_accepts(r) &&
	    milter_message_add_rcpt(&t->message, &one, &e) != 0)
		milter_filter_failed(c, "rcpt", &e, r);
	if (!milter_filter_accepts(r))
		t->stale = true;
}

/* ---- the content ----------------------------------------------------------
 */

void
milter_filter_data(void *ctx, const struct smtp_client_info *c,
		   struct smtp_txn *txn, struct smtp_reply *r)
{
	const struct milter_filter *f = ctx;
	const struct smtp_server_ops *policy = f->o.policy;
	struct filter_txn *t = txn->filter;

	reply_set(r, 250, NULL, "ok");
	if (t != NULL) {
		milter_chain_data(t->session->chain, r);
		if (!milter_filter_accepts(r))
			return;
		t->direct = !t->stale &&
			    milter_chain_is_done(t->session->chain) &&
			    milter_chain_discards(t->session->chain) == NULL;
	}
	if ((t == NULL || t->direct) && policy->on_data != NULL)
		policy->on_data(f->o.policy_ctx, c, txn, r);
}

int
milter_filter_header(void *ctx, struct smtp_txn *txn, struct span block,
		     bool whole, struct err *e)
{
	const struct milter_filter *f = ctx;
	struct filter_txn *t = txn->filter;

	if (t == NULL || t->direct)
		return f->o.policy->on_header(f->o.policy_ctx, txn, block,
					      whole, e);
	if (!whole)
		reply_set(&t->refusal, 552, "5.3.4",
			  "Header block over %d bytes", HEADER_BLOCK_MAX);
	else if (buf_add_span(&t->message.block, block) != 0)
		return err_set(e, ERR_TEMP, errno, "header");
	return 0;
}

int
milter_filter_body(void *ctx, struct smtp_txn *txn, struct span bytes,
		   struct err *e)
{
	const struct milter_filter *f = ctx;
	struct filter_txn *t = txn->filter;

	if (t == NULL || t->direct)
		return f->o.policy->on_body(f->o.policy_ctx, txn, bytes, e);
	if (t->refusal.code != 0)
		return 0; /* read to its end, for the answer then */
	return milter_body_add(&t->message.body, bytes, e);
}

static int
mend(const struct milter_filter *f, struct filter_txn *t, struct smtp_txn *txn,
     struct err *e)
{
	struct buf out;

	if (f->o.mend == NULL)
		return 0;
	txn->mended = true;
	buf_init(&out, HEADER_BLOCK_MAX);
	if (f->o.mend(f->o.policy_ctx, txn, buf_span(&t->message.block), &out,
		      &t->refusal, e) != 0) {
		buf_free(&out);
		return -1;
	}
	buf_free(&t->message.block);
	t->message.block = out;
	return 0;
}

static void
know_message_id(struct filter_txn *t)
{
	struct header_field field;

	buf_clear(&t->message_id);
	if (header_find(buf_span(&t->message.block), "Message-ID", &field) &&
	    header_unfold(field.value, &t->message_id) == 0 &&
	    buf_add_char(&t->message_id, '\0') == 0)
		t->session->facts.message_id = t->message_id.p;
}

/*
 * Somebody else's message that the login sends on.  Milters sign what comes
 * from a login, for the domain of the author; so they are told of this one
 * again, as of a client that has not logged in.  On new connections: macros of
 * the first telling would stay.
 */
static void
tell_anew(struct filter_txn *t, const struct smtp_txn *txn,
	  struct smtp_reply *r)
{
	struct milter_facts *facts = &t->session->facts;
	struct milter_chain *chain = t->session->chain;
	struct arguments a;

	milter_chain_restart(chain);
	facts->auth_type = facts->auth_authen = facts->auth_ssf = NULL;
	mail_arguments(txn, &a);
	milter_chain_mail(chain, a.v, a.n, r);
	for (unsigned i = 0; i < t->message.n_rcpt; i++) {
		const struct milter_rcpt *one = &t->message.rcpt[i];
		const struct smtp_txn_rcpt rcpt = { .text = one->text,
						    .notify = one->notify,
						    .orcpt = one->orcpt };
		if (!milter_filter_accepts(r))
			return;
		facts->rcpt_mailer = "smtp";
		facts->rcpt_addr = one->canonical;
		facts->rcpt_host = host_of(one->canonical);
		rcpt_arguments(&rcpt, &a);
		milter_chain_rcpt(chain, a.v, a.n, r);
	}
	if (milter_filter_accepts(r))
		milter_chain_data(chain, r);
}

/* The header as the milters see it, or a refusal. */
static int
read_header(const struct milter_filter *f, struct filter_txn *t,
	    struct smtp_txn *txn, struct err *e)
{
	struct milter_message *m = &t->message;

	if (t->refusal.code != 0)
		return 0;
	if (mend(f, t, txn, e) != 0)
		return -1;
	if (t->refusal.code != 0 ||
	    milter_header_parse(&m->header, buf_span(&m->block), e) == 0)
		return 0;
	if (e->class != ERR_PERM)
		return -1;
	/* more fields than anybody counts: it has no fewer the next time */
	reply_set(&t->refusal, 552, "5.3.4", "%s", e->msg);
	return 0;
}

/* What the milters say of the whole message. */
static void
judge(const struct milter_filter *f, const struct smtp_client_info *c,
      struct smtp_txn *txn, struct smtp_reply *r)
{
	struct filter_txn *t = txn->filter;
	struct err e;

	if (read_header(f, t, txn, &e) != 0) {
		milter_filter_failed(c, "data", &e, r);
		return;
	}
	if (t->refusal.code != 0) {
		*r = t->refusal;
		return;
	}
	if (txn->redirected)
		tell_anew(t, txn, r);
	if (!milter_filter_accepts(r))
		return;
	know_message_id(t);
	milter_chain_message(t->session->chain, &t->message, r);
}

static void
log_dropped(const struct smtp_client_info *c, const struct smtp_txn *txn,
	    const char *who)
{
	struct log_line l;

	log_begin(&l, LOG_WARN, "message-discarded");
	log_str(&l, "session", c->session);
	log_str(&l, "id", txn->id);
	log_str(&l, "from", txn->reverse_path);
	log_num(&l, "rcpts", txn->n_recipients);
	log_str(&l, "milter", who != NULL ? who : "no-recipient-left");
	log_end(&l);
}

void
milter_filter_end(void *ctx, const struct smtp_client_info *c,
		  struct smtp_txn *txn, struct smtp_reply *r)
{
	const struct milter_filter *f = ctx;
	struct filter_txn *t = txn->filter;

	if (t == NULL || t->direct) {
		f->o.policy->on_end(f->o.policy_ctx, c, txn, r);
		return;
	}
	reply_set(r, 250, "2.0.0", "%s accepted", txn->id);
	const char *who = milter_chain_discards(t->session->chain);
	if (who == NULL || t->refusal.code != 0) {
		judge(f, c, txn, r);
		who = milter_chain_discards(t->session->chain);
	}
	if (!milter_filter_accepts(r))
		return;
	/* A discarded message is one that was asked to vanish. */
	if (who != NULL || milter_message_recipients(&t->message) == 0)
		log_dropped(c, txn, who);
	else
		milter_filter_pass(f, c, txn, r);
}

void
milter_filter_reset(void *ctx, struct smtp_txn *txn)
{
	const struct milter_filter *f = ctx;
	struct filter_txn *t = txn->filter;

	if (t == NULL || !t->closed)
		f->o.policy->on_reset(f->o.policy_ctx, txn);
	if (t != NULL)
		close_txn(txn);
}
