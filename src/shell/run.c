#include "shell/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "shell/expand.h"
#include "shell/json.h"
#include "shell/lex.h"
#include "shell/proc.h"
#include "shell/redact.h"

enum { UNIT_ARENA_MAX = 160 * 1024 * 1024, CAPTURE_MAX = 1024 * 1024 };

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

/* ---- expansions -----------------------------------------------------------
 */

static int
special_variable(struct shell *sh, struct span name, struct buf *out)
{
	uint64_t n;

	if (span_eq(name, span_of("?")))
		return buf_addf(out, "%d", (int)sh->fail.status) == 0 ? 1 : -1;
	if (span_eq(name, span_of("error")))
		return buf_add_str(out, sh->fail.status == SHELL_OK
					    ? ""
					    : sh->fail.symbol) == 0
			   ? 1
			   : -1;
	if (span_eq(name, span_of("code")))
		return buf_addf(out, "%d", sh->fail.code) == 0 ? 1 : -1;
	if (span_eq(name, span_of("enhanced")))
		return buf_add_str(out, sh->fail.enhanced) == 0 ? 1 : -1;
	if (span_eq(name, span_of("0")))
		return buf_add_str(out,
				   sh->file == NULL ? "mailsh" : sh->file) == 0
			   ? 1
			   : -1;
	if (span_eq(name, span_of("count")))
		return buf_addf(out, "%u", sh->box.n_last) == 0 ? 1 : -1;
	if (span_eq(name, span_of("last")))
		return mailbox_last_text(&sh->box, out) == 0 ? 1 : -1;
	if (span_u64(name, &n) == 0) {
		if (n == 0 || n > sh->n_script_args)
			return 0;
		return buf_add_str(out, sh->script_args[n - 1]) == 0 ? 1 : -1;
	}
	return 0;
}

static int
expand_variable(void *ctx, struct span name, struct buf *out, struct err *e)
{
	struct shell *sh = ctx;
	const char *value;
	int rc = special_variable(sh, name, out);

	if (rc == 0) {
		value = vars_get(&sh->vars, name);
		if (value == NULL)
			return err_set(e, ERR_PERM, 0,
				       "$%.*s is not set (a dollar sign itself "
				       "is '$' or \\$ inside quotes)",
				       SPAN_ARG(name));
		rc = buf_add_str(out, value) == 0 ? 1 : -1;
	}
	if (rc < 0)
		return err_set(e, ERR_LIMIT, 0, "the value is too long");
	return 0;
}

/* What a file that was written holds; at most CAPTURE_MAX bytes. */
static int
collect(FILE *file, struct buf *out, struct err *e)
{
	char piece[4096];
	size_t n, total = 0;

	if (fflush(file) != 0 || fseek(file, 0, SEEK_SET) != 0)
		return err_set(e, ERR_TEMP, errno, "$( )");
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0) {
		total += n;
		if (total > CAPTURE_MAX || buf_add(out, piece, n) != 0)
			return err_set(e, ERR_LIMIT, 0, "$( ) gives too much");
	}
	return 0;
}

/* $(CMD): the same shell runs it.  Its output goes to a file in memory, so that
 * programs after | and ! can write there, too. */
static int
expand_command(void *ctx, struct span text, struct buf *out, struct err *e)
{
	struct shell *sh = ctx;
	FILE *saved = sh->out, *file = NULL;
	bool was_tty = sh->out_is_tty;
	int fd, rc;

	if (sh->depth >= SHELL_DEPTH_MAX)
		return err_set(e, ERR_LIMIT, 0, "$( ) is nested too deep");
	fd = memfd_create("mailsh", MFD_CLOEXEC);
	if (fd >= 0)
		file = fdopen(fd, "w+");
	if (file == NULL) {
		(void)err_set(e, ERR_TEMP, errno, "$( )");
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	sh->out = file;
	sh->out_is_tty = false;
	rc = run_text(sh, sh->file, text);
	sh->out = saved;
	sh->out_is_tty = was_tty;
	rc = rc != SHELL_OK
		 ? err_set(e, rc == SHELL_INTERRUPTED ? ERR_STOP : ERR_PERM, 0,
			   "$(%.*s) failed", SPAN_ARG(text))
		 : collect(file, out, e);
	(void)fclose(file);
	return rc;
}

/* ---- output ---------------------------------------------------------------
 */

struct redirect {
	FILE *saved;
	bool was_tty;
	struct proc proc;
	FILE *file; /* what was opened, or NULL */
};

static int
open_file(struct shell *sh, const struct lex_command *c,
	  const struct expand_source *from, struct arena *a, struct redirect *r)
{
	struct arg target;
	struct err e;
	int fd, flags = O_WRONLY | O_CREAT | O_CLOEXEC;

	if (expand_word(c->target, from, a, &target, &e) != 0)
		return failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg);
	flags |= c->output == LEX_OUT_APPEND ? O_APPEND : O_TRUNC;
	fd = open(target.text, flags, 0666);
	if (fd >= 0)
		r->file = fdopen(fd, "w");
	if (r->file == NULL) {
		char text[128];

		(void)failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", target.text,
				  err_sys_text(errno, text, sizeof(text)));
		if (fd >= 0)
			(void)close(fd);
		return SHELL_LOCAL;
	}
	return SHELL_OK;
}

