#include "net/dial.h"
#include "smtp/smtp_client_private.h"

/*
 * AUTH (RFC 4954), the lines of it; what is in them is auth/sasl_client's.
 *
 * The first response is sent on its own line, not with the command: the command
 * stays short whatever its length (4) and the round trip costs nothing that
 * matters once a session.
 */

void
smtp_client_note_auth(struct smtp_client *c, struct span mechanisms)
{
	struct buf b;

	buf_init(&b, sizeof(c->mechanisms) - 1);
	/* Of more than fits the rest is as good as not offered. */
	for (struct span w = span_word(&mechanisms); w.n > 0;
	     w = span_word(&mechanisms)) {
		if (buf_addf(&b, "%.*s ", SPAN_ARG(w)) != 0)
			break;
	}
	(void)span_copy(buf_span(&b), c->mechanisms, sizeof(c->mechanisms));
	buf_free(&b);
}

bool
smtp_client_offers_auth(const struct smtp_client *c)
{
	return c->mechanisms[0] != '\0';
}

/* One challenge in *r is answered; *r is then the next reply. */
static int
answer(struct smtp_client *c, struct sasl_client *sasl, struct smtp_reply *r,
       struct err *e)
{
	struct buf out;

	buf_init(&out, SASL_LINE_MAX);
	int rc = sasl_client_step(sasl, span_of(r->text), &out, e);
	if (rc == 0)
		rc = smtp_client_put_secret(c, buf_span(&out), e);
	if (out.p != NULL)
		explicit_bzero(out.p, out.n);
	buf_free(&out);
	return rc != 0 ? -1
		       : smtp_client_verdict(c, smtp_client_deadline(c), 334,
					     "AUTH", r, e);
}

static int
exchange(struct smtp_client *c, struct sasl_client *sasl, struct smtp_reply *r,
	 struct err *e)
{
	if (smtp_client_put(c, e, "AUTH %s", sasl_client_mechanism(sasl)) !=
		0 ||
	    smtp_client_verdict(c, smtp_client_deadline(c), 334, "AUTH", r,
				e) != 0)
		return -1;
	while (r->code == 334) {
		if (answer(c, sasl, r, e) != 0)
			return -1;
	}
	if (r->code / 100 != 2)
		return 0;
	/* 4: 235 is the one yes; to take 250 for one would be to go on with a
	 * server that answered something else. */
	if (r->code != 235)
		return err_set(e, ERR_PROTO, 0, "unexpected reply %d to AUTH",
			       r->code);
	return sasl_client_end(sasl, e);
}

int
smtp_client_auth(struct smtp_client *c, const struct sasl_login *l,
		 struct smtp_reply *r, struct err *e)
{
	struct sasl_client_channel channel = {
		.offered = span_of(c->mechanisms),
		.is_safe = c->tls.step == TLS_STEP_ON ||
			   net_is_local(stream_fd(c->stream)),
		.has_binding =
		    stream_tls_binding(c->stream, channel.binding) == 0,
	};
	struct sasl_client *sasl = NULL;
	struct err why = { 0 };

	if (sasl_client_new(&sasl, l, &channel, &why) != 0) {
		if (why.class != ERR_PERM) {
			c->dead = true;
			return err_set(e, why.class, why.sys, "%s", why.msg);
		}
		reply_set(r, 504, "5.5.4", "%s", why.msg);
		return 0;
	}
	int rc = exchange(c, sasl, r, e);
	/* Whatever went wrong, the server may still wait for a response. */
	if (rc != 0)
		c->dead = true;
	sasl_client_free(&sasl);
	return rc;
}
