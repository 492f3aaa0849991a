#include "../test.h"

#include <sys/socket.h>

#include "../../wire/smtp_recorder.h"
#include "../../wire/wire.h"
#include "base/log.h"
#include "smtp/smtp_server_private.h"

/* A session with the recorder behind it. */
struct rig {
	struct smtp_recorder recorder;
	struct smtp_server *server;
	struct wire_session w;
};

static void
serve(void *rig, const struct listener_client *c)
{
	smtp_server_session(((struct rig *)rig)->server, c);
}

static void
rig_open(struct rig *g)
{
	const struct smtp_server_options o = {
		.hostname = "mx.test",
		.service = "smtp",
		.sasl = smtp_recorder_sasl(),
		.size_max_bytes = 100000,
	};
	struct err e;

	smtp_recorder_init(&g->recorder);
	assert_int_equal(smtp_server_new(&g->server, &o, &smtp_recorder_ops,
					 &g->recorder, &e),
			 0);
	assert_int_equal(wire_open(&g->w, g, serve, NULL), 0);
}

/* Ends the session and checks what the engine promises a policy. */
static void
rig_close(struct rig *g, int stored)
{
	const struct smtp_recorder *r = &g->recorder;

	wire_join(&g->w);
	assert_null(r->broken);
	assert_false(r->open);
	assert_int_equal(r->mails, r->resets);
	assert_int_equal(r->stored, stored);
	assert_int_equal(r->ends, stored);
	smtp_server_free(&g->server);
	smtp_recorder_clear(&g->recorder);
}

/* The code of the next reply, or -1 when there is none. */
static int
reply_code(struct rig *g)
{
	struct span line;
	uint64_t code = 0;
	struct err e;

	do {
		if (wire_line(&g->w, &line, &e) != 0)
			return -1;
	} while (line.n > 3 && line.p[3] == '-');
	assert_int_equal(span_u64(span_head(line, 3), &code), 0);
	return (int)code;
}

static int
command(struct rig *g, const char *text)
{
	(void)wire_send(&g->w, span_of(text));
	(void)wire_send(&g->w, span_of("\r\n"));
	return reply_code(g);
}

enum { NEW, READY, MAIL, RCPT, STATES };

static void
go_to(struct rig *g, int state)
{
	assert_int_equal(reply_code(g), 220);
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

/* A conversation in steps; a reply is waited for after each. */
static const struct {
	const char *text;
	int replies;
} steps[] = {
	{ "", 1 },
	{ "EHLO client\r\n", 1 },
	{ "AUTH LOGIN\r\n", 1 },
	{ "YWxpY2VAYWJjLmNvbQ==\r\n", 1 },
	{ "c2VjcmV0\r\n", 1 },
	{ "MAIL FROM:<alice@abc.com> SIZE=9\r\n"
	  "RCPT TO:<bob@xyz.com>\r\nRCPT TO:<nobody@xyz.com>\r\nDATA\r\n",
	  4 },
	{ "From: a\r\n\r\n..x\r\n.\r\n", 1 }, /* the message */
	{ "MAIL FROM:<alice@abc.com>\r\nRSET\r\nQUIT\r\n", 3 },
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]), MESSAGE_STEP = 6 };

/* Play the first `budget` bytes, in pieces of `piece`.  Was the end of data
 * sent whole? */
static bool
play(struct rig *g, size_t budget, size_t piece)
{
	bool whole = false;

	for (int i = 0; i < STEPS; i++) {
		struct span text = span_of(steps[i].text);
		struct span part = span_head(text, budget);
		budget -= part.n;
		bool cut = part.n < text.n;
		while (part.n > 0) {
			(void)wire_send(&g->w, span_head(part, piece));
			part = span_skip(part, piece);
		}
		if (cut)
			return whole;
		if (i == MESSAGE_STEP)
			whole = true;
		for (int k = 0; k < steps[i].replies; k++)
			assert_int_not_equal(reply_code(g), -1);
	}
	return whole;
}

static size_t
conversation_size(void)
{
	size_t n = 0;

	for (int i = 0; i < STEPS; i++)
		n += strlen(steps[i].text);
	return n;
}

static void
a_disconnect_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= conversation_size(); cut++) {
		struct rig g;
		rig_open(&g);
		bool whole = play(&g, cut, SIZE_MAX);
		rig_close(&g, whole ? 1 : 0);
	}
}

static void
a_half_close_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= conversation_size(); cut++) {
		struct rig g;
		rig_open(&g);
		bool whole = play(&g, cut, SIZE_MAX);
		assert_int_equal(shutdown(g.w.fd, SHUT_WR), 0);
		while (reply_code(&g) > 0)
			;
		rig_close(&g, whole ? 1 : 0);
	}
}

static void
a_kill_at_every_byte(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= conversation_size(); cut++) {
		struct rig g;
		rig_open(&g);
		bool whole = play(&g, cut, SIZE_MAX);
		wake_raise(&g.w.kill);
		wake_raise(&g.w.drain);
		int code, last = 0;
		while ((code = reply_code(&g)) > 0)
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
	assert_true(play(&g, SIZE_MAX, 1));
	assert_int_equal(reply_code(&g), -1);
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
