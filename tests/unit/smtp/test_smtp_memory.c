/*
 * The same conversation again and again, with the Nth allocation of the
 * session's thread failing: the client is told or hung up on, the policy's
 * contract holds, nothing leaks (the sanitizer looks), and the server lives.
 */
#include "rig.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"

static _Thread_local bool in_session;
/* The session's thread counts down; the test looks before it joins. */
static atomic_long countdown;
static atomic_bool failed;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool
fails_now(void)
{
	if (!in_session || --countdown != 0)
		return false;
	failed = true;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

static void
serve(void *rig, const struct listener_client *c)
{
	in_session = true;
	smtp_server_session(((struct rig *)rig)->server, c);
	in_session = false;
}

static void
every_allocation_may_fail(void **state)
{
	enum { MORE_THAN_THERE_ARE = 1000 };
	long n = 0;

	(void)state;
	do {
		struct rig g;
		countdown = ++n;
		failed = false;
		rig_open_with(&g, serve);
		(void)rig_play(&g, SIZE_MAX, SIZE_MAX);
		(void)shutdown(g.w.fd, SHUT_WR);
		while (rig_reply(&g) > 0)
			;
		rig_close(&g, failed ? -1 : 1);
	} while (failed && n < MORE_THAN_THERE_ARE);
	/* It took some, and the last round, without a failure, was whole. */
	assert_true(n > 5);
	assert_false(failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
	};
	struct err e;

	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	return cmocka_run_group_tests_name("smtp/smtp_memory", tests, NULL,
					   NULL);
}
