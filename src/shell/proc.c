#include "shell/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void
proc_end_signals(sigset_t *set)
{
	static const int ends[] = { SIGHUP, SIGTERM, SIGQUIT };
	struct sigaction now;

	(void)sigemptyset(set);
	/* What is ignored (nohup) stays so; blocked, it would be pending. */
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (sigaction(ends[i], NULL, &now) == 0 &&
		    now.sa_handler != SIG_IGN)
			(void)sigaddset(set, ends[i]);
}

/* The child's signals: nothing blocked, nothing ignored. */
static int
plain_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	(void)sigemptyset(&none);
	(void)sigemptyset(&all);
	(void)sigaddset(&all, SIGINT);
	(void)sigaddset(&all, SIGQUIT);
	(void)sigaddset(&all, SIGPIPE);
	(void)sigaddset(&all, SIGXFSZ);
	(void)sigaddset(&all, SIGTERM);
	(void)sigaddset(&all, SIGHUP);
	(void)sigaddset(&all, SIGWINCH);
	if (posix_spawnattr_setsigmask(attr, &none) != 0 ||
	    posix_spawnattr_setsigdefault(attr, &all) != 0)
		return -1;
	return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF);
}

int
proc_shell(struct proc *p, const char *command, const char *arg, int in_fd,
	   int out_fd, struct err *e)
{
	char sh[] = "sh", dash_c[] = "-c";
	char *argv[] = { sh, dash_c, NULL, sh, NULL, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	union {
		const char *in;
		char *out;
	} text[2] = { { command }, { arg } }; /* argv is char * for history's
						 sake; nothing is written */
	pid_t pid = 0;
	int rc;

	p->pid = 0;
	argv[2] = text[0].out;
	argv[4] = text[1].out;
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attr);
	rc = plain_signals(&attr);
	if (rc == 0 && in_fd >= 0)
		rc = posix_spawn_file_actions_adddup2(&files, in_fd, 0);
	if (rc == 0 && out_fd >= 0 && out_fd != 1)
		rc = posix_spawn_file_actions_adddup2(&files, out_fd, 1);
	if (rc == 0)
		rc = posix_spawn(&pid, "/bin/sh", &files, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	if (rc != 0)
		return err_set(e, ERR_TEMP, rc, "cannot start a program");
	p->pid = pid;
	return 0;
}

int
proc_wait(struct proc *p)
{
	int status = 0;

	if (p->pid == 0)
		return 0;
	while (waitpid(p->pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	p->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

int
proc_wait_or_end(struct proc *p)
{
	struct pollfd f[2] = { { .events = POLLIN }, { .events = POLLIN } };
	sigset_t ends;
	bool end;

	if (p->pid == 0)
		return 0;
	proc_end_signals(&ends);
	f[0].fd = pidfd_open(p->pid, 0);
	f[1].fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	while (f[0].fd >= 0 && f[1].fd >= 0 && poll(f, 2, -1) < 0 &&
	       errno == EINTR)
		;
	end = f[0].revents == 0 && f[1].revents != 0;
	if (f[0].fd >= 0)
		(void)close(f[0].fd);
	if (f[1].fd >= 0)
		(void)close(f[1].fd);
	if (!end)
		return proc_wait(p);
	p->pid = 0;
	return 128 + SIGTERM;
}

int
proc_pipe_to(struct proc *p, const char *command, int out_fd, FILE **in,
	     struct err *e)
{
	int fd[2];

	*in = NULL;
	if (pipe2(fd, O_CLOEXEC) != 0)
		return err_set(e, ERR_TEMP, errno, "pipe");
	if (proc_shell(p, command, NULL, fd[0], out_fd, e) != 0) {
		(void)close(fd[0]);
		(void)close(fd[1]);
		return -1;
	}
	(void)close(fd[0]);
	*in = fdopen(fd[1], "w");
	if (*in == NULL) {
		int sys = errno;

		(void)close(fd[1]);
		(void)proc_wait(p);
		return err_set(e, ERR_TEMP, sys, "fdopen");
	}
	return 0;
}

int
proc_capture(const char *command, struct buf *out, int *status, struct err *e)
{
	struct proc p;
	char piece[4096];
	int fd[2], rc = 0;

	if (pipe2(fd, O_CLOEXEC) != 0)
		return err_set(e, ERR_TEMP, errno, "pipe");
	rc = proc_shell(&p, command, NULL, -1, fd[1], e);
	(void)close(fd[1]);
	while (rc == 0) {
		ssize_t got = read(fd[0], piece, sizeof(piece));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (buf_add(out, piece, (size_t)got) != 0)
			rc = err_set(e, ERR_LIMIT, 0, "too much output");
	}
	explicit_bzero(piece, sizeof(piece));
	(void)close(fd[0]);
	*status = proc_wait(&p);
	return rc;
}

int
proc_pause(int ms, const struct wake *w)
{
	struct pollfd p = { .fd = wake_fd(w), .events = POLLIN };

	return poll(&p, 1, ms) > 0 ? -1 : 0;
}
