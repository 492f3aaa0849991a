#include "../queue/queue_dir.h"
#include "../smtp/script_peer.h"

#include "base/log.h"
#include "sender/relay.h"
#include "sender/routes.h"

/* ---- relay --------------------------------------------------------------
 */

struct world {
	struct script_peer peer;
	struct queue_dir dir;
	struct reach reach;
	struct relay relay;
	struct wake stop;
	char key[64];
	struct spool_msg *m;
	struct scheduler_verdict verdicts[3];
	struct scheduler_batch b;
};
static struct world w;

static int
make(void **state)
{
	struct err e;

	(void)state;
	memset(&w, 0, sizeof(w));
	script_peer_start(&w.peer);
	queue_dir_make(&w.dir);
	(void)snprintf(w.key, sizeof(w.key), "127.0.0.1:%u",
		       (unsigned)w.peer.port);
	assert_int_equal(wake_init(&w.stop, &e), 0);
	w.reach = (struct reach){ .helo = "sender.test", .stop = &w.stop };
	w.relay = (struct relay){ .spool = w.dir.spool,
				  .reach = &w.reach,
				  .connect_timeout_ms = 5000,
				  .command_timeout_ms = 5000,
				  .data_timeout_ms = 5000 };
	assert_int_equal(pool_new(&w.relay.pool, 60000, &e), 0);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	pool_free(&w.relay.pool);
	script_peer_stop(&w.peer);
	spool_msg_free(&w.m);
	queue_dir_remove(&w.dir);
	wake_close(&w.stop);
	return 0;
}

static void
deliver(const char *text)
{
	static const struct spool_to to[] = {
		{ .address = "bob@xyz.com", .domain = "xyz.com" },
		{ .address = "carol@xyz.com", .domain = "xyz.com" },
		{ .address = "dave@xyz.com", .domain = "xyz.com" }
	};

	if (text != NULL) {
		spool_msg_free(&w.m);
		w.m = queue_dir_put(&w.dir, "aaaaaaaaaaaaaaaa", "alice@abc.com",
				    to, 3, text);
	}
	memset(w.verdicts, 0, sizeof(w.verdicts));
	for (unsigned i = 0; i < 3; i++)
		w.verdicts[i].recipient = i;
	w.b = (struct scheduler_batch){ .msg = w.m,
					.verdicts = w.verdicts,
					.n = 3 };
	relay_deliver(&w.relay, w.key, &w.b);
}

static void
assert_all(enum scheduler_outcome want)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(w.verdicts[i].outcome, want);
}

static void
one_connection_serves_many_messages(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		deliver("Subject: x\r\n\r\nhello\r\n");
		assert_all(SCHEDULER_DELIVERED);
		assert_string_equal(w.verdicts[0].reply, "250 2.0.0 taken");
	}
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 1);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.messages), 5);
	assert_string_equal(script_peer_text(&w.peer, w.peer.message),
			    "Subject: x\r\n\r\nhello\r\n");
}

static const char *
three_ways(struct script_peer *p, const char *line)
{
	(void)p;
	return strstr(line, "bob") != NULL     ? NULL
	       : strstr(line, "carol") != NULL ? "450 4.2.1 busy\r\n"
					       : "550 5.1.1 who?\r\n";
}

static void
each_recipient_gets_its_verdict(void **state)
{
	(void)state;
	script_peer_answer(&w.peer, three_ways);
	deliver("a: b\r\n\r\n");
	assert_int_equal(w.verdicts[0].outcome, SCHEDULER_DELIVERED);
	assert_int_equal(w.verdicts[1].outcome, SCHEDULER_DEFERRED);
	assert_string_equal(w.verdicts[1].reply, "450 4.2.1 busy");
	assert_int_equal(w.verdicts[2].outcome, SCHEDULER_FAILED);
	assert_string_equal(w.verdicts[2].reply, "550 5.1.1 who?");
	assert_false(w.b.destination_failed);
}

static void
a_stale_connection_is_replaced_at_once(void **state)
{
	(void)state;
	deliver("a: b\r\n\r\n");
	assert_all(SCHEDULER_DELIVERED);
	script_peer_set(&w.peer, PEER_MAIL, "");
	deliver(NULL);
	/* the kept one and a new one hung up: deferred, nothing lost */
	assert_all(SCHEDULER_DEFERRED);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 2);
	script_peer_set(&w.peer, PEER_MAIL, NULL);
	deliver(NULL);
	assert_all(SCHEDULER_DELIVERED);
}

