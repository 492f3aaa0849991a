#include "script_peer.h"

#include "base/clock.h"
#include "net/stream.h"
#include "smtp/smtp_client_private.h"

/* A message given out in pieces; or a failure after some of it. */
struct source {
	const char *text;
	size_t at;
	size_t piece;
	bool fail_at_end;
};

static long
give(void *ctx, char *p, unsigned long size, struct err *e)
{
	struct source *s = ctx;
	size_t n = strlen(s->text + s->at);

	if (n > s->piece)
		n = s->piece;
	if (n > size)
		n = size;
	if (n == 0 && s->fail_at_end)
		return err_set(e, ERR_TEMP, 0, "the disk is gone");
	memcpy(p, s->text + s->at, n);
	s->at += n;
	return (long)n;
}

struct
try {
	struct script_peer peer;
	struct smtp_client *client;
	struct source source;
	struct smtp_send_rcpt to[3];
	struct smtp_send send;
	struct smtp_reply r;
	struct err e;
	bool lmtp, nameless;
};
static struct try t;

static int
make(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	script_peer_start(&t.peer);
	t.source = (struct source){ .text = "Subject: x\r\n\r\n.a\r\nb\r\n",
				    .piece = 3 };
	t.to[0].address = "bob@xyz.com";
	t.to[1].address = "carol@xyz.com";
	t.to[2].address = "dave@xyz.com";
	t.send = (struct smtp_send){ .reverse_path = "alice@abc.com",
				     .recipients = t.to,
				     .n_recipients = 3,
				     .size = 22,
				     .read_bytes = give,
				     .ctx = &t.source };
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
					 .helo =
					     t.nameless ? NULL : "client.test",
					 .lmtp = t.lmtp,
					 .connect_timeout_ms = 5000,
					 .command_timeout_ms = 5000,
					 .data_timeout_ms = 500000 };

	memset(&t.e, 0, sizeof(t.e));
	return smtp_client_open(&t.client, &o, &t.r, &t.e);
}

static void
must_open(void)
{
	if (try_open() != 0)
		fail_msg("%s", t.e.msg);
	assert_non_null(t.client);
}

static const char no_extensions[] = "250 peer\r\n";

/* ---- a good peer --------------------------------------------------------
 */

static void
sends_one_group_and_stuffs_dots(void **state)
{
	(void)state;
	must_open();
	assert_int_equal(smtp_client_size_max(t.client), 1000000);
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(t.to[i].reply.code, 250);
		assert_string_equal(t.to[i].reply.text, "taken");
	}
	assert_string_equal(script_peer_text(&t.peer, t.peer.message),
			    "Subject: x\r\n\r\n..a\r\nb\r\n");
	assert_string_equal(script_peer_text(&t.peer, t.peer.commands),
			    "EHLO client.test\r\n"
			    "MAIL FROM:<alice@abc.com> SIZE=22\r\n"
			    "RCPT TO:<bob@xyz.com>\r\n"
			    "RCPT TO:<carol@xyz.com>\r\n"
			    "RCPT TO:<dave@xyz.com>\r\n"
			    "DATA\r\n");
	assert_true(smtp_client_is_idle(t.client));
	/* and once more over the same connection */
	t.source.at = 0;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.messages), 2);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.connections), 1);
}

/* What is asked for reports and names the delivery goes to whom offers it. */
static void
send_with_reports(void)
{
	t.send.ret = DSN_RET_HDRS;
	t.send.envid = "QQ+2B1";
	t.send.delivery_id = "q1.host";
	t.to[0].notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY;
	t.to[0].orcpt = "rfc822;Bob@xyz.com";
	t.to[1].notify = DSN_NOTIFY_NEVER;
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
}

static void
passes_on_what_is_offered(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO,
			"250-peer\r\n250-dsn\r\n250 XPOSTPAIRID\r\n");
	send_with_reports();
	assert_string_equal(script_peer_text(&t.peer, t.peer.commands),
			    "EHLO client.test\r\n"
			    "MAIL FROM:<alice@abc.com> RET=HDRS ENVID=QQ+2B1 "
			    "XPOSTPAIRID=q1.host\r\n"
			    "RCPT TO:<bob@xyz.com> NOTIFY=SUCCESS,DELAY "
			    "ORCPT=rfc822;Bob@xyz.com\r\n"
			    "RCPT TO:<carol@xyz.com> NOTIFY=NEVER\r\n"
			    "RCPT TO:<dave@xyz.com>\r\n"
			    "DATA\r\n");
}

static void
asks_nothing_that_is_not_offered(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO, no_extensions);
	send_with_reports();
	assert_string_equal(script_peer_text(&t.peer, t.peer.commands),
			    "EHLO client.test\r\n"
			    "MAIL FROM:<alice@abc.com>\r\n"
			    "RCPT TO:<bob@xyz.com>\r\n"
			    "RCPT TO:<carol@xyz.com>\r\n"
			    "RCPT TO:<dave@xyz.com>\r\n"
			    "DATA\r\n");
}

