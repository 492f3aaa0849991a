#include "auth/sasl.h"

#include <errno.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

/*
 * GNU SASL parses the messages of a mechanism and asks on_property() for the
 * verdict; the users file has the last word.  The context is set up once and
 * then only read, so all sessions share it; a Gsasl_session belongs to one
 * exchange.
 */
struct sasl {
	Gsasl *gsasl;
	struct users *users;
};

struct sasl_exchange {
	struct sasl *sasl;
	Gsasl_session *session;
	struct user user;
	struct err err;
	bool unavailable;
	struct span message; /* what gsasl_step() is given */
	unsigned messages;   /* received */
	unsigned messages_max;
};

static const char *const mechanisms[] = { "PLAIN", "LOGIN" };

/* How many messages each of them takes from the client: GNU SASL would ask for
 * the one of PLAIN again for as long as it gets empty ones. */
static const unsigned mechanism_messages[] = { 1, 2 };

enum { MECHANISMS = sizeof(mechanisms) / sizeof(mechanisms[0]) };

/* RFC 4616 2: an empty authorization identity is the one that logged in.  To
 * act for somebody else is not offered. */
static bool
acts_for_another(struct span login, const char *authzid)
{
	return authzid != NULL && authzid[0] != '\0' &&
	       !span_eq_nocase(span_of(authzid), login);
}

/*
 * The password as the client sent it.  GNU SASL prepares that of PLAIN (RFC
 * 4013), which turns some letters into others; what the administrator wrote in
 * the users file is not prepared, and LOGIN's is not either: bytes are compared
 * with bytes.  The password is what follows the last NUL of the message.
 */
static struct span
password_sent(const struct sasl_exchange *x, Gsasl_session *session)
{
	const char *nul = x->messages_max == 1 && x->message.n > 0
			      ? memrchr(x->message.p, '\0', x->message.n)
			      : NULL;

	if (nul == NULL)
		return span_of(gsasl_property_fast(session, GSASL_PASSWORD));
	return span_skip(x->message, (size_t)(nul - x->message.p) + 1);
}

static int
on_property(Gsasl *ctx, Gsasl_session *session, Gsasl_property property)
{
	struct sasl_exchange *x = gsasl_session_hook_get(session);

	(void)ctx;
	if (property != GSASL_VALIDATE_SIMPLE || x == NULL)
		return GSASL_NO_CALLBACK;
	struct span login = span_of(gsasl_property_fast(session, GSASL_AUTHID));
	struct span password = password_sent(x, session);
	int rc = users_check_password(x->sasl->users, login, password, &x->user,
				      &x->err);
	if (rc < 0)
		x->unavailable = true;
	if (rc != 1 || acts_for_another(
			   login, gsasl_property_fast(session, GSASL_AUTHZID)))
		return GSASL_AUTHENTICATION_ERROR;
	return GSASL_OK;
}

int
sasl_new(struct sasl **out, struct users *users, struct err *e)
{
	struct sasl *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "SASL");
	s->users = users;
	int rc = gsasl_init(&s->gsasl);
	if (rc != GSASL_OK)
		s->gsasl = NULL; /* the library has freed it, and leaves it */
	for (size_t i = 0; rc == GSASL_OK && i < MECHANISMS; i++) {
		if (!gsasl_server_support_p(s->gsasl, mechanisms[i]))
			rc = GSASL_UNKNOWN_MECHANISM;
	}
	if (rc != GSASL_OK) {
		sasl_free(&s);
		return err_set(e, ERR_TEMP, 0, "SASL: %s", gsasl_strerror(rc));
	}
	gsasl_callback_set(s->gsasl, on_property);
	*out = s;
	return 0;
}

void
sasl_free(struct sasl **sp)
{
	struct sasl *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	if (s->gsasl != NULL)
		gsasl_done(s->gsasl);
	free(s);
}

const char *
sasl_mechanisms(const struct sasl *s)
{
	(void)s;
	return "PLAIN LOGIN";
}

void
sasl_cancel(struct sasl_exchange **xp)
{
	struct sasl_exchange *x = *xp;

	*xp = NULL;
	if (x == NULL)
		return;
	if (x->session != NULL)
		gsasl_finish(x->session);
	free(x);
}

static int
add_base64(struct buf *out, const char *p, size_t n)
{
	char *text = NULL;
	size_t text_n = 0;

	if (n == 0)
		return 0;
	if (gsasl_base64_to(p, n, &text, &text_n) != GSASL_OK)
		return -1;
	int rc = buf_add(out, text, text_n);
	gsasl_free(text);
	return rc;
}

