#include "base/rand.h"
#include "smtp/smtp_server_private.h"

/*
 * XQUEUE LIST and XQUEUE CANCEL id: what a client may do with messages that it
 * has handed in (doc/extensions.md).  No standard verb does that: RFC 4865 has
 * a message wait and says nothing of taking it back.  The id is the word that
 * the reply to the end of data began with.
 */

/* Letters and digits, as ids have them. */
static bool
is_id(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!span_is_digit(s.p[i]) && (s.p[i] < 'a' || s.p[i] > 'z'))
			return false;
	}
	return s.n > 0 && s.n < RAND_ID_SIZE;
}

int
smtp_server_queue(struct smtp_session *s, struct span args, struct err *e)
{
	const struct smtp_server *server = s->server;
	struct span what = span_word(&args), which = span_trim(args);
	struct smtp_reply r = { 0 };
	char id[RAND_ID_SIZE];

	if (server->ops.on_queue == NULL)
		return smtp_server_answerf(s, e, 502, "5.5.1",
					   "XQUEUE is not offered here");
	if (s->user.address[0] == '\0')
		return smtp_server_answerf(s, e, 530, "5.7.0",
					   "Log in first (AUTH)");
	bool list = span_eq_nocase(what, span_of("LIST")) && which.n == 0;
	if (!list && (!span_eq_nocase(what, span_of("CANCEL")) ||
		      !is_id(which) || span_copy(which, id, sizeof(id)) != 0))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: XQUEUE LIST | CANCEL id");
	server->ops.on_queue(server->ctx, &s->info, list ? NULL : id, &r);
	(void)smtp_server_accepts(&r);
	return smtp_server_answer(s, &r, e);
}
