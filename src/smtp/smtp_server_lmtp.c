#include "smtp/smtp_server_private.h"

/*
 * What LMTP (RFC 2033) has and SMTP has not: a verdict for each recipient after
 * the data.  LHLO is EHLO, the other commands are those of SMTP.
 */

static void
log_verdict(const struct smtp_session *s, const char *to,
	    const struct smtp_reply *r)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, "lmtp-verdict");
	log_str(&l, "rcpt", to);
	log_num(&l, "code", r->code);
	log_str(&l, "text", r->text);
	log_end(&l);
}

/* The policy's word on the i-th recipient.  421 would end the session, with
 * the other verdicts unsaid. */
static void
verdict_on(const struct smtp_session *s, unsigned i,
	   const struct smtp_reply *all, struct smtp_reply *r)
{
	const struct smtp_reply *own =
	    i < s->txn.n_recipients ? s->txn.recipients[i].reply : NULL;

	*r = own != NULL && own->code != 0 ? *own : *all;
	(void)smtp_server_accepts(r);
	if (r->code == 421)
		r->code = 451;
	if (i < s->txn.n_recipients)
		log_verdict(s, s->txn.recipients[i].text, r);
}

int
smtp_server_answer_data(struct smtp_session *s, unsigned n,
			const struct smtp_reply *r, struct err *e)
{
	if (!s->server->o.lmtp)
		return smtp_server_answer(s, r, e);
	for (unsigned i = 0; i < n; i++) {
		struct smtp_reply one;
		verdict_on(s, i, r, &one);
		if (smtp_server_send(s, &one, e) != 0)
			return -1;
	}
	return 0;
}
