#include "pop3/pop3_client_private.h"

/* STLS (RFC 2595 4) and implicit TLS (RFC 8314 3.3). */

enum { TEXT_SIZE = 512 };

const struct tls_outcome *
pop3_client_tls(const struct pop3_client *c)
{
	return &c->tls;
}

static void
remark(struct pop3_client *c)
{
	char text[TEXT_SIZE];

	pop3_client_trace(
	    c, '=', span_of(tls_outcome_text(&c->tls, text, sizeof(text))));
}

int
pop3_client_encrypt(struct pop3_client *c, const struct pop3_client_options *o,
		    struct err *e)
{
	struct tls_peer peer = { .check = TLS_CHECK_NONE };

	if (o->tls_peer != NULL)
		peer = *o->tls_peer;
	if (peer.alpn == NULL)
		peer.alpn = "pop3"; /* RFC 7301 6: registered */
	int rc =
	    tls_outcome_connect(&c->tls, c->s, o->tls_client, &peer,
				pop3_client_deadline(c->command_timeout_ms), e);
	remark(c);
	return rc;
}

/* There will be no TLS: does that matter? */
static int
without(struct pop3_client *c, const struct pop3_client_options *o,
	enum tls_step step, const char *answer, struct err *e)
{
	c->tls.step = step;
	remark(c);
	if (o->tls == POP3_TLS_MAY)
		return 0;
	if (answer == NULL)
		return err_set(e, ERR_TEMP, 0,
			       "the server does not offer STLS");
	return err_set(e, ERR_TEMP, 0, "the server refuses STLS: %s", answer);
}

int
pop3_client_stls(struct pop3_client *c, const struct pop3_client_options *o,
		 struct err *e)
{
	struct pop3_reply r;

	/* A server without CAPA may have STLS all the same; whoever needs TLS
	 * asks it. */
	bool ask = (c->caps & POP3_CAP_STLS) != 0 ||
		   (!c->caps_known && o->tls == POP3_TLS_MUST);
	if (!ask)
		return without(c, o, TLS_STEP_NOT_OFFERED, NULL, e);
	if (pop3_client_ask(c, "STLS", NULL, &r, e) != 0)
		return -1;
	return r.ok ? pop3_client_encrypt(c, o, e)
		    : without(c, o, TLS_STEP_REFUSED, r.text, e);
}
