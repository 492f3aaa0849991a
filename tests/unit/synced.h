#ifndef PP_TESTS_UNIT_SYNCED_H
#define PP_TESTS_UNIT_SYNCED_H

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The order in which files and directories are made durable: a program that
 * includes this has fsync and fdatasync that do as the C library's and note
 * what for.  No other test could tell, but one that cuts the power.
 */
enum { SYNCED_MAX = 1024 };
static ino_t synced[SYNCED_MAX];
static int synced_n;
static pthread_mutex_t synced_lock = PTHREAD_MUTEX_INITIALIZER;

static inline void
synced_note(int fd)
{
	struct stat st;

	(void)pthread_mutex_lock(&synced_lock);
	if (synced_n < SYNCED_MAX && fstat(fd, &st) == 0)
		synced[synced_n++] = st.st_ino;
	(void)pthread_mutex_unlock(&synced_lock);
}

int
fsync(int fd)
{
	synced_note(fd);
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	synced_note(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

static inline void
synced_forget(void)
{
	synced_n = 0;
}

/* Which sync, counted from 1, was the last one of this file?  0: none. */
static inline int
synced_at(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	for (int i = synced_n; i > 0; i--) {
		if (synced[i - 1] == st.st_ino)
			return i;
	}
	return 0;
}

#endif
