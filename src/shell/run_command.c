#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "shell/proc.h"
#include "shell/redact.h"
#include "shell/run_private.h"

/* One command: its words, its output, its prefixes, its status. */

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
	char path[PATHS_SIZE];
	struct arg target;
	struct err e;
	int fd, flags = O_WRONLY | O_CREAT | O_CLOEXEC;

	if (expand_word(c->target, from, a, &target, &e) != 0)
		return failure_set(&sh->fail, SHELL_USAGE, "%s", e.msg);
	flags |= c->output == LEX_OUT_APPEND ? O_APPEND : O_TRUNC;
	fd =
	    paths_expand(path, target.text) != 0 ? -1 : open(path, flags, 0666);
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
	status =
	    sh->interactive ? proc_wait(&r->proc) : proc_wait_or_end(&r->proc);
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
	status = sh->interactive ? proc_wait(&p) : proc_wait_or_end(&p);
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
	const struct expand_source from = { sh, run_expand_variable,
					    run_expand_command };
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

int
run_command(struct shell *sh, const struct lex_command *c, struct arena *a)
{
	int64_t from = clock_mono_ms();
	const char *verb = c->escape ? "!" : NULL;
	bool failed = sh->failed;
	int rc;

	sh->line = c->line;
	if (sh->verbose && c->source.n > 0 && sh->depth == 1) {
		show_command(sh, c->source);
	}
	if (c->escape) {
		sh->fail = (struct failure){ 0 };
		rc = shell_escape(sh, c, a);
	} else {
		sh->text_taken = false;
		rc = dispatch(sh, c, a, &verb);
		/* the text of a file is in the file */
		if (rc != SHELL_OK && c->heredoc != NULL && !sh->text_taken &&
		    sh->tty != NULL && sh->file == NULL)
			sh->text_left = true;
	}
	if (shell_interrupted(sh)) {
		if (rc != SHELL_OK || !sh->interactive)
			rc = failure_set(&sh->fail, SHELL_INTERRUPTED,
					 "interrupted");
		if (sh->interactive)
			shell_interrupt_done(sh);
	} else {
		shell_hold_end(sh);
	}
	if ((c->prefixes & LEX_TIME) != 0)
		shell_note(sh, "time: %lld ms",
			   (long long)(clock_mono_ms() - from));
	rc = judge(sh, c, verb, rc);
	/* What failed inside it, in a file or in $( ), is judged with it. */
	sh->failed = failed || rc != SHELL_OK;
	return rc;
}
