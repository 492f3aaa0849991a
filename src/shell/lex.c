#include "shell/lex.h"

#include <string.h>

/*
 * One cursor over the unit.  Every function below either moves it forward or
 * returns a result other than LEX_DONE, so the time is linear in the text.
 * A bare word keeps its backslashes (subject:~^\[ci\] needs no quotes); only a
 * backslash at the end of a line means something outside quotes.
 */
struct lexer {
	const char *p, *end;
	int line;
	struct arena *a;
	struct err *e;
	struct pending *docs, **docs_tail; /* heredocs opened on this line */
};

struct pending {
	struct lex_command *c;
	struct span tag;
	bool literal;
	struct pending *next;
};

static enum lex_result
fail(struct lexer *x, const char *what)
{
	(void)err_set(x->e, ERR_PERM, 0, "%s", what);
	return LEX_ERROR;
}

static enum lex_result
no_memory(struct lexer *x)
{
	(void)err_set(x->e, ERR_LIMIT, 0, "the command is too large");
	return LEX_ERROR;
}

static enum lex_result
more(struct lexer *x, const char *what)
{
	(void)err_set(x->e, ERR_PERM, 0, "%s", what);
	return LEX_MORE;
}

static bool
is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_name_char(char c)
{
	return is_name_start(c) || span_is_digit(c);
}

bool
lex_is_name(struct span s)
{
	if (s.n == 0 || !is_name_start(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!is_name_char(s.p[i]))
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
static bool
at_eol(const struct lexer *x, const char *p)
{
	if (p >= x->end || *p == '\n')
		return true;
	return *p == '\r' && p + 1 < x->end && p[1] == '\n';
}

/* Length of a continuation (backslash, line end) at the cursor, or 0. */
static size_t
continuation(const struct lexer *x)
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

struct word_end {
	struct lex_piece *first, **tail;
};

static int
add_piece(struct lexer *x, struct word_end *w, enum lex_piece_kind kind,
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
static int
expansion(struct lexer *x, struct word_end *w, enum lex_result *r)
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
			*r = more(x, "$( is not closed");
			return 1;
		}
		kind = LEX_COMMAND;
	} else if (*p == '{') {
		from = p + 1;
		for (p = from; p < x->end && (is_name_char(*p) || *p == '?');)
			p++;
		if (p >= x->end || *p != '}' || p == from) {
			*r = fail(x, "write a variable as ${name}");
			return 1;
		}
	} else if (is_name_start(*p)) {
		while (p < x->end && is_name_char(*p))
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
	if (add_piece(x, w, (enum lex_piece_kind)kind, text) != 0)
		*r = no_memory(x);
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
		return fail(x, "write a character as \\u{1F600}");
	for (p++; p < x->end && hex_value(*p) >= 0 && digits < 7; p++, digits++)
		u = u * 16 + (unsigned long)hex_value(*p);
	if (p >= x->end || *p != '}' || digits == 0 || u == 0 || u > 0x10ffff ||
	    (u >= 0xd800 && u <= 0xdfff))
		return fail(x, "no such character in \\u{...}");
	char *text = arena_alloc(x->a, 4);
	if (text == NULL)
		return no_memory(x);
	x->p = p + 1;
	if (add_piece(x, w, LEX_TEXT, span_make(text, utf8_put(u, text))) != 0)
		return no_memory(x);
	return LEX_DONE;
}

/* At a backslash inside double quotes. */
static enum lex_result
escape(struct lexer *x, struct word_end *w)
{
	size_t skip = continuation(x);
	const char *what = NULL;

	if (skip > 0) {
		x->p += skip;
		x->line++;
		return LEX_DONE;
	}
	if (++x->p >= x->end)
		return more(x, "a quote is not closed");
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
		return fail(x, "unknown escape in \"...\": "
			       "\\n \\t \\r \\\" \\\\ \\$ \\u{hex} are known");
	}
	x->p++;
	if (add_piece(x, w, LEX_TEXT, span_make(what, 1)) != 0)
		return no_memory(x);
	return LEX_DONE;
}