static void
falls_back_to_helo(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO, "502 5.5.1 what?\r\n");
	must_open();
	assert_int_equal(smtp_client_extensions(t.client), 0);
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[2].reply.code, 250);
	assert_null(
	    strstr(script_peer_text(&t.peer, t.peer.commands), "SIZE="));
}

static void
ends_an_unfinished_last_line(void **state)
{
	(void)state;
	t.source.text = "a: b\n\nbare lf\nno end";
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_string_equal(script_peer_text(&t.peer, t.peer.message),
			    "a: b\r\n\r\nbare lf\r\nno end\r\n");
}

static const struct sasl_login alice = { .login = "alice",
					 .password = "secret" };

static void
logs_in_with_plain(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_AUTH, "334 \r\n");
	script_peer_set(&t.peer, PEER_OTHER, "235 2.7.0 welcome\r\n");
	must_open();
	assert_int_equal(smtp_client_auth(t.client, &alice, &t.r, &t.e), 0);
	assert_int_equal(t.r.code, 235);
	assert_non_null(strstr(script_peer_text(&t.peer, t.peer.commands),
			       "AUTH PLAIN\r\nAGFsaWNlAHNlY3JldA==\r\n"));
}

static void
logs_in_with_login_when_only_that_is_there(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO, "250-peer\r\n250 AUTH LOGIN\r\n");
	script_peer_set(&t.peer, PEER_AUTH, "334 VXNlcm5hbWU6\r\n");
	script_peer_set(&t.peer, PEER_OTHER, "535 5.7.8 no\r\n");
	must_open();
	assert_int_equal(smtp_client_auth(t.client, &alice, &t.r, &t.e), 0);
	assert_int_equal(t.r.code, 535);
}

/* ---- refusals -----------------------------------------------------------
 */

static void
each_refusal_reaches_the_recipients(void **state)
{
	static const struct {
		enum peer_verb verb;
		const char *reply;
		int code;
	} cases[] = {
		{ PEER_MAIL, "451 4.3.0 later\r\n", 451 },
		{ PEER_MAIL, "550 5.7.1 not you\r\n", 550 },
		{ PEER_RCPT, "450 4.2.1 later\r\n", 450 },
		{ PEER_RCPT, "550 5.1.1 who?\r\n", 550 },
		{ PEER_DATA, "451 4.3.0 later\r\n", 451 },
		{ PEER_DATA, "554 5.5.1 no\r\n", 554 },
		{ PEER_END, "452 4.3.1 full\r\n", 452 },
		{ PEER_END, "554 5.6.0 ugly\r\n", 554 },
	};

	(void)state;
	for (int pipelined = 0; pipelined < 2; pipelined++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			script_peer_set(&t.peer, PEER_EHLO,
					pipelined ? NULL : no_extensions);
			must_open();
			script_peer_set(&t.peer, cases[i].verb, cases[i].reply);
			if (cases[i].verb < PEER_DATA)
				script_peer_set(&t.peer, PEER_DATA,
						"503 5.5.1 no\r\n");
			t.source.at = 0;
			assert_int_equal(
			    smtp_client_send(t.client, &t.send, &t.e), 0);
			for (int j = 0; j < 3; j++)
				assert_int_equal(t.to[j].reply.code,
						 cases[i].code);
			/* and the connection is clean for the next one */
			script_peer_set(&t.peer, cases[i].verb, NULL);
			script_peer_set(&t.peer, PEER_DATA, NULL);
			t.source.at = 0;
			assert_int_equal(
			    smtp_client_send(t.client, &t.send, &t.e), 0);
			assert_int_equal(t.to[0].reply.code, 250);
			smtp_client_close(&t.client, true);
		}
	}
}

static const char *
only_carol(struct script_peer *p, const char *line)
{
	(void)p;
	return strstr(line, "carol") != NULL ? NULL
					     : "550 5.1.1 who is that?\r\n";
}

static void
some_recipients_may_be_refused(void **state)
{
	(void)state;
	script_peer_answer(&t.peer, only_carol);
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 550);
	assert_int_equal(t.to[1].reply.code, 250);
	assert_string_equal(t.to[1].reply.text, "taken");
	assert_int_equal(t.to[2].reply.code, 550);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.messages), 1);
}

/* RFC 2920 3.1: 354 although nobody is to get it. */
static void
a_message_for_nobody_is_a_lone_dot(void **state)
{
	(void)state;
	must_open();
	script_peer_set(&t.peer, PEER_RCPT, "550 5.1.1 who?\r\n");
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 550);
	assert_string_equal(script_peer_text(&t.peer, t.peer.message), "");
	assert_int_equal(script_peer_number(&t.peer, &t.peer.seen[PEER_RSET]),
			 1);
	script_peer_set(&t.peer, PEER_RCPT, NULL);
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 250);
}

