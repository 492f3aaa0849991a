#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pop3/pop3_server_private.h"

/* What the room auth may know of this connection. */
static void
fill_channel(const struct pop3_session *s, struct sasl_channel *c)
{
	const struct tls_info *tls = s->tls;

	*c = (struct sasl_channel){
		.peer = s->client->address,
		.stop = s->client->drain,
		.fd = stream_fd(s->stream),
		.clear_text_allowed = pop3_server_may_login(s),
		.certificate_digest =
		    tls != NULL && tls->has_pin ? tls->pin : NULL,
		.certificate_name =
		    tls != NULL && tls->verified ? tls->email : NULL,
	};
	c->has_binding =
	    tls != NULL && stream_tls_binding(s->stream, c->binding) == 0;
}

/* RFC 2449 5. */
int
pop3_server_capa(struct pop3_session *s, struct span args)
{
	char list[SASL_MECHANISMS_SIZE];
	struct sasl_channel c;

	(void)args;
	if (pop3_server_ok(s, "capabilities follow") != 0)
		return -1;
	if (s->tls == NULL && s->state == POP3_AUTHORIZATION &&
	    tls_server_ready(s->server->o.tls) &&
	    stream_writef(s->stream, pop3_server_deadline(s), NULL,
			  "STLS\r\n") != 0)
		return -1;
	fill_channel(s, &c);
	(void)sasl_mechanisms(s->server->o.sasl, &c, list);
	if (pop3_server_may_login(s) &&
	    stream_writef(s->stream, pop3_server_deadline(s), NULL,
			  "USER\r\n%s%s%s", list[0] == '\0' ? "" : "SASL ",
			  list, list[0] == '\0' ? "" : "\r\n") != 0)
		return -1;
	return stream_writef(s->stream, pop3_server_deadline(s), NULL,
			     "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
			     "PIPELINING\r\nUTF8 USER\r\nEXPIRE NEVER\r\n"
			     "IMPLEMENTATION postpair-%s\r\n.\r\n",
			     PACKAGE_VERSION);
}

int
pop3_server_utf8(struct pop3_session *s, struct span args)
{
	(void)args;
	s->utf8 = true;
	return pop3_server_ok(s, "UTF8 enabled");
}

/* ---- logging in -----------------------------------------------------------
 */

static void
log_login(const struct pop3_session *s, enum log_level level, const char *event,
	  const char *login, const struct err *e)
{
	struct log_line l;

	log_begin(&l, level, event);
	log_str(&l, "service", s->server->o.service);
	log_str(&l, "session", s->client->session);
	log_str(&l, "client", s->client->address);
	log_str(&l, "login", login);
	if (s->mechanism[0] != '\0')
		log_str(&l, "mechanism", s->mechanism);
	if (e != NULL && e->msg[0] != '\0')
		log_err(&l, e);
	else if (s->mailbox != NULL)
		log_num(&l, "messages", s->count);
	tls_log(&l, s->tls);
	if (s->waited_ms > 0)
		log_num(&l, "waited-ms", s->waited_ms);
	log_end(&l);
}

