#include "../test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pop3/pop3_client.h"

/*
 * A scripted peer on a loopback port: it says its greeting, then answers each
 * command line whose start it knows.  An answer of NULL closes the connection.
 */
struct turn {
	const char *command, *answer;
};

struct peer {
	pthread_t thread;
	int listener, port;
	const char *greeting;
	const struct turn *turns;
	unsigned n_turns;
	unsigned long endless; /* extra listing lines before the end */
	char seen[512];        /* what the client said */
};

static void
say(int fd, const char *text)
{
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return; /* the client has given up: that is its right */
}

static int
answer(struct peer *p, int fd, const char *line)
{
	for (unsigned i = 0; i < p->n_turns; i++) {
		const struct turn *t = &p->turns[i];
		if (strncmp(line, t->command, strlen(t->command)) != 0)
			continue;
		if (t->answer == NULL)
			return -1;
		say(fd, t->answer);
		if (p->endless > 0 && strcmp(t->command, "LIST") == 0)
			for (unsigned long k = 1; k <= p->endless; k++) {
				char item[64];
				(void)snprintf(item, sizeof(item),
					       "%lu 100\r\n", k);
				say(fd, item);
			}
		return 0;
	}
	say(fd, "-ERR what\r\n");
	return 0;
}

static void *
peer_run(void *arg)
{
	struct peer *p = arg;
	char line[1024];
	int fd = accept(p->listener, NULL, NULL);
	FILE *in = fdopen(dup(fd), "r");

	if (p->greeting != NULL)
		say(fd, p->greeting);
	while (p->greeting != NULL && fgets(line, sizeof(line), in) != NULL) {
		size_t n = strlen(p->seen);
		(void)snprintf(p->seen + n, sizeof(p->seen) - n, "%s", line);
		if (answer(p, fd, line) != 0)
			break;
	}
	(void)fclose(in);
	(void)close(fd);
	return NULL;
}

static void
peer_start(struct peer *p)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->listener >= 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(p->listener, 1), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n),
			 0);
	p->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

static void
peer_end(struct peer *p)
{
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	(void)close(p->listener);
}

struct trace {
	char text[1536];
};

static void
trace_line(void *ctx, char direction, struct span line)
{
	struct trace *t = ctx;
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, "%c %.*s\n", direction,
		       SPAN_ARG(line));
}

static int
open_to(struct peer *p, struct pop3_client **c, struct trace *t,
	struct pop3_reply *r, struct err *e)
{
	struct pop3_client_options o = {
		.host = "127.0.0.1",
		.port = (uint16_t)p->port,
		.connect_timeout_ms = 10000,
		.command_timeout_ms = 10000,
		.data_timeout_ms = 10000,
		.trace = t == NULL ? NULL : trace_line,
		.trace_ctx = t,
	};

	return pop3_client_open(c, &o, r, e);
}

#define PEER(t)                                                   \
	{                                                         \
		.greeting = "+OK ready\r\n", .turns = (t),        \
		.n_turns = (unsigned)(sizeof(t) / sizeof((t)[0])) \
	}

#define CAPA_ALL                                                       \
	{                                                              \
		"CAPA", "+OK\r\nTOP\r\nUIDL\r\nUSER\r\nSASL CRAM-MD5 " \
			"PLAIN\r\nPIPELINING\r\nRESP-CODES\r\n.\r\n"   \
	}

static int
log_in(struct pop3_client *c, const char *login, const char *password,
       struct pop3_reply *r, struct err *e)
{
	struct sasl_login l = { .login = login, .password = password };

	return pop3_client_login(c, &l, r, e);
}

static const unsigned ALL = POP3_CAP_TOP | POP3_CAP_UIDL | POP3_CAP_USER |
			    POP3_CAP_SASL | POP3_CAP_PIPELINING |
			    POP3_CAP_RESP_CODES;

/* ---- the good way ----------------------------------------------------------
 */

struct gathered {
	char text[512];
};

static int
gather(void *ctx, struct span bytes, struct err *e)
{
	struct gathered *g = ctx;
	size_t n = strlen(g->text);

	(void)e;
	(void)snprintf(g->text + n, sizeof(g->text) - n, "%.*s",
		       SPAN_ARG(bytes));
	return 0;
}

