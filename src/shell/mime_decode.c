#include <string.h>

#include "mail/utf8.h"
#include "shell/mime_private.h"

/*
 * Transfer encodings (RFC 2045 6) as real senders spoil them.  Every octet that
 * is there is given: padding inside, or missing, loses nothing; a footer that a
 * mailing list has put behind the encoded text, and a part that was never
 * encoded at all, come out as they are.
 */

/* ---- the name -------------------------------------------------------------
 */

/* The letters and digits of the field's first word, lower case: "base64;",
 * "\"Quoted-Printable\"", "8 bit (a comment)". */
static void
squeeze(struct span value, char *out, size_t size)
{
	size_t n = 0, comment = 0;

	for (size_t i = 0; i < value.n && n + 1 < size; i++) {
		unsigned char c = span_lower(value.p[i]);
		if (c == '(')
			comment++;
		else if (c == ')' && comment > 0)
			comment--;
		else if (comment > 0)
			continue;
		else if (n > 0 && (c == ';' || c == ',' || c == '='))
			break;
		else if (span_is_digit((char)c) || (c >= 'a' && c <= 'z'))
			out[n++] = (char)c;
	}
	out[n] = '\0';
}

enum mime_encoding
mime_decode_name(struct span value)
{
	static const struct {
		const char *begin;
		enum mime_encoding encoding;
	} known[] = {
		{ "quotedprintable", MIME_QUOTED_PRINTABLE },
		{ "quotedprint", MIME_QUOTED_PRINTABLE },
		{ "quoted", MIME_QUOTED_PRINTABLE },
		{ "base64", MIME_BASE64 },
		{ "xbase64", MIME_BASE64 },
		{ "b64", MIME_BASE64 },
		{ "xuu", MIME_UUENCODE },
		{ "uu", MIME_UUENCODE },
	};
	char name[24];

	squeeze(value, name, sizeof(name));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(name, known[i].begin, strlen(known[i].begin)) == 0)
			return known[i].encoding;
	/* 7bit, 8bit, binary, and what nobody knows: as it is */
	return MIME_IDENTITY;
}

/* ---- quoted-printable -----------------------------------------------------
 */