static void
no_last_reply_is_no_verdict(void **state)
{
	(void)state;
	script_peer_set(&w.peer, PEER_END, "");
	deliver("a: b\r\n\r\n");
	assert_all(SCHEDULER_DEFERRED);
	assert_false(w.b.destination_failed);
}

static void
nobody_there_fails_the_destination(void **state)
{
	(void)state;
	(void)snprintf(w.key, sizeof(w.key), "127.0.0.1:1");
	deliver("a: b\r\n\r\n");
	assert_true(w.b.destination_failed);
	assert_all(SCHEDULER_UNTRIED);
	assert_memory_equal(w.b.why, "451 4.4.1 ", 10);
	/* so does a receiver that wants no session now */
	(void)snprintf(w.key, sizeof(w.key), "127.0.0.1:%u",
		       (unsigned)w.peer.port);
	script_peer_set(&w.peer, PEER_GREETING, "421 4.3.2 later\r\n");
	deliver(NULL);
	assert_true(w.b.destination_failed);
}

static void
no_route_fails_for_good(void **state)
{
	(void)state;
	(void)snprintf(w.key, sizeof(w.key), "!nowhere.example");
	deliver("a: b\r\n\r\n");
	assert_all(SCHEDULER_FAILED);
	assert_memory_equal(w.verdicts[0].reply, "550 5.1.2", 9);
}

static void
stopping_leaves_everything_as_it_was(void **state)
{
	(void)state;
	wake_raise(&w.stop);
	deliver("a: b\r\n\r\n");
	assert_false(w.b.destination_failed);
	assert_all(SCHEDULER_UNTRIED);
}

/* A file that is not what was accepted goes to nobody, and the sender is told.
 */
static void
a_damaged_message_is_never_sent(void **state)
{
	(void)state;
	deliver("a: b\r\n\r\nhello\r\n");
	int fd = openat(w.dir.fd, "queue/msg/aaaaaaaaaaaaaaaa", O_WRONLY);
	assert_int_equal(pwrite(fd, "J", 1, w.m->message_at + 8), 1);
	(void)close(fd);
	deliver(NULL);
	assert_all(SCHEDULER_FAILED);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.messages), 1);
	assert_true(queue_dir_has(&w.dir, "queue/damaged/aaaaaaaaaaaaaaaa"));
}

/* ---- limits of the peer (RFC 9422) --------------------------------------
 */

static int
count_of(const char *what)
{
	const char *at = script_peer_text(&w.peer, w.peer.commands);
	int n = 0;

	while ((at = strstr(at, what)) != NULL) {
		n++;
		at++;
	}
	return n;
}

static void
no_more_recipients_at_once_than_the_peer_takes(void **state)
{
	(void)state;
	script_peer_set(&w.peer, PEER_EHLO,
			"250-peer\r\n250-PIPELINING\r\n"
			"250 LIMITS COLOUR=red rcptmax=2 MAILMAX=x\r\n");
	deliver("a: b\r\n\r\n");
	assert_all(SCHEDULER_DELIVERED);
	assert_int_equal(count_of("MAIL FROM"), 2);
	assert_int_equal(count_of("RCPT TO"), 3);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 1);
}

static void
no_more_messages_on_a_connection_than_the_peer_takes(void **state)
{
	(void)state;
	script_peer_set(&w.peer, PEER_EHLO,
			"250-peer\r\n250-PIPELINING\r\n"
			"250 LIMITS RCPTMAX=1 MAILMAX=2\r\n");
	deliver("a: b\r\n\r\n");
	assert_all(SCHEDULER_DELIVERED);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 2);
	deliver("a: b\r\n\r\n"); /* one more on the second */
	assert_all(SCHEDULER_DELIVERED);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 3);
	assert_int_equal(count_of("MAIL FROM"), 6);
}

static void
no_more_domains_on_a_connection_than_the_peer_takes(void **state)
{
	static const struct spool_to to[] = {
		{ .address = "bob@xyz.com", .domain = "xyz.com" },
		{ .address = "carol@xyz.com", .domain = "xyz.com" },
		{ .address = "dave@abc.com", .domain = "abc.com" }
	};

	(void)state;
	script_peer_set(&w.peer, PEER_EHLO,
			"250-peer\r\n250 LIMITS RCPTDOMAINMAX=1\r\n");
	w.m = queue_dir_put(&w.dir, "aaaaaaaaaaaaaaaa", "alice@abc.com", to, 3,
			    "a: b\r\n\r\n");
	deliver(NULL);
	assert_all(SCHEDULER_DELIVERED);
	assert_int_equal(count_of("MAIL FROM"), 2);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 2);
	/* nor on one that is kept */
	deliver("a: b\r\n\r\n");
	assert_all(SCHEDULER_DELIVERED);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 3);
	/* but more of the same */
	deliver("a: b\r\n\r\n");
	assert_all(SCHEDULER_DELIVERED);
	assert_int_equal(script_peer_number(&w.peer, &w.peer.connections), 3);
	assert_int_equal(count_of("MAIL FROM"), 4);
}