static int
gather_top(void *ctx, uint32_t number, struct span header)
{
	struct gathered *g = ctx;
	size_t n = strlen(g->text);

	(void)snprintf(g->text + n, sizeof(g->text) - n, "[%u]%.*s",
		       (unsigned)number, SPAN_ARG(header));
	return 0;
}

static void
reads_a_mailbox(void **state)
{
	static const struct turn turns[] = {
		CAPA_ALL,
		{ "AUTH PLAIN AGJvYgBzZWNyZXQ=", "+OK in\r\n" },
		{ "STAT", "+OK 2 300\r\n" },
		{ "LIST", "+OK 2\r\n1 100\r\n3 200 extra\r\n.\r\n" },
		{ "UIDL", "+OK\r\n3 uid-three\r\n1 uid-one\r\n.\r\n" },
		{ "TOP 1 0", "+OK\r\nSubject: one\r\n\r\n.\r\n" },
		{ "TOP 3 0", "-ERR gone\r\n" },
		{ "RETR 1",
		  "+OK\r\nA: b\r\n\r\n..dot\r\n...\r\nx\ny\r\n.\r\n" },
		{ "DELE 1", "+OK\r\n" },
		{ "QUIT", "+OK bye\r\n" },
	};
	static const uint32_t wanted[] = { 1, 3 };
	struct peer p = PEER(turns);
	struct pop3_client *c;
	struct pop3_item *items;
	struct pop3_reply r;
	struct gathered tops = { "" }, whole = { "" };
	struct trace t = { "" };
	uint32_t n;
	uint64_t bytes;
	struct err e;

	(void)state;
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, &t, &r, &e), 0);
	assert_true(r.ok);
	assert_int_equal(pop3_client_capabilities(c), ALL);
	assert_int_equal(log_in(c, "bob", "secret", &r, &e), 0);
	assert_true(r.ok);
	assert_int_equal(pop3_client_stat(c, &n, &bytes, &r, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(bytes, 300);
	assert_int_equal(pop3_client_list(c, 10, &items, &n, &r, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(items[1].number, 3);
	assert_int_equal(items[1].bytes, 200);
	assert_string_equal(items[0].uidl, "uid-one");
	assert_string_equal(items[1].uidl, "uid-three");
	free(items);
	assert_int_equal(pop3_client_tops(c, wanted, 2, gather_top, &tops, &e),
			 0);
	assert_string_equal(tops.text, "[1]Subject: one\r\n\r\n[3]");
	assert_int_equal(pop3_client_retr(c, 1, gather, &whole, &r, &e), 0);
	assert_string_equal(whole.text, "A: b\r\n\r\n.dot\r\n..\r\nx\ny\r\n");
	assert_int_equal(pop3_client_command(c, &r, &e, "DELE %d", 1), 0);
	assert_true(r.ok);
	assert_int_equal(pop3_client_quit(&c, &r, &e), 0);
	assert_null(c);
	peer_end(&p);
	/* both were sent before the first was answered */
	assert_non_null(strstr(t.text, "> LIST\n> UIDL\n< +OK 2\n"));
	assert_non_null(strstr(t.text, "> TOP 1 0\n> TOP 3 0\n"));
	/* no secret and no content in a trace */
	assert_non_null(strstr(t.text, "> AUTH PLAIN ***\n"));
	assert_null(strstr(t.text, "AGJvYg"));
	assert_null(strstr(t.text, "Subject"));
}

static void
an_old_server_without_capa_is_asked_step_by_step(void **state)
{
	static const struct turn turns[] = {
		{ "USER bob", "+OK\r\n" },
		{ "PASS se cret", "+OK\r\n" },
		{ "LIST", "+OK\r\n1 10\r\n.\r\n" },
		{ "QUIT", "+OK\r\n" },
	};
	struct peer p = PEER(turns);
	struct pop3_client *c;
	struct pop3_item *items;
	struct pop3_reply r;
	struct trace t = { "" };
	uint32_t n;
	struct err e;

	(void)state;
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, &t, &r, &e), 0);
	assert_int_equal(log_in(c, "bob", "se cret", &r, &e), 0);
	assert_true(r.ok);
	assert_non_null(strstr(t.text, "> PASS ***\n"));
	assert_null(strstr(t.text, "cret"));
	assert_int_equal(pop3_client_list(c, 10, &items, &n, &r, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(items[0].uidl, ""); /* UIDL was refused */
	free(items);
	assert_int_equal(pop3_client_quit(&c, &r, &e), 0);
	peer_end(&p);
}

static void
without_top_the_message_itself_is_read(void **state)
{
	static const struct turn turns[] = {
		{ "CAPA", "+OK\r\nUIDL\r\n.\r\n" },
		{ "RETR 1", "+OK\r\nA: b\r\n\r\nbody\r\n.\r\n" },
	};
	static const uint32_t one = 1;
	struct peer p = PEER(turns);
	struct pop3_client *c;
	struct pop3_reply r;
	struct gathered g = { "" };
	struct err e;

	(void)state;
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, NULL, &r, &e), 0);
	assert_int_equal(pop3_client_tops(c, &one, 1, gather_top, &g, &e), 0);
	assert_string_equal(g.text, "[1]A: b\r\n\r\nbody\r\n");
	pop3_client_free(&c);
	peer_end(&p);
}

static void
a_long_credential_goes_after_the_command(void **state)
{
	static const struct turn turns[] = {
		{ "CAPA", "+OK\r\nSASL PLAIN\r\n.\r\n" },
		{ "AUTH PLAIN\r", "+ \r\n" },
		{ "AGJvYgBw", "-ERR [AUTH] no\r\n" },
	};
	struct peer p = PEER(turns);
	struct pop3_client *c;
	struct pop3_reply r;
	struct trace t = { "" };
	char password[301];
	struct err e;

	(void)state;
	(void)memset(password, 'p', sizeof(password) - 1);
	password[sizeof(password) - 1] = '\0';
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, &t, &r, &e), 0);
	assert_int_equal(log_in(c, "bob", password, &r, &e), 0);
	assert_false(r.ok);
	assert_string_equal(r.resp_code, "AUTH");
	assert_string_equal(r.text, "[AUTH] no");
	assert_non_null(strstr(t.text, "> ***\n"));
	pop3_client_free(&c);
	peer_end(&p);
}

