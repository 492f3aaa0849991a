#include <stdio.h>
#include <string.h>

#include "sendmail/sendmail.h"

/*
 * The command line of sendmail: letters with their values in the same word or
 * the next.  What other sendmails know and is nothing to us is passed over, so
 * that no program is turned away for it.
 */

static const char help[] =
    "Usage: postpair-sendmail [OPTION]... [ADDRESS]...\n"
    "Send the message on standard input.\n\n"
    "  -t            recipients also from To, Cc and Bcc\n"
    "  -i            a line with a dot does not end the message\n"
    "  -f ADDRESS    sender, for the envelope (-r the same)\n"
    "  -F NAME       full name, for a From field that is missing\n"
    "  -N LIST       when to report: never, or failure,delay,success\n"
    "  -R full|hdrs  how much of the message a report returns\n"
    "  -V ID         an id that reports carry\n"
    "  -v            show what is said with the server\n"
    "  -bv           ask the server about each ADDRESS, and send nothing\n"
    "  -bs           speak SMTP on standard input and output\n"
    "  -bp           list the queue, as postpair-admin queue list (or: mailq)\n"
    "  -bi           nothing: no alias database to build (or: newaliases)\n"
    "  -q            nothing: the queue runs by itself\n"
    "  -C, --config FILE  configuration file\n"
    "  --dump-options  print every option with its value and exit\n"
    "  --version       print the version and exit\n"
    "  --help          print this help and exit\n";

static void
wrong(struct sendmail_args *a, const char *what, const char *value)
{
	(void)fprintf(stderr, "postpair-sendmail: %s '%s' (try --help)\n", what,
		      value);
	a->mode = SENDMAIL_WRONG;
}

static void
take_mode(struct sendmail_args *a, const char *value)
{
	if (strcmp(value, "m") == 0)
		a->mode = SENDMAIL_SEND;
	else if (strcmp(value, "v") == 0)
		a->mode = SENDMAIL_VERIFY;
	else if (strcmp(value, "s") == 0)
		a->mode = SENDMAIL_SMTP;
	else if (strcmp(value, "p") == 0)
		a->mode = SENDMAIL_QUEUE;
	else if (strcmp(value, "i") == 0)
		a->mode = SENDMAIL_IDLE;
	else
		wrong(a, "no such mode here: -b", value);
}

static void
take_notify(struct sendmail_args *a, const char *value)
{
	if (dsn_notify_parse(span_of(value), &a->notify) != 0)
		wrong(a, "-N is never, or a list of failure, delay, success:",
		      value);
}

static void
take_ret(struct sendmail_args *a, const char *value)
{
	if (dsn_ret_parse(span_of(value), &a->ret) != 0)
		wrong(a, "-R is full or hdrs:", value);
}

static void
take_envid(struct sendmail_args *a, const char *value)
{
	a->envid = value;
	if (!dsn_envid_is_valid(span_of(value)))
		wrong(a, "-V is no xtext of at most 100 bytes:", value);
}

static void
take_o(struct sendmail_args *a, const char *value)
{
	if (strcmp(value, "i") == 0)
		a->dots = true;
}

/* The long name of the same: IgnoreDots, IgnoreDots=True. */
static void
take_long_o(struct sendmail_args *a, const char *value)
{
	static const struct span name = { "IgnoreDots", 10 };
	struct span rest = span_skip(span_of(value), name.n);

	if (span_starts_nocase(span_of(value), name))
		a->dots = rest.n < 2 || span_lower(rest.p[1]) == 't';
}

static void
take_from(struct sendmail_args *a, const char *value)
{
	a->from = value;
}

static void
take_name(struct sendmail_args *a, const char *value)
{
	a->full_name = value;
}

static void
take_config(struct sendmail_args *a, const char *value)
{
	a->config = value;
}

static void
pass_over(struct sendmail_args *a, const char *value)
{
	(void)a;
	(void)value;
}

