#include "tls_play.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "net/stream.h"
#include "net/tls_cert.h"

static bool
hear(struct tls_play *p, struct stream *s, const char *verb)
{
	struct line line;
	struct err e;

	if (stream_flush(s, clock_mono_ms() + TLS_PLAY_WAIT_MS, &e) != 0 ||
	    stream_read_line(s, 1000, clock_mono_ms() + TLS_PLAY_WAIT_MS, &line,
			     &e) != 0)
		return false;
	size_t n = strlen(p->heard);
	(void)snprintf(p->heard + n, sizeof(p->heard) - n, "%.*s|",
		       SPAN_ARG(line.text));
	return span_starts_nocase(line.text, span_of(verb));
}

static bool
play_step(struct tls_play *p, struct stream *s, const char *step)
{
	int64_t until = clock_mono_ms() + TLS_PLAY_WAIT_MS;
	struct err e;

	switch (step[0]) {
	case 'C':
		return hear(p, s, step + 2);
	case 'W':
		if (stream_flush(s, until, &e) != 0)
			return false;
		for (struct span have; stream_fill(s, until, &have, &e) == 0;)
			stream_consume(s, have.n);
		return true;
	case 'T':
		return stream_flush(s, until, &e) == 0 &&
		       stream_accept_tls(s, p->tls, until, &e) == 0;
	default:
		return stream_writef(s, until, &e, "%s%s", step + 2,
				     step[0] == 'S' ? "\r\n" : "") == 0;
	}
}

static void *
play_main(void *arg)
{
	struct tls_play *p = arg;
	struct stream *s = NULL;
	struct err e;

	int fd = accept(p->listener, NULL, NULL);
	if (fd < 0 || stream_new(&s, fd, &e) != 0)
		abort();
	for (size_t i = 0; p->script[i] != NULL; i++) {
		if (!play_step(p, s, p->script[i])) {
			p->failed_at = p->script[i];
			break;
		}
	}
	(void)stream_flush(s, clock_mono_ms() + TLS_PLAY_WAIT_MS, &e);
	stream_free(&s);
	return NULL;
}

/* ---- certificates: one authority, a few hosts ------------------------------
 */

struct tls_lab tls_lab;

static const char *
path_of(const char *name, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/%s", tls_lab.dir, name);
	return buf;
}

static void
keep(const char *name, const struct buf *b)
{
	char path[128];
	struct err e;

	assert_int_equal(durable_replace_path(path_of(name, path, sizeof(path)),
					      buf_span(b), 0600, &e),
			 0);
}

struct issued {
	struct buf cert, key;
};

static struct issued
issue(const char *stem, enum tls_cert_use use, const struct issued *ca,
      int64_t from, int64_t to)
{
	const char *const name = "localhost";
	struct tls_cert_request r = { .use = use,
				      .common_name = stem,
				      .names = &name,
				      .n_names = ca == NULL ? 0 : 1,
				      .not_before = clock_wall_s() + from,
				      .not_after = clock_wall_s() + to };
	struct issued i;
	char file[64];
	struct err e;

	if (ca != NULL) {
		r.ca_cert = buf_span(&ca->cert);
		r.ca_key = buf_span(&ca->key);
	}
	buf_init(&i.cert, 65536);
	buf_init(&i.key, 65536);
	assert_int_equal(tls_cert_make(&r, &i.cert, &i.key, &e), 0);
	(void)snprintf(file, sizeof(file), "%s.crt", stem);
	keep(file, &i.cert);
	(void)snprintf(file, sizeof(file), "%s.key", stem);
	keep(file, &i.key);
	return i;
}

static void
forget(struct issued *i)
{
	buf_free(&i->cert);
	buf_free(&i->key);
}

static struct tls_server *
serve(const char *stem)
{
	char cert[128], key[128], file[64];
	struct tls_server *s = NULL;
	struct err e;

	(void)snprintf(file, sizeof(file), "%s.crt", stem);
	struct tls_certificate c = {
		.certificate_file = path_of(file, cert, sizeof(cert)),
	};
	(void)snprintf(file, sizeof(file), "%s.key", stem);
	c.key_file = path_of(file, key, sizeof(key));
	const struct tls_server_options o = { .service = "smtp",
					      .certificates = &c,
					      .n_certificates = 1 };
	assert_int_equal(tls_server_new(&s, &o, &e), 0);
	return s;
}

static struct tls_client *
trust(const char *stem)
{
	char file[64], path[128];
	struct tls_client *c = NULL;
	struct err e;

	(void)snprintf(file, sizeof(file), "%s.crt", stem);
	const struct tls_client_options o = { .ca_file = path_of(
						  file, path, sizeof(path)) };
	assert_int_equal(tls_client_new(&c, &o, &e), 0);
	return c;
}

int
tls_lab_open(void **state)
{
	(void)state;
	(void)snprintf(tls_lab.dir, sizeof(tls_lab.dir),
		       "/tmp/postpair-tls-XXXXXX");
	assert_non_null(mkdtemp(tls_lab.dir));
	struct issued ca = issue("ca", TLS_CERT_CA, NULL, -3600, 3600);
	struct issued other = issue("other", TLS_CERT_CA, NULL, -3600, 3600);
	struct issued good = issue("good", TLS_CERT_HOST, &ca, -3600, 3600);
	struct issued old = issue("old", TLS_CERT_HOST, &ca, -3600, -60);
	tls_lab.client = trust("ca");
	tls_lab.another = trust("other");
	tls_lab.good = serve("good");
	tls_lab.expired = serve("old");
	forget(&ca);
	forget(&other);
	forget(&good);
	forget(&old);
	return 0;
}

int
tls_lab_close(void **state)
{
	static const char *const files[] = { "ca.crt",    "ca.key",
					     "other.crt", "other.key",
					     "good.crt",  "good.key",
					     "old.crt",   "old.key" };
	char path[128];

	(void)state;
	tls_client_free(&tls_lab.client);
	tls_client_free(&tls_lab.another);
	tls_server_free(&tls_lab.good);
	tls_server_free(&tls_lab.expired);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(unlink(path_of(files[i], path, sizeof(path))),
				 0);
	return rmdir(tls_lab.dir);
}

/* ---- one connection -------------------------------------------------------
 */

void
tls_play_start(struct tls_play *p, const char *const *script,
	       struct tls_server *tls)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);

	memset(p, 0, sizeof(*p));
	p->script = script;
	p->tls = tls;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(p->listener, 4), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n),
			 0);
	p->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, play_main, p), 0);
}

void
tls_play_end(struct tls_play *p)
{
	(void)pthread_join(p->thread, NULL);
	(void)close(p->listener);
}
