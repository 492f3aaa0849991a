#include "smtp/smtp_server_private.h"

/*
 * STARTTLS (RFC 3207).  The table has refused an argument (501), a transaction
 * (503), and a command sent right behind, which an attacker may have put there
 * to be taken as if it had come encrypted (CVE-2011-0411; 503 and a close).
 */

void
smtp_server_secured(struct smtp_session *s)
{
	struct log_line l;

	s->info.tls = stream_tls(s->stream);
	smtp_server_log(s, &l, LOG_INFO, "tls");
	log_str(&l, "client", s->info.address);
	tls_log_peer(&l, s->info.tls);
	log_end(&l);
}

/* 4.2: what was said in clear text is forgotten, who logged in included. */
void
smtp_server_begin_anew(struct smtp_session *s)
{
	listener_place_logout(s->peer);
	s->helo[0] = '\0';
	s->info.esmtp = false;
	s->info.login = "";
	s->mechanism[0] = '\0';
	s->user = (struct user){ 0 };
	s->auth_failures = 0;
	s->state = SMTP_ST_NEW;
}

static void
note_failure(const struct smtp_session *s, const char *event,
	     const struct err *e)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, event);
	log_str(&l, "client", s->info.address);
	log_err(&l, e);
	log_end(&l);
}

int
smtp_server_starttls(struct smtp_session *s, struct span args, struct err *e)
{
	struct tls_server *tls = s->server->o.tls;
	struct smtp_reply r;

	(void)args;
	if (s->info.tls != NULL)
		return smtp_server_answerf(s, e, 503, "5.5.1",
					   "Already encrypted");
	if (!tls_server_ready(tls))
		return smtp_server_answerf(s, e, 502, "5.5.1",
					   "STARTTLS is not offered here");
	if (!s->info.esmtp)
		return smtp_server_answerf(s, e, 503, "5.5.1", "EHLO first");
	if (stream_prepare_tls(s->stream, tls, e) != 0) {
		note_failure(s, "tls-unavailable", e);
		return smtp_server_answerf(s, e, 454, "4.7.0",
					   "TLS is not available now");
	}
	reply_set(&r, 220, "2.0.0", "Begin TLS");
	if (smtp_server_send(s, &r, e) != 0)
		return -1;
	int64_t deadline = smtp_server_deadline(s, SMTP_HANDSHAKE_TIMEOUT_MS);
	if (stream_accept_tls(s->stream, tls, deadline, e) != 0) {
		/* no word can be said any more */
		s->closing = true;
		s->reason = "tls-failed";
		note_failure(s, "tls-failed", e);
		return 0;
	}
	smtp_server_begin_anew(s);
	smtp_server_secured(s);
	return 0;
}
