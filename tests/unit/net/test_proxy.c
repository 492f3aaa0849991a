#include "../test.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/proxy.h"

#define S(text) span_make(text, sizeof(text) - 1)
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* Feed it as a socket would, taking no more than it wants. */
static int
parse(struct span in, struct proxy_header *h, size_t *used)
{
	struct err e;
	size_t n = 0;

	for (;;) {
		int rc = proxy_parse(span_head(in, n), h, used, &e);
		if (rc != 0) {
			assert_true(rc > 0 || e.class == ERR_PROTO);
			return rc;
		}
		size_t more = proxy_wants(span_head(in, n));
		assert_true(more >= 1);
		if (n == in.n)
			return 0;
		n = more < in.n - n ? n + more : in.n;
	}
}

static void
version_1_names_the_client(void **state)
{
	static const struct {
		const char *line, *address;
		uint16_t port;
	} good[] = {
		{ "PROXY TCP4 192.0.2.7 203.0.113.1 56324 25\r\n", "192.0.2.7",
		  56324 },
		{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
		  "255.255.255.255", 65535 },
		{ "PROXY TCP6 2001:DB8:0:0:0:0:0:1 ::1 0 0\r\n", "2001:db8::1",
		  0 },
	};
	struct proxy_header h;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(parse(span_of(good[i].line), &h, &used), 1);
		assert_int_equal(used, strlen(good[i].line));
		assert_string_equal(h.address, good[i].address);
		assert_int_equal(h.port, good[i].port);
		assert_false(h.local || h.unknown);
	}
	/* what follows UNKNOWN is ignored */
	assert_int_equal(parse(S("PROXY UNKNOWN\r\n"), &h, &used), 1);
	assert_true(h.unknown);
	assert_int_equal(
	    parse(S("PROXY UNKNOWN ffff:f...f:ffff any 99999\r\n"), &h, &used),
	    1);
	assert_true(h.unknown && !h.local);
}

static void
version_1_by_the_letter(void **state)
{
	static const char *const bad[] = {
		"EHLO c\r\n",
		"proxy TCP4 192.0.2.7 203.0.113.1 1 25\r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 1 25\n",
		"PROXY\r\n",
		"PROXY \r\n",
		"PROXY TCP4\r\n",
		"PROXY TCP5 192.0.2.7 203.0.113.1 1 25\r\n",
		"PROXY UDP4 192.0.2.7 203.0.113.1 1 25\r\n",
		"PROXY TCP4 192.0.2 203.0.113.1 1 25\r\n",
		"PROXY TCP4 192.0.2.256 203.0.113.1 1 25\r\n",
		"PROXY TCP4 ::1 203.0.113.1 1 25\r\n",
		"PROXY TCP6 192.0.2.7 203.0.113.1 1 25\r\n",
		"PROXY TCP6 fe80::1%eth0 ::1 1 25\r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 1\r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 1 25 \r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 1 25 x\r\n",
		"PROXY TCP4  192.0.2.7 203.0.113.1 1 25\r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 65536 25\r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 01 25\r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 -1 25\r\n",
		"PROXY TCP4 192.0.2.7 203.0.113.1 1 \r\n",
		"PROXY TCP4\t192.0.2.7 203.0.113.1 1 25\r\n",
	};
	char line[200];
	struct proxy_header h;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(span_of(bad[i]), &h, &used) != -1)
			fail_msg("%s was taken", bad[i]);
	}
	/* 107 bytes are the longest line (2.1) */
	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(parse(span_make(line, 107), &h, &used), 1);
	line[105] = 'x';
	memcpy(line + 106, "\r\n", 2);
	assert_int_equal(parse(span_make(line, 108), &h, &used), -1);
}

static void
version_2_names_the_client(void **state)
{
	struct proxy_header h;
	size_t used;

	(void)state;
	assert_int_equal(
	    parse(S(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\xcb\0\x71\1\xdc\4\0\x19"
			      "EHLO"),
		  &h, &used),
	    1);
	assert_int_equal(used, 28);
	assert_string_equal(h.address, "192.0.2.7");
	assert_int_equal(h.port, 56324);
	/* IPv6, with what is passed over behind the addresses */
	assert_int_equal(
	    parse(S(SIGNATURE "\x21\x21\0\x28"
			      "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			      "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"
			      "\1\0\0\x19\4\0\1\xff"),
		  &h, &used),
	    1);
	assert_int_equal(used, 56);
	assert_string_equal(h.address, "2001:db8::1");
	assert_int_equal(h.port, 256);
}