/* At the opening double quote. */
static enum lex_result
double_quoted(struct lexer *x, struct word_end *w)
{
	enum lex_result r = LEX_DONE;

	x->p++;
	if (add_piece(x, w, LEX_TEXT, span_make(x->p, 0)) != 0)
		return no_memory(x);
	while (r == LEX_DONE) {
		const char *from = x->p;

		while (x->p < x->end && *x->p != '"' && *x->p != '\\' &&
		       *x->p != '$')
			x->line += *x->p++ == '\n';
		if (x->p > from &&
		    add_piece(x, w, LEX_TEXT,
			      span_make(from, (size_t)(x->p - from))) != 0)
			return no_memory(x);
		if (x->p >= x->end)
			return more(x, "a \" is not closed");
		if (*x->p == '"') {
			x->p++;
			return LEX_DONE;
		}
		if (*x->p == '\\') {
			r = escape(x, w);
		} else if (expansion(x, w, &r) == 0) {
			x->p++;
			if (add_piece(x, w, LEX_TEXT, span_of("$")) != 0)
				return no_memory(x);
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
		return more(x, "a ' is not closed");
	for (const char *c = from; c < q; c++)
		x->line += *c == '\n';
	x->p = q + 1;
	if (add_piece(x, w, LEX_TEXT, span_make(from, (size_t)(q - from))) != 0)
		return no_memory(x);
	return LEX_DONE;
}

static bool
ends_word(const struct lexer *x)
{
	return at_eol(x, x->p) || span_is_blank(*x->p) || *x->p == ';';
}

/* A run of plain bytes of a bare word. */
static enum lex_result
bare_run(struct lexer *x, struct word_end *w)
{
	const char *from = x->p;

	do {
		x->p++;
	} while (!ends_word(x) && *x->p != '\'' && *x->p != '"' &&
		 *x->p != '$' && continuation(x) == 0);
	if (add_piece(x, w, LEX_BARE, span_make(from, (size_t)(x->p - from))) !=
	    0)
		return no_memory(x);
	return LEX_DONE;
}

static enum lex_result
word(struct lexer *x, struct lex_word **out)
{
	struct word_end w = { NULL, &w.first };
	enum lex_result r = LEX_DONE;

	while (r == LEX_DONE && !ends_word(x)) {
		size_t skip = continuation(x);

		if (skip > 0) {
			x->p += skip;
			x->line++;
			if (x->p >= x->end)
				return more(x, "the line continues");
		} else if (*x->p == '\'') {
			r = single_quoted(x, &w);
		} else if (*x->p == '"') {
			r = double_quoted(x, &w);
		} else if (*x->p != '$' || expansion(x, &w, &r) == 0) {
			r = bare_run(x, &w);
		}
	}
	if (r != LEX_DONE)
		return r;
	*out = arena_alloc(x->a, sizeof(**out));
	if (*out == NULL)
		return no_memory(x);
	(*out)->pieces = w.first;
	return LEX_DONE;
}

/* ---- commands -------------------------------------------------------------
 */

/* Blanks and continuations; a '\' as the very last byte asks for more. */
static enum lex_result
blanks(struct lexer *x)
{
	for (;;) {
		size_t skip = continuation(x);

		if (skip > 0) {
			x->p += skip;
			x->line++;
			if (x->p >= x->end)
				return more(x, "the line continues");
		} else if (x->p < x->end && span_is_blank(*x->p)) {
			x->p++;
		} else {
			return LEX_DONE;
		}
	}
}

static struct span
rest_of_line(struct lexer *x)
{
	const char *from = x->p;

	while (!at_eol(x, x->p))
		x->p++;
	return span_trim(span_make(from, (size_t)(x->p - from)));
}

/* At "<<": the tag; its body is read when the line is done. */
static enum lex_result
heredoc_open(struct lexer *x, struct lex_command *c)
{
	struct pending *d = arena_alloc(x->a, sizeof(*d));
	const char *from;

	if (d == NULL)
		return no_memory(x);
	if (c->heredoc != NULL)
		return fail(x, "one << is enough for a command");
	x->p += 2;
	d->literal = x->p < x->end && *x->p == '\'';
	x->p += d->literal;
	for (from = x->p; x->p < x->end && is_name_char(*x->p);)
		x->p++;
	d->tag = span_make(from, (size_t)(x->p - from));
	if (d->tag.n == 0 || d->tag.n > LEX_TAG_MAX)
		return fail(x, "<< wants a word after it: <<END");
	if (d->literal) {
		if (x->p >= x->end || *x->p != '\'')
			return fail(x, "write <<'END'");
		x->p++;
	}
	if (!ends_word(x))
		return fail(x, "a heredoc's tag is letters and digits: <<END");
	c->heredoc = arena_alloc(x->a, sizeof(*c->heredoc));
	if (c->heredoc == NULL)
		return no_memory(x);
	d->c = c;
	*x->docs_tail = d;
	x->docs_tail = &d->next;
	return LEX_DONE;
}

static enum lex_result
output(struct lexer *x, struct lex_command *c)
{
	enum lex_result r;

	if (c->output != LEX_OUT_NONE)
		return fail(x, "a command has one output");
	if (*x->p == '|') {
		x->p++;
		c->output = LEX_OUT_PIPE;
		c->pipe = rest_of_line(x);
		return c->pipe.n == 0 ? fail(x, "| wants a command after it")
				      : LEX_DONE;
	}
	c->output = LEX_OUT_WRITE;
	if (++x->p < x->end && *x->p == '>') {
		c->output = LEX_OUT_APPEND;
		x->p++;
	}
	if ((r = blanks(x)) != LEX_DONE)
		return r;
	if (ends_word(x))
		return fail(x, "> wants a file name after it");
	return word(x, &c->target);
}

static unsigned
prefix_of(const struct lex_word *w)
{
	static const struct {
		const char *name;
		unsigned flag;
	} names[] = { { "try", LEX_TRY },
		      { "not", LEX_NOT },
		      { "quiet", LEX_QUIET },
		      { "time", LEX_TIME } };

	if (w->pieces == NULL || w->pieces->kind != LEX_BARE ||
	    w->pieces->next != NULL)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_eq(w->pieces->text, span_of(names[i].name)))
			return names[i].flag;
	return 0;
}

/* The next thing of a command; sets *done at its end. */
static enum lex_result
command_part(struct lexer *x, struct lex_command *c, struct lex_word ***tail,
	     bool *done)
{
	enum lex_result r = blanks(x);
	struct lex_word *w = NULL;

	if (r != LEX_DONE)
		return r;
	if (at_eol(x, x->p) || *x->p == ';' || *x->p == '#') {
		*done = true;
		return LEX_DONE;
	}
	if (*x->p == '>' || *x->p == '|') {
		if (c->n_words == 0)
			return fail(x, "a command cannot begin with > or |");
		return output(x, c);
	}
	if (x->end - x->p >= 2 && x->p[0] == '<' && x->p[1] == '<') {
		if (c->n_words == 0)
			return fail(x, "a command cannot begin with <<");
		return heredoc_open(x, c);
	}
	if (*x->p == '!' && c->n_words == 0) {
		x->p++;
		c->escape = true;
		c->pipe = rest_of_line(x);
		*done = true;
		return LEX_DONE;
	}
	if (c->n_words == LEX_WORDS_MAX)
		return fail(x, "too many words in one command");
	if ((r = word(x, &w)) != LEX_DONE)
		return r;
	if (w->pieces == NULL)
		return LEX_DONE; /* a continuation only */
	if (c->n_words == 0 && prefix_of(w) != 0) {
		c->prefixes |= prefix_of(w);
		return LEX_DONE;
	}
	**tail = w;
	*tail = &w->next;
	c->n_words++;
	return LEX_DONE;
}

static enum lex_result
command(struct lexer *x, struct lex_command **out)
{
	struct lex_command *c = arena_alloc(x->a, sizeof(*c));
	struct lex_word **tail;
	enum lex_result r = LEX_DONE;
	bool done = false;
	const char *from = x->p;

	if (c == NULL)
		return no_memory(x);
	tail = &c->words;
	c->line = x->line;
	while (r == LEX_DONE && !done)
		r = command_part(x, c, &tail, &done);
	if (r != LEX_DONE)
		return r;
	c->source = span_trim(span_make(from, (size_t)(x->p - from)));
	if (c->n_words == 0 && !c->escape) {
		if (c->prefixes != 0)
			return fail(x, "a prefix word wants a command");
		c = NULL;
	}
	*out = c;
	return LEX_DONE;
}

/* ---- heredocs -------------------------------------------------------------
 */

static enum lex_result
body_pieces(struct lexer *x, struct span body, struct word_end *w)
{
	struct lexer in = *x;
	enum lex_result r = LEX_DONE;

	in.p = body.p;
	in.end = body.p + body.n;
	while (r == LEX_DONE && in.p < in.end) {
		const char *from = in.p;

		while (in.p < in.end && *in.p != '$' && *in.p != '\\')
			in.line += *in.p++ == '\n';
		if (in.p > from &&
		    add_piece(x, w, LEX_TEXT,
			      span_make(from, (size_t)(in.p - from))) != 0)
			return no_memory(x);
		if (in.p >= in.end)
			break;
		/* In running text a backslash only protects $ and itself. */
		if (*in.p == '\\') {
			if (in.end - in.p >= 2 &&
			    (in.p[1] == '$' || in.p[1] == '\\'))
				in.p++;
		} else if (expansion(&in, w, &r) != 0) {
			continue;
		}
		if (add_piece(x, w, LEX_TEXT, span_make(in.p, 1)) != 0)
			return no_memory(x);
		in.p++;
	}
	if (r == LEX_MORE) /* the body is whole: more lines cannot help */
		r = LEX_ERROR;
	if (r != LEX_DONE)
		x->line = in.line;
	return r;
}

/* The cursor stands at the start of the body's first line. */
static enum lex_result
heredoc_body(struct lexer *x, const struct pending *d, struct span *tag)
{
	const char *from = x->p, *p = from;
	struct word_end w = { NULL, &w.first };
	enum lex_result r;
	int lines = 1;

	for (;;) {
		const char *nl;

		if (p >= x->end) {
			*tag = d->tag;
			return more(x, "a << is not closed");
		}
		nl = memchr(p, '\n', (size_t)(x->end - p));
		if (nl == NULL)
			nl = x->end;
		if (lex_is_tag(span_make(p, (size_t)(nl - p)), d->tag)) {
			/* the last line of a text may lack its end */
			lines -= nl == x->end;
			x->p = nl < x->end ? nl + 1 : nl;
			break;
		}
		lines++;
		p = nl < x->end ? nl + 1 : nl;
	}
	struct span body = span_make(from, (size_t)(p - from));
	if (d->literal)
		r = add_piece(x, &w, LEX_TEXT, body) != 0 ? no_memory(x)
							  : LEX_DONE;
	else
		r = body_pieces(x, body, &w);
	if (r != LEX_DONE)
		return r;
	if (w.first == NULL && add_piece(x, &w, LEX_TEXT, span_of("")) != 0)
		return no_memory(x);
	d->c->heredoc->pieces = w.first;
	x->line += lines;
	return LEX_DONE;
}

/* After the last command of a line: comment, line end, heredoc bodies. */
static enum lex_result
line_end(struct lexer *x, struct span *tag)
{
	(void)rest_of_line(x);
	if (x->p < x->end && *x->p == '\r')
		x->p++;
	if (x->p < x->end) {
		x->p++;
		x->line++;
	}
	for (struct pending *d = x->docs; d != NULL; d = d->next) {
		enum lex_result r = heredoc_body(x, d, tag);

		if (r != LEX_DONE)
			return r;
	}
	x->docs = NULL;
	x->docs_tail = &x->docs;
	return LEX_DONE;
}

enum lex_result
lex_unit(struct span text, int *line, struct arena *a,
	 struct lex_command **first, struct span *tag, struct err *e)
{
	struct lexer x = { .p = text.p,
			   .end = text.p + text.n,
			   .line = *line,
			   .a = a,
			   .e = e,
			   .docs_tail = &x.docs };
	struct lex_command **tail = first;
	enum lex_result r = LEX_DONE;
	size_t count = 0;

	*first = NULL;
	*tag = span_make(NULL, 0);
	if (text.n > LEX_UNIT_MAX)
		r = no_memory(&x);
	else if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		r = fail(&x, "a NUL byte has no place in a command");
	while (r == LEX_DONE && x.p < x.end) {
		struct lex_command *c = NULL;

		r = command(&x, &c);
		if (r != LEX_DONE)
			break;
		if (c != NULL) {
			*tail = c;
			tail = &c->next;
			if (++count > LEX_COMMANDS_MAX)
				r = fail(&x, "too many commands in one line");
		}
		if (r != LEX_DONE)
			break;
		if (x.p < x.end && *x.p == ';')
			x.p++;
		else
			r = line_end(&x, tag);
	}
	*line = x.line;
	return r;
}
