#include <stdlib.h>

#include "base/clock.h"
#include "shell/cmd.h"
#include "shell/run_private.h"

/*
 * --check: what is certain without running anything.  An expansion is one word
 * whatever it gives, and never an option or an operator, so that verbs, options
 * and numbers of arguments can be known where values cannot.
 */
struct checking {
	struct shell *sh;
	struct source *src;
	int status;
};

static void
report(struct checking *k, const char *verb)
{
	run_report(k->sh, verb);
	k->status = SHELL_USAGE;
}

/* ---- words ----------------------------------------------------------------
 */

static int
any_value(void *ctx, struct span name, struct buf *out, struct err *e)
{
	(void)ctx;
	(void)name;
	return buf_add_char(out, 'x') == 0
		   ? 0
		   : err_set(e, ERR_LIMIT, 0, "the word is too long");
}

/* What stands inside $( ) is a script of its own. */
static int
inner_commands(void *ctx, struct span text, struct buf *out, struct err *e)
{
	struct checking *k = ctx;
	struct source inner;
	int line = k->sh->line;

	if (k->sh->depth >= SHELL_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, 0, "$( ) is nested too deep");
	k->sh->depth++;
	source_from_text(&inner, k->src->name, text);
	inner.line = line;
	if (run_check(k->sh, &inner) != SHELL_OK)
		k->status = SHELL_USAGE;
	source_free(&inner);
	k->sh->line = line;
	k->sh->depth--;
	return any_value(NULL, text, out, e);
}

static bool
has_expansion(const struct lex_word *w)
{
	for (const struct lex_piece *p = w->pieces; p != NULL; p = p->next)
		if (p->kind == LEX_VAR || p->kind == LEX_COMMAND)
			return true;
	return false;
}

/* ---- one command ----------------------------------------------------------
 */

/* Are the operands what the command wants?  They are all known. */
static int
check_operands(struct checking *k, const struct command *cmd,
	       const struct args *a)
{
	struct failure *f = &k->sh->fail;
	struct set *set;
	int rc;

	if (cmd->run == cmd_set && a->n > 0)
		return cmd_set_find(k->sh, a->operand[0].text) < 0 ? SHELL_USAGE
								   : SHELL_OK;
	if (cmd->complete != COMPLETE_MESSAGE || a->n == 0)
		return SHELL_OK;
	set = calloc(1, sizeof(*set));
	if (set == NULL)
		return failure_set(f, SHELL_LOCAL, "out of memory");
	/* behind the set of `save` stands a part */
	rc = set_parse(set, a->operand, cmd->run == cmd_save ? 1 : a->n,
		       clock_wall_s(), f);
	set_free(set);
	free(set);
	return rc;
}

static void
check_command(struct checking *k, const struct lex_command *c, struct arena *a)
{
	const struct expand_source from = { k, any_value, inner_commands };
	struct args *args = arena_alloc(a, sizeof(*args));
	struct arg *words = arena_alloc(a, (c->n_words + 1) * sizeof(*words));
	const struct command *cmd;
	bool all_known = true;
	struct err e = { 0 };
	struct arg other;
	size_t n = 0;
	int rc = 0;

	k->sh->line = c->line;
	if (args == NULL || words == NULL) {
		(void)failure_set(&k->sh->fail, SHELL_LOCAL, "out of memory");
		report(k, NULL);
		return;
	}
	args->arena = a;
	args->has_body = c->heredoc != NULL;
	for (const struct lex_word *w = c->words; rc == 0 && w != NULL;
	     w = w->next) {
		all_known = all_known && !has_expansion(w);
		rc = expand_word(w, &from, a, &words[n++], &e);
	}
	if (rc == 0 && c->heredoc != NULL)
		rc = expand_word(c->heredoc, &from, a, &other, &e);
	if (rc == 0 && c->target != NULL)
		rc = expand_word(c->target, &from, a, &other, &e);
	if (rc != 0) {
		(void)failure_set(&k->sh->fail, SHELL_USAGE, "%s", e.msg);
		report(k, NULL);
		return;
	}
	if (n == 0 || has_expansion(c->words))
		return;
	cmd = command_find(arg_span(&words[0]), false, &k->sh->fail);
	if (cmd == NULL)
		report(k, NULL);
	else if (command_parse(cmd, words, n, false, args, &k->sh->fail) !=
		     SHELL_OK ||
		 (all_known && check_operands(k, cmd, args) != SHELL_OK))
		report(k, cmd->name);
}

int
run_check(struct shell *sh, struct source *src)
{
	struct checking k = { sh, src, SHELL_OK };
	const char *file = sh->file;
	struct arena a;
	struct buf unit;
	int got = 1;

	arena_init(&a, RUN_ARENA_MAX);
	buf_init(&unit, LEX_UNIT_MAX);
	while (got != 0) {
		struct lex_command *c = NULL;

		sh->file = src->name;
		got = run_read_unit(sh, src, &unit, &a, &c);
		if (got < 0)
			k.status = SHELL_USAGE;
		for (; got > 0 && c != NULL; c = c->next)
			if (!c->escape)
				check_command(&k, c, &a);
		arena_reset(&a);
		if (got < 0 && src->eof && src->in.n == 0 && src->text.n == 0)
			break;
	}
	buf_free(&unit);
	arena_reset(&a);
	sh->file = file;
	return k.status;
}
