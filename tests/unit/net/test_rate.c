#include "../test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "net/rate.h"

enum { LIMIT = 10, WINDOW = 1000, START = 50 * WINDOW };

static struct rate *
make(int64_t limit)
{
	struct rate *r = NULL;
	struct err e;

	assert_int_equal(rate_new(&r, limit, WINDOW, &e), 0);
	return r;
}

/* How many of n are allowed at one moment. */
static int
take(struct rate *r, uint64_t party, int64_t now_ms, int n)
{
	int got = 0;

	for (int i = 0; i < n; i++)
		got += rate_take(r, party, now_ms);
	return got;
}

static void
no_more_than_the_limit_in_a_window(void **state)
{
	struct rate *r = make(LIMIT);

	(void)state;
	assert_int_equal(take(r, 1, START, 3 * LIMIT), LIMIT);
	assert_int_equal(take(r, 2, START, 3), 3); /* others are not held up */
	assert_int_equal(take(r, 1, START + WINDOW / 2, 5), 0);
	rate_free(&r);
	rate_free(&r);
}

/* At the end of a window and again at the start of the next: once only. */
static void
the_window_slides(void **state)
{
	struct rate *r = make(LIMIT);

	(void)state;
	assert_int_equal(take(r, 1, START + WINDOW - 1, LIMIT), LIMIT);
	assert_int_equal(take(r, 1, START + WINDOW, LIMIT), 0);
	/* half of it is out of reach half a window later */
	assert_int_equal(take(r, 1, START + WINDOW * 3 / 2, LIMIT), LIMIT / 2);
	assert_int_equal(take(r, 1, START + WINDOW * 4, LIMIT), LIMIT);
	rate_free(&r);
}

/* What is refused does not count: who goes on asking is let in again. */
static void
refusals_do_not_count(void **state)
{
	struct rate *r = make(LIMIT);
	int got = 0;

	(void)state;
	for (int64_t t = 0; t < 10 * WINDOW; t += 10)
		got += take(r, 1, START + t, 1);
	assert_in_range(got, 9 * LIMIT, 11 * LIMIT);
	rate_free(&r);
}

static void
no_limit_is_no_table(void **state)
{
	struct rate *r = make(0);

	(void)state;
	assert_null(r);
	assert_int_equal(take(r, 1, START, 1000), 1000);
}

/* A crowd of new ones on the same place does not wash a heavy one out. */
static void
a_crowd_frees_nobody(void **state)
{
	struct rate *r = make(LIMIT);

	(void)state;
	assert_int_equal(take(r, 7, START, LIMIT), LIMIT);
	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(take(r, 7 + i * RATE_SETS, START, 2), 2);
	assert_int_equal(take(r, 7, START, 1), 0);
	rate_free(&r);
}

static struct rate *shared;
static atomic_int allowed;

static void *
take_many(void *arg)
{
	(void)arg;
	(void)atomic_fetch_add(&allowed, take(shared, 1, START, 1000));
	return NULL;
}

static void
threads_share_one_limit(void **state)
{
	pthread_t t[4];

	(void)state;
	shared = make(100);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, take_many, NULL),
				 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(atomic_load(&allowed), 100);
	rate_free(&shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_the_limit_in_a_window),
		cmocka_unit_test(the_window_slides),
		cmocka_unit_test(refusals_do_not_count),
		cmocka_unit_test(no_limit_is_no_table),
		cmocka_unit_test(a_crowd_frees_nobody),
		cmocka_unit_test(threads_share_one_limit),
	};

	return cmocka_run_group_tests_name("net/rate", tests, NULL, NULL);
}
