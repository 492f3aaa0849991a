#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/address.h"
#include "pop3/pop3_client.h"
#include "shell/cmd.h"
#include "shell/pins.h"
#include "shell/session.h"
#include "shell/session_tls.h"
#include "smtp/smtp_client.h"

const struct command_option cmd_login_options[] = {
	{ "smtp", 0, "HOST[:PORT]", COMPLETE_NONE,
	  "the sender-side server, to send (port 465; 587 with STARTTLS)" },
	{ "pop3", 0, "HOST[:PORT]", COMPLETE_NONE,
	  "the receiver-side server, to read (port 995; 110 with STLS)" },
	{ "password", 0, "WORD", COMPLETE_NONE,
	  "the password itself; never kept in the history" },
	{ "password-command", 0, "COMMAND", COMPLETE_NONE,
	  "a command that prints the password" },
	{ "password-fd", 0, "N", COMPLETE_NONE,
	  "read the password from this file descriptor" },
	{ "mechanism", 0, "NAME", COMPLETE_NONE,
	  "log in by this SASL mechanism, not the strongest" },
	{ "tls", 0, NULL, COMPLETE_NONE, "TLS from the first byte" },
	{ "starttls", 0, NULL, COMPLETE_NONE, "begin in clear text, then TLS" },
	{ "plain", 0, NULL, COMPLETE_NONE,
	  "no TLS: whoever is on the way reads the password" },
	{ "pin", 0, "PIN", COMPLETE_NONE,
	  "trust the server with this key from now on; none: forget it" },
	{ NULL, 0, NULL, COMPLETE_NONE, NULL },
};

/* --tls, --starttls, --plain: at most one, else what the program was given. */
static int
choose_tls(struct shell *sh, const struct args *a, enum endpoint_tls *tls)
{
	static const char *const names[] = { [ENDPOINT_TLS] = "tls",
					     [ENDPOINT_STARTTLS] = "starttls",
					     [ENDPOINT_PLAIN] = "plain" };
	int given = 0;

	*tls = sh->tls_default;
	for (int i = ENDPOINT_TLS; i <= ENDPOINT_PLAIN; i++) {
		if (!args_has(a, names[i]))
			continue;
		*tls = (enum endpoint_tls)i;
		given++;
	}
	if (given <= 1)
		return SHELL_OK;
	return failure_set(&sh->fail, SHELL_USAGE,
			   "one of --tls, --starttls and --plain");
}

/* HOST or HOST:PORT; standard: the port without one, 0: that of the mode. */
static int
endpoint(struct shell *sh, const struct args *a, const char *option,
	 uint16_t standard, struct endpoint *at)
{
	const struct arg *v = args_value(a, option);
	struct err e;

	if (v == NULL)
		return SHELL_OK;
	/* Ports of the command line are for its own way of encryption. */
	if (at->tls != sh->tls_default)
		standard = 0;
	/* With a port, else without: port 0 is then one that was named. */
	if (net_endpoint(arg_span(v), -1, at->host, &at->port, &e) != 0) {
		if (net_endpoint(arg_span(v), 0, at->host, &at->port, &e) != 0)
			return failure_set(&sh->fail, SHELL_USAGE, "--%s: %s",
					   option, e.msg);
		at->port = standard != 0
			       ? standard
			       : session_tls_port(at, option[0] == 's');
	}
	return at->port != 0 ? SHELL_OK
			     : failure_set(&sh->fail, SHELL_USAGE,
					   "--%s: port 0 is no port", option);
}

/* A pin the user gives, or takes back, holds for the servers of this login. */
static int
choose_pin(struct shell *sh, const struct args *a, struct endpoint *at)
{
	const struct arg *v = args_value(a, "pin");
	uint8_t bytes[TLS_PIN_BYTES];
	struct err e = { 0 };

	if (v == NULL || at->port == 0)
		return SHELL_OK;
	at->pin[0] = '\0';
	if (strcmp(v->text, "none") == 0)
		return pins_set(at->host, at->port, NULL, &e) == 0
			   ? SHELL_OK
			   : failure_from_local(&sh->fail, &e);
	if (tls_pin_parse(arg_span(v), bytes) != 0 ||
	    span_copy(arg_span(v), at->pin, sizeof(at->pin)) != 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "--pin: a pin is sha256//BASE64, or none");
	return SHELL_OK;
}

