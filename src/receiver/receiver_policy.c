#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/submit.h"
#include "receiver/received_count.h"
#include "receiver/receiver_private.h"
#include "store/delivery.h"

/* Mailboxes of one message, after aliases. */
enum { MAILBOXES_MAX = 1000, TRACE_MAX = 8192 };

/* What we know of a transaction; in its arena. */
struct incoming {
	struct receiver_rules *rules;
	char id[RAND_ID_SIZE];
	const char **mailbox; /* canonical, each once; in the arena */
	size_t n, cap;
	struct delivery *delivery;
	char delivery_id[IDS_TEXT_MAX + 1];
	struct received_count received;
};

static void
log_message(const struct smtp_client_info *c, const struct incoming *in,
	    const struct smtp_txn *txn, const struct smtp_reply *r,
	    const struct err *e)
{
	char verdict[256];
	struct log_line l;

	reply_one_line(r, verdict, sizeof(verdict));
	log_begin(&l, e == NULL ? LOG_INFO : LOG_ERROR, "message");
	log_str(&l, "session", c->session);
	log_str(&l, "id", in->id);
	log_str(&l, "from", txn->reverse_path);
	log_num(&l, "mailboxes", (int64_t)in->n);
	if (in->delivery != NULL)
		log_num(&l, "size", delivery_size(in->delivery));
	if (in->delivery != NULL && delivery_repeated(in->delivery) > 0)
		log_num(&l, "repeated",
			(int64_t)delivery_repeated(in->delivery));
	log_str(&l, "reply", verdict);
	if (e != NULL)
		log_err(&l, e);
	log_end(&l);
}

static void
refuse(struct smtp_reply *r, const struct smtp_client_info *c, const char *what,
       const char *address, const struct err *e)
{
	struct log_line l;

	reply_from_err(r, e);
	log_begin(&l, LOG_ERROR, "receive-failed");
	log_str(&l, "session", c->session);
	log_str(&l, "step", what);
	log_str(&l, "address", address);
	log_err(&l, e);
	log_end(&l);
}

static void
out_of_memory(struct smtp_reply *r)
{
	reply_set(r, 452, "4.3.1", "out of memory, try again later");
}

static void
on_mail(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_reply *r)
{
	struct incoming *in = arena_alloc(txn->arena, sizeof(*in));

	(void)c;
	if (in == NULL) {
		out_of_memory(r);
		return;
	}
	in->rules = receiver_rules_now(ctx);
	memcpy(in->id, txn->id, sizeof(in->id));
	txn->policy = in;
	reply_set(r, 250, "2.1.0", "sender ok");
}

/* ---- recipients -----------------------------------------------------------
 */

static bool
has_mailbox(const struct incoming *in, const char *address)
{
	for (size_t i = 0; i < in->n; i++) {
		if (strcmp(in->mailbox[i], address) == 0)
			return true;
	}
	return false;
}

/* Room in the array for one more. */
static int
grow(struct incoming *in, struct arena *arena)
{
	if (in->n < in->cap)
		return 0;
	size_t cap = in->cap == 0 ? 8 : in->cap * 2;
	const char **more = arena_alloc(arena, cap * sizeof(*more));
	if (cap > MAILBOXES_MAX || more == NULL)
		return -1;
	if (in->n > 0)
		memcpy(more, in->mailbox, in->n * sizeof(*more));
	in->mailbox = more;
	in->cap = cap;
	return 0;
}

/* 1 when this user's mailbox cannot take so many bytes more, 0, or -1. */
static int
is_over_quota(struct receiver *r, const struct user *user, int64_t more,
	      struct err *e)
{
	struct maildir m = MAILDIR_CLOSED;
	int64_t used = 0;

	if (user->quota_bytes <= 0)
		return 0;
	if (maildir_open(r->tree, user->address, false, &m, e) == 0) {
		int rc = quota_used(maildir_tree_quota(r->tree), user->address,
				    &m, &used, e);
		maildir_close(&m);
		if (rc != 0)
			return -1;
	} else if (e->sys != ENOENT) {
		return -1;
	}
	/* Without SIZE a mailbox with room for one byte takes one message. */
	return used + (more > 0 ? more : 1) > user->quota_bytes;
}

/* All of them have room, or the recipient is refused for now. */
static bool
all_have_room(struct receiver *r, const struct smtp_client_info *c,
	      const struct receiver_targets *t, int64_t size,
	      struct smtp_reply *reply)
{
	struct err e = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		int over = is_over_quota(r, &t->v[i], size, &e);
		if (over < 0)
			refuse(reply, c, "quota", t->v[i].address, &e);
		if (over > 0)
			reply_set(reply, 452, "4.2.2", "mailbox full");
		if (over != 0)
			return false;
	}
	return true;
}

/*
 * The same mailbox may be named by alice, alice+tag and an alias: it gets the
 * message once.
 */
static void
add_mailboxes(struct incoming *in, struct arena *arena,
	      const struct receiver_targets *t, struct smtp_reply *r)
{
	size_t before = in->n;

	for (size_t i = 0; i < t->n; i++) {
		if (has_mailbox(in, t->v[i].address))
			continue;
		char *name = arena_str(arena, span_of(t->v[i].address));
		if (name == NULL || grow(in, arena) != 0) {
			in->n = before;
			reply_set(r, 452, "4.5.3", "too many recipients");
			return;
		}
		in->mailbox[in->n++] = name;
	}
	reply_set(r, 250, "2.1.5", "recipient ok");
}

