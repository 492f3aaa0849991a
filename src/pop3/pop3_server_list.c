#include <string.h>

#include "base/log.h"
#include "pop3/pop3_server_private.h"

int
pop3_server_stat(struct pop3_session *s, struct span args)
{
	(void)args;
	return pop3_server_ok(s, "%u %llu", (unsigned)s->left,
			      (unsigned long long)s->left_octets);
}

/* One line of LIST or UIDL. */
static int
listing(struct pop3_session *s, const char *before, uint32_t i, bool uidl)
{
	const struct pop3_mailbox_ops *ops = &s->server->ops;
	char id[POP3_SERVER_UIDL_SIZE];
	unsigned number = (unsigned)i + 1;

	if (!uidl)
		return stream_writef(
		    s->stream, pop3_server_deadline(s), NULL, "%s%u %llu\r\n",
		    before, number,
		    (unsigned long long)ops->octets(s->mailbox, i));
	ops->uidl(s->mailbox, i, id);
	return stream_writef(s->stream, pop3_server_deadline(s), NULL,
			     "%s%u %s\r\n", before, number, id);
}

static int
list(struct pop3_session *s, struct span args, bool uidl)
{
	uint32_t i;
	int rc;

	args = span_trim(args);
	if (args.n > 0) {
		if (pop3_server_number(s, args, &i, &rc) != 0)
			return rc;
		return listing(s, "+OK ", i, uidl);
	}
	if (pop3_server_ok(s, "%u messages (%llu octets)", (unsigned)s->left,
			   (unsigned long long)s->left_octets) != 0)
		return -1;
	for (i = 0; i < s->count; i++) {
		if ((s->mark[i] & POP3_MARK_DELETED) == 0 &&
		    listing(s, "", i, uidl) != 0)
			return -1;
	}
	return stream_write(s->stream, ".\r\n", 3, pop3_server_deadline(s),
			    NULL);
}

int
pop3_server_list(struct pop3_session *s, struct span args)
{
	return list(s, args, false);
}

int
pop3_server_uidl(struct pop3_session *s, struct span args)
{
	return list(s, args, true);
}

int
pop3_server_dele(struct pop3_session *s, struct span args)
{
	uint32_t i;
	int rc;

	if (pop3_server_number(s, span_trim(args), &i, &rc) != 0)
		return rc;
	s->mark[i] |= POP3_MARK_DELETED;
	s->left--;
	s->left_octets -= s->server->ops.octets(s->mailbox, i);
	return pop3_server_ok(s, "message %u deleted", (unsigned)i + 1);
}

int
pop3_server_rset(struct pop3_session *s, struct span args)
{
	(void)args;
	for (uint32_t i = 0; i < s->count; i++) {
		if ((s->mark[i] & POP3_MARK_DELETED) == 0)
			continue;
		s->mark[i] &= (unsigned char)~POP3_MARK_DELETED;
		s->left++;
		s->left_octets += s->server->ops.octets(s->mailbox, i);
	}
	return pop3_server_ok(s, "%u messages (%llu octets)", (unsigned)s->left,
			      (unsigned long long)s->left_octets);
}

int
pop3_server_noop(struct pop3_session *s, struct span args)
{
	(void)args;
	return pop3_server_ok(s, "nothing done");
}

static void
note_first(const struct pop3_session *s, const struct err *e, uint32_t failed)
{
	struct log_line l;

	if (failed > 0)
		return;
	log_begin(&l, LOG_ERROR, "pop3-update-failed");
	log_str(&l, "session", s->client->session);
	log_str(&l, "login", s->address);
	log_err(&l, e);
	log_end(&l);
}

/* RFC 1939 6: the only place where a message is removed. */
static uint32_t
update(struct pop3_session *s)
{
	const struct pop3_mailbox_ops *ops = &s->server->ops;
	bool changed = false;
	uint32_t failed = 0;
	struct err e;

	for (uint32_t i = 0; i < s->count; i++) {
		if (s->mark[i] & POP3_MARK_DELETED) {
			if (ops->remove(s->mailbox, i, &e) != 0)
				note_first(s, &e, failed++);
			else
				s->removed++;
			changed = true;
		} else if (s->mark[i] & POP3_MARK_READ) {
			/* A flag is a courtesy to other readers of the mailbox;
			 * the answer to QUIT is about deletions. */
			if (ops->seen(s->mailbox, i, &e) != 0)
				note_first(s, &e, 0);
			changed = true;
		}
	}
	if (changed && ops->sync(s->mailbox, &e) != 0)
		note_first(s, &e, failed++);
	return failed;
}

int
pop3_server_quit(struct pop3_session *s, struct span args)
{
	(void)args;
	s->closing = true;
	if (s->state == POP3_AUTHORIZATION) /* no maildrop, no update */
		return pop3_server_ok(s, "bye");
	uint32_t failed = update(s);
	/* Unlocked before the client hears of it, so that it may come back at
	 * once. */
	s->server->ops.close(s->mailbox);
	s->mailbox = NULL;
	if (failed > 0)
		return pop3_server_fail(s, "SYS/TEMP",
					"some messages were not removed");
	return pop3_server_ok(s, "%u messages left, bye", (unsigned)s->left);
}