static int
redirect_open(struct shell *sh, const struct lex_command *c,
	      const struct expand_source *from, struct arena *a,
	      struct redirect *r)
{
	const char *command;
	struct err e;
	int rc;

	*r = (struct redirect){ .saved = sh->out, .was_tty = sh->out_is_tty };
	if (c->output == LEX_OUT_PIPE) {
		command = arena_str(a, c->pipe);
		if (command == NULL)
			return failure_set(&sh->fail, SHELL_LOCAL,
					   "out of memory");
		(void)fflush(sh->out);
		if (proc_pipe_to(&r->proc, command, fileno(sh->out), &r->file,
				 &e) != 0)
			return failure_from_local(&sh->fail, &e);
	} else if (c->output != LEX_OUT_NONE) {
		rc = open_file(sh, c, from, a, r);
		if (rc != SHELL_OK)
			return rc;
	} else if ((c->prefixes & LEX_QUIET) != 0) {
		r->file = fopen("/dev/null", "we");
	}
	if (r->file != NULL) {
		sh->out = r->file;
		sh->out_is_tty = false;
	}
	return SHELL_OK;
}

/* Returns rc, or the failure to write when the command itself was fine. */
static int
redirect_close(struct shell *sh, struct redirect *r, int rc)
{
	bool bad = fflush(sh->out) != 0 || ferror(sh->out) != 0;
	int sys = errno, status = 0;
	char text[128];

	if (r->file != NULL)
		bad |= fclose(r->file) != 0;
	else
		clearerr(sh->out);
	status = proc_wait(&r->proc);
	/* A reader such as head(1) may leave early: its status says enough. */
	if (bad && sys == EPIPE && r->file != NULL)
		bad = false;
	sh->out = r->saved;
	sh->out_is_tty = r->was_tty;
	if (rc != SHELL_OK)
		return rc;
	if (bad)
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "cannot write the output: %s",
				   err_sys_text(sys, text, sizeof(text)));
	if (status != 0)
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "the command after | ended with status %d",
				   status);
	return SHELL_OK;
}

/* ---- one command ----------------------------------------------------------
 */

