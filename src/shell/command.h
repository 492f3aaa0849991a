#ifndef PP_SHELL_COMMAND_H
#define PP_SHELL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "shell/expand.h"
#include "shell/status.h"

/*
 * One table of commands drives dispatch, option parsing, help, completion and
 * the manual's check.  A verb is one function cmd_<verb>().
 */
struct shell;
struct args;

enum command_complete {
	COMPLETE_NONE,
	COMPLETE_FILE,
	COMPLETE_ADDRESS, /* contacts and addresses seen */
	COMPLETE_MESSAGE, /* numbers, set words and keys */
	COMPLETE_COMMAND,
	COMPLETE_SETTING, /* a name, then what it can be */
};

struct command_option {
	const char *name;  /* without "--"; NULL ends the list */
	char letter;       /* or 0 */
	const char *value; /* "FILE"; NULL when it takes none */
	enum command_complete complete;
	const char *help;
};

enum command_flag {
	COMMAND_HEREDOC = 1, /* takes << */
	COMMAND_RAW = 2,     /* every word is an operand, even "-x" */
	COMMAND_SECRET = 4,  /* its line may hold a password: not in history */
	COMMAND_KEEPS_STATUS = 8, /* $? and its kin outlive a success */
};

struct command {
	const char *name;
	const char *group; /* session, reading, changing, writing, shell */
	int (*run)(struct shell *sh, const struct args *a); /* a status */
	unsigned min, max;                                  /* operands */
	const struct command_option *options;               /* may be NULL */
	enum command_complete complete;                     /* of operands */
	unsigned flags;
	const char *usage;   /* after the name */
	const char *summary; /* one line */
	const char *help;    /* more lines, or NULL */
};

enum { ARGS_OPTIONS_MAX = 128 };

enum output_format { FORMAT_AUTO, FORMAT_TABLE, FORMAT_TSV, FORMAT_JSON };

struct args_option {
	const struct command_option *option;
	struct arg value;
};

/* What a command is given; lives in the arena of the line. */
struct args {
	const struct command *command;
	const struct arg *operand;
	size_t n;
	struct args_option option[ARGS_OPTIONS_MAX];
	size_t n_options;
	enum output_format format; /* --json, --tsv, --table */
	bool has_body;             /* a heredoc was given */
	struct arg body;
	struct arena *arena;
};

/* All commands in the order of help, ending with name == NULL. */
const struct command *command_table(void);

/*
 * command_find - by full name or alias; with `typed` also by a unique prefix.
 * NULL with *f filled: unknown (with the nearest name) or ambiguous (with the
 * candidates).
 */
const struct command *command_find(struct span name, bool typed,
				   struct failure *f);

/* command_parse - options and operands out of words[1..n-1]; a status. */
int command_parse(const struct command *c, const struct arg *words, size_t n,
		  bool typed, struct args *a, struct failure *f);

/* args_has, args_value - the last value of an option, NULL when absent. */
bool args_has(const struct args *a, const char *name);
const struct arg *args_value(const struct args *a, const char *name);
/* args_next - each value of a repeated option in turn; *i starts at 0. */
const struct arg *args_next(const struct args *a, const char *name, size_t *i);

#endif
