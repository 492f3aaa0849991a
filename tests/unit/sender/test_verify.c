#include "../smtp/script_peer.h"

#include "base/log.h"
#include "base/thread.h"
#include "sender/verify.h"

enum { ASKERS = 12 };

struct world {
	struct script_peer peer;
	struct reach reach;
	struct pool *pool;
	struct verify *v;
	struct wake stop;
	char key[64];
	int answered;
	pthread_mutex_t lock;
};
static struct world w;

static void
note_answered(void *ctx, const char *key)
{
	struct world *x = ctx;

	assert_string_equal(key, x->key);
	(void)pthread_mutex_lock(&x->lock);
	x->answered++;
	(void)pthread_mutex_unlock(&x->lock);
}

static void
make_verify(int cache_max, int64_t timeout_ms)
{
	struct verify_options o = { .reach = &w.reach,
				    .pool = w.pool,
				    .timeout_ms = timeout_ms,
				    .yes_ttl_ms = 60000,
				    .no_ttl_ms = 60000,
				    .cache_max = cache_max,
				    .connections_max = 4,
				    .answered = note_answered,
				    .ctx = &w };
	struct err e;

	verify_free(&w.v);
	assert_int_equal(verify_new(&w.v, &o, &e), 0);
}

static int
make(void **state)
{
	struct err e;

	(void)state;
	memset(&w, 0, sizeof(w));
	(void)pthread_mutex_init(&w.lock, NULL);
	script_peer_start(&w.peer);
	(void)snprintf(w.key, sizeof(w.key), "127.0.0.1:%u",
		       (unsigned)w.peer.port);
	assert_int_equal(wake_init(&w.stop, &e), 0);
	assert_int_equal(pool_new(&w.pool, 60000, &e), 0);
	w.reach = (struct reach){ .helo = "sender.test", .stop = &w.stop };
	make_verify(100, 5000);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	verify_free(&w.v);
	pool_free(&w.pool);
	script_peer_stop(&w.peer);
	wake_close(&w.stop);
	(void)pthread_mutex_destroy(&w.lock);
	return 0;
}

static enum verify_answer
ask_at(const char *key, const char *address, struct smtp_reply *r)
{
	struct way way;
	struct err e;

	if (route_parse(span_of(key), &way.route, &e) != 0)
		fail_msg("%s", e.msg);
	(void)snprintf(way.key, sizeof(way.key), "%s", key);
	return verify_ask(w.v, &way, address, address, r);
}

static enum verify_answer
ask(const char *address, struct smtp_reply *r)
{
	return ask_at(w.key, address, r);
}

static void
answers_are_the_receivers_and_remembered(void **state)
{
	struct smtp_reply r;

	(void)state;
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_YES);
	script_peer_set(&w.peer, PEER_RCPT,
			"550 5.1.1 <nobody@xyz.com>: unknown\r\n");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask("nobody@xyz.com", &r), VERIFY_NO);
		assert_int_equal(r.code, 550);
		assert_string_equal(r.enhanced, "5.1.1");
		assert_string_equal(r.text, "<nobody@xyz.com>: unknown");
		assert_int_equal(ask("bob@xyz.com", &r), VERIFY_YES);
	}
	assert_int_equal(script_peer_number(&w.peer, &w.peer.seen[PEER_RCPT]),
			 2);
	/* the null path, one connection, each question taken back */
	assert_non_null(strstr(script_peer_text(&w.peer, w.peer.commands),
			       "MAIL FROM:<>\r\n"));
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 1);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.seen[PEER_RSET]),
			 2);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.seen[PEER_DATA]),
			 0);
	assert_int_equal(w.answered, 2);
	verify_forget(w.v);
	script_peer_set(&w.peer, PEER_RCPT, NULL);
	assert_int_equal(ask("nobody@xyz.com", &r), VERIFY_YES);
}

