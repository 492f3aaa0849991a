#include "base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * fsync, believed only where the file system lives.  XFS says of a directory
 * that it is synced after the file system was shut down under it (a device that
 * failed), although its last entries are lost: what was to be written is thrown
 * away, and then there is nothing left to wait for.  It does not say so to
 * stat. 0, or -1 with errno.
 */
static int
sync_fd(int fd)
{
	struct stat st;

	return fsync(fd) != 0 ? -1 : fstat(fd, &st);
}

/*
 * Make the entry of the directory behind fd durable.  One that was here before
 * may be what a crash left between mkdir and sync, so it is synced as well; but
 * its parent may be another's, closed to us or on a file system that is only
 * read, and then it was not we who made it just before the crash.
 */
static int
sync_parent(int fd, bool made, const char *path, struct err *e)
{
	int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = up < 0 ? -1 : sync_fd(up);
	int sys = errno;

	if (up >= 0)
		(void)close(up);
	if (rc == 0 || (!made && (up < 0 || sys == EINVAL || sys == EROFS)))
		return 0;
	return err_set(e, ERR_TEMP, sys, "cannot sync the parent of %s", path);
}

int
durable_open_dir(int dirfd, const char *path, int create, struct err *e)
{
	bool made = create && mkdirat(dirfd, path, 0700) == 0;

	if (create && !made && errno != EEXIST)
		return err_set(e, ERR_TEMP, errno, "cannot make directory %s",
			       path);
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open directory %s",
			       path);
	if (create && sync_parent(fd, made, path, e) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int
durable_open_file(int dirfd, const char *name, int flags, struct err *e)
{
	struct stat st;

	int fd = openat(dirfd, name,
			flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	/* ENXIO: a socket, or a pipe that nobody reads */
	if (fd < 0)
		return err_set(e,
			       errno == ELOOP || errno == EISDIR ||
				       errno == ENXIO
				   ? ERR_PERM
				   : ERR_TEMP,
			       errno, "cannot open %s", name);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	(void)close(fd);
	return err_set(e, ERR_PERM, 0, "%s is not a regular file", name);
}

int
durable_create(int dirfd, const char *name, struct err *e)
{
	int fd =
	    openat(dirfd, name,
		   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot create %s", name);
	return fd;
}

int
durable_write(int fd, const void *p, size_t n, struct err *e)
{
	const char *at = p;

	while (n > 0) {
		ssize_t put = write(fd, at, n);
		if (put < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, ERR_TEMP, errno, "write");
		}
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

int
durable_sync(int fd, struct err *e)
{
	if (sync_fd(fd) != 0)
		return err_set(e, ERR_TEMP, errno, "fsync");
	return 0;
}

/* Is this errno how a file system says that it does not know the call? */
static bool
is_unknown_to_fs(int sys)
{
	return sys == EINVAL || sys == ENOSYS || sys == EOPNOTSUPP ||
	       sys == EPERM || sys == EMLINK;
}

/* By a link: link(2) never replaces.  What was linked and cannot be removed
 * under its old name loses the new one again. */
static int
rename_by_link(int from_dir, const char *from, int to_dir, const char *to)
{
	if (linkat(from_dir, from, to_dir, to, 0) != 0)
		return -1;
	if (unlinkat(from_dir, from, 0) == 0)
		return 0;
	int sys = errno;
	(void)unlinkat(to_dir, to, 0);
	errno = sys;
	return -1;
}

static int
rename_by_look(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat st;

	if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? renameat(from_dir, from, to_dir, to) : -1;
}

int
durable_rename_new(int from_dir, const char *from, int to_dir, const char *to,
		   struct err *e)
{
	int rc = renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);

	if (rc != 0 && is_unknown_to_fs(errno))
		rc = rename_by_link(from_dir, from, to_dir, to);
	if (rc != 0 && is_unknown_to_fs(errno))
		rc = rename_by_look(from_dir, from, to_dir, to);
	return rc == 0 ? 0
		       : err_set(e, ERR_TEMP, errno, "cannot rename to %s", to);
}

int
durable_set_aside(int from_dir, const char *from, int to_dir, const char *to,
		  char as[DURABLE_NAME_SIZE], struct err *e)
{
	struct err why = { 0 };
	int len = snprintf(as, DURABLE_NAME_SIZE, "%s", to);

	for (unsigned n = 2; len >= 0 && len < DURABLE_NAME_SIZE; n++) {
		if (durable_rename_new(from_dir, from, to_dir, as, &why) == 0)
			return 0;
		if (why.sys != EEXIST || n > DURABLE_ASIDE_MAX)
			return err_set(e, ERR_TEMP, why.sys,
				       "cannot set %s aside", from);
		len = snprintf(as, DURABLE_NAME_SIZE, "%s.%u", to, n);
	}
	return err_set(e, ERR_BUG, ENAMETOOLONG, "%s", to);
}

static int
read_whole(int fd, size_t max, char **text, size_t *n, struct err *e)
{
	size_t used = 0, cap = 4096;
	char *p = malloc(cap + 1);

	while (p != NULL) {
		ssize_t got = read(fd, p + used, cap - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			free(p);
			return err_set(e, ERR_TEMP, errno, "read");
		}
		if (got == 0) {
			p[used] = '\0';
			*text = p;
			*n = used;
			return 0;
		}
		used += (size_t)got;
		if (used > max) {
			free(p);
			return err_set(e, ERR_LIMIT, 0, "larger than %zu bytes",
				       max);
		}
		if (used == cap) {
			cap *= 2;
			char *bigger = realloc(p, cap + 1);
			if (bigger == NULL)
				free(p);
			p = bigger;
		}
	}
	return err_set(e, ERR_TEMP, ENOMEM, "read");
}

int
durable_read_file(int dirfd, const char *name, size_t max, char **text,
		  size_t *n, struct err *e)
{
	struct stat st;
	int rc;

	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open %s", name);
	/* A pipe without a writer reads as an empty file: as the list of all
	 * users, say. */
	if (fstat(fd, &st) != 0)
		rc = err_set(e, ERR_TEMP, errno, "stat");
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		rc = err_set(e, ERR_TEMP, S_ISDIR(st.st_mode) ? EISDIR : 0,
			     "not a file");
	else
		rc = read_whole(fd, max, text, n, e);
	(void)close(fd);
	return rc != 0 ? err_prefix(e, "%s", name) : 0;
}

/* A server that is not root must still be able to read its users file after
 * root has changed it. */
static int
keep_owner(int dirfd, const char *name, int fd, struct err *e)
{
	struct stat st;

	if (geteuid() != 0 ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	if (fchown(fd, st.st_uid, st.st_gid) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot keep owner of %s",
			       name);
	return 0;
}

int
durable_replace(int dirfd, const char *name, struct span bytes, mode_t mode,
		struct err *e)
{
	char tmp[256];
	int rc = -1;

	int len = snprintf(tmp, sizeof(tmp), "%s.tmp", name);
	if (len < 0 || (size_t)len >= sizeof(tmp))
		return err_set(e, ERR_BUG, 0, "file name too long: %s", name);
	if (unlinkat(dirfd, tmp, 0) != 0 && errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, "cannot remove old %s", tmp);
	int fd = durable_create(dirfd, tmp, e);
	if (fd < 0)
		return -1;
	if (keep_owner(dirfd, name, fd, e) != 0)
		goto out;
	if (fchmod(fd, mode) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "chmod %s", tmp);
		goto out;
	}
	if (durable_write(fd, bytes.p, bytes.n, e) != 0 ||
	    durable_sync(fd, e) != 0)
		goto out;
	if (renameat(dirfd, tmp, dirfd, name) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "rename %s to %s", tmp, name);
		goto out;
	}
	if (sync_fd(dirfd) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "cannot sync directory of %s",
			      name);
		goto out;
	}
	rc = 0;
out:
	if (rc != 0)
		(void)unlinkat(dirfd, tmp, 0);
	(void)close(fd);
	return rc;
}

int
durable_replace_path(const char *path, struct span bytes, mode_t mode,
		     struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = NULL;

	if (slash != NULL) {
		dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
		if (dir == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "%s", path);
	}
	int fd =
	    open(dir == NULL ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? err_set(e, ERR_TEMP, errno, "cannot open directory")
			: durable_replace(fd, slash == NULL ? path : slash + 1,
					  bytes, mode, e);
	if (fd >= 0)
		(void)close(fd);
	free(dir);
	return rc != 0 ? err_prefix(e, "%s", path) : 0;
}
