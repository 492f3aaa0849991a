#include "../test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "auth/turns.h"
#include "base/peer.h"

/* One turn at a time: what is served in which order. */
static struct turns *turns;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char order[4096];
static size_t served, at_once, at_once_most;

struct asker {
	pthread_t thread;
	char party;
};

static void *
ask(void *arg)
{
	struct asker *a = arg;
	struct turn turn;

	turns_take(turns, &turn, (uint64_t)a->party);
	(void)pthread_mutex_lock(&lock);
	if (++at_once > at_once_most)
		at_once_most = at_once;
	order[served++] = a->party;
	(void)pthread_mutex_unlock(&lock);
	(void)sched_yield();
	(void)pthread_mutex_lock(&lock);
	at_once--;
	(void)pthread_mutex_unlock(&lock);
	turns_give(turns, &turn);
	return NULL;
}

/* Let `parties` come one after the other while the only turn is taken. */
static void
come(const char *parties, struct asker *a)
{
	size_t n = strlen(parties);
	struct turn turn;
	struct err e;

	served = 0;
	memset(order, 0, sizeof(order));
	assert_int_equal(turns_new(&turns, 1, &e), 0);
	turns_take(turns, &turn, 'x');
	for (size_t i = 0; i < n; i++) {
		a[i].party = parties[i];
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask, &a[i]),
				 0);
		while (turns_waiting(turns) != i + 1)
			(void)sched_yield();
	}
	turns_give(turns, &turn);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_join(a[i].thread, NULL), 0);
	turns_free(&turns);
}

static void
a_party_waits_for_others_by_one_turn_each(void **state)
{
	struct asker a[16];

	(void)state;
	come("aaaaaabbc", a);
	assert_string_equal(order, "abcabaaaa");
	come("abcabc", a);
	assert_string_equal(order, "abcabc");
	come("xxa", a); /* x holds the turn that they wait for */
	assert_string_equal(order, "axx");
}

/* However long the line of one party is: nobody is sent away for it. */
static void
the_line_has_room_for_all(void **state)
{
	enum { N = 200 };
	static struct asker a[N + 1];
	char parties[N + 2] = { 0 };

	(void)state;
	memset(parties, 'a', N);
	parties[N] = 'b';
	come(parties, a);
	assert_int_equal(served, N + 1);
	assert_memory_equal(order, "aba", 3);
}

static void
so_many_run_at_once(void **state)
{
	struct asker a[40];
	struct err e;

	(void)state;
	served = 0;
	at_once_most = 0;
	assert_int_equal(turns_new(&turns, 3, &e), 0);
	for (int i = 0; i < 40; i++) {
		a[i].party = (char)('a' + i % 5);
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask, &a[i]),
				 0);
	}
	for (int i = 0; i < 40; i++)
		assert_int_equal(pthread_join(a[i].thread, NULL), 0);
	assert_int_equal(served, 40);
	assert_in_range(at_once_most, 1, 3);
	turns_free(&turns);
}

static void
a_party_is_an_address_or_a_network(void **state)
{
	static const struct siphash_key key = { 1, 2 }, other = { 1, 3 };
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1", "::ffff:192.0.2.1", true },
		{ "2001:db8::1", "2001:db8::ffff:1", true },
		{ "2001:db8::1", "2001:db8:0:1::1", false },
		{ "", "unix", false },
		{ "unix", "unix", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(peer_party(&key, rows[i].a) ==
				     peer_party(&key, rows[i].b),
				 rows[i].same);
	assert_true(peer_party(&key, "192.0.2.1") !=
		    peer_party(&other, "192.0.2.1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_party_waits_for_others_by_one_turn_each),
		cmocka_unit_test(the_line_has_room_for_all),
		cmocka_unit_test(so_many_run_at_once),
		cmocka_unit_test(a_party_is_an_address_or_a_network),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