static void
what_the_peer_cannot_take_is_not_sent(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO, "250-peer\r\n250 SIZE 20\r\n");
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 552);
	t.send.size = 10;
	t.send.eight_bit = true;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_string_equal(t.to[0].reply.enhanced, "5.6.3");
	t.send.smtputf8 = true;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_string_equal(t.to[0].reply.enhanced, "5.6.7");
	assert_int_equal(script_peer_number(&t.peer, &t.peer.seen[PEER_MAIL]),
			 0);
}

static void
a_refusing_greeting_is_an_answer(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_GREETING, "554 5.3.2 closed today\r\n");
	assert_int_equal(try_open(), 0);
	assert_null(t.client);
	assert_int_equal(t.r.code, 554);
}

/* ---- a hostile peer -----------------------------------------------------
 */

static void
garbage_is_a_protocol_error(void **state)
{
	static char endless[(SMTP_REPLY_LINES_MAX + 1) * 16 + 1];
	const char *const bad[] = {
		"hello there\r\n",
		"2 0 ok\r\n",
		"999 ok\r\n",
		"220 ok\n",
		"22\r\n",
		"\r\n",
		"220-ok\r\n250 other code\r\n",
		"354 go on\r\n",
		"220 a\rb\r\n",
		endless,
	};

	(void)state;
	for (size_t i = 0; i <= SMTP_REPLY_LINES_MAX; i++)
		memcpy(endless + 16 * i, "220-for ever..\r\n", 16);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		script_peer_set(&t.peer, PEER_GREETING, bad[i]);
		assert_int_equal(try_open(), -1);
		assert_int_equal(t.e.class, ERR_PROTO);
		assert_null(t.client);
	}
}

/* A server of a few words, all of them said before it closes: whatever the
 * client writes fails. */
static int
send_to_the_hasty(const char *words)
{
	struct smtp_client_options o = { .host = "hasty",
					 .helo = "client.test",
					 .command_timeout_ms = 5000,
					 .data_timeout_ms = 500000 };
	struct stream *end = NULL;
	int fd[2];

	smtp_client_close(&t.client, false);
	t.source.at = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(send(fd[1], words, strlen(words), 0), strlen(words));
	(void)close(fd[1]);
	assert_int_equal(stream_new(&end, fd[0], &t.e), 0);
	o.stream = &end;
	assert_int_equal(smtp_client_open(&t.client, &o, &t.r, &t.e), 0);
	assert_non_null(t.client);
	int rc = smtp_client_send(t.client, &t.send, &t.e);
	assert_false(smtp_client_is_idle(t.client));
	return rc;
}

#define HASTY "220 hi\r\n250-hasty\r\n250-8BITMIME\r\n"

static void
what_was_said_before_a_close_is_heard(void **state)
{
	(void)state;
	t.send.n_recipients = 2;
	/* behind 354, one by one and pipelined */
	assert_int_equal(
	    send_to_the_hasty(HASTY "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"
				    "354 go\r\n552 5.3.4 too big\r\n"),
	    0);
	assert_int_equal(t.to[0].reply.code, 552);
	assert_int_equal(t.to[1].reply.code, 552);
	assert_string_equal(t.to[1].reply.enhanced, "5.3.4");
	assert_int_equal(
	    send_to_the_hasty(HASTY "250 PIPELINING\r\n250 ok\r\n250 ok\r\n"
				    "250 ok\r\n354 go\r\n421 bye\r\n"),
	    0);
	assert_int_equal(t.to[1].reply.code, 421);
	/* MAIL, RCPT */
	assert_int_equal(
	    send_to_the_hasty(HASTY "250 PIPELINING\r\n550 5.7.1 not you\r\n"),
	    0);
	assert_int_equal(t.to[0].reply.code, 550);
	assert_int_equal(t.to[1].reply.code, 550);
	assert_int_equal(send_to_the_hasty(HASTY "250 PIPELINING\r\n250 ok\r\n"
						 "550 5.1.1 no\r\n"),
			 -1);
	assert_int_equal(t.to[0].reply.code, 550);
	assert_int_equal(t.to[1].reply.code, 0); /* unknown */
	/* BDAT */
	assert_int_equal(send_to_the_hasty(HASTY
					   "250-CHUNKING\r\n250 PIPELINING\r\n"
					   "250 ok\r\n250 ok\r\n250 ok\r\n"
					   "554 5.6.0 spam\r\n"),
			 0);
	assert_int_equal(t.to[0].reply.code, 554);
	assert_int_equal(t.to[1].reply.code, 554);
}

