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
		 (o->auth_in_clear_text || s->info.is_loopback)));
}

void
smtp_server_channel(const struct smtp_session *s, struct sasl_channel *c)
{
	const struct tls_info *tls = s->info.tls;

	*c = (struct sasl_channel){
		.peer = s->info.address,
		.stop = s->peer->drain,
		.fd = stream_fd(s->stream),
		.clear_text_allowed = smtp_server_may_auth(s),
		.certificate_digest =
		    tls != NULL && tls->has_pin ? tls->pin : NULL,
		.certificate_name =
		    tls != NULL && tls->verified ? tls->email : NULL,
	};
	c->has_binding =
	    tls != NULL && stream_tls_binding(s->stream, c->binding) == 0;
}

/* Make guessing slow without keeping a shutdown waiting. */
static void
pause_after_failure(const struct smtp_session *s, int64_t delay_ms)
{
	const struct wake *kill = s->peer->kill;
	struct pollfd p = { .fd = kill == NULL ? -1 : wake_fd(kill),
			    .events = POLLIN };

	(void)poll(&p, 1, (int)delay_ms);
}

/* One line each, in a form that a log filter can act on (postpair-sender(8)).
 */
static void
log_verdict(const struct smtp_session *s, enum log_level level,
	    const char *event, struct span mechanism,
	    const struct sasl_answer *a)
{
	struct log_line l;

	smtp_server_log(s, &l, level, event);
	log_str(&l, "client", s->info.address);
	log_str(&l, "login", a->user.address);
	log_span(&l, "mechanism", mechanism);
	tls_log(&l, s->info.tls);
	if (a->waited_ms > 0)
		log_num(&l, "waited-ms", a->waited_ms);
	if (a->err.msg[0] != '\0')
		log_err(&l, &a->err);
	log_end(&l);
}

/* A login that came to nothing: 535 or 454, and at the last the end. */
static int
refuse_login(struct smtp_session *s, int code, const char *enhanced,
	     const char *text, struct err *e)
{
	struct smtp_reply r;

	if (++s->auth_failures >= SMTP_AUTH_FAILURES_MAX)
		return smtp_server_bye(s, e, "too-many-logins", 421, "4.7.0",
				       "Too many failed logins, closing");
	reply_set(&r, code, enhanced, "%s", text);
	return smtp_server_send(s, &r, e);
}

static int
answer(struct smtp_session *s, enum sasl_result result, struct span mechanism,
       const struct sasl_answer *a, struct err *e)
{
	switch (result) {
	case SASL_OK:
		if (listener_place_login(s->peer, a->user.address) != 0)
			return smtp_server_bye(
			    s, e, "too-many-sessions", 421, "4.7.0",
			    "Too many connections of this user");
		s->user = a->user;
		s->info.login = s->user.address;
		(void)span_copy(mechanism, s->mechanism, sizeof(s->mechanism));
		s->auth_failures = 0;
		log_verdict(s, LOG_INFO, "auth-ok", mechanism, a);
		return smtp_server_answerf(s, e, 235, "2.7.0", "Logged in");
	case SASL_REFUSED:
		log_verdict(s, LOG_WARN, "auth-failed", mechanism, a);
		pause_after_failure(s, a->delay_ms);
		return refuse_login(s, 535, "5.7.8", "Wrong login or password",
				    e);
	case SASL_LIMITED:
		log_verdict(s, LOG_WARN, "auth-limited", mechanism, a);
		return refuse_login(s, 454, "4.7.0",
				    "Too many logins, try again later", e);
	case SASL_UNKNOWN:
		return smtp_server_answerf(s, e, 504, "5.5.4",
					   "Unknown mechanism");
	case SASL_UNAVAILABLE:
		log_verdict(s, LOG_ERROR, "auth-unavailable", mechanism, a);
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
	struct sasl_channel channel;
	struct sasl_answer a;
	struct line line;
	int rc = 0;

	smtp_server_channel(s, &channel);
	sasl_answer_init(&a);
	enum sasl_result got =
	    sasl_start(s->server->o.sasl, &channel, mechanism, initial, &x, &a);
	while (got == SASL_CONTINUE && rc == 0) {
		rc = challenge(s, &a.challenge, &line, e);
		if (rc == 0)
			got = sasl_step(&x, line.text, &a);
	}
	sasl_cancel(&x);
	if (rc == 0)
		rc = answer(s, got, mechanism, &a, e);
	sasl_answer_clear(&a);
	return rc < 0 ? -1 : 0;
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
