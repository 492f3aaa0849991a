#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "shell/mime_private.h"

/*
 * A message taken apart (RFC 2045, 2046) into its leaves: the parts that hold
 * something themselves.  It is read in place, with a stack of our own.  What a
 * sender gets wrong costs no text: a type that is none means text/plain (RFC
 * 2045 5.2), a multipart whose parts cannot be found is shown as it is.
 */
enum { BOUNDARY_MAX = 256 };

/* ---- entities -------------------------------------------------------------
 */

static size_t
line_size(struct span s)
{
	const char *lf = s.n > 0 ? memchr(s.p, '\n', s.n) : NULL;

	return lf == NULL ? s.n : (size_t)(lf - s.p) + 1;
}

/* Does a field follow before the empty line?  In a part only Content-...
 * counts, since any line of text may hold a colon. */
static bool
header_goes_on(struct span rest, bool top)
{
	struct header_field f;

	for (unsigned i = 0; i < HEADER_FIELDS_MAX && header_next(&rest, &f);
	     i++)
		if (f.name.n > 0 &&
		    (top || span_starts_nocase(f.name, span_of("Content-"))))
			return true;
	return false;
}

/* Of the header only whole fields within the bound are looked at. */
static struct mime_entity
make_entity(struct span whole, size_t header, size_t within, struct span body)
{
	return (struct mime_entity){ .header = span_head(whole, within),
				     .body = body,
				     .cut = within < header };
}

struct mime_entity
mime_tree_entity(struct span whole, bool top)
{
	struct span rest = whole;
	struct header_field f;
	size_t within = 0;
	bool first = true;

	for (;;) {
		size_t at = whole.n - rest.n;
		if (at <= MIME_HEADER_MAX)
			within = at;
		struct span before = rest;
		if (!header_next(&rest, &f)) {
			size_t end = whole.n - rest.n;
			/* the empty line is no field */
			return make_entity(whole, end,
					   within == at ? end : within, rest);
		}
		bool mbox = top && first &&
			    (span_starts_nocase(f.whole, span_of("From ")) ||
			     span_starts_nocase(f.whole, span_of(">From ")));
		if (f.name.n == 0 && !mbox &&
		    (first || !header_goes_on(rest, top)))
			return make_entity(whole, at, within, before);
		first = false;
	}
}

/* The first valid Content-Type; else text/plain, or what a digest holds. */
static int
entity_type(struct span header, const char *without, char type[MIME_TYPE_SIZE],
	    struct buf *params)
{
	struct buf field;
	struct header_field f;
	bool valid = false;
	int rc = 0;

	(void)span_copy(span_of(without), type, MIME_TYPE_SIZE);
	buf_init(&field, MIME_HEADER_MAX);
	while (!valid && rc == 0 && header_next(&header, &f)) {
		struct span rest;
		if (!span_eq_nocase(f.name, span_of("Content-Type")))
			continue;
		(void)span_copy(span_of("text/plain"), type, MIME_TYPE_SIZE);
		buf_clear(&field);
		buf_clear(params);
		rc = header_unfold(f.value, &field);
		if (rc == 0) {
			valid = mime_param_type(buf_span(&field), type, &rest);
			rc = buf_add_span(params, rest);
		}
	}
	buf_free(&field);
	return rc;
}

/* ---- boundaries -----------------------------------------------------------
 */

struct delimiter {
	size_t start, end; /* of its line, the line end included */
	bool close;
};

/* Is this a delimiter line (RFC 2046 5.1.1: blanks may follow)? */
static bool
is_delimiter(struct span line, struct span boundary, bool *close)
{
	if (line.n < boundary.n + 2 || memcmp(line.p, "--", 2) != 0 ||
	    memcmp(line.p + 2, boundary.p, boundary.n) != 0)
		return false;
	struct span rest = span_trim(span_skip(line, boundary.n + 2));
	*close = rest.n >= 2 && rest.p[0] == '-' && rest.p[1] == '-' &&
		 span_trim(span_skip(rest, 2)).n == 0;
	return rest.n == 0 || *close;
}

static bool
find_delimiter(struct span body, size_t from, struct span boundary,
	       struct delimiter *d)
{
	char needle[BOUNDARY_MAX + 3] = "--";

	memcpy(needle + 2, boundary.p, boundary.n);
	while (from < body.n) {
		const char *p = memmem(body.p + from, body.n - from, needle,
				       boundary.n + 2);
		if (p == NULL)
			return false;
		size_t at = (size_t)(p - body.p);
		struct span rest = span_skip(body, at);
		struct span line = span_head(rest, line_size(rest));
		if ((at == 0 || body.p[at - 1] == '\n') &&
		    is_delimiter(line, boundary, &d->close)) {
			d->start = at;
			d->end = at + line.n;
			return true;
		}
		from = at + 1;
	}
	return false;
}

