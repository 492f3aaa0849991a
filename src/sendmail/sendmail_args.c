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
    "  -bs           speak SMTP on standard input and output\n"
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
	else if (strcmp(value, "s") == 0)
		a->mode = SENDMAIL_SMTP;
	else if (strcmp(value, "p") == 0)
		wrong(a,
		      "the queue is listed by: postpair-admin queue list; "
		      "not by -b",
		      value);
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
	{ 'B', pass_over },  { 'h', pass_over },   { 'L', pass_over },
	{ 'O', pass_over },  { 'p', pass_over },   { 'X', pass_over },
};

/* Letters without; the value of -q, -d and -A may follow in the same word. */
static bool
take_flag(struct sendmail_args *a, const char *word)
{
	switch (word[1]) {
	case 't':
		a->from_header = true;
		break;
	case 'i':
		a->dots = true;
		break;
	case 'v':
		a->verbose = true;
		break;
	case 'A':
	case 'd':
	case 'q':
		return true;
	case 'G':
	case 'm':
	case 'n':
	case 'U':
		break;
	default:
		return false;
	}
	return word[2] == '\0';
}

/* One word that begins with '-'; the next may belong to it. */
static void
take_word(struct sendmail_args *a, const char *word, char **argv, int *i,
	  int argc)
{
	for (size_t k = 0; k < sizeof(valued) / sizeof(valued[0]); k++) {
		if (word[1] != valued[k].letter)
			continue;
		if (word[2] != '\0')
			valued[k].take(a, word + 2);
		else if (*i + 1 < argc)
			valued[k].take(a, argv[++*i]);
		else
			wrong(a, "a value is missing after", word);
		return;
	}
	/* "-ti": flags in one word */
	if (take_flag(a, word))
		return;
	for (const char *c = word + 1; *c != '\0'; c++) {
		const char flag[] = { '-', *c, '\0' };
		if (strchr("tivnmGU", *c) == NULL || !take_flag(a, flag)) {
			wrong(a, "unknown option", word);
			return;
		}
	}
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

	*a = (struct sendmail_args){ .mode = SENDMAIL_SEND };
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
			take_word(a, word, argv, &i, argc);
		else if (strcmp(word, "--config") == 0 && i + 1 < argc)
			a->config = argv[++i];
		else if (!take_long(a, word))
			wrong(a, "unknown option", word);
	}
	a->to = argv + i;
	a->n_to = argc - i;
}
