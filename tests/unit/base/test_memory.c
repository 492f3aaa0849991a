#include "../test.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "base/thread.h"

enum { PAGE = 4096, FRAME = 2048, DEPTH = 40 };

/* A page well below the frames that are in use later. */
static uintptr_t deep_page;

static __attribute__((noinline)) int
go_deep(int depth)
{
	volatile char frame[FRAME];

	memset((char *)(uintptr_t)frame, depth, sizeof(frame));
	if (depth == 0) {
		deep_page = (uintptr_t)frame & ~(uintptr_t)(PAGE - 1);
		return frame[0];
	}
	return go_deep(depth - 1) + frame[FRAME - 1];
}

static int
is_resident(uintptr_t page)
{
	unsigned char there = 0;
	union {
		uintptr_t number;
		void *pointer;
	} at = { page };

	assert_int_equal(mincore(at.pointer, PAGE, &there), 0);
	return there & 1;
}

static int before, after, again;

static void
use_and_release(void *arg)
{
	char kept[FRAME];

	(void)arg;
	memset(kept, 'k', sizeof(kept));
	(void)go_deep(DEPTH);
	before = is_resident(deep_page);
	memory_release_stack();
	after = is_resident(deep_page);
	/* what is in use stays, and there is a stack to go on with */
	again = go_deep(DEPTH);
	for (size_t i = 0; i < sizeof(kept); i++)
		again += kept[i] != 'k';
}

static void
a_thread_gives_back_the_stack_it_used(void **state)
{
	pthread_t t;
	struct err e;
	int sum = DEPTH * (DEPTH + 1) / 2;

	(void)state;
	assert_int_equal(thread_start_joinable(&t, use_and_release, NULL, &e),
			 0);
	(void)pthread_join(t, NULL);
	assert_true(before);
	assert_false(after);
	assert_int_equal(again, sum);
	memory_release_stack(); /* nothing on the main thread */
	assert_int_equal(go_deep(DEPTH), sum);
	memory_release_heap();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_gives_back_the_stack_it_used),
	};

	return cmocka_run_group_tests_name("base/memory", tests, NULL, NULL);
}
