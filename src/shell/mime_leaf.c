#include <errno.h>
#include <string.h>

#include "shell/mime_private.h"
#include "shell/width.h"

/*
 * One text part, from its encoded octets to lines.  Of a text over the bound
 * the beginning is shown: what a stranger makes long is not lost by that.
 */
enum {
	/* a text that grows on its way is cut in halves down to this */
	CUT_LEAST = 4096,
	/* a cut is moved back to the end of a line, but not further */
	CUT_LINE_MAX = 64 * 1024,
};

static bool
is_html(const struct mime_leaf *leaf)
{
	return strcmp(leaf->part.type, "text/html") == 0;
}

static int
too_long(struct err *e)
{
	return err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_LIMIT, 0,
		       "text of over %d bytes", MIME_TEXT_MAX);
}

/* Decoded octets in UTF-8; not yet clean. */
static int
to_utf8(const struct mime_leaf *leaf, struct span bytes, struct buf *out,
	struct err *e)
{
	char charset[MIME_CHARSET_SIZE];

	(void)span_copy(span_of(leaf->charset), charset, sizeof(charset));
	if (charset[0] == '\0' && is_html(leaf) && !width_is_utf8(bytes))
		mime_html_charset(bytes, charset);
	errno = 0;
	return mime_charset_to_utf8(bytes, charset, out) == 0 ? 0 : too_long(e);
}

bool
mime_leaf_is_blank(const struct mime_leaf *leaf)
{
	struct buf bytes, utf8, text;
	struct err e;
	bool blank = false;

	buf_init(&bytes, MIME_TEXT_MAX);
	buf_init(&utf8, MIME_TEXT_MAX);
	buf_init(&text, MIME_TEXT_MAX);
	if (mime_leaf_bytes(leaf, &bytes, &e) == 0 &&
	    to_utf8(leaf, buf_span(&bytes), &utf8, &e) == 0) {
		if (!is_html(leaf))
			blank = mime_charset_is_blank(buf_span(&utf8));
		else if (mime_html_strip(buf_span(&utf8), &text, &e) == 0)
			blank = mime_charset_is_blank(buf_span(&text));
	}
	buf_free(&bytes);
	buf_free(&utf8);
	buf_free(&text);
	return blank;
}

/* From UTF-8 to lines; not yet clean. */
static int
text_lines(const struct mime_leaf *leaf, struct span utf8, unsigned width,
	   struct buf *out, struct err *e)
{
	struct buf plain;
	int rc = -1;

	if (is_html(leaf))
		return mime_html_text(utf8, width, out, e);
	if (!leaf->flowed)
		return buf_add_span(out, utf8) == 0 ? 0 : too_long(e);
	buf_init(&plain, MIME_TEXT_MAX * 2U);
	if (width_clean(utf8, WIDTH_LINES, &plain) == 0) /* CRLF to LF */
		rc =
		    mime_flowed_text(buf_span(&plain), leaf->delsp, width, out);
	buf_free(&plain);
	return rc == 0 ? 0 : too_long(e);
}

/* Without the half of a line, or of a tag, that a cut has left at the end. */
static struct span
whole_lines(struct span utf8, bool html)
{
	size_t n = utf8.n, least = n > CUT_LINE_MAX ? n - CUT_LINE_MAX : 0;

	for (; n > least; n--)
		if (utf8.p[n - 1] == '\n' || (html && utf8.p[n - 1] == '>'))
			return span_head(utf8, n);
	return utf8;
}

/* These octets as lines at the end of *out. */
static int
put_bytes(const struct mime_leaf *leaf, struct span bytes, bool cut,
	  unsigned width, struct buf *out, struct err *e)
{
	struct buf utf8, lines;
	size_t start = out->n;
	int rc = -1;

	buf_init(&utf8, MIME_TEXT_MAX * 2U);
	buf_init(&lines, MIME_TEXT_MAX * 2U);
	if (to_utf8(leaf, bytes, &utf8, e) != 0)
		goto out;
	struct span text = buf_span(&utf8);
	if (cut)
		text = whole_lines(text, is_html(leaf));
	errno = 0;
	if (text_lines(leaf, text, width, &lines, e) != 0)
		goto out;
	if (width_clean(buf_span(&lines), WIDTH_LINES, out) != 0 ||
	    (out->n > start && out->p[out->n - 1] != '\n' &&
	     buf_add_char(out, '\n') != 0)) {
		(void)too_long(e);
		goto out;
	}
	rc = 0;
out:
	buf_free(&utf8);
	buf_free(&lines);
	return rc;
}

int
mime_leaf_text(const struct mime_leaf *leaf, unsigned width, size_t most,
	       struct buf *out, uint64_t *left_out, struct err *e)
{
	size_t start = out->n, max = out->max;
	struct buf bytes;
	int rc = -1;

	buf_init(&bytes, MIME_MESSAGE_MAX * 2U);
	if (mime_leaf_bytes(leaf, &bytes, e) != 0)
		goto out;
	if (max - start > most)
		out->max = start + most;
	size_t n = bytes.n < most ? bytes.n : most;
	for (;;) {
		rc = put_bytes(leaf, span_head(buf_span(&bytes), n),
			       n < bytes.n, width, out, e);
		if (rc == 0 || e->class != ERR_LIMIT || n == 0)
			break;
		/* it grows in UTF-8, by "^[" for a control, by links */
		out->n = start;
		n = n > CUT_LEAST ? n / 2 : 0;
	}
	out->max = max;
	*left_out = bytes.n - n;
out:
	buf_free(&bytes);
	return rc;
}