/* Nobody can have taken what was not sent. */
static void
a_yes_before_the_message_was_sent_is_none(void **state)
{
	(void)state;
	t.send.n_recipients = 1;
	assert_int_equal(send_to_the_hasty(HASTY "250 PIPELINING\r\n250 ok\r\n"
						 "250 ok\r\n354 go\r\n"
						 "250 2.0.0 taken\r\n"),
			 -1);
	assert_int_equal(t.to[0].reply.code, 0);
	assert_int_equal(send_to_the_hasty(HASTY
					   "250-CHUNKING\r\n250 PIPELINING\r\n"
					   "250 ok\r\n250 ok\r\n"
					   "250 2.0.0 taken\r\n"),
			 -1);
	assert_int_equal(t.to[0].reply.code, 0);
}

/* A refusal in the middle of a large message, over TCP: the rest is not sent.
 */
static void
a_refusal_while_we_send_ends_it(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_DATA,
			"354 go on\r\n552 5.3.4 too big\r\n\f");
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(t.to[i].reply.code, 552);
	assert_int_equal(t.source.at, t.source.piece); /* looked at once */
	assert_false(smtp_client_is_idle(t.client));
}

static char many[300 * 14 + 1], wide[20000];

static const char *const odd_refusals[] = {
	"550 5.1.1 no\n",
	"550-5.1.1 no\n550 5.1.1 never\n",
	"550 5.1.1 a\rb\r\n",
	"550-5.1.1 no\r\n551 other code\r\n",
	"550-5.1.1 no\r\nnot a reply\r\n",
	"550-5.1.1 no\r\n\f",
	many,
	wide,
};

static void
make_odd_refusals(void)
{
	for (size_t i = 0; i < 300; i++)
		memcpy(many + 14 * i,
		       i < 299 ? "550-5.1.1 no\r\n" : "550 5.1.1 no\r\n", 14);
	memset(wide, 'x', sizeof(wide) - 1);
	memcpy(wide, "550 5.1.1 ", 10);
	memcpy(wide + sizeof(wide) - 3, "\r\n", 3);
}

/* Or it would be tried for days. */
static void
a_no_is_a_no_in_any_form(void **state)
{
	(void)state;
	make_odd_refusals();
	t.send.n_recipients = 1;
	for (size_t i = 0; i < sizeof(odd_refusals) / sizeof(odd_refusals[0]);
	     i++) {
		for (enum peer_verb at = PEER_MAIL; at <= PEER_END; at++) {
			smtp_client_close(&t.client, false);
			t.source.at = 0;
			memset(t.peer.reply, 0, sizeof(t.peer.reply));
			script_peer_set(&t.peer, at, odd_refusals[i]);
			must_open();
			(void)smtp_client_send(t.client, &t.send, &t.e);
			if (t.to[0].reply.code != 550)
				fail_msg("form %zu at %d: %d %s", i, (int)at,
					 t.to[0].reply.code, t.e.msg);
		}
	}
}

/* Nothing comes behind it that could be taken for its sake; and it was taken.
 */
static void
the_last_yes_is_a_yes_in_any_form(void **state)
{
	static char lines[300 * 10 + 12];

	(void)state;
	for (size_t i = 0; i < 300; i++)
		memcpy(lines + 10 * i, "250-taken\r", 10);
	for (size_t i = 0; i < 300; i++)
		lines[10 * i + 8] = '\r', lines[10 * i + 9] = '\n';
	memcpy(lines + 3000, "250 end\r\n", 10);
	const char *const yes[] = { "250 2.0.0 taken\n", "250 a\rb\r\n",
				    lines };
	for (size_t i = 0; i < 3; i++) {
		smtp_client_close(&t.client, false);
		t.source.at = 0;
		script_peer_set(&t.peer, PEER_END, yes[i]);
		must_open();
		assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
		assert_int_equal(t.to[2].reply.code, 250);
		/* used again only where the end of the reply was clear */
		assert_int_equal(smtp_client_is_idle(t.client), i == 2);
	}
}

static void
an_endless_reply_ends(void **state)
{
	static char endless[SMTP_REPLY_LINES_MAX * 9 + 10];

	(void)state;
	for (int i = 0; i <= SMTP_REPLY_LINES_MAX; i++)
		memcpy(endless + i * 9, "250-abc\r\n", 9);
	must_open();
	script_peer_set(&t.peer, PEER_MAIL, endless);
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.e.class, ERR_PROTO);
	assert_int_equal(t.to[0].reply.code, 0);
	assert_false(smtp_client_is_idle(t.client));
}

