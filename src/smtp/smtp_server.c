#include "smtp/smtp_server.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/network.h"
#include "smtp/smtp_server_private.h"

/*
 * The session loop: read a command line, look its verb up, check length, state,
 * pipelining and arguments by the table, run it.  Each command gets exactly one
 * reply, and replies wait in the stream's buffer while further whole commands
 * are already here (RFC 2920 3.2).
 *
 * Stopping.  Between transactions waits end when the drain is raised, within
 * one only when the kill is, so that a client in the middle of a message can
 * finish it.  The session's deadline bounds everything: no trickle of bytes
 * holds a thread longer.
 *
 * HTTP and other clients that talk first: with a pause before the greeting
 * (greet_pause_ms) what comes in it ends the session.  Without one nothing is
 * early, since it would be chance which of two clients that send at once is
 * seen to; a browser's request is known by its first line, and ends the session
 * before its body could be taken for commands.
 */

enum {
	ANY = SMTP_ST_ANY,
	ENVELOPE = SMTP_ST_MAIL | SMTP_ST_RCPT,
	MAIL_LINE_MAX = SMTP_CMD_MAX + SMTP_CMD_MAIL_EXTRA,
	RCPT_LINE_MAX = SMTP_CMD_MAX + SMTP_CMD_RCPT_EXTRA,
	LAST = SMTP_VERB_LAST_IN_GROUP,
	CLEAR = SMTP_VERB_CLEAR,
	IDLE = SMTP_VERB_IDLE,
	HELLO = LAST | CLEAR | IDLE | SMTP_VERB_NEEDS_ARGS,
};

/*
 * NOOP, VRFY, EXPN and QUIT should also end a group (RFC 2920 3.1), but that
 * duty is the client's; what follows them is plain commands and is served.
 * Behind EHLO, STARTTLS, AUTH and DATA other things than commands could follow.
 */
static const struct smtp_server_verb verbs[] = {
	{ "EHLO", smtp_server_ehlo, ANY, HELLO | SMTP_VERB_NOT_LMTP,
	  SMTP_CMD_MAX, "EHLO hostname" },
	{ "HELO", smtp_server_helo, ANY, HELLO | SMTP_VERB_NOT_LMTP,
	  SMTP_CMD_MAX, "HELO hostname" },
	{ "LHLO", smtp_server_ehlo, ANY, HELLO | SMTP_VERB_LMTP, SMTP_CMD_MAX,
	  "LHLO hostname" },
	{ "STARTTLS", smtp_server_starttls, SMTP_ST_READY,
	  LAST | CLEAR | SMTP_VERB_NO_ARGS, SMTP_CMD_MAX, "STARTTLS" },
	{ "AUTH", smtp_server_auth, SMTP_ST_READY, LAST | SMTP_VERB_NEEDS_ARGS,
	  SMTP_AUTH_LINE_MAX, "AUTH mechanism [initial-response]" },
	{ "MAIL", smtp_server_mail, SMTP_ST_READY, SMTP_VERB_NEEDS_ARGS,
	  MAIL_LINE_MAX,
	  "MAIL FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME] [SMTPUTF8] "
	  "[RET=FULL|HDRS] [ENVID=xtext] [HOLDFOR=seconds|HOLDUNTIL=date]" },
	{ "RCPT", smtp_server_rcpt, ENVELOPE, SMTP_VERB_NEEDS_ARGS,
	  RCPT_LINE_MAX,
	  "RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] "
	  "[ORCPT=type;xtext]" },
	{ "DATA", smtp_server_data, ENVELOPE, LAST | SMTP_VERB_NO_ARGS,
	  SMTP_CMD_MAX, "DATA" },
	/* Its octets follow in any state: it looks at the state itself. */
	{ "BDAT", smtp_server_bdat, ANY,
	  CLEAR | SMTP_VERB_CHUNK | SMTP_VERB_TURNED_AWAY, SMTP_CMD_MAX,
	  "BDAT size [LAST]" },
	{ "XQUEUE", smtp_server_queue, SMTP_ST_READY,
	  SMTP_VERB_NEEDS_ARGS | SMTP_VERB_NOT_LMTP, SMTP_CMD_MAX,
	  "XQUEUE LIST | XQUEUE CANCEL id" },
	{ "XCLIENT", smtp_server_xclient, SMTP_ST_NEW | SMTP_ST_READY,
	  LAST | SMTP_VERB_NEEDS_ARGS | SMTP_VERB_NOT_LMTP, SMTP_CMD_MAX,
	  "XCLIENT attribute=value ..." },
	{ "RSET", smtp_server_rset, ANY,
	  CLEAR | IDLE | SMTP_VERB_ENDS_ASKING | SMTP_VERB_NO_ARGS,
	  SMTP_CMD_MAX, "RSET" },
	{ "NOOP", smtp_server_noop, ANY, CLEAR | IDLE, SMTP_CMD_MAX,
	  "NOOP [text]" },
	{ "VRFY", smtp_server_vrfy, ANY, IDLE | SMTP_VERB_NEEDS_ARGS,
	  SMTP_CMD_MAX, "VRFY address" },
	{ "EXPN", smtp_server_expn, ANY, SMTP_VERB_NEEDS_ARGS, SMTP_CMD_MAX,
	  "EXPN list" },
	{ "HELP", smtp_server_help, ANY, CLEAR | IDLE, SMTP_CMD_MAX,
	  "HELP [verb]" },
	{ "QUIT", smtp_server_quit, ANY,
	  CLEAR | SMTP_VERB_TURNED_AWAY | SMTP_VERB_NO_ARGS, SMTP_CMD_MAX,
	  "QUIT" },
};

