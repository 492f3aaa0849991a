#include "shell/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/visible.h"
#include "shell/json.h"
#include "shell/proc.h"
#include "shell/width.h"

enum { TABLE_BYTES_MAX = 256 * 1024 * 1024, FLEXIBLE_LEAST = 8 };

void
output_begin(struct output *o, struct shell *sh, const struct args *a,
	     const char *type, const struct output_column *columns)
{
	*o = (struct output){ .sh = sh,
			      .format = shell_format(sh, a),
			      .type = type,
			      .column = columns };
	while (o->n < OUTPUT_COLUMNS_MAX && columns[o->n].name != NULL)
		o->n++;
	buf_init(&o->cells, TABLE_BYTES_MAX);
}

/* PostgreSQL's COPY escapes: a field never holds a tab or a line end. */
static void
tsv_cell(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\t')
			(void)fputs("\\t", out);
		else if (*s == '\n')
			(void)fputs("\\n", out);
		else if (*s == '\\')
			(void)fputs("\\\\", out);
		else
			(void)fputc(*s, out);
	}
}

static int
json_line(struct output *o, const char *const *cells)
{
	struct json_row *r = json_row_new(o->type);

	for (unsigned i = 0; i < o->n; i++) {
		const char *key = o->column[i].name;

		if (o->column[i].where == OUTPUT_TABLE)
			continue;
		switch (o->column[i].type) {
		case OUTPUT_TEXT:
			json_row_text(r, key, cells[i]);
			break;
		case OUTPUT_NUMBER:
			json_row_number(r, key, strtoll(cells[i], NULL, 10));
			break;
		case OUTPUT_BOOL:
			json_row_bool(r, key, cells[i][0] == '1');
			break;
		}
	}
	return json_row_print(&r, o->sh->out);
}

int
output_row(struct output *o, const char *const *cells)
{
	bool first = true, table = o->format == FORMAT_TABLE;

	o->n_rows++;
	if (o->format == FORMAT_JSON)
		return json_line(o, cells);
	for (unsigned i = 0; i < o->n; i++) {
		size_t at = o->cells.n, n = strlen(cells[i]);

		if (buf_add(&o->cells, cells[i], n + 1) != 0)
			return -1;
		if (table || o->sh->out_is_tty)
			visible_defuse(o->cells.p + at, n);
		if (table || o->column[i].where == OUTPUT_TABLE)
			continue;
		if (!first)
			(void)fputc('\t', o->sh->out);
		first = false;
		tsv_cell(o->sh->out, o->cells.p + at);
	}
	if (!table)
		buf_clear(&o->cells);
	if (o->format == FORMAT_TSV)
		(void)fputc('\n', o->sh->out);
	return 0;
}

/* ---- tables ---------------------------------------------------------------
 */

static void
measure(const struct output *o, size_t *widths)
{
	const char *cell = o->cells.p;

	for (unsigned r = 0; r < o->n_rows; r++) {
		for (unsigned i = 0; i < o->n; i++) {
			size_t w = width_columns(span_of(cell));

			if (w > widths[i])
				widths[i] = w;
			cell += strlen(cell) + 1;
		}
	}
}

/* Make the flexible columns fit into the terminal's width. */
static void
squeeze(const struct output *o, size_t *widths, size_t columns)
{
	size_t fixed = 0, flexible = 0, n = 0;

	for (unsigned i = 0; i < o->n; i++) {
		if (o->column[i].where == OUTPUT_DATA)
			continue;
		if (o->column[i].flexible) {
			flexible += widths[i];
			n++;
		} else {
			fixed += widths[i];
		}
		fixed += 2;
	}
	fixed -= fixed >= 2 ? 2 : 0;
	if (n == 0 || columns == 0 || fixed + flexible <= columns)
		return;
	size_t room = columns > fixed ? columns - fixed : 0;
	for (unsigned i = 0; i < o->n; i++) {
		size_t share;

		if (o->column[i].where == OUTPUT_DATA || !o->column[i].flexible)
			continue;
		/* Narrow columns keep their width, wide ones share. */
		share = room / n;
		if (share < FLEXIBLE_LEAST)
			share = FLEXIBLE_LEAST;
		if (widths[i] > share)
			widths[i] = share;
		room -= room > widths[i] ? widths[i] : room;
		n--;
	}
}

