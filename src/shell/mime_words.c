#include <string.h>

#include "mail/utf8.h"
#include "shell/mime_private.h"

/*
 * Encoded words (RFC 2047) as real senders write them: with blanks inside,
 * without their end, in quoted strings, without blanks around, padded wrongly,
 * cut inside a character.  Words that stand together in one charset are joined
 * before they are converted.  What is no word stays as it is.
 */
enum {
	CHARSET_MAX = 60,
	WORD_MAX =
	    8192, /* RFC 2047 2 says 75; nobody looks farther for an end */
	HEADER_RAW_MAX = MIME_HEADER_MAX * 4,
};

struct word {
	struct span charset, text;
	char encoding; /* 'b' or 'q' */
	size_t end;    /* offset behind it */
};

/* ---- one word -------------------------------------------------------------
 */

/* "=?charset?q?" at i: the offset of the text, or 0. */
static size_t
word_head(struct span s, size_t i, struct word *w)
{
	if (i + 1 >= s.n || s.p[i] != '=' || s.p[i + 1] != '?')
		return 0;
	size_t from = i + 2, at = from;
	while (at < s.n && at - from <= CHARSET_MAX && s.p[at] != '?' &&
	       memchr("<>=,\"", s.p[at], 5) == NULL)
		at++;
	if (at >= s.n || s.p[at] != '?')
		return 0;
	w->charset = span_trim(span_make(s.p + from, at - from));
	/* RFC 2231 5: charset*language */
	long star = span_find(w->charset, '*', 0);
	if (star >= 0)
		w->charset.n = (size_t)star;
	long mark = span_find(span_head(s, at + 8), '?', at + 1);
	if (mark < 0)
		return 0;
	struct span letter =
	    span_trim(span_make(s.p + at + 1, (size_t)mark - at - 1));
	w->encoding = letter.n == 1 ? (char)span_lower(letter.p[0]) : '\0';
	return w->encoding == 'b' || w->encoding == 'q' ? (size_t)mark + 1 : 0;
}

/* A word whose "?=" is missing goes up to a blank, or what ends a name. */
static size_t
unended(struct span s, size_t from)
{
	size_t at = from;

	while (at < s.n && !span_is_blank(s.p[at]) &&
	       memchr("<>,;\"()", s.p[at], 7) == NULL)
		at++;
	return at;
}

/* The "?=" at or after `from`; s.n when there is none. */
static size_t
end_mark(struct span s, size_t from)
{
	const char *p =
	    from < s.n ? memmem(s.p + from, s.n - from, "?=", 2) : NULL;

	return p == NULL ? s.n : (size_t)(p - s.p);
}

/* In "=?utf-8?q?why?=3F?=" the first "?=" ends nothing: a digit follows, and
 * another end before the next blank. */
static bool
goes_on(struct span s, size_t mark)
{
	if (mime_decode_hex(s, mark + 2) < 0)
		return false;
	size_t next = end_mark(s, mark + 4);
	for (size_t i = mark; i < next; i++)
		if (span_is_blank(s.p[i]))
			return false;
	return next < s.n;
}

/* The offset where another word begins in s[from, to); to when none does. */
static size_t
next_word(struct span s, size_t from, size_t to)
{
	struct word other;

	for (size_t i = from; i + 1 < to; i++)
		if (s.p[i] == '=' && s.p[i + 1] == '?' &&
		    word_head(s, i, &other) > 0)
			return i;
	return to;
}

static bool
word_at(struct span s, size_t i, struct word *w)
{
	size_t from = word_head(s, i, w);

	if (from == 0)
		return false;
	s = span_head(s, from + WORD_MAX);
	size_t mark = end_mark(s, from);
	/* "=?utf-8?q?=C3=BC?=": the text may begin with '=' */
	while (mark < s.n && w->encoding == 'q' && goes_on(s, mark))
		mark = end_mark(s, mark + 2);
	size_t other = next_word(s, from, mark);
	if (mark == s.n || other < mark) {
		size_t to = unended(span_head(s, other), from);
		w->end = to;
		if (to > from && s.p[to - 1] == '?')
			to--; /* cut between the two */
		w->text = span_make(s.p + from, to - from);
		return true;
	}
	w->text = span_make(s.p + from, mark - from);
	w->end = mark + 2;
	return true;
}

