#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "mail/utf8.h"
#include "shell/mime_private.h"

/*
 * Content-Type and Content-Disposition: the type and the parameters (RFC 2045
 * 5.1, RFC 2231) as real senders write them.  Semicolons are missing, quotes
 * have no end, comments stand anywhere, long values come in pieces that are out
 * of order or not all there, and encoded words stand where RFC 2231 was meant.
 */
enum { PIECES_MAX = 200, NUMBER_MAX = 99999 };

static bool
is_special(char c)
{
	return c <= ' ' || c > '~' || strchr("()<>@,;:\\\"/[]?=", c) != NULL;
}

/* Over blanks and comments; a comment without an end is all the rest. */
static size_t
skip_comments(struct span s, size_t i)
{
	unsigned depth = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && depth > 0)
			depth--;
		else if (s.p[i] == '\\' && depth > 0)
			i++;
		else if (depth == 0 && (unsigned char)s.p[i] > ' ')
			break;
	}
	return i < s.n ? i : s.n;
}

/* ---- the type -------------------------------------------------------------
 */

static size_t
token_end(struct span s, size_t i)
{
	while (i < s.n && !is_special(s.p[i]))
		i++;
	return i;
}

bool
mime_param_type(struct span field, char type[MIME_TYPE_SIZE],
		struct span *params)
{
	size_t main = skip_comments(field, 0);
	size_t main_end = token_end(field, main);
	size_t slash = skip_comments(field, main_end);
	size_t sub = slash, sub_end = slash;

	if (slash < field.n && field.p[slash] == '/') {
		sub = skip_comments(field, slash + 1);
		sub_end = token_end(field, sub);
	}
	/* "multipart/mixed boundary=b": what is no type is a parameter */
	if (main_end == main || sub_end == sub ||
	    (main_end - main) + (sub_end - sub) + 2 > MIME_TYPE_SIZE) {
		long semicolon = span_find(field, ';', 0);
		*params = span_skip(field, semicolon < 0 ? field.n
							 : (size_t)semicolon);
		return false;
	}
	size_t n = 0;
	for (size_t i = main; i < main_end; i++)
		type[n++] = (char)span_lower(field.p[i]);
	type[n++] = '/';
	for (size_t i = sub; i < sub_end; i++)
		type[n++] = (char)span_lower(field.p[i]);
	type[n] = '\0';
	*params = span_skip(field, sub_end);
	return true;
}

/* ---- one parameter --------------------------------------------------------
 */

struct param {
	struct span name;
	long piece;    /* name*7: 7; -1: whole */
	bool extended; /* name*: percent encoding */
	bool quoted;
	struct span value; /* without its quotes */
};

/* "name", "name*", "name*1", "name*1*" */
static void
split_name(struct param *p)
{
	struct span s = p->name;
	uint64_t number = 0;

	p->piece = -1;
	p->extended = s.n > 1 && s.p[s.n - 1] == '*';
	if (p->extended)
		s.n--;
	size_t star = s.n;
	while (star > 0 && s.p[star - 1] != '*')
		star--;
	if (star > 1 && span_u64(span_skip(s, star), &number) == 0 &&
	    number <= NUMBER_MAX) {
		p->piece = (long)number;
		s.n = star - 1;
	}
	p->name = s;
}

/* The quote that ends a value: behind it nothing, a blank, a comment or the
 * next parameter; others are part of it. */
static size_t
closing_quote(struct span s, size_t i)
{
	for (; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n &&
		    (s.p[i + 1] == '"' || s.p[i + 1] == '\\')) {
			i++;
			continue;
		}
		if (s.p[i] == '"' && (i + 1 == s.n || s.p[i + 1] <= ' ' ||
				      strchr(";,(", s.p[i + 1]) != NULL))
			return i;
	}
	return s.n;
}

/* Does a parameter begin here that has lost its semicolon? */
static bool
is_known_name(struct span s)
{
	static const char *const names[] = {
		"charset",  "boundary",   "format",     "delsp",    "name",
		"filename", "type",       "start",      "protocol", "micalg",
		"size",     "reply-type", "report-type"
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		size_t n = strlen(names[k]);
		if (!span_starts_nocase(s, span_of(names[k])))
			continue;
		while (n < s.n && (span_is_blank(s.p[n]) || s.p[n] == '*' ||
				   span_is_digit(s.p[n])))
			n++;
		if (n < s.n && s.p[n] == '=')
			return true;
	}
	return false;
}

/* A value without quotes goes up to ';'.  It may hold blanks, as names of files
 * do; a comment behind it is none of it. */
static size_t
take_bare(struct span s, size_t i, struct span *value)
{
	size_t from = i, end = i;

	for (; i < s.n && s.p[i] != ';'; i++) {
		if (span_is_blank(s.p[i]) && is_known_name(span_skip(s, i + 1)))
			break;
		if (s.p[i] == '(' && i > from && span_is_blank(s.p[i - 1])) {
			size_t behind = skip_comments(s, i);
			if (behind == s.n || s.p[behind] == ';')
				break;
		}
		if (!span_is_blank(s.p[i]))
			end = i + 1;
	}
	*value = span_make(s.p + from, end - from);
	while (i < s.n && s.p[i] != ';' &&
	       !(span_is_blank(s.p[i]) && is_known_name(span_skip(s, i + 1))))
		i++;
	return i;
}

