#include "../test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "net/tls_cert.h"
#include "smtp/smtp_client.h"

/*
 * A server that plays a script, a line a step: "S text" is said (with CRLF),
 * "R text" is said raw, "C verb" waits for a line that begins so, "T" is the
 * handshake.  At the end of the script it hangs up.
 */
enum { WAIT_MS = 20000, STEPS_MAX = 40 };

struct play {
	const char *const *script;
	struct tls_server *tls;
	int listener;
	uint16_t port;
	pthread_t thread;
	const char *failed_at; /* the step, or NULL */
	char heard[2048];      /* every line of the client */
};

static bool
hear(struct play *p, struct stream *s, const char *verb)
{
	struct line line;
	struct err e;

	if (stream_flush(s, clock_mono_ms() + WAIT_MS, &e) != 0 ||
	    stream_read_line(s, 1000, clock_mono_ms() + WAIT_MS, &line, &e) !=
		0)
		return false;
	size_t n = strlen(p->heard);
	(void)snprintf(p->heard + n, sizeof(p->heard) - n, "%.*s|",
		       SPAN_ARG(line.text));
	return span_starts_nocase(line.text, span_of(verb));
}

static bool
play_step(struct play *p, struct stream *s, const char *step)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	struct err e;

	switch (step[0]) {
	case 'C':
		return hear(p, s, step + 2);
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
	struct play *p = arg;
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
	(void)stream_flush(s, clock_mono_ms() + WAIT_MS, &e);
	stream_free(&s);
	return NULL;
}

/* ---- certificates: one authority, a few hosts ------------------------------
 */

struct lab {
	char dir[64];
	struct tls_client *client;  /* trusts the authority */
	struct tls_client *another; /* trusts another one */
	struct tls_server *good, *expired;
};
static struct lab lab;