/* ---- words that stand together --------------------------------------------
 */

struct chain {
	struct span charset;
	struct buf apart;  /* octets, each word decoded for itself */
	struct buf joined; /* the same with base64 going on over words */
	struct buf base64; /* what is not in joined yet */
};

static void
chain_init(struct chain *c)
{
	c->charset = span_make(NULL, 0);
	buf_init(&c->apart, HEADER_RAW_MAX);
	buf_init(&c->joined, HEADER_RAW_MAX);
	buf_init(&c->base64, HEADER_RAW_MAX);
}

static void
chain_clear(struct chain *c)
{
	buf_free(&c->apart);
	buf_free(&c->joined);
	buf_free(&c->base64);
}

static int
decode_q(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i] == '_' ? ' ' : text.p[i];
		int byte = c == '=' ? mime_decode_hex(text, i + 1) : -1;
		if (byte >= 0) {
			c = (char)byte;
			i += 2;
		}
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}

static int
settle(struct chain *c)
{
	int rc = mime_decode_base64(buf_span(&c->base64), &c->joined);

	buf_clear(&c->base64);
	return rc;
}

static int
chain_add(struct chain *c, const struct word *w)
{
	size_t letters = 0;

	if (w->encoding == 'q')
		return settle(c) != 0 || decode_q(w->text, &c->apart) != 0 ||
			       decode_q(w->text, &c->joined) != 0
			   ? -1
			   : 0;
	for (size_t i = 0; i < c->base64.n; i++)
		letters += !span_is_blank(c->base64.p[i]);
	if ((letters % 4 == 0 ||
	     span_find(buf_span(&c->base64), '=', 0) >= 0) &&
	    settle(c) != 0)
		return -1;
	return buf_add_span(&c->base64, w->text) != 0 ||
		       mime_decode_base64(w->text, &c->apart) != 0
		   ? -1
		   : 0;
}

static int
chain_text(struct chain *c, struct buf *out)
{
	char charset[CHARSET_MAX + 1];
	struct span apart = buf_span(&c->apart);

	if (settle(c) != 0)
		return -1;
	if (span_copy(c->charset, charset, sizeof(charset)) != 0)
		charset[0] = '\0';
	/* cut inside a quantum: only together they make characters */
	if (!utf8_is_valid(apart) && utf8_is_valid(buf_span(&c->joined)))
		apart = buf_span(&c->joined);
	return mime_charset_to_utf8(apart, charset, out);
}

static size_t
skip_blanks(struct span s, size_t i)
{
	while (i < s.n &&
	       (span_is_blank(s.p[i]) || s.p[i] == '\r' || s.p[i] == '\n'))
		i++;
	return i;
}

/* All words that begin at i, decoded; blanks between them are none (RFC 2047
 * 6.2).  *end is behind the last.  1, 0: there is no word, -1. */
static int
words_at(struct span s, size_t i, size_t *end, struct buf *out)
{
	struct chain c;
	struct word w;
	int rc = 0;

	if (!word_at(s, i, &w))
		return 0;
	chain_init(&c);
	for (bool more = true; more && rc == 0;) {
		if (!span_eq_nocase(c.charset, w.charset)) {
			rc = chain_text(&c, out);
			chain_clear(&c);
			chain_init(&c);
			c.charset = w.charset;
		}
		if (rc == 0)
			rc = chain_add(&c, &w);
		*end = w.end;
		more = word_at(s, skip_blanks(s, w.end), &w);
	}
	if (rc == 0)
		rc = chain_text(&c, out);
	chain_clear(&c);
	return rc == 0 ? 1 : -1;
}

/* ---- a whole value --------------------------------------------------------
 */

/* Text outside words: ASCII, or bytes that nobody named a charset for. */
static int
put_plain(struct span s, struct buf *out)
{
	if (s.n == 0)
		return 0;
	/* the oldest Japanese mail has its escapes bare */
	bool japanese = memmem(s.p, s.n, "\033$B", 3) != NULL;
	if (utf8_is_ascii(s) && !japanese)
		return buf_add_span(out, s);
	return mime_charset_to_utf8(s, japanese ? "iso-2022-jp" : "", out);
}