/* Letters with a value. */
static const struct {
	char letter;
	void (*take)(struct sendmail_args *a, const char *value);
} valued[] = {
	{ 'b', take_mode },  { 'f', take_from },   { 'r', take_from },
	{ 'F', take_name },  { 'N', take_notify }, { 'R', take_ret },
	{ 'V', take_envid }, { 'C', take_config }, { 'o', take_o },
	{ 'e', pass_over },  { 'O', take_long_o }, { 'B', pass_over },
	{ 'h', pass_over },  { 'L', pass_over },   { 'p', pass_over },
	{ 'D', pass_over },  { 'X', pass_over },   { 'A', pass_over },
};

/* Letters without. */
static bool
take_flag(struct sendmail_args *a, char letter)
{
	switch (letter) {
	case 't':
		a->from_header = true;
		return true;
	case 'i':
		a->dots = true;
		return true;
	case 'v':
		a->verbose = true;
		return true;
	case 'I':
		a->mode = SENDMAIL_IDLE;
		return true;
	default:
		return strchr("cGmnsUx", letter) != NULL;
	}
}

static bool
take_valued(struct sendmail_args *a, const char *c, char **argv, int *i,
	    int argc)
{
	for (size_t k = 0; k < sizeof(valued) / sizeof(valued[0]); k++) {
		if (*c != valued[k].letter)
			continue;
		if (c[1] != '\0')
			valued[k].take(a, c + 1);
		else if (*i + 1 < argc)
			valued[k].take(a, argv[++*i]);
		else
			wrong(a, "a value is missing after", argv[*i]);
		return true;
	}
	return false;
}

/* One word that begins with '-': letters, of which the last may have a value in
 * the rest of the word or in the next. */
static void
take_word(struct sendmail_args *a, char **argv, int *i, int argc)
{
	const char *word = argv[*i];

	for (const char *c = word + 1; *c != '\0'; c++) {
		if (take_valued(a, c, argv, i, argc))
			return;
		/* their values are in the same word, or left out */
		a->queue = a->queue || *c == 'q';
		if (*c == 'q' || *c == 'd')
			return;
		if (!take_flag(a, *c)) {
			wrong(a, "unknown option", word);
			return;
		}
	}
}

/* The name we are called by says what to do, as that of a link does. */
static enum sendmail_mode
mode_of_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;

	if (name != NULL && strcmp(name, "mailq") == 0)
		return SENDMAIL_QUEUE;
	if (name != NULL && strcmp(name, "newaliases") == 0)
		return SENDMAIL_IDLE;
	return SENDMAIL_SEND;
}

/* True when the word is a long option. */
static bool
take_long(struct sendmail_args *a, const char *word)
{
	if (strcmp(word, "--help") == 0) {
		(void)fputs(help, stdout);
		a->mode = SENDMAIL_DONE;
	} else if (strcmp(word, "--version") == 0) {
		(void)printf("postpair-sendmail (postpair) %s\n",
			     PACKAGE_VERSION);
		a->mode = SENDMAIL_DONE;
	} else if (strcmp(word, "--dump-options") == 0) {
		a->mode = SENDMAIL_DUMP;
	} else {
		return false;
	}
	return true;
}

void
sendmail_args_parse(struct sendmail_args *a, int argc, char **argv)
{
	int i = 1;

	*a = (struct sendmail_args){ .mode = mode_of_name(argv[0]) };
	for (; i < argc; i++) {
		const char *word = argv[i];
		if (a->mode == SENDMAIL_WRONG || a->mode == SENDMAIL_DONE)
			return;
		if (strcmp(word, "--") == 0) {
			i++;
			break;
		}
		if (word[0] != '-' || word[1] == '\0')
			break;
		if (strncmp(word, "--", 2) != 0)
			take_word(a, argv, &i, argc);
		else if (strcmp(word, "--config") == 0 && i + 1 < argc)
			a->config = argv[++i];
		else if (!take_long(a, word))
			wrong(a, "unknown option", word);
	}
	a->to = argv + i;
	a->n_to = argc - i;
	/* -q beside recipients is no reason not to send */
	if (a->queue && a->mode == SENDMAIL_SEND && a->n_to == 0 &&
	    !a->from_header)
		a->mode = SENDMAIL_IDLE;
}