/* ---- what the peer must be able to (RFC 6531, RFC 8689) -----------------
 */

static void
deliver_wish(const struct spool_envelope *wish, const char *text)
{
	struct spool_envelope env = *wish;

	env.id = "aaaaaaaaaaaaaaaa";
	env.arrival_s = 1795000000;
	spool_msg_free(&w.m);
	w.m = queue_dir_put_envelope(&w.dir, &env, text);
	deliver(NULL);
}

static void
only_what_is_not_ascii_needs_smtputf8(void **state)
{
	static const struct spool_to to[] = {
		{ .address = "j\xc3\xb6rg@xyz.com", .domain = "xyz.com" },
		{ .address = "carol@xyz.com", .domain = "xyz.com" },
		{ .address = "dave@xyz.com", .domain = "xyz.com" }
	};
	struct spool_envelope env = { .reverse_path = "alice@abc.com",
				      .smtputf8 = true,
				      .to = to,
				      .n_to = 3 };

	(void)state;
	script_peer_set(&w.peer, PEER_EHLO,
			"250-peer\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
			"250 LIMITS RCPTMAX=1\r\n");
	deliver_wish(&env, "a: b\r\n\r\n");
	assert_int_equal(w.verdicts[0].outcome, SCHEDULER_FAILED);
	assert_non_null(strstr(w.verdicts[0].reply, "553 5.6.7"));
	assert_int_equal(w.verdicts[1].outcome, SCHEDULER_DELIVERED);
	assert_int_equal(w.verdicts[2].outcome, SCHEDULER_DELIVERED);
	deliver_wish(&env, "a: \xc3\xb6\r\n\r\n");
	for (int i = 0; i < 3; i++)
		assert_non_null(strstr(w.verdicts[i].reply, "553 5.6.7"));
}

static void
requiretls_needs_a_peer_that_is_verified_and_offers_it(void **state)
{
	static const struct spool_to to[] = {
		{ .address = "bob@xyz.com", .domain = "xyz.com" },
		{ .address = "carol@xyz.com", .domain = "xyz.com" },
		{ .address = "dave@xyz.com", .domain = "xyz.com" }
	};
	struct spool_envelope env = { .reverse_path = "alice@abc.com",
				      .tls = SPOOL_TLS_REQUIRED,
				      .to = to,
				      .n_to = 3 };

	(void)state;
	/* an offer in clear text is worth nothing */
	script_peer_set(&w.peer, PEER_EHLO, "250-peer\r\n250 REQUIRETLS\r\n");
	deliver_wish(&env, "a: b\r\n\r\n");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(w.verdicts[i].outcome, SCHEDULER_FAILED);
		assert_non_null(strstr(w.verdicts[i].reply, "550 5.7.30"));
	}
	assert_int_equal(count_of("MAIL FROM"), 0);
	/* RFC 8689 5: a report goes all the same, as safely as it can */
	env.reverse_path = "";
	deliver_wish(&env, "a: b\r\n\r\n");
	assert_all(SCHEDULER_DELIVERED);
	assert_int_equal(count_of("MAIL FROM:<> REQUIRETLS"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_connection_serves_many_messages),
		TEST(each_recipient_gets_its_verdict),
		TEST(a_stale_connection_is_replaced_at_once),
		TEST(no_last_reply_is_no_verdict),
		TEST(nobody_there_fails_the_destination),
		TEST(no_route_fails_for_good),
		TEST(stopping_leaves_everything_as_it_was),
		TEST(a_damaged_message_is_never_sent),
		TEST(no_more_recipients_at_once_than_the_peer_takes),
		TEST(no_more_messages_on_a_connection_than_the_peer_takes),
		TEST(no_more_domains_on_a_connection_than_the_peer_takes),
		TEST(only_what_is_not_ascii_needs_smtputf8),
		TEST(requiretls_needs_a_peer_that_is_verified_and_offers_it),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("sender/relay", tests, NULL, NULL);
}
