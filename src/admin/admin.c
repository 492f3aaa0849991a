#include "admin/admin.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/descriptors.h"
#include "base/visible.h"

/* Which options a verb takes; any other one is a mistake, not ignored. */
enum takes {
	TAKES_FILE = 1,     /* --users, --config */
	TAKES_PASSWORD = 2, /* --password-fd, --scheme, --plain */
	TAKES_MAILBOX = 4,  /* --quota, --alias */
	TAKES_JSON = 8,
	TAKES_CONFIG = 16, /* --config, of a server */
	TAKES_FILTER = 32, /* --sender, --recipient, ... */
	TAKES_ALL = 64,
	TAKES_DIR = 128,  /* --dir, --days: certificates */
	TAKES_MAKE = 256, /* --force */
	TAKES_NAME = 512,
	TAKES_ITERATIONS = 1024,
};

/* Numbers of arguments that are not one number. */
enum { ANY = -1, SOME = -2 };

enum {
	TAKES_ACT = TAKES_CONFIG | TAKES_JSON | TAKES_FILTER | TAKES_ALL,
	TAKES_NEW_CERT = TAKES_DIR | TAKES_MAKE | TAKES_JSON,
};

struct verb {
	const char *group, *name, *args;
	int n_args;
	unsigned takes;
	admin_fn *fn;
	const char *help;
};

