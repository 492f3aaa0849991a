#include "auth/sasl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/sasl_private.h"
#include "auth/scram_message.h"
#include "base/clock.h"
#include "base/conf.h"

/*
 * The context is set up once and then only read, so all sessions share it; a
 * Gsasl_session belongs to one exchange.
 */

/* Strongest first: clients that do not know better take the first they know. */
static const struct sasl_mechanism mechanisms[SASL_MECHANISMS] = {
	{ "EXTERNAL", SASL_EXTERNAL, SCRAM_SHA_1, false, 1 },
	{ "SCRAM-SHA-256-PLUS", SASL_SCRAM, SCRAM_SHA_256, true, 3 },
	{ "SCRAM-SHA-1-PLUS", SASL_SCRAM, SCRAM_SHA_1, true, 3 },
	{ "SCRAM-SHA-256", SASL_SCRAM, SCRAM_SHA_256, false, 3 },
	{ "SCRAM-SHA-1", SASL_SCRAM, SCRAM_SHA_1, false, 3 },
	{ "PLAIN", SASL_PLAIN, SCRAM_SHA_1, false, 1 },
	{ "LOGIN", SASL_LOGIN, SCRAM_SHA_1, false, 2 },
};

/* Index of the mechanism, or SASL_MECHANISMS. */
static size_t
find_mechanism(struct span name)
{
	size_t i = 0;

	while (i < SASL_MECHANISMS &&
	       !span_eq_nocase(name, span_of(mechanisms[i].name)))
		i++;
	return i;
}

static int
unknown_mechanism(const char *name, struct err *e)
{
	const char *names[SASL_MECHANISMS];

	for (size_t i = 0; i < SASL_MECHANISMS; i++)
		names[i] = mechanisms[i].name;
	const char *near = conf_nearest(name, names, SASL_MECHANISMS);
	return err_set(e, ERR_PERM, 0, "unknown mechanism '%s'%s%s%s", name,
		       near == NULL ? "" : ", did you mean '",
		       near == NULL ? "" : near, near == NULL ? "" : "'?");
}

static int
allow(struct sasl *s, const struct sasl_options *o, struct err *e)
{
	s->by_name = o->n_mechanisms > 0;
	for (size_t i = 0; i < SASL_MECHANISMS; i++)
		s->allowed[i] = !s->by_name;
	for (size_t i = 0; i < o->n_mechanisms; i++) {
		size_t which = find_mechanism(span_of(o->mechanisms[i]));
		if (which == SASL_MECHANISMS)
			return unknown_mechanism(o->mechanisms[i], e);
		s->allowed[which] = true;
	}
	return 0;
}

static int
open_library(struct sasl *s, struct err *e)
{
	int rc = gsasl_init(&s->gsasl);

	if (rc != GSASL_OK)
		s->gsasl = NULL; /* the library has freed it, and leaves it */
	for (size_t i = 0; rc == GSASL_OK && i < SASL_MECHANISMS; i++) {
		if (!gsasl_server_support_p(s->gsasl, mechanisms[i].name))
			rc = GSASL_UNKNOWN_MECHANISM;
	}
	if (rc != GSASL_OK)
		return err_set(e, ERR_TEMP, 0, "SASL: %s", gsasl_strerror(rc));
	gsasl_callback_set(s->gsasl, sasl_verify_property);
	return 0;
}

/* Its hashes are the same after a restart, so that what is kept of them serves.
 */
static int
make_guard(struct sasl *s, const struct login_guard_options *o, struct err *e)
{
	struct login_guard_options guard = *o;

	if (o->window_ms == 0)
		return 0;
	if (s->users != NULL && users_derive(s->users, "guard", &guard.key,
					     sizeof(guard.key), e) != 0)
		return -1;
	return login_guard_new(&s->guard, &guard, e);
}