static int
hex_value(char c)
{
	if (span_is_digit(c))
		return c - '0';
	c = (char)span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
mime_decode_hex(struct span s, size_t i)
{
	if (i + 1 >= s.n)
		return -1;
	int high = hex_value(s.p[i]), low = hex_value(s.p[i + 1]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

size_t
mime_decode_line(struct span s, size_t from)
{
	const char *lf =
	    from < s.n ? memchr(s.p + from, '\n', s.n - from) : NULL;

	return lf == NULL ? s.n : (size_t)(lf - s.p);
}

/* One line without its end; *soft: it ends in '='. */
static int
put_line(struct span line, bool *soft, struct buf *out)
{
	size_t n = line.n;

	/* 6.7 (3): blanks at the end were added on the way */
	while (n > 0 && (span_is_blank(line.p[n - 1]) || line.p[n - 1] == '\r'))
		n--;
	*soft = n > 0 && line.p[n - 1] == '=';
	if (*soft)
		n--;
	for (size_t i = 0; i < n; i++) {
		int byte = line.p[i] == '='
			       ? mime_decode_hex(span_head(line, n), i + 1)
			       : -1;
		if (byte >= 0)
			i += 2;
		/* RFC 2045 6.7: an '=' that encodes nothing stays */
		if (buf_add_char(out, byte >= 0 ? (char)byte : line.p[i]) != 0)
			return -1;
	}
	return 0;
}

static int
decode_quoted(struct span in, struct buf *out)
{
	for (size_t from = 0; from < in.n;) {
		size_t end = mime_decode_line(in, from);
		bool soft;
		if (put_line(span_make(in.p + from, end - from), &soft, out) !=
		    0)
			return -1;
		bool crlf = end > from && in.p[end - 1] == '\r';
		if (!soft && end < in.n &&
		    buf_add(out, crlf ? "\r\n" : "\n", crlf ? 2 : 1) != 0)
			return -1;
		from = end + 1;
	}
	return 0;
}

/* ---- base64 ---------------------------------------------------------------
 */

/* 0..63, 64 for '=', 65 for a blank or line end, 66 for anything else. */
enum { PAD = 64, SPACE = 65, STRAY = 66 };
enum { FOOTER_TRIES = 8, SHORT_TEXT = 60 };

struct alphabet {
	unsigned char value[256];
};

/* RFC 4648 5: '-' and '_' for '+' and '/', where the text has none of these. */
static bool
is_url_alphabet(struct span in)
{
	return memchr(in.p, '+', in.n) == NULL &&
	       memchr(in.p, '/', in.n) == NULL &&
	       (memchr(in.p, '-', in.n) != NULL ||
		memchr(in.p, '_', in.n) != NULL);
}

static void
choose_alphabet(struct alphabet *a, struct span in)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789";
	bool url = in.n > 0 && is_url_alphabet(in);

	memset(a->value, STRAY, sizeof(a->value));
	for (unsigned char i = 0; letters[i] != '\0'; i++)
		a->value[(unsigned char)letters[i]] = i;
	a->value[url ? '-' : '+'] = 62;
	a->value[url ? '_' : '/'] = 63;
	a->value['='] = PAD;
	a->value[' '] = a->value['\t'] = SPACE;
	a->value['\r'] = a->value['\n'] = SPACE;
}

/* How much a run of bytes looks like base64. */
struct look {
	size_t letters; /* of the alphabet */
	size_t pads;
	size_t strays; /* other bytes, and blanks between two words */
};

static void
look_at(struct span line, const struct alphabet *a, struct look *l)
{
	bool word = false, gap = false;

	for (size_t i = 0; i < line.n; i++) {
		unsigned x = a->value[(unsigned char)line.p[i]];
		if (x == SPACE) {
			gap = word;
			if (line.p[i] == '\n')
				word = gap = false;
			continue;
		}
		l->strays += x == STRAY;
		l->strays += gap;
		l->letters += x < PAD;
		l->pads += x == PAD;
		word = true;
		gap = false;
	}
}

/* More than one byte in eight does not belong there. */
static bool
looks_plain(const struct look *l)
{
	return l->strays * 8 > l->letters + l->pads;
}

/* Padding ends a run of base64, and another may follow; strict senders alone:
 */
enum padding {
	PADDING_ENDS,  /* the bits that are left are none */
	PADDING_STRAY, /* it stands inside a quantum by mistake */
};

static int
put_base64(struct span in, const struct alphabet *a, enum padding padding,
	   struct buf *out)
{
	unsigned bits = 0, have = 0;

	if (buf_reserve(out, in.n / 4 * 3 + 3) != 0)
		return -1;
	for (size_t i = 0; i <= in.n; i++) {
		unsigned x = i < in.n ? a->value[(unsigned char)in.p[i]] : PAD;
		if (x < PAD) {
			bits = bits << 6 | x;
			have += 6;
		}
		if (have >= 8 && x < PAD) {
			have -= 8;
			out->p[out->n++] = (char)(bits >> have & 0xFF);
		}
		/* behind a single letter it is none */
		if (x == PAD && have != 6 && padding == PADDING_ENDS)
			have = 0;
	}
	return 0;
}

/* Text that a person can read: UTF-8 without controls. */
static bool
is_readable(struct span s)
{
	if (!utf8_is_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') ||
		    c == 0x7f)
			return false;
	}
	return true;
}

static size_t
find_byte(struct span s, char c)
{
	long at = span_find(s, c, 0);

	return at < 0 ? s.n : (size_t)at;
}

/* A line of dashes and the like, as stands above a footer. */
static bool
is_rule(struct span line)
{
	line = span_trim(line);
	for (size_t i = 0; i < line.n; i++)
		if (memchr("-_*#~", line.p[i], 5) == NULL)
			return false;
	return line.n > 0;
}

/*
 * Where the encoded text ends: before lines of words behind a whole number of
 * quanta, such as the footer of a mailing list.  in.n: there are none.
 */
static size_t
footer_start(struct span in, const struct alphabet *a)
{
	struct look all = { 0 };
	unsigned tries = 0; /* each costs a look at all the rest */
	size_t start = 0;   /* of this line, or of the rules above it */
	bool below_rule = false;

	for (size_t from = 0; from < in.n && tries < FOOTER_TRIES;) {
		size_t end = mime_decode_line(in, from);
		struct span text = span_make(in.p + from, end - from);
		struct look line = { 0 }, rest = { 0 };
		if (!below_rule)
			start = from;
		from = end + 1;
		bool whole =
		    all.letters > 0 && (all.pads > 0 || all.letters % 4 == 0);
		below_rule = is_rule(text);
		/* "-- " begins a signature */
		if (below_rule && whole && text.n > 1)
			return start;
		if (below_rule)
			continue;
		look_at(text, a, &line);
		if (line.strays > 0 && looks_plain(&line) && whole) {
			tries++;
			look_at(span_skip(in, start), a, &rest);
			if (looks_plain(&rest))
				return start;
		}
		all.letters += line.letters;
		all.pads += line.pads;
	}
	return in.n;
}

/* Another way of reading `code` that gives a text, if there is one: padding
 * inside by mistake, plain text behind it.  1, 0 and nothing put, -1. */
static int
put_mended(struct span code, const struct alphabet *a, struct buf *out)
{
	size_t start = out->n, end = find_byte(code, '=');
	struct alphabet own;

	if (put_base64(code, a, PADDING_STRAY, out) != 0)
		return -1;
	if (is_readable(span_skip(buf_span(out), start)))
		return 1;
	out->n = start;
	while (end < code.n && code.p[end] == '=')
		end++;
	if (!is_readable(span_skip(code, end)))
		return 0;
	/* '-' and '_' of the text say nothing about the code */
	choose_alphabet(&own, span_head(code, end));
	if (put_base64(span_head(code, end), &own, PADDING_ENDS, out) != 0)
		return -1;
	if (is_readable(span_skip(buf_span(out), start)))
		return buf_add_span(out, span_skip(code, end)) == 0 ? 1 : -1;
	out->n = start;
	return 0;
}

/* Never encoded, whatever its label says: words, or a number of letters that no
 * encoder makes. */
static bool
is_plain(struct span code, const struct alphabet *a)
{
	struct look l = { 0 };

	look_at(code, a, &l);
	if (l.letters % 4 == 1 && l.letters < SHORT_TEXT && l.pads == 0)
		return true;
	return looks_plain(&l);
}

static bool
has_inner_padding(struct span code)
{
	size_t end = find_byte(code, '=');

	while (end < code.n && (code.p[end] == '=' || code.p[end] <= ' '))
		end++;
	return end < code.n;
}

/* `code` as base64, or as it is. */
static int
put_code(struct span code, const struct alphabet *a, struct buf *out)
{
	size_t start = out->n;

	if (put_base64(code, a, PADDING_ENDS, out) != 0)
		return -1;
	struct span bytes = span_skip(buf_span(out), start);
	if (bytes.n > 0 && is_readable(bytes))
		return 0;
	if (has_inner_padding(code)) {
		out->n = start;
		int got = put_mended(code, a, out);
		if (got != 0)
			return got < 0 ? -1 : 0;
		if (put_base64(code, a, PADDING_ENDS, out) != 0)
			return -1;
	}
	if (!is_plain(code, a))
		return 0;
	out->n = start;
	return buf_add_span(out, code);
}

static int
decode_base64(struct span in, struct buf *out)
{
	struct alphabet a;
	size_t start = out->n;

	choose_alphabet(&a, in);
	size_t end = footer_start(in, &a);
	if (end < in.n)
		choose_alphabet(&a, span_head(in, end));
	if (put_code(span_head(in, end), &a, out) != 0)
		return -1;
	/* the line end before a footer ends our text, if it has none */
	bool ended = out->n == start || out->p[out->n - 1] == '\n';
	if (end > 0 && end < in.n && !ended)
		end--;
	return buf_add_span(out, span_skip(in, end));
}

int
mime_decode_base64(struct span in, struct buf *out)
{
	struct alphabet a;

	choose_alphabet(&a, in);
	return put_base64(in, &a, PADDING_ENDS, out);
}

int
mime_decode(enum mime_encoding encoding, struct span in, struct buf *out)
{
	switch (encoding) {
	case MIME_IDENTITY:
		return buf_add_span(out, in);
	case MIME_QUOTED_PRINTABLE:
		return decode_quoted(in, out);
	case MIME_BASE64:
		return decode_base64(in, out);
	case MIME_UUENCODE:
		return mime_decode_uu(in, out);
	}
	return -1;
}