static int
choose_servers(struct shell *sh, const struct args *a, bool same,
	       struct endpoint *smtp, struct endpoint *pop3)
{
	enum endpoint_tls tls;
	int rc = choose_tls(sh, a, &tls);
	bool said = tls != sh->tls_default;

	smtp->tls = pop3->tls = tls;
	/* Named servers are the only ones; else those of the command line. */
	if (!args_has(a, "smtp") && !args_has(a, "pop3")) {
		*smtp = sh->smtp_default;
		*pop3 = sh->pop3_default;
		if (same && smtp->port == 0)
			*smtp = sh->session.smtp_at;
		if (same && pop3->port == 0)
			*pop3 = sh->session.pop3_at;
		if (said)
			smtp->tls = pop3->tls = tls;
	}
	if (rc == SHELL_OK)
		rc = endpoint(sh, a, "smtp", sh->smtp_default.port, smtp);
	if (rc == SHELL_OK)
		rc = endpoint(sh, a, "pop3", sh->pop3_default.port, pop3);
	if (rc == SHELL_OK)
		rc = choose_pin(sh, a, smtp);
	if (rc == SHELL_OK)
		rc = choose_pin(sh, a, pop3);
	if (rc != SHELL_OK)
		return rc;
	if (smtp->port != 0 || pop3->port != 0)
		return SHELL_OK;
	(void)failure_set(&sh->fail, SHELL_USAGE, "no server is named");
	failure_hint(&sh->fail, "login USER@DOMAIN --smtp HOST:PORT to send, "
				"--pop3 HOST:PORT to read");
	return SHELL_USAGE;
}

static int
choose_user(struct shell *sh, const struct args *a, char user[ADDRESS_SIZE])
{
	const char *name = a->n > 0 ? a->operand[0].text : sh->user_default;
	const struct contact *c = contacts_find(&sh->contacts, span_of(name));
	struct address x;
	struct err e;

	if (name[0] == '\0')
		name = sh->session.user;
	if (name[0] == '\0')
		return failure_set(&sh->fail, SHELL_USAGE,
				   "who? login USER@DOMAIN");
	if (c != NULL)
		name = c->address;
	if (address_parse_mailbox(span_of(name), ADDRESS_ALLOW_UTF8, &x, &e) !=
		0 ||
	    address_text(&x, user) != 0)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "%s: a user is name@domain (%s)", name,
				   e.msg);
	return SHELL_OK;
}

static int
choose_mechanism(struct shell *sh, const struct args *a, char *name,
		 size_t size)
{
	const struct arg *v = args_value(a, "mechanism");

	name[0] = '\0';
	if (v == NULL || span_copy(arg_span(v), name, size) == 0)
		return SHELL_OK;
	return failure_set(&sh->fail, SHELL_USAGE,
			   "--mechanism wants a name, such as SCRAM-SHA-256");
}

/* The login's own options go before those of the command line. */
static int
choose_password(struct shell *sh, const struct args *a, const char *user,
		bool same, char **password)
{
	const struct arg *v = args_value(a, "password");
	const struct arg *command = args_value(a, "password-command");
	const struct arg *fd = args_value(a, "password-fd");
	const char *saved_command = sh->password_command;
	int saved_fd = sh->password_fd, rc;
	uint64_t n;

	if (v != NULL) {
		*password = strndup(v->text, v->n);
		return *password == NULL ? failure_set(&sh->fail, SHELL_LOCAL,
						       "out of memory")
					 : SHELL_OK;
	}
	if (fd != NULL) {
		if (span_u64(arg_span(fd), &n) != 0 || n > 1000000)
			return failure_set(&sh->fail, SHELL_USAGE,
					   "--password-fd wants a number");
		sh->password_fd = (int)n;
	} else if (command != NULL) {
		sh->password_fd = -1;
		sh->password_command = command->text;
	} else if (same && sh->session.password != NULL) {
		*password = strdup(sh->session.password);
		return *password == NULL ? failure_set(&sh->fail, SHELL_LOCAL,
						       "out of memory")
					 : SHELL_OK;
	}
	rc = session_password(sh, user, password);
	sh->password_fd = saved_fd;
	sh->password_command = saved_command;
	return rc;
}