int
sasl_new(struct sasl **out, const struct sasl_options *o, struct err *e)
{
	struct sasl *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "SASL");
	s->users = o->users;
	s->channel_binding = o->channel_binding;
	if (allow(s, o, e) != 0 || open_library(s, e) != 0 ||
	    network_list_new(&s->exempt, o->exempt, o->n_exempt, e) != 0 ||
	    make_guard(s, &o->guard, e) != 0) {
		sasl_free(&s);
		return -1;
	}
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
	login_guard_free(&s->guard);
	network_list_free(&s->exempt);
	free(s);
}

void
sasl_keep(struct sasl *s, int dirfd)
{
	if (s->guard != NULL)
		login_guard_keep(s->guard, dirfd, clock_mono_ms());
}

/* Can it serve this client? */
static bool
is_offered(struct sasl *s, const struct sasl_channel *c, size_t which)
{
	const struct sasl_mechanism *m = &mechanisms[which];
	struct user user;

	if (!s->allowed[which])
		return false;
	switch (m->kind) {
	case SASL_PLAIN:
	case SASL_LOGIN:
		return c->clear_text_allowed;
	case SASL_SCRAM:
		return (!m->plus || (s->channel_binding && c->has_binding)) &&
		       (s->by_name || users_scram_offered(s->users, m->hash));
	case SASL_EXTERNAL:
		break;
	}
	return sasl_verify_certificate(s, c, span_of(""), &user, NULL) == 1;
}

const char *
sasl_mechanisms(struct sasl *s, const struct sasl_channel *c,
		char buf[SASL_MECHANISMS_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; i < SASL_MECHANISMS; i++) {
		size_t len = strlen(mechanisms[i].name);
		if (!is_offered(s, c, i) ||
		    n + 1 + len + 1 > SASL_MECHANISMS_SIZE)
			continue;
		if (n > 0)
			buf[n++] = ' ';
		memcpy(buf + n, mechanisms[i].name, len);
		n += len;
	}
	buf[n] = '\0';
	return buf;
}

/* ---- an exchange ----------------------------------------------------------
 */

void
sasl_answer_init(struct sasl_answer *a)
{
	memset(a, 0, sizeof(*a));
	buf_init(&a->challenge, SASL_LINE_MAX);
}

