#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/header.h"
#include "mail/submit.h"
#include "receiver/receiver_private.h"

enum { TRACE_MAX = 8192 };

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
	if (txn->quarantine != NULL)
		log_str(&l, "junk", txn->quarantine);
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

/* What we know of a session: smtp_client_info.policy. */
struct visitor {
	char counted[RAND_ID_SIZE]; /* the last message that was counted */
};

static void
on_connect(void *ctx, struct smtp_client_info *c, struct smtp_reply *r)
{
	struct receiver *server = ctx;

	if (receiver_limits_take(server->limits, RECEIVER_CONNECTIONS, c, r) !=
	    0)
		return;
	c->policy = calloc(1, sizeof(struct visitor));
	if (c->policy == NULL) {
		receiver_rcpt_no_memory(r);
		return;
	}
	c->keeps_results = receiver_limits_trusts(server->limits, c);
	reply_set(r, 220, NULL, "welcome");
}

static void
on_disconnect(void *ctx, struct smtp_client_info *c)
{
	(void)ctx;
	free(c->policy);
	c->policy = NULL;
}

static void
on_mail(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_reply *r)
{
	struct receiver *server = ctx;
	struct incoming *in = arena_alloc(txn->arena, sizeof(*in));
	struct visitor *v = c->policy;

	if (in == NULL) {
		receiver_rcpt_no_memory(r);
		return;
	}
	memcpy(in->id, txn->id, sizeof(in->id));
	in->again = strcmp(v->counted, in->id) == 0;
	if (!in->again &&
	    receiver_limits_take(server->limits, RECEIVER_MESSAGES, c, r) != 0)
		return;
	memcpy(v->counted, in->id, sizeof(v->counted));
	in->rules = receiver_rules_now(server);
	txn->policy = in;
	reply_set(r, 250, "2.1.0", "sender ok");
}

/* ---- the message ----------------------------------------------------------
 */

/* RFC 5321 4.4: Return-Path on top, then what filters want there (RFC 8601 4),
 * then our Received line. */
static int
write_trace(struct receiver *r, const struct smtp_client_info *c,
	    struct smtp_txn *txn, struct err *e)
{
	struct incoming *in = txn->policy;
	struct received_facts facts = {
		.helo = c->helo,
		.address = c->is_unix ? "" : c->address,
		.by = r->hostname,
		.with = smtp_server_with(c, txn),
		.tls_cipher = c->tls == NULL ? NULL : c->tls->suite,
		.id = in->id,
		/* with several, naming one would tell him of the others */
		.for_rcpt =
		    txn->n_recipients == 1 ? txn->recipients[0].text : NULL,
		.wall_s = clock_wall_s(),
	};
	struct buf out;
	int rc = -1;

	buf_init(&out, TRACE_MAX + txn->top_fields.n);
	if (buf_addf(&out, "Return-Path: <%s>\r\n", txn->reverse_text) != 0 ||
	    buf_add_span(&out, txn->top_fields) != 0 ||
	    received_format(&facts, &out) != 0)
		(void)err_set(e, ERR_TEMP, errno, "trace lines");
	else
		rc = delivery_write(in->delivery, buf_span(&out), e);
	buf_free(&out);
	return rc;
}

/* The id is the sender's own and random; smtp_server gives it to us only where
 * the client is to be believed. */
static void
identify(const struct smtp_txn *txn)
{
	struct incoming *in = txn->policy;

	if (txn->delivery_id != NULL)
		delivery_identify(in->delivery, txn->delivery_id);
}

/* What a filter wants kept aside goes to the junk folder of each mailbox. */
static int
set_aside(struct incoming *in, struct arena *arena)
{
	for (size_t i = 0; i < in->n; i++) {
		char name[MAILDIR_MAILBOX_SIZE];
		int n = snprintf(name, sizeof(name), "%s" MAILDIR_JUNK,
				 in->mailbox[i].address);
		if (n < 0 || (size_t)n >= sizeof(name))
			return -1;
		in->mailbox[i].address = arena_str(arena, span_of(name));
		if (in->mailbox[i].address == NULL)
			return -1;
	}
	return 0;
}

