#include "admin/admin_password.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "auth/password.h"

/* The bytes up to a line end or the end of input; wake: stop when it is
 * readable, -1 for none. */
static int
read_line(int fd, int wake, char *buf, size_t size, struct err *e)
{
	size_t n = 0;

	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
				       { .fd = wake, .events = POLLIN } };
		char c;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "poll");
		if ((p[1].revents & POLLIN) != 0)
			return err_set(e, ERR_STOP, 0, "interrupted");
		if (p[0].revents == 0)
			continue;
		/* One at a time: what follows the line is not ours. */
		ssize_t got = read(fd, &c, 1);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return err_set(e, ERR_TEMP, errno,
				       "cannot read the password");
		if (got == 0 || c == '\n')
			break;
		if (n + 1 >= size)
			return err_set(e, ERR_PERM, 0,
				       "the password is longer than %d bytes",
				       PASSWORD_MAX);
		buf[n++] = c;
	}
	if (n > 0 && buf[n - 1] == '\r')
		n--;
	buf[n] = '\0';
	if (strlen(buf) != n)
		return err_set(e, ERR_PERM, 0, "the password holds a NUL");
	return 0;
}

static int
ask(const char *prompt, int wake, char *buf, size_t size, struct err *e)
{
	(void)fputs(prompt, stderr);
	(void)fflush(stderr);
	int rc = read_line(STDIN_FILENO, wake, buf, size, e);
	(void)fputc('\n', stderr);
	return rc;
}

static int
ask_twice(int wake, char *buf, size_t size, struct err *e)
{
	char again[PASSWORD_MAX + 2];

	int rc = ask("New password: ", wake, buf, size, e);
	if (rc == 0)
		rc = ask("Once more: ", wake, again, sizeof(again), e);
	if (rc == 0 && strcmp(buf, again) != 0)
		rc = err_set(e, ERR_PERM, 0, "the two are not the same");
	explicit_bzero(again, sizeof(again));
	return rc;
}

/*
 * Signals that would leave the terminal without echo are held back and seen on
 * a descriptor; when the echo is on again they do what they were sent for.
 */
static int
ask_unseen(char *buf, size_t size, struct err *e)
{
	struct termios shown, hidden;
	sigset_t held, before;

	if (tcgetattr(STDIN_FILENO, &shown) != 0)
		return err_set(e, ERR_TEMP, errno, "terminal");
	(void)sigemptyset(&held);
	(void)sigaddset(&held, SIGINT);
	(void)sigaddset(&held, SIGTERM);
	(void)sigaddset(&held, SIGHUP);
	(void)sigaddset(&held, SIGQUIT);
	(void)sigaddset(&held, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &held, &before);
	int wake = signalfd(-1, &held, SFD_CLOEXEC);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	int rc = wake < 0 || tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0
		     ? err_set(e, ERR_TEMP, errno, "terminal")
		     : ask_twice(wake, buf, size, e);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	if (wake >= 0)
		(void)close(wake);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int
admin_password_read(int fd, char *buf, size_t size, struct err *e)
{
	buf[0] = '\0';
	int rc = 0;
	if (fd >= 0)
		rc = read_line(fd, -1, buf, size, e);
	else if (isatty(STDIN_FILENO))
		rc = ask_unseen(buf, size, e);
	else
		rc = read_line(STDIN_FILENO, -1, buf, size, e);
	if (rc == 0)
		rc = password_check_new(span_of(buf), e);
	return rc;
}
