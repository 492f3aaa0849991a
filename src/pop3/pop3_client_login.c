#include <stdio.h>
#include <string.h>

#include "net/dial.h"
#include "pop3/pop3_client_private.h"

/* Who reads: SASL (RFC 5034) where a mechanism of it will do, else USER and
 * PASS (RFC 1939 7). */

void
pop3_client_note_sasl(struct pop3_client *c, struct span mechanisms)
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

/* ---- SASL -----------------------------------------------------------------
 */

/* Forget a secret, then the memory. */
static void
wipe(struct buf *b)
{
	if (b->p != NULL)
		explicit_bzero(b->p, b->cap);
	buf_free(b);
}

/* The response to a challenge as a C string in *line. */
static int
respond(struct sasl_client *sasl, struct span challenge, struct buf *line,
	struct err *e)
{
	buf_clear(line);
	if (sasl_client_step(sasl, challenge, line, e) != 0)
		return -1;
	return buf_add_char(line, '\0') == 0
		   ? 0
		   : err_set(e, ERR_LIMIT, 0, "login name or password");
}

/* RFC 5034 4: the first response goes along when the line stays short. */
static int
begin(struct pop3_client *c, struct sasl_client *sasl, struct buf *line,
      struct err *e)
{
	char command[POP3_CLIENT_COMMAND_MAX + 1], shown[64];
	const char *name = sasl_client_mechanism(sasl);

	if (sasl_client_speaks_first(sasl) &&
	    respond(sasl, span_make(NULL, 0), line, e) != 0)
		return -1;
	int n = snprintf(command, sizeof(command), "AUTH %s %s", name,
			 line->n > 1 ? line->p : "=");
	bool along = sasl_client_speaks_first(sasl) && n > 0 &&
		     (size_t)n < sizeof(command);
	if (!along)
		(void)snprintf(command, sizeof(command), "AUTH %s", name);
	(void)snprintf(shown, sizeof(shown), "AUTH %s ***", name);
	int rc = pop3_client_put(c, command, along ? shown : NULL, e);
	explicit_bzero(command, sizeof(command));
	if (along)
		buf_clear(line); /* what is left in it is to be sent yet */
	return rc;
}

static int
exchange(struct pop3_client *c, struct sasl_client *sasl, struct buf *line,
	 struct pop3_reply *r, struct err *e)
{
	struct span challenge;

	if (begin(c, sasl, line, e) != 0)
		return -1;
	for (bool first = line->n > 0;; first = false) {
		if (pop3_client_flush(c, e) != 0 ||
		    pop3_client_challenge(c, r, &challenge, e) != 0)
			return -1;
		if (challenge.p == NULL)
			break;
		if (!first && respond(sasl, challenge, line, e) != 0)
			return -1;
		if (pop3_client_put(c, line->p, "***", e) != 0)
			return -1;
	}
	return r->ok ? sasl_client_end(sasl, e) : 0;
}

static int
login_sasl(struct pop3_client *c, struct sasl_client *sasl,
	   struct pop3_reply *r, struct err *e)
{
	struct buf line;

	buf_init(&line, SASL_LINE_MAX);
	int rc = exchange(c, sasl, &line, r, e);
	wipe(&line);
	return rc;
}

/* ---- USER and PASS --------------------------------------------------------
 */

static int
login_user(struct pop3_client *c, const struct sasl_login *l,
	   struct pop3_reply *r, struct err *e)
{
	char line[POP3_CLIENT_COMMAND_MAX + 1];

	if (pop3_client_command(c, r, e, "USER %s", l->login) != 0)
		return -1;
	if (!r->ok)
		return 0;
	int n = snprintf(line, sizeof(line), "PASS %s", l->password);
	if (n < 0 || (size_t)n >= sizeof(line))
		return err_set(e, ERR_PERM, 0, "password too long for PASS");
	int rc = pop3_client_ask(c, line, "PASS ***", r, e);
	explicit_bzero(line, sizeof(line));
	return rc;
}

static int
refuse(struct pop3_reply *r, const struct err *why)
{
	memset(r, 0, sizeof(*r));
	r->unasked = true;
	(void)snprintf(r->text, sizeof(r->text), "%s", why->msg);
	return 0;
}

int
pop3_client_login(struct pop3_client *c, const struct sasl_login *l,
		  struct pop3_reply *r, struct err *e)
{
	struct sasl_client_channel channel = {
		.offered = span_of(c->mechanisms),
		.is_safe =
		    c->tls.step == TLS_STEP_ON || net_is_local(stream_fd(c->s)),
		.has_binding = stream_tls_binding(c->s, channel.binding) == 0,
	};
	struct sasl_client *sasl = NULL;
	struct err why = { 0 };

	if (sasl_client_new(&sasl, l, &channel, &why) == 0) {
		int rc = login_sasl(c, sasl, r, e);
		sasl_client_free(&sasl);
		return rc;
	}
	if (why.class != ERR_PERM)
		return err_set(e, why.class, why.sys, "%s", why.msg);
	bool user = l->mechanism == NULL ||
		    span_eq_nocase(span_of(l->mechanism), span_of("USER"));
	if (!user || l->password == NULL)
		return refuse(r, &why);
	if (channel.is_safe || l->clear_text)
		return login_user(c, l, r, e);
	(void)err_set(&why, ERR_PERM, 0,
		      "the server takes the password in clear text only, and "
		      "the connection is not encrypted");
	return refuse(r, &why);
}
