#include <stdlib.h>

#include "base/clock.h"
#include "shell/cmd.h"
#include "shell/proc.h"
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

typedef int check_fn(struct shell *sh, const struct args *a);

/* How many of the words are known: all, the first operand, not even that. */
enum known { KNOWN_NONE, KNOWN_FIRST, KNOWN_ALL };

/* What a command says about its arguments before it does anything. */
static int
check_by_command(struct checking *k, const struct args *a, enum known known)
{
	static const struct {
		check_fn *run, *check;
		enum known wants;
	} checks[] = {
		{ cmd_contact, cmd_contact_check, KNOWN_FIRST },
		{ cmd_exit, cmd_exit_check, KNOWN_ALL },
		{ cmd_help, cmd_help_check, KNOWN_ALL },
		{ cmd_let, cmd_let_check, KNOWN_FIRST },
		{ cmd_list, cmd_list_check, KNOWN_ALL },
		{ cmd_read, cmd_read_check, KNOWN_ALL },
		{ cmd_set, cmd_set_check, KNOWN_ALL },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].run == a->command->run &&
		    known >= checks[i].wants)
			return checks[i].check(k->sh, a);
	return SHELL_OK;
}

/* Are the arguments what the command wants? */
static int
check_arguments(struct checking *k, const struct args *a, enum known known)
{
	const struct command *cmd = a->command;
	struct failure *f = &k->sh->fail;
	struct set *set;
	int rc = check_by_command(k, a, known);

	if (rc != SHELL_OK || known != KNOWN_ALL)
		return rc;
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

static enum known
what_is_known(const struct lex_command *c, const struct arg *words,
	      const struct args *a)
{
	enum known known = KNOWN_ALL;

	for (const struct lex_word *w = c->words; w != NULL; w = w->next) {
		bool first = a->n > 0 && a->operand[0].text == words->text;

		words++;
		if (!has_expansion(w))
			continue;
		if (first)
			return KNOWN_NONE;
		known = KNOWN_FIRST;
	}
	return known;
}

/* Can the system's shell read what is written for it?  With -n it runs
 * nothing. */
static void
check_shell(struct checking *k, const struct lex_command *c, struct arena *a)
{
	const char *text = c->pipe.n == 0 ? NULL : arena_str(a, c->pipe);
	struct proc p;
	struct err e;
	int status;

	if (text == NULL ||
	    proc_shell(&p, "exec /bin/sh -n -c -- \"$1\" 2>/dev/null", text, -1,
		       -1, &e) != 0)
		return;
	status = proc_wait(&p);
	if (status == 0 || status >= 126)
		return;
	k->sh->line = c->line;
	(void)failure_set(&k->sh->fail, SHELL_USAGE,
			  "the system's shell does not understand %s", text);
	report(k, c->escape ? "!" : "|");
}

static void
check_command(struct checking *k, const struct lex_command *c, struct arena *a)
{
	const struct expand_source from = { k, any_value, inner_commands };
	struct args *args = arena_alloc(a, sizeof(*args));
	struct arg *words = arena_alloc(a, (c->n_words + 1) * sizeof(*words));
	const struct command *cmd;
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
	     w = w->next)
		rc = expand_word(w, &from, a, &words[n++], &e);
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
		 check_arguments(k, args, what_is_known(c, words, args)) !=
		     SHELL_OK)
		report(k, cmd->name);
}

static void
check_unit(struct checking *k, const struct lex_command *c, struct arena *a)
{
	if (!c->escape)
		check_command(k, c, a);
	check_shell(k, c, a);
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
			check_unit(&k, c, &a);
		arena_reset(&a);
		if (got < 0 && src->eof && src->in.n == 0 && src->text.n == 0)
			break;
	}
	buf_free(&unit);
	arena_reset(&a);
	sh->file = file;
	return k.status;
}
