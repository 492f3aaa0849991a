#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "mail/header.h"
#include "mail/release.h"
#include "mail/submit.h"
#include "sender/route.h"
#include "sender/sender_policy_private.h"

/*
 * What the submission service (RFC 6409) accepts.  A message passes in three
 * steps: its header block is mended and written to the spool under a Received
 * line of ours; the body follows piece by piece; at the end the spool makes it
 * durable, and only then the client hears 250.
 */

/* Room for what the mending adds: Received, Date, From, Message-ID. */
enum { HEADER_OUT_MAX = HEADER_BLOCK_MAX + 16 * 1024 };

/* ---- envelope -----------------------------------------------------------
 */

/* A program knows its user's name on this machine, and not his address. */
static void
use_own_address(const struct sender *s, const struct smtp_client_info *c,
		struct smtp_txn *txn)
{
	const char *own =
	    local_users_address(s->local_users, c->uid, txn->reverse_path);

	if (own != NULL)
		txn->reverse_path = txn->reverse_text = own;
}

/* May it begin?  If not, *r says why. */
static bool
begin_message(struct submission *m, const struct smtp_txn *txn,
	      struct smtp_reply *r)
{
	if (txn->reverse_path[0] != '\0' && !txn->changed &&
	    !sender_author_owns(m, txn->reverse_path)) {
		reply_set(r, 550, "5.7.1", "<%s> is not an address of %s",
			  txn->reverse_text, m->login);
		return false;
	}
	if (!scheduler_has_room(m->sender->scheduler)) {
		reply_set(r, 452, "4.3.1", "The queue is full, try later");
		return false;
	}
	m->counted = sender_author_take(m, LOGIN_MESSAGES, r) == 0;
	return m->counted;
}

static void
sender_on_mail(void *ctx, const struct smtp_client_info *c,
	       struct smtp_txn *txn, struct smtp_reply *r)
{
	struct sender *s = ctx;

	/*
	 * RFC 6409 6.1: only as oneself.  The null path stays allowed: a mail
	 * program sends its disposition notifications with it (RFC 8098 3).
	 * What a filter of ours has made of it is the administrator's wish.
	 */
	if (c->is_unix && !txn->changed)
		use_own_address(s, c, txn);
	struct submission *m = calloc(1, sizeof(*m));
	if (m == NULL) {
		reply_set(r, 451, "4.3.0", "Out of memory, try later");
		return;
	}
	m->sender = s;
	m->login = c->login;
	m->is_unix = c->is_unix;
	m->uid = c->uid;
	if (!begin_message(m, txn, r)) {
		free(m);
		return;
	}
	memcpy(m->id, txn->id, sizeof(m->id));
	sender_handed_name(c, txn, m->handed);
	trail_hop_begin(&m->hop);
	txn->policy = m;
	reply_set(r, 250, "2.1.0", "<%s> ok", txn->reverse_text);
	submission_trail_mail(&m->hop, c, txn, r);
}

static void
sender_on_reset(void *ctx, struct smtp_txn *txn)
{
	struct submission *m = txn->policy;

	if (m == NULL)
		return;
	sender_author_give(m);
	if (m->claimed)
		sender_handed_drop(ctx, m->handed, txn, txn->n_recipients);
	spool_abort(&m->writer);
	trail_hop_clear(&m->hop);
	free(m);
	txn->policy = NULL;
}

static void
put_answer(enum verify_answer answer, const char *address,
	   const struct smtp_reply *said, struct smtp_reply *r)
{
	char text[300];

	switch (answer) {
	case VERIFY_YES:
	case VERIFY_NO: /* the receiver's own words */
		*r = *said;
		return;
	case VERIFY_LATER:
		reply_one_line(said, text, sizeof(text));
		reply_set(r, 250, "2.1.5",
			  "<%s> accepted, receiver says %s: queued", address,
			  text);
		return;
	case VERIFY_UNREACHABLE:
		reply_set(r, 250, "2.1.5",
			  "<%s> accepted, receiver unreachable now: queued",
			  address);
		return;
	}
}

