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
 * Fields are folded where they have a blank, else behind a comma.  A text that
 * is one part becomes quoted-printable, which loses nothing.  What has parts,
 * or an encoding of its own, is broken before a blank, or with one put there.
 */
enum {
	LINE_BYTES = HEADER_LINE_MAX,
	FOLD_BYTES = 78,  /* RFC 5322 2.1.1, of a line that must be folded */
	QUOTED_BYTES = 75 /* RFC 2045 6.7 (5): 76 with the '=' */
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
		size_t n = plain ? 1 : 3;
		if (column + n > QUOTED_BYTES) {
			rc |= buf_add_str(out, "=\n");
			column = 0;
		}
		rc |= plain ? buf_add_char(out, line.p[i])
			    : buf_addf(out, "=%02X", c);
		column += n;
	}
	return rc | buf_add_char(out, '\n');
}

/* A text in one part, as it is, of which we know what its bytes are. */
static bool
may_encode(struct span head, struct span body)
{
	static const char *const plain[] = { "7bit", "8bit", "binary" };
	struct header_field f;
	bool is_plain = true;

	if (header_find(head, "Content-Transfer-Encoding", &f)) {
		is_plain = false;
		for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
			is_plain = is_plain ||
				   span_eq_nocase(f.value, span_of(plain[i]));
	}
	if (header_find(head, "Content-Type", &f))
		return is_plain &&
		       span_starts_nocase(f.value, span_of("text/"));
	return is_plain && utf8_is_valid(body);
}

static int
put_encoded(struct span head, struct span body, struct buf *out)
{
	struct span rest = head;
	struct header_field f;
	int rc = 0;

	while (header_next(&rest, &f)) {
		if (!span_eq_nocase(f.name,
				    span_of("Content-Transfer-Encoding")))
			rc |= put_lines(f.whole, true, out);
	}
	if (!header_find(head, "MIME-Version", &f))
		rc |= buf_add_str(out, "MIME-Version: 1.0\n");
	if (!header_find(head, "Content-Type", &f) && !utf8_is_ascii(body))
		rc |= buf_add_str(out,
				  "Content-Type: text/plain; charset=utf-8\n");
	rc |=
	    buf_add_str(out, "Content-Transfer-Encoding: quoted-printable\n\n");
	if (body.n > 0 && body.p[0] == '\n')
		body = span_skip(body, 1); /* the end of the header */
	while (body.n > 0 && rc == 0)
		rc = put_quoted(take_line(&body), out);
	return rc;
}

int
sendmail_lines_bound(struct buf *text, struct err *e)
{
	struct span whole = buf_span(text), rest = whole, body = whole;
	struct header_field f;
	struct buf out;
	int rc = -1;

	if (!has_long_line(whole))
		return 0;
	while (header_next(&rest, &f) && f.name.n > 0)
		body = rest;
	struct span head = span_head(whole, whole.n - body.n);
	buf_init(&out, text->max);
	if (has_long_line(body) && may_encode(head, body))
		rc = put_encoded(head, body, &out);
	if (rc != 0) { /* also without room for the other */
		buf_clear(&out);
		rc = put_lines(head, true, &out) | put_lines(body, false, &out);
	}
	if (rc != 0) {
		buf_free(&out);
		return err_set(e, ERR_TEMP, errno, "message");
	}
	buf_free(text);
	*text = out;
	return 0;
}