/* ---- refusals --------------------------------------------------------------
 */

static void
a_refusal_at_each_verb_is_an_answer(void **state)
{
	static const struct turn turns[] = {
		{ "CAPA", "-ERR\r\n" },
		{ "USER", "-ERR [IN-USE] locked\r\n" },
	};
	struct peer p = PEER(turns);
	struct pop3_client *c;
	struct pop3_item *items;
	struct pop3_reply r;
	struct gathered g = { "" };
	struct buf top;
	uint32_t n;
	uint64_t bytes;
	struct err e;

	(void)state;
	buf_init(&top, 100);
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, NULL, &r, &e), 0);
	assert_int_equal(log_in(c, "bob", "x", &r, &e), 0);
	assert_false(r.ok);
	assert_string_equal(r.resp_code, "IN-USE");
	assert_int_equal(pop3_client_stat(c, &n, &bytes, &r, &e), 0);
	assert_false(r.ok);
	assert_int_equal(pop3_client_list(c, 10, &items, &n, &r, &e), 0);
	assert_false(r.ok);
	assert_null(items);
	assert_int_equal(pop3_client_top(c, 1, 0, &top, &r, &e), 0);
	assert_false(r.ok);
	assert_int_equal(pop3_client_retr(c, 1, gather, &g, &r, &e), 0);
	assert_false(r.ok);
	assert_string_equal(g.text, "");
	assert_int_equal(pop3_client_command(c, &r, &e, "DELE 1"), 0);
	assert_false(r.ok);
	assert_int_equal(pop3_client_quit(&c, &r, &e), 0);
	assert_false(r.ok); /* the deletions did not take effect */
	peer_end(&p);
	buf_free(&top);
}

static void
a_refusing_greeting_gives_no_client(void **state)
{
	struct peer p = { .greeting = "-ERR [SYS/TEMP] too many\r\n" };
	struct pop3_client *c;
	struct pop3_reply r;
	struct err e;

	(void)state;
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, NULL, &r, &e), 0);
	assert_false(r.ok);
	assert_null(c);
	assert_string_equal(r.resp_code, "SYS/TEMP");
	peer_end(&p);
}

