#include <errno.h>
#include <string.h>

#include "mail/header.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/* Text as a person reads it: format=flowed, the whole message. */

/* ---- format=flowed (RFC 3676) ----------------------------------------------
 */

/* Take the next line off *rest, without its LF. */
static struct span
next_line(struct span *rest)
{
	long lf = span_find(*rest, '\n', 0);
	struct span line = lf < 0 ? *rest : span_head(*rest, (size_t)lf);

	*rest = span_skip(*rest, line.n + (lf < 0 ? 0 : 1));
	return line;
}

static int
put_quoted(struct buf *out, unsigned depth, struct span text)
{
	for (unsigned i = 0; i < depth; i++)
		if (buf_add_char(out, '>') != 0)
			return -1;
	if (depth > 0 && text.n > 0 && buf_add_char(out, ' ') != 0)
		return -1;
	if (buf_add_span(out, text) != 0)
		return -1;
	return buf_add_char(out, '\n');
}

/* One paragraph, broken at blanks to fit `width`. */
static int
put_wrapped(struct buf *out, unsigned depth, struct span text, unsigned width)
{
	size_t room = width > depth + 20 ? width - depth - 1 : 20;

	for (;;) {
		struct span line = width_head(text, room, NULL);
		if (line.n == text.n)
			return put_quoted(out, depth, text);
		size_t cut = line.n;
		while (cut > 0 && text.p[cut] != ' ')
			cut--;
		if (cut == 0) { /* a word longer than the line stays whole */
			long blank = span_find(text, ' ', line.n);
			if (blank < 0)
				return put_quoted(out, depth, text);
			cut = (size_t)blank;
		}
		if (put_quoted(out, depth, span_head(text, cut)) != 0)
			return -1;
		text = span_skip(text, cut + 1);
	}
}

struct flowed_line {
	struct span text;
	unsigned depth;
	bool flows;
};

static struct flowed_line
take_flowed(struct span *rest)
{
	struct flowed_line l = { .text = next_line(rest) };

	while (l.text.n > 0 && l.text.p[0] == '>') {
		l.depth++;
		l.text = span_skip(l.text, 1);
	}
	if (l.depth > 100)
		l.depth = 100;
	if (l.text.n > 0 && l.text.p[0] == ' ')
		l.text = span_skip(l.text, 1); /* RFC 3676 4.4 */
	/* 4.3: "-- " is the signature, never flowed */
	l.flows = l.text.n > 0 && l.text.p[l.text.n - 1] == ' ' &&
		  !span_eq(l.text, span_of("-- "));
	return l;
}

int
mime_flowed_text(struct span text, bool delsp, unsigned width, struct buf *out)
{
	struct buf paragraph;
	unsigned depth = 0;
	int rc = -1;

	buf_init(&paragraph, MIME_TEXT_MAX);
	while (text.n > 0) {
		struct flowed_line l = take_flowed(&text);
		/* 4.5: a change of depth ends the paragraph, flowed or not */
		if (paragraph.n > 0 && l.depth != depth) {
			if (put_wrapped(out, depth,
					span_trim(buf_span(&paragraph)),
					width) != 0)
				goto out;
			buf_clear(&paragraph);
		}
		depth = l.depth;
		struct span piece = l.text;
		if (l.flows && delsp)
			piece.n--;
		if (buf_add_span(&paragraph, piece) != 0)
			goto out;
		if (l.flows && width > 0)
			continue;
		struct span whole = buf_span(&paragraph);
		if (l.flows && !delsp)
			whole.n--; /* as sent, without the soft blank */
		if ((width == 0 || whole.n == l.text.n
			 ? put_quoted(out, depth, whole)
			 : put_wrapped(out, depth, whole, width)) != 0)
			goto out;
		buf_clear(&paragraph);
	}
	if (paragraph.n > 0 &&
	    put_wrapped(out, depth, span_trim(buf_span(&paragraph)), width) !=
		0)
		goto out;
	rc = 0;
out:
	buf_free(&paragraph);
	return rc;
}

/* ---- the whole message -----------------------------------------------------
 */

static int
put_field(struct span name, struct span value,
	  const struct mime_render_options *o, struct buf *out)
{
	char text[80];
	size_t n = name.n < sizeof(text) - 1 ? name.n : sizeof(text) - 1;

	memcpy(text, name.p, n);
	text[n] = '\0';
	if (buf_addf(out, o->bold_names ? "\033[1m%s:\033[0m " : "%s: ",
		     text) != 0 ||
	    mime_value_text(text, value, out) != 0)
		return -1;
	return buf_add_char(out, '\n');
}

static int
put_chosen(const struct mime *m, const struct mime_render_options *o,
	   struct buf *out)
{
	static const char *const shown[] = { "From", "To", "Cc", "Subject",
					     "Date" };
	size_t n = o->headers == MIME_HEADERS_MINIMAL ? 2 : 5;

	for (size_t i = 0; i < n; i++) {
		struct header_field f;
		if (header_find(m->header, shown[i], &f) &&
		    put_field(span_of(shown[i]), f.value, o, out) != 0)
			return -1;
	}
	return 0;
}

static int
put_header(const struct mime *m, const struct mime_render_options *o,
	   struct buf *out)
{
	struct span rest = m->header;
	struct header_field f;