/* Hang up at each verb: never a verdict that the peer did not give. */
static void
a_drop_at_any_verb_is_no_verdict(void **state)
{
	static const enum peer_verb verbs[] = { PEER_MAIL, PEER_RCPT, PEER_DATA,
						PEER_END };

	(void)state;
	for (int pipelined = 0; pipelined < 2; pipelined++) {
		for (size_t i = 0; i < 4; i++) {
			for (int k = 0; k < PEER_VERBS; k++)
				script_peer_set(&t.peer, (enum peer_verb)k,
						NULL);
			if (!pipelined)
				script_peer_set(&t.peer, PEER_EHLO,
						no_extensions);
			must_open();
			script_peer_set(&t.peer, verbs[i], "");
			t.source.at = 0;
			assert_int_equal(
			    smtp_client_send(t.client, &t.send, &t.e), -1);
			assert_int_equal(t.e.class, ERR_CLOSED);
			for (int j = 0; j < 3; j++)
				assert_int_equal(t.to[j].reply.code, 0);
			smtp_client_close(&t.client, true);
		}
	}
	script_peer_set(&t.peer, PEER_EHLO, "");
	assert_int_equal(try_open(), -1);
	assert_int_equal(t.e.class, ERR_CLOSED);
	script_peer_set(&t.peer, PEER_GREETING, "");
	assert_int_equal(try_open(), -1);
	assert_int_equal(t.e.class, ERR_CLOSED);
}

/* RFC 5321 3.8: 421 ends the connection; what was said behind it in the same
 * group has no reply of its own, and nothing of the message was taken. */
static void
a_421_is_the_verdict_on_everybody(void **state)
{
	static const char *const hello[] = {
		no_extensions, NULL,
		"250-peer\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
	};
	static const enum peer_verb verbs[] = { PEER_MAIL, PEER_RCPT,
						PEER_DATA };

	(void)state;
	for (int how = 0; how < 3; how++) {
		for (size_t i = 0; i < (how < 2 ? 3 : 2); i++) {
			for (int k = 0; k < PEER_VERBS; k++)
				script_peer_set(&t.peer, (enum peer_verb)k,
						NULL);
			script_peer_set(&t.peer, PEER_EHLO, hello[how]);
			must_open();
			script_peer_set(&t.peer, verbs[i],
					"421 4.3.2 closing\r\n\f");
			t.source.at = 0;
			assert_int_equal(
			    smtp_client_send(t.client, &t.send, &t.e), 0);
			for (int j = 0; j < 3; j++)
				assert_int_equal(t.to[j].reply.code, 421);
			if (how < 2)
				assert_false(t.send.text_sent);
			assert_false(smtp_client_is_idle(t.client));
			smtp_client_close(&t.client, true);
		}
	}
}

static void
what_was_sent_when_it_broke_is_known(void **state)
{
	(void)state;
	must_open();
	script_peer_set(&t.peer, PEER_DATA, "");
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_false(t.send.text_sent);
	smtp_client_close(&t.client, true);
	script_peer_set(&t.peer, PEER_DATA, NULL);
	must_open();
	script_peer_set(&t.peer, PEER_END, "");
	t.source.at = 0;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_true(t.send.text_sent);
}

static void
a_client_without_a_name_says_its_address(void **state)
{
	(void)state;
	t.nameless = true;
	must_open();
	assert_non_null(strstr(script_peer_text(&t.peer, t.peer.commands),
			       "EHLO [127.0.0.1]\r\n"));
}

static void
a_yes_in_place_of_354_is_no_verdict(void **state)
{
	(void)state;
	must_open();
	script_peer_set(&t.peer, PEER_DATA, "250 2.0.0 already done\r\n");
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.e.class, ERR_PROTO);
	assert_int_equal(t.to[0].reply.code, 0);
}

/* A message that cannot be read to its end is not sent as a shorter one. */
static void
half_a_message_is_never_ended(void **state)
{
	(void)state;
	must_open();
	t.source.fail_at_end = true;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_string_equal(t.e.msg, "the disk is gone");
	assert_int_equal(t.to[0].reply.code, 0);
	smtp_client_close(&t.client, true);
	script_peer_await_end(&t.peer);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.messages), 0);
}

static void
no_command_can_be_smuggled_in(void **state)
{
	(void)state;
	must_open();
	t.to[1].address = "carol@xyz.com>\r\nRCPT TO:<mallory@evil.example";
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.e.class, ERR_BUG);
	assert_null(
	    strstr(script_peer_text(&t.peer, t.peer.commands), "mallory"));
	assert_int_equal(
	    smtp_client_command(t.client, &t.r, &t.e, "VRFY a%cb", '\n'), -1);
}

static void
a_silent_peer_times_out(void **state)
{
	struct smtp_client_options o = { .host = "127.0.0.1",
					 .port = t.peer.port,
					 .helo = "client.test",
					 .connect_timeout_ms = 5000,
					 .command_timeout_ms = 50,
					 .data_timeout_ms = 50 };

	(void)state;
	assert_int_equal(smtp_client_open(&t.client, &o, &t.r, &t.e), 0);
	script_peer_hold(&t.peer, true);
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.e.class, ERR_TIMEOUT);
	script_peer_hold(&t.peer, false);
}