static bool
next_param(struct span *rest, struct param *p)
{
	struct span s = *rest;
	size_t i = 0, end;

	*p = (struct param){ .piece = -1 };
	for (;;) {
		i = skip_comments(s, i);
		if (i < s.n && strchr(";,:/=\"", s.p[i]) != NULL) {
			i++;
			continue;
		}
		if (i >= s.n)
			return false;
		end = i;
		while (end < s.n && (unsigned char)s.p[end] > ' ' &&
		       strchr("=;\"(", s.p[end]) == NULL)
			end++;
		if (end == i)
			end++;
		p->name = span_make(s.p + i, end - i);
		i = skip_comments(s, end);
		if (i < s.n && s.p[i] == '=')
			break;
	}
	i = skip_comments(s, i + 1);
	split_name(p);
	p->quoted = i < s.n && s.p[i] == '"';
	if (p->quoted) {
		end = closing_quote(s, i + 1);
		long semicolon = span_find(s, ';', i);
		if (end == s.n && semicolon >= 0)
			end = (size_t)semicolon; /* it has no end */
		p->value = span_make(s.p + i + 1, end - i - 1);
		if (end < s.n && s.p[end] == '"')
			end++;
	} else {
		end = take_bare(s, i, &p->value);
	}
	*rest = span_skip(s, end);
	return true;
}

/* ---- values ---------------------------------------------------------------
 */

struct pieces {
	struct param v[PIECES_MAX];
	size_t n;
};

/* In their order; those of one number as they came. */
static void
insert_piece(struct pieces *list, const struct param *p)
{
	size_t at = list->n;

	if (list->n == PIECES_MAX)
		return;
	for (; at > 0 && list->v[at - 1].piece > p->piece; at--)
		list->v[at] = list->v[at - 1];
	list->v[at] = *p;
	list->n++;
}

static void
collect(struct span params, const char *name, bool extended, bool whole,
	struct pieces *list)
{
	struct param p;

	list->n = 0;
	while (next_param(&params, &p)) {
		if (!span_eq_nocase(p.name, span_of(name)) ||
		    (p.piece < 0) != whole || (whole && p.extended != extended))
			continue;
		if (!whole || list->n == 0)
			insert_piece(list, &p);
	}
}

static int
put_value(const struct param *p, bool percent, struct span value,
	  struct buf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		int byte =
		    percent && c == '%' ? mime_decode_hex(value, i + 1) : -1;
		if (byte >= 0) {
			c = (char)byte;
			i += 2;
		} else if (p->quoted && c == '\\' && i + 1 < value.n &&
			   (value.p[i + 1] == '"' || value.p[i + 1] == '\\')) {
			c = value.p[++i];
		}
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}

/* "utf-8'en'" in front of an extended value; one without is the value alone. */
static struct span
take_charset(struct span value, struct span *charset)
{
	long first = span_find(value, '\'', 0), second = -1;

	*charset = span_make(value.p, 0);
	if (first < 0)
		return value;
	second = span_find(value, '\'', (size_t)first + 1);
	for (long i = 0; i < first; i++)
		if (is_special(value.p[i]) || value.p[i] == '%')
			return value;
	*charset = span_head(value, (size_t)first);
	if (second >= 0)
		return span_skip(value, (size_t)second + 1);
	/* "utf-8'name": the language is missing, quotes and all */
	if (span_starts_nocase(value, span_of("utf-8'")))
		return span_skip(value, (size_t)first + 1);
	charset->n = 0;
	return value;
}

static int
join(const struct pieces *list, bool all_percent, struct span *charset,
     struct buf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct param *p = &list->v[i];
		struct span value = p->value;
		if (i == 0 && p->extended)
			value = take_charset(value, charset);
		if (put_value(p, p->extended || all_percent, value, out) != 0)
			return -1;
	}
	return 0;
}

/* The pieces as UTF-8.  Without a charset encoded words may be inside, which
 * RFC 2047 5 forbids and half the world does. */
static int
put_pieces(const struct pieces *list, struct buf *out)
{
	struct span charset = { NULL, 0 };
	struct buf bytes;
	char name[64];
	int rc = -1;

	buf_init(&bytes, MIME_HEADER_MAX);
	if (join(list, false, &charset, &bytes) != 0)
		goto out;
	bool extended = list->v[0].extended;
	if (extended && list->n > 1 && !utf8_is_valid(buf_span(&bytes))) {
		/* only the first piece has its mark, the others mean it */
		size_t had = bytes.n;
		if (join(list, true, &charset, &bytes) != 0)
			goto out;
		struct span whole = span_skip(buf_span(&bytes), had);
		if (utf8_is_valid(whole))
			buf_consume(&bytes, had);
		else
			bytes.n = had;
	}
	if (span_copy(charset, name, sizeof(name)) != 0)
		name[0] = '\0';
	rc = extended ? mime_charset_to_utf8(buf_span(&bytes), name, out)
		      : mime_words_text(buf_span(&bytes), out);
out:
	buf_free(&bytes);
	return rc;
}

int
mime_param(struct span params, const char *name, struct buf *out)
{
	/* RFC 6266 4.3, RFC 2231: the extended form is the better one */
	static const struct {
		bool extended, whole;
	} forms[] = { { true, true }, { false, false }, { false, true } };
	struct pieces *list = malloc(sizeof(*list));
	size_t start = out->n;
	int rc = list == NULL ? -1 : 0;

	for (size_t i = 0; rc == 0 && i < 3 && out->n == start; i++) {
		collect(params, name, forms[i].extended, forms[i].whole, list);
		if (list->n > 0)
			rc = put_pieces(list, out);
		if (rc == 0 &&
		    mime_charset_is_blank(span_skip(buf_span(out), start)))
			out->n = start;
	}
	free(list);
	return rc != 0 ? -1 : out->n > start;
}