static int
shell_escape(struct shell *sh, const struct lex_command *c, struct arena *a)
{
	const char *command = c->pipe.n == 0 ? "exec \"${SHELL:-/bin/sh}\""
					     : arena_str(a, c->pipe);
	struct proc p;
	struct err e;
	int status;

	if (command == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	(void)fflush(sh->out);
	if (proc_shell(&p, command, NULL, -1, fileno(sh->out), &e) != 0)
		return failure_from_local(&sh->fail, &e);
	status = proc_wait(&p);
	if (status == 0 || c->pipe.n == 0)
		return SHELL_OK;
	return failure_set(&sh->fail, SHELL_LOCAL, "it ended with status %d",
			   status);
}

static int
expand_words(struct shell *sh, const struct lex_command *c,
	     const struct expand_source *from, struct arena *a,
	     struct arg **words, struct args *args)
{
	struct arg *v = arena_alloc(a, (c->n_words + 1) * sizeof(*v));
	struct err e = { 0 };
	size_t n = 0;

	if (v == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	for (const struct lex_word *w = c->words; w != NULL; w = w->next)
		if (expand_word(w, from, a, &v[n++], &e) != 0)
			goto bad;
	if (c->heredoc != NULL) {
		args->has_body = true;
		if (expand_word(c->heredoc, from, a, &args->body, &e) != 0)
			goto bad;
	}
	*words = v;
	return SHELL_OK;
bad:
	if (sh->exiting || e.class == ERR_STOP)
		return failure_from_local(&sh->fail, &e);
	return failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg);
}

/* Everything between the words and the status; *verb is for the report. */
static int
dispatch(struct shell *sh, const struct lex_command *c, struct arena *a,
	 const char **verb)
{
	const struct expand_source from = { sh, expand_variable,
					    expand_command };
	struct args *args = arena_alloc(a, sizeof(*args));
	const struct command *cmd;
	struct failure none = { 0 };
	struct redirect r;
	struct arg *words = NULL;
	int rc;

	if (args == NULL)
		return failure_set(&sh->fail, SHELL_LOCAL, "out of memory");
	args->arena = a;
	rc = expand_words(sh, c, &from, a, &words, args);
	if (rc != SHELL_OK || words == NULL)
		return rc;
	cmd = command_find(arg_span(&words[0]), sh->tty != NULL, &sh->fail);
	if (cmd == NULL)
		return (int)sh->fail.status;
	*verb = cmd->name;
	rc = command_parse(cmd, words, c->n_words, sh->tty != NULL, args,
			   &sh->fail);
	if (rc != SHELL_OK)
		return rc;
	rc = redirect_open(sh, c, &from, a, &r);
	if (rc != SHELL_OK)
		return rc;
	/* $? and $error were read while expanding; now they start afresh. */
	if ((cmd->flags & COMMAND_KEEPS_STATUS) == 0)
		sh->fail = none;
	rc = cmd->run(sh, args);
	return redirect_close(sh, &r, rc);
}

/* The prefix words' say in the matter. */
static int
judge(struct shell *sh, const struct lex_command *c, const char *verb, int rc)
{
	bool stopped = rc == SHELL_INTERRUPTED;

	if ((c->prefixes & LEX_NOT) != 0 && !stopped) {
		/* A mistake in the script is no refusal to be expected. */
		if (rc == SHELL_OK)
			rc =
			    failure_set(&sh->fail, SHELL_ASSERT,
					"it succeeded, but stands after `not`");
		else if (rc != SHELL_USAGE)
			rc = SHELL_OK;
		if (rc == SHELL_OK && (c->prefixes & LEX_QUIET) == 0 &&
		    sh->fail.status != SHELL_OK)
			shell_note(sh, "%s: %s [%s], as expected", verb,
				   sh->fail.text, sh->fail.symbol);
		if (rc == SHELL_OK)
			return SHELL_OK;
	}
	if (rc == SHELL_OK)
		return SHELL_OK;
	run_report(sh, verb);
	return (c->prefixes & LEX_TRY) != 0 && !stopped ? SHELL_OK : rc;
}

static void
show_command(struct shell *sh, struct span source)
{
	struct buf line;

	buf_init(&line, 4096);
	(void)fflush(stdout);
	/* No password, and no more of a long command than helps. */
	if (redact_line(span_head(source, 2000), &line) == 0)
		shell_note(sh, "+ %.*s", (int)line.n, line.p);
	buf_free(&line);
}

static int
run_command(struct shell *sh, const struct lex_command *c, struct arena *a)
{
	int64_t from = clock_mono_ms();
	const char *verb = c->escape ? "!" : NULL;
	int rc;

	sh->line = c->line;
	if (sh->verbose && c->source.n > 0 && sh->depth == 1) {
		show_command(sh, c->source);
	}
	if (c->escape) {
		sh->fail = (struct failure){ 0 };
		rc = shell_escape(sh, c, a);
	} else {
		rc = dispatch(sh, c, a, &verb);
	}
	if (shell_interrupted(sh)) {
		if (rc != SHELL_OK || !sh->interactive)
			rc = failure_set(&sh->fail, SHELL_INTERRUPTED,
					 "interrupted");
		if (sh->interactive)
			shell_interrupt_done(sh);
	}
	if ((c->prefixes & LEX_TIME) != 0)
		shell_note(sh, "time: %lld ms",
			   (long long)(clock_mono_ms() - from));
	return judge(sh, c, verb, rc);
}

/* ---- units ----------------------------------------------------------------
 */

/* Read whole lines until they make a unit.  1, 0 at the end, -1: failed and
 * reported. */
static int
read_unit(struct shell *sh, struct source *src, struct buf *unit,
	  struct arena *a, struct lex_command **first)
{
	struct span tag = { NULL, 0 };
	char tag_text[LEX_TAG_MAX + 1];
	struct err e = { 0 };
	int begin = src->line;
	bool more = false;

	buf_clear(unit);
	for (;;) {
		size_t at = unit->n;
		int got = source_line(src, more, unit, &e);
		int line = begin;

		sh->line = begin;
		if (got < 0 || (got == 0 && more)) {
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
			if (span_copy(tag, tag_text, sizeof(tag_text)) == 0)
				tag = span_of(tag_text);
			break;
		case LEX_ERROR:
			sh->line = line;
			(void)failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg);
			run_report(sh, NULL);
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
	arena_init(&a, UNIT_ARENA_MAX);
	buf_init(&unit, LEX_UNIT_MAX);
	while (!sh->exiting) {
		struct lex_command *c = NULL;
		int got, rc = SHELL_OK;

		sh->file = src->name;
		got = read_unit(sh, src, &unit, &a, &c);
		if (got == 0)
			break;
		rc = got < 0 ? (int)sh->fail.status : run_unit(sh, c, &a);
		arena_reset(&a);
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
run_check(struct shell *sh, struct source *src)
{
	int first = SHELL_OK, got = 1;
	struct arena a;
	struct buf unit;

	arena_init(&a, UNIT_ARENA_MAX);
	buf_init(&unit, LEX_UNIT_MAX);
	sh->file = src->name;
	while (got != 0) {
		struct lex_command *c = NULL;

		got = read_unit(sh, src, &unit, &a, &c);
		if (got < 0)
			first = SHELL_USAGE;
		for (; got > 0 && c != NULL; c = c->next) {
			const struct lex_piece *p =
			    c->escape ? NULL : c->words->pieces;

			sh->line = c->line;
			if (p == NULL || p->kind != LEX_BARE ||
			    p->next != NULL ||
			    command_find(p->text, false, &sh->fail) != NULL)
				continue;
			run_report(sh, NULL);
			first = SHELL_USAGE;
		}
		if (got < 0 && src->eof && src->in.n == 0 && src->text.n == 0)
			break;
	}
	buf_free(&unit);
	arena_reset(&a);
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
