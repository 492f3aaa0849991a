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

typedef void ask_fn(void *ctx, const struct smtp_client_info *c,
		    struct span what, struct smtp_reply *r);

/* RFC 6531 3.7.4.2: VRFY and EXPN take one parameter, SMTPUTF8. */
static int
ask(struct smtp_session *s, struct span what, ask_fn *fn, struct err *e)
{
	const struct span tail = span_of(" SMTPUTF8");
	struct smtp_reply r = { 0 };
	bool utf8 = false, eight = false;

	if (what.n > tail.n &&
	    span_eq_nocase(span_skip(what, what.n - tail.n), tail)) {
		utf8 = true;
		what = span_trim(span_head(what, what.n - tail.n));
	}
	for (size_t i = 0; i < what.n; i++)
		eight |= (unsigned char)what.p[i] >= 0x80;
	if (eight && !utf8)
		return smtp_server_answerf(s, e, 553, "5.6.7",
					   "Such an address needs SMTPUTF8");
	fn(s->server->ctx, &s->info, what, &r);
	(void)smtp_server_accepts(&r);
	return smtp_server_answer(s, &r, e);
}

int
smtp_server_vrfy(struct smtp_session *s, struct span args, struct err *e)
{
	if (s->server->ops.on_vrfy != NULL)
		return ask(s, args, s->server->ops.on_vrfy, e);
	/* 3.5.3: never a yes that was not verified; 7.3 allows to say so. */
	return smtp_server_answerf(s, e, 252, "2.5.2",
				   "Cannot verify, send some mail and see");
}

int
smtp_server_expn(struct smtp_session *s, struct span args, struct err *e)
{
	if (s->server->ops.on_expn != NULL)
		return ask(s, args, s->server->ops.on_expn, e);
	return smtp_server_answerf(s, e, 502, "5.5.1",
				   "Lists are not expanded here");
}