/* The message waits for all its recipients; at the next try RCPT refuses the
 * one that is at fault. */
static void
note_broken(struct receiver *server, const struct incoming *in,
	    const char *mailbox)
{
	if (in->n > 1 && mailbox != NULL)
		fitness_failed(server->fitness, mailbox);
}

static void
on_data(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
	struct smtp_reply *r)
{
	struct receiver *server = ctx;
	struct incoming *in = txn->policy;
	struct err e = { 0 };

	if (txn->quarantine != NULL && set_aside(in, txn->arena) != 0) {
		receiver_rcpt_no_memory(r);
		return;
	}
	if (delivery_begin(&in->delivery, server->tree, in->mailbox[0].address,
			   &e) != 0 ||
	    write_trace(server, c, txn, &e) != 0) {
		note_broken(server, in, in->mailbox[0].address);
		receiver_rcpt_failed(r, c, "data", in->mailbox[0].address, &e);
		return;
	}
	identify(txn);
	if (txn->smtputf8)
		delivery_internationalize(in->delivery);
	reply_set(r, 250, "2.0.0", "go on");
}

static int
on_body(void *ctx, struct smtp_txn *txn, struct span bytes, struct err *e)
{
	struct incoming *in = txn->policy;
	int rc = delivery_write(in->delivery, bytes, e);

	if (rc != 0)
		note_broken(ctx, in, delivery_broken(in->delivery));
	return rc;
}

/* Of a header that is not whole the top is here, where every hop puts its
 * field. */
static int
on_header(void *ctx, struct smtp_txn *txn, struct span block, bool whole,
	  struct err *e)
{
	struct incoming *in = txn->policy;

	(void)whole;
	in->hops = header_count(block, "Received");
	return block.n == 0 ? 0 : on_body(ctx, txn, block, e);
}

static void
on_end(void *ctx, const struct smtp_client_info *c, struct smtp_txn *txn,
       struct smtp_reply *r)
{
	struct receiver *server = ctx;
	struct incoming *in = txn->policy;
	const char **to = NULL;
	size_t n = 0;
	struct err e = { 0 };

	if (in->hops >= SMTP_RECEIVED_MAX) { /* RFC 5321 6.3 */
		reply_set(r, 554, "5.4.6", "mail loop: %u Received lines",
			  in->hops);
		log_message(c, in, txn, r, NULL);
		return;
	}
	if (receiver_verdict_settle(server, c, txn, &to, &n, r) != 0) {
		log_message(c, in, txn, r, NULL);
		return;
	}
	if (delivery_commit(in->delivery, to, n, &e) != 0) {
		note_broken(server, in, delivery_broken(in->delivery));
		reply_from_err(r, &e);
		log_message(c, in, txn, r, &e);
		return;
	}
	reply_set(r, 250, "2.0.0", "%s stored in %zu mailbox%s", in->id, n,
		  n == 1 ? "" : "es");
	log_message(c, in, txn, r, NULL);
}

static void
on_reset(void *ctx, struct smtp_txn *txn)
{
	struct incoming *in = txn->policy;

	if (in == NULL)
		return;
	delivery_free(&in->delivery);
	receiver_quota_release(ctx, in);
	receiver_rules_drop(&in->rules);
	txn->policy = NULL;
}

static const struct smtp_server_ops ops = {
	.on_connect = on_connect,
	.on_disconnect = on_disconnect,
	.on_mail = on_mail,
	.on_rcpt = receiver_rcpt_ask,
	.on_data = on_data,
	.on_header = on_header,
	.on_body = on_body,
	.on_end = on_end,
	.on_reset = on_reset,
};

const struct smtp_server_ops *
receiver_policy_ops(void)
{
	return &ops;
}
