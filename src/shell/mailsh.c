#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "shell/cmd.h"
#include "shell/draft.h"
#include "shell/mailsh_options.h"
#include "shell/mailsh_prompt.h"
#include "shell/mime.h"
#include "shell/paths.h"
#include "shell/run.h"
#include "shell/session.h"
#include "shell/tty.h"
#include "shell/user_file.h"

/*
 * mailsh: options, then either the scripts named by -c and -f, or standard
 * input, or, on a terminal, the prompt.
 */

static int
run_fd(struct shell *sh, const struct mailsh_options *in, const char *name,
       int fd)
{
	struct source src;
	int rc;

	source_from_fd(&src, name, fd, &sh->stop);
	rc = in->check ? run_check(sh, &src) : run_source(sh, &src);
	source_free(&src);
	return rc;
}

static int
run_script(struct shell *sh, const struct mailsh_options *in,
	   const struct mailsh_script *s)
{
	struct source src;
	char text[128], path[PATHS_SIZE];
	int fd, rc;

	if (!s->is_file) {
		source_from_text(&src, "-c", span_of(s->text));
		rc = in->check ? run_check(sh, &src) : run_source(sh, &src);
		source_free(&src);
		return rc;
	}
	if (strcmp(s->text, "-") == 0)
		return run_fd(sh, in, "stdin", STDIN_FILENO);
	fd = paths_expand(path, s->text) != 0
		 ? -1
		 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		rc = failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", s->text,
				 err_sys_text(errno, text, sizeof(text)));
		run_report(sh, NULL);
		return rc;
	}
	rc = run_fd(sh, in, s->text, fd);
	(void)close(fd);
	return rc;
}

static int
interact(struct shell *sh, bool login)
{
	struct source src;
	char path[PATHS_SIZE];
	struct err e;

	sh->interactive = true;
	shell_hold_end(sh);
	if (tty_open(&sh->tty, sh, &e) != 0) {
		(void)failure_from_local(&sh->fail, &e);
		run_report(sh, NULL);
		return SHELL_LOCAL;
	}
	shell_say(sh, "mailsh %s: `help` lists the commands.", PACKAGE_VERSION);
	draft_tell_kept(sh);
	if (!sh->no_config && paths_config(path, "mailshrc") == 0 &&
	    access(path, R_OK) == 0) {
		const struct mailsh_script rc_file = { true, path };
		const struct mailsh_options none = { 0 };

		(void)run_script(sh, &none, &rc_file);
	}
	if (login)
		(void)run_text(sh, NULL, span_of("login"));
	source_from_text(&src, NULL, span_of(""));
	src.eof = false;
	src.typed = mailsh_prompt_line;
	src.ctx = sh;
	(void)run_source(sh, &src);
	source_free(&src);
	tty_close(&sh->tty);
	return SHELL_OK;
}

/* After the last command: deletions are final only when all went well. */
static int
finish(struct shell *sh, int rc)
{
	draft_end(sh);
	int left = cmd_leave(sh);
	if (!sh->interactive)
		shell_interrupt_done(sh); /* by which signal? */
	if (left != SHELL_OK) {
		sh->file = NULL;
		run_report(sh, "logout");
		rc = rc == SHELL_OK ? left : rc;
	}
	if (rc == SHELL_OK)
		rc = sh->exit_status;
	if (fflush(stdout) != 0 && rc == SHELL_OK)
		rc = SHELL_LOCAL;
	return rc;
}

static void
load_contacts(struct shell *sh)
{
	char path[PATHS_SIZE];
	struct err e = { 0 };
	struct buf bad;

	if (sh->no_config || paths_config(path, "contacts") != 0)
		return;
	buf_init(&bad, CONTACTS_NAMED_MAX * (PATHS_SIZE + sizeof(e.msg)));
	int unread = contacts_load(&sh->contacts, path, &bad, &e);
	if (unread < 0)
		shell_note(sh, "mailsh: %s [local]", e.msg);
	struct span rest = buf_span(&bad), line;
	while (user_file_line(&rest, &line, 0))
		shell_note(sh, "mailsh: %.*s [local]", SPAN_ARG(line));
	if (unread > CONTACTS_NAMED_MAX)
		shell_note(sh, "mailsh: %s: and %d more [local]", path,
			   unread - CONTACTS_NAMED_MAX);
	buf_free(&bad);
}

static int
run_all(struct shell *sh, struct mailsh_options *in)
{
	bool terminal = isatty(STDIN_FILENO) == 1;
	int rc = SHELL_OK;

	load_contacts(sh);
	if (in->n_scripts == 0 && terminal && !in->check)
		return finish(sh, interact(sh, in->login));
	/* A script that logs in by itself needs no password here. */
	if (in->login && !in->check && (terminal || session_login_at_hand(sh)))
		rc = run_text(sh, NULL, span_of("login"));
	if (in->n_scripts == 0 && rc == SHELL_OK)
		(void)mailsh_options_script(in, true, "-");
	for (unsigned i = 0; i < in->n_scripts && !sh->exiting; i++) {
		int status;

		if (!in->check && rc != SHELL_OK &&
		    (!sh->keep_going || shell_interrupted(sh)))
			break;
		status = run_script(sh, in, &in->script[i]);
		sh->failed |= status != SHELL_OK;
		rc = rc == SHELL_OK ? status : rc;
	}
	return finish(sh, rc);
}

int
main(int argc, char **argv)
{
	static const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct err e;
	int rc = SHELL_LOCAL;

	if (descriptors_hold() != 0)
		return SHELL_LOCAL;
	struct mailsh_options *in = calloc(1, sizeof(*in));
	struct shell *sh = calloc(1, sizeof(*sh));
	(void)setlocale(LC_CTYPE, "");
	if (in == NULL || sh == NULL || shell_init(sh, &e) != 0) {
		(void)fprintf(stderr, "mailsh: cannot start [local]\n");
		goto out;
	}
	/* A reader that leaves early is an error of one write, no death; so is
	 * a file that may not grow. */
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	rc = mailsh_options_parse(sh, argc, argv, in);
	if (rc == SHELL_OK) {
		(void)setvbuf(stdout, NULL, sh->out_is_tty ? _IOLBF : _IOFBF,
			      0);
		mime_start();
		rc = run_all(sh, in);
		mime_stop();
	}
	shell_clear(sh);
	rc = rc < 0 ? SHELL_OK : rc;
	if (sh->ended_by != 0 && !sh->interactive)
		shell_die(sh);
out:
	free(sh);
	free(in);
	return rc;
}