static const char *
path_of(const char *name, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/%s", lab.dir, name);
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

static int
lab_open(void **state)
{
	(void)state;
	(void)snprintf(lab.dir, sizeof(lab.dir), "/tmp/postpair-tls-XXXXXX");
	assert_non_null(mkdtemp(lab.dir));
	struct issued ca = issue("ca", TLS_CERT_CA, NULL, -3600, 3600);
	struct issued other = issue("other", TLS_CERT_CA, NULL, -3600, 3600);
	struct issued good = issue("good", TLS_CERT_HOST, &ca, -3600, 3600);
	struct issued old = issue("old", TLS_CERT_HOST, &ca, -3600, -60);
	lab.client = trust("ca");
	lab.another = trust("other");
	lab.good = serve("good");
	lab.expired = serve("old");
	forget(&ca);
	forget(&other);
	forget(&good);
	forget(&old);
	return 0;
}

static int
lab_close(void **state)
{
	static const char *const files[] = { "ca.crt",    "ca.key",
					     "other.crt", "other.key",
					     "good.crt",  "good.key",
					     "old.crt",   "old.key" };
	char path[128];

	(void)state;
	tls_client_free(&lab.client);
	tls_client_free(&lab.another);
	tls_server_free(&lab.good);
	tls_server_free(&lab.expired);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_int_equal(unlink(path_of(files[i], path, sizeof(path))),
				 0);
	return rmdir(lab.dir);
}

/* ---- one connection -------------------------------------------------------
 */

static void
play_start(struct play *p, const char *const *script, struct tls_server *tls)
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

static void
play_end(struct play *p)
{
	(void)pthread_join(p->thread, NULL);
	(void)close(p->listener);
}

struct told {
	char text[4096];
};

static void
note(void *ctx, char direction, struct span line)
{
	struct told *t = ctx;
	size_t n = strlen(t->text);

	(void)snprintf(t->text + n, sizeof(t->text) - n, "%c%.*s\n", direction,
		       SPAN_ARG(line));
}

/* What a test wants and what came of it. */
struct tried {
	int rc;
	struct smtp_client *c;
	struct smtp_reply r;
	struct err e;
	struct tls_outcome tls;
	struct told told;
};

static struct tried *
try_open(struct play *p, enum smtp_client_tls tls, struct tls_client *client,
	 const struct tls_peer *peer)
{
	struct tried *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	struct smtp_client_options o = { .host = "127.0.0.1",
					 .port = p->port,
					 .helo = "client.test",
					 .connect_timeout_ms = WAIT_MS,
					 .command_timeout_ms = WAIT_MS,
					 .data_timeout_ms = WAIT_MS,
					 .trace = note,
					 .trace_ctx = &t->told,
					 .tls = tls,
					 .tls_client = client,
					 .tls_peer = peer,
					 .tls_outcome = &t->tls };
	t->rc = smtp_client_open(&t->c, &o, &t->r, &t->e);
	return t;
}

static void
tried_free(struct tried *t, struct play *p)
{
	smtp_client_close(&t->c, true);
	play_end(p);
	free(t);
}

static const char *const host_names[] = { "localhost" };
static const struct tls_peer localhost = { .check = TLS_CHECK_NAME,
					   .sni = "localhost",
					   .names = host_names,
					   .n_names = 1 };

#define CLEAR_EHLO                                                          \
	"S 220 mx ESMTP", "C EHLO client.test", "S 250-mx", "S 250-SIZE 5", \
	    "S 250-DSN", "S 250-AUTH PLAIN"
#define STARTTLS "S 250 STARTTLS", "C STARTTLS"
#define TLS_EHLO \
	"T", "C EHLO client.test", "S 250-mx", "S 250 PIPELINING", "C QUIT"

static void
after_starttls_only_what_is_said_in_tls_counts(void **state)
{
	static const char *const script[] = {
		CLEAR_EHLO, STARTTLS,    "S 220 2.0.0 go ahead",
		TLS_EHLO,   "S 221 bye", NULL
	};
	struct play p;

	(void)state;
	play_start(&p, script, lab.good);
	struct tried *t = try_open(&p, SMTP_TLS_MUST, lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_int_equal(t->r.code, 250);
	assert_non_null(t->c);
	assert_int_equal(smtp_client_extensions(t->c), SMTP_EXT_PIPELINING);
	assert_int_equal(smtp_client_size_max(t->c), 0);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	assert_true(t->tls.verified);
	assert_string_equal(t->tls.version, "TLSv1.3");
	assert_string_equal(t->tls.subject, "CN=good");
	assert_string_equal(t->tls.issuer, "CN=ca");
	assert_memory_equal(smtp_client_tls(t->c), &t->tls, sizeof(t->tls));
	assert_non_null(
	    strstr(t->told.text, "<220 2.0.0 go ahead\n=TLSv1.3 TLS_"));
	assert_non_null(strstr(t->told.text, ", verified\n>EHLO client.test"));
	tried_free(t, &p);
	assert_null(p.failed_at);
	assert_string_equal(p.heard,
			    "EHLO client.test|STARTTLS|EHLO client.test|QUIT|");
}

static void
implicit_tls_begins_with_the_handshake(void **state)
{
	static const char *const script[] = { "T",          "S 220 mx ESMTP",
					      "C EHLO",     "S 250-mx",
					      "S 250 SIZE", "C QUIT",
					      "S 221 bye",  NULL };
	struct play p;

	(void)state;
	play_start(&p, script, lab.good);
	struct tried *t =
	    try_open(&p, SMTP_TLS_IMPLICIT, lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	assert_true(t->tls.verified);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
without_an_offer_may_goes_on_and_must_does_not(void **state)
{
	static const char *const script[] = { CLEAR_EHLO, "S 250 8BITMIME",
					      "C QUIT", "S 221 bye", NULL };
	struct play p;

	(void)state;
	play_start(&p, script, NULL);
	struct tried *t = try_open(&p, SMTP_TLS_MAY, lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(smtp_client_size_max(t->c), 5);
	assert_int_equal(t->tls.step, TLS_STEP_NOT_OFFERED);
	tried_free(t, &p);
	assert_null(p.failed_at);

	play_start(&p, script, NULL);
	t = try_open(&p, SMTP_TLS_MUST, lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_null(t->c);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_int_equal(t->tls.step, TLS_STEP_NOT_OFFERED);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
a_refusal_is_no_refusal_of_the_message(void **state)
{
	static const char *const script[] = {
		CLEAR_EHLO, STARTTLS,    "S 554 5.7.0 not for you",
		"C QUIT",   "S 221 bye", NULL
	};
	struct play p;

	(void)state;
	play_start(&p, script, NULL);
	struct tried *t = try_open(&p, SMTP_TLS_MAY, lab.client, &localhost);
	assert_int_equal(t->rc, 0);
	assert_int_equal(t->r.code, 250);
	assert_non_null(t->c);
	assert_int_equal(t->tls.step, TLS_STEP_REFUSED);
	tried_free(t, &p);

	play_start(&p, script, NULL);
	t = try_open(&p, SMTP_TLS_MUST, lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_non_null(strstr(t->e.msg, "554 5.7.0 not for you"));
	assert_int_equal(t->tls.step, TLS_STEP_REFUSED);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
another_yes_than_220_is_the_end(void **state)
{
	static const char *const script[] = { CLEAR_EHLO, STARTTLS,
					      "S 250 whatever", NULL };
	struct play p;

	(void)state;
	play_start(&p, script, NULL);
	struct tried *t = try_open(&p, SMTP_TLS_MAY, lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_int_equal(t->e.class, ERR_PROTO);
	tried_free(t, &p);
}

/* CVE-2011-0411, CVE-2021-33515: what came in clear text behind the 220 would
 * be taken as the answer to the EHLO inside TLS. */
static void
replies_injected_before_the_handshake_end_it(void **state)
{
	static const char *const script[] = {
		CLEAR_EHLO, STARTTLS,
		"R 220 go ahead\r\n250-mx\r\n250 AUTH PLAIN\r\n", "C EHLO", NULL
	};
	struct play p;

	(void)state;
	for (int may = 0; may < 2; may++) {
		play_start(&p, script, lab.good);
		struct tried *t = try_open(
		    &p, may ? SMTP_TLS_MAY : SMTP_TLS_MUST, lab.client, NULL);
		assert_int_equal(t->rc, -1);
		assert_null(t->c);
		assert_int_equal(t->e.class, ERR_PROTO);
		assert_int_equal(t->tls.step, TLS_STEP_FAILED);
		tried_free(t, &p);
		assert_string_equal(p.heard, "EHLO client.test|STARTTLS|");
	}
}

static void
a_handshake_that_fails_ends_it(void **state)
{
	static const char *const words[] = { CLEAR_EHLO,
					     STARTTLS,
					     "S 220 go ahead",
					     "C \x16",
					     "S 500 what is this?",
					     NULL };
	static const char *const silence[] = { CLEAR_EHLO, STARTTLS,
					       "S 220 go ahead", NULL };
	const char *const *const scripts[] = { words, silence };
	struct play p;

	(void)state;
	for (int i = 0; i < 2; i++) {
		play_start(&p, scripts[i], NULL);
		struct tried *t =
		    try_open(&p, SMTP_TLS_MAY, lab.client, &localhost);
		assert_int_equal(t->rc, -1);
		assert_null(t->c);
		assert_int_equal(t->tls.step, TLS_STEP_FAILED);
		tried_free(t, &p);
	}
}

static void
assert_unacceptable(struct tls_server *server, struct tls_client *client,
		    const struct tls_peer *peer, enum tls_fault fault)
{
	static const char *const script[] = { CLEAR_EHLO,       STARTTLS,
					      "S 220 go ahead", TLS_EHLO,
					      "S 221 bye",      NULL };
	struct play p;

	play_start(&p, script, server);
	struct tried *t = try_open(&p, SMTP_TLS_MUST, client, peer);
	assert_int_equal(t->rc, -1);
	assert_null(t->c);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_int_equal(t->tls.step, TLS_STEP_UNACCEPTABLE);
	assert_int_equal(t->tls.fault, fault);
	assert_false(t->tls.verified);
	assert_string_equal(t->tls.issuer, "CN=ca");
	assert_true(t->tls.has_pin);
	tried_free(t, &p);
	assert_string_equal(p.heard, "EHLO client.test|STARTTLS|");

	/* who does not care gets through, and is told the same */
	play_start(&p, script, server);
	struct tls_peer any = *peer;
	any.check = TLS_CHECK_NONE;
	t = try_open(&p, SMTP_TLS_MAY, client, &any);
	assert_int_equal(t->rc, 0);
	assert_non_null(t->c);
	assert_int_equal(t->tls.step, TLS_STEP_ON);
	assert_int_equal(t->tls.fault, fault);
	assert_false(t->tls.verified);
	tried_free(t, &p);
	assert_null(p.failed_at);
}

static void
a_certificate_that_is_not_right_is_told_from_no_connection(void **state)
{
	static const char *const names[] = { "other.example" };
	static const struct tls_peer other = { .check = TLS_CHECK_NAME,
					       .names = names,
					       .n_names = 1 };

	(void)state;
	assert_unacceptable(lab.good, lab.client, &other, TLS_FAULT_WRONG_NAME);
	assert_unacceptable(lab.expired, lab.client, &localhost,
			    TLS_FAULT_EXPIRED);
	assert_unacceptable(lab.good, lab.another, &localhost,
			    TLS_FAULT_UNKNOWN_ISSUER);
}

static void
no_connection_leaves_no_outcome(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	struct play p = { 0 };

	(void)state;
	/* bound and not listening: refused */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	p.port = ntohs(a.sin_port);
	struct tried *t = try_open(&p, SMTP_TLS_MUST, lab.client, &localhost);
	assert_int_equal(t->rc, -1);
	assert_int_equal(t->e.class, ERR_TEMP);
	assert_int_equal(t->tls.step, TLS_STEP_NONE);
	free(t);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    after_starttls_only_what_is_said_in_tls_counts),
		cmocka_unit_test(implicit_tls_begins_with_the_handshake),
		cmocka_unit_test(
		    without_an_offer_may_goes_on_and_must_does_not),
		cmocka_unit_test(a_refusal_is_no_refusal_of_the_message),
		cmocka_unit_test(another_yes_than_220_is_the_end),
		cmocka_unit_test(replies_injected_before_the_handshake_end_it),
		cmocka_unit_test(a_handshake_that_fails_ends_it),
		cmocka_unit_test(
		    a_certificate_that_is_not_right_is_told_from_no_connection),
		cmocka_unit_test(no_connection_leaves_no_outcome),
	};

	return cmocka_run_group_tests(tests, lab_open, lab_close);
}
