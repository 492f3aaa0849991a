#include <string.h>

#include "shell/lex_private.h"

/* Words: quotes, escapes and expansions. */

enum lex_result
lex_fail(struct lexer *x, const char *what)
{
	(void)err_set(x->e, ERR_PERM, 0, "%s", what);
	return LEX_ERROR;
}

enum lex_result
lex_no_memory(struct lexer *x)
{
	(void)err_set(x->e, ERR_LIMIT, 0, "the command is too large");
	return LEX_ERROR;
}

enum lex_result
lex_more(struct lexer *x, const char *what)
{
	(void)err_set(x->e, ERR_PERM, 0, "%s", what);
	return LEX_MORE;
}

static bool
lex_is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool
lex_is_name_char(char c)
{
	return lex_is_name_start(c) || span_is_digit(c);
}

bool
lex_is_name(struct span s)
{
	if (s.n == 0 || !lex_is_name_start(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!lex_is_name_char(s.p[i]))
			return false;
	return true;
}

bool
lex_is_tag(struct span line, struct span tag)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return span_eq(line, tag);
}

/* at_eol - a line end stands at p; a CR before LF belongs to it. */
bool
lex_at_eol(const struct lexer *x, const char *p)
{
	if (p >= x->end || *p == '\n')
		return true;
	return *p == '\r' && p + 1 < x->end && p[1] == '\n';
}

/* Length of a continuation (backslash, line end) at the cursor, or 0. */
size_t
lex_continuation(const struct lexer *x)
{
	if (x->p >= x->end || *x->p != '\\')
		return 0;
	if (x->p + 1 < x->end && x->p[1] == '\n')
		return 2;
	if (x->p + 2 < x->end && x->p[1] == '\r' && x->p[2] == '\n')
		return 3;
	return 0;
}

/* ---- pieces ---------------------------------------------------------------
 */

int
lex_add_piece(struct lexer *x, struct word_end *w, enum lex_piece_kind kind,
	      struct span text)
{
	struct lex_piece *p = arena_alloc(x->a, sizeof(*p));

	if (p == NULL)
		return -1;
	p->kind = kind;
	p->text = text;
	*w->tail = p;
	w->tail = &p->next;
	return 0;
}

/* The ')' that closes a "$(" whose text begins at p, or NULL: quotes and
 * nested parentheses are stepped over with a small explicit stack. */
static const char *
close_paren(const char *p, const char *end)
{
	char open[LEX_NEST_MAX];
	size_t n = 0;

	open[n++] = '(';
	for (; p < end; p++) {
		char top = open[n - 1];

		if (*p == '\\' && top == '"') {
			p++;
		} else if (*p == '\'' && top == '(') {
			p = memchr(p + 1, '\'', (size_t)(end - p - 1));
			if (p == NULL)
				return NULL;
		} else if (*p == '"' && top == '"') {
			n--;
		} else if (*p == ')' && top == '(') {
			if (--n == 0)
				return p;
		} else if ((*p == '"' && top == '(') ||
			   (*p == '(' && (top == '(' || p[-1] == '$'))) {
			if (n == LEX_NEST_MAX)
				return NULL;
			open[n++] = *p;
		}
	}
	return NULL;
}

/* At '$'.  Adds a piece when it begins an expansion (1), else 0: the '$' is
 * just a dollar (the last message of a set, a price). */
int
lex_expansion(struct lexer *x, struct word_end *w, enum lex_result *r)
{
	const char *p = x->p + 1, *from = p;
	int kind = LEX_VAR;

	*r = LEX_DONE;
	if (p >= x->end)
		return 0;
	if (*p == '(') {
		from = p + 1;
		p = close_paren(from, x->end);
		if (p == NULL) {
			*r = lex_more(x, "$( is not closed");
			return 1;
		}
		kind = LEX_COMMAND;
	} else if (*p == '{') {
		from = p + 1;
		for (p = from;
		     p < x->end && (lex_is_name_char(*p) || *p == '?');)
			p++;
		if (p >= x->end || *p != '}' || p == from) {
			*r = lex_fail(x, "write a variable as ${name}");
			return 1;
		}
	} else if (lex_is_name_start(*p)) {
		while (p < x->end && lex_is_name_char(*p))
			p++;
	} else if (span_is_digit(*p)) {
		while (p < x->end && span_is_digit(*p))
			p++;
	} else if (*p == '?') {
		p++;
	} else {
		return 0;
	}
	struct span text = span_make(from, (size_t)(p - from));
	for (const char *q = from; q < p; q++)
		x->line += *q == '\n';
	x->p = p + (from != x->p + 1); /* past the closing mark, if any */
	if (lex_add_piece(x, w, (enum lex_piece_kind)kind, text) != 0)
		*r = lex_no_memory(x);
	return 1;
}