static void
answer_rcpt(struct sender *s, struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt,
	    bool *known, struct smtp_reply *r)
{
	const struct submission *m = txn->policy;
	struct span local, domain;
	struct smtp_reply said;
	struct way way;

	if (strchr(rcpt->canonical, '@') == NULL) {
		/* RFC 5321 4.5.1 */
		rcpt->canonical = rcpt->text =
		    arena_str(txn->arena, span_of(s->postmaster));
		if (rcpt->text == NULL) {
			reply_set(r, 452, "4.5.3", "Too many recipients");
			return;
		}
	}
	address_split(rcpt->canonical, &local, &domain);
	char *name = arena_str(txn->arena, domain);
	if (name == NULL) {
		reply_set(r, 452, "4.5.3", "Too many recipients");
		return;
	}
	rcpt->policy = name;
	*known = m != NULL && sender_handed_is_known(s, m->handed, rcpt->text);
	if (*known) {
		reply_set(r, 250, "2.1.5", "<%s> has it", rcpt->text);
		return;
	}
	if (!routes_find(s->routes, txn->reverse_path, name, &way)) {
		reply_set(r, 550, "5.1.2", "No route to the domain of <%s>",
			  rcpt->text);
		return;
	}
	if (!s->o->verify || !route_may_ask(&way.route)) {
		reply_set(r, 250, "2.1.5", "<%s> accepted", rcpt->text);
		return;
	}
	enum verify_answer answer =
	    verify_ask(s->verify, &way, rcpt->text, rcpt->canonical, &said);
	put_answer(answer, rcpt->text, &said, r);
}

static void
sender_on_rcpt(void *ctx, const struct smtp_client_info *c,
	       struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt,
	       struct smtp_reply *r)
{
	struct submission *m = txn->policy;
	bool known = false; /* and counted, when it was taken */

	(void)c;
	answer_rcpt(ctx, txn, rcpt, &known, r);
	if (m == NULL)
		return;
	if (r->code / 100 == 2 && !known &&
	    sender_author_take(m, LOGIN_RECIPIENTS, r) == 0)
		m->counted_rcpts++;
	submission_trail_rcpt(&m->hop, rcpt, r);
}

static void
sender_on_data(void *ctx, const struct smtp_client_info *c,
	       struct smtp_txn *txn, struct smtp_reply *r)
{
	struct sender *s = ctx;
	struct submission *m = txn->policy;

	m->arrival_s = clock_wall_s();
	m->received = (struct received_facts){
		.helo = c->helo,
		.address = c->is_unix ? "" : c->address,
		.by = s->hostname,
		.with = smtp_server_with(c, txn),
		.tls_cipher = c->tls == NULL ? NULL : c->tls->suite,
		.id = m->id,
		.for_rcpt =
		    txn->n_recipients == 1 ? txn->recipients[0].text : NULL,
		.wall_s = m->arrival_s,
	};
	reply_set(r, 250, "2.0.0", "ok");
}

/* ---- header -------------------------------------------------------------
 */

static int
begin_spool(struct submission *m, const struct smtp_txn *txn, struct span block,
	    struct err *e)
{
	struct spool_to *to = calloc(txn->n_recipients, sizeof(*to));
	struct spool_envelope env = { .id = m->id,
				      .arrival_s = m->arrival_s,
				      .reverse_path = txn->reverse_text,
				      .smtputf8 = sender_wish_utf8(txn, block),
				      .tls = sender_wish_tls(txn, block),
				      .ret = txn->ret,
				      .envid = txn->envid,
				      .login = m->login,
				      .release_s = txn->release_s,
				      .release = txn->release,
				      .held = txn->quarantine != NULL,
				      .handed = m->handed[0] != '\0' ? m->handed
								     : NULL,
				      .to = to };
	bool *known = calloc(txn->n_recipients, sizeof(*known));
	int rc = -1;

	if (to == NULL || known == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "queue");
		goto out;
	}
	if (env.handed != NULL) {
		if (sender_handed_claim(m->sender, m->handed, txn, known, e) !=
		    0)
			goto out;
		m->claimed = true;
	}
	for (unsigned i = 0; i < txn->n_recipients; i++) {
		const struct smtp_txn_rcpt *from = &txn->recipients[i];
		if (known[i])
			continue;
		to[env.n_to++] =
		    (struct spool_to){ .address = from->text,
				       .domain = from->policy,
				       .notify = (uint8_t)from->notify,
				       .orcpt = from->orcpt };
	}
	if (env.n_to == 0) { /* all have it: the rest is read and dropped */
		reply_set(&m->refusal, 250, "2.0.0", "Taken before");
		rc = 0;
	} else {
		rc = spool_begin(&m->writer, m->sender->spool, &env, e);
	}
out:
	free(known);
	free(to);
	return rc;
}

/* Is the message to be refused for its header?  RFC 5321 6.3: loops. */
static bool
is_refused(struct submission *m, struct span block)
{
	unsigned hops = header_count(block, "Received");

	if (hops < SMTP_RECEIVED_MAX)
		return false;
	reply_set(&m->refusal, 554, "5.4.6",
		  "Too many hops: %u Received fields", hops);
	return true;
}

/* Mend the block and put it on top of the spool file.  What a filter of ours
 * has made of the header is the administrator's wish. */
static int
write_header(struct submission *m, const struct smtp_txn *txn,
	     struct span block, struct err *e)
{
	struct from_header from = { .needs_sender = false };
	struct submit_facts f = { .id = m->id,
				  .host = m->sender->hostname,
				  .reverse_path = txn->reverse_text,
				  .wall_s = m->arrival_s };
	struct buf out;
	int rc = -1;

