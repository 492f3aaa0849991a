#include "../test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/dial.h"

static void
endpoints_that_are_good(void **state)
{
	static const struct {
		const char *text;
		int standard;
		const char *host;
		uint16_t port;
	} good[] = {
		{ "localhost:2525", -1, "localhost", 2525 },
		{ "127.0.0.1:0", -1, "127.0.0.1", 0 },
		{ "[::1]:65535", -1, "::1", 65535 },
		{ "mx.test", 25, "mx.test", 25 },
		{ "mx.test:26", 25, "mx.test", 26 },
		{ "[2001:db8::1]", 25, "2001:db8::1", 25 },
		{ "*:25", -1, "*", 25 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char host[NET_HOST_SIZE];
		uint16_t port = 1;
		struct err e;
		assert_int_equal(net_endpoint(span_of(good[i].text),
					      good[i].standard, host, &port,
					      &e),
				 0);
		assert_string_equal(host, good[i].host);
		assert_int_equal(port, good[i].port);
	}
}

static void
endpoints_that_are_bad(void **state)
{
	static const char *const bad[] = {
		"",
		":25",
		"mx.test",
		"mx.test:",
		"mx.test:x",
		"mx.test:-1",
		"mx.test:65536",
		"[::1",
		"[::1]25",
		"[]:25",
		"::1:25",
		"mx.test: 25",
		"a:18446744073709551617",
	};
	char host[NET_HOST_SIZE], text[400];
	uint16_t port;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    net_endpoint(span_of(bad[i]), -1, host, &port, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
	}
	memset(text, 'a', sizeof(text));
	assert_int_equal(
	    net_endpoint(span_make(text, sizeof(text)), 25, host, &port, &e),
	    -1);
	assert_int_equal(
	    net_endpoint(span_make("a\0b:25", 6), -1, host, &port, &e), -1);
}

/* A listening socket on a port of 127.0.0.1. */
static int
listen_on(int backlog, uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = inet_addr("127.0.0.1");
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static void
a_server_that_answers(void **state)
{
	struct stream *s = NULL;
	struct line line;
	struct err e;
	uint16_t port;
	int fd = listen_on(5, &port);

	(void)state;
	int64_t deadline = clock_mono_ms() + 10000;
	assert_int_equal(net_dial(&s, "127.0.0.1", port, deadline, NULL, &e),
			 0);
	int peer = accept(fd, NULL, NULL);
	assert_true(peer >= 0);
	assert_int_equal(send(peer, "hi\r\n", 4, 0), 4);
	assert_int_equal(stream_read_line(s, 100, deadline, &line, &e), 0);
	assert_span(line.text, "hi");
	stream_free(&s);
	(void)close(peer);
	(void)close(fd);
}

/* RFC 6761 6.3: needs no resolver and no /etc/hosts. */
static void
localhost_is_the_loopback_address(void **state)
{
	static const char *const names[] = { "localhost", "LocalHost.",
					     "mail.localhost" };
	struct stream *s = NULL;
	struct err e;
	uint16_t port;
	int fd = listen_on(5, &port);

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(net_dial(&s, names[i], port,
					  clock_mono_ms() + 10000, NULL, &e),
				 0);
		stream_free(&s);
	}
	(void)close(fd);
}

static void
a_port_where_nobody_listens(void **state)
{
	struct stream *s = NULL;
	struct err e;
	uint16_t port;

	(void)state;
	(void)close(listen_on(5, &port));
	assert_int_equal(
	    net_dial(&s, "127.0.0.1", port, clock_mono_ms() + 10000, NULL, &e),
	    -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_non_null(strstr(e.msg, "127.0.0.1"));
	assert_null(s);
}

/* A server whose backlog is full answers nothing, like a dead address. */
static void
a_server_that_is_silent(void **state)
{
	enum { CALLERS = 8 };
	struct sockaddr_in at = { .sin_family = AF_INET };
	int caller[CALLERS];
	struct stream *s = NULL;
	struct wake stop;
	struct err e;
	uint16_t port;
	int fd = listen_on(0, &port);

	(void)state;
	at.sin_addr.s_addr = inet_addr("127.0.0.1");
	at.sin_port = htons(port);
	for (int i = 0; i < CALLERS; i++) {
		caller[i] = socket(
		    AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(caller[i], (struct sockaddr *)&at, sizeof(at));
	}
	int64_t start = clock_mono_ms();
	assert_int_equal(net_dial(&s, "127.0.0.1", port, start + 100, NULL, &e),
			 -1);
	assert_int_equal(e.class, ERR_TIMEOUT);
	assert_true(clock_mono_ms() - start >= 100);
	assert_int_equal(wake_init(&stop, &e), 0);
	wake_raise(&stop);
	assert_int_equal(
	    net_dial(&s, "127.0.0.1", port, start + 600000, &stop, &e), -1);
	assert_int_equal(e.class, ERR_STOP);
	wake_close(&stop);
	for (int i = 0; i < CALLERS; i++)
		(void)close(caller[i]);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_that_are_good),
		cmocka_unit_test(endpoints_that_are_bad),
		cmocka_unit_test(a_server_that_answers),
		cmocka_unit_test(localhost_is_the_loopback_address),
		cmocka_unit_test(a_port_where_nobody_listens),
		cmocka_unit_test(a_server_that_is_silent),
	};

	return cmocka_run_group_tests_name("net/dial", tests, NULL, NULL);
}
