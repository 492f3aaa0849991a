#include "auth/sasl_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sasl_private.h"
#include "auth/scram_message.h"

/* Best first.  What shows nothing to a listener and binds the login to this
 * very connection comes before what only does the former. */
static const struct {
	const char *name;
	enum sasl_kind kind;
	bool plus;
} mechanisms[SASL_MECHANISMS] = {
	{ "EXTERNAL", SASL_EXTERNAL, false },
	{ "SCRAM-SHA-256-PLUS", SASL_SCRAM, true },
	{ "SCRAM-SHA-1-PLUS", SASL_SCRAM, true },
	{ "SCRAM-SHA-256", SASL_SCRAM, false },
	{ "SCRAM-SHA-1", SASL_SCRAM, false },
	{ "PLAIN", SASL_PLAIN, false },
	{ "LOGIN", SASL_LOGIN, false },
};

struct sasl_client {
	Gsasl *gsasl;
	Gsasl_session *session;
	size_t mechanism;
	unsigned steps;
	bool done; /* the library is content, with the server too */
};

/* ---- which one ------------------------------------------------------------
 */

static bool
is_word_of(struct span list, const char *name)
{
	for (;;) {
		struct span word = span_word(&list);
		if (word.n == 0)
			return false;
		if (span_eq_nocase(word, span_of(name)))
			return true;
	}
}

/* Is it possible here, whether it is offered or not? */
static bool
is_possible(size_t i, const struct sasl_login *l,
	    const struct sasl_client_channel *ch)
{
	switch (mechanisms[i].kind) {
	case SASL_EXTERNAL:
		return l->certificate;
	case SASL_SCRAM:
		return l->password != NULL &&
		       (!mechanisms[i].plus || ch->has_binding);
	case SASL_PLAIN:
	case SASL_LOGIN:
		break;
	}
	return l->password != NULL && (ch->is_safe || l->clear_text);
}

static int
no_mechanism(const struct sasl_login *l, const struct sasl_client_channel *ch,
	     struct err *e)
{
	bool shown = is_word_of(ch->offered, "PLAIN") ||
		     is_word_of(ch->offered, "LOGIN");

	if (span_trim(ch->offered).n == 0)
		return err_set(e, ERR_PERM, 0, "the server offers no login");
	if (l->mechanism != NULL && !is_word_of(ch->offered, l->mechanism))
		return err_set(e, ERR_PERM, 0, "the server does not offer %s",
			       l->mechanism);
	if (shown && !ch->is_safe && !l->clear_text)
		return err_set(e, ERR_PERM, 0,
			       "the server takes the password in clear text "
			       "only, and the connection is not encrypted");
	if (l->mechanism != NULL)
		return err_set(e, ERR_PERM, 0, "%s cannot be used here",
			       l->mechanism);
	return err_set(e, ERR_PERM, 0,
		       "the server offers no way to log in that we know");
}

static int
choose(size_t *chosen, const struct sasl_login *l,
       const struct sasl_client_channel *ch, struct err *e)
{
	for (size_t i = 0; i < SASL_MECHANISMS; i++) {
		const char *name = mechanisms[i].name;
		if (l->mechanism != NULL &&
		    !span_eq_nocase(span_of(name), span_of(l->mechanism)))
			continue;
		if (!is_word_of(ch->offered, name) || !is_possible(i, l, ch))
			continue;
		*chosen = i;
		return 0;
	}
	return no_mechanism(l, ch, e);
}

/* ---- the dialogue ---------------------------------------------------------
 */

static int
set_properties(struct sasl_client *c, const struct sasl_login *l,
	       const struct sasl_client_channel *ch)
{
	bool external = mechanisms[c->mechanism].kind == SASL_EXTERNAL;

	int rc = gsasl_property_set(
	    c->session, external ? GSASL_AUTHZID : GSASL_AUTHID, l->login);
	if (rc == GSASL_OK && !external)
		rc =
		    gsasl_property_set(c->session, GSASL_PASSWORD, l->password);
	if (rc == GSASL_OK && mechanisms[c->mechanism].plus)
		rc = sasl_base64_property(c->session, GSASL_CB_TLS_EXPORTER,
					  ch->binding, SASL_BINDING_SIZE);
	return rc;
}

int
sasl_client_new(struct sasl_client **out, const struct sasl_login *l,
		const struct sasl_client_channel *ch, struct err *e)
{
	size_t chosen = 0;

	*out = NULL;
	if (choose(&chosen, l, ch, e) != 0)
		return -1;
	struct sasl_client *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "SASL");
	c->mechanism = chosen;
	int rc = gsasl_init(&c->gsasl);
	if (rc != GSASL_OK)
		c->gsasl = NULL; /* the library has freed it, and leaves it */
	else
		rc = gsasl_client_start(c->gsasl, mechanisms[chosen].name,
					&c->session);
	if (rc == GSASL_OK)
		rc = set_properties(c, l, ch);
	if (rc != GSASL_OK) {
		sasl_client_free(&c);
		return err_set(e, ERR_TEMP, 0, "SASL: %s", gsasl_strerror(rc));
	}
	*out = c;
	return 0;
}