const struct smtp_server_verb *
smtp_server_verbs(size_t *n)
{
	*n = sizeof(verbs) / sizeof(verbs[0]);
	return verbs;
}

bool
smtp_server_speaks(const struct smtp_server *s,
		   const struct smtp_server_verb *v)
{
	unsigned not_ours = s->o.lmtp ? SMTP_VERB_NOT_LMTP : SMTP_VERB_LMTP;

	return (v->flags & not_ours) == 0;
}

static const struct smtp_server_verb *
find_verb(const struct smtp_server *s, struct span name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (smtp_server_speaks(s, &verbs[i]) &&
		    span_eq_nocase(name, span_of(verbs[i].name)))
			return &verbs[i];
	}
	return NULL;
}

static int
refuse_state(struct smtp_session *s, const struct smtp_server_verb *v,
	     struct err *e)
{
	const char *why = "Not during a transaction";

	switch (s->state) {
	case SMTP_ST_NEW:
		why = s->server->o.lmtp ? "LHLO first" : "EHLO or HELO first";
		break;
	case SMTP_ST_READY:
		why = "MAIL first";
		break;
	case SMTP_ST_CHUNK:
		why = "Not between two BDAT";
		break;
	case SMTP_ST_MAIL:
	case SMTP_ST_RCPT:
	case SMTP_ST_TXN:
	case SMTP_ST_ANY:
		break;
	}
	return smtp_server_answerf(s, e, 503, "5.5.1", "Bad sequence, %s: %s",
				   v->name, why);
}

/* "POST / HTTP/1.1": a web page made a browser speak to us. */
static bool
is_http(struct span text)
{
	const struct span mark = span_of(" HTTP/");

	for (size_t i = 0; i + mark.n <= text.n; i++) {
		if (span_starts_nocase(span_skip(text, i), mark))
			return true;
	}
	return false;
}

static int
refuse_unknown(struct smtp_session *s, struct span text, struct err *e)
{
	const struct smtp_server *server = s->server;
	struct smtp_reply r;

	if (s->state == SMTP_ST_NEW && is_http(text))
		return smtp_server_bye(s, e, "http", 421, "4.7.0",
				       "This is no web server, closing");
	reply_set(&r, 500, "5.5.1", "Unknown command");
	if (server->ops.on_unknown != NULL)
		server->ops.on_unknown(server->ctx, &s->info, text, &r);
	if (smtp_server_accepts(&r))
		reply_set(&r, 500, "5.5.1", "Unknown command");
	return smtp_server_answer(s, &r, e);
}

