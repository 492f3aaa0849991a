#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "auth/login_guard.h"

/* Time is given, so none has to pass. */

enum { MINUTE = 60 * 1000 };

static struct login_guard *
make(void)
{
	const struct login_guard_options o = { .window_ms = 10 * MINUTE,
					       .address_failures = 5,
					       .user_failures = 20,
					       .delay_ms = 100,
					       .delay_max_ms = 1000 };
	struct login_guard *g;
	struct err e;

	assert_int_equal(login_guard_new(&g, &o, &e), 0);
	return g;
}

static void
guessing_gets_slower_and_ends(void **state)
{
	struct login_guard *g = make();

	(void)state;
	static const int64_t delays[] = { 100, 200, 400, 800, 1000 };
	for (int i = 0; i < 5; i++) {
		assert_true(login_guard_allows(g, "192.0.2.1", "a@b", 1000));
		assert_int_equal(
		    login_guard_failed(g, "192.0.2.1", "a@b", 1000), delays[i]);
	}
	assert_false(login_guard_allows(g, "192.0.2.1", "a@b", 1000));
	/* nor as anybody else, nor under another notation */
	assert_false(login_guard_allows(g, "192.0.2.1", "c@b", 1000));
	assert_false(login_guard_allows(g, "::ffff:192.0.2.1", "c@b", 1000));
	/* from elsewhere it is */
	assert_true(login_guard_allows(g, "192.0.2.2", "a@b", 1000));
	login_guard_free(&g);
	login_guard_free(&g);
}

static void
failures_are_forgotten_one_by_one(void **state)
{
	struct login_guard *g = make();

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)login_guard_failed(g, "2001:db8::1", "a@b", 0);
	/* the whole /64 is one party */
	assert_false(login_guard_allows(g, "2001:db8::ffff", "c@b", 0));
	assert_true(login_guard_allows(g, "2001:db8:0:1::1", "c@b", 0));
	assert_false(
	    login_guard_allows(g, "2001:db8::1", "a@b", 2 * MINUTE - 1));
	assert_true(login_guard_allows(g, "2001:db8::1", "a@b", 2 * MINUTE));
	assert_int_equal(
	    login_guard_failed(g, "2001:db8::1", "a@b", 10 * MINUTE), 100);
	login_guard_free(&g);
}

static void
many_at_once_are_paid_for_later(void **state)
{
	struct login_guard *g = make();

	(void)state;
	/* allowed together, failed together */
	for (int i = 0; i < 1000; i++)
		(void)login_guard_failed(g, "192.0.2.1", "a@b", 0);
	assert_false(
	    login_guard_allows(g, "192.0.2.1", "a@b", 30 * MINUTE - 1));
	assert_true(login_guard_allows(g, "192.0.2.1", "a@b", 4 * 10 * MINUTE));
	login_guard_free(&g);
}

static void
a_user_is_guarded_against_many_addresses(void **state)
{
	struct login_guard *g = make();
	char address[32];

	(void)state;
	login_guard_passed(g, "198.51.100.7", "a@b", 0);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(address, sizeof(address), "192.0.2.%d", i);
		assert_true(login_guard_allows(g, address, "a@b", 0));
		(void)login_guard_failed(g, address, "a@b", 0);
	}
	assert_false(login_guard_allows(g, "192.0.2.99", "a@b", 0));
	assert_true(login_guard_allows(g, "192.0.2.99", "c@b", 0));
	/* but who has logged in well before is not kept out */
	assert_true(login_guard_allows(g, "198.51.100.7", "a@b", 0));
	assert_false(login_guard_allows(g, "198.51.100.8", "a@b", 0));
	login_guard_free(&g);
}

static void
a_known_user_stays_welcome_among_guessers(void **state)
{
	struct login_guard *g = make();

	(void)state;
	login_guard_passed(g, "192.0.2.1", "a@b", 0);
	for (int i = 0; i < 40; i++)
		(void)login_guard_failed(g, "192.0.2.1", "other@b", 0);
	assert_false(login_guard_allows(g, "192.0.2.1", "other@b", 0));
	assert_true(login_guard_allows(g, "192.0.2.1", "a@b", 0));
	/* the delay is that of one's own mistakes */
	assert_int_equal(login_guard_failed(g, "192.0.2.1", "a@b", 0), 100);
	login_guard_passed(g, "192.0.2.1", "a@b", 0);
	assert_int_equal(login_guard_failed(g, "192.0.2.1", "a@b", 0), 100);
	/* ten times the limit is more than mistakes */
	for (int i = 0; i < 49; i++)
		(void)login_guard_failed(g, "192.0.2.1", "a@b", 0);
	assert_false(login_guard_allows(g, "192.0.2.1", "a@b", 0));
	login_guard_free(&g);
}

static void
a_good_login_is_remembered_for_a_month(void **state)
{
	const int64_t day = 24 * 60 * MINUTE;
	struct login_guard *g = make();

	(void)state;
	login_guard_passed(g, "192.0.2.1", "a@b", 0);
	for (int d = 1; d < 32; d++) {
		for (int i = 0; i < 5; i++)
			(void)login_guard_failed(g, "192.0.2.1", "x@b",
						 d * day);
		assert_int_equal(
		    login_guard_allows(g, "192.0.2.1", "a@b", d * day), d < 30);
	}
	login_guard_free(&g);
}

static void
the_memory_is_bounded_and_keeps_the_worst(void **state)
{
	struct login_guard *g = make();
	char text[32];

	(void)state;
	login_guard_passed(g, "198.51.100.7", "a@b", 0);
	for (int i = 0; i < 5; i++)
		(void)login_guard_failed(g, "192.0.2.1", "a@b", 0);
	for (int i = 0; i < 60000; i++) { /* once each */
		(void)snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16,
			       i >> 8 & 255, i & 255);
		(void)login_guard_failed(g, text, text, 0);
	}
	assert_false(login_guard_allows(g, "192.0.2.1", "a@b", 0));
	for (int i = 0; i < 5; i++)
		(void)login_guard_failed(g, "198.51.100.7", "x@b", 0);
	assert_true(login_guard_allows(g, "198.51.100.7", "a@b", 0));
	login_guard_free(&g);
}

static void *
fail_often(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		(void)login_guard_allows(arg, "192.0.2.1", "a@b", i);
		(void)login_guard_failed(arg, "192.0.2.1", "a@b", i);
		login_guard_passed(arg, "192.0.2.1", "a@b", i);
	}
	return NULL;
}

static void
threads_share_it(void **state)
{
	struct login_guard *g = make();
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, fail_often, g), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_false(login_guard_allows(g, "192.0.2.1", "c@b", 2000));
	login_guard_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guessing_gets_slower_and_ends),
		cmocka_unit_test(failures_are_forgotten_one_by_one),
		cmocka_unit_test(many_at_once_are_paid_for_later),
		cmocka_unit_test(a_user_is_guarded_against_many_addresses),
		cmocka_unit_test(a_known_user_stays_welcome_among_guessers),
		cmocka_unit_test(a_good_login_is_remembered_for_a_month),
		cmocka_unit_test(the_memory_is_bounded_and_keeps_the_worst),
		cmocka_unit_test(threads_share_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
