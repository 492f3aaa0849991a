#include "shell/run.h"

#include "shell/draft.h"
#include "shell/json.h"
#include "shell/run_private.h"

void
run_report(struct shell *sh, const char *verb)
{
	const struct failure *f = &sh->fail;

	(void)fflush(stdout);
	if (sh->json_errors) {
		json_failure(stderr, sh->file, sh->line, verb, f);
		return;
	}
	(void)fprintf(stderr, "mailsh: ");
	if (sh->file != NULL)
		(void)fprintf(stderr, "%s:%d: ", sh->file, sh->line);
	if (verb != NULL)
		(void)fprintf(stderr, "%s: ", verb);
	(void)fprintf(stderr, "%s [%s]\n", f->text, f->symbol);
	if (f->hint[0] != '\0')
		(void)fprintf(stderr, "hint: %s\n", f->hint);
}

/* What was typed behind <<, and nobody has: without the command's line and,
 * where the text was ended, without the last one. */
static void
keep_typed(struct shell *sh, const struct buf *unit, bool ended)
{
	struct span text = buf_span(unit);
	long lf = span_find(text, '\n', 0);
	size_t n;

	text = span_skip(text, lf < 0 ? text.n : (size_t)lf + 1);
	if (ended && text.n > 0) {
		for (n = text.n - 1; n > 0 && text.p[n - 1] != '\n'; n--)
			;
		text.n = n;
	}
	draft_keep_text(sh, text);
}

int
run_read_unit(struct shell *sh, struct source *src, struct buf *unit,
	      struct arena *a, struct lex_command **first)
{
	struct span tag = { NULL, 0 };
	char tag_text[LEX_TAG_MAX + 1];
	struct err e = { 0 };
	int begin = src->line;
	bool more = false, body = false;

	buf_clear(unit);
	for (;;) {
		size_t at = unit->n;
		int got = source_line(src, more, unit, &e);
		int line = begin;

		sh->line = begin;
		if (got < 0 || (got == 0 && more)) {
			/* a message that was being typed */
			if (src->typed != NULL && tag.n > 0)
				keep_typed(sh, unit, false);
			(void)(e.class == ERR_STOP
				   ? failure_from_local(&sh->fail, &e)
				   : failure_set(&sh->fail, SHELL_USAGE, "%s",
						 e.msg));
			run_report(sh, NULL);
			return -1;
		}
		if (got == 0)
			return 0;
		/* Inside a heredoc only its tag changes anything. */
		if (tag.n > 0 &&
		    !lex_is_tag(span_make(unit->p + at, unit->n - at - 1), tag))
			continue;
		arena_reset(a);
		switch (lex_unit(buf_span(unit), &line, a, first, &tag, &e)) {
		case LEX_DONE:
			return 1;
		case LEX_MORE:
			more = true;
			body = tag.n > 0;
			if (span_copy(tag, tag_text, sizeof(tag_text)) == 0)
				tag = span_of(tag_text);
			break;
		case LEX_ERROR:
			sh->line = line;
			(void)failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg);
			run_report(sh, NULL);
			sh->text_left = body && src->typed != NULL;
			return -1;
		}
	}
}

/* Run the commands of one unit; the status that the run must know. */
static int
run_unit(struct shell *sh, const struct lex_command *c, struct arena *a)
{
	int first = SHELL_OK;

	for (; c != NULL && !sh->exiting; c = c->next) {
		int rc = run_command(sh, c, a);

		if (rc == SHELL_OK)
			continue;
		if (first == SHELL_OK)
			first = rc;
		if (rc == SHELL_INTERRUPTED || !sh->keep_going)
			break;
	}
	return first;
}

int
run_source(struct shell *sh, struct source *src)
{
	const char *file = sh->file;
	int line = sh->line, first = SHELL_OK;
	struct arena a;
	struct buf unit;

	sh->depth++;
	arena_init(&a, RUN_ARENA_MAX);
	buf_init(&unit, LEX_UNIT_MAX);
	while (!sh->exiting) {
		struct lex_command *c = NULL;
		int got, rc = SHELL_OK;

		sh->file = src->name;
		sh->text_left = false;
		got = run_read_unit(sh, src, &unit, &a, &c);
		if (got == 0)
			break;
		rc = got < 0 ? (int)sh->fail.status : run_unit(sh, c, &a);
		arena_reset(&a);
		if (src->typed != NULL && sh->text_left)
			keep_typed(sh, &unit, true);
		sh->failed |= got < 0;
		if (rc != SHELL_OK && first == SHELL_OK)
			first = rc;
		if (src->typed == NULL && rc != SHELL_OK &&
		    (!sh->keep_going || rc == SHELL_INTERRUPTED))
			break;
		if (src->typed != NULL && rc == SHELL_INTERRUPTED)
			shell_interrupt_done(sh);
		if (got < 0 && src->eof && src->typed == NULL)
			break;
	}
	buf_free(&unit);
	arena_reset(&a);
	sh->depth--;
	sh->file = file;
	sh->line = line;
	return first;
}

int
run_text(struct shell *sh, const char *name, struct span text)
{
	struct source src;
	int rc;

	source_from_text(&src, name, text);
	src.line = sh->line > 0 ? sh->line : 1; /* where it is written */
	rc = run_source(sh, &src);
	source_free(&src);
	return rc;
}
