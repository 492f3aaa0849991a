#include "../test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/stream.h"
#include "tests/unit/net/issue.h"

static char dir[64];

static const char *
file(const char *name)
{
	static char path[32][128];
	static unsigned next;
	char *p = path[next++ % 32];

	(void)snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static int64_t
soon(void)
{
	return clock_mono_ms() + 10000;
}

/* ---- two ends -------------------------------------------------------------
 */

struct ends {
	struct stream *client, *server;
	struct tls_server *shown;
	pthread_t thread;
	struct err server_error;
	int server_rc;
};

static void
ends_open(struct ends *x)
{
	int pair[2];
	struct err e;

	memset(x, 0, sizeof(*x));
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(stream_new(&x->client, pair[0], &e), 0);
	assert_int_equal(stream_new(&x->server, pair[1], &e), 0);
}

static void
ends_close(struct ends *x)
{
	stream_free(&x->client);
	stream_free(&x->server);
}

/* On a thread with the stack that sessions have. */
static void
accept_side(void *arg)
{
	struct ends *x = arg;

	x->server_rc =
	    stream_accept_tls(x->server, x->shown, soon(), &x->server_error);
}

/* Both handshakes; returns the client's result. */
static int
shake(struct ends *x, struct tls_server *s, struct tls_client *c,
      const struct tls_peer *peer, struct err *e)
{
	struct err mine;

	x->shown = s;
	assert_int_equal(
	    thread_start_joinable(&x->thread, accept_side, x, &mine), 0);
	int rc = stream_connect_tls(x->client, c, peer, soon(), e);
	(void)pthread_join(x->thread, NULL);
	return rc;
}

static void
pass_line(struct stream *from, struct stream *to, const char *text)
{
	struct line line;
	struct err e;

	assert_int_equal(stream_writef(from, soon(), &e, "%s\r\n", text), 0);
	assert_int_equal(stream_flush(from, soon(), &e), 0);
	assert_int_equal(stream_read_line(to, 1000, soon(), &line, &e), 0);
	assert_span(line.text, text);
}

/* ---- what the tests share -------------------------------------------------
 */

static struct tls_server *
server_of(const char *stem)
{
	char crt[64], key[64];
	struct tls_server *s;
	struct err e;

	(void)snprintf(crt, sizeof(crt), "%s.crt", stem);
	(void)snprintf(key, sizeof(key), "%s.key", stem);
	struct tls_certificate one = { .certificate_file = file(crt),
				       .key_file = file(key) };
	struct tls_server_options o = { .service = "smtp",
					.certificates = &one,
					.n_certificates = 1,
					.dates_unwatched = true };
	assert_int_equal(tls_server_new(&s, &o, &e), 0);
	return s;
}

static struct tls_client *
client_of(const char *own)
{
	char crt[64], key[64];
	struct tls_client_options o = { .ca_file = file("ca.crt") };
	struct tls_client *c;
	struct err e;

	if (own != NULL) {
		(void)snprintf(crt, sizeof(crt), "%s.crt", own);
		(void)snprintf(key, sizeof(key), "%s.key", own);
		o.certificate_file = file(crt);
		o.key_file = file(key);
	}
	assert_int_equal(tls_client_new(&c, &o, &e), 0);
	return c;
}

static int
set_up(void **state)
{
	static const struct {
		const char *stem;
		struct issue o;
	} all[] = {
		{ "ca", { .common_name = "Our CA", .is_issuer = 1 } },
		{ "other-ca", { .common_name = "Another", .is_issuer = 1 } },
		{ "good",
		  { "good", "DNS:mx.xyz.com,DNS:*.wild.net,IP:127.0.0.1", "ca",
		    0, 0, 0 } },
		{ "abc", { "abc", "DNS:mx.abc.com", "ca", 0, 0, 0 } },
		{ "cn", { "mx.xyz.com", NULL, "ca", 0, 0, 0 } },
		{ "old", { "old", "DNS:mx.xyz.com", "ca", 0, -20, -10 } },
		{ "young", { "young", "DNS:mx.xyz.com", "ca", 0, 10, 20 } },
		{ "self", { "self", "DNS:mx.xyz.com", NULL, 0, 0, 0 } },
		{ "strange",
		  { "strange", "DNS:mx.xyz.com", "other-ca", 0, 0, 0 } },
		{ "chain", { "chain", "DNS:mx.xyz.com", "other-ca", 0, 0, 0 } },
		{ "old-chain",
		  { "old-chain", "DNS:mx.xyz.com", "other-ca", 0, -20, -10 } },
		{ "bob",
		  { "bob", "email:bob@xyz.com,DNS:relay.xyz.com", "ca", 0, 0,
		    0 } },
	};

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_stream_tls.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		issue(dir, all[i].stem, &all[i].o);
	issue_append(dir, "chain", "other-ca");
	issue_append(dir, "old-chain", "other-ca");
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const stems[] = { "ca",    "other-ca", "good",
					     "abc",   "cn",       "old",
					     "young", "self",     "strange",
					     "bob",   "chain",    "old-chain" };

	(void)state;
	for (size_t i = 0; i < sizeof(stems) / sizeof(*stems); i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "%s.crt", stems[i]);
		(void)unlink(file(name));
		(void)snprintf(name, sizeof(name), "%s.key", stems[i]);
		(void)unlink(file(name));
	}
	return rmdir(dir);
}

