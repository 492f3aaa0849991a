#include "script_peer.h"

#include "smtp/smtp_client.h"

/* The client's side of LMTP: RFC 2033 4. */

static const char text[] = "Subject: x\r\n\r\n.a\r\n";

static struct {
	struct script_peer peer;
	struct smtp_client *client;
	size_t given;
	struct smtp_send_rcpt to[3];
	struct smtp_send send;
	struct smtp_reply r;
	struct err e;
} t;

static long
give(void *ctx, char *p, unsigned long size, struct err *e)
{
	(void)ctx;
	(void)e;
	size_t n = sizeof(text) - 1 - t.given;
	assert_true(n <= size);
	memcpy(p, text + t.given, n);
	t.given += n;
	return (long)n;
}

static int
make(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	script_peer_start(&t.peer);
	t.to[0].address = "bob@xyz.com";
	t.to[1].address = "carol@xyz.com";
	t.to[2].address = "dave@xyz.com";
	t.send = (struct smtp_send){ .reverse_path = "alice@abc.com",
				     .recipients = t.to,
				     .n_recipients = 3,
				     .size = sizeof(text) - 1,
				     .read_bytes = give };
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	smtp_client_close(&t.client, false);
	script_peer_stop(&t.peer);
	return 0;
}

static int
try_open(void)
{
	struct smtp_client_options o = { .host = "127.0.0.1",
					 .port = t.peer.port,
					 .lmtp = true,
					 .helo = "client.test",
					 .connect_timeout_ms = 5000,
					 .command_timeout_ms = 5000,
					 .data_timeout_ms = 5000 };

	return smtp_client_open(&t.client, &o, &t.r, &t.e);
}

static void
must_open(void)
{
	assert_int_equal(try_open(), 0);
	assert_non_null(t.client);
}

static void
assert_codes(int a, int b, int c)
{
	assert_int_equal(t.to[0].reply.code, a);
	assert_int_equal(t.to[1].reply.code, b);
	assert_int_equal(t.to[2].reply.code, c);
}

static void
each_recipient_gets_its_own_verdict(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_END,
			"250 2.0.0 kept\r\n452-4.2.2 mailbox\r\n"
			"452 4.2.2 full\r\n550 5.2.1 closed\r\n");
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_codes(250, 452, 550);
	assert_string_equal(t.to[0].reply.text, "kept");
	assert_string_equal(t.to[1].reply.text, "mailbox\nfull");
	assert_string_equal(script_peer_text(&t.peer, t.peer.message),
			    "Subject: x\r\n\r\n..a\r\n");
	assert_memory_equal(script_peer_text(&t.peer, t.peer.commands),
			    "LHLO client.test\r\nMAIL ", 23);
	assert_true(smtp_client_is_idle(t.client));
}

static const char *
refuse_carol(struct script_peer *p, const char *line)
{
	(void)p;
	return strstr(line, "carol") != NULL ? "550 5.1.1 no carol\r\n" : NULL;
}

static void
replies_are_for_those_who_were_accepted(void **state)
{
	(void)state;
	script_peer_answer(&t.peer, refuse_carol);
	script_peer_set(&t.peer, PEER_END,
			"250 2.0.0 kept\r\n451 4.3.0 broken\r\n");
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_codes(250, 550, 451);
	assert_string_equal(t.to[1].reply.text, "no carol");
}

static void
without_pipelining_it_is_the_same(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO, "250 peer\r\n");
	script_peer_answer(&t.peer, refuse_carol);
	script_peer_set(&t.peer, PEER_END,
			"451 4.3.0 broken\r\n250 2.0.0 kept\r\n");
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_codes(451, 550, 250);
}

static void
where_the_verdicts_end_the_rest_is_unknown(void **state)
{
	static const struct {
		const char *reply;
		int code[3];
		enum err_class class;
	} cases[] = {
		{ "\f", { 0, 0, 0 }, ERR_CLOSED },
		{ "250 kept\r\n\f", { 250, 0, 0 }, ERR_CLOSED },
		{ "552 full\r\n250 kept\r\n250 ke\f",
		  { 552, 250, 0 },
		  ERR_CLOSED },
		{ "250 kept\r\nrubbish\r\n250 kept\r\n",
		  { 250, 0, 0 },
		  ERR_PROTO },
		{ "250 kept\r\n354 more\r\n", { 250, 0, 0 }, ERR_PROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		script_peer_set(&t.peer, PEER_END, cases[i].reply);
		t.given = 0;
		must_open();
		assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
		assert_int_equal(t.e.class, cases[i].class);
		assert_codes(cases[i].code[0], cases[i].code[1],
			     cases[i].code[2]);
		assert_false(smtp_client_is_idle(t.client));
		smtp_client_close(&t.client, false);
	}
}

static const char *
refuse_all(struct script_peer *p, const char *line)
{
	(void)p;
	(void)line;
	return "550 5.1.1 nobody\r\n";
}

static void
no_recipient_and_503_is_an_ordinary_end(void **state)
{
	(void)state;
	script_peer_answer(&t.peer, refuse_all);
	script_peer_set(&t.peer, PEER_DATA, "503 5.5.1 nobody\r\n");
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_codes(550, 550, 550);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.messages), 0);
	assert_true(smtp_client_is_idle(t.client));
}

static void
no_recipient_and_354_ends_the_connection(void **state)
{
	(void)state;
	script_peer_answer(&t.peer, refuse_all);
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_codes(550, 550, 550);
	assert_false(smtp_client_is_idle(t.client));
}

/* An SMTP server refuses LHLO; LMTP has no HELO to fall back to. */
static void
a_server_without_lhlo_is_refused(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO, "500 5.5.1 what?\r\n");
	assert_int_equal(try_open(), 0);
	assert_null(t.client);
	assert_int_equal(t.r.code, 500);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.seen[PEER_HELO]),
			 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(each_recipient_gets_its_own_verdict),
		TEST(replies_are_for_those_who_were_accepted),
		TEST(without_pipelining_it_is_the_same),
		TEST(where_the_verdicts_end_the_rest_is_unknown),
		TEST(no_recipient_and_503_is_an_ordinary_end),
		TEST(no_recipient_and_354_ends_the_connection),
		TEST(a_server_without_lhlo_is_refused),
	};

	return cmocka_run_group_tests_name("smtp/smtp_client, LMTP", tests,
					   NULL, NULL);
}
