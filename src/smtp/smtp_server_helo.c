#include <string.h>

#include "base/buf.h"
#include "smtp/smtp_server_private.h"

/*
 * HELO and EHLO (RFC 5321 4.1.1.1), and LHLO, which is EHLO (RFC 2033 4.1). The
 * name is only for the Received line: a message is never refused for it
 * (4.1.4), so what is no host name passes (underscores, bare addresses, "Anna's
 * PC", a name with umlauts: printers and scanners say what their owners called
 * them).  A byte that is not harmless to quote becomes '?', so that neither a
 * log nor a Received line nor a filter ever sees it.  No name at all is a
 * command without its argument: 501, and so is one that is longer than a domain
 * may be.
 */
static int
take_name(struct span name, char helo[256])
{
	if (name.n == 0 || span_copy(name, helo, 256) != 0)
		return -1;
	for (char *p = helo; *p != '\0'; p++) {
		char c = *p;
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  span_is_digit(c) || c == '.' || c == '-' ||
			  c == '_' || c == ':' || c == '[' || c == ']';
		if (!ok)
			*p = '?';
	}
	return 0;
}

/*
 * 4.1.4: both begin anew, as if RSET had been given, unless they are refused,
 * which changes nothing.  1: begun; 0: a refusal was answered; -1 as the verb.
 */
static int
begin(struct smtp_session *s, struct span name, bool esmtp, struct err *e)
{
	const struct smtp_server *server = s->server;
	struct smtp_reply r = { .code = 250 };
	const char *hello = server->o.lmtp ? "LHLO" : "EHLO";
	const char *verb = esmtp ? hello : "HELO";
	char helo[sizeof(s->helo)];

	if (take_name(name, helo) != 0)
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: %s hostname", verb);
	if (server->ops.on_helo != NULL)
		server->ops.on_helo(server->ctx, &s->info, helo, esmtp, &r);
	if (!smtp_server_accepts(&r))
		return smtp_server_answer(s, &r, e);
	smtp_server_txn_reset(s);
	memcpy(s->helo, helo, sizeof(helo));
	s->info.esmtp = esmtp;
	s->state = SMTP_ST_READY;
	return 1;
}

int
smtp_server_helo(struct smtp_session *s, struct span args, struct err *e)
{
	struct smtp_reply r;
	int rc = begin(s, args, false, e);

	if (rc <= 0)
		return rc;
	reply_set(&r, 250, NULL, "%s", s->server->o.hostname);
	return smtp_server_send(s, &r, e);
}

int
smtp_server_ehlo(struct smtp_session *s, struct span args, struct err *e)
{
	struct smtp_reply r;
	struct buf list;
	int rc = begin(s, args, true, e);

	if (rc <= 0)
		return rc;
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