static void
a_line_end_in_an_argument_is_never_sent(void **state)
{
	static const struct turn turns[] = { { "CAPA", "-ERR\r\n" } };
	struct peer p = PEER(turns);
	struct pop3_client *c;
	struct pop3_reply r;
	struct err e;

	(void)state;
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, NULL, &r, &e), 0);
	assert_int_equal(log_in(c, "bob\r\nDELE 1", "x", &r, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	pop3_client_free(&c);
	peer_end(&p);
	assert_string_equal(p.seen, "CAPA\r\n");
}

/* ---- a hostile peer --------------------------------------------------------
 */

/* Open to `turns`, list at most 10 messages; the error class is `want`. */
static void
listing_fails(const struct turn *turns, unsigned n_turns, unsigned long endless,
	      enum err_class want)
{
	struct peer p = { .greeting = "+OK\r\n",
			  .turns = turns,
			  .n_turns = n_turns,
			  .endless = endless };
	struct pop3_client *c;
	struct pop3_item *items;
	struct pop3_reply r;
	uint32_t n;
	struct err e;

	peer_start(&p);
	assert_int_equal(open_to(&p, &c, NULL, &r, &e), 0);
	assert_int_equal(pop3_client_list(c, 10, &items, &n, &r, &e), -1);
	assert_int_equal(e.class, want);
	assert_null(items);
	pop3_client_free(&c);
	peer_end(&p);
}

static void
a_listing_with_bad_lines_is_refused(void **state)
{
	static const char *const bad[] = {
		"+OK\r\n0 10\r\n.\r\n",
		"+OK\r\n-1 10\r\n.\r\n",
		"+OK\r\n1\r\n.\r\n",
		"+OK\r\n1 x\r\n.\r\n",
		"+OK\r\n4294967296 1\r\n.\r\n",
		"+OK\r\n1 99999999999999999999999\r\n.\r\n",
		"+OK\r\n\r\n.\r\n",
		"+OK\r\n1 10\r\n1 10\r\n.\r\n",
		"+OKAY\r\n",
		"hello\r\n",
		"\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct turn turns[] = { { "CAPA", "-ERR\r\n" },
					{ "LIST", bad[i] } };
		listing_fails(turns, 2, 0, ERR_PROTO);
	}
}

static void
a_bad_uidl_is_refused(void **state)
{
	static const char *const bad[] = {
		"+OK\r\n1\r\n.\r\n",
		"+OK\r\n1 caf\xC3\xA9\r\n.\r\n",
		"+OK\r\nx y\r\n.\r\n",
		"+OK\r\n1 "
		"12345678901234567890123456789012345678901234567890123456789012"
		"345678901\r\n.\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct turn turns[] = { { "CAPA", "-ERR\r\n" },
					{ "LIST", "+OK\r\n1 1\r\n.\r\n" },
					{ "UIDL", bad[i] } };
		listing_fails(turns, 3, 0, ERR_PROTO);
	}
}

static void
an_endless_listing_stops_at_the_limit(void **state)
{
	static const struct turn turns[] = { { "CAPA", "-ERR\r\n" },
					     { "LIST", "+OK\r\n" } };

	(void)state;
	listing_fails(turns, 2, 20000, ERR_LIMIT);
}

static void
an_endless_line_is_refused(void **state)
{
	char line[3000];
	struct turn turns[] = { { "CAPA", "-ERR\r\n" }, { "LIST", line } };

	(void)state;
	(void)memset(line, 'x', sizeof(line) - 1);
	(void)memcpy(line, "+OK ", 4);
	line[sizeof(line) - 2] = '\n';
	line[sizeof(line) - 1] = '\0';
	listing_fails(turns, 2, 0, ERR_PROTO);
}

static void
a_drop_at_each_verb_is_closed(void **state)
{
	static const char *const verbs[] = { "CAPA", "USER", "PASS", "LIST",
					     "UIDL", "TOP",  "RETR", "QUIT" };

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct turn turns[] = {
			{ verbs[i], NULL },
			{ "CAPA", "+OK\r\nUIDL\r\nTOP\r\n.\r\n" },
			{ "USER", "+OK\r\n" },
			{ "PASS", "+OK\r\n" },
			{ "LIST", "+OK\r\n1 1\r\n.\r\n" },
			{ "UIDL", "+OK\r\n1 a\r\n.\r\n" },
			{ "TOP", "+OK\r\n\r\n.\r\n" },
			{ "RETR", "+OK\r\n\r\n.\r\n" },
			{ "QUIT", "+OK\r\n" },
		};
		struct peer p = PEER(turns);
		struct pop3_client *c = NULL;
		struct pop3_item *items = NULL;
		struct pop3_reply r;
		struct gathered g = { "" };
		static const uint32_t one = 1;
		uint32_t n;
		struct err e;

		peer_start(&p);
		bool failed =
		    open_to(&p, &c, NULL, &r, &e) != 0 ||
		    log_in(c, "bob", "x", &r, &e) != 0 ||
		    pop3_client_list(c, 10, &items, &n, &r, &e) != 0 ||
		    pop3_client_tops(c, &one, 1, gather_top, &g, &e) != 0 ||
		    pop3_client_retr(c, 1, gather, &g, &r, &e) != 0 ||
		    pop3_client_quit(&c, &r, &e) != 0;
		assert_true(failed);
		assert_int_equal(e.class, ERR_CLOSED);
		free(items);
		pop3_client_free(&c);
		peer_end(&p);
	}
}

