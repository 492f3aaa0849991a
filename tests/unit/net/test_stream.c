#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream.h"

static void
open_pair(struct stream **s, int *peer)
{
	int pair[2];
	struct err e;

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(stream_new(s, pair[0], &e), 0);
	*peer = pair[1];
}

static void
put(int peer, const char *p, size_t n)
{
	assert_int_equal(send(peer, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static int64_t
soon(void)
{
	return clock_mono_ms() + 5000;
}

/* What read_line says, with the deadline already passed: only what is here. */
static int
now(struct stream *s, size_t max, struct line *line, struct err *e)
{
	return stream_read_line(s, max, 0, line, e);
}

static void
lines_split_at_every_byte(void **state)
{
	static const char text[] = "ab\r\n\r\ncd\nx\ry\r\nz\0\r\n.\r\r\n";
	static const struct {
		const char *text;
		size_t n;
		unsigned flags;
	} want[] = {
		{ "ab", 2, 0 },
		{ "", 0, 0 },
		{ "cd", 2, LINE_BARE_LF },
		{ "x\ry", 3, LINE_BARE_CR },
		{ "z\0", 2, LINE_NUL },
		{ ".\r", 2, LINE_BARE_CR },
	};
	const size_t size = sizeof(text) - 1, n = sizeof(want) / sizeof(*want);

	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		struct stream *s;
		struct line line;
		struct err e;
		size_t got = 0;
		int peer;
		open_pair(&s, &peer);
		put(peer, text, cut);
		for (int part = 0; part < 2; part++) {
			while (got < n && now(s, 100, &line, &e) == 0) {
				assert_int_equal(line.text.n, want[got].n);
				assert_memory_equal(line.text.p, want[got].text,
						    line.text.n);
				assert_int_equal(line.flags, want[got].flags);
				got++;
			}
			if (part == 0)
				put(peer, text + cut, size - cut);
		}
		assert_int_equal(got, n);
		assert_int_equal(stream_buffered(s), 0);
		stream_free(&s);
		(void)close(peer);
	}
}

/* A line of n bytes of text, then "next". */
static void
one_line(size_t n, size_t max, bool is_long)
{
	struct stream *s;
	struct line line;
	struct err e;
	int peer;

	char *text = malloc(n + 2);
	assert_non_null(text);
	memset(text, 'x', n);
	memcpy(text + n, "\r\n", 2);
	open_pair(&s, &peer);
	put(peer, text, n + 2);
	put(peer, "next\r\n", 6);
	assert_int_equal(stream_read_line(s, max, soon(), &line, &e), 0);
	assert_int_equal(line.flags, is_long ? LINE_LONG : 0);
	assert_int_equal(line.text.n, is_long ? 0 : n);
	if (!is_long)
		assert_memory_equal(line.text.p, text, n);
	assert_int_equal(stream_read_line(s, max, soon(), &line, &e), 0);
	assert_span(line.text, "next");
	stream_free(&s);
	(void)close(peer);
	free(text);
}

static void
long_lines_at_each_boundary(void **state)
{
	const size_t most = STREAM_IN_BYTES - 2;

	(void)state;
	one_line(9, 10, false);
	one_line(10, 10, false);
	one_line(11, 10, true);
	one_line(12, 10, true);
	one_line(most, most, false);
	for (size_t n = most + 1; n < most + 6; n++)
		one_line(n, most, true);
	one_line(100000, most, true);
	one_line(100000, 510, true);
}

static void
a_long_line_keeps_its_flags(void **state)
{
	struct stream *s;
	struct line line;
	struct err e;
	int peer;

	(void)state;
	open_pair(&s, &peer);
	for (int i = 0; i < 100; i++)
		put(peer, "0123456789", 10);
	put(peer, "\0", 1);
	for (int i = 0; i < 100; i++)
		put(peer, "0123456789", 10);
	put(peer, "a\rb\n", 4);
	assert_int_equal(stream_read_line(s, 100, soon(), &line, &e), 0);
	assert_int_equal(line.flags,
			 LINE_LONG | LINE_NUL | LINE_BARE_CR | LINE_BARE_LF);
	stream_free(&s);
	(void)close(peer);
}

static void
a_deadline_loses_no_byte(void **state)
{
	struct stream *s;
	struct line line;
	struct err e;
	int peer;

	(void)state;
	open_pair(&s, &peer);
	put(peer, "hel", 3);
	int64_t start = clock_mono_ms();
	assert_int_equal(stream_read_line(s, 100, start + 50, &line, &e), -1);
	assert_int_equal(e.class, ERR_TIMEOUT);
	assert_true(clock_mono_ms() >= start + 50);
	put(peer, "lo\r\n", 4);
	assert_int_equal(stream_read_line(s, 100, soon(), &line, &e), 0);
	assert_span(line.text, "hello");
	stream_free(&s);
	(void)close(peer);
}

/* Send until told that the other side is gone. */
static void
flood(void *arg)
{
	static const char noise[8192] = { 'x', 'y', 'z' };
	int fd = *(const int *)arg;

	while (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
		;
}

static void
against_a_flood(bool stop, int64_t ms, enum err_class class)
{
	struct stream *s;
	struct line line;
	struct wake w;
	pthread_t t;
	struct err e;
	int peer;

	open_pair(&s, &peer);
	assert_int_equal(wake_init(&w, &e), 0);
	stream_watch(s, &w);
	if (stop)
		wake_raise(&w);
	assert_int_equal(thread_start_joinable(&t, flood, &peer, &e), 0);
	int64_t deadline = clock_mono_ms() + ms;
	assert_int_equal(stream_read_line(s, 510, deadline, &line, &e), -1);
	assert_int_equal(e.class, class);
	stream_free(&s);
	assert_int_equal(pthread_join(t, NULL), 0);
	wake_close(&w);
	(void)close(peer);
}

static void
an_endless_line_meets_the_deadline(void **state)
{
	(void)state;
	against_a_flood(false, 0, ERR_TIMEOUT);
}

static void
an_endless_line_meets_the_limit(void **state)
{
	(void)state;
	against_a_flood(false, 60000, ERR_CLOSED);
}

static void
an_endless_line_meets_the_wake(void **state)
{
	(void)state;
	against_a_flood(true, 60000, ERR_STOP);
}

static void
a_dead_stream_stays_dead(void **state)
{
	struct stream *s;
	struct line line;
	struct span have;
	struct err e;
	int peer;

	(void)state;
	open_pair(&s, &peer);
	put(peer, "one\r\ntw", 7);
	(void)close(peer);
	assert_int_equal(stream_read_line(s, 100, soon(), &line, &e), 0);
	assert_span(line.text, "one");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(stream_read_line(s, 100, soon(), &line, &e),
				 -1);
		assert_int_equal(e.class, ERR_CLOSED);
	}
	assert_int_equal(stream_write(s, "x", 1, soon(), &e), -1);
	assert_int_equal(e.class, ERR_CLOSED);
	assert_int_equal(stream_fill(s, soon(), &have, &e), 0);
	assert_span(have, "tw"); /* what did come can still be looked at */
	stream_consume(s, 99);
	assert_int_equal(stream_fill(s, soon(), &have, &e), -1);
	stream_free(&s);
}

static void
output_is_sent_once_after_a_timeout(void **state)
{
	enum { LINES = 60000, SIZE = 8 };
	struct stream *s;
	struct err e;
	int peer, sent = 0;
	char text[16];

	(void)state;
	open_pair(&s, &peer);
	/* Until neither the socket nor the buffer takes more. */
	for (; sent < LINES; sent++) {
		(void)snprintf(text, sizeof(text), "%07d\n", sent);
		if (stream_write(s, text, SIZE, clock_mono_ms() + 20, &e) != 0)
			break;
	}
	assert_int_equal(e.class, ERR_TIMEOUT);
	assert_true(sent < LINES);
	sent++; /* it is in the buffer: the time-out was the flush's */
	int next = 0;
	size_t n = 0;
	char got[SIZE];
	while (next < sent) {
		ssize_t r = recv(peer, got + n, SIZE - n, MSG_DONTWAIT);
		if (r <= 0) {
			assert_int_equal(stream_flush(s, soon(), &e), 0);
			continue;
		}
		n += (size_t)r;
		if (n < SIZE)
			continue;
		(void)snprintf(text, sizeof(text), "%07d\n", next++);
		assert_memory_equal(got, text, SIZE);
		n = 0;
	}
	stream_free(&s);
	(void)close(peer);
}

static void
the_peer_speaks_or_not(void **state)
{
	struct stream *s;
	struct wake w;
	struct err e;
	int peer;

	(void)state;
	open_pair(&s, &peer);
	assert_false(stream_peer_spoke(s, 0));
	assert_false(stream_peer_spoke(s, 20));
	assert_int_equal(wake_init(&w, &e), 0);
	wake_raise(&w);
	stream_watch(s, &w);
	assert_false(stream_peer_spoke(s, 60000)); /* does not wait it out */
	put(peer, "x", 1);
	assert_true(stream_peer_spoke(s, 0));
	stream_free(&s);
	wake_close(&w);
	(void)close(peer);
}

static void
what_was_sent_is_taken_or_not(void **state)
{
	const int64_t far_ms = clock_mono_ms() + 3600000;
	char got[100];
	struct stream *s;
	struct wake w;
	struct err e;
	int peer;

	(void)state;
	open_pair(&s, &peer);
	assert_true(stream_await_taken(s, 0, far_ms)); /* there is nothing */
	assert_int_equal(stream_write(s, "text", 4, far_ms, &e), 0);
	assert_int_equal(stream_flush(s, far_ms, &e), 0);
	assert_false(stream_await_taken(s, 0, far_ms));
	assert_false(stream_await_taken(s, 20, far_ms));
	assert_false(stream_await_taken(s, 3600000, clock_mono_ms() + 20));
	assert_int_equal(wake_init(&w, &e), 0);
	wake_raise(&w);
	stream_watch(s, &w);
	assert_true(stream_await_taken(s, 3600000, far_ms)); /* no waiting */
	stream_watch(s, NULL);
	put(peer, "x", 1); /* it speaks before it has all */
	assert_true(stream_await_taken(s, 3600000, far_ms));
	assert_int_equal(read(peer, got, sizeof(got)), 4);
	assert_true(stream_await_taken(s, 0, far_ms));
	stream_free(&s);
	wake_close(&w);
	(void)close(peer);
}

/* The buffers are given back meanwhile; half a line is not. */
static void
a_long_wait_for_the_rest_of_a_line(void **state)
{
	struct stream *s;
	struct line line;
	struct err e;
	int peer;

	(void)state;
	open_pair(&s, &peer);
	for (int half = 0; half < 2; half++) {
		if (half)
			put(peer, "par", 3);
		assert_int_equal(
		    stream_read_line(s, 100,
				     clock_mono_ms() + STREAM_IDLE_MS + 50,
				     &line, &e),
		    -1);
		assert_int_equal(e.class, ERR_TIMEOUT);
		put(peer, "tial\r\n", 6);
		assert_int_equal(stream_read_line(s, 100, soon(), &line, &e),
				 0);
		assert_span(line.text, half ? "partial" : "tial");
		assert_int_equal(stream_writef(s, soon(), &e, "ok"), 0);
		assert_int_equal(stream_flush(s, soon(), &e), 0);
	}
	(void)close(peer);
	stream_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_split_at_every_byte),
		cmocka_unit_test(long_lines_at_each_boundary),
		cmocka_unit_test(a_long_line_keeps_its_flags),
		cmocka_unit_test(a_deadline_loses_no_byte),
		cmocka_unit_test(an_endless_line_meets_the_deadline),
		cmocka_unit_test(an_endless_line_meets_the_limit),
		cmocka_unit_test(an_endless_line_meets_the_wake),
		cmocka_unit_test(a_dead_stream_stays_dead),
		cmocka_unit_test(output_is_sent_once_after_a_timeout),
		cmocka_unit_test(the_peer_speaks_or_not),
		cmocka_unit_test(what_was_sent_is_taken_or_not),
		cmocka_unit_test(a_long_wait_for_the_rest_of_a_line),
	};

	return cmocka_run_group_tests_name("net/stream", tests, NULL, NULL);
}