int
mime_words_text(struct span s, struct buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i + 1 < s.n;) {
		const char *p = memmem(s.p + i, s.n - i, "=?", 2);
		size_t end = 0, at = out->n;
		if (p == NULL)
			break;
		i = (size_t)(p - s.p);
		struct word w;
		if (!word_at(s, i, &w)) {
			i += 2;
			continue;
		}
		if (put_plain(span_make(s.p + from, i - from), out) != 0 ||
		    words_at(s, i, &end, out) < 0) {
			out->n = at;
			return -1;
		}
		from = i = end;
	}
	return put_plain(span_skip(s, from), out);
}

/* ---- in a list of addresses -----------------------------------------------
 */

/* Decoded words where a quoted string or a comment may hold them. */
static int
put_escaped(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\r' || c == '\n' || c == '\0')
			c = ' ';
		if (memchr("\\\"()", c, 4) != NULL &&
		    buf_add_char(out, '\\') != 0)
			return -1;
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}

/* Where the comment or the quoted string that we are in ends. */
static size_t
enclosure_end(struct span s, size_t i, char end)
{
	for (; i < s.n && s.p[i] != end; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.n ? i : s.n;
}

struct quoting {
	struct span s;
	char inside; /* '"', '(', '<', or '\0' */
	unsigned depth;
	struct buf text; /* decoded words */
};

/* Words at i as a quoted string, or inside what holds them; *i behind them.
 * 1, 0: none are there, -1. */
static int
quote_words(struct quoting *q, size_t *i, struct buf *out)
{
	struct span s = q->s;
	size_t end = 0;

	if (q->inside == '"' || q->inside == '(')
		s = span_head(
		    s, enclosure_end(s, *i, q->inside == '(' ? ')' : '"'));
	buf_clear(&q->text);
	int got = words_at(s, *i, &end, &q->text);
	if (got <= 0)
		return got;
	if (end < s.n && s.p[end] == '@')
		return 0; /* a local part that only looks so */
	bool bare = q->inside == '\0';
	if ((bare && buf_add_str(out, " \"") != 0) ||
	    put_escaped(buf_span(&q->text), out) != 0 ||
	    (bare && buf_add_str(out, "\" ") != 0))
		return -1;
	*i = end;
	return 1;
}

static void
follow(struct quoting *q, char c)
{
	if (q->inside == '(') {
		q->depth += c == '(';
		q->depth -= c == ')';
		if (q->depth == 0)
			q->inside = '\0';
	} else if (q->inside == '"') {
		if (c == '"')
			q->inside = '\0';
	} else if (q->inside == '<') {
		if (c == '>')
			q->inside = '\0';
	} else if (c == '(' || c == '"' || c == '<') {
		q->inside = c;
		q->depth = 1;
	}
}

static int
quote_all(struct quoting *q, struct buf *out)
{
	for (size_t i = 0; i < q->s.n;) {
		char c = q->s.p[i];
		if (c == '=' && q->inside != '<') {
			int got = quote_words(q, &i, out);
			if (got < 0)
				return -1;
			if (got > 0)
				continue;
		}
		if (c == '\\' && i + 1 < q->s.n && q->inside != '\0') {
			if (buf_add(out, q->s.p + i, 2) != 0)
				return -1;
			i += 2;
			continue;
		}
		follow(q, c);
		if (buf_add_char(out, c) != 0)
			return -1;
		i++;
	}
	return 0;
}

int
mime_words_quoted(struct span s, struct buf *out)
{
	struct quoting q = { .inside = '\0' };
	struct buf utf8;

	buf_init(&utf8, HEADER_RAW_MAX);
	buf_init(&q.text, HEADER_RAW_MAX);
	int rc = put_plain(s, &utf8);
	q.s = buf_span(&utf8);
	if (rc == 0)
		rc = quote_all(&q, out);
	buf_free(&utf8);
	buf_free(&q.text);
	return rc;
}
