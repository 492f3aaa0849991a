#include <poll.h>

#include "base/buf.h"
#include "smtp/smtp_server_private.h"

/*
 * AUTH mechanism [initial-response] (RFC 4954 4).  The mechanisms are auth/'s;
 * here are the lines, the limits and the replies.
 */

bool
smtp_server_may_auth(const struct smtp_session *s)
{
	const struct smtp_server_options *o = &s->server->o;

	return o->sasl != NULL &&
	       (s->info.tls != NULL ||
		(!o->tls_required &&
		 (o->auth_in_clear_text || s->peer->is_loopback)));
}

/* Make guessing slow without keeping a shutdown waiting. */
static void
pause_after_failure(const struct smtp_session *s)
{
	const struct wake *kill = s->peer->kill;
	struct pollfd p = { .fd = kill == NULL ? -1 : wake_fd(kill),
			    .events = POLLIN };

	(void)poll(&p, 1, SMTP_AUTH_DELAY_MS);
}

/* One line each, so that a log filter can act on it. */
static void
log_verdict(const struct smtp_session *s, bool ok, struct span mechanism,
	    const char *login)
{
	struct log_line l;

	smtp_server_log(s, &l, ok ? LOG_INFO : LOG_WARN,
			ok ? "auth-ok" : "auth-failed");
	log_str(&l, "client", s->peer->address);
	log_str(&l, "login", login);
	log_span(&l, "mechanism", mechanism);
	tls_log(&l, s->info.tls);
	log_end(&l);
}

static int
refuse_login(struct smtp_session *s, struct err *e)
{
	pause_after_failure(s);
	if (++s->auth_failures >= SMTP_AUTH_FAILURES_MAX)
		return smtp_server_bye(s, e, "too-many-logins", 421, "4.7.0",
				       "Too many failed logins, closing");
	struct smtp_reply r;
	reply_set(&r, 535, "5.7.8", "Wrong login or password");
	return smtp_server_send(s, &r, e);
}

static int
answer(struct smtp_session *s, enum sasl_result result, struct span mechanism,
       const struct user *user, struct err *e)
{
	struct log_line l;

	switch (result) {
	case SASL_OK:
		s->user = *user;
		s->info.login = s->user.address;
		s->auth_failures = 0;
		log_verdict(s, true, mechanism, user->address);
		return smtp_server_answerf(s, e, 235, "2.7.0", "Logged in");
	case SASL_REFUSED:
		log_verdict(s, false, mechanism, user->address);
		return refuse_login(s, e);
	case SASL_UNKNOWN:
		return smtp_server_answerf(s, e, 504, "5.5.4",
					   "Unknown mechanism");
	case SASL_UNAVAILABLE:
		smtp_server_log(s, &l, LOG_ERROR, "auth-unavailable");
		log_err(&l, e);
		log_end(&l);
		return smtp_server_answerf(s, e, 454, "4.7.0",
					   "Cannot check passwords now");
	case SASL_MALFORMED:
	case SASL_CONTINUE:
		break;
	}
	return smtp_server_answerf(s, e, 501, "5.5.2",
				   "Not what the mechanism expects");
}

/*
 * Send a challenge, read the response.  0: *line is it; 1: the exchange is over
 * and answered; -1 as the verb.
 */
static int
challenge(struct smtp_session *s, const struct buf *text, struct line *line,
	  struct err *e)
{
	int64_t deadline =
	    smtp_server_deadline(s, s->server->o.idle_timeout_ms);

	if (stream_write(s->stream, "334 ", 4, deadline, e) != 0 ||
	    stream_write(s->stream, text->p, text->n, deadline, e) != 0 ||
	    stream_write(s->stream, "\r\n", 2, deadline, e) != 0 ||
	    stream_flush(s->stream, deadline, e) != 0 ||
	    stream_read_line(s->stream, SMTP_AUTH_LINE_MAX - 2, deadline, line,
			     e) != 0)
		return -1;
	int rc = 0;
	if ((line->flags & (LINE_BARE_CR | LINE_BARE_LF | LINE_NUL)) != 0) {
		rc = smtp_server_bye(s, e, "bare-control", 500, "5.5.2",
				     "Bare CR, LF or NUL, closing");
	} else if ((line->flags & LINE_LONG) != 0) { /* RFC 4954 6 */
		rc = smtp_server_answerf(s, e, 500, "5.5.6", "Line too long");
	} else if (span_eq(line->text, span_of("*"))) {
		rc = smtp_server_answerf(s, e, 501, "5.7.0",
					 "Authentication cancelled");
	} else {
		return 0;
	}
	return rc == 0 ? 1 : -1;
}

static int
exchange(struct smtp_session *s, struct span mechanism, struct span initial,
	 struct err *e)
{
	struct sasl_exchange *x = NULL;
	struct user user = { 0 };
	struct buf text;
	struct line line;
	int rc = 0;

	buf_init(&text, SASL_LINE_MAX);
	enum sasl_result got = sasl_start(s->server->o.sasl, mechanism, initial,
					  &x, &text, &user, e);
	while (got == SASL_CONTINUE && rc == 0) {
		rc = challenge(s, &text, &line, e);
		buf_clear(&text);
		if (rc == 0)
			got = sasl_step(&x, line.text, &text, &user, e);
	}
	sasl_cancel(&x);
	buf_free(&text);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return answer(s, got, mechanism, &user, e);
}

int
smtp_server_auth(struct smtp_session *s, struct span args, struct err *e)
{
	char name[32]; /* the line is gone once a response is read */

	if (s->server->o.sasl == NULL)
		return smtp_server_answerf(s, e, 502, "5.5.1",
					   "AUTH is not offered here");
	if (!s->info.esmtp)
		return smtp_server_answerf(s, e, 503, "5.5.1", "EHLO first");
	if (s->user.address[0] != '\0')
		return smtp_server_answerf(s, e, 503, "5.5.1",
					   "Already logged in");
	if (!smtp_server_may_auth(s))
		return smtp_server_answerf(
		    s, e, 538, "5.7.11", "AUTH needs an encrypted connection");
	struct span mechanism = span_word(&args);
	struct span initial = span_word(&args);
	if (span_trim(args).n > 0)
		return smtp_server_answerf(s, e, 501, "5.5.4",
					   "Syntax: AUTH mechanism [response]");
	if (span_copy(mechanism, name, sizeof(name)) != 0)
		return smtp_server_answerf(s, e, 504, "5.5.4",
					   "Unknown mechanism");
	if (initial.n == 0)
		initial = span_make(NULL, 0);
	return exchange(s, span_of(name), initial, e);
}
