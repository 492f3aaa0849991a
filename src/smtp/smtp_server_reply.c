#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "smtp/smtp_server_private.h"

enum {
	LINE_OCTETS = 512, /* RFC 5321 4.5.3.1.5, CRLF included */
	LAST_WORD_MS = 1000,
};

int64_t
smtp_server_deadline(const struct smtp_session *s, int64_t ms)
{
	int64_t at = clock_mono_ms() + ms;

	if (s->info.login[0] == '\0' && at > s->login_ms)
		at = s->login_ms;
	return at < s->deadline_ms ? at : s->deadline_ms;
}

void
smtp_server_watch(struct smtp_session *s)
{
	stream_watch(s->stream, (s->state & SMTP_ST_TXN) != 0 ? s->peer->kill
							      : s->peer->drain);
}

/*
 * A policy's text may quote a third party's words: nothing of it may begin a
 * line of its own or leave ASCII, except that a client that asked for SMTPUTF8
 * may be answered in UTF-8 (RFC 6531 3.7.4.1).
 */
static size_t
clean_copy(const struct smtp_session *s, struct span in, char *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		bool ok =
		    (c >= 0x20 && c < 0x7f) || (c >= 0x80 && s->txn.smtputf8);
		out[i] = ok ? in.p[i] : '?';
	}
	return in.n;
}

/* The longest head of `text` that fits, not cutting a UTF-8 sequence. */
static size_t
piece_size(struct span text, size_t room)
{
	if (text.n <= room)
		return text.n;
	size_t n = room;
	while (n > room - 4 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
		n--;
	return n;
}

static int
send_line(struct smtp_session *s, const struct smtp_reply *r, struct span text,
	  bool last, struct err *e)
{
	char line[LINE_OCTETS + 1];
	/* A last word does not wait for a client that reads nothing. */
	int64_t deadline =
	    s->closing ? clock_mono_ms() + LAST_WORD_MS
		       : smtp_server_deadline(s, s->server->o.idle_timeout_ms);

	int n = snprintf(line, sizeof(line), "%03d%c%s%s", r->code,
			 last ? ' ' : '-', r->enhanced,
			 r->enhanced[0] != '\0' ? " " : "");
	size_t used = (size_t)n;
	used += clean_copy(s, text, line + used);
	line[used++] = '\r';
	line[used++] = '\n';
	return stream_write(s->stream, line, used, deadline, e);
}

int
smtp_server_send(struct smtp_session *s, const struct smtp_reply *r,
		 struct err *e)
{
	struct span rest = span_of(r->text);
	const size_t room = LINE_OCTETS - 2 - 4 - REPLY_ENHANCED_SIZE;

	if (r->code == 421 && !s->closing) {
		s->closing = true;
		s->reason = "policy";
	}
	smtp_server_watch(s);
	for (;;) {
		long nl = span_find(rest, '\n', 0);
		struct span line = nl < 0 ? rest : span_head(rest, (size_t)nl);
		size_t n = piece_size(line, room);
		size_t skip = n + (nl >= 0 && n == line.n ? 1 : 0);
		bool last = skip == rest.n;
		if (send_line(s, r, span_head(line, n), last, e) != 0)
			return -1;
		if (last)
			return 0;
		rest = span_skip(rest, skip);
	}
}

int
smtp_server_bye(struct smtp_session *s, struct err *e, const char *reason,
		int code, const char *enhanced, const char *text)
{
	struct smtp_reply r;

	reply_set(&r, code, enhanced, "%s %s", s->server->o.hostname, text);
	s->closing = true;
	s->reason = reason;
	if (smtp_server_send(s, &r, e) != 0)
		return -1;
	return code == 421 || code == 221 ? 0 : smtp_server_announce(s, e);
}

int
smtp_server_announce(struct smtp_session *s, struct err *e)
{
	struct smtp_reply r;

	reply_set(&r, 421, "4.7.0", "%s closing", s->server->o.hostname);
	s->closing = true;
	return smtp_server_send(s, &r, e);
}

int
smtp_server_answer(struct smtp_session *s, const struct smtp_reply *r,
		   struct err *e)
{
	if (r->code >= 500 && ++s->errors >= s->server->o.errors_max)
		return smtp_server_bye(s, e, "too-many-errors", 421, "4.7.0",
				       "Too many errors, closing");
	return smtp_server_send(s, r, e);
}

int
smtp_server_answerf(struct smtp_session *s, struct err *e, int code,
		    const char *enhanced, const char *fmt, ...)
{
	char text[512];
	struct smtp_reply r;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	reply_set(&r, code, enhanced, "%s", text);
	return smtp_server_answer(s, &r, e);
}

bool
smtp_server_accepts(struct smtp_reply *r)
{
	if (r->code >= 200 && r->code <= 299)
		return true;
	if (r->code < 400 || r->code > 599)
		reply_set(r, 451, "4.3.0", "Local error, try again later");
	return false;
}

void
smtp_server_log(const struct smtp_session *s, struct log_line *l,
		enum log_level level, const char *event)
{
	log_begin(l, level, event);
	log_str(l, "service", s->server->o.service);
	log_str(l, "session", s->peer->session);
}