void
sasl_answer_clear(struct sasl_answer *a)
{
	buf_free(&a->challenge);
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

static enum sasl_result
unavailable(struct sasl_answer *a, int rc)
{
	(void)err_set(&a->err, ERR_TEMP, rc == GSASL_OK ? ENOMEM : 0,
		      "SASL%s%s", rc == GSASL_OK ? "" : ": ",
		      rc == GSASL_OK ? "" : gsasl_strerror(rc));
	return SASL_UNAVAILABLE;
}

/* What GNU SASL's word means to the client. */
static enum sasl_result
verdict(struct sasl_exchange *x, int rc, struct sasl_answer *a)
{
	if (x->result == SASL_LIMITED || x->result == SASL_UNAVAILABLE) {
		a->err = x->err;
		return x->result;
	}
	switch (rc) {
	case GSASL_OK:
		return x->right ? SASL_OK : SASL_REFUSED;
	case GSASL_NEEDS_MORE:
		return SASL_CONTINUE;
	case GSASL_MALLOC_ERROR:
	case GSASL_NO_CALLBACK:
		return unavailable(a, rc);
	case GSASL_AUTHENTICATION_ERROR:
	case GSASL_SASLPREP_ERROR: /* no password of ours is like that */
		return SASL_REFUSED;
	default:
		return SASL_MALFORMED;
	}
}

/* Was any -PLUS offered on this connection? */
static bool
binding_offered(const struct sasl_exchange *x)
{
	for (size_t i = 0; i < SASL_MECHANISMS; i++) {
		if (mechanisms[i].plus && is_offered(x->sasl, &x->channel, i))
			return true;
	}
	return false;
}

/*
 * RFC 5802 6: a client that knows channel binding and saw none offered, where
 * it was offered, was lied to by somebody in between; where none was, it tells
 * the truth.  And a binding that we cannot check, or have not been asked to,
 * must fail.
 */
static enum sasl_result
check_binding(const struct sasl_exchange *x, struct span message)
{
	bool plus = x->mechanism->plus;
	enum scram_binding binding = scram_message_binding(message);

	switch (binding) {
	case SCRAM_BINDING_MALFORMED:
		return SASL_MALFORMED;
	case SCRAM_BINDING_NONE:
		return plus ? SASL_REFUSED : SASL_CONTINUE;
	case SCRAM_BINDING_MISSED:
		return plus || binding_offered(x) ? SASL_REFUSED
						  : SASL_CONTINUE;
	case SCRAM_BINDING_EXPORTER:
		return plus ? SASL_CONTINUE : SASL_REFUSED;
	case SCRAM_BINDING_OTHER:
		break;
	}
	return SASL_REFUSED;
}

/* What GNU SASL is not asked about; CONTINUE to ask it. */
static enum sasl_result
precheck(const struct sasl_exchange *x, struct span message)
{
	if (x->proved)
		return message.n == 0 ? SASL_OK : SASL_MALFORMED;
	if (x->mechanism->kind == SASL_PLAIN ||
	    x->mechanism->kind == SASL_LOGIN)
		return SASL_CONTINUE;
	if (message.n > 0 && memchr(message.p, '\0', message.n) != NULL)
		return SASL_MALFORMED;
	if (x->mechanism->kind == SASL_SCRAM && x->messages == 0)
		return check_binding(x, message);
	return SASL_CONTINUE;
}

static enum sasl_result
ask_library(struct sasl_exchange *x, struct span message, struct sasl_answer *a)
{
	char *out = NULL;
	size_t n = 0;

	x->message = message;
	int rc = gsasl_step(x->session, message.p, message.n, &out, &n);
	enum sasl_result result = verdict(x, rc, a);
	/* The last word of SCRAM is the server's proof: it goes out before the
	 * client is told that it is in (RFC 4954 4: as a challenge). */
	if (result == SASL_OK && n > 0) {
		x->proved = true;
		result = SASL_CONTINUE;
	}
	if (result == SASL_CONTINUE &&
	    sasl_base64_add(&a->challenge, out, n) != 0)
		result = unavailable(a, GSASL_OK);
	gsasl_free(out);
	return result;
}

/* What LOGIN asks: clients that look at the words expect these (the draft,
 * draft-murchison-sasl-login 2, warns of them), and not GNU SASL's. */
static enum sasl_result
ask_login(const struct sasl_exchange *x, const char *question,
	  enum sasl_result result, struct sasl_answer *a)
{
	if (result != SASL_CONTINUE || x->mechanism->kind != SASL_LOGIN)
		return result;
	buf_clear(&a->challenge);
	if (sasl_base64_add(&a->challenge, question, strlen(question)) != 0)
		return unavailable(a, GSASL_OK);
	return result;
}

/* The second message of SCRAM holds the proof: each is a guess. */
static enum sasl_result
ask_in_turn(struct sasl_exchange *x, struct span message, struct sasl_answer *a)
{
	struct login_attempt attempt;

	if (x->mechanism->kind != SASL_SCRAM || x->messages != 1 || x->proved)
		return ask_library(x, message, a);
	enum sasl_result result =
	    sasl_verify_begin(x->sasl, &x->channel, x->user.address,
			      span_make(NULL, 0), &attempt, &x->waited_ms);
	if (result != SASL_OK)
		return result;
	result = ask_library(x, message, a);
	x->delay_ms =
	    sasl_verify_end(x->sasl, &attempt, x->proved ? SASL_OK : result);
	return result;
}

/* One message of the client, decoded; *x is gone unless CONTINUE. */
static enum sasl_result
step(struct sasl_exchange **x, struct span message, struct sasl_answer *a)
{
	enum sasl_result result = precheck(*x, message);

	if (result == SASL_REFUSED) /* no guess at a password */
		(*x)->delay_ms = sasl_verify_pause((*x)->sasl);
	if (result == SASL_CONTINUE)
		result = ask_in_turn(*x, message, a);
	result = ask_login(*x, "Password:", result, a);
	if (result == SASL_CONTINUE &&
	    ++(*x)->messages >= (*x)->mechanism->messages)
		result = SASL_MALFORMED;
	a->user = (*x)->user;
	a->delay_ms = (*x)->delay_ms;
	a->waited_ms = (*x)->waited_ms;
	if (result == SASL_CONTINUE)
		return result;
	sasl_cancel(x);
	return result;
}

/* The same with a message in base64. */
static enum sasl_result
step_base64(struct sasl_exchange **x, struct span line, struct sasl_answer *a)
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
		return rc == GSASL_BASE64_ERROR ? SASL_MALFORMED
						: unavailable(a, rc);
	}
	enum sasl_result result =
	    step(x, span_make(text == NULL ? "" : text, n), a);
	if (text != NULL)
		explicit_bzero(text, n);
	gsasl_free(text);
	return result;
}

