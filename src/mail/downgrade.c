#include "mail/downgrade.h"

#include "mail/header.h"
#include "mail/utf8.h"

enum where { IN_HEADER, IN_LONG_FIELD, IN_BODY };

/* ---- is it one? -----------------------------------------------------------
 */

/* The next word, comments (which nest) passed over. */
static struct span
received_word(struct span *s)
{
	unsigned depth = 0;
	size_t i = 0;

	for (; i < s->n; i++) {
		char c = s->p[i];
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (depth == 0 && !span_is_blank(c) && c != '\r' &&
			 c != '\n')
			break;
	}
	*s = span_skip(*s, i);
	for (i = 0; i < s->n && !span_is_blank(s->p[i]) && s->p[i] != '\r' &&
		    s->p[i] != '\n' && s->p[i] != '(' && s->p[i] != ';';)
		i++;
	struct span word = span_head(*s, i);
	*s = span_skip(*s, i);
	return word;
}

/* "from helo (...) by host with UTF8SMTP id ...": a clause is a name and a
 * word (RFC 5321 4.4), so that a word that looks like a name is none. */
static bool
received_is_utf8(struct span value, const char *host)
{
	bool ours = false;

	for (;;) {
		struct span name = received_word(&value);
		struct span word = received_word(&value);
		if (name.n == 0 || word.n == 0)
			return false;
		if (span_eq_nocase(name, span_of("by")))
			ours = span_eq_nocase(word, span_of(host));
		else if (span_eq_nocase(name, span_of("with")))
			return ours &&
			       span_starts_nocase(word, span_of("UTF8"));
	}
}

int
downgrade_is_wanted(struct span head, const char *host)
{
	struct header_field f;
	struct span rest = head;

	while (header_next(&rest, &f)) {
		if (rest.n == 0) /* it may go on */
			return -1;
		if (span_eq_nocase(f.name, span_of("Received")))
			return received_is_utf8(f.value, host);
	}
	return header_block_end(head) < 0 ? -1 : 0;
}

/* ---- the stream -----------------------------------------------------------
 */

void
downgrade_init(struct downgrade *d)
{
	*d = (struct downgrade){ .where = IN_HEADER };
	buf_init(&d->field, DOWNGRADE_FIELD_MAX);
}

void
downgrade_clear(struct downgrade *d)
{
	buf_free(&d->field);
}

/* What the parts of this multipart begin with. */
static void
note_boundary(struct downgrade *d, struct span type, struct span params)
{
	struct downgrade_boundary *b = &d->boundary[d->n];
	struct span name, value;

	while (d->n < DOWNGRADE_DEPTH_MAX &&
	       downgrade_param(&params, &name, &value)) {
		if (!span_eq_nocase(name, span_of("boundary")) ||
		    value.n == 0 ||
		    span_copy(value, b->text, sizeof(b->text)) != 0)
			continue;
		b->digest = span_eq_nocase(type, span_of("multipart/digest"));
		d->n++;
		return;
	}
}

static void
note_type(struct downgrade *d, struct span field)
{
	struct header_field f;

	(void)header_next(&field, &f);
	if (!span_eq_nocase(f.name, span_of("Content-Type")))
		return;
	long semicolon = span_find(f.value, ';', 0);
	struct span type = span_trim(
	    semicolon < 0 ? f.value : span_head(f.value, (size_t)semicolon));
	d->message = span_eq_nocase(type, span_of("message/rfc822")) ||
		     span_eq_nocase(type, span_of("message/global"));
	if (semicolon >= 0 && span_starts_nocase(type, span_of("multipart/")))
		note_boundary(d, type, span_skip(f.value, (size_t)semicolon));
}

static int
put_field(struct downgrade *d, size_t n, struct buf *out)
{
	struct span field = span_head(buf_span(&d->field), n);

	if (n == 0)
		return 0;
	note_type(d, field);
	return downgrade_field(field, out);
}

/* -1, or which boundary's line this is; *last: its closing one. */
static int
boundary_of(const struct downgrade *d, struct span line, bool *last)
{
	if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
		return -1;
	line = span_trim(span_skip(line, 2));
	for (size_t i = d->n; i > 0; i--) {
		struct span b = span_of(d->boundary[i - 1].text);
		*last = line.n == b.n + 2 && memcmp(line.p + b.n, "--", 2) == 0;
		if ((line.n == b.n || *last) && memcmp(line.p, b.p, b.n) == 0)
			return (int)i - 1;
	}
	return -1;
}

