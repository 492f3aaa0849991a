/*
 * Whether a login is right: GNU SASL parses the messages of a mechanism and
 * asks sasl_verify_property() for the verdict; the users file has the last
 * word, and the guard the first.
 */
#include <stdio.h>
#include <string.h>

#include "auth/sasl_private.h"
#include "base/clock.h"

/* RFC 4616 2: an empty authorization identity is the one that logged in.  To
 * act for somebody else is not offered. */
static bool
acts_for_another(struct span login, const char *authzid)
{
	return authzid != NULL && authzid[0] != '\0' &&
	       !span_eq_nocase(span_of(authzid), login);
}

/* May a login as this user be tried? */
static bool
allowed(struct sasl *s, const struct sasl_channel *c, const char *user)
{
	return s->guard == NULL ||
	       login_guard_allows(s->guard, c->peer, user, clock_mono_ms());
}

/* Too many wait for their turn: that is their doing, not a fault of ours. */
static enum sasl_result
could_not(const struct err *e)
{
	return e->class == ERR_LIMIT ? SASL_LIMITED : SASL_UNAVAILABLE;
}

/* ---- by password ----------------------------------------------------------
 */

/* OK, REFUSED, LIMITED or UNAVAILABLE. */
static enum sasl_result
check_password(struct sasl *s, const struct sasl_channel *c, struct span login,
	       struct span password, struct user *user, struct err *e)
{
	users_canonical(login, user);
	if (!allowed(s, c, user->address))
		return SASL_LIMITED;
	int rc =
	    users_check_password(s->users, login, password, c->peer, user, e);
	return rc < 0 ? could_not(e) : rc == 0 ? SASL_REFUSED : SASL_OK;
}

/*
 * The password as the client sent it.  GNU SASL prepares that of PLAIN (RFC
 * 4013), which turns some letters into others; what crypt(3) made of it once
 * was not prepared, and LOGIN's is not either: bytes are compared with bytes,
 * and a SCRAM key prepares them itself.  The password is what follows the last
 * NUL of the message.
 */
static struct span
password_sent(const struct sasl_exchange *x, Gsasl_session *session)
{
	const char *nul = x->mechanism->kind == SASL_PLAIN && x->message.n > 0
			      ? memrchr(x->message.p, '\0', x->message.n)
			      : NULL;

	if (nul == NULL)
		return span_of(gsasl_property_fast(session, GSASL_PASSWORD));
	return span_skip(x->message, (size_t)(nul - x->message.p) + 1);
}

static int
verify_simple(struct sasl_exchange *x, Gsasl_session *session)
{
	struct span login = span_of(gsasl_property_fast(session, GSASL_AUTHID));
	const char *authzid = gsasl_property_fast(session, GSASL_AUTHZID);

	x->result =
	    check_password(x->sasl, &x->channel, login,
			   password_sent(x, session), &x->user, &x->err);
	x->right = x->result == SASL_OK && !acts_for_another(login, authzid);
	return x->right ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

/* ---- SCRAM ----------------------------------------------------------------
 */

static int
set_key(Gsasl_session *session, const struct scram_key *key)
{
	size_t digest = scram_key_digest_size(key->hash);
	char count[16];

	(void)snprintf(count, sizeof(count), "%u", key->iterations);
	int rc = sasl_base64_property(session, GSASL_SCRAM_SALT, key->salt,
				      key->salt_n);
	if (rc == GSASL_OK)
		rc = sasl_base64_property(session, GSASL_SCRAM_STOREDKEY,
					  key->stored, digest);
	if (rc == GSASL_OK)
		rc = sasl_base64_property(session, GSASL_SCRAM_SERVERKEY,
					  key->server, digest);
	/* Last: GNU SASL takes its presence for the sign that all are there. */
	if (rc == GSASL_OK)
		rc = gsasl_property_set(session, GSASL_SCRAM_ITER, count);
	return rc;
}

/* The name as RFC 5802 5.1 prepares it, in *name, to be freed. */
static enum sasl_result
find_key(struct sasl_exchange *x, const char *authid, const char *authzid,
	 struct users_scram *key)
{
	char *name = NULL;

	if (gsasl_saslprep(authid, GSASL_ALLOW_UNASSIGNED, &name, NULL) !=
	    GSASL_OK)
		name = NULL;
	struct span login = span_of(name);
	users_canonical(login, &x->user);
	enum sasl_result result = SASL_LIMITED;
	if (allowed(x->sasl, &x->channel, x->user.address)) {
		int rc =
		    users_scram_key(x->sasl->users, login, x->mechanism->hash,
				    x->channel.peer, key, &x->err);
		result = rc < 0 ? could_not(&x->err) : SASL_OK;
		x->right =
		    rc == 1 && !acts_for_another(span_of(authid), authzid);
		x->user = key->user;
	}
	gsasl_free(name);
	return result;
}

/* Whether there is such a user is known from here on, and told at the end. */
static int
provide_key(struct sasl_exchange *x, Gsasl_session *session)
{
	const char *authid = gsasl_property_fast(session, GSASL_AUTHID);
	struct users_scram key;

	if (authid == NULL)
		return GSASL_NO_CALLBACK;
	x->result = find_key(x, authid,
			     gsasl_property_fast(session, GSASL_AUTHZID), &key);
	if (x->result != SASL_OK)
		return GSASL_AUTHENTICATION_ERROR;
	int rc = set_key(session, &key.key);
	explicit_bzero(&key, sizeof(key));
	if (rc != GSASL_OK) {
		x->result = SASL_UNAVAILABLE;
		(void)err_set(&x->err, ERR_TEMP, 0, "SASL: %s",
			      gsasl_strerror(rc));
	}
	return rc;
}

/* ---- EXTERNAL (RFC 4422 A) ------------------------------------------------
 */

static bool
is_wanted(const struct user *user, struct span authzid)
{
	return !user->disabled &&
	       (authzid.n == 0 ||
		span_eq_nocase(authzid, span_of(user->address)));
}

static int
by_digest(struct sasl *s, const unsigned char *digest, struct user *user,
	  struct err *e)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * SASL_DIGEST_SIZE + 1];

	for (size_t i = 0; i < SASL_DIGEST_SIZE; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	text[sizeof(text) - 1] = '\0';
	return users_certificate(s->users, text, user, e);
}

