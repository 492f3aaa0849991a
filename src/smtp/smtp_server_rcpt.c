#include "smtp/smtp_server_private.h"

/*
 * RCPT TO:<forward-path> [parameters] (RFC 5321 4.1.1.3): one recipient more,
 * when the policy agrees.
 */

static void
log_verdict(const struct smtp_session *s, const char *to,
	    const struct smtp_reply *r)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, "smtp-rcpt");
	log_str(&l, "rcpt", to);
	log_num(&l, "code", r->code);
	if (r->code >= 300) {
		log_str(&l, "status", r->enhanced);
		log_str(&l, "text", r->text);
	}
	log_end(&l);
}

static int
ask_policy(struct smtp_session *s, const struct address *a, struct err *e)
{
	const struct smtp_server *server = s->server;
	char canonical[ADDRESS_SIZE], text[ADDRESS_SIZE];
	struct smtp_reply r = { 0 };

	if (address_canonical(a, canonical) != 0 || address_text(a, text) != 0)
		return smtp_server_answerf(s, e, 501, "5.1.3",
					   "Address too long");
	struct smtp_txn_rcpt *slot = smtp_server_txn_next(s, canonical, text);
	if (slot == NULL)
		return smtp_server_answerf(s, e, 451, "4.3.0",
					   "Out of memory, try again later");
	server->ops.on_rcpt(server->ctx, &s->info, &s->txn, slot, &r);
	bool accepted = smtp_server_accepts(&r);
	log_verdict(s, text, &r);
	if (accepted) {
		smtp_server_txn_accept(s);
		s->recipients++;
	} else if (r.code >= 500 &&
		   ++s->refused >= SMTP_REFUSED_FACTOR * server->o.errors_max) {
		/* Somebody goes through a list of guessed names. */
		return smtp_server_bye(s, e, "too-many-refused", 421, "4.7.0",
				       "Too many refused recipients, closing");
	}
	return smtp_server_send(s, &r, e);
}

int
smtp_server_rcpt(struct smtp_session *s, struct span args, struct err *e)
{
	const struct span to = span_of("TO:");
	struct address a;
	struct span rest, key, value;
	struct err why;

	if (!span_starts_nocase(args, to))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: RCPT TO:<address>");
	args = span_trim(span_skip(args, to.n));
	if (address_parse_path(args,
			       ADDRESS_ALLOW_POSTMASTER | ADDRESS_ALLOW_UTF8,
			       &a, &rest, &why) != 0)
		return smtp_server_answerf(s, e, 501, "5.1.3", "%s", why.msg);
	if (rest.n > 0 && !span_is_blank(rest.p[0]))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: RCPT TO:<address>");
	/* No extension that we offer has a parameter for RCPT. */
	int more = smtp_server_param(&rest, &key, &value);
	if (more != 0)
		return smtp_server_answerf(s, e, more < 0 ? 501 : 555, "5.5.4",
					   "Unknown parameter %.*s",
					   SPAN_ARG(span_head(key, 40)));
	if (a.is_utf8 && !s->txn.smtputf8) /* RFC 6531 3.5 */
		return smtp_server_answerf(s, e, 553, "5.6.7",
					   "Such an address needs SMTPUTF8");
	if (s->txn.n_recipients >= (unsigned)s->server->o.recipients_max)
		return smtp_server_answerf(
		    s, e, 452, "4.5.3", "Too many recipients"); /* 4.5.3.1.10 */
	return ask_policy(s, &a, e);
}