static void
open_with(struct smtp_client_options o)
{
	o.host = "127.0.0.1";
	o.port = t.peer.port;
	o.helo = "client.test";
	o.connect_timeout_ms = 5000;
	assert_int_equal(smtp_client_open(&t.client, &o, &t.r, &t.e), 0);
	assert_non_null(t.client);
}

/* A reply that goes on for ever, after all of the message: nothing else would
 * end this one. */
static void
the_last_reply_has_its_own_time(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_END, "250-wait\r\n");
	open_with(
	    (struct smtp_client_options){ .command_timeout_ms = 3600 * 1000,
					  .data_timeout_ms = 3600 * 1000,
					  .final_timeout_ms = 50 });
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.e.class, ERR_TIMEOUT);
	assert_true(t.send.text_sent);
}

/* The first word has a limit of its own: nothing else would end this one. */
static void
a_greeting_has_its_own_time(void **state)
{
	struct smtp_client_options o = { .host = "mute",
					 .helo = "client.test",
					 .greeting_timeout_ms = 50,
					 .command_timeout_ms = 3600 * 1000,
					 .data_timeout_ms = 3600 * 1000 };
	struct stream *end = NULL;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(stream_new(&end, fd[0], &t.e), 0);
	o.stream = &end;
	assert_int_equal(smtp_client_open(&t.client, &o, &t.r, &t.e), -1);
	assert_int_equal(t.e.class, ERR_TIMEOUT);
	(void)close(fd[1]);
}

/* ---- BDAT (RFC 3030) ------------------------------------------------------
 */

static const char with_chunking[] =
    "250-peer\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n"
    "250 CHUNKING\r\n";

static void
open_chunking(void)
{
	script_peer_set(&t.peer, PEER_EHLO, with_chunking);
	must_open();
	assert_true((smtp_client_extensions(t.client) & SMTP_EXT_CHUNKING) !=
		    0);
}

static void
chunk_goes_with_its_envelope_and_no_dot_is_doubled(void **state)
{
	(void)state;
	open_chunking();
	t.source.text = "Subject: x\n\n.a\n.\nb"; /* LF, no last line end */
	t.send.size = 19;
	for (int i = 0; i < 2; i++) {
		t.source.at = 0;
		assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
		assert_int_equal(t.to[2].reply.code, 250);
		assert_string_equal(t.to[2].reply.text, "chunk taken");
		assert_string_equal(script_peer_text(&t.peer, t.peer.message),
				    "Subject: x\r\n\r\n.a\r\n.\r\nb\r\n");
	}
	const char *said = script_peer_text(&t.peer, t.peer.commands);
	assert_non_null(strstr(said, "RCPT TO:<dave@xyz.com>\r\n"
				     "BDAT 24 LAST\r\nMAIL"));
	assert_null(strstr(said, "DATA\r\n"));
	assert_null(strstr(said, "RSET"));
	assert_true(smtp_client_is_idle(t.client));
}

static void
chunking_without_pipelining_is_not_used(void **state)
{
	(void)state;
	script_peer_set(&t.peer, PEER_EHLO, "250-peer\r\n250 CHUNKING\r\n");
	must_open();
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.seen[PEER_BDAT]),
			 0);
	assert_int_equal(t.to[0].reply.code, 250);
}

static void
a_large_message_has_its_recipients_asked_first(void **state)
{
	(void)state;
	open_chunking();
	t.send.size = 65537;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.seen[PEER_BDAT]),
			 0);
}

static void
a_message_larger_than_it_was_said_to_be_has_more_chunks(void **state)
{
	enum { LINES = 4000 };
	char *text = malloc(LINES * 40 + 1);

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < LINES; i++)
		(void)snprintf(text + (size_t)i * 40, 41, "%038d\r\n", i);
	open_chunking();
	t.source.text = text;
	t.source.piece = 9999;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 250);
	assert_true(script_peer_number(&t.peer, &t.peer.seen[PEER_BDAT]) > 1);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.messages), 1);
	free(text);
}

static void
refused_recipients_keep_their_replies_beside_a_chunk(void **state)
{
	(void)state;
	open_chunking();
	script_peer_answer(&t.peer, only_carol);
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 550);
	assert_int_equal(t.to[1].reply.code, 250);
	assert_int_equal(t.to[2].reply.code, 550);
	/* all of them: the chunk is refused for that, and RSET follows */
	script_peer_answer(&t.peer, NULL);
	script_peer_set(&t.peer, PEER_RCPT, "550 5.1.1 no\r\n");
	script_peer_set(&t.peer, PEER_BDAT, "554 5.5.1 nobody\r\n");
	t.source.at = 0;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	for (int i = 0; i < 3; i++)
		assert_string_equal(t.to[i].reply.text, "no");
	assert_int_equal(script_peer_number(&t.peer, &t.peer.seen[PEER_RSET]),
			 1);
	assert_true(smtp_client_is_idle(t.client));
}