int
sasl_verify_certificate(struct sasl *s, const struct sasl_channel *c,
			struct span authzid, struct user *user, struct err *e)
{
	int rc = 0;

	if (c->certificate_digest != NULL)
		rc = by_digest(s, c->certificate_digest, user, e);
	if (rc < 0 || (rc > 0 && is_wanted(user, authzid)))
		return rc;
	rc = c->certificate_name == NULL
		 ? 0
		 : users_named(s->users, span_of(c->certificate_name), user, e);
	if (rc < 0 || (rc > 0 && is_wanted(user, authzid)))
		return rc;
	memset(user, 0, sizeof(*user));
	return 0;
}

static int
verify_external(struct sasl_exchange *x, Gsasl_session *session)
{
	struct span authzid =
	    span_of(gsasl_property_fast(session, GSASL_AUTHZID));

	int rc = sasl_verify_certificate(x->sasl, &x->channel, authzid,
					 &x->user, &x->err);
	x->result = rc < 0 ? SASL_UNAVAILABLE : SASL_OK;
	x->right = rc == 1;
	return x->right ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

int
sasl_verify_property(Gsasl *gsasl, Gsasl_session *session,
		     Gsasl_property property)
{
	struct sasl_exchange *x = gsasl_session_hook_get(session);

	(void)gsasl;
	if (x == NULL)
		return GSASL_NO_CALLBACK;
	if (property == GSASL_VALIDATE_SIMPLE)
		return verify_simple(x, session);
	if (property == GSASL_VALIDATE_EXTERNAL)
		return verify_external(x, session);
	if (property == GSASL_SCRAM_ITER)
		return provide_key(x, session);
	return GSASL_NO_CALLBACK;
}

/* ---- the end --------------------------------------------------------------
 */

void
sasl_verify_end(struct sasl *s, const struct sasl_channel *c,
		enum sasl_result result, struct sasl_answer *a)
{
	a->delay_ms = 0;
	if (s->guard == NULL)
		return;
	if (result == SASL_REFUSED)
		a->delay_ms = login_guard_failed(
		    s->guard, c->peer, a->user.address, clock_mono_ms());
	else if (result == SASL_LIMITED)
		a->delay_ms = login_guard_pause(s->guard);
	else if (result == SASL_OK)
		login_guard_passed(s->guard, c->peer, a->user.address,
				   clock_mono_ms());
}

enum sasl_result
sasl_password(struct sasl *s, const struct sasl_channel *c, struct span login,
	      struct span password, struct sasl_answer *a)
{
	enum sasl_result result =
	    check_password(s, c, login, password, &a->user, &a->err);

	sasl_verify_end(s, c, result, a);
	return result;
}