static enum sasl_result
begin(struct sasl *s, const struct sasl_channel *c, size_t which,
      struct sasl_exchange **x, struct sasl_answer *a)
{
	struct sasl_exchange *fresh = calloc(1, sizeof(*fresh));

	if (fresh == NULL)
		return unavailable(a, GSASL_OK);
	fresh->sasl = s;
	fresh->channel = *c;
	fresh->mechanism = &mechanisms[which];
	fresh->result = SASL_OK;
	int rc = gsasl_server_start(s->gsasl, mechanisms[which].name,
				    &fresh->session);
	if (rc == GSASL_OK && fresh->mechanism->plus)
		rc = sasl_base64_property(fresh->session, GSASL_CB_TLS_EXPORTER,
					  fresh->channel.binding,
					  SASL_BINDING_SIZE);
	if (rc != GSASL_OK) {
		sasl_cancel(&fresh);
		return unavailable(a, rc);
	}
	gsasl_session_hook_set(fresh->session, fresh);
	*x = fresh;
	return SASL_CONTINUE;
}

/* What the server says before it has heard anything: LOGIN asks for the name,
 * the others wait (RFC 4954 4: an empty challenge). */
static enum sasl_result
open_dialogue(struct sasl_exchange **x, struct sasl_answer *a)
{
	enum sasl_result result = SASL_CONTINUE;

	if ((*x)->mechanism->kind == SASL_LOGIN)
		result = ask_library(*x, span_of(""), a);
	result = ask_login(*x, "Username:", result, a);
	if (result != SASL_CONTINUE)
		sasl_cancel(x);
	return result;
}

enum sasl_result
sasl_start(struct sasl *s, const struct sasl_channel *c, struct span mechanism,
	   struct span initial, struct sasl_exchange **x, struct sasl_answer *a)
{
	size_t which = find_mechanism(mechanism);

	*x = NULL;
	buf_clear(&a->challenge);
	memset(&a->user, 0, sizeof(a->user));
	a->delay_ms = a->waited_ms = 0;
	if (which == SASL_MECHANISMS || !is_offered(s, c, which))
		return SASL_UNKNOWN;
	enum sasl_result result = begin(s, c, which, x, a);
	if (result == SASL_CONTINUE)
		result = open_dialogue(x, a);
	if (result != SASL_CONTINUE || initial.p == NULL)
		return result;
	/* Many clients send the user name with AUTH LOGIN: it answers the
	 * question that we have not asked yet. */
	buf_clear(&a->challenge);
	if (span_eq(initial, span_of("="))) /* RFC 4954 4 */
		initial = span_of("");
	return step_base64(x, initial, a);
}

enum sasl_result
sasl_step(struct sasl_exchange **x, struct span line, struct sasl_answer *a)
{
	buf_clear(&a->challenge);
	return step_base64(x, line, a);
}
