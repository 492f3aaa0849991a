#include <errno.h>
#include <string.h>

#include "mail/header.h"
#include "mail/utf8.h"
#include "sendmail/sendmail.h"

/*
 * Programs write what they have on one line: a report, a page of HTML, a
 * hundred recipients.  RFC 5322 2.1.1 and RFC 5321 4.5.3.1.6 have 998 octets,
 * and servers outside refuse more.  It is mended here, before a signature or a
 * filter sees it; what comes by SMTP is not changed.
 *
 * Fields are folded where they have a blank, else behind a comma.  A part, or a
 * body that is one, becomes quoted-printable, and what is encoded already gets
 * the line breaks of its encoding; both lose nothing.  Anything else is broken
 * before a blank, or with one put there.  What is signed or encrypted would be
 * spoiled by that: its body stays as it is, and who cannot take it refuses it.
 */
enum {
	LINE_BYTES = HEADER_LINE_MAX,
	FOLD_BYTES = 78,   /* RFC 5322 2.1.1, of a line that must be folded */
	QUOTED_BYTES = 75, /* RFC 2045 6.7 (5): 76 with the '=' */
	BASE64_BYTES = 76, /* 6.8 */
	BOUNDARIES_MAX = 16,
};

/* One line without its LF. */
static struct span
take_line(struct span *rest)
{
	long lf = span_find(*rest, '\n', 0);
	struct span line = span_head(*rest, lf < 0 ? rest->n : (size_t)lf);

	*rest = span_skip(*rest, line.n + 1);
	return line;
}

static bool
has_long_line(struct span text)
{
	while (text.n > 0) {
		if (take_line(&text).n > LINE_BYTES)
			return true;
	}
	return false;
}

/* ---- breaking -------------------------------------------------------------
 */

static bool
is_place(struct span s, size_t i, bool comma)
{
	return comma ? s.p[i - 1] == ',' : span_is_blank(s.p[i]);
}

/* The last place within `good`, or the first behind it; 0: none within `max`.
 * Something other than blanks stands before it. */
static size_t
find_place(struct span s, size_t good, size_t max, bool comma)
{
	size_t i = 0, found = 0;

	while (i < s.n && span_is_blank(s.p[i]))
		i++;
	for (i++; i < s.n && i <= max && (i <= good || found == 0); i++) {
		if (is_place(s, i, comma))
			found = i;
	}
	return found;
}

/* max, or less: no character is cut. */
static size_t
whole_characters(struct span s, size_t max)
{
	for (size_t n = max; n + 4 > max; n--) {
		if (((unsigned char)s.p[n] & 0xC0) != 0x80)
			return n;
	}
	return max; /* no UTF-8 */
}

/* A line that is too long, in pieces; all but the first begin with a blank. */
static int
put_broken(struct span line, bool is_field, struct buf *out)
{
	const size_t good = is_field ? FOLD_BYTES : LINE_BYTES;
	size_t added = 0; /* the blank that was put before it */

	while (is_field && line.n > 0 && span_is_blank(line.p[line.n - 1]))
		line.n--; /* no line of blanks alone (RFC 5322 3.2.2) */
	while (line.n + added > good) {
		size_t max = LINE_BYTES - added;
		size_t at = find_place(line, good - added, max, false);
		if (at == 0 && is_field)
			at = find_place(line, good - added, max, true);
		if (at == 0 && line.n <= max)
			break;
		if (at == 0)
			at = whole_characters(line, max);
		if (buf_add_span(out, span_head(line, at)) != 0)
			return -1;
		line = span_skip(line, at);
		added = span_is_blank(line.p[0]) ? 0 : 1;
		if (buf_add_str(out, added ? "\n " : "\n") != 0)
			return -1;
	}
	return buf_add_span(out, line) | buf_add_char(out, '\n');
}