/* What GNU SASL's word means to the client. */
static enum sasl_result
verdict(struct sasl_exchange *x, int rc, struct user *user, struct err *e)
{
	*user = x->user;
	if (x->unavailable) {
		if (e != NULL)
			*e = x->err;
		return SASL_UNAVAILABLE;
	}
	switch (rc) {
	case GSASL_OK:
		return SASL_OK;
	case GSASL_NEEDS_MORE:
		return SASL_CONTINUE;
	case GSASL_MALLOC_ERROR:
	case GSASL_NO_CALLBACK:
		(void)err_set(e, ERR_TEMP, 0, "SASL: %s", gsasl_strerror(rc));
		return SASL_UNAVAILABLE;
	case GSASL_AUTHENTICATION_ERROR:
	case GSASL_SASLPREP_ERROR: /* no password of ours is like that */
		return SASL_REFUSED;
	default:
		return SASL_MALFORMED;
	}
}

/* One message of the client, decoded; *x is gone unless CONTINUE. */
static enum sasl_result
step(struct sasl_exchange **x, struct span message, struct buf *challenge,
     struct user *user, struct err *e)
{
	char *out = NULL;
	size_t n = 0;

	(*x)->message = message;
	int rc = gsasl_step((*x)->session, message.p, message.n, &out, &n);
	enum sasl_result result = verdict(*x, rc, user, e);
	if (result == SASL_CONTINUE && add_base64(challenge, out, n) != 0) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "SASL");
		result = SASL_UNAVAILABLE;
	}
	gsasl_free(out);
	if (result != SASL_CONTINUE)
		sasl_cancel(x);
	return result;
}

/* The same with a message in base64. */
static enum sasl_result
step_base64(struct sasl_exchange **x, struct span line, struct buf *challenge,
	    struct user *user, struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	int rc = GSASL_OK;

	if (line.n > SASL_LINE_MAX)
		rc = GSASL_BASE64_ERROR;
	else if (line.n > 0)
		rc = gsasl_base64_from(line.p, line.n, &text, &n);
	if (rc != GSASL_OK) {
		sasl_cancel(x);
		if (rc == GSASL_BASE64_ERROR)
			return SASL_MALFORMED;
		(void)err_set(e, ERR_TEMP, ENOMEM, "SASL");
		return SASL_UNAVAILABLE;
	}
	enum sasl_result result =
	    step(x, span_make(text == NULL ? "" : text, n), challenge, user, e);
	if (text != NULL)
		explicit_bzero(text, n);
	gsasl_free(text);
	if (result == SASL_CONTINUE && ++(*x)->messages >= (*x)->messages_max) {
		sasl_cancel(x);
		result = SASL_MALFORMED;
	}
	return result;
}

/* Index of the mechanism, or MECHANISMS. */
static size_t
find_mechanism(struct span name)
{
	size_t i = 0;

	while (i < MECHANISMS && !span_eq_nocase(name, span_of(mechanisms[i])))
		i++;
	return i;
}

static enum sasl_result
begin(struct sasl *s, size_t mechanism, struct sasl_exchange **x, struct err *e)
{
	struct sasl_exchange *fresh = calloc(1, sizeof(*fresh));

	if (fresh == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "SASL");
		return SASL_UNAVAILABLE;
	}
	fresh->sasl = s;
	fresh->messages_max = mechanism_messages[mechanism];
	int rc = gsasl_server_start(s->gsasl, mechanisms[mechanism],
				    &fresh->session);
	if (rc != GSASL_OK) {
		(void)err_set(e, ERR_TEMP, 0, "SASL: %s", gsasl_strerror(rc));
		sasl_cancel(&fresh);
		return SASL_UNAVAILABLE;
	}
	gsasl_session_hook_set(fresh->session, fresh);
	*x = fresh;
	return SASL_CONTINUE;
}

enum sasl_result
sasl_start(struct sasl *s, struct span mechanism, struct span initial,
	   struct sasl_exchange **x, struct buf *challenge, struct user *user,
	   struct err *e)
{
	size_t which = find_mechanism(mechanism);

	*x = NULL;
	memset(user, 0, sizeof(*user));
	if (which == MECHANISMS)
		return SASL_UNKNOWN;
	enum sasl_result result = begin(s, which, x, e);
	if (result != SASL_CONTINUE)
		return result;
	bool server_first = strcmp(mechanisms[which], "LOGIN") == 0;
	if (initial.p == NULL)
		return step(x, span_of(""), challenge, user, e);
	if (server_first) {
		/* Many clients send the user name with AUTH LOGIN: it answers
		 * the question that we have not asked yet. */
		result = step(x, span_of(""), challenge, user, e);
		if (result != SASL_CONTINUE)
			return result;
		buf_clear(challenge);
	}
	if (span_eq(initial, span_of("="))) /* RFC 4954 4 */
		initial = span_of("");
	return step_base64(x, initial, challenge, user, e);
}

enum sasl_result
sasl_step(struct sasl_exchange **x, struct span line, struct buf *challenge,
	  struct user *user, struct err *e)
{
	return step_base64(x, line, challenge, user, e);
}