static int
connect_all(struct shell *sh, bool *in_use)
{
	const struct session *s = &sh->session;
	bool opened;
	int rc = SHELL_OK;

	*in_use = false;
	if (s->smtp_at.port != 0)
		rc = session_smtp(sh);
	if (rc != SHELL_OK || s->pop3_at.port == 0)
		return rc;
	/* Who only wants to send need not wait for another reader. */
	if (s->smtp_at.port != 0) {
		rc = session_pop3(sh, SESSION_AT_ONCE, &opened);
		if (rc != SHELL_OK && session_is_in_use(sh)) {
			*in_use = true;
			sh->fail = (struct failure){ 0 };
			return SHELL_OK;
		}
	}
	return rc == SHELL_OK ? mailbox_load(sh, false) : rc;
}

static void
say_login(struct shell *sh, bool in_use)
{
	const struct session *s = &sh->session;
	char smtp[NET_HOST_SIZE + 80] = "", pop3[NET_HOST_SIZE + 120] = "";
	char tls[64];
	uint32_t count = mailbox_count(&sh->box).all;

	if (s->smtp_at.port != 0)
		(void)snprintf(smtp, sizeof(smtp), "  smtp %s:%u (%s)",
			       s->smtp_at.host, s->smtp_at.port,
			       session_tls_text(smtp_client_tls(s->smtp), tls,
						sizeof(tls)));
	if (in_use)
		(void)snprintf(pop3, sizeof(pop3),
			       "  pop3 %s:%u (in use by another session)",
			       s->pop3_at.host, s->pop3_at.port);
	else if (s->pop3_at.port != 0)
		(void)snprintf(pop3, sizeof(pop3),
			       "  pop3 %s:%u (%s; %u message%s)",
			       s->pop3_at.host, s->pop3_at.port,
			       session_tls_text(pop3_client_tls(s->pop3), tls,
						sizeof(tls)),
			       count, count == 1 ? "" : "s");
	shell_say(sh, "logged in as %s%s%s", s->user, smtp, pop3);
}

int
cmd_login(struct shell *sh, const struct args *a)
{
	struct session *s = &sh->session;
	struct endpoint smtp = { .port = 0 }, pop3 = { .port = 0 };
	char user[ADDRESS_SIZE], *password = NULL;
	char mechanism[sizeof(s->mechanism)];
	bool same, in_use;
	int rc = choose_user(sh, a, user);

	if (rc != SHELL_OK)
		return rc;
	same = strcmp(user, s->user) == 0;
	rc = choose_servers(sh, a, same, &smtp, &pop3);
	if (rc == SHELL_OK)
		rc = choose_mechanism(sh, a, mechanism, sizeof(mechanism));
	/* EXTERNAL has none: the certificate of --cert is enough. */
	if (rc == SHELL_OK && strcasecmp(mechanism, "EXTERNAL") != 0)
		rc = choose_password(sh, a, user, same, &password);
	if (rc == SHELL_OK && !same && s->user[0] != '\0')
		rc = cmd_leave(sh);
	if (rc != SHELL_OK) {
		session_wipe(&password);
		return rc;
	}
	session_wipe(&s->password);
	s->password = password;
	memcpy(s->user, user, sizeof(s->user));
	memcpy(s->mechanism, mechanism, sizeof(s->mechanism));
	if (smtp.port != 0) {
		session_close_smtp(sh);
		s->smtp_at = smtp;
	}
	if (pop3.port != 0) {
		if (strcmp(pop3.host, s->pop3_at.host) != 0 ||
		    pop3.port != s->pop3_at.port)
			mailbox_clear(&sh->box);
		session_close_pop3(sh);
		s->pop3_at = pop3;
	}
	rc = connect_all(sh, &in_use);
	if (rc != SHELL_OK) {
		session_forget(sh);
		return rc;
	}
	say_login(sh, in_use);
	return SHELL_OK;
}

