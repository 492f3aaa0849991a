#ifndef PP_SHELL_OUTPUT_H
#define PP_SHELL_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "shell/shell.h"

/*
 * Rows for people (a table on a terminal), for programs (TSV, JSON lines).
 * Columns and their order are fixed, documented and the same in all three but
 * for those that only programs want.
 */
enum output_type { OUTPUT_TEXT, OUTPUT_NUMBER, OUTPUT_BOOL };

enum output_where {
	OUTPUT_ALWAYS,
	OUTPUT_TABLE, /* for people only */
	OUTPUT_DATA,  /* for programs only */
};

struct output_column {
	const char *name; /* the JSON key */
	enum output_type type;
	enum output_where where;
	bool flexible; /* table: shares what is left of the line */
};

enum { OUTPUT_COLUMNS_MAX = 12 };

struct output {
	struct shell *sh;
	enum output_format format;
	const char *type; /* JSON "type" */
	const struct output_column *column;
	unsigned n;
	struct buf cells; /* table: NUL-ended cells, row by row */
	unsigned n_rows;
};

/* output_begin - columns end with name == NULL. */
void output_begin(struct output *o, struct shell *sh, const struct args *a,
		  const char *type, const struct output_column *columns);

/* output_row - one text for each column: numbers and truth ("0", "1") too.  A
 * terminal gets '?' for what it would obey.
 * 0 or -1 (out of memory). */
int output_row(struct output *o, const char *const *cells);

/* output_end - the table is laid out and printed, through the pager when it is
 * longer than the screen.  A status. */
int output_end(struct output *o);

/* output_page - text to the user: through the pager on a terminal when it is
 * longer than the screen (and `paged`).  A status. */
int output_page(struct shell *sh, struct span text, bool paged);

/* output_raw - bytes as they came; a terminal gets what width_clean makes of
 * them.  A status. */
int output_raw(struct shell *sh, struct span bytes, bool paged);

#endif