/* The password was right: open the maildrop. */
static int
enter(struct pop3_session *s, const struct user *user)
{
	const struct pop3_mailbox_ops *ops = &s->server->ops;
	struct err e = { 0 };
	void *mailbox = NULL;

	if (listener_place_login(s->client, user->address) != 0) {
		s->closing = true;
		return pop3_server_fail(s, "SYS/TEMP",
					"too many connections of this user");
	}
	enum pop3_open_result result =
	    ops->open(s->server->ctx, user->address, s->utf8, &mailbox, &e);
	if (result == POP3_IN_USE) {
		log_login(s, LOG_INFO, "pop3-in-use", user->address, NULL);
		return pop3_server_fail(s, "IN-USE",
					"another session has this maildrop");
	}
	if (result == POP3_FAILED) {
		log_login(s, LOG_ERROR, "pop3-open-failed", user->address, &e);
		return pop3_server_fail(s, "SYS/TEMP",
					"the maildrop cannot be opened now");
	}
	uint32_t n = ops->count(mailbox);
	s->mark = calloc(n + 1u, 1);
	if (n > POP3_SERVER_MESSAGES_MAX || s->mark == NULL) {
		ops->close(mailbox);
		free(s->mark);
		s->mark = NULL;
		return pop3_server_fail(s, "SYS/TEMP",
					"the maildrop is too large for now");
	}
	s->mailbox = mailbox;
	s->count = s->left = n;
	s->left_octets = 0;
	for (uint32_t i = 0; i < n; i++)
		s->left_octets += ops->octets(mailbox, i);
	memcpy(s->address, user->address, sizeof(s->address));
	s->state = POP3_TRANSACTION;
	log_login(s, LOG_INFO, "pop3-login", s->address, NULL);
	return pop3_server_ok(s, "%u messages, %llu octets", (unsigned)n,
			      (unsigned long long)s->left_octets);
}

static void
pause_after_failure(const struct pop3_session *s, int64_t delay_ms)
{
	struct pollfd p = { .fd = wake_fd(s->client->drain), .events = POLLIN };

	(void)poll(&p, 1, (int)delay_ms);
}

/* A login that came to nothing; the last of some ends the session. */
static int
refuse(struct pop3_session *s, const char *code, const char *text)
{
	if (++s->auth_failures >= POP3_SERVER_AUTH_FAILURES_MAX) {
		s->closing = true;
		text = "too many failed logins, closing";
	}
	return pop3_server_fail(s, code, text);
}

/*
 * A wrong password, an unknown user and a disabled one look and last the same:
 * the room auth sees to the time, this to the rest.
 */
static int
answer(struct pop3_session *s, enum sasl_result result,
       const struct sasl_answer *a)
{
	const char *login = a->user.address;

	s->waited_ms = a->waited_ms;
	switch (result) {
	case SASL_OK:
		return enter(s, &a->user);
	case SASL_REFUSED:
		log_login(s, LOG_WARN, "auth-failed", login, NULL);
		pause_after_failure(s, a->delay_ms);
		return refuse(s, "AUTH", "wrong user name or password");
	case SASL_LIMITED:
		/* RFC 3206 4: not AUTH, the password may be right */
		log_login(s, LOG_WARN, "auth-limited", login, &a->err);
		return refuse(s, "SYS/TEMP",
			      "too many logins, try again later");
	case SASL_UNKNOWN:
		return pop3_server_error(s, "no such mechanism");
	case SASL_UNAVAILABLE:
		log_login(s, LOG_ERROR, "auth-unavailable", login, &a->err);
		return pop3_server_fail(s, "SYS/TEMP",
					"cannot check passwords now");
	case SASL_MALFORMED:
	case SASL_CONTINUE:
		break;
	}
	return pop3_server_error(s, "malformed authentication data");
}

static int
refuse_clear_text(struct pop3_session *s)
{
	return pop3_server_error(s, "login in clear text is not allowed here");
}

int
pop3_server_user(struct pop3_session *s, struct span args)
{
	if (!pop3_server_may_login(s))
		return refuse_clear_text(s);
	if (span_copy(span_trim(args), s->login, sizeof(s->login)) != 0 ||
	    s->login[0] == '\0')
		return pop3_server_error(s, "not a user name");
	/* The same for every name: nobody learns who exists. */
	return pop3_server_ok(s, "send PASS");
}

int
pop3_server_pass(struct pop3_session *s, struct span args)
{
	struct sasl_channel channel;
	struct sasl_answer a;

	if (s->login[0] == '\0')
		return pop3_server_error(s, "USER first");
	fill_channel(s, &channel);
	sasl_answer_init(&a);
	(void)span_copy(span_of("USER"), s->mechanism, sizeof(s->mechanism));
	enum sasl_result result = sasl_password(s->server->o.sasl, &channel,
						span_of(s->login), args, &a);
	int rc = answer(s, result, &a);
	sasl_answer_clear(&a);
	s->login[0] = '\0';
	return rc;
}

