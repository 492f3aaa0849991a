/*
 * A preload library for the crash tests: it counts what a server does to its
 * disk and, at the n-th time, ends the process or lets the call fail.
 *
 *   STEP_PROGRAM  name of the process it is for (others are left alone)
 *   STEP_AT       n, from 1 on; 0 or unset: only count
 *   STEP_DO       "before" or "after": SIGKILL on that side of the call;
 *                 "ignore": it does nothing and reports success;
 *                 otherwise a number: the errno with which the call fails
 *   STEP_FOR      how many calls fail from the n-th on (1), 0: all
 *   STEP_CALLS    "write,fsync": count only calls with one of these names
 *                 (write, create, sync, rename, link, unlink, truncate)
 *   STEP_SOCKETS  "yes": what goes out by a socket counts too
 *   STEP_COUNT    a file of 64 bytes: the count (8 bytes) and the name of the
 *                 last call counted; it outlives the process
 *
 * Standard output and error are not a disk, nor are sockets.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct shared {
	_Atomic uint64_t n;
	_Atomic uint64_t name; /* eight characters, told in one piece */
	char zero[48];
};

static struct {
	struct shared *shared;
	struct shared own;
	uint64_t at, times;
	const char *calls;
	bool on, before, after, ignore, sockets;
	int error;
} step;

static const char *
setting(const char *name, const char *unset)
{
	const char *value = getenv(name);

	return value == NULL ? unset : value;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *how = setting("STEP_DO", "before");
	const char *path = setting("STEP_COUNT", "");
	void *p = MAP_FAILED;

	step.at = strtoull(setting("STEP_AT", "0"), NULL, 10);
	step.times = strtoull(setting("STEP_FOR", "1"), NULL, 10);
	step.calls = setting("STEP_CALLS", "");
	step.sockets = strcmp(setting("STEP_SOCKETS", ""), "yes") == 0;
	step.before = strcmp(how, "before") == 0;
	step.after = strcmp(how, "after") == 0;
	step.ignore = strcmp(how, "ignore") == 0;
	step.error = (int)strtol(how, NULL, 10);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		p = mmap(NULL, sizeof(*step.shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
		(void)close(fd);
	}
	step.shared = p == MAP_FAILED ? &step.own : p;
	step.on = strcmp(setting("STEP_PROGRAM", ""),
			 program_invocation_short_name) == 0;
}

static bool
is_wanted(const char *call)
{
	return step.calls[0] == '\0' || strstr(step.calls, call) != NULL;
}

/* Counts; -1 with errno when this call is to fail, -2 when it is to do nothing;
 * 1 to kill after it. */
static int
enter(const char *call)
{
	if (!step.on || !is_wanted(call))
		return 0;
	uint64_t n = atomic_fetch_add(&step.shared->n, 1) + 1;
	uint64_t name = 0;
	memcpy(&name, call, strnlen(call, sizeof(name)));
	atomic_store(&step.shared->name, name);
	if (step.at == 0 || n < step.at)
		return 0;
	if (step.before)
		(void)raise(SIGKILL);
	if (step.after)
		return 1;
	if (step.times != 0 && n >= step.at + step.times)
		return 0;
	if (step.ignore)
		return -2;
	errno = step.error;
	return -1;
}

static void
leave(int entered)
{
	if (entered > 0)
		(void)raise(SIGKILL);
}

static bool
is_disk(int fd)
{
	struct stat st;
	int sys = errno;
	bool yes = fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	errno = sys;
	return yes;
}

static void *
real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* One line for each call: its type, its parameters, their names. */
#define STEP(type, call, kind, guard, params, args)      \
	type call params;                                \
	type call params                                 \
	{                                                \
		type(*next) params = NULL;               \
                                                         \
		*(void **)&next = real(#call);           \
		int entered = (guard) ? enter(kind) : 0; \
		if (entered < 0)                         \
			return entered == -1 ? -1 : 0;   \
		type rc = next args;                     \
		leave(entered);                          \
		return rc;                               \
	}

STEP(ssize_t, write, "write", is_disk(fd), (int fd, const void *p, size_t n),
     (fd, p, n))
STEP(ssize_t, pwrite, "write", is_disk(fd),
     (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
STEP(ssize_t, pwrite64, "write", is_disk(fd),
     (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
STEP(ssize_t, writev, "write", is_disk(fd),
     (int fd, const struct iovec *v, int n), (fd, v, n))
STEP(ssize_t, pwritev, "write", is_disk(fd),
     (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at))
STEP(ssize_t, send, "send", step.sockets,
     (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
STEP(int, fsync, "sync", true, (int fd), (fd))
STEP(int, fdatasync, "sync", true, (int fd), (fd))
STEP(int, syncfs, "sync", true, (int fd), (fd))
STEP(int, sync_file_range, "sync", true,
     (int fd, off_t at, off_t n, unsigned flags), (fd, at, n, flags))
STEP(int, rename, "rename", true, (const char *a, const char *b), (a, b))
STEP(int, renameat, "rename", true,
     (int ad, const char *a, int bd, const char *b), (ad, a, bd, b))
STEP(int, renameat2, "rename", true,
     (int ad, const char *a, int bd, const char *b, unsigned flags),
     (ad, a, bd, b, flags))
STEP(int, link, "link", true, (const char *a, const char *b), (a, b))
STEP(int, linkat, "link", true,
     (int ad, const char *a, int bd, const char *b, int flags),
     (ad, a, bd, b, flags))
STEP(int, unlink, "unlink", true, (const char *a), (a))
STEP(int, unlinkat, "unlink", true, (int d, const char *a, int flags),
     (d, a, flags))
STEP(int, mkdir, "create", true, (const char *a, mode_t m), (a, m))
STEP(int, mkdirat, "create", true, (int d, const char *a, mode_t m), (d, a, m))
STEP(int, ftruncate, "truncate", true, (int fd, off_t n), (fd, n))
STEP(int, fallocate, "write", true, (int fd, int mode, off_t at, off_t n),
     (fd, mode, at, n))

/* It returns its error. */
int posix_fallocate(int fd, off_t at, off_t n);
int
posix_fallocate(int fd, off_t at, off_t n)
{
	int (*next)(int, off_t, off_t) = NULL;

	*(void **)&next = real("posix_fallocate");
	int entered = enter("write");
	if (entered < 0)
		return entered == -1 ? errno : 0;
	int rc = next(fd, at, n);
	leave(entered);
	return rc;
}

int openat(int d, const char *path, int flags, ...);
int
openat(int d, const char *path, int flags, ...)
{
	int (*next)(int, const char *, int, ...) = NULL;
	mode_t mode = 0;
	va_list args;

	if ((flags & O_CREAT) != 0) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	*(void **)&next = real("openat");
	int entered = (flags & O_CREAT) != 0 ? enter("create") : 0;
	if (entered < 0)
		return -1;
	int rc = next(d, path, flags, mode);
	leave(entered);
	return rc;
}