static void
a_refused_chunk_is_the_verdict_and_mail_goes_before(void **state)
{
	(void)state;
	open_chunking();
	script_peer_set(&t.peer, PEER_BDAT, "452 4.3.1 full\r\n");
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[1].reply.code, 452);
	script_peer_set(&t.peer, PEER_MAIL, "550 5.7.1 not you\r\n");
	script_peer_set(&t.peer, PEER_RCPT, "503 5.5.1 MAIL first\r\n");
	script_peer_set(&t.peer, PEER_BDAT, "503 5.5.1 MAIL first\r\n");
	t.source.at = 0;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[1].reply.code, 550);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.seen[PEER_RSET]),
			 2);
}

static void
a_lost_reply_to_a_chunk_leaves_the_accepted_unknown(void **state)
{
	(void)state;
	open_chunking();
	script_peer_answer(&t.peer, only_carol);
	script_peer_set(&t.peer, PEER_BDAT, "");
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.e.class, ERR_CLOSED);
	assert_int_equal(t.to[0].reply.code, 550);
	assert_int_equal(t.to[1].reply.code, 0);
	assert_false(smtp_client_is_idle(t.client));
}

static void
a_message_that_cannot_be_read_is_never_a_last_chunk(void **state)
{
	(void)state;
	open_chunking();
	t.source.fail_at_end = true;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.to[0].reply.code, 0);
	smtp_client_close(&t.client, false);
	script_peer_await_end(&t.peer);
	assert_int_equal(script_peer_number(&t.peer, &t.peer.messages), 0);
}

/* A reply that comes only after `slow_ms`. */
static int64_t slow_ms;

static const char *
slow_rcpt(struct script_peer *p, const char *line)
{
	int64_t until_ms = clock_mono_ms() + slow_ms;

	(void)p;
	(void)line;
	while (clock_mono_ms() <= until_ms)
		(void)usleep(1000);
	return NULL;
}

/* Each reply in time is not enough; nor is it a reason to give the slow server
 * nothing. */
static void
who_is_not_asked_in_time_is_left_for_later(void **state)
{
	(void)state;
	slow_ms = 1000;
	for (int chunked = 0; chunked <= 1; chunked++) {
		unmake(NULL);
		make(NULL);
		if (chunked)
			script_peer_set(&t.peer, PEER_EHLO, with_chunking);
		script_peer_answer(&t.peer, slow_rcpt);
		open_with((struct smtp_client_options){
		    .command_timeout_ms = 3600 * 1000,
		    .data_timeout_ms = slow_ms,
		    .final_timeout_ms = 3600 * 1000 });
		assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
		assert_int_equal(t.to[0].reply.code, 250);
		assert_int_equal(t.to[1].reply.code, 451);
		assert_string_equal(t.to[1].reply.enhanced, "4.5.3");
		assert_int_equal(t.to[1].at_rcpt.code, 0);
		assert_int_equal(t.to[2].reply.code, 451);
		assert_int_equal(
		    script_peer_number(&t.peer, &t.peer.seen[PEER_RCPT]), 1);
		assert_int_equal(script_peer_number(&t.peer, &t.peer.messages),
				 1);
		assert_true(smtp_client_is_idle(t.client));
	}
}

/* A server that has all of a message may still deliver it: whoever left before
 * its replies would send it again. */
static void
after_the_text_a_reply_to_the_envelope_has_the_time_of_the_last(void **state)
{
	(void)state;
	slow_ms = 50;
	t.send.n_recipients = 1;
	script_peer_set(&t.peer, PEER_EHLO, with_chunking);
	script_peer_answer(&t.peer, slow_rcpt);
	open_with(
	    (struct smtp_client_options){ .command_timeout_ms = 3600 * 1000,
					  .data_timeout_ms = 3600 * 1000,
					  .final_timeout_ms = 3600 * 1000 });
	t.client->command_timeout_ms = t.client->data_timeout_ms = 1;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 250);
	/* before it there is no such reason */
	t.client->extensions &= ~(unsigned)SMTP_EXT_CHUNKING;
	t.source.at = 0;
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), -1);
	assert_int_equal(t.e.class, ERR_TIMEOUT);
	assert_false(t.send.text_sent);
}

static void
lmtp_has_a_verdict_for_each_after_the_last_chunk(void **state)
{
	(void)state;
	t.lmtp = true;
	open_chunking();
	script_peer_set(&t.peer, PEER_BDAT,
			"250 one\r\n452 4.2.2 two\r\n250 three\r\n");
	assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
	assert_int_equal(t.to[0].reply.code, 250);
	assert_int_equal(t.to[1].reply.code, 452);
	assert_string_equal(t.to[2].reply.text, "three");
}