static int
put_lines(struct span text, bool is_field, struct buf *out)
{
	while (text.n > 0) {
		struct span line = take_line(&text);
		int rc = line.n > LINE_BYTES ? put_broken(line, is_field, out)
					     : buf_add_span(out, line) |
						   buf_add_char(out, '\n');
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* ---- quoted-printable (RFC 2045 6.7) --------------------------------------
 */

static int
put_quoted(struct span line, struct buf *out)
{
	size_t column = 0;
	int rc = 0;

	for (size_t i = 0; i < line.n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		bool plain = c > ' ' && c <= '~' && c != '=';
		plain = plain || (span_is_blank(line.p[i]) && i + 1 < line.n);
		if (column + (plain ? 1U : 3U) > QUOTED_BYTES) {
			rc |= buf_add_str(out, "=\n");
			column = 0;
			plain = plain && c != '-'; /* it begins no delimiter */
		}
		size_t n = plain ? 1 : 3;
		rc |= plain ? buf_add_char(out, line.p[i])
			    : buf_addf(out, "=%02X", c);
		column += n;
	}
	return rc | buf_add_char(out, '\n');
}

/* It is quoted already: a soft line break (5), never amid an escape, and behind
 * the last byte no other. */
static int
put_quoted_again(struct span line, struct buf *out)
{
	size_t column = 0;
	int rc = 0;

	while (line.n > 0 && span_is_blank(line.p[line.n - 1]))
		line.n--; /* they mean nothing (3) */
	while (line.n > 0) {
		struct span one = span_head(line, line.p[0] == '=' ? 3 : 1);
		struct span put = one;
		bool is_soft_end = one.n == 1 && one.p[0] == '=';
		if (column + one.n > QUOTED_BYTES && !is_soft_end) {
			rc |= buf_add_str(out, "=\n");
			column = 0;
			if (one.p[0] == '-') /* it begins no delimiter */
				put = span_of("=2D");
		}
		rc |= buf_add_span(out, put);
		column += put.n;
		line = span_skip(line, one.n);
	}
	return rc | buf_add_char(out, '\n');
}

/* ---- one part -------------------------------------------------------------
 */

/* RFC 1428 3 has a name for what nobody knows. */
static const char *
charset_of(struct span body)
{
	return utf8_is_valid(body) ? "utf-8" : "unknown-8bit";
}

/* One part, as it is: no more than its encoding changes (RFC 2045 6.4). */
static bool
may_encode(const struct sendmail_mime *m, struct span body)
{
	return !m->is_multipart && !m->is_message && !m->is_sealed &&
	       m->encoding == SENDMAIL_PLAIN && has_long_line(body);
}

/* is_whole: the header is that of a message.  -1 (no room): *out is as it was.
 */
static int
put_encoded(struct span head, struct span body, bool is_whole, struct buf *out)
{
	size_t start = out->n;
	struct span rest = head;
	struct header_field f;
	int rc = 0;

	while (header_next(&rest, &f)) {
		if (!span_eq_nocase(f.name,
				    span_of("Content-Transfer-Encoding")))
			rc |= put_lines(f.whole, true, out);
	}
	if (is_whole && !header_find(head, "MIME-Version", &f))
		rc |= buf_add_str(out, "MIME-Version: 1.0\n");
	if (!header_find(head, "Content-Type", &f) && !utf8_is_ascii(body))
		rc |= buf_addf(out, "Content-Type: text/plain; charset=%s\n",
			       charset_of(body));
	rc |=
	    buf_add_str(out, "Content-Transfer-Encoding: quoted-printable\n\n");
	if (body.n > 0 && body.p[0] == '\n')
		body = span_skip(body, 1); /* the end of the header */
	while (body.n > 0 && rc == 0)
		rc = put_quoted(take_line(&body), out);
	if (rc != 0)
		out->n = start;
	return rc;
}

/* ---- a body of parts ------------------------------------------------------
 */

struct walk {
	struct buf *out;
	struct span boundary[BOUNDARIES_MAX]; /* what is behind has no part of
						 its own: it is broken */
	size_t n_boundaries;
	enum sendmail_encoding encoding; /* of the part we are in */
	bool is_sealed;                  /* one of them is */
	bool is_digest; /* parts without a type are messages (2046 5.1.5) */
};

/* RFC 2046 5.1.1: a delimiter of any part we are in; *is_end: the last. */
static bool
is_delimiter(const struct walk *w, struct span line, bool *is_end)
{
	static const struct span dashes = { "--", 2 };

	if (!span_starts_nocase(line, dashes))
		return false;
	line = span_skip(line, dashes.n);
	for (size_t i = 0; i < w->n_boundaries; i++) {
		struct span b = w->boundary[i];
		if (!span_eq(span_head(line, b.n), b))
			continue;
		struct span rest = span_skip(line, b.n);
		*is_end = span_starts_nocase(rest, dashes);
		if (span_trim(span_skip(rest, *is_end ? 2 : 0)).n == 0)
			return true;
	}
	return false;
}

static void
enter(struct walk *w, const struct sendmail_mime *m)
{
	w->encoding = m->encoding;
	w->is_sealed = w->is_sealed || m->is_sealed;
	w->is_digest = w->is_digest || m->is_digest;
	if (m->boundary.n > 0 && w->n_boundaries < BOUNDARIES_MAX)
		w->boundary[w->n_boundaries++] = m->boundary;
}

/* The fields at the start of *rest, without the empty line behind them. */
static struct span
take_fields(struct span *rest)
{
	struct span whole = *rest, at = whole;
	struct header_field f;

	while (header_next(&at, &f) && f.name.n > 0)
		*rest = at;
	return span_head(whole, whole.n - rest->n);
}

/* What is before the next delimiter. */
static struct span
part_body(const struct walk *w, struct span rest)
{
	struct span whole = rest;
	bool is_end;

	while (rest.n > 0) {
		struct span at = rest;
		if (is_delimiter(w, take_line(&rest), &is_end))
			return span_head(whole, whole.n - at.n);
	}
	return whole;
}

/* The header of a part, with the body behind it when that is encoded; is_whole
 * when it is a message's.  1: a message in the part is next. */
static int
put_part_head(struct walk *w, bool is_whole, struct span *rest)
{
	struct span head = take_fields(rest), body;
	struct sendmail_mime m;

	sendmail_mime_read(head, &m);
	enter(w, &m);
	if (rest->n == 0 || rest->p[0] != '\n')
		return put_lines(head, true, w->out);
	body = part_body(w, *rest);
	if ((m.has_type || !w->is_digest) && may_encode(&m, body) &&
	    put_encoded(head, body, is_whole, w->out) == 0) {
		*rest = span_skip(*rest, body.n);
		return 0;
	}
	*rest = span_skip(*rest, 1);
	if (put_lines(head, true, w->out) != 0 ||
	    buf_add_char(w->out, '\n') != 0)
		return -1;
	return m.is_message ? 1 : 0;
}

static int
put_part_heads(struct walk *w, bool is_whole, struct span *rest)
{
	int rc = put_part_head(w, is_whole, rest);

	while (rc > 0)
		rc = put_part_head(w, true, rest);
	return rc;
}

static int
put_encoded_line(struct span line, enum sendmail_encoding encoding,
		 struct buf *out)
{
	int rc = 0;

	if (line.n <= LINE_BYTES)
		return buf_add_span(out, line) | buf_add_char(out, '\n');
	if (encoding == SENDMAIL_QUOTED)
		return put_quoted_again(line, out);
	if (encoding != SENDMAIL_BASE64)
		return put_broken(line, false, out);
	for (; line.n > 0 && rc == 0; line = span_skip(line, BASE64_BYTES))
		rc = buf_add_span(out, span_head(line, BASE64_BYTES)) |
		     buf_add_char(out, '\n');
	return rc;
}

static int
put_parts(struct walk *w, const struct sendmail_mime *m, struct span body)
{
	bool is_end = false;
	int rc = 0;

	enter(w, m);
	if (m->is_message && body.n > 0 && body.p[0] == '\n') {
		body = span_skip(body, 1); /* the end of the header */
		rc =
		    buf_add_char(w->out, '\n') | put_part_heads(w, true, &body);
	}
	while (body.n > 0 && rc == 0) {
		struct span line = take_line(&body);
		bool is_begin = is_delimiter(w, line, &is_end);
		if (is_begin)
			w->encoding = SENDMAIL_PLAIN;
		rc = put_encoded_line(line, w->encoding, w->out);
		if (is_begin && !is_end && rc == 0)
			rc = put_part_heads(w, false, &body);
	}
	return rc;
}

/* ---- all of it ------------------------------------------------------------
 */

static int
put_message(struct span head, struct span body, struct buf *out)
{
	struct walk w = { .out = out };
	struct sendmail_mime m;

	sendmail_mime_read(head, &m);
	if (may_encode(&m, body) && put_encoded(head, body, true, out) == 0)
		return 0;
	if (put_lines(head, true, out) != 0)
		return -1;
	size_t at = out->n;
	int rc = put_parts(&w, &m, body);
	if (!w.is_sealed)
		return rc;
	out->n = at;
	return buf_add_span(out, body);
}

int
sendmail_lines_bound(struct buf *text, struct err *e)
{
	struct span whole = buf_span(text), body = whole;
	struct buf out;

	if (!has_long_line(whole))
		return 0;
	struct span head = take_fields(&body);
	buf_init(&out, text->max);
	if (put_message(head, body, &out) != 0) {
		buf_free(&out);
		return err_set(e, ERR_TEMP, errno, "message");
	}
	buf_free(text);
	*text = out;
	return 0;
}
