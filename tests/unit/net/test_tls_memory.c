#include "../test.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/stream.h"
#include "net/tls_cert.h"
#include "tests/unit/net/issue.h"

/*
 * The Nth allocation of a server's session fails, for every N in turn, in
 * OpenSSL and in our own code: the session may end, with a reason, and nothing
 * else may suffer.
 */

static _Thread_local long countdown; /* 0: none fails */

static int
must_fail(void)
{
	return countdown > 0 && --countdown == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *
__wrap_malloc(size_t n)
{
	return must_fail() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return must_fail() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return must_fail() ? NULL : __real_realloc(p, n);
}

static void *
openssl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return must_fail() ? NULL : __real_malloc(n);
}

static void *
openssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return must_fail() ? NULL : __real_realloc(p, n);
}

static void
openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static struct tls_server *shown;
static struct tls_client *client;

static int64_t
soon(void)
{
	return clock_mono_ms() + 10000;
}

struct side {
	struct stream *s;
	long fail_at;
	int rc;
	struct err e;
};

/* What a session does: prepare, shake hands, a line each way. */
static void
serve(void *arg)
{
	struct side *x = arg;
	struct line line;

	countdown = x->fail_at;
	x->rc = stream_prepare_tls(x->s, shown, &x->e);
	if (x->rc == 0)
		x->rc = stream_accept_tls(x->s, shown, soon(), &x->e);
	if (x->rc == 0)
		x->rc = stream_read_line(x->s, 100, soon(), &line, &x->e);
	if (x->rc == 0)
		x->rc = stream_writef(x->s, soon(), &x->e, "%.*s\r\n",
				      SPAN_ARG(line.text));
	if (x->rc == 0)
		x->rc = stream_flush(x->s, soon(), &x->e);
	countdown = 0;
	stream_free(&x->s);
}

/* One session whose fail_at-th allocation fails; did it come to its end? */
static int
session(long fail_at)
{
	const struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct side x = { .fail_at = fail_at };
	struct stream *c = NULL;
	struct line line;
	struct err e;
	pthread_t t;
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(stream_new(&c, pair[0], &e), 0);
	assert_int_equal(stream_new(&x.s, pair[1], &e), 0);
	assert_int_equal(thread_start_joinable(&t, serve, &x, &e), 0);
	int rc = -1;
	if (stream_connect_tls(c, client, &peer, clock_mono_ms() + 2000, &e) ==
		0 &&
	    stream_writef(c, soon(), &e, "hello\r\n") == 0 &&
	    stream_flush(c, soon(), &e) == 0)
		rc = stream_read_line(c, 100, soon(), &line, &e);
	if (rc == 0)
		assert_span(line.text, "hello");
	(void)pthread_join(t, NULL);
	if (x.rc != 0) {
		assert_int_not_equal(x.e.msg[0], '\0');
		assert_int_not_equal(x.e.class, ERR_TIMEOUT);
	}
	stream_free(&c);
	return x.rc;
}

/* Before the client was told to begin, nothing is lost: SMTP answers 454. */
static void
what_fails_before_the_handshake_leaves_the_stream_alive(void **state)
{
	struct stream *s;
	struct err e;
	int pair[2];

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(stream_new(&s, pair[1], &e), 0);
	countdown = 1;
	assert_int_equal(stream_prepare_tls(s, shown, &e), -1);
	countdown = 0;
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(stream_writef(s, soon(), &e, "454 4.7.0\r\n"), 0);
	assert_int_equal(stream_flush(s, soon(), &e), 0);
	assert_int_equal(stream_prepare_tls(s, shown, &e), 0);
	stream_free(&s);
	(void)close(pair[0]);
}

static void
no_allocation_that_fails_does_harm(void **state)
{
	int failed = 0, passed = 0;

	(void)state;
	assert_int_equal(session(0), 0);
	/* each of the first, which set things up, then some of the others */
	for (long n = 1; n < 3000; n += n < 60 ? 1 : 29) {
		if (session(n) != 0)
			failed++;
		else
			passed++;
	}
	assert_true(failed > 60);
	assert_true(passed > 10); /* the last were beyond the end */
	assert_int_equal(session(0), 0);
}

static void
see_nothing(void *ctx, const struct tls_cert_info *info)
{
	(void)ctx;
	(void)info;
}

/* A file of certificates that cannot be read for want of memory: whoever asked
 * can say why. */
static void
certificates_that_cannot_be_read_say_why(void **state)
{
	struct tls_cert_request r = { .use = TLS_CERT_CA,
				      .common_name = "Test",
				      .not_before = 1800000000,
				      .not_after = 1900000000 };
	struct buf cert, key;
	int failed = 0, rc = -1;
	struct err e;

	(void)state;
	buf_init(&cert, 16384);
	buf_init(&key, 16384);
	assert_int_equal(tls_cert_make(&r, &cert, &key, &e), 0);
	for (long n = 1; n < 3000 && rc != 0; n++) {
		e = (struct err){ .class = ERR_BUG };
		countdown = n;
		rc = tls_cert_check(buf_span(&cert), buf_span(&cert),
				    span_make(NULL, 0), 1850000000, &e);
		countdown = 0;
		failed += rc != 0;
		if (rc != 0)
			assert_string_not_equal(e.msg, "");
	}
	assert_int_equal(rc, 0);
	assert_true(failed > 10);
	e = (struct err){ .class = ERR_BUG };
	countdown = 1;
	assert_int_equal(tls_cert_read(buf_span(&cert), see_nothing, NULL, &e),
			 -1);
	countdown = 0;
	assert_int_equal(e.class, ERR_TEMP);
	buf_free(&cert);
	buf_free(&key);
}

static int
set_up(void **state)
{
	const struct tls_client_options o = { .ca_dir = "/dev/null/none" };
	struct err e;

	(void)state;
	shown = issue_server("test");
	return tls_client_new(&client, &o, &e);
}

static int
tear_down(void **state)
{
	(void)state;
	tls_server_free(&shown);
	tls_client_free(&client);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_fails_before_the_handshake_leaves_the_stream_alive),
		cmocka_unit_test(no_allocation_that_fails_does_harm),
		cmocka_unit_test(certificates_that_cannot_be_read_say_why),
	};

	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc,
				     openssl_free) != 1)
		return 1;
	return cmocka_run_group_tests_name("net/tls_memory", tests, set_up,
					   tear_down);
}
