#include "milter/milter_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list -------------------------------------------------------------
 */

/* Both bounds are the message's: it is as large the next time. */
static int
over_block(struct err *e)
{
	return err_set(e, ERR_PERM, 0, "Header block over %d bytes",
		       HEADER_BLOCK_MAX);
}

static int
reserve(struct milter_header *h, struct err *e)
{
	if (h->n >= HEADER_FIELDS_MAX)
		return err_set(e, ERR_PERM, 0, "Over %d header fields",
			       HEADER_FIELDS_MAX);
	if (h->n < h->cap)
		return 0;
	size_t cap = h->cap == 0 ? 32 : h->cap * 2;
	struct milter_field *v = realloc(h->v, cap * sizeof(*v));
	if (v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "header");
	h->v = v;
	h->cap = cap;
	return 0;
}

static int
put_at(struct milter_header *h, size_t at, const struct milter_field *f,
       struct err *e)
{
	if (f->whole.n > HEADER_BLOCK_MAX - h->bytes)
		return over_block(e);
	if (reserve(h, e) != 0)
		return -1;
	memmove(h->v + at + 1, h->v + at, (h->n - at) * sizeof(*h->v));
	h->v[at] = *f;
	h->n++;
	h->bytes += f->whole.n;
	return 0;
}

void
milter_header_clear(struct milter_header *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->v[i].own);
	free(h->v);
	*h = (struct milter_header){ 0 };
}

static void
drop(struct milter_header *h, struct milter_field *f)
{
	if (f->gone)
		return;
	f->gone = true;
	h->bytes -= f->whole.n;
}

void
milter_header_settle(struct milter_header *h)
{
	size_t kept = 0, above = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (h->v[i].gone) {
			free(h->v[i].own);
			continue;
		}
		if (i < h->above)
			above++;
		h->v[kept++] = h->v[i];
	}
	h->n = kept;
	h->above = above;
}

int
milter_header_parse(struct milter_header *h, struct span block, struct err *e)
{
	struct header_field f;
	struct span rest = block;

	milter_header_clear(h);
	while (header_next(&rest, &f)) {
		struct milter_field one = { .whole = f.whole,
					    .name_n = f.name.n };
		if (put_at(h, h->n, &one, e) != 0) {
			milter_header_clear(h);
			return -1;
		}
	}
	return 0;
}

struct span
milter_field_name(const struct milter_field *f)
{
	return span_head(f->whole, f->name_n);
}

struct span
milter_field_value(const struct milter_field *f)
{
	long colon = span_find(f->whole, ':', f->name_n);
	struct span v = span_skip(f->whole, (size_t)colon + 1);

	while (v.n > 0 && (v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\r'))
		v.n--;
	return v;
}

/* ---- a milter's values ----------------------------------------------------
 */

/* Take the next line off *rest, whatever ends it. */
static struct span
next_line(struct span *rest)
{
	size_t n = 0;

	while (n < rest->n && rest->p[n] != '\r' && rest->p[n] != '\n')
		n++;
	struct span line = span_head(*rest, n);
	while (n < rest->n && (rest->p[n] == '\r' || rest->p[n] == '\n'))
		n++;
	*rest = span_skip(*rest, n);
	return line;
}

static bool
is_blank_line(struct span line)
{
	return span_trim(line).n == 0;
}

static int
put_line(struct buf *out, struct span line)
{
	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		bool ok = (c >= 0x20 && c != 0x7f) || c == '\t';
		if (buf_add_char(out, ok ? line.p[i] : '?') != 0)
			return -1;
	}
	return buf_add_str(out, "\r\n");
}

/* The lines of a field; a blank one in between would be taken for the end of
 * the header by some readers and is left out. */
static int
put_field(struct buf *out, const struct milter_value *v)
{
	struct span rest = v->text;
	struct span line = next_line(&rest);

	if (buf_add_span(out, v->name) != 0 || buf_add_char(out, ':') != 0 ||
	    (!v->spaced && buf_add_char(out, ' ') != 0) ||
	    put_line(out, line) != 0)
		return -1;
	while (rest.n > 0) {
		line = next_line(&rest);
		if (is_blank_line(line))
			continue;
		if ((!span_is_blank(line.p[0]) &&
		     buf_add_char(out, '\t') != 0) ||
		    put_line(out, line) != 0)
			return -1;
	}
	return 0;
}

static int
make_field(struct milter_field *f, const struct milter_value *v, struct err *e)
{
	struct buf out;

	buf_init(&out, HEADER_BLOCK_MAX);
	if (put_field(&out, v) != 0) {
		int sys = errno;
		buf_free(&out);
		return sys == ENOMEM
			   ? err_set(e, ERR_TEMP, sys, "header field")
			   : err_set(e, ERR_LIMIT, 0, "header field too long");
	}
	*f = (struct milter_field){ .whole = buf_span(&out),
				    .name_n = v->name.n,
				    .own = out.p };
	return 0;
}

static int
put_value(struct milter_header *h, size_t at, const struct milter_value *v,
	  struct err *e)
{
	struct milter_field f;

	if (make_field(&f, v, e) != 0)
		return -1;
	if (put_at(h, at, &f, e) != 0) {
		free(f.own);
		return -1;
	}
	return 0;
}

/* Behind the last field: a line that is none may begin the body for some
 * readers, and what stands after it would not be seen by them. */
static size_t
end_of_fields(const struct milter_header *h)
{
	size_t i = h->above;

	while (i < h->n && h->v[i].name_n > 0)
		i++;
	return i;
}

int
milter_header_add(struct milter_header *h, const struct milter_value *v,
		  struct err *e)
{
	return put_value(h, end_of_fields(h), v, e);
}

int
milter_header_insert(struct milter_header *h, uint32_t position,
		     const struct milter_value *v, struct err *e)
{
	bool above = position <= h->above;
	size_t at = above ? position : position - (size_t)1;
	size_t end = end_of_fields(h);

	if (put_value(h, at < end ? at : end, v, e) != 0)
		return -1;
	if (above)
		h->above++;
	return 0;
}

int
milter_header_change(struct milter_header *h, uint32_t occurrence,
		     const struct milter_value *v, struct err *e)
{
	uint32_t seen = 0;
	size_t i = 0;

	for (; i < h->n; i++) {
		const struct milter_field *f = &h->v[i];
		if (f->name_n > 0 &&
		    span_eq_nocase(milter_field_name(f), v->name) &&
		    ++seen >= occurrence)
			break;
	}
	bool empty = is_blank_line(v->text);
	if (i == h->n)
		return empty ? 0 : milter_header_add(h, v, e);
	if (empty) {
		drop(h, &h->v[i]);
		return 0;
	}
	struct milter_field f;
	if (make_field(&f, v, e) != 0)
		return -1;
	size_t old = h->v[i].gone ? 0 : h->v[i].whole.n;
	if (f.whole.n > HEADER_BLOCK_MAX - (h->bytes - old)) {
		free(f.own);
		return over_block(e);
	}
	free(h->v[i].own);
	h->v[i] = f;
	h->bytes += f.whole.n - old;
	return 0;
}

int
milter_header_write(const struct milter_header *h, bool above, struct buf *out)
{
	size_t from = above ? 0 : h->above, to = above ? h->above : h->n;

	for (size_t i = from; i < to; i++) {
		if (!h->v[i].gone && buf_add_span(out, h->v[i].whole) != 0)
			return -1;
	}
	return 0;
}