static const char *const xyz[] = { "mx.xyz.com" };

/* ---- tests ----------------------------------------------------------------
 */

static void
lines_pass_both_ways_and_both_ends_know_the_facts(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NAME,
				 .sni = "mx.xyz.com",
				 .names = xyz,
				 .n_names = 1 };
	uint8_t a[32], b[32], pin[32];
	struct ends x;
	struct err e;

	(void)state;
	ends_open(&x);
	assert_null(stream_tls(x.client));
	assert_int_equal(stream_tls_binding(x.client, a), -1);
	pass_line(x.client, x.server, "in clear text");
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	assert_int_equal(x.server_rc, 0);
	pass_line(x.client, x.server, "to the server");
	pass_line(x.server, x.client, "to the client");

	const struct tls_info *mine = stream_tls(x.client);
	assert_string_equal(mine->version, "TLSv1.3");
	assert_true(mine->bits >= 128);
	assert_true(mine->verified);
	assert_string_equal(mine->why_not, "");
	assert_string_equal(mine->subject, "CN=good");
	assert_string_equal(mine->issuer, "CN=Our CA");
	assert_string_equal(mine->dns, "mx.xyz.com");
	assert_false(mine->resumed);
	issue_digest(dir, "good", 0, pin);
	assert_memory_equal(mine->pin, pin, 32);
	const struct tls_info *its = stream_tls(x.server);
	assert_string_equal(its->sni, "mx.xyz.com");
	assert_false(its->verified);
	assert_int_equal(its->fault, TLS_FAULT_NO_CERTIFICATE);

	assert_int_equal(stream_tls_binding(x.client, a), 0);
	assert_int_equal(stream_tls_binding(x.server, b), 0);
	assert_memory_equal(a, b, 32);
	ends_close(&x);
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	assert_int_equal(stream_tls_binding(x.client, b), 0);
	assert_memory_not_equal(a, b, 32);
	ends_close(&x);
	tls_server_free(&s);
	tls_client_free(&c);
}

/* One handshake with a server that shows `stem`. */
static void
judge(const char *stem, const struct tls_peer *peer, enum tls_fault want)
{
	struct tls_server *s = server_of(stem);
	struct tls_client *c = client_of(NULL);
	bool look_only =
	    peer->check == TLS_CHECK_NONE || want == TLS_FAULT_TLSA_UNUSABLE;
	struct ends x;
	struct err e;

	ends_open(&x);
	int rc = shake(&x, s, c, peer, &e);
	assert_non_null(stream_tls(x.client));
	assert_int_equal(stream_tls(x.client)->fault, want);
	assert_int_equal(stream_tls(x.client)->verified,
			 want == TLS_FAULT_NONE);
	assert_string_equal(stream_tls(x.client)->why_not,
			    tls_fault_text(want));
	if (want == TLS_FAULT_NONE || look_only) {
		assert_int_equal(rc, 0);
		pass_line(x.client, x.server, "fine");
	} else {
		/* not our mail's fault: it is to be kept and tried again */
		assert_int_equal(rc, -1);
		assert_int_equal(e.class, ERR_TEMP);
		assert_string_equal(e.msg, tls_fault_text(want));
		assert_int_equal(stream_write(x.client, "x", 1, soon(), &e),
				 -1);
	}
	ends_close(&x);
	tls_server_free(&s);
	tls_client_free(&c);
}

