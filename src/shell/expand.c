#include "shell/expand.h"

#include <string.h>

static int
piece(const struct lex_piece *p, const struct expand_source *from,
      struct buf *out, struct err *e)
{
	size_t before = out->n;

	switch (p->kind) {
	case LEX_BARE:
	case LEX_TEXT:
		if (buf_add_span(out, p->text) != 0)
			return err_set(e, ERR_LIMIT, 0, "the word is too long");
		return 0;
	case LEX_VAR:
		return from->variable(from->ctx, p->text, out, e);
	case LEX_COMMAND:
		if (from->command(from->ctx, p->text, out, e) != 0)
			return -1;
		while (out->n > before && (out->p[out->n - 1] == '\n' ||
					   out->p[out->n - 1] == '\r'))
			out->n--;
		return 0;
	}
	return err_set(e, ERR_BUG, 0, "unknown piece of a word");
}

int
expand_word(const struct lex_word *w, const struct expand_source *from,
	    struct arena *a, struct arg *out, struct err *e)
{
	struct buf b;
	bool bare = true;
	int rc = -1;

	buf_init(&b, LEX_UNIT_MAX);
	out->bare = 0;
	for (const struct lex_piece *p = w->pieces; p != NULL; p = p->next) {
		if (piece(p, from, &b, e) != 0)
			goto out;
		bare = bare && p->kind == LEX_BARE;
		if (bare)
			out->bare = b.n;
	}
	if (b.n > 0 && memchr(b.p, '\0', b.n) != NULL) {
		(void)err_set(e, ERR_PERM, 0, "a NUL byte in a value");
		goto out;
	}
	out->text = arena_str(a, buf_span(&b));
	out->n = b.n;
	if (out->text == NULL) {
		(void)err_set(e, ERR_LIMIT, 0, "the command is too large");
		goto out;
	}
	rc = 0;
out:
	buf_free(&b);
	return rc;
}
