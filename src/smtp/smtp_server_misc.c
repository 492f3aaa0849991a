#include "base/buf.h"
#include "smtp/smtp_server_private.h"

/* The small verbs: RSET, NOOP, QUIT, HELP, VRFY and EXPN. */

int
smtp_server_rset(struct smtp_session *s, struct span args, struct err *e)
{
	(void)args;
	smtp_server_txn_reset(s);
	return smtp_server_answerf(s, e, 250, "2.0.0", "OK");
}

int
smtp_server_noop(struct smtp_session *s, struct span args, struct err *e)
{
	(void)args; /* RFC 5321 4.1.1.9: a string may follow, and is ignored */
	return smtp_server_answerf(s, e, 250, "2.0.0", "OK");
}

int
smtp_server_quit(struct smtp_session *s, struct span args, struct err *e)
{
	(void)args;
	smtp_server_txn_reset(s);
	return smtp_server_bye(s, e, "quit", 221, "2.0.0", "closing");
}

/* HELP lists the table; HELP verb gives its usage (4.1.1.8). */
int
smtp_server_help(struct smtp_session *s, struct span args, struct err *e)
{
	size_t n = 0;
	const struct smtp_server_verb *verbs = smtp_server_verbs(&n);
	struct buf text;
	int bad = 0;

	if (args.n > 0) {
		for (size_t i = 0; i < n; i++) {
			if (smtp_server_speaks(s->server, &verbs[i]) &&
			    span_eq_nocase(args, span_of(verbs[i].name)))
				return smtp_server_answerf(
				    s, e, 214, "2.0.0", "%s", verbs[i].usage);
		}
		return smtp_server_answerf(s, e, 504, "5.5.4",
					   "No help for that");
	}
	buf_init(&text, 400);
	for (size_t i = 0; i < n; i++) {
		if (smtp_server_speaks(s->server, &verbs[i]))
			bad |= buf_addf(&text, " %s", verbs[i].name);
	}
	int rc = bad ? smtp_server_answerf(s, e, 451, "4.3.0", "Out of memory")
		     : smtp_server_answerf(s, e, 214, "2.0.0", "Commands:%.*s",
					   SPAN_ARG(buf_span(&text)));
	buf_free(&text);
	return rc;
}

/* 3.5.3: never a yes that was not verified; 7.3 allows to say so, and strangers
 * are not told who there is. */
int
smtp_server_vrfy(struct smtp_session *s, struct span args, struct err *e)
{
	(void)args; /* RFC 6531 3.7.4.2: SMTPUTF8 may follow */
	return smtp_server_answerf(s, e, 252, "2.5.2",
				   "Cannot verify, send some mail and see");
}

int
smtp_server_expn(struct smtp_session *s, struct span args, struct err *e)
{
	(void)args;
	return smtp_server_answerf(s, e, 502, "5.5.1",
				   "Lists are not expanded here");
}
