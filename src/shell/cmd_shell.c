#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shell/cmd.h"
#include "shell/draft.h"
#include "shell/lex.h"
#include "shell/output.h"
#include "shell/run.h"
#include "shell/tty.h"

int
cmd_echo(struct shell *sh, const struct args *a)
{
	struct buf line;
	int rc;

	/* A value may be what a stranger wrote. */
	buf_init(&line, LEX_UNIT_MAX * 2);
	for (size_t i = 0; i < a->n; i++)
		if ((i > 0 && buf_add_char(&line, ' ') != 0) ||
		    buf_add_span(&line, arg_span(&a->operand[i])) != 0)
			break;
	rc = buf_add_char(&line, '\n') == 0
		 ? output_raw(sh, buf_span(&line), false)
		 : failure_set(&sh->fail, SHELL_LOCAL, "the text is too long");
	buf_free(&line);
	return rc;
}

int
cmd_let_check(struct shell *sh, const struct args *a)
{
	static const char *const own[] = { "error", "code", "enhanced", "count",
					   "last" };
	struct span name = arg_span(&a->operand[0]);

	if (!lex_is_name(name))
		return failure_set(&sh->fail, SHELL_USAGE,
				   "a name is letters, digits and _");
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (span_eq(name, span_of(own[i])))
			return failure_set(&sh->fail, SHELL_USAGE,
					   "$%s is set by the shell itself",
					   own[i]);
	return SHELL_OK;
}

int
cmd_let(struct shell *sh, const struct args *a)
{
	struct err e = { 0 };
	int rc = cmd_let_check(sh, a);

	if (rc != SHELL_OK)
		return rc;
	if (vars_set(&sh->vars, arg_span(&a->operand[0]),
		     arg_span(&a->operand[1]), &e) != 0)
		return failure_from_local(&sh->fail, &e);
	return SHELL_OK;
}

/* ---- trace ----------------------------------------------------------------
 */

static void
trace_off(struct shell *sh)
{
	if (sh->trace_owned)
		(void)fclose(sh->trace);
	sh->trace = NULL;
	sh->trace_owned = false;
}

int
cmd_trace(struct shell *sh, const struct args *a)
{
	const char *word = a->n > 0 ? a->operand[0].text : NULL;
	char text[128], path[PATHS_SIZE];
	FILE *file = NULL;
	int fd;

	if (word == NULL) {
		(void)fprintf(sh->out, "trace is %s\n",
			      sh->trace == NULL ? "off" : "on");
		return SHELL_OK;
	}
	if (strcmp(word, "on") == 0 || strcmp(word, "off") == 0) {
		trace_off(sh);
		if (word[1] == 'n')
			sh->trace = stderr;
		return SHELL_OK;
	}
	/* Addresses are in it: for the user's eyes. */
	fd = paths_expand(path, word) != 0
		 ? -1
		 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0)
		file = fdopen(fd, "a");
	if (file == NULL) {
		(void)failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", word,
				  err_sys_text(errno, text, sizeof(text)));
		if (fd >= 0)
			(void)close(fd);
		return SHELL_LOCAL;
	}
	trace_off(sh);
	sh->trace = file;
	sh->trace_owned = true;
	return SHELL_OK;
}

/* ---- the rest -------------------------------------------------------------
 */

int
cmd_source(struct shell *sh, const struct args *a)
{
	const char *path = a->operand[0].text;
	struct source src;
	char text[128], full[PATHS_SIZE];
	int fd, rc;

	if (sh->depth >= SHELL_DEPTH_MAX)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "files include each other too deep");
	fd = paths_expand(full, path) != 0 ? -1
					   : open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", path,
				   err_sys_text(errno, text, sizeof(text)));
	source_from_fd(&src, path, fd, &sh->stop);
	rc = run_source(sh, &src);
	source_free(&src);
	(void)close(fd);
	if (rc == SHELL_OK)
		return SHELL_OK;
	(void)failure_set(&sh->fail, (enum shell_status)rc, "%s failed", path);
	return rc;
}

int
cmd_history(struct shell *sh, const struct args *a)
{
	if (sh->tty == NULL)
		return failure_set(&sh->fail, SHELL_USAGE,
				   "only typed lines have a history");
	tty_history(a->n > 0 ? a->operand[0].text : NULL, sh->out);
	return SHELL_OK;
}

static int
exit_status(struct shell *sh, const struct args *a, uint64_t *n)
{
	*n = 0;
	if (a->n > 0 &&
	    (span_u64(arg_span(&a->operand[0]), n) != 0 || *n > 255))
		return failure_set(&sh->fail, SHELL_USAGE,
				   "a status is 0 to 255");
	return SHELL_OK;
}

int
cmd_exit_check(struct shell *sh, const struct args *a)
{
	uint64_t n;

	return exit_status(sh, a, &n);
}

int
cmd_exit(struct shell *sh, const struct args *a)
{
	uint64_t n;
	int rc = exit_status(sh, a, &n);

	if (rc != SHELL_OK)
		return rc;
	if (sh->interactive && sh->draft.exists && !sh->exit_warned) {
		sh->exit_warned = true;
		(void)failure_set(&sh->fail, SHELL_USAGE,
				  "a draft is not sent yet");
		failure_hint(&sh->fail, "`send` it, or `exit` again");
		return SHELL_USAGE;
	}
	sh->exiting = true;
	sh->exit_status = (int)n;
	draft_end(sh);
	return cmd_leave(sh);
}