/* What says nothing of the address is not held against it. */
static void
other_refusals_are_not_remembered(void **state)
{
	struct smtp_reply r;

	(void)state;
	script_peer_set(&w.peer, PEER_MAIL, "550 5.7.1 we do not like you\r\n");
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_UNREACHABLE);
	script_peer_set(&w.peer, PEER_MAIL, NULL);
	script_peer_set(&w.peer, PEER_RCPT, "450 4.2.1 busy\r\n");
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_LATER);
	script_peer_set(&w.peer, PEER_RCPT, "421 4.3.2 going down\r\n");
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_UNREACHABLE);
	script_peer_set(&w.peer, PEER_RCPT, "550 5.7.1 policy\r\n");
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_NO);
	script_peer_set(&w.peer, PEER_RCPT, "");
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_UNREACHABLE);
	script_peer_set(&w.peer, PEER_RCPT, "garbage\r\n");
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_UNREACHABLE);
	script_peer_set(&w.peer, PEER_RCPT, NULL);
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_YES);
}

static void
a_connection_that_died_is_replaced(void **state)
{
	struct smtp_reply r;

	(void)state;
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_YES);
	/* kept; the peer hangs up on its next use, once */
	script_peer_set(&w.peer, PEER_MAIL, "");
	assert_int_equal(ask("carol@xyz.com", &r), VERIFY_UNREACHABLE);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 2);
	script_peer_set(&w.peer, PEER_MAIL, NULL);
	assert_int_equal(ask("carol@xyz.com", &r), VERIFY_YES);
}

static void
nobody_there_is_unreachable(void **state)
{
	struct smtp_reply r;

	(void)state;
	assert_int_equal(ask_at("127.0.0.1:1", "a@b", &r), VERIFY_UNREACHABLE);
	assert_int_equal(r.code / 100, 4);
	assert_int_equal(w.answered, 0);
}

static void
the_table_is_bounded(void **state)
{
	struct smtp_reply r;
	char address[32];

	(void)state;
	make_verify(4, 5000);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(address, sizeof(address), "u%d@xyz.com", i);
		assert_int_equal(ask(address, &r), VERIFY_YES);
		assert_int_equal(ask("bob@xyz.com", &r), VERIFY_YES);
	}
	/* bob was used again and again, so he was never the one to go */
	assert_int_equal(script_peer_number(&w.peer, &w.peer.seen[PEER_RCPT]),
			 21);
	assert_int_equal(ask("u19@xyz.com", &r), VERIFY_YES);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.seen[PEER_RCPT]),
			 21);
	assert_int_equal(ask("u0@xyz.com", &r), VERIFY_YES);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.seen[PEER_RCPT]),
			 22);
}

struct asker {
	pthread_t thread;
	enum verify_answer answer;
	struct smtp_reply r;
};

static void *
ask_bob(void *arg)
{
	struct asker *a = arg;

	a->answer = ask("bob@xyz.com", &a->r);
	return NULL;
}

static void
many_askers_make_one_question(void **state)
{
	static struct asker a[ASKERS];

	(void)state;
	script_peer_hold(&w.peer, true);
	script_peer_set(&w.peer, PEER_RCPT,
			"550 5.7.1 not remembered, but shared\r\n");
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(
		    pthread_create(&a[i].thread, NULL, ask_bob, &a[i]), 0);
	script_peer_await(&w.peer, PEER_RCPT, 1);
	script_peer_hold(&w.peer, false);
	for (int i = 0; i < ASKERS; i++) {
		(void)pthread_join(a[i].thread, NULL);
		assert_int_equal(a[i].answer, VERIFY_NO);
		assert_int_equal(a[i].r.code, 550);
	}
	/* Who came after the answer asked anew; never two at a time. */
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 1);
}

static void
a_silent_receiver_does_not_hold_the_client(void **state)
{
	struct smtp_reply r;

	(void)state;
	make_verify(100, 100);
	script_peer_hold(&w.peer, true);
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_UNREACHABLE);
	/* nor does it for each of many recipients */
	assert_int_equal(ask("carol@xyz.com", &r), VERIFY_UNREACHABLE);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.seen[PEER_RCPT]),
			 1);
	script_peer_hold(&w.peer, false);
	verify_forget(w.v);
	assert_int_equal(ask("bob@xyz.com", &r), VERIFY_YES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_the_receivers_and_remembered),
		TEST(other_refusals_are_not_remembered),
		TEST(a_connection_that_died_is_replaced),
		TEST(nobody_there_is_unreachable),
		TEST(the_table_is_bounded),
		TEST(many_askers_make_one_question),
		TEST(a_silent_receiver_does_not_hold_the_client),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("sender/verify", tests, NULL, NULL);
}