int
cmd_leave(struct shell *sh)
{
	uint32_t marked = mailbox_count(&sh->box).marked;
	int rc;

	if (sh->session.user[0] == '\0')
		return SHELL_OK;
	if (sh->exit_status != SHELL_OK || (sh->failed && !sh->interactive)) {
		rc = SHELL_OK;
		if (marked > 0)
			shell_note(sh,
				   "mailsh: %u marked message%s not deleted",
				   marked, marked == 1 ? " was" : "s were");
	} else {
		rc = mailbox_commit(sh);
		if (rc == SHELL_OK && marked > 0)
			shell_say(sh, "deleted %u message%s", marked,
				  marked == 1 ? "" : "s");
	}
	session_forget(sh);
	return rc;
}

int
cmd_logout(struct shell *sh, const struct args *a)
{
	(void)a;
	if (sh->session.user[0] == '\0')
		return failure_set(&sh->fail, SHELL_USAGE,
				   "nobody is logged in");
	return cmd_leave(sh);
}

/* ---- status ---------------------------------------------------------------
 */

/* Aligned for the eye, a tab for programs. */
static void
status_key(struct shell *sh, const char *key)
{
	if (sh->out_is_tty)
		(void)fprintf(sh->out, "%-10s", key);
	else
		(void)fprintf(sh->out, "%s\t", key);
}

static void
tls_line(struct shell *sh, const char *key, const struct tls_outcome *o)
{
	char text[512];

	status_key(sh, key);
	(void)fprintf(sh->out, "%s\n", tls_outcome_text(o, text, sizeof(text)));
}

static void
smtp_line(struct shell *sh)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = { { SMTP_EXT_SIZE, "SIZE" },
		      { SMTP_EXT_PIPELINING, "PIPELINING" },
		      { SMTP_EXT_8BITMIME, "8BITMIME" },
		      { SMTP_EXT_SMTPUTF8, "SMTPUTF8" },
		      { SMTP_EXT_ENHANCEDSTATUSCODES, "ENHANCEDSTATUSCODES" },
		      { SMTP_EXT_DSN, "DSN" } };
	const struct session *s = &sh->session;

	status_key(sh, "smtp");
	if (s->smtp_at.port == 0) {
		(void)fprintf(sh->out, "not logged in\n");
		return;
	}
	(void)fprintf(sh->out, "%s:%u%c%s", s->smtp_at.host, s->smtp_at.port,
		      sh->out_is_tty ? ' ' : '\t',
		      s->smtp == NULL ? "disconnected" : "connected");
	for (size_t i = 0;
	     s->smtp != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if ((smtp_client_extensions(s->smtp) & names[i].flag) != 0)
			(void)fprintf(sh->out, " %s", names[i].name);
	(void)fputc('\n', sh->out);
	if (s->smtp != NULL)
		tls_line(sh, "smtp-tls", smtp_client_tls(s->smtp));
}

static void
pop3_line(struct shell *sh)
{
	const struct session *s = &sh->session;
	const struct mailbox_count count = mailbox_count(&sh->box);

	status_key(sh, "pop3");
	if (s->pop3_at.port == 0) {
		(void)fprintf(sh->out, "not logged in\n");
		return;
	}
	(void)fprintf(sh->out, "%s:%u%c%s\n", s->pop3_at.host, s->pop3_at.port,
		      sh->out_is_tty ? ' ' : '\t',
		      s->pop3 == NULL ? "disconnected" : "connected");
	if (s->pop3 != NULL)
		tls_line(sh, "pop3-tls", pop3_client_tls(s->pop3));
	status_key(sh, "messages");
	(void)fprintf(sh->out, "%u, %u not read here, %u marked for deletion\n",
		      count.all, count.unread, count.marked);
}

int
cmd_status(struct shell *sh, const struct args *a)
{
	const struct session *s = &sh->session;

	(void)a;
	status_key(sh, "user");
	(void)fprintf(sh->out, "%s\n",
		      s->user[0] == '\0' ? "nobody is logged in" : s->user);
	smtp_line(sh);
	pop3_line(sh);
	status_key(sh, "draft");
	(void)fprintf(sh->out, "%s\n",
		      !sh->draft.exists      ? "none"
		      : sh->draft.to == NULL ? "without recipient"
					     : sh->draft.to);
	status_key(sh, "trace");
	(void)fprintf(sh->out, "%s\n", sh->trace == NULL ? "off" : "on");
	return SHELL_OK;
}
