#ifndef PP_SHELL_EXPAND_H
#define PP_SHELL_EXPAND_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "shell/lex.h"

/*
 * struct arg - one word with its expansions filled in.  They are never split
 * and never mean anything: only the first `bare` bytes were typed without
 * quotes, and only those can make an operator, an option or an @file.
 */
struct arg {
	const char *text; /* a NUL follows; none is inside */
	size_t n;
	size_t bare;
};

static inline struct span
arg_span(const struct arg *a)
{
	return span_make(a->text, a->n);
}

/* Where values come from; both append to *out, 0 or -1 with *e. */
struct expand_source {
	void *ctx;
	int (*variable)(void *ctx, struct span name, struct buf *out,
			struct err *e);
	int (*command)(void *ctx, struct span text, struct buf *out,
		       struct err *e);
};

/* expand_word - fill *out (memory of the arena).  -1: no such variable, a
 * failed command, too large.  Line ends after $(CMD) are dropped. */
int expand_word(const struct lex_word *w, const struct expand_source *from,
		struct arena *a, struct arg *out, struct err *e);

#endif
