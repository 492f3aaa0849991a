#include "../test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
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

enum { NEW, READY, MAIL, RCPT, CHUNK, STATES };

static void
go_to(struct rig *g, int state)
{
	assert_int_equal(rig_reply(g), 220);
	if (state >= READY)
		assert_int_equal(command(g, g->lmtp ? "LHLO c" : "EHLO c"),
				 250);
	if (state >= MAIL)
		assert_int_equal(command(g, "MAIL FROM:<alice@abc.com>"), 250);
	if (state >= RCPT)
		assert_int_equal(command(g, "RCPT TO:<bob@xyz.com>"), 250);
	if (state >= CHUNK)
		assert_int_equal(command(g, "BDAT 3\r\na"), 250);
}

/* RFC 5321 4.1.4 and 4.3.2: what each verb gets in each state. */
static const struct {
	const char *verb;
	const char *line;
	int code[STATES];
} cells[] = {
	{ "EHLO", "EHLO c", { 250, 250, 250, 250, 250 } },
	{ "HELO", "HELO c", { 250, 250, 250, 250, 250 } },
	{ "LHLO", "LHLO c", { 500, 500, 500, 500, 500 } },
	/* without a certificate; with one see tests/wire/smtp/rfc3207-* */
	{ "STARTTLS", "STARTTLS", { 503, 502, 503, 503, 503 } },
	{ "AUTH",
	  "AUTH PLAIN AGFsaWNlQGFiYy5jb20Ac2VjcmV0",
	  { 503, 235, 503, 503, 503 } },
	{ "MAIL", "MAIL FROM:<alice@abc.com>", { 503, 250, 503, 503, 503 } },
	{ "RCPT", "RCPT TO:<bob@xyz.com>", { 503, 503, 250, 250, 503 } },
	{ "DATA", "DATA", { 503, 503, 554, 354, 503 } },
	{ "BDAT", "BDAT 6\r\nQUIT", { 503, 503, 554, 250, 250 } },
	{ "XQUEUE", "XQUEUE LIST", { 503, 530, 503, 503, 503 } },
	{ "XCLIENT", "XCLIENT ADDR=192.0.2.7", { 550, 550, 503, 503, 503 } },
	{ "RSET", "RSET", { 250, 250, 250, 250, 250 } },
	{ "NOOP", "NOOP", { 250, 250, 250, 250, 250 } },
	{ "VRFY", "VRFY bob", { 252, 252, 252, 252, 252 } },
	{ "EXPN", "EXPN list", { 502, 502, 502, 502, 502 } },
	{ "HELP", "HELP", { 214, 214, 214, 214, 214 } },
	{ "QUIT", "QUIT", { 221, 221, 221, 221, 221 } },
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

/* Where LMTP differs: RFC 2033 4.1, 4.2. */
static int
lmtp_code(size_t cell, int at)
{
	const char *verb = cells[cell].verb;

	if (strcmp(verb, "EHLO") == 0 || strcmp(verb, "HELO") == 0 ||
	    strcmp(verb, "XCLIENT") == 0 || strcmp(verb, "XQUEUE") == 0)
		return 500;
	if (strcmp(verb, "LHLO") == 0)
		return 250;
	if ((strcmp(verb, "DATA") == 0 || strcmp(verb, "BDAT") == 0) &&
	    at == MAIL)
		return 503;
	return cells[cell].code[at];
}

static void
every_verb_in_every_state_of_lmtp(void **state)
{
	size_t n = sizeof(cells) / sizeof(cells[0]);

	(void)state;
	for (size_t i = 0; i < n * STATES; i++) {
		int at = (int)(i % STATES);
		struct rig g;
		rig_open_lmtp(&g);
		go_to(&g, at);
		int code = command(&g, cells[i / STATES].line);
		if (code != lmtp_code(i / STATES, at))
			print_error("%s in state %d: %d\n",
				    cells[i / STATES].verb, at, code);
		assert_int_equal(code, lmtp_code(i / STATES, at));
		rig_close(&g, 0);
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

/* ---- replies in a third party's words -------------------------------------
 */

static void
on_unknown(void *ctx, const struct smtp_client_info *c, struct span what,
	   struct smtp_reply *r)
{
	(void)ctx;
	(void)c;
	*r = (struct smtp_reply){ .code = 550 };
	(void)span_copy(span_of("5.7.1"), r->enhanced, sizeof(r->enhanced));
	if (span_eq(what, span_of("injection"))) {
		(void)span_copy(span_of("a\r\n250 forged\x1b\xff\n\nlast"),
				r->text, sizeof(r->text));
	} else {
		memset(r->text, 'x', sizeof(r->text) - 1);
		memcpy(r->text + 492, "\xe2\x82\xac", 3);
	}
}

static void
open_with_words(struct rig *g)
{
	const struct smtp_server_options o = { .hostname = "mx.test",
					       .service = "smtp" };
	struct smtp_server_ops ops = smtp_recorder_ops;
	struct err e;

	ops.on_unknown = on_unknown;
	smtp_recorder_init(&g->recorder);
	assert_int_equal(
	    smtp_server_new(&g->server, &o, &ops, &g->recorder, &e), 0);
	assert_int_equal(wire_open(&g->w, g, rig_serve, NULL), 0);
	assert_int_equal(rig_reply(g), 220);
}

static void
assert_line(struct rig *g, const char *text)
{
	struct span line;
	struct err e;

	assert_int_equal(wire_line(&g->w, &line, &e), 0);
	assert_span(line, text);
}

static void
a_quoted_reply_cannot_forge_a_line(void **state)
{
	struct rig g;

	(void)state;
	open_with_words(&g);
	(void)wire_send(&g.w, span_of("injection\r\n"));
	assert_line(&g, "550-5.7.1 a?");
	assert_line(&g, "550-5.7.1 250 forged??");
	assert_line(&g, "550-5.7.1 ");
	assert_line(&g, "550 5.7.1 last");
	rig_close(&g, 0);
}

static void
a_long_reply_is_several_lines(void **state)
{
	size_t xs = 0, lines = 0;
	struct span line;
	struct rig g;
	struct err e;

	(void)state;
	open_with_words(&g);
	(void)wire_send(&g.w, span_of("long\r\n"));
	do {
		assert_int_equal(wire_line(&g.w, &line, &e), 0);
		assert_true(line.n <= 510); /* RFC 5321 4.5.3.1.5 */
		assert_memory_equal(line.p, "550", 3);
		assert_memory_equal(line.p + 4, "5.7.1 ", 6);
		xs += line.n - 10;
		lines++;
	} while (line.p[3] == '-');
	assert_int_equal(xs, REPLY_TEXT_SIZE - 1);
	assert_int_equal(lines, 3);
	rig_close(&g, 0);
}

/* ---- a client that trickles ------------------------------------------------
 */

static void
trickle(const char *start, char c, int replies)
{
	const struct smtp_server_options o = { .hostname = "mx.test",
					       .service = "smtp",
					       .session_timeout_ms = 300 };
	int64_t begin = clock_mono_ms();
	struct rig g;
	struct err e;

	smtp_recorder_init(&g.recorder);
	assert_int_equal(
	    smtp_server_new(&g.server, &o, &smtp_recorder_ops, &g.recorder, &e),
	    0);
	assert_int_equal(wire_open(&g.w, &g, rig_serve, NULL), 0);
	assert_int_equal(rig_reply(&g), 220);
	assert_int_equal(command(&g, "EHLO c"), 250);
	(void)wire_send(&g.w, span_of(start));
	for (int i = 0; i < replies; i++)
		(void)rig_reply(&g);
	struct pollfd p = { .fd = g.w.fd, .events = POLLIN };
	while (poll(&p, 1, 5) == 0)
		(void)wire_send(&g.w, span_make(&c, 1));
	assert_int_equal(rig_reply(&g), 421);
	assert_int_equal(rig_reply(&g), -1);
	assert_in_range(clock_mono_ms() - begin, 300, 10000);
	rig_close(&g, 0);
}

static void
a_trickle_of_bytes_meets_the_session_limit(void **state)
{
	(void)state;
	trickle("", 'x', 0);
	trickle("MAIL FROM:<a@abc.com>\r\nRCPT TO:<bob@xyz.com>\r\nDATA\r\n",
		'x', 3);
}

/* ---- the log, as a filter reads it ------------------------------------------
 */

/* Is there a line with this event that ends in (or holds) `rest`? */
static bool
was_logged(const char *path, const char *event, const char *rest)
{
	char line[LOG_LINE_MAX], want[200];
	bool found = false;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	(void)snprintf(want, sizeof(want), " %s service=smtp session=s1 %s",
		       event, rest);
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, want) != NULL;
	assert_int_equal(fclose(f), 0);
	return found;
}

static void
the_log_tells_the_story(void **state)
{
	char path[] = "test_smtp_log-XXXXXX";
	struct rig g;
	struct err e;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(log_open(path, LOG_INFO, &e), 0);
	rig_open(&g);
	go_to(&g, READY);
	assert_int_equal(command(&g, "AUTH PLAIN AGFsaWNlQGFiYy5jb20AYmFk"),
			 535);
	assert_int_equal(command(&g, "AUTH PLAIN "
				     "AGFsaWNlQGFiYy5jb20Ac2VjcmV0"),
			 235);
	assert_int_equal(command(&g, "MAIL FROM:<alice@abc.com>"), 250);
	assert_int_equal(command(&g, "RCPT TO:<nobody@xyz.com>"), 550);
	assert_int_equal(command(&g, "RCPT TO:<bob@xyz.com>"), 250);
	assert_int_equal(command(&g, "DATA"), 354);
	assert_int_equal(command(&g, "text\r\n."), 250);
	assert_int_equal(command(&g, "QUIT"), 221);
	rig_close(&g, 1);
	assert_int_equal(log_open("/dev/null", LOG_ERROR, &e), 0);
	assert_true(was_logged(path, "session-open", "client=127.0.0.1"));
	assert_true(was_logged(
	    path, "auth-failed",
	    "client=127.0.0.1 login=alice@abc.com mechanism=PLAIN\n"));
	assert_true(was_logged(
	    path, "auth-ok",
	    "client=127.0.0.1 login=alice@abc.com mechanism=PLAIN\n"));
	assert_true(was_logged(path, "smtp-mail",
			       "from=alice@abc.com size=-1 code=250\n"));
	assert_true(was_logged(
	    path, "smtp-rcpt",
	    "rcpt=nobody@xyz.com code=550 status=5.1.1 text=\"No such user\""));
	assert_true(
	    was_logged(path, "smtp-rcpt", "rcpt=bob@xyz.com code=250\n"));
	assert_true(was_logged(path, "smtp-data", "bytes=6 code=250"));
	assert_true(was_logged(path, "session-close",
			       "client=127.0.0.1 reason=quit messages=1 "
			       "recipients=1 errors=0\n"));
	assert_int_equal(unlink(path), 0);
}

/* What was stored: one message, `header` and `body`. */
static void
assert_stored(const struct rig *g, struct span header, struct span body)
{
	struct span got = buf_span(&g->recorder.messages);
	long lf = span_find(got, '\n', 0);

	assert_true(lf > 0);
	got = span_skip(got, (size_t)lf + 1);
	assert_int_equal(got.n, header.n + body.n);
	assert_memory_equal(got.p, header.p, header.n);
	if (body.n > 0)
		assert_memory_equal(got.p + header.n, body.p, body.n);
}

static void
put_chunk(struct rig *g, struct span bytes, bool last)
{
	char line[40];

	(void)snprintf(line, sizeof(line), "BDAT %zu%s\r\n", bytes.n,
		       last ? " LAST" : "");
	(void)wire_send(&g->w, span_of(line));
	(void)wire_send(&g->w, bytes);
	assert_int_equal(rig_reply(g), 250);
}

/* The recorder sees the header as one, whatever came before and behind. */
static void
a_header_is_handed_on_whole_whatever_its_chunks(void **state)
{
	static const char tail[] = "Subject: x\r\n\r\nbody\r\n\r\n";
	const struct span end = span_of(tail);
	const size_t header_end = 14;
	struct buf header;

	(void)state;
	buf_init(&header, 1024 * 1024);
	while (header.n < (size_t)200 * 1000)
		assert_int_equal(buf_add_str(&header, "A: b\r\n"), 0);
	for (size_t cut = 0; cut <= end.n; cut++) {
		struct rig g;
		rig_open(&g);
		go_to(&g, RCPT);
		put_chunk(&g, buf_span(&header), false);
		/* one at a time up to the cut, then the rest */
		for (size_t i = 0; i < cut; i++)
			put_chunk(&g, span_head(span_skip(end, i), 1), false);
		assert_int_equal(g.recorder.has_header, cut >= header_end);
		put_chunk(&g, span_skip(end, cut), true);
		assert_stored(&g, buf_span(&header), end);
		rig_close(&g, 1);
	}
	buf_free(&header);
}

/* Up to HEADER_BLOCK_MAX it is whole; the recorder checks what it is told. */
static void
a_header_over_the_limit_comes_in_two(void **state)
{
	static const long sizes[] = { -1, 0, 1, 2, 100 * 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = (size_t)(HEADER_BLOCK_MAX + sizes[i]);
		struct buf text;
		struct rig g;
		buf_init(&text, n);
		assert_int_equal(buf_reserve(&text, n), 0);
		memset(text.p, 'x', n);
		text.n = n;
		memcpy(text.p, "A:", 2);
		memcpy(text.p + n - 4, "\r\n\r\n", 4);
		rig_open(&g);
		go_to(&g, RCPT);
		put_chunk(&g, span_head(buf_span(&text), 1000), false);
		put_chunk(&g, span_skip(buf_span(&text), 1000), false);
		put_chunk(&g, span_of("body\r\n"), true);
		assert_stored(&g, buf_span(&text), span_of("body\r\n"));
		rig_close(&g, 1);
		buf_free(&text);
	}
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
		cmocka_unit_test(every_verb_in_every_state_of_lmtp),
		cmocka_unit_test(a_refused_verb_changes_no_state),
		cmocka_unit_test(a_disconnect_at_every_byte),
		cmocka_unit_test(a_half_close_at_every_byte),
		cmocka_unit_test(a_kill_at_every_byte),
		cmocka_unit_test(bytes_one_at_a_time),
		cmocka_unit_test(a_quoted_reply_cannot_forge_a_line),
		cmocka_unit_test(a_long_reply_is_several_lines),
		cmocka_unit_test(a_trickle_of_bytes_meets_the_session_limit),
		cmocka_unit_test(the_log_tells_the_story),
		cmocka_unit_test(
		    a_header_is_handed_on_whole_whatever_its_chunks),
		cmocka_unit_test(a_header_over_the_limit_comes_in_two),
		cmocka_unit_test(a_policy_that_is_incomplete_is_refused),
	};
	struct err e;

	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	return cmocka_run_group_tests_name("smtp/smtp_server", tests, NULL,
					   NULL);
}