/* A boundary that is not the one that was named: of the first line that begins
 * with "--" and has a Content- field behind it. */
static bool
guess_boundary(struct span body, char out[BOUNDARY_MAX], size_t *n)
{
	while (body.n > 0) {
		struct span line = span_head(body, line_size(body));
		body = span_skip(body, line.n);
		if (!span_starts_nocase(line, span_of("--")) ||
		    !span_starts_nocase(body, span_of("Content-")))
			continue;
		struct span name = span_trim(span_skip(line, 2));
		if (name.n == 0 || name.n >= BOUNDARY_MAX)
			continue;
		memcpy(out, name.p, name.n);
		*n = name.n;
		return true;
	}
	return false;
}

/* ---- the tree, flattened --------------------------------------------------
 */

/* Of the children of a multipart/alternative one is shown: the best so far. */
struct choice {
	unsigned score, from, to; /* leaves from .. to - 1 */
};

struct frame {
	struct span body;
	size_t at; /* where the next part begins; body.n: no more */
	char boundary[BOUNDARY_MAX];
	size_t boundary_size;
	bool digest, alternative;
	unsigned child; /* the first leaf of the child that is being read */
	struct choice text, html;
};

struct walk {
	struct mime *m;
	struct frame *stack;
	int depth;
	struct buf params; /* of the entity at hand */
	struct err *e;
};

static int
walk_memory(struct walk *w)
{
	return err_set(w->e, ERR_TEMP, ENOMEM, "message");
}

/* How good a leaf is for somebody who wants plain text, or HTML: a text with
 * nothing to see is none. */
static unsigned
leaf_score(struct mime_leaf *leaf, bool html)
{
	const char *type = leaf->part.type;

	if (leaf->part.is_attachment)
		return 1;
	if (leaf->look == MIME_NOT_LOOKED)
		leaf->look =
		    mime_leaf_is_blank(leaf) ? MIME_BLANK : MIME_NOT_BLANK;
	if (leaf->look == MIME_BLANK)
		return 0;
	if (strcmp(type, "text/plain") == 0)
		return html ? 3 : 4;
	if (strcmp(type, "text/html") == 0)
		return html ? 4 : 3;
	return 2;
}

static void
end_choice(struct mime *m, struct choice *best, unsigned from, bool html)
{
	struct choice c = { 0, from, m->n_leaves };

	for (unsigned i = from; i < m->n_leaves; i++) {
		struct mime_leaf *leaf = &m->leaves[i];
		bool hidden = html ? leaf->hidden_html : leaf->hidden;
		unsigned score = hidden ? 0 : leaf_score(leaf, html);
		if (score > c.score)
			c.score = score;
	}
	/* equally good: the last, the writer's best (RFC 2046 5.1.4) */
	struct choice lost = c.score >= best->score ? *best : c;
	if (c.score >= best->score)
		*best = c;
	for (unsigned i = lost.from; i < lost.to; i++) {
		if (html)
			m->leaves[i].hidden_html = true;
		else
			m->leaves[i].hidden = true;
	}
}

static void
end_child(struct walk *w, struct frame *f)
{
	if (f->alternative && w->m->n_leaves > f->child) {
		end_choice(w->m, &f->text, f->child, false);
		end_choice(w->m, &f->html, f->child, true);
	}
	f->child = w->m->n_leaves;
}

static int
fill_leaf(struct walk *w, unsigned index, struct mime_entity x,
	  const char *type)
{
	struct mime_leaf *leaf = &w->m->leaves[index];

	*leaf = (struct mime_leaf){ .header = x.header, .body = x.body };
	(void)span_copy(span_of(type), leaf->part.type, MIME_TYPE_SIZE);
	if (mime_part_describe(leaf, buf_span(&w->params), w->e) != 0)
		return -1;
	leaf->part.number = index + 1;
	return 0;
}

/* What is not taken apart is a part: nothing of it is lost. */
static int
fill_as_it_came(struct walk *w, unsigned index, struct span bytes,
		const char *type)
{
	const struct mime_entity x = { .header = span_head(bytes, 0),
				       .body = bytes };

	buf_clear(&w->params);
	if (fill_leaf(w, index, x, type) != 0)
		return -1;
	w->m->leaves[index].part.as_it_came = true;
	return 0;
}

/* One part too many: the last one there is room for becomes all of the rest,
 * and the walk is over. */
static int
end_parts(struct walk *w)
{
	struct mime *m = w->m;
	const char *from = m->leaves[MIME_PARTS_MAX - 1].header.p;
	const struct span all = w->stack[0].body;

	m->over |= MIME_OVER_PARTS;
	while (w->depth > 0)
		end_child(w, &w->stack[--w->depth]);
	return fill_as_it_came(w, MIME_PARTS_MAX - 1,
			       span_make(from, all.n - (size_t)(from - all.p)),
			       "application/octet-stream");
}

