#include "../test.h"

#include <sys/socket.h>

#include "base/log.h"
#include "rig.h"
#include "smtp/smtp_server_private.h"

static int
command(struct rig *g, const char *text)
{
	(void)wire_send(&g->w, span_of(text));
	(void)wire_send(&g->w, span_of("\r\n"));
	return rig_reply(g);
}

enum { NEW, READY, MAIL, RCPT, STATES };

static void
go_to(struct rig *g, int state)
{
	assert_int_equal(rig_reply(g), 220);
	if (state >= READY)
		assert_int_equal(command(g, "EHLO c"), 250);
	if (state >= MAIL)
		assert_int_equal(command(g, "MAIL FROM:<alice@abc.com>"), 250);
	if (state >= RCPT)
		assert_int_equal(command(g, "RCPT TO:<bob@xyz.com>"), 250);
}

/* RFC 5321 4.1.4 and 4.3.2: what each verb gets in each state. */
static const struct {
	const char *verb;
	const char *line;
	int code[STATES];
} cells[] = {
	{ "EHLO", "EHLO c", { 250, 250, 250, 250 } },
	{ "HELO", "HELO c", { 250, 250, 250, 250 } },
	{ "AUTH",
	  "AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0",
	  { 503, 235, 503, 503 } },
	{ "MAIL", "MAIL FROM:<alice@abc.com>", { 503, 250, 503, 503 } },
	{ "RCPT", "RCPT TO:<bob@xyz.com>", { 503, 503, 250, 250 } },
	{ "DATA", "DATA", { 503, 503, 554, 354 } },
	{ "RSET", "RSET", { 250, 250, 250, 250 } },
	{ "NOOP", "NOOP", { 250, 250, 250, 250 } },
	{ "VRFY", "VRFY bob", { 252, 252, 252, 252 } },
	{ "EXPN", "EXPN list", { 502, 502, 502, 502 } },
	{ "HELP", "HELP", { 214, 214, 214, 214 } },
	{ "QUIT", "QUIT", { 221, 221, 221, 221 } },
};

static void
every_verb_in_every_state(void **state)
{
	size_t n = 0;
	const struct smtp_server_verb *verbs = smtp_server_verbs(&n);

	(void)state;
	assert_int_equal(n, sizeof(cells) / sizeof(cells[0]));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(verbs[i].name, cells[i].verb);
		for (int at = NEW; at < STATES; at++) {
			struct rig g;
			rig_open(&g);
			go_to(&g, at);
			int code = command(&g, cells[i].line);
			if (code != cells[i].code[at])
				print_error("%s in state %d: %d\n",
					    cells[i].verb, at, code);
			assert_int_equal(code, cells[i].code[at]);
			rig_close(&g, 0);
		}
	}
}

static void
a_refused_verb_changes_no_state(void **state)
{
	struct rig g;

	(void)state;
	rig_open(&g);
	go_to(&g, RCPT);
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		if (cells[i].code[RCPT] == 503)
			assert_int_equal(command(&g, cells[i].line), 503);
	}
	assert_int_equal(command(&g, "DATA"), 354);
	assert_int_equal(command(&g, "still here\r\n."), 250);
	rig_close(&g, 1);
}

static void
a_disconnect_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= rig_conversation_size(); cut++) {
		struct rig g;
		rig_open(&g);
		bool whole = rig_play(&g, cut, SIZE_MAX);
		rig_close(&g, whole ? 1 : 0);
	}
}

static void
a_half_close_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= rig_conversation_size(); cut++) {
		struct rig g;
		rig_open(&g);
		bool whole = rig_play(&g, cut, SIZE_MAX);
		assert_int_equal(shutdown(g.w.fd, SHUT_WR), 0);
		while (rig_reply(&g) > 0)
			;
		rig_close(&g, whole ? 1 : 0);
	}
}

static void
a_kill_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= rig_conversation_size(); cut++) {
		struct rig g;
		rig_open(&g);
		bool whole = rig_play(&g, cut, SIZE_MAX);
		wake_raise(&g.w.kill);
		wake_raise(&g.w.drain);
		int code, last = 0;
		while ((code = rig_reply(&g)) > 0)
			last = code;
		assert_true(last == 421 || last == 221 || last == 0);
		rig_close(&g, whole ? 1 : 0);
	}
}

static void
bytes_one_at_a_time(void **state)
{
	struct rig g;

	(void)state;
	rig_open(&g);
	assert_true(rig_play(&g, SIZE_MAX, 1));
	assert_int_equal(rig_reply(&g), -1); /* after QUIT */
	wire_hang_up(&g.w);
	rig_close(&g, 1);
}

static void
a_policy_that_is_incomplete_is_refused(void **state)
{
	const struct smtp_server_options o = { .hostname = "h",
					       .service = "s" };
	struct smtp_server_ops ops = smtp_recorder_ops;
	struct smtp_server *s = NULL;
	struct err e;

	(void)state;
	ops.on_reset = NULL;
	assert_int_equal(smtp_server_new(&s, &o, &ops, NULL, &e), -1);
	assert_int_equal(e.class, ERR_BUG);
	assert_null(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_in_every_state),
		cmocka_unit_test(a_refused_verb_changes_no_state),
		cmocka_unit_test(a_disconnect_at_every_byte),
		cmocka_unit_test(a_half_close_at_every_byte),
		cmocka_unit_test(a_kill_at_every_byte),
		cmocka_unit_test(bytes_one_at_a_time),
		cmocka_unit_test(a_policy_that_is_incomplete_is_refused),
	};
	struct err e;

	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	return cmocka_run_group_tests_name("smtp/smtp_server", tests, NULL,
					   NULL);
}