/* `answer` to RETR ends before its dot: never a message. */
static void
a_message_without_its_dot_is_no_message(void **state)
{
	static const char *const cut[] = {
		"+OK\r\nA: b\r\n\r\nhalf",
		"+OK\r\nA: b\r\n\r\nhalf\r\n",
		"+OK\r\nA: b\r\n\r\nhalf\n.\n",
		"+OK\r\nA: b\r\n\r\nhalf\r\n.\r",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		struct turn turns[] = { { "CAPA", "-ERR\r\n" },
					{ "RETR", cut[i] } };
		struct peer p = PEER(turns);
		struct pop3_client *c;
		struct pop3_reply r;
		struct gathered g = { "" };
		struct pop3_client_options o = { .host = "127.0.0.1",
						 .connect_timeout_ms = 10000,
						 .command_timeout_ms = 10000,
						 .data_timeout_ms = 50 };
		struct err e;

		peer_start(&p);
		o.port = (uint16_t)p.port;
		assert_int_equal(pop3_client_open(&c, &o, &r, &e), 0);
		assert_int_equal(pop3_client_retr(c, 1, gather, &g, &r, &e),
				 -1);
		assert_int_equal(e.class, ERR_TIMEOUT);
		pop3_client_free(&c);
		peer_end(&p);
	}
}

static void
a_header_over_the_bound_is_a_limit(void **state)
{
	static const struct turn turns[] = {
		{ "CAPA", "-ERR\r\n" },
		{ "TOP", "+OK\r\nSubject: very long indeed\r\n\r\n.\r\n" },
	};
	struct peer p = PEER(turns);
	struct pop3_client *c;
	struct pop3_reply r;
	struct buf top;
	struct err e;

	(void)state;
	buf_init(&top, 10);
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, NULL, &r, &e), 0);
	assert_int_equal(pop3_client_top(c, 1, 0, &top, &r, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	pop3_client_free(&c);
	peer_end(&p);
	buf_free(&top);
}

static void
control_characters_in_an_answer_are_harmless(void **state)
{
	struct peer p = { .greeting = "-ERR \033]0;owned\007\r\n" };
	struct pop3_client *c;
	struct pop3_reply r;
	struct err e;

	(void)state;
	peer_start(&p);
	assert_int_equal(open_to(&p, &c, NULL, &r, &e), 0);
	assert_string_equal(r.text, "?]0;owned?");
	peer_end(&p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_mailbox),
		cmocka_unit_test(
		    an_old_server_without_capa_is_asked_step_by_step),
		cmocka_unit_test(without_top_the_message_itself_is_read),
		cmocka_unit_test(a_long_credential_goes_after_the_command),
		cmocka_unit_test(a_refusal_at_each_verb_is_an_answer),
		cmocka_unit_test(a_refusing_greeting_gives_no_client),
		cmocka_unit_test(a_line_end_in_an_argument_is_never_sent),
		cmocka_unit_test(a_listing_with_bad_lines_is_refused),
		cmocka_unit_test(a_bad_uidl_is_refused),
		cmocka_unit_test(an_endless_listing_stops_at_the_limit),
		cmocka_unit_test(an_endless_line_is_refused),
		cmocka_unit_test(a_drop_at_each_verb_is_closed),
		cmocka_unit_test(a_message_without_its_dot_is_no_message),
		cmocka_unit_test(a_header_over_the_bound_is_a_limit),
		cmocka_unit_test(control_characters_in_an_answer_are_harmless),
	};
	return cmocka_run_group_tests_name("pop3/pop3_client", tests, NULL,
					   NULL);
}