/*
 * NOOP, or RSET after a MAIL that led to nothing, holds a place for six bytes
 * now and then.  So, without a login and until a message is stored, such
 * commands are errors after the tenth.  RSET after a recipient was asked about
 * is none of them: other servers verify so.
 */
static bool
is_one_too_many(struct smtp_session *s, const struct smtp_server_verb *v)
{
	return (v->flags & SMTP_VERB_IDLE) != 0 && s->info.login[0] == '\0' &&
	       !(s->asked && (v->flags & SMTP_VERB_ENDS_ASKING) != 0) &&
	       ++s->idle > SMTP_IDLE_MAX &&
	       ++s->errors >= s->server->o.errors_max;
}

int
smtp_server_command(struct smtp_session *s, struct span text, struct err *e)
{
	struct span args = text;
	const struct smtp_server_verb *v =
	    find_verb(s->server, span_word(&args));

	if (text.n > 0 && span_is_blank(text.p[0]))
		v = NULL;
	size_t max = v == NULL ? SMTP_CMD_MAX : v->line_max;
	if (text.n > max - 2)
		return smtp_server_answerf(s, e, 500, "5.5.2", "Line too long");
	if (s->turned_away &&
	    (v == NULL || (v->flags & SMTP_VERB_TURNED_AWAY) == 0))
		return smtp_server_answerf(s, e, 503, "5.5.1",
					   "No service here: QUIT only");
	if (v == NULL)
		return refuse_unknown(s, text, e);
	args = span_trim(args);
	if ((v->flags & SMTP_VERB_CHUNK) == 0)
		s->chunk_refused = false;
	if ((v->flags & SMTP_VERB_LAST_IN_GROUP) != 0 &&
	    stream_buffered(s->stream) > 0)
		return smtp_server_bye(s, e, "pipelining", 503, "5.5.1",
				       "Pipelining not allowed here, closing");
	if (s->server->o.tls_required && s->info.tls == NULL &&
	    (v->flags & SMTP_VERB_CLEAR) == 0)
		return smtp_server_answerf(s, e, 530, "5.7.0",
					   "STARTTLS first");
	if ((s->state & v->states) == 0)
		return refuse_state(s, v, e);
	if (((v->flags & SMTP_VERB_NO_ARGS) != 0 && args.n > 0) ||
	    ((v->flags & SMTP_VERB_NEEDS_ARGS) != 0 && args.n == 0))
		return smtp_server_answerf(s, e, 501, "5.5.4", "Syntax: %s",
					   v->usage);
	if (is_one_too_many(s, v))
		return smtp_server_bye(s, e, "too-many-errors", 421, "4.7.0",
				       "Too many commands without a message");
	return v->run(s, args, e);
}

/* Is a whole command line already here? */
static bool
has_command(struct smtp_session *s)
{
	struct span have;
	struct err e;

	return stream_buffered(s->stream) > 0 &&
	       stream_fill(s->stream, 0, &have, &e) == 0 &&
	       span_find(have, '\n', 0) >= 0;
}

static int
next_command(struct smtp_session *s, struct err *e)
{
	int64_t deadline =
	    smtp_server_deadline(s, s->server->o.idle_timeout_ms);
	struct line line;

	smtp_server_watch(s);
	if (!has_command(s) && stream_flush(s->stream, deadline, e) != 0)
		return -1;
	if ((s->state & SMTP_ST_TXN) == 0 && s->peer->drain != NULL &&
	    wake_is_raised(s->peer->drain))
		return err_set(e, ERR_STOP, 0, "shutting down");
	if (clock_mono_ms() >= s->deadline_ms)
		return err_set(e, ERR_TIMEOUT, 0, "session too long");
	if (stream_read_line(s->stream, SMTP_AUTH_LINE_MAX - 2, deadline, &line,
			     e) != 0)
		return -1;
	/* A line end that is none, or a NUL: two servers could read different
	 * commands here, so there is no next one. */
	if ((line.flags & (LINE_BARE_CR | LINE_BARE_LF | LINE_NUL)) != 0)
		return smtp_server_bye(s, e, "bare-control", 500, "5.5.2",
				       "Bare CR, LF or NUL, closing");
	if ((line.flags & LINE_LONG) != 0)
		return smtp_server_answerf(s, e, 500, "5.5.2", "Line too long");
	return smtp_server_command(s, line.text, e);
}

