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

/* ---- turns ----------------------------------------------------------------
 */

enum sasl_result
sasl_verify_begin(struct sasl *s, const struct sasl_channel *c,
		  const char *user, struct span password,
		  struct login_attempt *a, int64_t *waited_ms)
{
	const struct login_try t = {
		.peer = c->peer,
		.user = user,
		.password = password,
		.exempt = network_list_has(&s->exempt, c->peer),
	};

	*waited_ms = 0;
	if (s->guard == NULL)
		return SASL_OK;
	bool may = login_guard_wait(s->guard, a, &t, c->stop, c->fd);
	if (a->event >= 0 || a->lane != LOGIN_FREE)
		*waited_ms = clock_mono_ms() - a->begun_ms;
	if (may)
		return SASL_OK;
	(void)login_guard_end(s->guard, a, LOGIN_NOT_TRIED, clock_mono_ms());
	return SASL_LIMITED;
}

int64_t
sasl_verify_end(struct sasl *s, struct login_attempt *a,
		enum sasl_result result)
{
	enum login_outcome outcome = result == SASL_OK        ? LOGIN_RIGHT
				     : result == SASL_REFUSED ? LOGIN_WRONG
							      : LOGIN_NOT_TRIED;

	if (s->guard == NULL)
		return 0;
	return login_guard_end(s->guard, a, outcome, clock_mono_ms());
}

int64_t
sasl_verify_pause(const struct sasl *s)
{
	return s->guard == NULL ? 0 : login_guard_pause(s->guard);
}

/* ---- by password ----------------------------------------------------------
 */

/* What a login by password came to, and what it cost. */
struct verdict {
	enum sasl_result result; /* OK, REFUSED, LIMITED or UNAVAILABLE */
	int64_t delay_ms, waited_ms;
};

/* `may`: it is right only then. */
static struct verdict
check_password(struct sasl *s, const struct sasl_channel *c, struct span login,
	       struct span password, bool may, struct user *user, struct err *e)
{
	struct login_attempt attempt;
	struct verdict v = { 0 };

	users_canonical(login, user);
	v.result = sasl_verify_begin(s, c, user->address, password, &attempt,
				     &v.waited_ms);
	if (v.result != SASL_OK)
		return v;
	int rc =
	    users_check_password(s->users, login, password, c->peer, user, e);
	v.result = rc < 0            ? SASL_UNAVAILABLE
		   : rc == 0 || !may ? SASL_REFUSED
				     : SASL_OK;
	v.delay_ms = sasl_verify_end(s, &attempt, v.result);
	return v;
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

	struct verdict v = check_password(
	    x->sasl, &x->channel, login, password_sent(x, session),
	    !acts_for_another(login, authzid), &x->user, &x->err);
	x->result = v.result;
	x->delay_ms = v.delay_ms;
	x->waited_ms = v.waited_ms;
	x->right = v.result == SASL_OK;
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
	int rc = users_scram_key(x->sasl->users, login, x->mechanism->hash,
				 x->channel.peer, key, &x->err);
	x->right = rc == 1 && !acts_for_another(span_of(authid), authzid);
	x->user = key->user;
	gsasl_free(name);
	return rc < 0 ? SASL_UNAVAILABLE : SASL_OK;
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
	x->delay_ms = sasl_verify_pause(x->sasl); /* no guess */
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

enum sasl_result
sasl_password(struct sasl *s, const struct sasl_channel *c, struct span login,
	      struct span password, struct sasl_answer *a)
{
	struct verdict v =
	    check_password(s, c, login, password, true, &a->user, &a->err);

	a->delay_ms = v.delay_ms;
	a->waited_ms = v.waited_ms;
	return v.result;
}
