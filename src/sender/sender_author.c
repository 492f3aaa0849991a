#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sender/sender_policy_private.h"

/* Who hands a message in: in whose name it may be, and how much of them. */

bool
sender_author_owns(const struct submission *m, const char *address)
{
	const struct sender *s = m->sender;

	return m->is_unix
		   ? local_users_owns(s->local_users, s->users, m->uid, address)
		   : users_owns(s->users, m->login, address);
}

/* What the system says to its administrator has no hour. */
static bool
is_root(const struct submission *m)
{
	return m->is_unix && m->uid == 0;
}

/* "12 minutes" */
static void
put_duration(int64_t ms, char *text, size_t size)
{
	int64_t s = (ms + 999) / 1000, min = (s + 59) / 60;

	if (s < 120)
		(void)snprintf(text, size, "%lld seconds", (long long)s);
	else
		(void)snprintf(text, size, "%lld minutes", (long long)min);
}

/*
 * One more of the login's hour: 0, or -1 and *r puts it off.  4xx: mail that is
 * good waits with the client, and a person who reads the log has an hour to see
 * what is going on.
 */
int
sender_author_take(const struct submission *m, enum login_limit what,
		   struct smtp_reply *r)
{
	const struct sender *s = m->sender;
	const char *name = what == LOGIN_MESSAGES ? "messages" : "recipients";
	int64_t most = what == LOGIN_MESSAGES ? s->o->messages_per_hour
					      : s->o->recipients_per_hour;
	struct log_line l;
	char left[40];
	bool first = false;

	if (is_root(m))
		return 0;
	int64_t wait_ms = login_limits_take(s->limits, m->login, what,
					    clock_wall_us() / 1000, &first);
	if (wait_ms == 0)
		return 0;
	put_duration(wait_ms, left, sizeof(left));
	reply_set(r, 452, "4.7.1",
		  "%s has sent %lld %s within an hour, more in %s", m->login,
		  (long long)most, name, left);
	if (first) {
		log_begin(&l, LOG_WARN, "login-over-limit");
		log_str(&l, "login", m->login);
		log_str(&l, "what", name);
		log_num(&l, "limit", most);
		log_str(&l, "left", left);
		log_end(&l);
	}
	return -1;
}

void
sender_author_give(const struct submission *m)
{
	struct login_limits *l = m->sender->limits;
	int64_t now_ms = clock_wall_us() / 1000;

	if (m->queued || is_root(m))
		return;
	login_limits_give(l, m->login, LOGIN_MESSAGES, m->counted ? 1 : 0,
			  now_ms);
	login_limits_give(l, m->login, LOGIN_RECIPIENTS, m->counted_rcpts,
			  now_ms);
}

static bool
author_owns(void *submission, const char *canonical)
{
	return sender_author_owns(submission, canonical);
}

int
sender_author_check(const struct sender *s, const struct smtp_txn *txn,
		    struct span block, struct from_header *f,
		    struct smtp_reply *r)
{
	struct submission *m = txn->policy;

	*f = (struct from_header){ .mode =
				       (enum from_header_mode)s->o->from_header,
				   .login = m->login,
				   .owns = author_owns,
				   .ctx = m };
	return from_header_check(f, block, r);
}

bool
sender_header_refused(const struct err *e, struct smtp_reply *r)
{
	if (e->class == ERR_LIMIT) /* RFC 3463 3.4 */
		reply_set(r, 552, "5.3.4", "Header too large: %s", e->msg);
	else if (e->class == ERR_PERM)
		reply_set(r, 554, "5.6.0", "Unusable header: %s", e->msg);
	else
		return false;
	return true;
}