static const struct verb verbs[] = {
	{ "user", "add", "ADDRESS", 1,
	  TAKES_FILE | TAKES_PASSWORD | TAKES_MAILBOX, admin_user_add,
	  "a new user; the password is asked for" },
	{ "user", "passwd", "ADDRESS", 1, TAKES_FILE | TAKES_PASSWORD,
	  admin_user_passwd, "another password" },
	{ "user", "list", "", 0, TAKES_FILE | TAKES_JSON, admin_user_list,
	  "all users" },
	{ "user", "remove", "ADDRESS", 1, TAKES_FILE, admin_user_remove,
	  "take a user away; the mailbox stays" },
	{ "user", "check", "", 0, TAKES_FILE, admin_user_check,
	  "is the users file right?" },
	{ "user", "secret", "", 0, TAKES_FILE | TAKES_ITERATIONS,
	  admin_user_secret, "make the secret of the users file" },
	{ "config", "check", "sender|receiver FILE", 2, 0, admin_config_check,
	  "is a configuration file right?" },
	{ "queue", "list", "[ID]...", ANY,
	  TAKES_CONFIG | TAKES_JSON | TAKES_FILTER, admin_queue_list,
	  "what waits in the sender" },
	{ "queue", "show", "ID...", SOME, TAKES_CONFIG | TAKES_JSON,
	  admin_queue_show, "each recipient of a message" },
	{ "queue", "hold", "[ID]...", ANY, TAKES_ACT, admin_queue_hold,
	  "deliver these no more for now" },
	{ "queue", "release", "[ID]...", ANY, TAKES_ACT, admin_queue_release,
	  "deliver what was held, or waits for its time" },
	{ "queue", "retry", "[ID]...", ANY, TAKES_ACT, admin_queue_retry,
	  "try these now" },
	{ "queue", "remove", "[ID]...", ANY, TAKES_ACT, admin_queue_remove,
	  "throw these away, tell nobody" },
	{ "queue", "cancel", "[ID]...", ANY, TAKES_ACT, admin_queue_cancel,
	  "the same with those that wait for their time" },
	{ "queue", "flush", "", 0, TAKES_CONFIG | TAKES_JSON, admin_queue_flush,
	  "try everything now" },
	{ "trail", "", "ID", 1, TAKES_CONFIG | TAKES_JSON, admin_trail,
	  "what was said about a message" },
	{ "why", "", "ADDRESS", 1, TAKES_CONFIG | TAKES_JSON, admin_why,
	  "what becomes of mail to an address" },
	{ "tls", "list", "", 0, TAKES_CONFIG | TAKES_JSON, admin_tls_list,
	  "how well destinations were protected" },
	{ "tls", "forget", "DESTINATION...", SOME, TAKES_CONFIG | TAKES_JSON,
	  admin_tls_forget, "let these be less protected again" },
	{ "journal", "check", "[DIRECTORY]", ANY, TAKES_CONFIG,
	  admin_journal_check, "is the sender's journal right?" },
	{ "store", "init", "[DIRECTORY]", ANY, TAKES_CONFIG, admin_store_init,
	  "these are the mailboxes: let the receiver start" },
	{ "cert", "ca", "", 0, TAKES_NEW_CERT | TAKES_NAME, admin_cert_ca,
	  "a private authority for certificates" },
	{ "cert", "host", "NAME...", SOME, TAKES_NEW_CERT, admin_cert_host,
	  "a server's certificate, by that authority" },
	{ "cert", "user", "ADDRESS", 1, TAKES_NEW_CERT, admin_cert_user,
	  "a user's, to log in with" },
	{ "cert", "renew", "NAME...", SOME, TAKES_DIR | TAKES_JSON,
	  admin_cert_renew, "the same again, for longer" },
	{ "cert", "show", "FILE...", SOME, TAKES_JSON, admin_cert_show,
	  "what certificates say" },
	{ "cert", "check", "[FILE]...", ANY, TAKES_DIR | TAKES_JSON,
	  admin_cert_check, "are they right, and for how long?" },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

enum {
	OPT_PASSWORD_FD = 256,
	OPT_PLAIN,
	OPT_SCHEME,
	OPT_ITERATIONS,
	OPT_QUOTA,
	OPT_ALIAS,
	OPT_JSON,
	OPT_SENDER,
	OPT_RECIPIENT,
	OPT_DESTINATION,
	OPT_OLDER_THAN,
	OPT_ALL,
	OPT_DIR,
	OPT_DAYS,
	OPT_NAME,
	OPT_FORCE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "users", required_argument, NULL, 'f' },
	{ "config", required_argument, NULL, 'c' },
	{ "password-fd", required_argument, NULL, OPT_PASSWORD_FD },
	{ "plain", no_argument, NULL, OPT_PLAIN },
	{ "scheme", required_argument, NULL, OPT_SCHEME },
	{ "iterations", required_argument, NULL, OPT_ITERATIONS },
	{ "quota", required_argument, NULL, OPT_QUOTA },
	{ "alias", required_argument, NULL, OPT_ALIAS },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "sender", required_argument, NULL, OPT_SENDER },
	{ "recipient", required_argument, NULL, OPT_RECIPIENT },
	{ "destination", required_argument, NULL, OPT_DESTINATION },
	{ "older-than", required_argument, NULL, OPT_OLDER_THAN },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "days", required_argument, NULL, OPT_DAYS },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char options_help[] =
    "  -f, --users=FILE     users file (default: that of --config, else\n"
    "                       " ADMIN_USERS_FILE ")\n"
    "  -c, --config=FILE    configuration of a server: names the users file,\n"
    "                       or the directory of the queue\n"
    "      --password-fd=N  read the password from descriptor N\n"
    "      --scheme=NAME,...\n"
    "                       how to store the password: scram-sha-256 (which "
    "is\n"
    "                       the default), scram-sha-1, crypt, plain\n"
    "      --iterations=N   how often a scram key is hashed (default: what "
    "the\n"
    "                       secret says; 10000)\n"
    "      --plain          store the password readable: --scheme=plain\n"
    "      --quota=SIZE     limit of the mailbox, such as 100M\n"
    "      --alias=ADDRESS  another address of the user; may be repeated\n"
    "      --json           list in JSON\n"
    "      --sender=ADDRESS, --recipient=ADDRESS, --destination=DOMAIN,\n"
    "      --older-than=TIME\n"
    "                       messages of the queue for which all this holds\n"
    "      --all            all messages of the queue\n"
    "      --dir=DIR        where the certificates are (default:\n"
    "                       " ADMIN_CERT_DIR ")\n"
    "      --days=N         how long a certificate is valid; a negative one "
    "is\n"
    "                       over already; check: fewer left than this is "
    "wrong\n"
    "      --name=TEXT      what the authority calls itself\n"
    "      --force          make it anew where there is one\n"
    "      --help           print this help and exit\n"
    "      --version        print the version and exit\n";

int
admin_fail(enum admin_status status, const struct err *e)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, "postpair-admin: ");
	visible_print(stderr, span_of(e->msg));
	(void)fputc('\n', stderr);
	return (int)status;
}

