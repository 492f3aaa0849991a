#include "shell/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/option.h"
#include "shell/draft.h"
#include "shell/paths.h"
#include "shell/proc.h"
#include "shell/session.h"
#include "shell/session_tls.h"
#include "shell/tty.h"

/*
 * ^C is not handled in a signal handler: SIGINT is blocked and read from a
 * signalfd, which is at the same time the descriptor that every network wait
 * watches.  So it interrupts what runs, and nothing else ever sees it.
 */
static int
open_stop(struct wake *w, struct err *e)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set(e, ERR_TEMP, errno, "sigprocmask");
	proc_end_signals(&set);
	(void)sigaddset(&set, SIGINT);
	w->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (w->fd < 0)
		return err_set(e, ERR_TEMP, errno, "signalfd");
	return 0;
}

int
shell_init(struct shell *sh, struct err *e)
{
	*sh = (struct shell){ .password_fd = -1,
			      .timeout_ms = 30 * 1000,
			      .out = stdout,
			      .out_is_tty = isatty(STDOUT_FILENO) == 1,
			      .stop = { -1 } };
	mailbox_init(&sh->box);
	return open_stop(&sh->stop, e);
}

void
shell_hold_end(const struct shell *sh)
{
	sigset_t set;

	proc_end_signals(&set);
	(void)sigprocmask(sh->interactive || sh->draft.exists ? SIG_BLOCK
							      : SIG_UNBLOCK,
			  &set, NULL);
}

void
shell_die(const struct shell *sh)
{
	static const struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, sh->ended_by);
	(void)sigaction(sh->ended_by, &plain, NULL);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(sh->ended_by);
}

void
shell_clear(struct shell *sh)
{
	session_forget(sh);
	session_tls_reset(sh);
	draft_clear(&sh->draft);
	contacts_free(&sh->contacts);
	vars_free(&sh->vars);
	mailbox_clear(&sh->box);
	if (sh->trace_owned)
		(void)fclose(sh->trace);
	sh->trace = NULL;
	wake_close(&sh->stop);
}

bool
shell_interrupted(const struct shell *sh)
{
	return wake_is_raised(&sh->stop) != 0;
}

static void
end_by(struct shell *sh, int number)
{
	sh->ended_by = number;
	sh->exit_status = 128 + number;
	sh->exiting = true;
}

void
shell_hang_up(struct shell *sh)
{
	end_by(sh, SIGHUP);
}

void
shell_interrupt_done(struct shell *sh)
{
	struct signalfd_siginfo info;

	while (read(sh->stop.fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGINT)
			end_by(sh, (int)info.ssi_signo);
	}
}

struct shell_size
shell_size(const struct shell *sh)
{
	struct shell_size s = { 0 };

	if (sh->out_is_tty)
		tty_size(STDOUT_FILENO, &s.columns, &s.rows);
	return s;
}

bool
shell_color(const struct shell *sh)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (sh->color != COLOR_AUTO)
		return sh->color == COLOR_ALWAYS;
	return sh->out_is_tty && (no == NULL || no[0] == '\0') &&
	       term != NULL && strcmp(term, "dumb") != 0;
}

enum output_format
shell_format(const struct shell *sh, const struct args *a)
{
	enum output_format f = sh->format;

	if (a != NULL && a->format != FORMAT_AUTO)
		f = a->format;
	if (f != FORMAT_AUTO)
		return f;
	return sh->out_is_tty ? FORMAT_TABLE : FORMAT_TSV;
}

void
shell_say(struct shell *sh, const char *fmt, ...)
{
	va_list ap;

	if (sh->quiet)
		return;
	va_start(ap, fmt);
	(void)vfprintf(sh->out, fmt, ap);
	va_end(ap);
	(void)fputc('\n', sh->out);
}

void
shell_note(struct shell *sh, const char *fmt, ...)
{
	va_list ap;

	(void)fflush(sh->out);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

/* ---- files ----------------------------------------------------------------
 */

static int
read_all(struct shell *sh, int fd, const char *name, struct buf *out)
{
	char text[128];

	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
				       { .fd = wake_fd(&sh->stop),
					 .events = POLLIN } };
		ssize_t got;

		/* a pipe or a terminal may have nothing for a long time */
		if (poll(p, 2, -1) > 0 && (p[1].revents & POLLIN) != 0)
			return failure_set(&sh->fail, SHELL_INTERRUPTED,
					   "interrupted");

		if (buf_reserve(out, 64 * 1024) != 0 &&
		    buf_reserve(out, 1) != 0)
			return failure_set(&sh->fail, SHELL_LOCAL,
					   "%s is larger than %zu bytes", name,
					   out->max);
		got = read(fd, out->p + out->n, out->cap - out->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failure_set(
			    &sh->fail, SHELL_LOCAL, "%s: %s", name,
			    err_sys_text(errno, text, sizeof(text)));
		if (got == 0)
			return SHELL_OK;
		if ((size_t)got > out->max - out->n)
			return failure_set(&sh->fail, SHELL_LOCAL,
					   "%s is larger than %zu bytes", name,
					   out->max);
		out->n += (size_t)got;
	}
}

int
shell_read_file(struct shell *sh, const char *path, struct buf *out)
{
	char text[128], full[PATHS_SIZE];
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return read_all(sh, STDIN_FILENO, "standard input", out);
	fd = paths_expand(full, path) != 0
		 ? -1
		 : open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return failure_set(&sh->fail, SHELL_LOCAL, "%s: %s", path,
				   err_sys_text(errno, text, sizeof(text)));
	rc = read_all(sh, fd, path, out);
	(void)close(fd);
	return rc;
}

int
shell_content(struct shell *sh, const struct arg *v, struct buf *out)
{
	struct span s = arg_span(v);

	if (v->bare > 0 && s.n > 1 && s.p[0] == '@') {
		if (s.p[1] != '@')
			return shell_read_file(sh, v->text + 1, out);
		s = span_skip(s, 1);
	}
	if (buf_add_span(out, s) != 0)
		return failure_set(&sh->fail, SHELL_LOCAL,
				   "the text is too "
				   "long");
	return SHELL_OK;
}

int
shell_parse_time(struct span text, int64_t *ms)
{
	uint64_t n;

	if (span_u64(text, &n) == 0 && n <= 86400)
		*ms = (int64_t)n * 1000;
	else if (option_parse_time(text, ms) != 0)
		return -1;
	return *ms >= 1 && *ms <= 86400LL * 1000 ? 0 : -1;
}
