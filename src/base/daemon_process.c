#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/daemon_private.h"

/* Becoming a daemon: descriptors, background, user. */

/* A client is a descriptor: take as many as the system lets us have. */
void
daemon_raise_descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/*
 * Fork into the background.  The first process waits on a pipe for one byte
 * (ready) or its end (failed, the reason is on standard error) and never
 * returns.  Called before any thread exists.
 */
int
daemon_go_background(int *ready_fd, struct err *e)
{
	int fd[2];
	char ready;

	if (pipe2(fd, O_CLOEXEC) != 0)
		return err_set(e, ERR_TEMP, errno, "pipe");
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, ERR_TEMP, errno, "fork");
	if (pid > 0) {
		(void)close(fd[1]);
		ssize_t got;
		while ((got = read(fd[0], &ready, 1)) < 0 && errno == EINTR)
			;
		_exit(got == 1 ? DAEMON_FINE : DAEMON_FAILED);
	}
	(void)close(fd[0]);
	*ready_fd = fd[1];
	if (setsid() < 0)
		return err_set(e, ERR_TEMP, errno, "setsid");
	return 0;
}

/* Ready: let the parent go and let go of the terminal. */
void
daemon_leave_terminal(int *ready_fd)
{
	if (*ready_fd < 0)
		return;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			(void)close(null);
	}
	ssize_t ignored = write(*ready_fd, "", 1);
	(void)ignored;
	(void)close(*ready_fd);
	*ready_fd = -1;
}

/* ---- as root --------------------------------------------------------------
 */

static int
check_in_root_hands(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_set(e, ERR_PERM, errno, "%s", path);
	if (st.st_uid != 0)
		return err_set(e, ERR_PERM, 0,
			       "%s belongs to user %lu, who would so decide"
			       " what root does: chown root it",
			       path, (unsigned long)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_PERM, 0,
			       "%s may be changed by others (mode %04o):"
			       " chmod go-w it",
			       path, (unsigned)(st.st_mode & 07777));
	return 0;
}

/* Where a server goes on as another user, that one must not be able to change
 * what root is to do at the next start: neither the file nor its name. */
int
daemon_check_root(const char *config, const char *user, struct err *e)
{
	char directory[PATH_MAX];
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (!daemon_is_set(user))
		return err_set(e, ERR_PERM, 0,
			       "%s: user: must stand in [server] when root"
			       " starts the server: the system user to become"
			       " (root, if it is to stay root)",
			       config);
	if (check_in_root_hands(config, e) != 0)
		return -1;
	int n = snprintf(directory, sizeof(directory), "%s", config);
	char *slash = strrchr(directory, '/');
	if (n < 0 || (size_t)n >= sizeof(directory) || slash == NULL)
		return err_set(e, ERR_PERM, ENAMETOOLONG, "%s", config);
	slash[slash == directory ? 1 : 0] = '\0';
	/* in a sticky directory nobody can take away the file of another */
	if (stat(directory, &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & S_ISVTX) != 0)
		return 0;
	return check_in_root_hands(directory, e);
}

/* Become `user` for good, groups included; only root can and needs to. */
static int
become(const struct passwd *pw, struct err *e)
{
	if (initgroups(pw->pw_name, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return err_set(e, ERR_PERM, errno, "cannot become user '%s'",
			       pw->pw_name);
	if (pw->pw_uid != 0 && setuid(0) == 0)
		return err_set(e, ERR_BUG, 0, "root could be had again");
	return 0;
}

int
daemon_become(const char *user, struct err *e)
{
	enum { TEXT_BYTES = 65536 };
	struct passwd pw, *found = NULL;

	if (!daemon_is_set(user) || geteuid() != 0)
		return 0;
	char *text = malloc(TEXT_BYTES);
	if (text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "user");
	int rc = getpwnam_r(user, &pw, text, TEXT_BYTES, &found);
	if (rc != 0 || found == NULL)
		rc = err_set(e, ERR_PERM, rc, "user: no such user '%s'", user);
	else
		rc = become(found, e);
	free(text);
	return rc;
}
