#include "../test.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream.h"
#include "tests/unit/net/issue.h"

/*
 * Our server side against OpenSSL used as it comes, for what our client never
 * does: older versions, new keys in the middle, no extended master secret.
 */

static struct tls_server *shown;

struct raw {
	int fd;
	int version;      /* the newest it speaks; 0: any */
	uint64_t options; /* SSL_OP_... */
	int new_keys;     /* how often, each with a line behind it */
	size_t want;      /* bytes to read, before and after */
	uint8_t binding[32];
	size_t got;
	const char *broken;
};

static int64_t
soon(void)
{
	return clock_mono_ms() + 20000;
}

static void
read_all(struct raw *r, SSL *ssl, size_t want)
{
	char part[5000];

	for (size_t got = 0; got < want;) {
		size_t n =
		    want - got < sizeof(part) ? want - got : sizeof(part);
		int here = SSL_read(ssl, part, (int)n);
		if (here <= 0) {
			r->broken = "read";
			return;
		}
		for (int i = 0; i < here; i++) {
			if (part[i] != 'x')
				r->broken = "other bytes";
		}
		got += (size_t)here;
		r->got += (size_t)here;
	}
}

static void
converse(struct raw *r, SSL *ssl)
{
	if (SSL_export_keying_material(ssl, r->binding, 32,
				       "EXPORTER-Channel-Binding", 24,
				       (const unsigned char *)"", 0, 1) != 1)
		r->broken = "binding";
	for (int i = 0; i < r->new_keys && r->broken == NULL; i++) {
		if (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
		    SSL_write(ssl, "line\r\n", 6) != 6)
			r->broken = "new keys";
		read_all(r, ssl, r->want);
	}
}

static void
raw_client(void *arg)
{
	struct raw *r = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (r->version != 0)
		(void)SSL_CTX_set_max_proto_version(ctx, r->version);
	(void)SSL_CTX_set_options(ctx, r->options);
	SSL *ssl = SSL_new(ctx);
	(void)SSL_set_fd(ssl, r->fd);
	if (SSL_connect(ssl) != 1)
		r->broken = "handshake";
	else
		converse(r, ssl);
	(void)SSL_shutdown(ssl);
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	(void)close(r->fd);
}

/* Start the client; what the server's handshake came to. */
static int
meet(struct raw *r, struct stream **s, pthread_t *t, struct err *e)
{
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	r->fd = pair[0];
	assert_int_equal(stream_new(s, pair[1], e), 0);
	assert_int_equal(thread_start_joinable(t, raw_client, r, e), 0);
	return stream_accept_tls(*s, shown, soon(), e);
}

static void
the_binding_is_that_of_rfc_9266_or_there_is_none(void **state)
{
	static const struct {
		int version;
		uint64_t options;
		int there;
	} all[] = {
		{ TLS1_3_VERSION, 0, 1 },
		{ TLS1_2_VERSION, 0, 1 },
		{ TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct raw r = { .version = all[i].version,
				 .options = all[i].options };
		uint8_t ours[32];
		struct stream *s;
		struct err e;
		pthread_t t;
		assert_int_equal(meet(&r, &s, &t, &e), 0);
		int rc = stream_tls_binding(s, ours);
		(void)pthread_join(t, NULL);
		assert_null(r.broken);
		assert_int_equal(rc, all[i].there ? 0 : -1);
		if (all[i].there)
			assert_memory_equal(ours, r.binding, 32);
		stream_free(&s);
	}
}

/* RFC 8446 4.6.3, while much is on its way to the client. */
static void
new_keys_in_the_middle_lose_no_byte(void **state)
{
	struct raw r = { .version = TLS1_3_VERSION,
			 .new_keys = 40,
			 .want = 300000 };
	struct stream *s;
	struct line line;
	struct err e;
	pthread_t t;
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(meet(&r, &s, &t, &e), 0);
	for (int i = 0; i < r.new_keys; i++) {
		assert_int_equal(stream_read_line(s, 100, soon(), &line, &e),
				 0);
		assert_span(line.text, "line");
		for (int n = 0; n < 300; n++)
			assert_int_equal(
			    stream_write(s, text, sizeof(text), soon(), &e), 0);
		assert_int_equal(stream_flush(s, soon(), &e), 0);
	}
	(void)pthread_join(t, NULL);
	assert_null(r.broken);
	assert_int_equal(r.got, (size_t)r.new_keys * r.want);
	assert_int_equal(stream_read_line(s, 100, soon(), &line, &e), -1);
	assert_int_equal(e.class, ERR_CLOSED);
	stream_free(&s);
}

static void
an_old_version_is_refused(void **state)
{
	struct raw r = { .version = TLS1_1_VERSION };
	struct stream *s;
	struct err e;
	pthread_t t;

	(void)state;
	assert_int_equal(meet(&r, &s, &t, &e), -1);
	assert_true(e.class == ERR_PROTO || e.class == ERR_CLOSED);
	stream_free(&s);
	(void)pthread_join(t, NULL);
	assert_string_equal(r.broken, "handshake");
}

static int
set_up(void **state)
{
	(void)state;
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
		cmocka_unit_test(
		    the_binding_is_that_of_rfc_9266_or_there_is_none),
		cmocka_unit_test(new_keys_in_the_middle_lose_no_byte),
		cmocka_unit_test(an_old_version_is_refused),
	};

	return cmocka_run_group_tests_name("net/tls_raw", tests, set_up,
					   tear_down);
}
