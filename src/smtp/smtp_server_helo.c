#include "base/buf.h"
#include "smtp/smtp_server_private.h"

/*
 * HELO and EHLO (RFC 5321 4.1.1.1), and LHLO, which is EHLO (RFC 2033 4.1). The
 * name is only for the Received line: a message is never refused for it
 * (4.1.4), so names that are no proper host names pass (underscores, bare
 * addresses: real programs send them) as long as they are harmless to quote.
 */
static bool
name_is_harmless(struct span name)
{
	if (name.n == 0 || name.n > 255)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  span_is_digit(c) || c == '.' || c == '-' ||
			  c == '_' || c == ':' || c == '[' || c == ']';
		if (!ok)
			return false;
	}
	return true;
}

/* 4.1.4: both begin anew, as if RSET had been given. */
static void
begin(struct smtp_session *s, struct span name, bool esmtp)
{
	smtp_server_txn_reset(s);
	(void)span_copy(name, s->helo, sizeof(s->helo));
	s->info.esmtp = esmtp;
	s->state = SMTP_ST_READY;
}

int
smtp_server_helo(struct smtp_session *s, struct span args, struct err *e)
{
	struct smtp_reply r;

	if (!name_is_harmless(args))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: HELO hostname");
	begin(s, args, false);
	reply_set(&r, 250, NULL, "%s", s->server->o.hostname);
	return smtp_server_send(s, &r, e);
}

int
smtp_server_ehlo(struct smtp_session *s, struct span args, struct err *e)
{
	struct smtp_reply r;
	struct buf list;

	if (!name_is_harmless(args))
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: %s hostname",
					   s->server->o.lmtp ? "LHLO" : "EHLO");
	begin(s, args, true);
	buf_init(&list, REPLY_TEXT_SIZE - sizeof(s->helo));
	/* The first line needs no more than our name (4.1.1.1). */
	if (smtp_server_extension_list(s, &list) == 0)
		reply_set(&r, 250, NULL, "%s%.*s", s->server->o.hostname,
			  SPAN_ARG(buf_span(&list)));
	else
		reply_set(&r, 421, "4.3.0", "Out of memory, closing");
	buf_free(&list);
	return smtp_server_send(s, &r, e);
}
