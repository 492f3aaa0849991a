#include "base/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, FRAMES_BYTES = 1024 };

__attribute__((noinline)) void
memory_release_stack(void)
{
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;

	if (gettid() == getpid() ||
	    pthread_getattr_np(pthread_self(), &attr) != 0)
		return;
	int rc = pthread_attr_getstack(&attr, &low, &size);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0)
		return;
	/* this frame, and that of the call below, stay */
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t from =
	    ((uintptr_t)low + PAGE_BYTES - 1) & ~((uintptr_t)PAGE_BYTES - 1);
	uintptr_t to = (here - FRAMES_BYTES) & ~((uintptr_t)PAGE_BYTES - 1);
	if (to > from && to - from <= size)
		(void)madvise((char *)low + (from - (uintptr_t)low), to - from,
			      MADV_DONTNEED);
}

void
memory_release_heap(void)
{
	(void)malloc_trim(0);
}