static void
a_certificate_is_judged_by_issuer_dates_and_name(void **state)
{
	static const char *const wild[] = { "a.wild.net" };
	static const char *const deep[] = { "a.b.wild.net" };
	static const char *const address[] = { "127.0.0.1" };
	static const char *const another[] = { "127.0.0.2" };
	static const char *const several[] = { "xyz.com", "10.1.1.1",
					       "mx.xyz.com" };
	static const struct {
		const char *stem;
		const char *const *names;
		size_t n;
		enum tls_fault want;
	} all[] = {
		{ "good", xyz, 1, TLS_FAULT_NONE },
		{ "good", wild, 1, TLS_FAULT_NONE },
		{ "good", deep, 1, TLS_FAULT_WRONG_NAME },
		{ "good", address, 1, TLS_FAULT_NONE },
		{ "good", another, 1, TLS_FAULT_WRONG_NAME },
		{ "good", several, 3, TLS_FAULT_NONE },
		{ "good", several, 2, TLS_FAULT_WRONG_NAME },
		{ "good", NULL, 0, TLS_FAULT_WRONG_NAME },
		{ "abc", xyz, 1, TLS_FAULT_WRONG_NAME },
		{ "cn", xyz, 1, TLS_FAULT_WRONG_NAME },
		{ "old", xyz, 1, TLS_FAULT_EXPIRED },
		{ "young", xyz, 1, TLS_FAULT_NOT_YET_VALID },
		{ "self", xyz, 1, TLS_FAULT_SELF_SIGNED },
		{ "strange", xyz, 1, TLS_FAULT_UNKNOWN_ISSUER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct tls_peer peer = { .check = TLS_CHECK_NAME,
					 .names = all[i].names,
					 .n_names = all[i].n };
		judge(all[i].stem, &peer, all[i].want);
		peer.check = TLS_CHECK_NONE;
		judge(all[i].stem, &peer, all[i].want);
	}
}

static void
a_pin_stands_for_issuer_dates_and_name(void **state)
{
	uint8_t pin[32];
	struct tls_peer peer = { .check = TLS_CHECK_PIN, .pin = pin };

	(void)state;
	issue_digest(dir, "old", 0, pin);
	judge("old", &peer, TLS_FAULT_NONE);
	judge("good", &peer, TLS_FAULT_PIN);
	peer.pin = NULL;
	judge("good", &peer, TLS_FAULT_PIN);
}

static void
dane_records_decide(void **state)
{
	static const char *const abc = "mx.abc.com";
	uint8_t key[32], whole[32], issuer[32];
	struct tls_tlsa r[2];
	struct tls_peer peer = { .check = TLS_CHECK_DANE,
				 .names = xyz,
				 .n_names = 1,
				 .tlsa = r,
				 .n_tlsa = 1 };

	(void)state;
	issue_digest(dir, "old", 0, key);
	issue_digest(dir, "old", 1, whole);
	/* DANE-EE: dates and names do not count (RFC 7672 3.1.1) */
	r[0] = (struct tls_tlsa){ 3, 1, 1, span_make((char *)key, 32) };
	judge("old", &peer, TLS_FAULT_NONE);
	judge("abc", &peer, TLS_FAULT_TLSA);
	r[0] = (struct tls_tlsa){ 3, 0, 1, span_make((char *)whole, 32) };
	judge("old", &peer, TLS_FAULT_NONE);
	/* any of several */
	r[1] = (struct tls_tlsa){ 3, 1, 1, span_make((char *)key, 32) };
	r[0] = (struct tls_tlsa){ 3, 1, 1, span_make((char *)whole, 32) };
	peer.n_tlsa = 2;
	judge("old", &peer, TLS_FAULT_NONE);
	peer.n_tlsa = 1;
	/* PKIX-EE and a digest of the wrong length are not for us */
	r[0] = (struct tls_tlsa){ 1, 1, 1, span_make((char *)key, 32) };
	judge("old", &peer, TLS_FAULT_TLSA_UNUSABLE);
	r[0] = (struct tls_tlsa){ 3, 1, 1, span_make((char *)key, 31) };
	judge("old", &peer, TLS_FAULT_TLSA_UNUSABLE);
	peer.n_tlsa = 0;
	judge("old", &peer, TLS_FAULT_TLSA_UNUSABLE);
	peer.n_tlsa = 1;
	/* DANE-TA: the issuer, which the server shows behind its own
	 * certificate; the name and the dates count (RFC 7672 3.1.2, 3.2.3) */
	issue_digest(dir, "other-ca", 0, issuer);
	r[0] = (struct tls_tlsa){ 2, 1, 1, span_make((char *)issuer, 32) };
	judge("chain", &peer, TLS_FAULT_NONE);
	judge("good", &peer, TLS_FAULT_TLSA);
	peer.names = &abc;
	judge("chain", &peer, TLS_FAULT_WRONG_NAME);
	peer.names = xyz;
	judge("old-chain", &peer, TLS_FAULT_EXPIRED);
}

static void
the_certificate_is_chosen_by_the_name_asked_for(void **state)
{
	struct tls_certificate pairs[] = {
		{ NULL, file("good.crt"), file("good.key") },
		{ "label.example", file("abc.crt"), file("abc.key") },
	};
	struct tls_server_options o = { .service = "smtp",
					.certificates = pairs,
					.n_certificates = 2 };
	static const struct {
		const char *sni, *subject;
	} all[] = {
		{ "mx.xyz.com", "CN=good" },   { "MX.abc.COM", "CN=abc" },
		{ "label.example", "CN=abc" }, { "unknown.example", "CN=good" },
		{ NULL, "CN=good" },           { "127.0.0.1", "CN=good" },
	};
	struct tls_client *c = client_of(NULL);
	struct tls_server *s;
	struct err e;

	(void)state;
	assert_int_equal(tls_server_new(&s, &o, &e), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct tls_peer peer = { .sni = all[i].sni };
		struct ends x;
		ends_open(&x);
		assert_int_equal(shake(&x, s, c, &peer, &e), 0);
		assert_string_equal(stream_tls(x.client)->subject,
				    all[i].subject);
		ends_close(&x);
	}
	tls_server_free(&s);
	tls_client_free(&c);
}

static void
reload_keeps_sessions_and_a_bad_file_keeps_the_old(void **state)
{
	struct tls_certificate one = { NULL, file("good.crt"),
				       file("good.key") };
	struct tls_certificate two = { NULL, file("abc.crt"), file("abc.key") };
	struct tls_certificate bad[] = {
		{ NULL, file("abc.crt"), file("good.key") },
		{ NULL, file("absent.crt"), file("good.key") },
		{ NULL, file("good.key"), file("good.key") },
		{ NULL, file("good.crt"), file("good.crt") },
		{ NULL, dir, file("good.key") },
	};
	struct tls_server_options o = { .service = "smtp",
					.certificates = &one,
					.n_certificates = 1 };
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct tls_server *s;
	struct ends x, y;
	struct err e;
	char name[128];

	(void)state;
	assert_int_equal(tls_server_new(&s, &o, &e), 0);
	assert_true(tls_server_expiry(s, name, sizeof(name)) > 29 * 86400);
	assert_string_equal(name, file("good.crt"));
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		o.certificates = &bad[i];
		assert_int_equal(tls_server_reload(s, &o, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
		assert_memory_equal(e.msg, dir, strlen(dir));
	}
	o.certificates = &two;
	assert_int_equal(tls_server_reload(s, &o, &e), 0);
	pass_line(x.client, x.server, "still here");
	ends_open(&y);
	assert_int_equal(shake(&y, s, c, &peer, &e), 0);
	assert_string_equal(stream_tls(y.client)->subject, "CN=abc");
	tls_server_free(&s);
	tls_client_free(&c);
	/* sessions outlive what they were made from */
	pass_line(x.client, x.server, "and here");
	pass_line(y.server, y.client, "here too");
	ends_close(&x);
	ends_close(&y);
}

static void
a_client_may_show_a_certificate(void **state)
{
	struct tls_certificate one = { NULL, file("good.crt"),
				       file("good.key") };
	struct tls_server_options o = { .service = "smtp",
					.certificates = &one,
					.n_certificates = 1,
					.client_ca_file = file("ca.crt") };
	static const struct {
		const char *own;
		enum tls_fault want;
		const char *email, *dns;
	} all[] = {
		{ NULL, TLS_FAULT_NO_CERTIFICATE, "", "" },
		{ "bob", TLS_FAULT_NONE, "bob@xyz.com", "relay.xyz.com" },
		{ "strange", TLS_FAULT_UNKNOWN_ISSUER, "", "mx.xyz.com" },
		{ "old", TLS_FAULT_EXPIRED, "", "mx.xyz.com" },
	};
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct tls_server *s;
	struct err e;

	(void)state;
	assert_int_equal(tls_server_new(&s, &o, &e), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct tls_client *c = client_of(all[i].own);
		struct ends x;
		ends_open(&x);
		assert_int_equal(shake(&x, s, c, &peer, &e), 0);
		assert_int_equal(x.server_rc, 0);
		const struct tls_info *t = stream_tls(x.server);
		assert_int_equal(t->fault, all[i].want);
		assert_int_equal(t->verified, all[i].want == TLS_FAULT_NONE);
		assert_string_equal(t->email, all[i].email);
		assert_string_equal(t->dns, all[i].dns);
		pass_line(x.client, x.server, "served all the same");
		ends_close(&x);
		tls_client_free(&c);
	}
	tls_server_free(&s);
}

static void
protocols_are_agreed_upon_or_the_handshake_fails(void **state)
{
	struct tls_certificate one = { NULL, file("good.crt"),
				       file("good.key") };
	struct tls_server_options o = { .service = "pop3",
					.alpn = "smtp esmtp",
					.certificates = &one,
					.n_certificates = 1 };
	static const struct {
		const char *offer, *agreed; /* NULL: refused */
	} all[] = {
		{ NULL, "" },           { "smtp", "smtp" },
		{ "x esmtp", "esmtp" }, { "esmtp smtp", "smtp" },
		{ "pop3", NULL },       { "h2 http/1.1", NULL },
	};
	struct tls_client *c = client_of(NULL);
	struct tls_server *s;
	struct err e;

	(void)state;
	assert_int_equal(tls_server_new(&s, &o, &e), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct tls_peer peer = { .alpn = all[i].offer };
		struct ends x;
		ends_open(&x);
		int rc = shake(&x, s, c, &peer, &e);
		assert_int_equal(rc, all[i].agreed != NULL ? 0 : -1);
		assert_int_equal(rc, x.server_rc);
		if (rc == 0) {
			assert_string_equal(stream_tls(x.client)->alpn,
					    all[i].agreed);
			assert_string_equal(stream_tls(x.server)->alpn,
					    all[i].agreed);
		} else {
			assert_int_equal(e.class, ERR_PROTO);
			assert_non_null(
			    strstr(e.msg, "no application protocol"));
		}
		ends_close(&x);
	}
	tls_server_free(&s);
	tls_client_free(&c);
}

/* CVE-2011-0411, both ways. */
static void
what_came_before_the_handshake_ends_the_stream(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct line line;
	struct ends x;
	struct err e;

	(void)state;
	for (int server = 0; server < 2; server++) {
		ends_open(&x);
		struct stream *victim = server ? x.server : x.client;
		struct stream *other = server ? x.client : x.server;
		assert_int_equal(
		    stream_write(other, "STARTTLS\r\nRSET\r\n", 16, soon(), &e),
		    0);
		assert_int_equal(stream_flush(other, soon(), &e), 0);
		assert_int_equal(
		    stream_read_line(victim, 100, soon(), &line, &e), 0);
		int rc = server
			     ? stream_accept_tls(victim, s, soon(), &e)
			     : stream_connect_tls(victim, c, &peer, soon(), &e);
		assert_int_equal(rc, -1);
		assert_int_equal(e.class, ERR_PROTO);
		assert_int_equal(
		    stream_read_line(victim, 100, soon(), &line, &e), -1);
		assert_int_equal(e.class, ERR_PROTO);
		ends_close(&x);
	}
	tls_server_free(&s);
	tls_client_free(&c);
}

/* CVE-2026-45185 */
static void
an_end_without_notice_or_clear_text_ends_the_stream(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	static const char clear[] = "RCPT TO:<bob@xyz.com>\r\n";
	struct line line;
	struct ends x;
	struct err e;

	(void)state;
	for (int how = 0; how < 3; how++) {
		ends_open(&x);
		assert_int_equal(shake(&x, s, c, &peer, &e), 0);
		int fd = stream_fd(x.client);
		if (how == 0) /* an end of TCP alone */
			assert_int_equal(shutdown(fd, SHUT_WR), 0);
		else if (how == 1) /* a proper end, then clear text */
			assert_int_equal(stream_shutdown(x.client, &e), 0);
		else
			assert_int_equal(send(fd, clear, sizeof(clear), 0),
					 (ssize_t)sizeof(clear));
		for (int i = 0; i < 2; i++) {
			assert_int_equal(
			    stream_read_line(x.server, 100, soon(), &line, &e),
			    -1);
			assert_int_equal(e.class, ERR_CLOSED);
		}
		assert_int_equal(stream_write(x.server, "x", 1, soon(), &e),
				 -1);
		ends_close(&x);
	}
	tls_server_free(&s);
	tls_client_free(&c);
}

/* After our end the peer's words can still be read, and the other way. */
static void
a_half_closed_stream_still_reads(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct span have;
	struct ends x;
	struct err e;

	(void)state;
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	assert_int_equal(stream_shutdown(x.server, &e), 0);
	assert_int_equal(stream_fill(x.client, soon(), &have, &e), -1);
	assert_int_equal(e.class, ERR_CLOSED);
	ends_close(&x);

	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	assert_int_equal(stream_shutdown(x.server, &e), 0);
	pass_line(x.client, x.server, "QUIT");
	ends_close(&x);
	tls_server_free(&s);
	tls_client_free(&c);
}

struct sender {
	struct stream *s;
	size_t n;
	int rc;
	struct err e;
};

static void
send_much(void *arg)
{
	struct sender *w = arg;
	char text[1000];

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < w->n && w->rc == 0; i++) {
		text[0] = (char)('a' + i % 26);
		w->rc = stream_write(w->s, text, sizeof(text), soon(), &w->e);
	}
	if (w->rc == 0)
		w->rc = stream_flush(w->s, soon(), &w->e);
}

/* Writes that find the socket full go on where they stopped. */
static void
much_data_arrives_as_it_was_sent(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct ends x;
	struct err e;
	pthread_t thread;

	(void)state;
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	for (int way = 0; way < 2; way++) {
		struct sender w = { .s = way ? x.server : x.client, .n = 8000 };
		struct stream *to = way ? x.client : x.server;
		size_t got = 0;
		assert_int_equal(
		    thread_start_joinable(&thread, send_much, &w, &e), 0);
		while (got < w.n * 1000) {
			struct span have;
			assert_int_equal(stream_fill(to, soon(), &have, &e), 0);
			for (size_t i = 0; i < have.n; i++, got++) {
				char want = got % 1000 == 0
						? (char)('a' + got / 1000 % 26)
						: 'x';
				assert_int_equal(have.p[i], want);
			}
			stream_consume(to, have.n);
		}
		(void)pthread_join(thread, NULL);
		assert_int_equal(w.rc, 0);
	}
	ends_close(&x);
	tls_server_free(&s);
	tls_client_free(&c);
}

/* A write that ran out of time can be taken up again, byte for byte. */
static void
a_write_out_of_time_goes_on_later(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	static char text[1000];
	size_t sent = 0, got = 0;
	struct span have;
	struct ends x;
	struct err e;

	(void)state;
	memset(text, 'y', sizeof(text));
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	int rc = 0;
	while (rc == 0) {
		rc = stream_write(x.client, text, 1000, clock_mono_ms() + 20,
				  &e);
		sent += 1000;
		assert_true(sent < 100000000);
	}
	assert_int_equal(e.class, ERR_TIMEOUT);
	while (stream_flush(x.client, clock_mono_ms() + 20, &e) != 0) {
		assert_int_equal(e.class, ERR_TIMEOUT);
		assert_int_equal(stream_fill(x.server, soon(), &have, &e), 0);
		for (size_t i = 0; i < have.n; i++)
			assert_int_equal(have.p[i], 'y');
		got += have.n;
		stream_consume(x.server, have.n);
	}
	assert_int_equal(stream_shutdown(x.client, &e), 0);
	while (stream_fill(x.server, soon(), &have, &e) == 0) {
		got += have.n;
		stream_consume(x.server, have.n);
	}
	assert_int_equal(e.class, ERR_CLOSED);
	/* the write that failed took a part of its bytes */
	assert_true(got <= sent && got + 1000 >= sent);
	ends_close(&x);
	tls_server_free(&s);
	tls_client_free(&c);
}

static void
a_peer_that_does_not_shake_hands_is_left_in_time(void **state)
{
	struct tls_server *s = server_of("good");
	struct wake stop;
	struct ends x;
	struct err e;

	(void)state;
	ends_open(&x);
	assert_int_equal(
	    stream_accept_tls(x.server, s, clock_mono_ms() + 30, &e), -1);
	assert_int_equal(e.class, ERR_TIMEOUT);
	assert_int_equal(stream_write(x.server, "x", 1, soon(), &e), -1);
	ends_close(&x);

	ends_open(&x);
	assert_int_equal(wake_init(&stop, &e), 0);
	wake_raise(&stop);
	stream_watch(x.server, &stop);
	assert_int_equal(stream_accept_tls(x.server, s, soon(), &e), -1);
	assert_int_equal(e.class, ERR_STOP);
	ends_close(&x);
	wake_close(&stop);

	ends_open(&x);
	assert_int_equal(stream_writef(x.client, soon(), &e, "EHLO x\r\n"), 0);
	assert_int_equal(stream_flush(x.client, soon(), &e), 0);
	assert_int_equal(stream_accept_tls(x.server, s, soon(), &e), -1);
	assert_int_equal(e.class, ERR_PROTO);
	assert_null(stream_tls(x.server));
	ends_close(&x);

	ends_open(&x);
	stream_free(&x.client);
	assert_int_equal(stream_accept_tls(x.server, s, soon(), &e), -1);
	assert_int_equal(e.class, ERR_CLOSED);
	ends_close(&x);
	tls_server_free(&s);
}

/* The buffers are given back meanwhile, TLS's too. */
static void
a_long_wait_ends_where_it_began(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct line line;
	struct ends x;
	struct err e;

	(void)state;
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	assert_int_equal(stream_read_line(x.server, 100,
					  clock_mono_ms() + STREAM_IDLE_MS + 50,
					  &line, &e),
			 -1);
	assert_int_equal(e.class, ERR_TIMEOUT);
	pass_line(x.client, x.server, "and on");
	pass_line(x.server, x.client, "both ways");
	ends_close(&x);
	tls_server_free(&s);
	tls_client_free(&c);
}

/* A ticket on the wire is no word of the peer; an end is. */
static void
peer_spoke_means_words_and_not_records(void **state)
{
	struct tls_server *s = server_of("good");
	struct tls_client *c = client_of(NULL);
	struct tls_peer peer = { .check = TLS_CHECK_NONE };
	struct ends x;
	struct err e;

	(void)state;
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	assert_false(stream_peer_spoke(x.client, 0));
	assert_int_equal(stream_writef(x.server, soon(), &e, "221\r\n"), 0);
	assert_int_equal(stream_flush(x.server, soon(), &e), 0);
	assert_true(stream_peer_spoke(x.client, 5000));
	ends_close(&x);
	ends_open(&x);
	assert_int_equal(shake(&x, s, c, &peer, &e), 0);
	stream_free(&x.server);
	assert_true(stream_peer_spoke(x.client, 5000));
	ends_close(&x);
	tls_server_free(&s);
	tls_client_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    lines_pass_both_ways_and_both_ends_know_the_facts),
		cmocka_unit_test(
		    a_certificate_is_judged_by_issuer_dates_and_name),
		cmocka_unit_test(a_pin_stands_for_issuer_dates_and_name),
		cmocka_unit_test(dane_records_decide),
		cmocka_unit_test(
		    the_certificate_is_chosen_by_the_name_asked_for),
		cmocka_unit_test(
		    reload_keeps_sessions_and_a_bad_file_keeps_the_old),
		cmocka_unit_test(a_client_may_show_a_certificate),
		cmocka_unit_test(
		    protocols_are_agreed_upon_or_the_handshake_fails),
		cmocka_unit_test(
		    what_came_before_the_handshake_ends_the_stream),
		cmocka_unit_test(
		    an_end_without_notice_or_clear_text_ends_the_stream),
		cmocka_unit_test(a_half_closed_stream_still_reads),
		cmocka_unit_test(much_data_arrives_as_it_was_sent),
		cmocka_unit_test(a_write_out_of_time_goes_on_later),
		cmocka_unit_test(
		    a_peer_that_does_not_shake_hands_is_left_in_time),
		cmocka_unit_test(a_long_wait_ends_where_it_began),
		cmocka_unit_test(peer_spoke_means_words_and_not_records),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
