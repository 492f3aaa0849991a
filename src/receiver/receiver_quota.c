#include <errno.h>

#include "receiver/receiver_private.h"

/*
 * The limit of a mailbox: the quota of its user, or the one that all users have
 * who are given none of their own.
 */

static int64_t
limit_of(const struct receiver *r, int64_t quota_bytes)
{
	return quota_bytes > 0 ? quota_bytes : r->o->quota;
}

int
receiver_quota_is_over(struct receiver *r, const char *address,
		       int64_t quota_bytes, int64_t more, struct err *e)
{
	int64_t limit = limit_of(r, quota_bytes);
	struct maildir m = MAILDIR_CLOSED;
	int64_t used = 0;

	if (limit <= 0)
		return 0;
	if (maildir_open(r->tree, address, false, &m, e) == 0) {
		int rc = quota_used(maildir_tree_quota(r->tree), address, &m,
				    &used, e);
		maildir_close(&m);
		if (rc != 0)
			return -1;
	} else if (e->sys != ENOENT) {
		return -1;
	}
	return more > limit - used;
}

int
receiver_quota_reserve(struct receiver *r, struct incoming_mailbox *m,
		       int64_t bytes, bool a_byte, struct err *e)
{
	struct maildir opened = MAILDIR_CLOSED;
	struct quota_claim c = { .address = m->address,
				 .m = &opened,
				 .bytes = bytes,
				 .limit = limit_of(r, m->quota_bytes),
				 .need =
				     a_byte ? QUOTA_A_BYTE : QUOTA_ALL_OF_IT };

	if (c.limit <= 0)
		return 1;
	/* made now, where it was not: the message is about to be stored there
	 */
	if (maildir_open(r->tree, m->address, true, &opened, e) != 0)
		return -1;
	int rc =
	    quota_reserve(maildir_tree_quota(r->tree), &c, &m->reserved, e);
	maildir_close(&opened);
	return rc;
}

void
receiver_quota_release(struct receiver *r, struct incoming *in)
{
	for (size_t i = 0; i < in->n; i++)
		quota_release(maildir_tree_quota(r->tree),
			      &in->mailbox[i].reserved);
}

void
receiver_quota_refuse(const struct receiver *r, struct smtp_reply *reply)
{
	switch ((enum receiver_over_quota)r->o->over_quota) {
	case RECEIVER_DEFER: /* RFC 3463 X.2.2: a persistent transient failure
			      */
		reply_set(reply, 452, "4.2.2", "mailbox full");
		break;
	case RECEIVER_REFUSE:
		reply_set(reply, 552, "5.2.2", "mailbox full");
		break;
	}
}
