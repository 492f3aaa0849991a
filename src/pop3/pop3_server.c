#include "pop3/pop3_server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "pop3/pop3_server_private.h"

enum pop3_flag {
	POP3_NO_ARGS = 1,
	POP3_NEEDS_ARGS = 2,
	POP3_IDLE = 4, /* brings a client no further: before login too many of
			  these are errors */
};

/* The whole protocol.  APOP is absent because it is not offered. */
static const struct pop3_command {
	const char *verb;
	pop3_handler *handler;
	int states;
	int flags;
} commands[] = {
	{ "CAPA", pop3_server_capa, POP3_AUTHORIZATION | POP3_TRANSACTION,
	  POP3_NO_ARGS | POP3_IDLE },
	/* RFC 2595 4: in the AUTHORIZATION state only */
	{ "STLS", pop3_server_stls, POP3_AUTHORIZATION, POP3_NO_ARGS },
	{ "USER", pop3_server_user, POP3_AUTHORIZATION,
	  POP3_NEEDS_ARGS | POP3_IDLE },
	{ "PASS", pop3_server_pass, POP3_AUTHORIZATION, POP3_NEEDS_ARGS },
	{ "AUTH", pop3_server_auth, POP3_AUTHORIZATION, 0 },
	/* RFC 6856 2.1: in the AUTHORIZATION state only */
	{ "UTF8", pop3_server_utf8, POP3_AUTHORIZATION,
	  POP3_NO_ARGS | POP3_IDLE },
	{ "STAT", pop3_server_stat, POP3_TRANSACTION, POP3_NO_ARGS },
	{ "LIST", pop3_server_list, POP3_TRANSACTION, 0 },
	{ "UIDL", pop3_server_uidl, POP3_TRANSACTION, 0 },
	{ "RETR", pop3_server_retr, POP3_TRANSACTION, POP3_NEEDS_ARGS },
	{ "TOP", pop3_server_top, POP3_TRANSACTION, POP3_NEEDS_ARGS },
	{ "DELE", pop3_server_dele, POP3_TRANSACTION, POP3_NEEDS_ARGS },
	{ "NOOP", pop3_server_noop, POP3_TRANSACTION, POP3_NO_ARGS },
	{ "RSET", pop3_server_rset, POP3_TRANSACTION, POP3_NO_ARGS },
	{ "QUIT", pop3_server_quit, POP3_AUTHORIZATION | POP3_TRANSACTION,
	  POP3_NO_ARGS },
};

int
pop3_server_new(struct pop3_server **out, const struct pop3_server_options *o,
		const struct pop3_mailbox_ops *ops, void *ctx, struct err *e)
{
	struct pop3_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "POP3 server");
	s->o = *o;
	s->ops = *ops;
	s->ctx = ctx;
	*out = s;
	return 0;
}

void
pop3_server_free(struct pop3_server **s)
{
	free(*s);
	*s = NULL;
}

/* ---- replies --------------------------------------------------------------
 */

/*
 * Before login the whole dialogue has one deadline, so that nobody holds a
 * thread by talking slowly; after it, the inactivity timer of RFC 1939 3.
 */
int64_t
pop3_server_deadline(const struct pop3_session *s)
{
	const struct pop3_server_options *o = &s->server->o;
	int64_t last = s->started_ms + o->session_timeout_ms;
	int64_t from =
	    s->state == POP3_AUTHORIZATION ? s->started_ms : clock_mono_ms();
	int64_t idle = from + o->idle_timeout_ms;

	return idle < last ? idle : last;
}

int
pop3_server_ok(struct pop3_session *s, const char *fmt, ...)
{
	char text[POP3_SERVER_CMD_MAX + 257]; /* RFC 2449 4: 512 with CRLF */
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	return stream_writef(s->stream, pop3_server_deadline(s), NULL,
			     "+OK %s\r\n", text);
}

int
pop3_server_fail(struct pop3_session *s, const char *code, const char *text)
{
	if (code == NULL)
		return stream_writef(s->stream, pop3_server_deadline(s), NULL,
				     "-ERR %s\r\n", text);
	return stream_writef(s->stream, pop3_server_deadline(s), NULL,
			     "-ERR [%s] %s\r\n", code, text);
}

int
pop3_server_error(struct pop3_session *s, const char *text)
{
	if (++s->errors < POP3_SERVER_ERRORS_MAX)
		return pop3_server_fail(s, NULL, text);
	s->closing = true;
	return pop3_server_fail(s, NULL, "too many errors, closing");
}

int
pop3_server_number(struct pop3_session *s, struct span word, uint32_t *i,
		   int *rc)
{
	uint64_t n;

	if (span_u64(word, &n) != 0 || n == 0 || n > s->count) {
		*rc = pop3_server_error(s, "no such message");
		return -1;
	}
	*i = (uint32_t)n - 1;
	if (s->mark[*i] & POP3_MARK_DELETED) {
		*rc = pop3_server_error(s, "message is deleted");
		return -1;
	}
	return 0;
}

bool
pop3_server_may_login(const struct pop3_session *s)
{
	const struct pop3_server_options *o = &s->server->o;

	return s->tls != NULL || (!o->tls_required && (o->auth_in_clear_text ||
						       s->client->is_loopback));
}

