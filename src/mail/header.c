#include "mail/header.h"

/* The first line of s, its end included. */
static size_t
line_length(struct span s)
{
	long lf = span_find(s, '\n', 0);

	return lf < 0 ? s.n : (size_t)lf + 1;
}

/* An empty line: CRLF or LF alone. */
static bool
is_empty_line(struct span line)
{
	return (line.n == 1 && line.p[0] == '\n') ||
	       (line.n == 2 && line.p[0] == '\r' && line.p[1] == '\n');
}

/* Length of the field name before ':', 0 when there is none.  Blanks between
 * name and colon are the obsolete form (RFC 5322 4.5.8). */
static size_t
name_length(struct span line, size_t *colon)
{
	size_t n = 0;

	while (n < line.n && line.p[n] > ' ' && line.p[n] <= '~' &&
	       line.p[n] != ':')
		n++; /* ftext, RFC 5322 3.6.8 */
	size_t i = n;
	while (i < line.n && span_is_blank(line.p[i]))
		i++;
	if (i == line.n || line.p[i] != ':')
		return 0;
	*colon = i;
	return n;
}

bool
header_next(struct span *rest, struct header_field *f)
{
	size_t n = line_length(*rest), colon = 0;

	*f = (struct header_field){ .name = { rest->p, 0 } };
	if (n == 0)
		return false;
	if (is_empty_line(span_head(*rest, n))) {
		*rest = span_skip(*rest, n);
		return false;
	}
	size_t name = name_length(span_head(*rest, n), &colon);
	while (n < rest->n && span_is_blank(rest->p[n]))
		n += line_length(span_skip(*rest, n));
	f->whole = span_head(*rest, n);
	f->name = span_head(*rest, name);
	f->value = span_trim(span_skip(f->whole, name > 0 ? colon + 1 : 0));
	*rest = span_skip(*rest, n);
	return true;
}

long
header_block_end(struct span text)
{
	size_t at = 0;

	while (at < text.n) {
		struct span rest = span_skip(text, at);
		struct span line = span_head(rest, line_length(rest));

		at += line.n;
		if (is_empty_line(line))
			return (long)at;
	}
	return -1;
}

size_t
header_end_feed(struct header_end *h, struct span bytes)
{
	size_t at = 0;

	while (!h->over && at < bytes.n) {
		if (h->in_line) {
			long lf = span_find(bytes, '\n', at);
			if (lf < 0)
				return bytes.n;
			at = (size_t)lf + 1;
			h->in_line = h->in_cr = false;
			continue;
		}
		char c = bytes.p[at++];
		h->over = c == '\n';
		h->in_line = !h->over && (c != '\r' || h->in_cr);
		h->in_cr = c == '\r';
	}
	return at;
}

bool
header_find(struct span block, const char *name, struct header_field *f)
{
	while (header_next(&block, f)) {
		if (f->name.n > 0 && span_eq_nocase(f->name, span_of(name)))
			return true;
	}
	*f = (struct header_field){ .name = { NULL, 0 } };
	return false;
}

unsigned
header_count(struct span block, const char *name)
{
	struct header_field f;
	unsigned n = 0;

	while (header_next(&block, &f)) {
		if (f.name.n > 0 && span_eq_nocase(f.name, span_of(name)))
			n++;
	}
	return n;
}

static bool
is_break(char c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

int
header_unfold(struct span value, struct buf *out)
{
	struct span s = span_trim(value);
	size_t start = out->n, i = 0;

	while (i < s.n) {
		size_t run = i;
		bool fold = false;

		while (run < s.n &&
		       (is_break(s.p[run]) || span_is_blank(s.p[run])))
			fold = is_break(s.p[run++]) || fold;
		/* A run of blanks inside a line is the author's own. */
		int rc = fold ? buf_add_char(out, ' ')
			      : buf_add(out, s.p + i, run - i);
		i = run;
		while (run < s.n && !is_break(s.p[run]) &&
		       !span_is_blank(s.p[run]))
			run++;
		if (rc != 0 || buf_add(out, s.p + i, run - i) != 0) {
			out->n = start;
			return -1;
		}
		i = run;
	}
	return 0;
}