/* ---- what EHLO says -------------------------------------------------------
 */

static void
each_extension_has_a_bit_of_its_own(void **state)
{
	static const char *const keywords[] = {
		"SIZE",        "PIPELINING", "8BITMIME",
		"SMTPUTF8",    "DSN",        "ENHANCEDSTATUSCODES",
		"STARTTLS",    "CHUNKING",   "REQUIRETLS",
		"XPOSTPAIRID", "XQUEUE",     "FUTURERELEASE",
	};
	unsigned all = 0;
	char ehlo[100];

	(void)state;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		(void)snprintf(ehlo, sizeof(ehlo), "250-peer\r\n250 %s\r\n",
			       keywords[i]);
		script_peer_set(&t.peer, PEER_EHLO, ehlo);
		must_open();
		unsigned bit = smtp_client_extensions(t.client);
		assert_true(bit != 0 && (bit & (bit - 1)) == 0);
		assert_int_equal(all & bit, 0);
		all |= bit;
		smtp_client_close(&t.client, false);
	}
}

static void
a_wish_for_later_goes_to_who_offers_it(void **state)
{
	static const struct {
		const char *ehlo, *release, *said;
	} rows[] = {
		{ "250-peer\r\n250 FUTURERELEASE 60 2026-11-26T10:00:00Z\r\n",
		  "for;60", "<alice@abc.com> HOLDFOR=60\r\n" },
		{ "250-peer\r\n250 FUTURERELEASE 60 2026-11-26T10:00:00Z\r\n",
		  "until;2026-11-26T09:00:00Z",
		  "<alice@abc.com> HOLDUNTIL=2026-11-26T09:00:00Z\r\n" },
		{ "250 peer\r\n", "for;60", "<alice@abc.com>\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		script_peer_set(&t.peer, PEER_EHLO, rows[i].ehlo);
		must_open();
		t.send.release = rows[i].release;
		t.source.at = 0;
		assert_int_equal(smtp_client_send(t.client, &t.send, &t.e), 0);
		const char *said = script_peer_text(&t.peer, t.peer.commands);
		assert_non_null(strstr(said, rows[i].said));
		smtp_client_close(&t.client, false);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sends_one_group_and_stuffs_dots),
		TEST(passes_on_what_is_offered),
		TEST(asks_nothing_that_is_not_offered),
		TEST(falls_back_to_helo),
		TEST(ends_an_unfinished_last_line),
		TEST(logs_in_with_plain),
		TEST(logs_in_with_login_when_only_that_is_there),
		TEST(each_refusal_reaches_the_recipients),
		TEST(some_recipients_may_be_refused),
		TEST(a_message_for_nobody_is_a_lone_dot),
		TEST(what_the_peer_cannot_take_is_not_sent),
		TEST(a_refusing_greeting_is_an_answer),
		TEST(garbage_is_a_protocol_error),
		TEST(an_endless_reply_ends),
		TEST(what_was_said_before_a_close_is_heard),
		TEST(a_yes_before_the_message_was_sent_is_none),
		TEST(a_refusal_while_we_send_ends_it),
		TEST(a_no_is_a_no_in_any_form),
		TEST(the_last_yes_is_a_yes_in_any_form),
		TEST(a_drop_at_any_verb_is_no_verdict),
		TEST(a_421_is_the_verdict_on_everybody),
		TEST(what_was_sent_when_it_broke_is_known),
		TEST(a_client_without_a_name_says_its_address),
		TEST(a_yes_in_place_of_354_is_no_verdict),
		TEST(half_a_message_is_never_ended),
		TEST(no_command_can_be_smuggled_in),
		TEST(a_silent_peer_times_out),
		TEST(the_last_reply_has_its_own_time),
		TEST(a_greeting_has_its_own_time),
		TEST(each_extension_has_a_bit_of_its_own),
		TEST(a_wish_for_later_goes_to_who_offers_it),
		TEST(chunk_goes_with_its_envelope_and_no_dot_is_doubled),
		TEST(chunking_without_pipelining_is_not_used),
		TEST(a_large_message_has_its_recipients_asked_first),
		TEST(a_message_larger_than_it_was_said_to_be_has_more_chunks),
		TEST(refused_recipients_keep_their_replies_beside_a_chunk),
		TEST(a_refused_chunk_is_the_verdict_and_mail_goes_before),
		TEST(a_lost_reply_to_a_chunk_leaves_the_accepted_unknown),
		TEST(a_message_that_cannot_be_read_is_never_a_last_chunk),
		TEST(who_is_not_asked_in_time_is_left_for_later),
		TEST(
		    after_the_text_a_reply_to_the_envelope_has_the_time_of_the_last),
		TEST(lmtp_has_a_verdict_for_each_after_the_last_chunk),
	};

	return cmocka_run_group_tests_name("smtp/smtp_client", tests, NULL,
					   NULL);
}
