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

/* What the parameters said. */
struct rcpt_params {
	unsigned notify;
	struct span orcpt; /* p is NULL: none */
};

/* RFC 3461 4.1, 4.2: 501 for a bad form; 0, or the code to refuse with. */
static int
take_param(const struct smtp_session *s, struct span key, struct span value,
	   struct rcpt_params *p)
{
	/* A HELO client has been offered no extension (RFC 5321 4.1.1.1). */
	if (!s->info.esmtp || !s->server->o.dsn)
		return 555;
	if (span_eq_nocase(key, span_of("NOTIFY")))
		return p->notify == 0 &&
			       dsn_notify_parse(value, &p->notify) == 0
			   ? 0
			   : 501;
	if (!span_eq_nocase(key, span_of("ORCPT")))
		return 555;
	if (p->orcpt.p != NULL || !dsn_orcpt_is_valid(value, s->txn.smtputf8))
		return 501;
	p->orcpt = value;
	return 0;
}

/* 0 when all are good; 1 when a refusal was answered; -1 as the verb. */
static int
take_params(struct smtp_session *s, struct span rest, struct rcpt_params *p,
	    struct err *e)
{
	struct span key, value;
	int more;

	while ((more = smtp_server_param(&rest, &key, &value)) != 0) {
		int code = more < 0 ? 501 : take_param(s, key, value, p);
		if (code == 0)
			continue;
		int rc = smtp_server_answerf(
		    s, e, code, "5.5.4",
		    code == 501 ? "Bad value or form of parameter %.*s"
				: "Unknown parameter %.*s",
		    SPAN_ARG(span_head(key, 40)));
		return rc == 0 ? 1 : -1;
	}
	return 0;
}

static int
ask_policy(struct smtp_session *s, const struct address *a,
	   const struct rcpt_params *p, struct err *e)
{
	const struct smtp_server *server = s->server;
	char canonical[ADDRESS_SIZE], text[ADDRESS_SIZE];
	struct smtp_reply r = { 0 };

	if (address_canonical(a, canonical) != 0 || address_text(a, text) != 0)
		return smtp_server_answerf(s, e, 501, "5.1.3",
					   "Address too long");
	struct smtp_txn_rcpt *slot =
	    smtp_server_txn_next(s, canonical, text, p->orcpt);
	if (slot == NULL)
		return smtp_server_answerf(s, e, 451, "4.3.0",
					   "Out of memory, try again later");
	slot->notify = p->notify;
	s->asked = true;
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
	struct rcpt_params p = { 0 };
	struct span rest;
	struct err why;

	if (!span_starts_nocase(args, to))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: RCPT TO:<address>");
	args = span_trim(span_skip(args, to.n));
	if (address_parse_path(args,
			       ADDRESS_ALLOW_POSTMASTER | ADDRESS_ALLOW_UTF8 |
				   ADDRESS_ALLOW_BARE,
			       &a, &rest, &why) != 0)
		return smtp_server_answerf(s, e, 501, "5.1.3", "%s", why.msg);
	if (rest.n > 0 && !span_is_blank(rest.p[0]))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: RCPT TO:<address>");
	int rc = take_params(s, rest, &p, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (a.is_utf8 && !s->txn.smtputf8) /* RFC 6531 3.5 */
		return smtp_server_answerf(s, e, 553, "5.6.7",
					   "Such an address needs SMTPUTF8");
	if (s->txn.n_recipients >= (unsigned)s->server->o.recipients_max)
		return smtp_server_answerf(
		    s, e, 452, "4.5.3", "Too many recipients"); /* 4.5.3.1.10 */
	return ask_policy(s, &a, &p, e);
}