static int
print_help(void)
{
	(void)printf("Usage: postpair-admin GROUP VERB [ARGUMENT]... "
		     "[OPTION]...\nLook after the users, the "
		     "configuration, the queue and the certificates\n"
		     "of postpair's servers.\n\n");
	for (size_t i = 0; i < VERBS; i++) {
		char left[80];
		(void)snprintf(left, sizeof(left), "%s %s%s%s", verbs[i].group,
			       verbs[i].name,
			       verbs[i].name[0] == '\0' ? "" : " ",
			       verbs[i].args);
		(void)printf("  %-34s  %s\n", left, verbs[i].help);
	}
	(void)printf("\n%s\nA password is read from the terminal, twice and "
		     "unseen, or from the first\nline of standard input.\n",
		     options_help);
	return ADMIN_OK;
}

static int
usage_error(const char *what, const char *arg)
{
	(void)fprintf(stderr, "postpair-admin: %s '%s' (try --help)\n", what,
		      arg);
	return ADMIN_USAGE;
}

/* The groups, or the verbs of a group, for a hint. */
static int
unknown_word(const char *group, const char *word)
{
	const char *names[VERBS];
	size_t n = 0;

	for (size_t i = 0; i < VERBS; i++) {
		if (group == NULL)
			names[n++] = verbs[i].group;
		else if (strcmp(group, verbs[i].group) == 0)
			names[n++] = verbs[i].name;
	}
	const char *near = conf_nearest(word, names, n);
	if (near == NULL)
		return usage_error("unknown command", word);
	(void)fprintf(stderr,
		      "postpair-admin: unknown command '%s', did you mean "
		      "'%s'?\n",
		      word, near);
	return ADMIN_USAGE;
}

/* The option that was given and is not the verb's, or NULL. */
static const char *
stray_option(const struct verb *v, const struct admin_options *o)
{
	const struct {
		bool given;
		unsigned by; /* what takes it */
		const char *name;
	} all[] = {
		{ o->users_file != NULL, TAKES_FILE, "--users" },
		{ o->config_file != NULL, TAKES_FILE | TAKES_CONFIG,
		  "--config" },
		{ o->password_fd >= 0, TAKES_PASSWORD, "--password-fd" },
		{ o->scheme != NULL, TAKES_PASSWORD, "--scheme" },
		{ o->iterations != NULL, TAKES_PASSWORD | TAKES_ITERATIONS,
		  "--iterations" },
		{ o->quota != NULL, TAKES_MAILBOX, "--quota" },
		{ o->n_aliases > 0, TAKES_MAILBOX, "--alias" },
		{ o->json, TAKES_JSON, "--json" },
		{ o->sender != NULL, TAKES_FILTER, "--sender" },
		{ o->recipient != NULL, TAKES_FILTER, "--recipient" },
		{ o->destination != NULL, TAKES_FILTER, "--destination" },
		{ o->older_than != NULL, TAKES_FILTER, "--older-than" },
		{ o->all, TAKES_ALL, "--all" },
		{ o->dir != NULL, TAKES_DIR, "--dir" },
		{ o->days != 0, TAKES_DIR, "--days" },
		{ o->name != NULL, TAKES_NAME, "--name" },
		{ o->force, TAKES_MAKE, "--force" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].given && (v->takes & all[i].by) == 0)
			return all[i].name;
	return NULL;
}

static int
run_verb(const struct verb *v, const struct admin_options *o, int n,
	 char **words)
{
	const char *stray = stray_option(v, o);

	if (stray != NULL) {
		(void)fprintf(stderr, "postpair-admin: %s%s%s takes no %s\n",
			      v->group, v->name[0] == '\0' ? "" : " ", v->name,
			      stray);
		return ADMIN_USAGE;
	}
	bool right =
	    v->n_args == ANY || (v->n_args == SOME && n > 0) || v->n_args == n;
	if (!right) {
		(void)fprintf(stderr, "Usage: postpair-admin %s%s%s %s\n",
			      v->group, v->name[0] == '\0' ? "" : " ", v->name,
			      v->args);
		return ADMIN_USAGE;
	}
	return v->fn(o, words);
}

