#include "shell/session.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/visible.h"
#include "pop3/pop3_client.h"
#include "shell/proc.h"
#include "shell/session_tls.h"
#include "shell/tty.h"
#include "smtp/smtp_client.h"

enum {
	PASSWORD_MAX = 1024,
	IN_USE_WAIT_MS = 5000,
	DOUBT_MS = 5000,
	IN_USE_STEP_MS = 100
};

/* A protocol line as `expect` reads it; what a server sends may hold anything,
 * so it is made printable. */
static void
trace_line(void *ctx, char direction, struct span line)
{
	struct shell *sh = ctx;
	struct buf clean;

	if (sh->trace == NULL)
		return;
	buf_init(&clean, STREAM_IN_BYTES);
	if (buf_add_span(&clean, line) == 0 && clean.n > 0)
		visible_defuse(clean.p, clean.n);
	/* A remark is a comment to `expect`. */
	(void)fprintf(sh->trace, "%c ", direction == '=' ? '#' : direction);
	if (clean.n > 0)
		(void)fwrite(clean.p, 1, clean.n, sh->trace);
	(void)fputc('\n', sh->trace);
	(void)fflush(sh->trace);
	buf_free(&clean);
}

void
session_wipe(char **secret)
{
	if (*secret != NULL)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

/* ---- passwords ------------------------------------------------------------
 */

static int
take_password(struct shell *sh, struct span text, char **password)
{
	while (text.n > 0 &&
	       (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (text.n == 0 || memchr(text.p, '\0', text.n) != NULL ||
	    memchr(text.p, '\n', text.n) != NULL)
		return failure_set(&sh->fail, SHELL_AUTH,
				   "that is no password: one line is wanted");
	*password = strndup(text.p, text.n);
	if (*password == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	return SHELL_OK;
}

static int
password_from_fd(struct shell *sh, char **password)
{
	char text[PASSWORD_MAX];
	size_t n = 0;
	int rc;

	while (n < sizeof(text) && (n == 0 || text[n - 1] != '\n')) {
		ssize_t got = read(sh->password_fd, text + n, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n++;
	}
	rc = take_password(sh, span_make(text, n), password);
	explicit_bzero(text, sizeof(text));
	return rc;
}

static int
password_from_command(struct shell *sh, char **password)
{
	struct err e;
	struct buf b;
	int status = 0, rc;

	buf_init(&b, PASSWORD_MAX);
	if (proc_capture(sh->password_command, &b, &status, &e) != 0)
		rc = failure_set(&sh->fail, SHELL_AUTH, "password command: %s",
				 e.msg);
	else if (status != 0)
		rc = failure_set(&sh->fail, SHELL_AUTH,
				 "the password command ended with status %d",
				 status);
	else
		rc = take_password(sh, buf_span(&b), password);
	if (b.p != NULL)
		explicit_bzero(b.p, b.cap);
	buf_free(&b);
	return rc;
}

int
session_password(struct shell *sh, const char *user, char **password)
{
	const char *from_env = getenv("MAILSH_PASSWORD");
	char prompt[ADDRESS_SIZE + 32];
	struct err e;

	if (sh->password_fd >= 0)
		return password_from_fd(sh, password);
	if (sh->password_command != NULL)
		return password_from_command(sh, password);
	if (from_env != NULL && from_env[0] != '\0')
		return take_password(sh, span_of(from_env), password);
	if (sh->cert_file[0] != '\0')
		return SHELL_OK;
	(void)snprintf(prompt, sizeof(prompt), "Password for %s: ", user);
	switch (tty_secret(prompt, &sh->stop, password, &e)) {
	case 1:
		return SHELL_OK;
	case 0:
		(void)failure_set(&sh->fail, SHELL_AUTH, "no password for %s",
				  user);
		failure_hint(&sh->fail, "use --password-fd, --password-command,"
					" $MAILSH_PASSWORD or a terminal");
		return SHELL_AUTH;
	default:
		return e.class == ERR_STOP
			   ? failure_from_err(&sh->fail, &e)
			   : failure_set(&sh->fail, SHELL_AUTH, "%s", e.msg);
	}
}

bool
session_login_at_hand(const struct shell *sh)
{
	const char *from_env = getenv("MAILSH_PASSWORD");

	return sh->password_fd >= 0 || sh->password_command != NULL ||
	       (from_env != NULL && from_env[0] != '\0') ||
	       sh->cert_file[0] != '\0';
}

/* ---- both -----------------------------------------------------------------
 */

int
session_need_user(struct shell *sh, const char *option)
{
	if (sh->session.user[0] != '\0')
		return SHELL_OK;
	if (sh->user_default[0] != '\0' && !sh->interactive &&
	    !session_login_at_hand(sh)) {
		(void)failure_set(&sh->fail, SHELL_AUTH,
				  "nobody is logged in: no password for %s",
				  sh->user_default);
		failure_hint(&sh->fail,
			     "%s logs in by itself only with --password-fd, "
			     "--password-command, $MAILSH_PASSWORD or --cert",
			     sh->user_default);
		return SHELL_AUTH;
	}
	(void)failure_set(&sh->fail, SHELL_USAGE, "nobody is logged in");
	failure_hint(&sh->fail, "login USER@DOMAIN --%s HOST:PORT", option);
	return SHELL_USAGE;
}

static int
need_server(struct shell *sh, const struct endpoint *at, const char *which,
	    const char *option)
{
	int rc = session_need_user(sh, option);

	if (rc != SHELL_OK || at->port != 0)
		return rc;
	(void)failure_set(&sh->fail, SHELL_USAGE,
			  "not logged in to a %s server", which);
	failure_hint(&sh->fail, "login %s --%s HOST:PORT", sh->session.user,
		     option);
	return SHELL_USAGE;
}

static int
no_connection(struct shell *sh, const struct endpoint *at, const char *what,
	      const struct tls_outcome *tls, const struct err *e)
{
	(void)failure_from_err(&sh->fail, e);
	if (sh->fail.status == SHELL_NO_LINK)
		failure_hint(&sh->fail,
			     "is the %s server running on %s port %u?", what,
			     at->host, at->port);
	session_tls_explain(sh, at, tls);
	return (int)sh->fail.status;
}

/* A login that was refused for good is about who logs in; `asks` tells whether
 * it may be the password. */
static void
login_refused(struct shell *sh, bool asks)
{
	if (sh->fail.status == SHELL_REFUSED) {
		sh->fail.status = SHELL_AUTH;
		sh->fail.symbol = status_symbol(SHELL_AUTH);
	}
	if (sh->fail.status == SHELL_AUTH && sh->session.password == NULL)
		failure_hint(&sh->fail,
			     "the certificate alone will not do there; a "
			     "password: --password-command or --password-fd");
	else if (sh->fail.status == SHELL_AUTH && asks)
		failure_hint(&sh->fail, "is the password of %s right?",
			     sh->session.user);
}

/* Who wants no TLS was told what that shows (--plain). */
static struct sasl_login
login_at(const struct shell *sh, const struct endpoint *at)
{
	const struct session *s = &sh->session;

	return (struct sasl_login){
		.login = s->user,
		.password = s->password,
		.mechanism = s->mechanism[0] == '\0' ? NULL : s->mechanism,
		.certificate = sh->cert_file[0] != '\0',
		.clear_text = at->tls == ENDPOINT_PLAIN,
	};
}

/* A port for mail from servers has none. */
static void
no_login(struct shell *sh, const struct endpoint *at)
{
	(void)failure_set(&sh->fail, SHELL_AUTH,
			  "%s:%u offers no login (no AUTH)", at->host,
			  at->port);
	failure_hint(&sh->fail,
		     "submission has port 465, or 587 with STARTTLS");
}

/* ---- SMTP -----------------------------------------------------------------
 */

int
session_lost_smtp(struct shell *sh, const struct err *e)
{
	smtp_client_close(&sh->session.smtp, false);
	return failure_from_err(&sh->fail, e);
}

void
session_close_smtp(struct shell *sh)
{
	if (sh->session.smtp != NULL)
		smtp_client_close(&sh->session.smtp, true);
}

static int
open_smtp(struct shell *sh)
{
	struct session *s = &sh->session;
	struct session_tls tls;

	if (session_tls_demand(sh, &s->smtp_at, &tls) != SHELL_OK)
		return (int)sh->fail.status;
	struct smtp_client_options o = {
		.host = s->smtp_at.host,
		.port = s->smtp_at.port,
		.connect_timeout_ms = sh->timeout_ms,
		.command_timeout_ms = sh->timeout_ms,
		.data_timeout_ms = sh->timeout_ms * 4,
		.stop = &sh->stop,
		.trace = trace_line,
		.trace_ctx = sh,
		.tls = (enum smtp_client_tls)tls.level,
		.tls_client = sh->tls_client,
		.tls_peer = &tls.peer,
		.tls_outcome = &tls.outcome,
	};
	struct sasl_login login = login_at(sh, &s->smtp_at);
	struct smtp_reply r = { 0 };
	struct err e = { 0 };

	if (smtp_client_open(&s->smtp, &o, &r, &e) != 0)
		return no_connection(sh, &s->smtp_at, "sender-side",
				     &tls.outcome, &e);
	if (r.code < 200 || r.code > 299)
		return failure_from_reply(&sh->fail, NULL, &r);
	if (smtp_client_auth(s->smtp, &login, &r, &e) != 0)
		return session_lost_smtp(sh, &e);
	if (r.code == 235) {
		session_tls_keep(sh, &s->smtp_at);
		return SHELL_OK;
	}
	(void)failure_from_reply(&sh->fail, NULL, &r);
	if (smtp_client_offers_auth(s->smtp))
		login_refused(sh, r.code == 535); /* RFC 4954 6 */
	else
		no_login(sh, &s->smtp_at);
	session_close_smtp(sh);
	return (int)sh->fail.status;
}

int
session_smtp(struct shell *sh)
{
	struct session *s = &sh->session;
	int rc = need_server(sh, &s->smtp_at, "sender-side", "smtp");

	if (rc != SHELL_OK)
		return rc;
	if (s->smtp != NULL && smtp_client_is_idle(s->smtp))
		return SHELL_OK;
	if (s->smtp != NULL) /* the server hung up while nothing was asked */
		smtp_client_close(&s->smtp, false);
	return open_smtp(sh);
}

/* ---- POP3 -----------------------------------------------------------------
 */

int
session_lost_pop3(struct shell *sh, const struct err *e)
{
	pop3_client_free(&sh->session.pop3);
	return failure_from_err(&sh->fail, e);
}

void
session_close_pop3(struct shell *sh)
{
	struct pop3_reply r;
	struct err e;

	if (sh->session.pop3 != NULL)
		(void)pop3_client_quit(&sh->session.pop3, &r, &e);
}

int
session_pop3_refused(struct shell *sh, const struct pop3_reply *r)
{
	static const char *const later[] = { "IN-USE", "LOGIN-DELAY",
					     "SYS/TEMP" };
	enum shell_status s = SHELL_REFUSED;

	if (strcmp(r->resp_code, "AUTH") == 0)
		s = SHELL_AUTH;
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(r->resp_code, later[i]) == 0)
			s = SHELL_LATER;
	return failure_set(&sh->fail, s, "-ERR %s", r->text);
}

/* One attempt: connect, CAPA, log in. */
static int
open_pop3(struct shell *sh)
{
	struct session *s = &sh->session;
	struct session_tls tls;

	if (session_tls_demand(sh, &s->pop3_at, &tls) != SHELL_OK)
		return (int)sh->fail.status;
	struct pop3_client_options o = {
		.host = s->pop3_at.host,
		.port = s->pop3_at.port,
		.connect_timeout_ms = sh->timeout_ms,
		.command_timeout_ms = sh->timeout_ms,
		.data_timeout_ms = sh->timeout_ms * 4,
		.stop = &sh->stop,
		.trace = trace_line,
		.trace_ctx = sh,
		.tls = (enum pop3_client_tls)tls.level,
		.tls_client = sh->tls_client,
		.tls_peer = &tls.peer,
		.tls_outcome = &tls.outcome,
	};
	struct sasl_login login = login_at(sh, &s->pop3_at);
	struct pop3_reply r = { 0 };
	struct err e = { 0 };

	if (pop3_client_open(&s->pop3, &o, &r, &e) != 0)
		return no_connection(sh, &s->pop3_at, "receiver-side",
				     &tls.outcome, &e);
	if (!r.ok) {
		pop3_client_free(&s->pop3);
		return session_pop3_refused(sh, &r);
	}
	if (pop3_client_login(s->pop3, &login, &r, &e) != 0)
		return session_lost_pop3(sh, &e);
	if (r.ok) {
		session_tls_keep(sh, &s->pop3_at);
		return SHELL_OK;
	}
	(void)session_pop3_refused(sh, &r);
	/* RFC 3206 4, 6: only [AUTH] is about the user, [SYS/PERM] is not; a
	 * server without these codes may mean either. */
	if (r.unasked || r.resp_code[0] == '\0' ||
	    strcmp(r.resp_code, "AUTH") == 0)
		login_refused(sh, !r.unasked);
	session_close_pop3(sh);
	return (int)sh->fail.status;
}

bool
session_is_in_use(const struct shell *sh)
{
	return sh->fail.status == SHELL_LATER &&
	       strstr(sh->fail.text, "[IN-USE]") != NULL;
}

/* A server may have hung up while a long text was read or another program ran:
 * better asked first than found out in the middle of a command. */
static void
check_pop3(struct shell *sh)
{
	struct session *s = &sh->session;
	int64_t now = clock_mono_ms();
	struct pop3_reply r = { 0 };
	struct err e = { 0 };

	if (s->pop3 != NULL && now - s->pop3_used_ms > DOUBT_MS &&
	    (pop3_client_command(s->pop3, &r, &e, "NOOP") != 0 || !r.ok))
		pop3_client_free(&s->pop3);
	s->pop3_used_ms = now;
}

int
session_pop3(struct shell *sh, enum session_patience patience, bool *opened)
{
	int64_t give_up = clock_mono_ms() + IN_USE_WAIT_MS;
	int rc = need_server(sh, &sh->session.pop3_at, "receiver-side", "pop3");

	*opened = false;
	if (rc == SHELL_OK)
		check_pop3(sh);
	if (rc != SHELL_OK || sh->session.pop3 != NULL)
		return rc;
	*opened = true;
	/* Our own last session, or another program's, may still be letting go
	 * of the maildrop: [IN-USE] passes (RFC 2449 8.1.2). */
	for (;;) {
		rc = open_pop3(sh);
		if (rc == SHELL_OK || !session_is_in_use(sh) ||
		    patience == SESSION_AT_ONCE || clock_mono_ms() >= give_up)
			return rc;
		if (proc_pause(IN_USE_STEP_MS, &sh->stop) != 0)
			return failure_set(&sh->fail, SHELL_INTERRUPTED,
					   "interrupted");
	}
}

void
session_forget(struct shell *sh)
{
	session_close_smtp(sh);
	session_close_pop3(sh);
	session_wipe(&sh->session.password);
	sh->session = (struct session){ 0 };
	mailbox_clear(&sh->box);
}
