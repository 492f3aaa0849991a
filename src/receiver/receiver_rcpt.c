#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "receiver/receiver_private.h"

/* Who gets the message: recipients become mailboxes. */

/* Mailboxes of one message, after aliases. */
enum { MAILBOXES_MAX = 1000 };

void
receiver_rcpt_failed(struct smtp_reply *r, const struct smtp_client_info *c,
		     const char *what, const char *address, const struct err *e)
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

void
receiver_rcpt_no_memory(struct smtp_reply *r)
{
	reply_set(r, 452, "4.3.1", "out of memory, try again later");
}

/* Room in the array for one more. */
static int
grow(struct incoming *in, struct arena *arena)
{
	if (in->n < in->cap)
		return 0;
	size_t cap = in->cap == 0 ? 8 : in->cap * 2;
	struct incoming_mailbox *more = arena_alloc(arena, cap * sizeof(*more));
	if (cap > MAILBOXES_MAX || more == NULL)
		return -1;
	if (in->n > 0)
		memcpy(more, in->mailbox, in->n * sizeof(*more));
	in->mailbox = more;
	in->cap = cap;
	return 0;
}

/*
 * The place of this user's mailbox in the list, or -1 when there is no room.
 * The same mailbox may be named by alice, alice+tag and an alias: it gets the
 * message once.
 */
static int
place_of(struct incoming *in, struct arena *arena, const struct user *user)
{
	for (size_t i = 0; i < in->n; i++) {
		if (strcmp(in->mailbox[i].address, user->address) == 0)
			return (int)i;
	}
	char *name = arena_str(arena, span_of(user->address));
	if (name == NULL || grow(in, arena) != 0)
		return -1;
	in->mailbox[in->n] =
	    (struct incoming_mailbox){ .address = name,
				       .quota_bytes = user->quota_bytes };
	return (int)in->n++;
}

static void
add_mailboxes(struct incoming *in, struct arena *arena,
	      const struct receiver_targets *t, struct smtp_txn_rcpt *rcpt,
	      struct smtp_reply *r)
{
	size_t before = in->n;
	struct incoming_rcpt *own =
	    arena_alloc(arena, sizeof(*own) + t->n * sizeof(own->at[0]));

	bool fits = own != NULL;

	for (size_t i = 0; fits && i < t->n; i++) {
		int at = place_of(in, arena, &t->v[i]);
		fits = at >= 0;
		if (fits)
			own->at[own->n++] = (uint16_t)at;
	}
	if (!fits) {
		in->n = before;
		reply_set(r, 452, "4.5.3", "too many recipients");
		return;
	}
	rcpt->policy = own;
	reply_set(r, 250, "2.1.5", "recipient ok");
}

/* All of them have room, or the recipient is refused. */
static bool
all_have_room(struct receiver *r, const struct smtp_client_info *c,
	      const struct receiver_targets *t, int64_t size,
	      struct smtp_reply *reply)
{
	struct err e = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		const struct user *u = &t->v[i];
		/* Without SIZE there must be room for a byte. */
		int over = receiver_quota_is_over(r, u->address, u->quota_bytes,
						  size > 0 ? size : 1, &e);
		if (over < 0)
			receiver_rcpt_failed(reply, c, "quota", u->address, &e);
		if (over > 0)
			receiver_quota_refuse(r, reply);
		if (over != 0)
			return false;
	}
	return true;
}

/* An alias that leads nowhere would lose a copy without a word: the sender is
 * told, and the administrator; strangers hear no names. */
static void
refuse_unknown(const struct receiver_targets *t,
	       const struct smtp_client_info *c,
	       const struct smtp_txn_rcpt *rcpt, struct smtp_reply *r)
{
	struct log_line l;

	if (t->missing[0] == '\0') {
		reply_set(r, 550, "5.1.1", "<%s>: User unknown", rcpt->text);
		return;
	}
	reply_set(r, 550, "5.1.1",
		  "<%s>: this list has a member who is unknown here",
		  rcpt->text);
	log_begin(&l, LOG_WARN, "alias-target-unknown");
	log_str(&l, "session", c->session);
	log_str(&l, "alias", rcpt->canonical);
	log_str(&l, "target", t->missing);
	log_end(&l);
}

/* All of their mailboxes can take it, or the recipient is refused: after the
 * text one that cannot would keep the message from everybody. */
static bool
all_are_fit(struct receiver *r, const struct smtp_client_info *c,
	    const struct receiver_targets *t, int64_t size,
	    struct smtp_reply *reply)
{
	struct err e = { 0 };

	for (size_t i = 0; i < t->n; i++) {
		if (fitness_check(r->fitness, t->v[i].address, size, &e) == 0)
			continue;
		receiver_rcpt_failed(reply, c, "mailbox", t->v[i].address, &e);
		return false;
	}
	return true;
}

void
receiver_rcpt_ask(void *ctx, const struct smtp_client_info *c,
		  struct smtp_txn *txn, struct smtp_txn_rcpt *rcpt,
		  struct smtp_reply *r)
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
	/* whoever guesses at names has asked, too */
	if (!in->again && receiver_limits_take(server->limits,
					       RECEIVER_RECIPIENTS, c, r) != 0)
		return;
	struct receiver_targets *t = malloc(sizeof(*t));
	if (t == NULL) {
		receiver_rcpt_no_memory(r);
		return;
	}
	int found = receiver_rules_expand(in->rules, server->users,
					  rcpt->canonical, t, &e);
	if (found == 0 && users_none(server->users))
		found = err_set(&e, ERR_TEMP, 0, "the users file is empty");
	if (found < 0)
		receiver_rcpt_failed(r, c, "rcpt", rcpt->canonical, &e);
	else if (found == 0)
		refuse_unknown(t, c, rcpt, r);
	else if (all_are_fit(server, c, t, txn->declared_size, r) &&
		 all_have_room(server, c, t, txn->declared_size, r))
		add_mailboxes(in, txn->arena, t, rcpt, r);
	free(t);
}