	switch (o->headers) {
	case MIME_HEADERS_NONE:
		return 0;
	case MIME_HEADERS_MINIMAL:
	case MIME_HEADERS_SHORT:
		if (put_chosen(m, o, out) != 0)
			return -1;
		break;
	case MIME_HEADERS_ALL:
		while (header_next(&rest, &f))
			if (f.name.n > 0 &&
			    put_field(f.name, f.value, o, out) != 0)
				return -1;
		break;
	}
	return buf_add_char(out, '\n');
}

/* Of the alternatives HTML instead of plain text, when asked for. */
static bool
is_shown(const struct mime_leaf *leaf, bool prefer_html)
{
	return !leaf->part.is_attachment &&
	       !(prefer_html ? leaf->hidden_html : leaf->hidden);
}

int
mime_put_left_out(unsigned number, uint64_t bytes,
		  const struct mime_render_options *o, struct buf *out)
{
	if (buf_add_char(out, '[') != 0 || mime_part_size(bytes, out) != 0 ||
	    buf_addf(out, " of part %u are left out", number) != 0)
		return -1;
	if (o->message == 0)
		return buf_add_str(out, "]\n");
	return buf_addf(out, "; `save %u %u` writes all of it]\n", o->message,
			o->inside != 0 ? o->inside : number);
}

static int
put_body(const struct mime *m, const struct mime_render_options *o,
	 struct buf *out, struct err *e)
{
	size_t begin = out->n;
	bool first = true;

	for (unsigned i = 0; i < m->n_leaves; i++) {
		const struct mime_leaf *leaf = &m->leaves[i];
		if (!is_shown(leaf, o->prefer_html))
			continue;
		if (!first && buf_add_char(out, '\n') != 0)
			return err_set(e, ERR_LIMIT, 0, "message text");
		first = false;
		size_t used = out->n - begin;
		size_t most = used < MIME_TEXT_MAX ? MIME_TEXT_MAX - used : 0;
		uint64_t left_out;
		if (mime_leaf_text(leaf, o->width, most, out, &left_out, e) !=
		    0)
			return -1;
		if (left_out == 0)
			continue;
		if (o->all_text)
			return err_set(e, ERR_LIMIT, 0, "text of over %d bytes",
				       MIME_TEXT_MAX);
		if (mime_put_left_out(leaf->part.number, left_out, o, out) != 0)
			return err_set(e, ERR_LIMIT, 0, "message text");
	}
	return 0;
}

/* A message that leaves the screen empty has a word said about it, and what
 * there is shown as it came: a preamble, words in a part's header, "=20". */
static int
put_nothing(const struct mime *m, struct buf *out)
{
	enum { AS_IT_CAME_MAX = 64 * 1024 };
	struct buf utf8;
	int rc = -1;

	if (span_trim(m->body).n == 0)
		return 0; /* there is nothing */
	if (mime_charset_is_blank(m->body))
		return buf_add_str(out, "[this message holds no text that can "
					"be seen]\n");
	buf_init(&utf8, MIME_TEXT_MAX);
	if (buf_add_str(out, "[this message holds no text that can be seen; as "
			     "it came:]\n") == 0 &&
	    mime_charset_to_utf8(span_head(m->body, AS_IT_CAME_MAX), "",
				 &utf8) == 0 &&
	    width_clean(buf_span(&utf8), WIDTH_LINES, out) == 0)
		rc = out->p[out->n - 1] == '\n' ? 0 : buf_add_char(out, '\n');
	buf_free(&utf8);
	return rc;
}

/* The only word on a screen that would be empty. */
static int
put_empty(const struct mime *m, struct buf *out)
{
	return buf_add_str(out, m->bytes.n == 0 ? "[this message is empty]\n"
						: "[this message has no text]"
						  "\n");
}

/* What is not shown for a bound: never without a word. */
static int
put_over(const struct mime *m, struct buf *out)
{
	static const enum mime_over all[] = { MIME_OVER_HEADER, MIME_OVER_PARTS,
					      MIME_OVER_DEPTH };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if ((m->over & all[i]) != 0 &&
		    buf_addf(out, "[%s]\n", mime_over_text(all[i])) != 0)
			return -1;
	return 0;
}

static int
put_attachments(const struct mime *m, struct buf *out)
{
	bool first = true;

	for (unsigned i = 0; i < m->n_leaves; i++) {
		if (!m->leaves[i].part.is_attachment)
			continue;
		if (first && buf_add_char(out, '\n') != 0)
			return -1;
		first = false;
		if (mime_part_line(&m->leaves[i].part, out) != 0 ||
		    buf_add_char(out, '\n') != 0)
			return -1;
	}
	return 0;
}

int
mime_render(const struct mime *m, const struct mime_render_options *o,
	    struct buf *out, struct err *e)
{
	size_t begin = out->n;

	errno = 0;
	if (put_header(m, o, out) != 0)
		goto full;
	size_t start = out->n;
	if (put_body(m, o, out, e) != 0)
		return -1;
	if (o->no_attachments)
		return 0;
	if (put_over(m, out) != 0 || put_attachments(m, out) != 0 ||
	    (mime_charset_is_blank(span_skip(buf_span(out), start)) &&
	     put_nothing(m, out) != 0) ||
	    (o->never_empty &&
	     mime_charset_is_blank(span_skip(buf_span(out), begin)) &&
	     put_empty(m, out) != 0))
		goto full;
	return 0;
full:
	return err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_LIMIT, 0,
		       "message too long to show");
}
