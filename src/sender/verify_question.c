#include <string.h>

#include "base/clock.h"
#include "sender/verify_private.h"

enum verify_answer
verify_unreachable(struct smtp_reply *r, const char *why)
{
	reply_set(r, 451, "4.4.1", "%s", why);
	return VERIFY_UNREACHABLE;
}

static struct smtp_client *
connect_to(const struct verify_options *v, const struct route *way,
	   int64_t deadline_ms, char peer[SCHEDULER_PEER_SIZE], struct err *e)
{
	/* Kept connections are asked later questions: each reply in its time.
	 */
	struct reach_try t = { .connect_timeout_ms =
				   deadline_ms - clock_mono_ms(),
			       .command_timeout_ms = v->timeout_ms,
			       .data_timeout_ms = v->timeout_ms };
	struct smtp_client *c = NULL;

	if (reach_open(v->reach, way, &t, &c, e) != 0)
		return NULL;
	memcpy(peer, t.peer, sizeof(t.peer));
	return c;
}

/* MAIL FROM:<> and RCPT TO.  -1: the connection failed, *e says how. */
static int
question(struct smtp_client *c, const char *address, bool utf8,
	 enum verify_answer *answer, struct smtp_reply *r, struct err *e)
{
	struct smtp_reply end;

	if (smtp_client_command(c, r, e, "MAIL FROM:<>%s",
				utf8 ? " SMTPUTF8" : "") != 0)
		return -1;
	if (r->code / 100 != 2)
		/* They refuse us, which says nothing about the address. */
		return err_set(e, ERR_TEMP, 0, "the receiver refuses: %d %s",
			       r->code, r->text);
	if (smtp_client_command(c, r, e, "RCPT TO:<%s>", address) != 0)
		return -1;
	if (r->code == 421 || r->code / 100 < 2 || r->code / 100 == 3)
		return err_set(e, ERR_TEMP, 0, "the receiver says: %d %s",
			       r->code, r->text);
	*answer = r->code / 100 == 2   ? VERIFY_YES
		  : r->code / 100 == 5 ? VERIFY_NO
				       : VERIFY_LATER;
	if (smtp_client_command(c, &end, e, "RSET") != 0 || end.code / 100 != 2)
		return 1; /* answered; but the connection is spent */
	return 0;
}

static bool
is_utf8(const char *address)
{
	for (; *address != '\0'; address++) {
		if ((unsigned char)*address > 127)
			return true;
	}
	return false;
}

enum verify_answer
verify_question(const struct verify_options *o, const struct way *way,
		const char *address, int64_t deadline_ms, struct smtp_reply *r,
		bool *timed_out)
{
	enum verify_answer answer = VERIFY_UNREACHABLE;
	char peer[SCHEDULER_PEER_SIZE] = "";
	bool utf8 = is_utf8(address);
	struct err e = { 0 };

	/* A kept connection may have died unseen: then once more, anew. */
	struct smtp_client *c = pool_take(o->pool, way->key, peer);
	for (int tries = c != NULL ? 2 : 1; tries > 0; tries--) {
		if (c == NULL)
			c = connect_to(o, &way->route, deadline_ms, peer, &e);
		if (c == NULL)
			break;
		if (utf8 &&
		    (smtp_client_extensions(c) & SMTP_EXT_SMTPUTF8) == 0) {
			pool_give(o->pool, way->key, peer, &c);
			reply_set(r, 553, "5.6.7",
				  "The receiver cannot take "
				  "internationalized addresses");
			return VERIFY_NO;
		}
		int rc = question(c, address, utf8, &answer, r, &e);
		if (rc == 0)
			pool_give(o->pool, way->key, peer, &c);
		else
			smtp_client_close(&c, false);
		if (rc >= 0)
			return answer;
	}
	*timed_out = e.class == ERR_TIMEOUT;
	return verify_unreachable(r, e.msg);
}