static int
add_leaf(struct walk *w, struct mime_entity x, const char *type)
{
	struct mime *m = w->m;

	if (m->n_leaves == MIME_PARTS_MAX)
		return end_parts(w);
	if (fill_leaf(w, m->n_leaves, x, type) != 0)
		return -1;
	m->n_leaves++;
	return 0;
}

/* The delimiter before the first part.  False: there is no part. */
static bool
find_first(struct walk *w, struct frame *f, struct delimiter *d)
{
	struct buf text;
	bool found = false;

	buf_init(&text, MIME_HEADER_MAX * 4U); /* in UTF-8 */
	if (mime_param(buf_span(&w->params), "boundary", &text) == 1) {
		/* RFC 2046 5.1.1: it does not end in a blank */
		struct span boundary = span_trim(buf_span(&text));
		if (boundary.n > 0 && boundary.n < BOUNDARY_MAX) {
			memcpy(f->boundary, boundary.p, boundary.n);
			f->boundary_size = boundary.n;
			found = find_delimiter(f->body, 0, boundary, d);
		}
	}
	buf_free(&text);
	if (!found && guess_boundary(f->body, f->boundary, &f->boundary_size))
		found = find_delimiter(
		    f->body, 0, span_make(f->boundary, f->boundary_size), d);
	return found && !d->close;
}

/* A message of its own, so that `read --part` goes on from there. */
static int
add_too_deep(struct walk *w, struct mime_entity x)
{
	struct mime *m = w->m;
	const char *end = x.body.p + x.body.n;

	if (m->n_leaves == MIME_PARTS_MAX)
		return end_parts(w);
	m->over |= MIME_OVER_DEPTH;
	return fill_as_it_came(
	    w, m->n_leaves++, span_make(x.header.p, (size_t)(end - x.header.p)),
	    "message/rfc822");
}

static int
push(struct walk *w, struct mime_entity x, const char *type)
{
	struct delimiter d;

	if (w->depth == MIME_DEPTH_MAX)
		return add_too_deep(w, x);
	struct frame *f = &w->stack[w->depth];
	*f = (struct frame){ .body = x.body, .child = w->m->n_leaves };
	if (!find_first(w, f, &d)) {
		buf_clear(&w->params);
		return add_leaf(w, x, "text/plain");
	}
	f->at = d.end;
	f->digest = strcmp(type, "multipart/digest") == 0;
	f->alternative = strcmp(type, "multipart/alternative") == 0;
	w->depth++;
	return 0;
}

static int
visit(struct walk *w, struct mime_entity x, bool digest)
{
	static const struct span multipart = { "multipart/", 10 };
	char type[MIME_TYPE_SIZE];

	if (x.cut)
		w->m->over |= MIME_OVER_HEADER;
	buf_clear(&w->params);
	if (entity_type(x.header, digest ? "message/rfc822" : "text/plain",
			type, &w->params) != 0)
		return walk_memory(w);
	if (span_starts_nocase(span_of(type), multipart))
		return push(w, x, type);
	return add_leaf(w, x, type);
}

/* The next part of the innermost multipart, or its end. */
static int
advance(struct walk *w)
{
	struct frame *f = &w->stack[w->depth - 1];
	struct delimiter d = { .start = f->body.n, .end = f->body.n };
	size_t from = f->at;

	end_child(w, f);
	if (from >= f->body.n) {
		w->depth--;
		return 0;
	}
	(void)find_delimiter(f->body, from,
			     span_make(f->boundary, f->boundary_size), &d);
	f->at = d.close ? f->body.n : d.end;
	struct span part = span_make(f->body.p + from, d.start - from);
	/* the line end before a delimiter belongs to it */
	if (d.start < f->body.n && part.n > 0) {
		part.n--;
		if (part.n > 0 && part.p[part.n - 1] == '\r')
			part.n--;
	}
	return visit(w, mime_tree_entity(part, false), f->digest);
}

int
mime_tree_read(struct mime *m, struct mime_entity top, struct err *e)
{
	struct walk w = { .m = m, .e = e };
	int rc;

	buf_init(&w.params, MIME_HEADER_MAX);
	m->leaves = calloc(MIME_PARTS_MAX, sizeof(*m->leaves));
	w.stack = calloc(MIME_DEPTH_MAX, sizeof(*w.stack));
	rc = m->leaves == NULL || w.stack == NULL ? walk_memory(&w)
						  : visit(&w, top, false);
	while (rc == 0 && w.depth > 0)
		rc = advance(&w);
	buf_free(&w.params);
	free(w.stack);
	return rc;
}
