#ifndef PP_SHELL_LEX_H
#define PP_SHELL_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Text to commands: words, quotes, expansions (found here, filled in by
 * shell/expand.h), heredocs, comments, continuation, ';' and output.
 * Pure: no I/O, no state; iterative; all results live in the arena or borrow
 * from the text.
 */
enum {
	LEX_WORDS_MAX = 1024,    /* in one command */
	LEX_COMMANDS_MAX = 1024, /* in one unit */
	LEX_NEST_MAX = 32,       /* $( and " inside each other */
	LEX_UNIT_MAX = 32 * 1024 * 1024,
	LEX_TAG_MAX = 64,
};

enum lex_piece_kind {
	LEX_BARE,    /* unquoted text: may be an operator, an option, @file */
	LEX_TEXT,    /* quoted text */
	LEX_VAR,     /* text is the name */
	LEX_COMMAND, /* text is what stands inside $( ) */
};

struct lex_piece {
	enum lex_piece_kind kind;
	struct span text;
	struct lex_piece *next;
};

struct lex_word {
	struct lex_piece *pieces; /* at least one */
	struct lex_word *next;
};

enum lex_prefix {
	LEX_TRY = 1,
	LEX_NOT = 2,
	LEX_QUIET = 4,
	LEX_TIME = 8,
};

enum lex_output { LEX_OUT_NONE, LEX_OUT_WRITE, LEX_OUT_APPEND, LEX_OUT_PIPE };

struct lex_command {
	int line;          /* where it begins */
	unsigned prefixes; /* of enum lex_prefix */
	struct lex_word *words;
	size_t n_words;
	struct lex_word *heredoc; /* body, or NULL */
	enum lex_output output;
	struct lex_word *target; /* of > and >> */
	struct span pipe;        /* of |: a command line for the system shell */
	bool escape;        /* "!command": `pipe` is the command, n may be 0 */
	struct span source; /* its text, for the trace */
	struct lex_command *next;
};

enum lex_result {
	LEX_DONE,  /* *first is the list (NULL for an empty line) */
	LEX_MORE,  /* the text ends inside a quote, continuation or heredoc */
	LEX_ERROR, /* *e says what, *line where */
};

/*
 * lex_unit - parse `text`: one or more whole lines, the first numbered *line.
 * With LEX_MORE, e->msg says what is open; when a heredoc is, *tag is its tag,
 * and nothing changes before a line equal to it is added.
 */
enum lex_result lex_unit(struct span text, int *line, struct arena *a,
			 struct lex_command **first, struct span *tag,
			 struct err *e);

/* lex_is_tag - does this line (no line end, but perhaps a CR) close the
 * heredoc? */
bool lex_is_tag(struct span line, struct span tag);

/* lex_is_name - a variable's name. */
bool lex_is_name(struct span s);

#endif
