#ifndef PP_SHELL_LEX_PRIVATE_H
#define PP_SHELL_LEX_PRIVATE_H

#include "shell/lex.h"

/*
 * One cursor over the unit.  Every function below either moves it forward or
 * returns a result other than LEX_DONE, so the time is linear in the text.
 * A bare word keeps its backslashes (subject:~^\[ci\] needs no quotes); only a
 * backslash at the end of a line means something outside quotes.
 */
struct lexer {
	const char *p, *end;
	int line;
	struct arena *a;
	struct err *e;
	struct pending *docs, **docs_tail; /* heredocs opened on this line */
};

struct pending {
	struct lex_command *c;
	struct span tag;
	bool literal;
	struct pending *next;
};

struct word_end {
	struct lex_piece *first, **tail;
};

/* Results other than LEX_DONE, with their text in *x->e. */
enum lex_result lex_fail(struct lexer *x, const char *what);
enum lex_result lex_no_memory(struct lexer *x);
enum lex_result lex_more(struct lexer *x, const char *what);

bool lex_is_name_char(char c);
bool lex_at_eol(const struct lexer *x, const char *p);
/* lex_continuation - bytes of a backslash and line end at the cursor, or 0. */
size_t lex_continuation(const struct lexer *x);
/* lex_ends_word - nothing of a bare word stands at the cursor. */
bool lex_ends_word(const struct lexer *x);

/* lex_add_piece - 0, or -1 at the arena's budget. */
int lex_add_piece(struct lexer *x, struct word_end *w, enum lex_piece_kind kind,
		  struct span text);
/* lex_expansion - at '$': 1 when it begins an expansion (*r tells how that
 * went), 0 when it is just a dollar. */
int lex_expansion(struct lexer *x, struct word_end *w, enum lex_result *r);
/* lex_word_read - the word at the cursor; no pieces: a continuation only. */
enum lex_result lex_word_read(struct lexer *x, struct lex_word **out);

#endif