/* Send a challenge, read the client's answer: -1 connection lost, 1 the
 * exchange is over (a reply was given, *rc is its result). */
static int
challenge(struct pop3_session *s, const struct buf *text, struct line *line,
	  int *rc)
{
	struct err e;

	*rc = 0;
	if (stream_write(s->stream, "+ ", 2, pop3_server_deadline(s), NULL) !=
		0 ||
	    stream_write(s->stream, text->p, text->n, pop3_server_deadline(s),
			 NULL) != 0 ||
	    stream_write(s->stream, "\r\n", 2, pop3_server_deadline(s), NULL) !=
		0 ||
	    pop3_server_flush(s, &e) != 0)
		return -1;
	int got = stream_read_line(s->stream, POP3_SERVER_AUTH_LINE_MAX - 2,
				   pop3_server_deadline(s), line, &e);
	stream_watch(s->stream, s->client->kill);
	if (got != 0)
		return -1;
	if (line->flags & (LINE_LONG | LINE_BARE_CR | LINE_NUL)) {
		*rc = pop3_server_error(s, "not a line of this exchange");
		return 1;
	}
	if (span_eq(line->text, span_of("*"))) { /* RFC 5034 4 */
		*rc = pop3_server_error(s, "authentication cancelled");
		return 1;
	}
	return 0;
}

/*
 * AUTH alone.  RFC 1734 and 5034 demand a mechanism and leave open what comes
 * without one; but before CAPA (RFC 2449) there was CAPA's SASL line, clients
 * asked in this way: Outlook, and Thunderbird of old, which take -ERR for "no
 * SASL here" and send the password as it is.  Dovecot lists the mechanisms, one
 * a line, and so do we: what CAPA says, in the older form.
 */
static int
list_mechanisms(struct pop3_session *s)
{
	char list[SASL_MECHANISMS_SIZE];
	struct sasl_channel c;

	fill_channel(s, &c);
	struct span rest =
	    span_of(sasl_mechanisms(s->server->o.sasl, &c, list));
	if (pop3_server_ok(s, "mechanisms follow") != 0)
		return -1;
	for (struct span one = span_word(&rest); one.n > 0;
	     one = span_word(&rest)) {
		if (stream_writef(s->stream, pop3_server_deadline(s), NULL,
				  "%.*s\r\n", SPAN_ARG(one)) != 0)
			return -1;
	}
	return stream_write(s->stream, ".\r\n", 3, pop3_server_deadline(s),
			    NULL);
}

int
pop3_server_auth(struct pop3_session *s, struct span args)
{
	struct sasl_exchange *x = NULL;
	struct sasl_channel channel;
	struct sasl_answer a;
	struct line line;
	int rc = 0, over = 0;

	if (!pop3_server_may_login(s))
		return refuse_clear_text(s);
	if (span_trim(args).n == 0)
		return list_mechanisms(s);
	struct span mechanism = span_word(&args);
	struct span initial = span_word(&args);
	if (mechanism.n == 0 || span_trim(args).n > 0)
		return pop3_server_error(s, "AUTH mechanism [response]");
	if (span_copy(mechanism, s->mechanism, sizeof(s->mechanism)) != 0)
		return pop3_server_error(s, "no such mechanism");
	if (initial.n == 0)
		initial.p = NULL;
	fill_channel(s, &channel);
	sasl_answer_init(&a);
	enum sasl_result result =
	    sasl_start(s->server->o.sasl, &channel, mechanism, initial, &x, &a);
	while (result == SASL_CONTINUE && over == 0) {
		over = challenge(s, &a.challenge, &line, &rc);
		if (over == 0)
			result = sasl_step(&x, line.text, &a);
	}
	sasl_cancel(&x);
	if (over == 0)
		rc = answer(s, result, &a);
	sasl_answer_clear(&a);
	return over < 0 ? -1 : rc;
}
