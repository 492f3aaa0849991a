/*
 * A preload library: every fsync, fdatasync and syncfs takes
 * $SLOW_SYNC_MS milliseconds longer, as on a disk with slow flushes.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);
int syncfs(int fd);

static int
delayed(const char *name, int fd)
{
	const char *ms = getenv("SLOW_SYNC_MS");
	long wait_ms = ms == NULL ? 0 : strtol(ms, NULL, 10);
	struct timespec t = { wait_ms / 1000, wait_ms % 1000 * 1000000 };
	int (*real)(int) = NULL;

	*(void **)&real = dlsym(RTLD_NEXT, name);
	int rc = real(fd);
	(void)nanosleep(&t, NULL);
	return rc;
}

int
fsync(int fd)
{
	return delayed("fsync", fd);
}

int
fdatasync(int fd)
{
	return delayed("fdatasync", fd);
}

int
syncfs(int fd)
{
	return delayed("syncfs", fd);
}