static int
lay_out(const struct output *o, const size_t *widths, struct buf *text)
{
	const char *cell = o->cells.p;
	int rc = 0;

	for (unsigned r = 0; rc == 0 && r < o->n_rows; r++) {
		bool first = true;

		for (unsigned i = 0; i < o->n; i++) {
			struct span s = span_of(cell);
			unsigned flags = o->column[i].type == OUTPUT_NUMBER
					     ? WIDTH_RIGHT
					     : 0;

			cell += s.n + 1;
			if (o->column[i].where == OUTPUT_DATA)
				continue;
			if (i + 1 == o->n)
				flags = WIDTH_CUT;
			rc |= first ? 0 : buf_add_str(text, "  ");
			first = false;
			rc |= width_fit(s, widths[i], flags, text);
		}
		while (text->n > 0 && text->p[text->n - 1] == ' ')
			text->n--;
		rc |= buf_add_char(text, '\n');
	}
	return rc;
}

int
output_end(struct output *o)
{
	size_t widths[OUTPUT_COLUMNS_MAX] = { 0 };
	struct buf text;
	int rc = SHELL_OK;

	if (o->format == FORMAT_TABLE && o->n_rows > 0) {
		buf_init(&text, TABLE_BYTES_MAX);
		measure(o, widths);
		squeeze(o, widths, shell_size(o->sh).columns);
		if (lay_out(o, widths, &text) != 0)
			rc = failure_set(&o->sh->fail, SHELL_LOCAL,
					 "out of memory");
		else
			rc = output_page(o->sh, buf_span(&text), true);
		buf_free(&text);
	}
	buf_free(&o->cells);
	return rc;
}

/* ---- pager ----------------------------------------------------------------
 */

static bool
too_long(const struct shell *sh, struct span text)
{
	unsigned rows = shell_size(sh).rows, columns = shell_size(sh).columns,
		 lines = 0;

	if (rows == 0 || columns == 0)
		return false;
	while (text.n > 0 && lines + 1 < rows) {
		long nl = span_find(text, '\n', 0);
		struct span line =
		    span_head(text, nl < 0 ? text.n : (size_t)nl);
		size_t w = width_columns(line);

		lines += 1 + (unsigned)(w == 0 ? 0 : (w - 1) / columns);
		text = span_skip(text, line.n + 1);
	}
	return text.n > 0;
}

static const char *
pager_command(void)
{
	const char *p = getenv("MAILSH_PAGER");

	if (p == NULL || p[0] == '\0')
		p = getenv("PAGER");
	return p == NULL || p[0] == '\0' ? "less -FRX" : p;
}

int
output_page(struct shell *sh, struct span text, bool paged)
{
	struct proc pager;
	FILE *in = NULL;
	struct err e;
	int status;

	if (!paged || !sh->interactive || !sh->out_is_tty ||
	    !too_long(sh, text)) {
		if (text.n > 0)
			(void)fwrite(text.p, 1, text.n, sh->out);
		return SHELL_OK;
	}
	(void)fflush(sh->out);
	if (proc_pipe_to(&pager, pager_command(), -1, &in, &e) != 0)
		return failure_from_local(&sh->fail, &e);
	(void)fwrite(text.p, 1, text.n, in);
	(void)fclose(in);
	status = proc_wait(&pager);
	/* 127: there is no such program; show the text all the same. */
	if (status == 127)
		(void)fwrite(text.p, 1, text.n, sh->out);
	return SHELL_OK;
}

int
output_raw(struct shell *sh, struct span bytes, bool paged)
{
	struct buf clean;
	int rc;

	if (!sh->out_is_tty)
		return output_page(sh, bytes, paged);
	buf_init(&clean, 3 * bytes.n + 1); /* a byte becomes U+FFFD */
	rc = width_clean(bytes, WIDTH_LINES, &clean) == 0
		 ? output_page(sh, buf_span(&clean), paged)
		 : failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	buf_free(&clean);
	return rc;
}