int
pop3_server_flush(struct pop3_session *s, struct err *e)
{
	stream_watch(s->stream, s->client->kill);
	int rc = stream_flush(s->stream, pop3_server_deadline(s), e);
	stream_watch(s->stream, s->client->drain);
	return rc;
}

/* ---- the session ----------------------------------------------------------
 */

/* RFC 2449 6.6: replies may wait while whole commands are at hand. */
static bool
command_is_buffered(struct pop3_session *s)
{
	struct span have;

	return stream_buffered(s->stream) > 0 &&
	       stream_fill(s->stream, 0, &have, NULL) == 0 &&
	       span_find(have, '\n', 0) >= 0;
}

static int
dispatch(struct pop3_session *s, struct span text)
{
	struct span args = text;
	struct span verb = span_word(&args);

	if (text.n == 0 || verb.p != text.p)
		return pop3_server_error(s, "a command begins the line");
	/* One blank ends the verb; a password may begin with more of them. */
	if (args.n > 0)
		args = span_skip(args, 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct pop3_command *c = &commands[i];
		if (!span_eq_nocase(verb, span_of(c->verb)))
			continue;
		if ((c->states & (int)s->state) == 0)
			return pop3_server_error(s,
						 s->state == POP3_AUTHORIZATION
						     ? "log in first"
						     : "not after login");
		if ((c->flags & POP3_NO_ARGS) && span_trim(args).n > 0)
			return pop3_server_error(s, "takes no argument");
		if ((c->flags & POP3_NEEDS_ARGS) && args.n == 0)
			return pop3_server_error(s, "argument missing");
		if ((c->flags & POP3_IDLE) && s->state == POP3_AUTHORIZATION &&
		    ++s->idle > POP3_SERVER_IDLE_MAX &&
		    ++s->errors >= POP3_SERVER_ERRORS_MAX) {
			s->closing = true;
			return pop3_server_fail(
			    s, NULL, "too many commands without a login");
		}
		/* RFC 1939 7: PASS comes right after USER. */
		if (c->handler != pop3_server_pass)
			s->login[0] = '\0';
		return c->handler(s, args);
	}
	return pop3_server_error(s, "unknown command");
}

/*
 * A bare LF ends a command as CRLF does: RFC 1939 3 asks for CRLF, but nothing
 * behind this server reads the dialogue again, so there is nothing to smuggle,
 * and a person with nc(1) gets an answer.  A CR or NUL inside is refused.
 */
static int
one_command(struct pop3_session *s, struct err *e)
{
	struct line line;

	stream_watch(s->stream, s->client->drain);
	if (!command_is_buffered(s) && pop3_server_flush(s, e) != 0)
		return -1;
	if (stream_read_line(s->stream, POP3_SERVER_CMD_MAX - 2,
			     pop3_server_deadline(s), &line, e) != 0)
		return -1;
	stream_watch(s->stream, s->client->kill);
	int rc;
	if (line.flags & LINE_LONG)
		rc = pop3_server_error(s, "line too long");
	else if (line.flags & (LINE_BARE_CR | LINE_NUL))
		rc = pop3_server_error(s, "CR or NUL inside a command");
	else
		rc = dispatch(s, line.text);
	return rc == 0 ? 0 : err_set(e, ERR_CLOSED, 0, "cannot write");
}

static void
log_session(const struct pop3_session *s, const char *event,
	    const struct err *e)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, event);
	log_str(&l, "session", s->client->session);
	log_str(&l, "service", s->server->o.service);
	log_str(&l, "client", s->client->address);
	if (e != NULL) {
		log_str(&l, "login", s->address);
		log_num(&l, "retrieved", s->retrieved);
		log_num(&l, "deleted", s->removed);
		log_num(&l, "errors", s->errors);
		tls_log(&l, s->tls);
		log_err(&l, e);
	}
	log_end(&l);
}

void
pop3_server_session(void *pop3_server, const struct listener_client *c)
{
	struct err e = { .class = ERR_CLOSED };
	struct pop3_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return;
	s->server = pop3_server;
	s->client = c;
	s->stream = c->stream;
	s->state = POP3_AUTHORIZATION;
	s->started_ms = clock_mono_ms();
	log_session(s, "pop3-session", NULL);
	if (stream_tls(s->stream) != NULL)
		pop3_server_secured(s);
	stream_watch(s->stream, c->kill);
	(void)err_set(&e, ERR_CLOSED, 0, "ended");
	/* No <...> here: it would offer APOP (RFC 1939 7). */
	int rc =
	    pop3_server_ok(s, "%s POP3 server ready", s->server->o.hostname);
	while (rc == 0 && !s->closing)
		rc = one_command(s, &e);
	/* RFC 1939 3: an inactive client is left without a word. */
	stream_watch(s->stream, c->kill);
	if (rc != 0 && e.class == ERR_STOP)
		(void)pop3_server_fail(s, "SYS/TEMP",
				       "server is shutting down");
	if (e.class != ERR_TIMEOUT)
		(void)stream_flush(s->stream, clock_mono_ms() + 5000, NULL);
	log_session(s, "pop3-close", &e);
	if (s->mailbox != NULL)
		s->server->ops.close(s->mailbox);
	free(s->mark);
	free(s);
}