/* The session ends by *why: a last word where one is owed (4.2.1, 3.8). */
static __attribute__((noinline)) void
farewell(struct smtp_session *s, const struct err *why)
{
	struct err e;

	smtp_server_txn_reset(s);
	switch (why->class) {
	case ERR_TIMEOUT:
		(void)smtp_server_bye(s, &e, "timeout", 421, "4.4.2",
				      "Timed out, closing");
		break;
	case ERR_STOP:
		(void)smtp_server_bye(s, &e, "shutdown", 421, "4.3.2",
				      "Shutting down, closing");
		break;
	case ERR_CLOSED:
		s->reason = "disconnect";
		return;
	case ERR_TEMP:
	case ERR_PERM:
	case ERR_PROTO:
	case ERR_LIMIT:
	case ERR_BUG:
		(void)smtp_server_bye(s, &e, "error", 421, "4.3.0",
				      "Local error, closing");
		break;
	}
}

/* The policy does not want this client. */
static __attribute__((noinline)) int
refuse_client(struct smtp_session *s, const struct smtp_reply *why,
	      struct err *e)
{
	struct log_line l;
	struct smtp_reply r;

	smtp_server_log(s, &l, LOG_INFO, "client-refused");
	log_str(&l, "client", s->info.address);
	log_num(&l, "code", why->code);
	log_str(&l, "text", why->text);
	log_end(&l);
	if (why->code < 500)
		return smtp_server_bye(s, e, "policy", 421, why->enhanced,
				       why->text);
	/* 3.1: the session goes on until the client has said QUIT.  A greeting
	 * has no enhanced code (RFC 2034 3). */
	s->turned_away = true;
	reply_set(&r, 554, NULL, "%s %s", s->server->o.hostname, why->text);
	return smtp_server_send(s, &r, e);
}

int
smtp_server_greet(struct smtp_session *s, struct err *e)
{
	const struct smtp_server *server = s->server;
	const struct smtp_server_options *o = &server->o;
	struct smtp_reply r = { .code = 250 };

	if (server->ops.on_connect != NULL) {
		s->connected = true;
		server->ops.on_connect(server->ctx, &s->info, &r);
	}
	if (!smtp_server_accepts(&r))
		return refuse_client(s, &r, e);
	if (s->peer->is_unix && o->local_user != NULL &&
	    o->local_user(o->local_ctx, s->peer->uid, &s->user))
		s->info.login = s->user.address;
	reply_set(&r, 220, NULL, "%s %s postpair", o->hostname,
		  o->lmtp ? "LMTP" : "ESMTP");
	return smtp_server_send(s, &r, e);
}

/* The pause is for strangers. */
static bool
has_to_pause(const struct smtp_session *s)
{
	const struct smtp_server_options *o = &s->server->o;

	return o->greet_pause_ms > 0 && !s->peer->is_loopback &&
	       (o->greet_at_once == NULL ||
		!network_list_has(o->greet_at_once, s->peer->address));
}

/* Greeting (3.1): a client must wait for it. */
static __attribute__((noinline)) int
greeting(struct smtp_session *s, struct err *e)
{
	const struct smtp_server_options *o = &s->server->o;

	smtp_server_watch(s);
	if (has_to_pause(s) &&
	    stream_peer_spoke(s->stream, (int)o->greet_pause_ms))
		return smtp_server_bye(
		    s, e, "early-talker", 421, NULL,
		    "You spoke before the greeting, closing");
	return smtp_server_greet(s, e);
}

/* What stands in the frame of a whole session costs as long as it lasts, so
 * the large things have functions of their own. */
static __attribute__((noinline)) void
note_open(const struct smtp_session *s)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, "session-open");
	log_str(&l, "client", s->peer->address);
	log_num(&l, "port", s->peer->port);
	log_end(&l);
}

