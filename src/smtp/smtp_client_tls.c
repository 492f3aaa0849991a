#include "smtp/smtp_client_private.h"

/*
 * The client side of STARTTLS (RFC 3207).  Whoever stands between can take the
 * offer away or put words before the handshake: the first is an answer of its
 * own to the caller, the second ends the connection (stream_connect_tls).
 */

enum { TEXT_SIZE = 512 };

const struct tls_outcome *
smtp_client_tls(const struct smtp_client *c)
{
	return &c->tls;
}

static void
remark(const struct smtp_client *c)
{
	char text[TEXT_SIZE];

	smtp_client_trace(
	    c, '=', span_of(tls_outcome_text(&c->tls, text, sizeof(text))));
}

int
smtp_client_encrypt(struct smtp_client *c, const struct smtp_client_options *o,
		    struct err *e)
{
	int rc = tls_outcome_connect(&c->tls, c->stream, o->tls_client,
				     o->tls_peer, smtp_client_deadline(c), e);

	c->dead = rc != 0;
	remark(c);
	return rc;
}

/* There will be no TLS: does that matter? */
static int
without(struct smtp_client *c, const struct smtp_client_options *o,
	enum tls_step step, const struct smtp_reply *r, struct err *e)
{
	char text[TEXT_SIZE];

	c->tls.step = step;
	remark(c);
	if (o->tls == SMTP_TLS_MAY)
		return 0;
	/* Not PERM, whatever the reply: what the server is unable to do today
	 * says nothing about a message. */
	if (r == NULL)
		return err_set(e, ERR_TEMP, 0,
			       "the server does not offer STARTTLS");
	reply_one_line(r, text, sizeof(text));
	return err_set(e, ERR_TEMP, 0, "the server refuses STARTTLS: %s", text);
}

int
smtp_client_starttls(struct smtp_client *c, const struct smtp_client_options *o,
		     struct err *e)
{
	struct smtp_reply r;

	if ((c->extensions & SMTP_EXT_STARTTLS) == 0)
		return without(c, o, TLS_STEP_NOT_OFFERED, NULL, e);
	if (smtp_client_put(c, e, "STARTTLS") != 0 ||
	    smtp_client_verdict(c, smtp_client_deadline(c), 0, "STARTTLS", &r,
				e) != 0)
		return -1;
	if (r.code == 220)
		return smtp_client_encrypt(c, o, e);
	if (r.code / 100 != 2)
		return without(c, o, TLS_STEP_REFUSED, &r, e);
	/* Some other yes: who knows what the server will do next? */
	c->dead = true;
	c->tls.step = TLS_STEP_FAILED;
	return err_set(e, ERR_PROTO, 0, "unexpected reply %d to STARTTLS",
		       r.code);
}
