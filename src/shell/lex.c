#include "shell/lex.h"

#include <string.h>

#include "shell/lex_private.h"

/* ---- commands -------------------------------------------------------------
 */

/* Blanks and continuations; a '\' as the very last byte asks for more. */
static enum lex_result
blanks(struct lexer *x)
{
	for (;;) {
		size_t skip = lex_continuation(x);

		if (skip > 0) {
			x->p += skip;
			x->line++;
			if (x->p >= x->end)
				return lex_more(x, "the line continues");
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

	while (!lex_at_eol(x, x->p))
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
		return lex_no_memory(x);
	if (c->heredoc != NULL)
		return lex_fail(x, "one << is enough for a command");
	x->p += 2;
	d->literal = x->p < x->end && *x->p == '\'';
	x->p += d->literal;
	for (from = x->p; x->p < x->end && lex_is_name_char(*x->p);)
		x->p++;
	d->tag = span_make(from, (size_t)(x->p - from));
	if (d->tag.n == 0 || d->tag.n > LEX_TAG_MAX)
		return lex_fail(x, "<< wants a word after it: <<END");
	if (d->literal) {
		if (x->p >= x->end || *x->p != '\'')
			return lex_fail(x, "write <<'END'");
		x->p++;
	}
	if (!lex_ends_word(x))
		return lex_fail(x,
				"a heredoc's tag is letters and digits: <<END");
	c->heredoc = arena_alloc(x->a, sizeof(*c->heredoc));
	if (c->heredoc == NULL)
		return lex_no_memory(x);
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
		return lex_fail(x, "a command has one output");
	if (*x->p == '|') {
		x->p++;
		c->output = LEX_OUT_PIPE;
		c->pipe = rest_of_line(x);
		return c->pipe.n == 0
			   ? lex_fail(x, "| wants a command after it")
			   : LEX_DONE;
	}
	c->output = LEX_OUT_WRITE;
	if (++x->p < x->end && *x->p == '>') {
		c->output = LEX_OUT_APPEND;
		x->p++;
	}
	if ((r = blanks(x)) != LEX_DONE)
		return r;
	if (lex_ends_word(x))
		return lex_fail(x, "> wants a file name after it");
	return lex_word_read(x, &c->target);
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
	if (lex_at_eol(x, x->p) || *x->p == ';' || *x->p == '#') {
		*done = true;
		return LEX_DONE;
	}
	if (*x->p == '>' || *x->p == '|') {
		if (c->n_words == 0)
			return lex_fail(x,
					"a command cannot begin with > or |");
		return output(x, c);
	}
	if (x->end - x->p >= 2 && x->p[0] == '<' && x->p[1] == '<') {
		if (c->n_words == 0)
			return lex_fail(x, "a command cannot begin with <<");
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
		return lex_fail(x, "too many words in one command");
	if ((r = lex_word_read(x, &w)) != LEX_DONE)
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
		return lex_no_memory(x);
	tail = &c->words;
	c->line = x->line;
	while (r == LEX_DONE && !done)
		r = command_part(x, c, &tail, &done);
	if (r != LEX_DONE)
		return r;
	c->source = span_trim(span_make(from, (size_t)(x->p - from)));
	if (c->n_words == 0 && !c->escape) {
		if (c->prefixes != 0)
			return lex_fail(x, "a prefix word wants a command");
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
		    lex_add_piece(x, w, LEX_TEXT,
				  span_make(from, (size_t)(in.p - from))) != 0)
			return lex_no_memory(x);
		if (in.p >= in.end)
			break;
		/* In running text a backslash only protects $ and itself. */
		if (*in.p == '\\') {
			if (in.end - in.p >= 2 &&
			    (in.p[1] == '$' || in.p[1] == '\\'))
				in.p++;
		} else if (lex_expansion(&in, w, &r) != 0) {
			continue;
		}
		if (lex_add_piece(x, w, LEX_TEXT, span_make(in.p, 1)) != 0)
			return lex_no_memory(x);
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
			return lex_more(x, "a << is not closed");
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
		r = lex_add_piece(x, &w, LEX_TEXT, body) != 0 ? lex_no_memory(x)
							      : LEX_DONE;
	else
		r = body_pieces(x, body, &w);
	if (r != LEX_DONE)
		return r;
	if (w.first == NULL && lex_add_piece(x, &w, LEX_TEXT, span_of("")) != 0)
		return lex_no_memory(x);
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
		r = lex_no_memory(&x);
	else if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		r = lex_fail(&x, "a NUL byte has no place in a command");
	while (r == LEX_DONE && x.p < x.end) {
		struct lex_command *c = NULL;

		r = command(&x, &c);
		if (r != LEX_DONE)
			break;
		if (c != NULL) {
			*tail = c;
			tail = &c->next;
			if (++count > LEX_COMMANDS_MAX)
				r = lex_fail(&x,
					     "too many commands in one line");
		}
		if (r != LEX_DONE)
			break;
		if (x.p < x.end && *x.p == ';' && c == NULL)
			r = lex_fail(&x, "a ; wants a command before it");
		else if (x.p < x.end && *x.p == ';')
			x.p++;
		else
			r = line_end(&x, tag);
	}
	*line = x.line;
	return r;
}