/* A whole line that may be a boundary's: is it?  Then go where it leads. */
static bool
follow_boundary(struct downgrade *d, struct span line)
{
	bool last = false;
	int at = boundary_of(d, line, &last);

	if (at < 0)
		return false;
	d->n = (size_t)at + (last ? 0 : 1);
	d->message = !last && d->boundary[at].digest;
	d->where = last ? IN_BODY : IN_HEADER;
	return true;
}

static int
put_ascii(struct span in, struct buf *out)
{
	if (buf_reserve(out, in.n) != 0)
		return -1;
	for (size_t i = 0; i < in.n; i++)
		out->p[out->n++] =
		    (unsigned char)in.p[i] < 0x80 ? in.p[i] : '?';
	return 0;
}

/* A line of a header is whole; it is the only one of its field, or continues
 * it. */
static int
end_header_line(struct downgrade *d, struct buf *out)
{
	struct span line = span_skip(buf_span(&d->field), d->line);
	bool empty = line.p[0] == '\n' || span_trim(line).n == 0;

	d->line = d->field.n;
	if (span_is_blank(line.p[0]) || (!empty && !follow_boundary(d, line)))
		return 0;
	if (empty) { /* the end of this header */
		d->where = d->message ? IN_HEADER : IN_BODY;
		d->message = false;
	}
	int rc = buf_add_span(out, line);
	buf_clear(&d->field);
	d->line = 0;
	return rc;
}

static int
long_field(struct downgrade *d, struct span in, bool ends, struct buf *out)
{
	int rc = put_ascii(buf_span(&d->field), out);

	buf_clear(&d->field);
	d->line = 0;
	d->where = ends ? IN_HEADER : IN_LONG_FIELD;
	return rc != 0 ? -1 : put_ascii(in, out);
}

/* Bytes of one line; ends: with them the line is whole. */
static int
header_bytes(struct downgrade *d, struct span in, bool ends, struct buf *out)
{
	/* a line that does not continue the field ends it */
	if (d->where == IN_HEADER && d->line > 0 && d->line == d->field.n &&
	    !span_is_blank(in.p[0])) {
		if (put_field(d, d->line, out) != 0)
			return -1;
		buf_clear(&d->field);
		d->line = 0;
	}
	if (d->where == IN_LONG_FIELD ||
	    d->field.n + in.n > DOWNGRADE_FIELD_MAX)
		return long_field(d, in, ends, out);
	if (buf_add_span(&d->field, in) != 0)
		return -1;
	return ends ? end_header_line(d, out) : 0;
}

/* Only a line that begins with "--" has to be seen whole. */
static int
body_bytes(struct downgrade *d, struct span in, bool ends, struct buf *out)
{
	bool held = d->field.n > 0 || (!d->mid_line && in.p[0] == '-');

	d->mid_line = !ends;
	if (held && d->field.n + in.n <= 2 * DOWNGRADE_BOUNDARY_MAX) {
		if (buf_add_span(&d->field, in) != 0)
			return -1;
		if (!ends)
			return 0;
		in = span_make(NULL, 0);
		(void)follow_boundary(d, buf_span(&d->field));
	}
	if (d->field.n > 0 && buf_add_span(out, buf_span(&d->field)) != 0)
		return -1;
	buf_clear(&d->field);
	return in.n == 0 ? 0 : buf_add_span(out, in);
}

int
downgrade_add(struct downgrade *d, struct span in, struct buf *out)
{
	while (in.n > 0) {
		long lf = span_find(in, '\n', 0);
		struct span piece = lf < 0 ? in : span_head(in, (size_t)lf + 1);
		int rc = d->where == IN_BODY
			     ? body_bytes(d, piece, lf >= 0, out)
			     : header_bytes(d, piece, lf >= 0, out);
		if (rc != 0)
			return -1;
		in = span_skip(in, piece.n);
	}
	return 0;
}

int
downgrade_end(struct downgrade *d, struct buf *out)
{
	struct span rest = buf_span(&d->field);

	if (d->where == IN_BODY)
		return buf_add_span(out, rest);
	return put_field(d, rest.n, out);
}
