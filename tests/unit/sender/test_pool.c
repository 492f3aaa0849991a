#include "../smtp/script_peer.h"

#include "sender/pool.h"

/* Connections to one peer under many names: which one is given back? */
enum { N = POOL_MAX };

static struct script_peer peer;
static struct pool *pool;

static struct smtp_client *
connect_once(void)
{
	struct smtp_client_options o = { .host = "127.0.0.1",
					 .port = peer.port,
					 .helo = "client.test",
					 .connect_timeout_ms = 20000,
					 .command_timeout_ms = 20000,
					 .data_timeout_ms = 20000 };
	struct smtp_client *c = NULL;
	struct smtp_reply r;
	struct err e;

	if (smtp_client_open(&c, &o, &r, &e) != 0)
		fail_msg("%s", e.msg);
	assert_non_null(c);
	return c;
}

static int
make(void **state)
{
	struct err e;

	(void)state;
	script_peer_start(&peer);
	return pool_new(&pool, 3600 * 1000, &e);
}

static int
unmake(void **state)
{
	(void)state;
	pool_free(&pool);
	script_peer_stop(&peer);
	return 0;
}

static void
give(const char *key, struct smtp_client *c)
{
	char name[SCHEDULER_PEER_SIZE];

	(void)snprintf(name, sizeof(name), "peer of %s", key);
	pool_give(pool, key, name, &c);
	assert_null(c);
}

static void
take(const char *key, const struct smtp_client *want)
{
	char name[SCHEDULER_PEER_SIZE] = "", expected[SCHEDULER_PEER_SIZE];

	struct smtp_client *got = pool_take(pool, key, name);
	assert_ptr_equal(got, want);
	if (want != NULL) {
		(void)snprintf(expected, sizeof(expected), "peer of %s", key);
		assert_string_equal(name, expected);
	}
	smtp_client_close(&got, false);
}

/* The first, the last, one in between; the others stay what they are. */
static void
any_of_several_can_be_taken(void **state)
{
	static struct smtp_client *c[N];
	char key[16];

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)snprintf(key, sizeof(key), "k%d", i);
		give(key, c[i] = connect_once());
	}
	/* full: one more is closed */
	struct smtp_client *more = connect_once();
	pool_give(pool, "more", "", &more);
	assert_null(more);
	take("more", NULL);
	/* from the middle, then from both ends */
	for (int i = 0; i < N; i++) {
		int at = i % 2 == 0 ? N / 2 + i / 2 : N / 2 - 1 - i / 2;
		(void)snprintf(key, sizeof(key), "k%d", at);
		take(key, c[at]);
		take(key, NULL);
	}
}

static void
the_newest_of_one_name_comes_first(void **state)
{
	struct smtp_client *old = connect_once(), *other = connect_once(),
			   *young = connect_once();

	(void)state;
	give("a", old);
	give("b", other);
	give("a", young);
	take("a", young);
	take("a", old);
	take("a", NULL);
	take("b", other);
}

/* The peer hung up: it is closed, and none is given. */
static void
one_that_died_is_not_given(void **state)
{
	struct smtp_client *c = connect_once();
	struct smtp_reply r;
	struct err e;

	(void)state;
	script_peer_set(&peer, PEER_OTHER, "250 ok\r\n\f");
	assert_int_equal(smtp_client_command(c, &r, &e, "NOOP"), 0);
	script_peer_await_end(&peer);
	pool_give(pool, "a", "", &c);
	assert_null(c);
	take("a", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_of_several_can_be_taken,
						make, unmake),
		cmocka_unit_test_setup_teardown(
		    the_newest_of_one_name_comes_first, make, unmake),
		cmocka_unit_test_setup_teardown(one_that_died_is_not_given,
						make, unmake),
	};

	return cmocka_run_group_tests_name("sender/pool", tests, NULL, NULL);
}
