#include "shell/mailsh_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "shell/session_tls.h"

enum long_option {
	OPT_SMTP_HOST = 256,
	OPT_SMTP_PORT,
	OPT_POP3_HOST,
	OPT_POP3_PORT,
	OPT_TLS,
	OPT_STARTTLS,
	OPT_PLAIN,
	OPT_CA,
	OPT_CERT,
	OPT_KEY,
	OPT_PASSWORD_FD,
	OPT_PASSWORD_COMMAND,
	OPT_TIMEOUT,
	OPT_COLOR,
	OPT_JSON,
	OPT_TSV,
	OPT_TABLE,
	OPT_CHECK,
	OPT_VERSION,
};

static const struct {
	const char *name;
	int letter; /* or one of the above */
	const char *value;
	const char *help;
} options[] = {
	{ "host", 'H', "HOST", "both servers are on HOST (localhost)" },
	{ "smtp-host", OPT_SMTP_HOST, "HOST", "the sender-side server's host" },
	{ "smtp-port", OPT_SMTP_PORT, "PORT",
	  "its port (465; 587 on loopback)" },
	{ "pop3-host", OPT_POP3_HOST, "HOST",
	  "the receiver-side server's host" },
	{ "pop3-port", OPT_POP3_PORT, "PORT",
	  "its port (995; 110 on loopback)" },
	{ "tls", OPT_TLS, NULL, "TLS from the first byte" },
	{ "starttls", OPT_STARTTLS, NULL, "begin in clear text, then TLS" },
	{ "plain", OPT_PLAIN, NULL, "no TLS" },
	{ "ca", OPT_CA, "FILE",
	  "trust the authorities in FILE, not the system's" },
	{ "cert", OPT_CERT, "FILE", "a certificate to log in with" },
	{ "key", OPT_KEY, "FILE", "its private key, if not in the same file" },
	{ "user", 'u', "USER@DOMAIN", "who logs in" },
	{ "password-fd", OPT_PASSWORD_FD, "N",
	  "read the password from file descriptor N" },
	{ "password-command", OPT_PASSWORD_COMMAND, "COMMAND",
	  "take the password from the output of COMMAND" },
	{ "command", 'c', "COMMAND", "run COMMAND (may be repeated)" },
	{ "file", 'f', "FILE",
	  "run the commands in FILE, - is standard input" },
	{ "keep-going", 'k', NULL, "do not stop at the first failure" },
	{ "check", OPT_CHECK, NULL, "only read the commands, run none" },
	{ "no-config", 'n', NULL, "use no files of the user" },
	{ "quiet", 'q', NULL, "do not say what was done" },
	{ "verbose", 'v', NULL, "show each command before it runs" },
	{ "trace", 't', NULL, "show the protocol" },
	{ "timeout", OPT_TIMEOUT, "TIME", "for an answer of a server (30s)" },
	{ "color", OPT_COLOR, "WHEN", "auto, always or never" },
	{ "table", OPT_TABLE, NULL, "lists as aligned columns" },
	{ "tsv", OPT_TSV, NULL, "lists as tab separated values" },
	{ "json", OPT_JSON, NULL, "lists and errors as JSON lines" },
	{ "help", 'h', NULL, "show this" },
	{ "version", OPT_VERSION, NULL, "show the version" },
};
enum { N_OPTIONS = sizeof(options) / sizeof(options[0]) };

static void
usage(void)
{
	(void)printf("usage: mailsh [OPTION...] [USER@DOMAIN]\n"
		     "       mailsh [OPTION...] -f FILE [ARGUMENT...]\n"
		     "Send and read mail, typed or by script.\n\n");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "--%s%s%s", options[i].name,
			       options[i].value == NULL ? "" : " ",
			       options[i].value == NULL ? ""
							: options[i].value);
		if (options[i].letter < 256)
			(void)printf("  -%c, %-26s %s\n", options[i].letter,
				     text, options[i].help);
		else
			(void)printf("      %-26s %s\n", text, options[i].help);
	}
	(void)printf(
	    "\nOptions stand before the first ARGUMENT; what follows it "
	    "is $2, $3 ... of FILE.\n");
	(void)printf("Without -c and -f, commands come from standard input.\n"
		     "`mailsh -c help` lists them; mailsh(1) has examples.\n");
}

static int
bad_value(const char *option, const char *value, const char *want)
{
	(void)fprintf(stderr, "mailsh: --%s %s: %s is wanted [usage]\n", option,
		      value, want);
	return SHELL_USAGE;
}

