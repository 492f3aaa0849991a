/*
 * A preload library for the crash tests: the n-th allocation of a server
 * fails, as do the NOMEM_FOR - 1 after it.  NOMEM_PROGRAM names the process,
 * NOMEM_AT is n, NOMEM_COUNT a file of 64 bytes that keeps the count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The C library's own, under the names that it keeps for such as us. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static struct {
	_Atomic uint64_t *count;
	_Atomic uint64_t own;
	uint64_t at, times;
	bool on;
} nomem;

static uint64_t
number(const char *name, const char *unset)
{
	const char *text = getenv(name);

	return strtoull(text == NULL ? unset : text, NULL, 10);
}

__attribute__((constructor)) static void
begin(void)
{
	const char *program = getenv("NOMEM_PROGRAM");
	const char *path = getenv("NOMEM_COUNT");
	void *p = MAP_FAILED;

	nomem.at = number("NOMEM_AT", "0");
	nomem.times = number("NOMEM_FOR", "1");
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		p = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		(void)close(fd);
	}
	nomem.count = p == MAP_FAILED ? &nomem.own : p;
	nomem.on = program != NULL &&
		   strcmp(program, program_invocation_short_name) == 0;
}

static bool
fails(void)
{
	if (!nomem.on)
		return false;
	uint64_t n = atomic_fetch_add(nomem.count, 1) + 1;
	if (nomem.at == 0 || n < nomem.at || n >= nomem.at + nomem.times)
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