static __attribute__((noinline)) void
note_close(const struct smtp_session *s, const struct err *e)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, "session-close");
	log_str(&l, "client", s->info.address);
	log_str(&l, "reason", s->reason);
	log_num(&l, "messages", s->messages);
	log_num(&l, "recipients", s->recipients);
	log_num(&l, "errors", s->errors);
	tls_log(&l, s->info.tls);
	/* such as the alert of a client that does not like our certificate */
	if (s->info.tls != NULL && e != NULL && e->class == ERR_CLOSED)
		log_str(&l, "error", e->msg);
	log_end(&l);
}

static void
run_session(struct smtp_session *s)
{
	struct err e = { 0 };

	note_open(s);
	if (stream_tls(s->stream) != NULL)
		smtp_server_secured(s);
	int rc = greeting(s, &e);
	while (rc == 0 && !s->closing)
		rc = next_command(s, &e);
	if (rc != 0)
		farewell(s, &e);
	smtp_server_txn_reset(s);
	if (s->connected && s->server->ops.on_disconnect != NULL)
		s->server->ops.on_disconnect(s->server->ctx, &s->info);
	stream_watch(s->stream, s->peer->kill);
	(void)stream_flush(s->stream, clock_mono_ms() + 1000, NULL);
	note_close(s, rc != 0 ? &e : NULL);
}

void
smtp_server_session(void *smtp_server, const struct listener_client *c)
{
	struct smtp_server *server = smtp_server;
	static const char no_memory[] = "421 Out of memory, closing\r\n";
	struct err e;

	struct smtp_session *s = calloc(1, sizeof(*s));
	if (s == NULL) {
		(void)stream_write(c->stream, no_memory, sizeof(no_memory) - 1,
				   clock_mono_ms() + 1000, &e);
		return;
	}
	s->server = server;
	s->peer = c;
	s->stream = c->stream;
	s->state = SMTP_ST_NEW;
	s->reason = "closed";
	s->deadline_ms = clock_mono_ms() + server->o.session_timeout_ms;
	s->login_ms = server->o.auth_required && !c->is_loopback
			  ? clock_mono_ms() + server->o.idle_timeout_ms
			  : INT64_MAX;
	s->info = (struct smtp_client_info){ .session = c->session,
					     .address = c->address,
					     .port = c->port,
					     .is_loopback = c->is_loopback,
					     .is_unix = c->is_unix,
					     .uid = c->uid,
					     .helo = s->helo,
					     .lmtp = server->o.lmtp,
					     .login = "",
					     .mechanism = s->mechanism,
					     .kill = c->kill };
	run_session(s);
	free(s);
}

int
smtp_server_new(struct smtp_server **s, const struct smtp_server_options *o,
		const struct smtp_server_ops *ops, void *ctx, struct err *e)
{
	if (ops->on_mail == NULL || ops->on_rcpt == NULL ||
	    ops->on_header == NULL || ops->on_body == NULL ||
	    ops->on_end == NULL || ops->on_reset == NULL ||
	    o->hostname == NULL || o->service == NULL)
		return err_set(e, ERR_BUG, 0, "incomplete SMTP service");
	struct smtp_server *n = calloc(1, sizeof(*n));
	if (n == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "SMTP service");
	n->o = *o;
	n->ops = *ops;
	n->ctx = ctx;
	if (n->o.recipients_max <= 0)
		n->o.recipients_max = SMTP_RECIPIENTS_MAX;
	if (n->o.errors_max <= 0)
		n->o.errors_max = SMTP_ERRORS_MAX;
	if (n->o.idle_timeout_ms <= 0)
		n->o.idle_timeout_ms = SMTP_IDLE_TIMEOUT_MS;
	if (n->o.data_timeout_ms <= 0)
		n->o.data_timeout_ms = SMTP_DATA_TIMEOUT_MS;
	if (n->o.session_timeout_ms <= 0)
		n->o.session_timeout_ms = SMTP_SESSION_TIMEOUT_MS;
	*s = n;
	return 0;
}

void
smtp_server_free(struct smtp_server **s)
{
	free(*s);
	*s = NULL;
}
