#include <string.h>

#include "receiver/receiver_private.h"

/*
 * The message is here, and its size is known: who has no room for it?
 *
 * An LMTP client hears a verdict on each recipient (RFC 2033 4.2), so a full
 * mailbox is left out and its recipients are refused; a list of users is
 * refused when one of them has no room, as it is at RCPT, since there is one
 * verdict for all of it.
 *
 * SMTP has one reply.  To refuse all for the sake of one would keep the message
 * from those with room, again at every try.  So it is refused when nobody has
 * room; else everybody gets it, and a mailbox that looked as if it had room
 * (the client said no SIZE) is over its quota by this one message, and takes no
 * more.  What has become quite full since RCPT is not let over: the client
 * hears 452, and at its next try RCPT refuses that one alone.
 *
 * Room is reserved here, before the message is stored, so that of many sessions
 * that come to this point at once only as many go on as there is room for.
 */

/* The answer for mailboxes of this kind, once; NULL: out of memory. */
static struct smtp_reply *
refusal_for(struct incoming *in, struct arena *arena, enum incoming_room room)
{
	if (in->refusal[room] == NULL)
		in->refusal[room] = arena_alloc(arena, sizeof(*in->refusal[0]));
	return in->refusal[room];
}

/* 0, or -1 when out of memory. */
static int
look_at(struct receiver *r, const struct smtp_client_info *c,
	struct smtp_txn *txn, struct incoming_mailbox *m)
{
	struct incoming *in = txn->policy;
	struct err e = { 0 };

	int fits = receiver_quota_reserve(r, m, delivery_size(in->delivery),
					  false, &e);
	m->room = fits > 0 ? ROOM_ENOUGH : fits == 0 ? ROOM_NONE : ROOM_UNKNOWN;
	if (fits > 0)
		return 0;
	struct smtp_reply *reply = refusal_for(in, txn->arena, m->room);
	if (reply == NULL)
		return -1;
	if (fits < 0)
		receiver_rcpt_failed(reply, c, "quota", m->address, &e);
	else
		receiver_quota_refuse(r, reply);
	return 0;
}

/* The reply to a recipient one of whose mailboxes has no room, or NULL. */
static const struct smtp_reply *
refusal_of(const struct incoming *in, const struct smtp_txn_rcpt *rcpt)
{
	const struct incoming_rcpt *own = rcpt->policy;

	for (size_t i = 0; i < own->n; i++) {
		enum incoming_room room = in->mailbox[own->at[i]].room;
		if (room != ROOM_ENOUGH)
			return in->refusal[room];
	}
	return NULL;
}

/* What an accepted recipient stands for, or what any does. */
static size_t
gather(const struct incoming *in, const struct smtp_txn *txn, bool any,
       const char **to)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++)
		in->mailbox[i].wanted = false;
	for (unsigned i = 0; i < txn->n_recipients; i++) {
		const struct smtp_txn_rcpt *rcpt = &txn->recipients[i];
		const struct incoming_rcpt *own = rcpt->policy;
		if (!any && refusal_of(in, rcpt) != NULL)
			continue;
		for (size_t k = 0; k < own->n; k++)
			in->mailbox[own->at[k]].wanted = true;
	}
	for (size_t i = 0; i < in->n; i++) {
		if (in->mailbox[i].wanted)
			to[n++] = in->mailbox[i].address;
	}
	return n;
}

/* Some have room, and there is one reply: those without go over by this one
 * message.  false: one of them is full, *reply says so. */
static bool
let_over(struct receiver *r, struct incoming *in, struct smtp_reply *reply)
{
	for (size_t i = 0; i < in->n; i++) {
		struct incoming_mailbox *m = &in->mailbox[i];
		struct err e = { 0 };
		if (m->room != ROOM_NONE ||
		    receiver_quota_reserve(r, m, delivery_size(in->delivery),
					   true, &e) != 0)
			continue;
		reply_set(reply, 452, "4.2.2",
			  "a mailbox has become full, try again");
		return false;
	}
	return true;
}

/* The claims of this message, for the delivery; NULL: out of memory. */
static struct quota_use **
reserved(struct incoming *in, struct arena *arena, size_t *n)
{
	struct quota_use **v =
	    arena_alloc(arena, in->n * sizeof(struct quota_use *));

	*n = 0;
	for (size_t i = 0; v != NULL && i < in->n; i++) {
		if (in->mailbox[i].reserved.kind == QUOTA_ROOM)
			v[(*n)++] = &in->mailbox[i].reserved;
	}
	return v;
}

int
receiver_verdict_settle(struct receiver *r, const struct smtp_client_info *c,
			struct smtp_txn *txn, const char ***to, size_t *n,
			struct smtp_reply *reply)
{
	struct incoming *in = txn->policy;
	bool all_looked_at = true;

	*to = arena_alloc(txn->arena, in->n * sizeof(**to));
	for (size_t i = 0; i < in->n && all_looked_at; i++)
		all_looked_at = look_at(r, c, txn, &in->mailbox[i]) == 0;
	if (*to == NULL || !all_looked_at) {
		receiver_rcpt_no_memory(reply);
		return -1;
	}
	for (unsigned i = 0; i < txn->n_recipients; i++)
		txn->recipients[i].reply = refusal_of(in, &txn->recipients[i]);
	*n = gather(in, txn, false, *to);
	if (*n == 0) {
		*reply = *txn->recipients[0].reply; /* all have one */
		return -1;
	}
	if (!c->lmtp) {
		if (!let_over(r, in, reply))
			return -1;
		*n = gather(in, txn, true, *to);
	}
	size_t n_room;
	struct quota_use **room = reserved(in, txn->arena, &n_room);
	if (room == NULL) {
		receiver_rcpt_no_memory(reply);
		return -1;
	}
	delivery_use_room(in->delivery, room, n_room);
	return 0;
}