void
sasl_client_free(struct sasl_client **cp)
{
	struct sasl_client *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	if (c->session != NULL)
		gsasl_finish(c->session);
	if (c->gsasl != NULL)
		gsasl_done(c->gsasl);
	free(c);
}

const char *
sasl_client_mechanism(const struct sasl_client *c)
{
	return mechanisms[c->mechanism].name;
}

bool
sasl_client_speaks_first(const struct sasl_client *c)
{
	return mechanisms[c->mechanism].kind != SASL_LOGIN;
}

/*
 * GNU SASL counts as often as it is told to: a server could keep us busy for
 * hours, or ask for so few rounds that the proof gives the password away.
 */
static int
check_scram(const struct sasl_client *c, struct span challenge, struct err *e)
{
	if (c->steps == 1) {
		unsigned long n = scram_message_iterations(challenge);
		if (n == 0)
			return err_set(e, ERR_PROTO, 0,
				       "malformed SCRAM message from the "
				       "server");
		if (n < SCRAM_ITERATIONS_MIN || n > SCRAM_ITERATIONS_MAX)
			return err_set(e, ERR_PROTO, 0,
				       "the server wants %lu rounds of SCRAM, "
				       "which is not %d to %d",
				       n, SCRAM_ITERATIONS_MIN,
				       SCRAM_ITERATIONS_MAX);
	}
	if (c->steps == 2 && challenge.n > 2 &&
	    memcmp(challenge.p, "e=", 2) == 0)
		return err_set(e, ERR_PROTO, 0, "the server ends SCRAM: %.*s",
			       SPAN_ARG(span_skip(challenge, 2)));
	return 0;
}

static int
failed(const struct sasl_client *c, int rc, struct err *e)
{
	if (rc == GSASL_SASLPREP_ERROR)
		return err_set(e, ERR_PERM, 0,
			       "%s cannot take a character of the login or "
			       "password (RFC 4013)",
			       mechanisms[c->mechanism].name);
	if (rc == GSASL_MALLOC_ERROR)
		return err_set(e, ERR_TEMP, ENOMEM, "SASL");
	if (c->steps == 2 && mechanisms[c->mechanism].kind == SASL_SCRAM)
		return err_set(e, ERR_PROTO, 0,
			       "the server does not know the password: it is "
			       "not what it seems to be");
	return err_set(e, ERR_PROTO, 0, "%s: %s", mechanisms[c->mechanism].name,
		       gsasl_strerror(rc));
}

static int
ask_library(struct sasl_client *c, struct span challenge, struct buf *out,
	    struct err *e)
{
	char *text = NULL;
	size_t n = 0;

	int rc = gsasl_step(c->session, challenge.p, challenge.n, &text, &n);
	int ret = 0;
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE)
		ret = failed(c, rc, e);
	else if (sasl_base64_add(out, text, n) != 0)
		ret = err_set(e, ERR_TEMP, ENOMEM, "SASL");
	c->done = rc == GSASL_OK;
	if (text != NULL)
		explicit_bzero(text, n);
	gsasl_free(text);
	c->steps++;
	return ret;
}

int
sasl_client_step(struct sasl_client *c, struct span challenge, struct buf *out,
		 struct err *e)
{
	unsigned char bytes[SASL_CLIENT_CHALLENGE_MAX];
	size_t n = 0;

	if (c->done || c->steps >= SASL_CLIENT_STEPS_MAX)
		return err_set(e, ERR_PROTO, 0,
			       "the server asks for more than %s has",
			       mechanisms[c->mechanism].name);
	/* What stands in the first one means nothing to who speaks first, and
	 * LOGIN's questions are prose (not base64, at some servers). */
	bool prose = mechanisms[c->mechanism].kind == SASL_LOGIN ||
		     (c->steps == 0 && sasl_client_speaks_first(c));
	if (!prose &&
	    sasl_base64_decode(challenge, bytes, sizeof(bytes), &n) != 0)
		return err_set(e, ERR_PROTO, 0,
			       "a challenge that is not base64, or too long");
	struct span message = span_make((const char *)bytes, n);
	if (!prose && mechanisms[c->mechanism].kind == SASL_SCRAM &&
	    check_scram(c, message, e) != 0)
		return -1;
	return ask_library(c, message, out, e);
}

int
sasl_client_end(const struct sasl_client *c, struct err *e)
{
	if (c->done)
		return 0;
	return err_set(e, ERR_PROTO, 0, "the server lets us in without %s",
		       mechanisms[c->mechanism].kind == SASL_SCRAM
			   ? "proving that it knows the password"
			   : "having asked for everything");
}
