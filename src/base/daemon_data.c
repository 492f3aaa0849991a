#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/daemon.h"
#include "base/durable.h"

static int
check_owner(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_TEMP, errno, "%s", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_PERM, 0,
			       "%s belongs to user %lu, this server runs as "
			       "%lu",
			       path, (unsigned long)st.st_uid,
			       (unsigned long)geteuid());
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_PERM, 0,
			       "%s may be written by others (mode %04o): "
			       "chmod go-w it",
			       path, (unsigned)(st.st_mode & 07777));
	return 0;
}

int
daemon_open_data(const char *path, int *lock_fd, struct err *e)
{
	int lock = -1, sys;

	int fd = durable_open_dir(AT_FDCWD, path, 1, e);
	if (fd < 0)
		return -1;
	if (check_owner(fd, path, e) != 0)
		goto fail;
	lock =
	    openat(fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0) {
		(void)err_set(e, ERR_PERM, errno, "%s/lock", path);
		goto fail;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		sys = errno == EWOULDBLOCK ? 0 : errno;
		(void)err_set(e, ERR_PERM, sys,
			      "%s is in use by another server", path);
		goto fail;
	}
	*lock_fd = lock;
	return fd;
fail:
	if (lock >= 0)
		(void)close(lock);
	(void)close(fd);
	return -1;
}
