#ifndef PP_SHELL_SOURCE_H
#define PP_SHELL_SOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/thread.h"

/*
 * Where command lines come from: a file or pipe, a text in memory, or the
 * terminal.  Lines are read as they come, so that a program at the other end
 * of a pipe sees each command done before it writes the next.  One thread.
 */
enum { SOURCE_LINE_MAX = 1024 * 1024 };

struct source {
	const char *name; /* what errors call it; NULL: typed */
	int line;         /* number of the next line */
	int fd;           /* -1: text only */
	struct span text; /* not yet read (borrowed) */
	struct buf in;    /* read from fd, not yet used */
	bool eof;
	const struct wake *stop;
	/* typed lines: 1 a line was appended without its end, 0 the end, -1 */
	int (*typed)(void *ctx, bool more, struct buf *out, struct err *e);
	void *ctx;
};

void source_from_fd(struct source *s, const char *name, int fd,
		    const struct wake *stop);
void source_from_text(struct source *s, const char *name, struct span text);
void source_free(struct source *s); /* the descriptor stays the caller's */

/* source_line - append the next line and its LF to *out.  1, 0 at the end,
 * -1 with *e (LIMIT, STOP, TEMP).  more: it continues an unfinished one. */
int source_line(struct source *s, bool more, struct buf *out, struct err *e);

#endif
