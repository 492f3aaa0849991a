#include "base/clock.h"
#include "base/log.h"
#include "pop3/pop3_server_private.h"

/* STLS (RFC 2595 4). */

static void
note_event(const struct pop3_session *s, const char *event, const struct err *e)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, event);
	log_str(&l, "session", s->client->session);
	log_str(&l, "service", s->server->o.service);
	log_str(&l, "client", s->client->address);
	if (e != NULL)
		log_err(&l, e);
	else
		tls_log_peer(&l, s->tls);
	log_end(&l);
}

void
pop3_server_secured(struct pop3_session *s)
{
	s->tls = stream_tls(s->stream);
	note_event(s, "tls", NULL);
}

int
pop3_server_stls(struct pop3_session *s, struct span args)
{
	struct tls_server *tls = s->server->o.tls;
	struct err e;

	(void)args;
	if (s->tls != NULL)
		return pop3_server_error(s, "already encrypted");
	if (!tls_server_ready(tls))
		return pop3_server_error(s, "STLS is not offered here");
	/* An attacker may have put there what follows, to be taken as if it had
	 * come encrypted (CVE-2011-0411). */
	if (stream_buffered(s->stream) > 0) {
		s->closing = true;
		return pop3_server_fail(s, NULL,
					"nothing may follow STLS, closing");
	}
	if (stream_prepare_tls(s->stream, tls, &e) != 0) {
		note_event(s, "tls-unavailable", &e);
		return pop3_server_fail(s, "SYS/TEMP",
					"TLS is not available now");
	}
	int64_t last = pop3_server_deadline(s);
	int64_t soon = clock_mono_ms() + POP3_SERVER_HANDSHAKE_MS;
	if (pop3_server_ok(s, "begin TLS") != 0)
		return -1;
	if (stream_accept_tls(s->stream, tls, soon < last ? soon : last, &e) !=
	    0) {
		note_event(s, "tls-failed", &e);
		s->closing = true;
		return 0;
	}
	/* what was said in clear text is forgotten */
	s->utf8 = false;
	s->login[0] = '\0';
	s->auth_failures = 0;
	pop3_server_secured(s);
	return 0;
}