static void
on_rcpt(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_txn_rcpt *rcpt, struct smtp_reply *r)
{
	struct receiver *server = ctx;
	struct incoming *in = txn->policy;
	struct span local, domain;
	struct err e = { 0 };

	address_split(rcpt->canonical, &local, &domain);
	bool bare = strchr(rcpt->canonical, '@') == NULL;
	if (!bare && !receiver_rules_is_local(in->rules, domain)) {
		reply_set(r, 550, "5.7.1", "<%s>: relaying denied", rcpt->text);
		return;
	}
	struct receiver_targets *t = malloc(sizeof(*t));
	if (t == NULL) {
		out_of_memory(r);
		return;
	}
	int found = receiver_rules_expand(in->rules, server->users,
					  rcpt->canonical, t, &e);
	if (found < 0)
		refuse(r, c, "rcpt", rcpt->canonical, &e);
	else if (found == 0)
		reply_set(r, 550, "5.1.1", "<%s>: User unknown", rcpt->text);
	else if (all_have_room(server, c, t, txn->declared_size, r))
		add_mailboxes(in, txn->arena, t, r);
	free(t);
}

/* ---- the message ----------------------------------------------------------
 */

/* RFC 3848, 6531 4.3. */
static const char *
with_protocol(const struct smtp_client_info *c, const struct smtp_txn *txn)
{
	if (!c->esmtp)
		return "SMTP";
	return txn->smtputf8 ? "UTF8SMTP" : "ESMTP";
}

/* RFC 5321 4.4: Return-Path on top, then our Received line. */
static int
write_trace(struct receiver *r, const struct smtp_client_info *c,
	    struct smtp_txn *txn, struct err *e)
{
	struct incoming *in = txn->policy;
	struct received_facts facts = {
		.helo = c->helo,
		.address = c->address,
		.by = r->hostname,
		.with = with_protocol(c, txn),
		.id = in->id,
		/* with several, naming one would tell him of the others */
		.for_rcpt =
		    txn->n_recipients == 1 ? txn->recipients[0].text : NULL,
		.wall_s = clock_wall_s(),
	};
	struct buf out;
	int rc = -1;

	buf_init(&out, TRACE_MAX);
	if (buf_addf(&out, "Return-Path: <%s>\r\n", txn->reverse_text) != 0 ||
	    received_format(&facts, &out) != 0)
		(void)err_set(e, ERR_TEMP, errno, "trace lines");
	else
		rc = delivery_write(in->delivery, buf_span(&out), e);
	buf_free(&out);
	return rc;
}

/*
 * The id counts only together with the client's address: anybody who has seen a
 * message knows its id, and must not be able to use it up for another mailbox
 * before the message gets there.
 */
static void
identify(const struct smtp_client_info *c, const struct smtp_txn *txn)
{
	struct incoming *in = txn->policy;

	if (txn->delivery_id == NULL)
		return;
	int n = snprintf(in->delivery_id, sizeof(in->delivery_id), "%s/%s",
			 txn->delivery_id, c->address);
	if (n > 0 && (size_t)n < sizeof(in->delivery_id))
		delivery_identify(in->delivery, in->delivery_id);
}

static void
on_data(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_reply *r)
{
	struct receiver *server = ctx;
	struct incoming *in = txn->policy;
	struct err e = { 0 };

	if (delivery_begin(&in->delivery, server->tree, in->mailbox[0], &e) !=
		0 ||
	    write_trace(server, c, txn, &e) != 0) {
		refuse(r, c, "data", in->mailbox[0], &e);
		return;
	}
	identify(c, txn);
	reply_set(r, 250, "2.0.0", "go on");
}

static int
on_bytes(void *ctx, struct smtp_txn *txn, struct span bytes, struct err *e)
{
	struct incoming *in = txn->policy;

	(void)ctx;
	received_count_feed(&in->received, bytes);
	return delivery_write(in->delivery, bytes, e);
}

static void
on_end(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
       struct smtp_reply *r)
{
	struct incoming *in = txn->policy;
	struct err e = { 0 };

	(void)ctx;
	if (in->received.n >= SMTP_RECEIVED_MAX) { /* RFC 5321 6.3 */
		reply_set(r, 554, "5.4.6", "mail loop: %u Received lines",
			  in->received.n);
		log_message(c, in, txn, r, NULL);
		return;
	}
	if (delivery_commit(in->delivery, in->mailbox, in->n, &e) != 0) {
		reply_from_err(r, &e);
		log_message(c, in, txn, r, &e);
		return;
	}
	reply_set(r, 250, "2.0.0", "%s stored in %zu mailbox%s", in->id, in->n,
		  in->n == 1 ? "" : "es");
	log_message(c, in, txn, r, NULL);
}

static void
on_reset(void *ctx, struct smtp_txn *txn)
{
	struct incoming *in = txn->policy;

	(void)ctx;
	if (in == NULL)
		return;
	delivery_free(&in->delivery);
	receiver_rules_drop(&in->rules);
	txn->policy = NULL;
}

static const struct smtp_server_ops ops = {
	.on_mail = on_mail,
	.on_rcpt = on_rcpt,
	.on_data = on_data,
	.on_bytes = on_bytes,
	.on_end = on_end,
	.on_reset = on_reset,
};

const struct smtp_server_ops *
receiver_policy_ops(void)
{
	return &ops;
}