static int
take_port(const char *option, const char *text, uint16_t *port)
{
	uint64_t n;

	if (span_u64(span_of(text), &n) != 0 || n == 0 || n > 65535)
		return bad_value(option, text, "a port, 1 to 65535,");
	*port = (uint16_t)n;
	return SHELL_OK;
}

int
mailsh_options_script(struct mailsh_options *in, bool is_file, const char *text)
{
	if (in->n_scripts == MAILSH_SCRIPTS_MAX)
		return bad_value(is_file ? "file" : "command", text,
				 "no more than 64 of them");
	in->script[in->n_scripts++] = (struct mailsh_script){ is_file, text };
	return SHELL_OK;
}

static int
take_user(struct shell *sh, struct mailsh_options *in, const char *text)
{
	if (span_copy(span_of(text), sh->user_default,
		      sizeof(sh->user_default)) != 0)
		return bad_value("user", "...", "a shorter address");
	in->login = true;
	return SHELL_OK;
}

static int
take_number_option(struct shell *sh, int option, const char *value)
{
	static const char *const when[] = { "auto", "always", "never" };
	int64_t ms;
	uint64_t n;

	if (option == OPT_PASSWORD_FD) {
		if (span_u64(span_of(value), &n) != 0 || n > 1000000)
			return bad_value("password-fd", value, "a number");
		sh->password_fd = (int)n;
		return SHELL_OK;
	}
	if (option == OPT_TIMEOUT) {
		if (shell_parse_time(span_of(value), &ms) != 0)
			return bad_value("timeout", value, "a time (30s)");
		sh->timeout_ms = ms;
		return SHELL_OK;
	}
	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(when[i], value) == 0) {
			sh->color = (enum color_when)i;
			return SHELL_OK;
		}
	}
	return bad_value("color", value, "auto, always or never");
}

static int
take_file(const char *option, const char *path, char file[PATHS_SIZE])
{
	if (path[0] == '\0' || paths_expand(file, path) != 0)
		return bad_value(option, path, "a file");
	return SHELL_OK;
}

static void
take_flag(struct shell *sh, struct mailsh_options *in, int option)
{
	switch (option) {
	case OPT_TLS:
		sh->tls_default = ENDPOINT_TLS;
		break;
	case OPT_STARTTLS:
		sh->tls_default = ENDPOINT_STARTTLS;
		break;
	case OPT_PLAIN:
		sh->tls_default = ENDPOINT_PLAIN;
		break;
	case 'k':
		sh->keep_going = true;
		break;
	case 'n':
		sh->no_config = true;
		break;
	case 'q':
		sh->quiet = true;
		break;
	case 'v':
		sh->verbose = true;
		break;
	case 't':
		sh->trace = stderr;
		break;
	case OPT_CHECK:
		in->check = true;
		break;
	case OPT_TABLE:
		sh->format = FORMAT_TABLE;
		break;
	case OPT_TSV:
		sh->format = FORMAT_TSV;
		break;
	default:
		sh->format = FORMAT_JSON;
		sh->json_errors = true;
		break;
	}
}

static int
take_option(struct shell *sh, struct mailsh_options *in, int option,
	    const char *value)
{
	switch (option) {
	case 'H':
		in->host = value;
		return SHELL_OK;
	case OPT_SMTP_HOST:
		in->smtp_host = value;
		return SHELL_OK;
	case OPT_POP3_HOST:
		in->pop3_host = value;
		return SHELL_OK;
	case OPT_SMTP_PORT:
		return take_port("smtp-port", value, &in->smtp_port);
	case OPT_POP3_PORT:
		return take_port("pop3-port", value, &in->pop3_port);
	case 'u':
		return take_user(sh, in, value);
	case 'c':
	case 'f':
		return mailsh_options_script(in, option == 'f', value);
	case OPT_CA:
		return take_file("ca", value, sh->ca_file);
	case OPT_CERT:
		return take_file("cert", value, sh->cert_file);
	case OPT_KEY:
		return take_file("key", value, sh->key_file);
	case OPT_PASSWORD_COMMAND:
		sh->password_command = value;
		return SHELL_OK;
	case OPT_PASSWORD_FD:
	case OPT_TIMEOUT:
	case OPT_COLOR:
		return take_number_option(sh, option, value);
	default:
		take_flag(sh, in, option);
		return SHELL_OK;
	}
}

/* A port or a host of a server makes it the default of `login`; a host for
 * both, without ports, means both at their usual ports. */