	if (!txn->mended &&
	    sender_author_check(m->sender, txn, block, &from, &m->refusal) != 0)
		return 0;
	f.sender = from.needs_sender ? from.login : NULL;
	buf_init(&out, HEADER_OUT_MAX + txn->top_fields.n);
	if (buf_add_span(&out, txn->top_fields) != 0 ||
	    received_format(&m->received, &out) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "Received field");
		goto out;
	}
	if (submit_fix_header(block, &f, &out, e) != 0) {
		rc = sender_header_refused(e, &m->refusal) ? 0 : -1;
		goto out;
	}
	if (begin_spool(m, txn, block, e) != 0)
		goto out;
	rc = m->refusal.code != 0 ? 0
				  : spool_write(m->writer, buf_span(&out), e);
out:
	buf_free(&out);
	return rc;
}

static int
sender_on_header(void *ctx, struct smtp_txn *txn, struct span block, bool whole,
		 struct err *e)
{
	struct submission *m = txn->policy;

	(void)ctx;
	if (!whole)
		reply_set(&m->refusal, 552, "5.3.4",
			  "Header block over %d bytes", HEADER_BLOCK_MAX);
	return !whole || is_refused(m, block) ? 0
					      : write_header(m, txn, block, e);
}

static int
sender_on_body(void *ctx, struct smtp_txn *txn, struct span bytes,
	       struct err *e)
{
	struct submission *m = txn->policy;

	(void)ctx;
	return m->refusal.code != 0 ? 0 : spool_write(m->writer, bytes, e);
}

/* ---- end ----------------------------------------------------------------
 */

static void
log_queued(const struct smtp_client_info *c, const struct spool_msg *msg,
	   const char *why)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "queued");
	log_str(&l, "session", c->session);
	log_str(&l, "id", msg->id);
	log_str(&l, "login", c->login);
	log_str(&l, "from", msg->reverse_path);
	log_num(&l, "rcpts", msg->n_recipients);
	log_num(&l, "size", msg->size);
	if (why != NULL)
		log_str(&l, "held", why);
	log_end(&l);
}

/* Its first word is the id (doc/extensions.md, XQUEUE). */
static void
put_queued(const struct spool_msg *msg, bool wait, struct smtp_reply *r)
{
	char date[RELEASE_DATE_SIZE];

	release_date_format(msg->release_s, date);
	reply_set(r, 250, "2.0.0", "%s queued%s%s", msg->id,
		  wait ? ", to be released at " : "", wait ? date : "");
}

static void
take_message(struct sender *s, const struct smtp_client_info *c,
	     struct smtp_txn *txn, struct smtp_reply *r)
{
	struct submission *m = txn->policy;
	struct spool_msg *msg = NULL;
	struct err e;

	if (m->refusal.code != 0) {
		*r = m->refusal;
		return;
	}
	if (spool_commit(&m->writer, &msg, &e) != 0) {
		log_failure(LOG_ERROR, "not-queued", "session", c->session, &e);
		reply_from_err(r, &e);
		return;
	}
	m->queued = true;
	log_queued(c, msg, txn->quarantine);
	/* before anybody can deliver it and write the next hop */
	submission_trail_data(&m->hop, msg->size);
	trail_write(s->trail, m->id, &m->hop);
	bool wait = msg->release_s > clock_wall_s();
	put_queued(msg, wait, r);
	/* Durable from here: without memory for it now, the next start finds
	 * it. */
	bool cut_through = s->o->deliver == SENDER_CUT_THROUGH && !wait &&
			   txn->quarantine == NULL &&
			   msg->n_recipients == txn->n_recipients;
	int rc = cut_through ? sender_cut_through(s, &msg, txn, r, &e)
			     : scheduler_add(s->scheduler, &msg, &e);
	if (rc != 0) {
		log_failure(LOG_ERROR, "queued-for-restart", "id", m->id, &e);
		spool_msg_free(&msg);
	}
}

static void
sender_on_end(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	      struct smtp_reply *r)
{
	struct submission *m = txn->policy;
	struct sender *s = ctx;

	take_message(s, c, txn, r);
	if (r->code / 100 != 2 || m->refusal.code != 0)
		return; /* nobody was told an id */
	submission_trail_reply(&m->hop, r);
	trail_write(s->trail, m->id, &m->hop);
}

const struct smtp_server_ops *
sender_policy_ops(void)
{
	static const struct smtp_server_ops ops = {
		.on_mail = sender_on_mail,
		.on_rcpt = sender_on_rcpt,
		.on_data = sender_on_data,
		.on_header = sender_on_header,
		.on_body = sender_on_body,
		.on_end = sender_on_end,
		.on_reset = sender_on_reset,
		.on_queue = sender_on_queue,
	};

	return &ops;
}