static void
version_2_of_nobody_over_the_network(void **state)
{
	static const char families[] = { 0x00, 0x01, 0x02, 0x10, 0x12,
					 0x20, 0x22, 0x30, 0x31, 0x32 };
	char in[17] = SIGNATURE "\x21";
	struct proxy_header h;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(families); i++) {
		in[13] = families[i];
		assert_int_equal(parse(span_make(in, 16), &h, &used), 1);
		assert_true(h.unknown && !h.local);
		assert_string_equal(h.address, "");
	}
	/* LOCAL: a health check, whatever it says of addresses */
	assert_int_equal(
	    parse(S(SIGNATURE "\x20\x11\0\x0c\1\2\3\4\5\6\7\x08\0\1\0\2"), &h,
		  &used),
	    1);
	assert_int_equal(used, 28);
	assert_true(h.local && !h.unknown);
	assert_int_equal(parse(S(SIGNATURE "\x20\0\0\0"), &h, &used), 1);
	assert_true(h.local);
}

static void
version_2_by_the_letter(void **state)
{
	static const struct span bad[] = {
		{ SIGNATURE "\x11\x11\0\0", 16 }, /* version 1 */
		{ SIGNATURE "\x22\x11\0\0", 16 }, /* command 2 */
		{ SIGNATURE "\x21\x41\0\0", 16 }, /* family 4 */
		{ SIGNATURE "\x21\x13\0\0", 16 }, /* protocol 3 */
		{ SIGNATURE "\x20\xff\0\0", 16 }, /* also with LOCAL */
		{ SIGNATURE "\x21\x11\0\x0b\1\2\3\4\5\6\7\x08\0\1\0", 27 },
		{ SIGNATURE "\x21\x21\0\x0c\1\2\3\4\5\6\7\x08\0\1\0\2", 28 },
		{ SIGNATURE "\x21\x11\x0f\xf1", 16 }, /* 4097 in all */
		{ SIGNATURE "\x21\x11\xff\xff", 16 },
		{ "\r\n\r\n\0\r\nQUIT\r\x21\x11\0\0", 16 },
		{ "\r\nQUIT", 6 },
	};
	struct proxy_header h;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &h, &used), -1);
	/* half a header is none yet */
	for (size_t n = 0; n < 28; n++)
		assert_int_equal(
		    parse(span_head(S(SIGNATURE "\x21\x11\0\x0c\1\2\3\4\5\6\7"
						"\x08\0\1\0\2"),
				    n),
			  &h, &used),
		    0);
}

/* ---- off a socket ---------------------------------------------------------
 */

static int
open_pair(int pair[2])
{
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
	return pair[0];
}

static void
nothing_behind_the_header_is_read(void **state)
{
	static const struct span texts[] = {
		{ "PROXY TCP4 192.0.2.7 203.0.113.1 1 25\r\nEHLO", 43 },
		{ SIGNATURE "\x21\x11\0\x0c\xc0\0\2\7\5\6\7\x08\0\1\0\2"
			    "EHLO",
		  32 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct proxy_header h;
		int pair[2];
		char rest[16];
		struct err e;
		assert_int_equal(write(open_pair(pair), texts[i].p, texts[i].n),
				 (long)texts[i].n);
		assert_int_equal(
		    proxy_accept(pair[1], &h, clock_mono_ms() + 5000, NULL, &e),
		    0);
		assert_string_equal(h.address, "192.0.2.7");
		assert_int_equal(read(pair[1], rest, sizeof(rest)), 4);
		assert_memory_equal(rest, "EHLO", 4);
		(void)close(pair[0]);
		(void)close(pair[1]);
	}
}

static void
a_proxy_that_says_nothing_is_not_waited_for(void **state)
{
	struct proxy_header h;
	struct wake stop;
	int pair[2];
	struct err e;

	(void)state;
	assert_int_equal(write(open_pair(pair), "PROX", 4), 4);
	assert_int_equal(
	    proxy_accept(pair[1], &h, clock_mono_ms() + 20, NULL, &e), -1);
	assert_int_equal(e.class, ERR_TIMEOUT);
	assert_int_equal(wake_init(&stop, &e), 0);
	wake_raise(&stop);
	assert_int_equal(
	    proxy_accept(pair[1], &h, clock_mono_ms() + 5000, &stop, &e), -1);
	assert_int_equal(e.class, ERR_STOP);
	(void)close(pair[0]);
	assert_int_equal(
	    proxy_accept(pair[1], &h, clock_mono_ms() + 5000, NULL, &e), -1);
	assert_int_equal(e.class, ERR_CLOSED);
	(void)close(pair[1]);
	wake_close(&stop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1_names_the_client),
		cmocka_unit_test(version_1_by_the_letter),
		cmocka_unit_test(version_2_names_the_client),
		cmocka_unit_test(version_2_of_nobody_over_the_network),
		cmocka_unit_test(version_2_by_the_letter),
		cmocka_unit_test(nothing_behind_the_header_is_read),
		cmocka_unit_test(a_proxy_that_says_nothing_is_not_waited_for),
	};

	return cmocka_run_group_tests_name("net/proxy", tests, NULL, NULL);
}