static int
run(const struct admin_options *o, int n, char **words)
{
	bool known_group = false;

	if (n > 0 && strcmp(words[0], "help") == 0)
		return print_help();
	if (n == 0) {
		(void)fputs("postpair-admin: no command (try --help)\n",
			    stderr);
		return ADMIN_USAGE;
	}
	for (size_t i = 0; i < VERBS; i++) {
		const struct verb *v = &verbs[i];
		if (strcmp(v->group, words[0]) != 0)
			continue;
		known_group = true;
		if (v->name[0] == '\0')
			return run_verb(v, o, n - 1, words + 1);
		if (n >= 2 && strcmp(v->name, words[1]) == 0)
			return run_verb(v, o, n - 2, words + 2);
	}
	if (!known_group)
		return unknown_word(NULL, words[0]);
	if (n < 2)
		return usage_error("no command after", words[0]);
	return unknown_word(words[0], words[1]);
}

static int
parse_fd(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	return *text == '\0' || *end != '\0' || fd < 0 || fd > 65535 ? -1
								     : (int)fd;
}

/* A number of days, never 0; 0 when it is none. */
static int
parse_days(const char *text)
{
	char *end;
	long days = strtol(text, &end, 10);

	return *end != '\0' || days < -ADMIN_CERT_DAYS_MAX ||
		       days > ADMIN_CERT_DAYS_MAX
		   ? 0
		   : (int)days;
}

/* 0 to go on, 1 when *status ends the program. */
static int
take_option(struct admin_options *o, int c, char **argv, int *status)
{
	switch (c) {
	case 'f':
		o->users_file = optarg;
		return 0;
	case 'c':
		o->config_file = optarg;
		return 0;
	case OPT_PASSWORD_FD:
		o->password_fd = parse_fd(optarg);
		if (o->password_fd >= 0)
			return 0;
		*status = usage_error("not a descriptor:", optarg);
		return 1;
	case OPT_PLAIN:
		o->scheme = "plain";
		return 0;
	case OPT_SCHEME:
		o->scheme = optarg;
		return 0;
	case OPT_ITERATIONS:
		o->iterations = optarg;
		return 0;
	case OPT_QUOTA:
		o->quota = optarg;
		return 0;
	case OPT_ALIAS:
		if (o->n_aliases < ADMIN_ALIASES_MAX) {
			o->aliases[o->n_aliases++] = optarg;
			return 0;
		}
		*status = usage_error("too many aliases at", optarg);
		return 1;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_SENDER:
		o->sender = optarg;
		return 0;
	case OPT_RECIPIENT:
		o->recipient = optarg;
		return 0;
	case OPT_DESTINATION:
		o->destination = optarg;
		return 0;
	case OPT_OLDER_THAN:
		o->older_than = optarg;
		return 0;
	case OPT_ALL:
		o->all = true;
		return 0;
	case OPT_DIR:
		o->dir = optarg;
		return 0;
	case OPT_NAME:
		o->name = optarg;
		return 0;
	case OPT_FORCE:
		o->force = true;
		return 0;
	case OPT_DAYS:
		o->days = parse_days(optarg);
		if (o->days != 0)
			return 0;
		*status = usage_error("not a number of days:", optarg);
		return 1;
	case OPT_HELP:
		*status = print_help();
		return 1;
	case OPT_VERSION:
		(void)printf("postpair-admin (postpair) %s\n", PACKAGE_VERSION);
		*status = ADMIN_OK;
		return 1;
	case ':':
		*status =
		    usage_error("a value is missing after", argv[optind - 1]);
		return 1;
	default:
		*status = usage_error("unknown option", argv[optind - 1]);
		return 1;
	}
}

int
main(int argc, char **argv)
{
	struct admin_options o = { .password_fd = -1 };
	int c, status = 0;

	if (descriptors_hold() != 0)
		return ADMIN_OS;
	(void)umask(077); /* what is made here holds secrets */
	opterr = 0;
	/* One thread: getopt's globals are nobody else's. */
	while ((c = getopt_long(argc, argv, ":f:c:", long_options, NULL)) !=
	       -1) {
		if (take_option(&o, c, argv, &status) != 0)
			return status;
	}
	status = run(&o, argc - optind, argv + optind);
	if (fflush(stdout) != 0 && status == ADMIN_OK)
		status = ADMIN_OS;
	return status;
}