static int
hex_value(char c)
{
	if (span_is_digit(c))
		return c - '0';
	c = (char)span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t
utf8_put(unsigned long u, char out[4])
{
	if (u < 0x80) {
		out[0] = (char)u;
		return 1;
	}
	if (u < 0x800) {
		out[0] = (char)(0xc0 | (u >> 6));
		out[1] = (char)(0x80 | (u & 0x3f));
		return 2;
	}
	if (u < 0x10000) {
		out[0] = (char)(0xe0 | (u >> 12));
		out[1] = (char)(0x80 | ((u >> 6) & 0x3f));
		out[2] = (char)(0x80 | (u & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (u >> 18));
	out[1] = (char)(0x80 | ((u >> 12) & 0x3f));
	out[2] = (char)(0x80 | ((u >> 6) & 0x3f));
	out[3] = (char)(0x80 | (u & 0x3f));
	return 4;
}

/* \u{1F600}: x->p is at the 'u'. */
static enum lex_result
unicode_escape(struct lexer *x, struct word_end *w)
{
	const char *p = x->p + 1;
	unsigned long u = 0;
	int digits = 0;

	if (p >= x->end || *p != '{')
		return lex_fail(x, "write a character as \\u{1F600}");
	for (p++; p < x->end && hex_value(*p) >= 0 && digits < 7; p++, digits++)
		u = u * 16 + (unsigned long)hex_value(*p);
	if (p >= x->end || *p != '}' || digits == 0 || u == 0 || u > 0x10ffff ||
	    (u >= 0xd800 && u <= 0xdfff))
		return lex_fail(x, "no such character in \\u{...}");
	char *text = arena_alloc(x->a, 4);
	if (text == NULL)
		return lex_no_memory(x);
	x->p = p + 1;
	if (lex_add_piece(x, w, LEX_TEXT, span_make(text, utf8_put(u, text))) !=
	    0)
		return lex_no_memory(x);
	return LEX_DONE;
}

/* At a backslash inside double quotes. */
static enum lex_result
escape(struct lexer *x, struct word_end *w)
{
	size_t skip = lex_continuation(x);
	const char *what = NULL;

	if (skip > 0) {
		x->p += skip;
		x->line++;
		return LEX_DONE;
	}
	if (++x->p >= x->end)
		return lex_more(x, "a quote is not closed");
	switch (*x->p) {
	case 'n':
		what = "\n";
		break;
	case 't':
		what = "\t";
		break;
	case 'r':
		what = "\r";
		break;
	case '"':
	case '\\':
	case '$':
		what = x->p;
		break;
	case 'u':
		return unicode_escape(x, w);
	default:
		return lex_fail(x,
				"unknown escape in \"...\": "
				"\\n \\t \\r \\\" \\\\ \\$ \\u{hex} are known");
	}
	x->p++;
	if (lex_add_piece(x, w, LEX_TEXT, span_make(what, 1)) != 0)
		return lex_no_memory(x);
	return LEX_DONE;
}

/* At the opening double quote. */
static enum lex_result
double_quoted(struct lexer *x, struct word_end *w)
{
	enum lex_result r = LEX_DONE;

	x->p++;
	if (lex_add_piece(x, w, LEX_TEXT, span_make(x->p, 0)) != 0)
		return lex_no_memory(x);
	while (r == LEX_DONE) {
		const char *from = x->p;

		while (x->p < x->end && *x->p != '"' && *x->p != '\\' &&
		       *x->p != '$')
			x->line += *x->p++ == '\n';
		if (x->p > from &&
		    lex_add_piece(x, w, LEX_TEXT,
				  span_make(from, (size_t)(x->p - from))) != 0)
			return lex_no_memory(x);
		if (x->p >= x->end)
			return lex_more(x, "a \" is not closed");
		if (*x->p == '"') {
			x->p++;
			return LEX_DONE;
		}
		if (*x->p == '\\') {
			r = escape(x, w);
		} else if (lex_expansion(x, w, &r) == 0) {
			x->p++;
			if (lex_add_piece(x, w, LEX_TEXT, span_of("$")) != 0)
				return lex_no_memory(x);
		}
	}
	return r;
}

/* At the opening single quote. */
static enum lex_result
single_quoted(struct lexer *x, struct word_end *w)
{
	const char *from = ++x->p;
	const char *q = memchr(from, '\'', (size_t)(x->end - from));

	if (q == NULL)
		return lex_more(x, "a ' is not closed");
	for (const char *c = from; c < q; c++)
		x->line += *c == '\n';
	x->p = q + 1;
	if (lex_add_piece(x, w, LEX_TEXT,
			  span_make(from, (size_t)(q - from))) != 0)
		return lex_no_memory(x);
	return LEX_DONE;
}

bool
lex_ends_word(const struct lexer *x)
{
	return lex_at_eol(x, x->p) || span_is_blank(*x->p) || *x->p == ';';
}

/* A run of plain bytes of a bare word. */
static enum lex_result
bare_run(struct lexer *x, struct word_end *w)
{
	const char *from = x->p;

	do {
		x->p++;
	} while (!lex_ends_word(x) && *x->p != '\'' && *x->p != '"' &&
		 *x->p != '$' && lex_continuation(x) == 0);
	if (lex_add_piece(x, w, LEX_BARE,
			  span_make(from, (size_t)(x->p - from))) != 0)
		return lex_no_memory(x);
	return LEX_DONE;
}

enum lex_result
lex_word_read(struct lexer *x, struct lex_word **out)
{
	struct word_end w = { NULL, &w.first };
	enum lex_result r = LEX_DONE;

	while (r == LEX_DONE && !lex_ends_word(x)) {
		size_t skip = lex_continuation(x);

		if (skip > 0) {
			x->p += skip;
			x->line++;
			if (x->p >= x->end)
				return lex_more(x, "the line continues");
		} else if (*x->p == '\'') {
			r = single_quoted(x, &w);
		} else if (*x->p == '"') {
			r = double_quoted(x, &w);
		} else if (*x->p != '$' || lex_expansion(x, &w, &r) == 0) {
			r = bare_run(x, &w);
		}
	}
	if (r != LEX_DONE)
		return r;
	*out = arena_alloc(x->a, sizeof(**out));
	if (*out == NULL)
		return lex_no_memory(x);
	(*out)->pieces = w.first;
	return LEX_DONE;
}
