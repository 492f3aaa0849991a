#include <errno.h>

#include "receiver/receiver_private.h"

/*
 * The limit of a mailbox: the quota of its user, or the one that all users have
 * who are given none of their own.
 */

int
receiver_quota_is_over(struct receiver *r, const char *address,
		       int64_t quota_bytes, int64_t more, struct err *e)
{
	struct maildir m = MAILDIR_CLOSED;
	int64_t used = 0;

	if (quota_bytes <= 0)
		quota_bytes = r->o->quota;
	if (quota_bytes <= 0)
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
	return more > quota_bytes - used;
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
