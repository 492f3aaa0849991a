#ifndef PP_SENDER_SENDER_POLICY_PRIVATE_H
#define PP_SENDER_SENDER_POLICY_PRIVATE_H

#include "base/buf.h"
#include "mail/submit.h"
#include "sender/sender_private.h"
#include "sender/submission_trail.h"

/* Shared by sender_policy.c (what is taken) and sender_author.c (from whom, in
 * whose name, and how much). */

/* One transaction of ours: smtp_txn.policy. */
struct submission {
	struct sender *sender;
	char id[RAND_ID_SIZE];
	const char *login;               /* the session's */
	char handed[SENDER_HANDED_SIZE]; /* name of a hand-over, or "" */
	bool claimed;                    /* it is ours to take */
	bool is_unix;
	uid_t uid;
	bool counted; /* one message of the login's hour */
	int64_t counted_rcpts;
	bool queued;
	struct received_facts received; /* borrows from session and txn */
	int64_t arrival_s;
	struct spool_writer *writer;
	struct trail_hop hop;
	/* Set when the message is refused for what it is, or was taken before:
	 * the rest is read and dropped, and this is the reply. */
	struct smtp_reply refusal;
};

/* sender_author_owns - may it speak as this canonical address? */
bool sender_author_owns(const struct submission *m, const char *address);

/* sender_author_take - one more message or recipient of the login's hour: 0, or
 * -1 and *r puts it off.  sender_author_give - what was taken for a message
 * that was not queued. */
int sender_author_take(const struct submission *m, enum login_limit what,
		       struct smtp_reply *r);
void sender_author_give(const struct submission *m);

#endif