static int
fill_endpoint(struct shell *sh, struct endpoint *at, const char *host,
	      uint16_t port, bool wanted)
{
	struct span name = span_of(host);

	/* "[::1]", as it is written elsewhere */
	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = span_make(name.p + 1, name.n - 2);
	if (span_copy(name, at->host, sizeof(at->host)) != 0)
		return bad_value("host", "...", "a shorter name");
	at->tls = sh->tls_default;
	at->port = port;
	if (port == 0 && wanted)
		at->port = session_tls_port(at, at == &sh->smtp_default);
	return SHELL_OK;
}

static int
fill_servers(struct shell *sh, struct mailsh_options *in)
{
	const char *host = in->host == NULL ? "localhost" : in->host;
	bool both = in->host != NULL && in->smtp_port == 0 &&
		    in->pop3_port == 0 && in->smtp_host == NULL &&
		    in->pop3_host == NULL;

	if (fill_endpoint(sh, &sh->smtp_default,
			  in->smtp_host == NULL ? host : in->smtp_host,
			  in->smtp_port,
			  both || in->smtp_host != NULL) != SHELL_OK)
		return SHELL_USAGE;
	return fill_endpoint(sh, &sh->pop3_default,
			     in->pop3_host == NULL ? host : in->pop3_host,
			     in->pop3_port, both || in->pop3_host != NULL);
}

static void
fill_getopt(struct option *longs, char *shorts)
{
	*shorts++ = '+'; /* what follows a word may be a file's */
	for (size_t i = 0; i < N_OPTIONS; i++) {
		longs[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].value == NULL ? no_argument
							    : required_argument,
			.val = options[i].letter,
		};
		if (options[i].letter >= 256)
			continue;
		*shorts++ = (char)options[i].letter;
		if (options[i].value != NULL)
			*shorts++ = ':';
	}
	longs[N_OPTIONS] = (struct option){ 0 };
	*shorts = '\0';
}

/* Words that are no options are the arguments of a file; without one the first
 * is the user, and options may stand behind it. */
static bool
is_user(const struct mailsh_options *in)
{
	for (unsigned i = 0; i < in->n_scripts; i++)
		if (in->script[i].is_file)
			return false;
	return true;
}

/* The next option, or the user.  A status, or -1: all is said. */
static int
take_next(struct shell *sh, struct mailsh_options *in, int option,
	  char *const *argv)
{
	switch (option) {
	case '?':
		(void)fprintf(stderr, "hint: mailsh --help\n");
		return SHELL_USAGE;
	case 'h':
		usage();
		return -1;
	case OPT_VERSION:
		(void)printf("mailsh (postpair) %s\n", PACKAGE_VERSION);
		return -1;
	case -1:
		if (in->named)
			return bad_value("user", argv[optind],
					 "no second name");
		in->named = true;
		return take_user(sh, in, argv[optind++]);
	default:
		return take_option(sh, in, option, optarg);
	}
}

static bool
is_option(const char *word)
{
	struct span name = span_of(word);
	long end = span_find(name, '=', 0);

	if (name.n == 2 && word[0] == '-')
		for (size_t i = 0; i < N_OPTIONS; i++)
			if (options[i].letter == word[1])
				return true;
	if (name.n < 3 || word[0] != '-' || word[1] != '-')
		return false;
	name = span_skip(end < 0 ? name : span_head(name, (size_t)end), 2);
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (span_eq(name, span_of(options[i].name)))
			return true;
	return false;
}

/* What stands behind the first argument of a file is the file's, whatever it
 * looks like.  Who meant it for us must not wonder. */
static void
note_arguments(const struct shell *sh, bool is_meant)
{
	for (size_t i = 1; i < sh->n_script_args && !is_meant; i++) {
		if (!is_option(sh->script_args[i]))
			continue;
		(void)fprintf(stderr,
			      "mailsh: %s is $%zu of the file: options stand "
			      "before %s (behind -- nothing is said)\n",
			      sh->script_args[i], i + 1, sh->script_args[0]);
		return;
	}
}

int
mailsh_options_parse(struct shell *sh, int argc, char **argv,
		     struct mailsh_options *in)
{
	struct option longs[N_OPTIONS + 1];
	char shorts[2 * N_OPTIONS + 2];
	int rc = SHELL_OK;

	fill_getopt(longs, shorts);
	while (rc == SHELL_OK) {
		int o = getopt_long(argc, argv, shorts, longs, NULL);

		if (o == -1 && (optind >= argc || !is_user(in)))
			break;
		rc = take_next(sh, in, o, argv);
	}
	sh->script_args = (const char *const *)argv + optind;
	sh->n_script_args = (size_t)(argc - optind);
	if (rc == SHELL_OK && !is_user(in))
		note_arguments(sh, strcmp(argv[optind - 1], "--") == 0);
	return rc == SHELL_OK ? fill_servers(sh, in) : rc;
}
