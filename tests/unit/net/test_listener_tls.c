#include "../test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/dial.h"
#include "net/listener.h"
#include "tests/unit/net/issue.h"

/* A service that is there in clear text and with TLS from the first byte. */

static const char busy[] = "421 busy\r\n";

static int64_t
soon(void)
{
	return clock_mono_ms() + 10000;
}

static void
serve(void *ctx, const struct listener_client *c)
{
	struct line line;
	struct err e;

	(void)ctx;
	stream_watch(c->stream, c->drain);
	if (stream_writef(c->stream, soon(), &e, "hello %s\r\n",
			  stream_tls(c->stream) != NULL ? "safe" : "open") ==
		0 &&
	    stream_flush(c->stream, soon(), &e) == 0)
		(void)stream_read_line(c->stream, 100, -1, &line, &e);
}

static struct tls_server *shown;

static struct listener *
start(int max_clients)
{
	static const char *const clear[] = { "127.0.0.1:0" };
	static const char *const tls[] = { "127.0.0.1:0" };
	const struct listener_options o = {
		.service = "test",
		.addresses = clear,
		.n_addresses = 1,
		.tls_addresses = tls,
		.n_tls_addresses = 1,
		.tls = shown,
		.max_clients = max_clients,
		.max_per_address = max_clients,
		.busy_reply = busy,
		.serve = serve,
	};
	struct listener *l = NULL;
	struct err e;

	assert_int_equal(listener_new(&l, &o, &e), 0);
	assert_int_equal(listener_start(l, &e), 0);
	assert_int_not_equal(listener_port(l, 0), listener_port(l, 1));
	return l;
}

static struct stream *
dial(struct listener *l, size_t i)
{
	struct stream *s = NULL;
	struct err e;

	assert_int_equal(
	    net_dial(&s, "127.0.0.1", listener_port(l, i), soon(), NULL, &e),
	    0);
	return s;
}

static int
encrypt(struct stream *s, struct err *e)
{
	const struct tls_client_options o = { .ca_dir = "/dev/null/none" };
	const struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct tls_client *c = NULL;

	assert_int_equal(tls_client_new(&c, &o, e), 0);
	int rc = stream_connect_tls(s, c, &peer, soon(), e);
	tls_client_free(&c);
	return rc;
}

static void
assert_line(struct stream *s, const char *text)
{
	struct line line;
	struct err e;

	assert_int_equal(stream_read_line(s, 100, soon(), &line, &e), 0);
	assert_span(line.text, text);
}

static void
each_port_has_its_way(void **state)
{
	struct listener *l = start(10);
	struct err e;

	(void)state;
	struct stream *open = dial(l, 0), *safe = dial(l, 1);
	assert_line(open, "hello open");
	assert_int_equal(encrypt(safe, &e), 0);
	assert_line(safe, "hello safe");
	stream_free(&open);
	stream_free(&safe);
	listener_stop(l, 5000);
	listener_free(&l);
}

/* Clear text would be no answer to one who waits for a handshake. */
static void
who_cannot_be_served_hears_no_clear_text(void **state)
{
	struct listener *l = start(1);
	struct span have;
	struct err e;

	(void)state;
	struct stream *first = dial(l, 0);
	assert_line(first, "hello open");
	struct stream *second = dial(l, 0), *third = dial(l, 1);
	assert_line(second, "421 busy");
	assert_int_equal(stream_fill(third, soon(), &have, &e), -1);
	assert_int_equal(e.class, ERR_CLOSED);
	stream_free(&first);
	stream_free(&second);
	stream_free(&third);
	listener_stop(l, 5000);
	listener_free(&l);
}

static void
a_silent_client_holds_up_nobody_and_no_drain(void **state)
{
	struct listener *l = start(10);
	struct span have;
	struct err e;

	(void)state;
	struct stream *silent = dial(l, 1), *other = dial(l, 1);
	assert_int_equal(encrypt(other, &e), 0);
	assert_line(other, "hello safe");
	int64_t began = clock_mono_ms();
	listener_stop(l, 20000);
	assert_true(clock_mono_ms() - began < 15000);
	assert_int_equal(stream_fill(silent, soon(), &have, &e), -1);
	assert_int_equal(e.class, ERR_CLOSED);
	stream_free(&silent);
	stream_free(&other);
	listener_free(&l);
}

static int
set_up(void **state)
{
	struct err e;

	(void)state;
	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return -1;
	shown = issue_server("test");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	tls_server_free(&shown);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_port_has_its_way),
		cmocka_unit_test(who_cannot_be_served_hears_no_clear_text),
		cmocka_unit_test(a_silent_client_holds_up_nobody_and_no_drain),
	};

	return cmocka_run_group_tests_name("net/listener_tls", tests, set_up,
					   tear_down);
}
