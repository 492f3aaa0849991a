#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "net/tls_cert.h"
#include "net/tls_pin.h"

enum { PEM_MAX = 64 * 1024 };

static const int64_t now = 1800000000; /* January 2027 */
static const int64_t day = 86400;

/* A certificate and its key. */
struct pair {
	struct buf cert, key;
};

static void
pair_free(struct pair *p)
{
	buf_free(&p->cert);
	buf_free(&p->key);
}

static int
try_make(struct pair *p, enum tls_cert_use use, const char *name,
	 const char *const *names, size_t n, const struct pair *ca,
	 struct err *e)
{
	struct tls_cert_request r = { .use = use,
				      .common_name = name,
				      .names = names,
				      .n_names = n,
				      .not_before = now - day,
				      .not_after = now + 10 * day };

	if (ca != NULL) {
		r.ca_cert = buf_span(&ca->cert);
		r.ca_key = buf_span(&ca->key);
	}
	buf_init(&p->cert, PEM_MAX);
	buf_init(&p->key, PEM_MAX);
	return tls_cert_make(&r, &p->cert, &p->key, e);
}

static struct pair
make_ca(const char *name)
{
	struct pair p;
	struct err e;

	assert_int_equal(try_make(&p, TLS_CERT_CA, name, NULL, 0, NULL, &e), 0);
	return p;
}

static struct pair
make_one(enum tls_cert_use use, const char *name, const struct pair *ca)
{
	struct pair p;
	struct err e;

	assert_int_equal(try_make(&p, use, name, &name, 1, ca, &e), 0);
	return p;
}

static int
check(const struct pair *p, const struct pair *ca, int64_t at, struct err *e)
{
	return tls_cert_check(buf_span(&p->cert), buf_span(&ca->cert),
			      buf_span(&p->key), at, e);
}

static void
assert_wrong(const struct pair *p, const struct pair *ca, int64_t at,
	     const char *reason)
{
	struct err e = { 0 };

	assert_int_equal(check(p, ca, at, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	if (strstr(e.msg, reason) == NULL)
		fail_msg("'%s' is not in '%s'", reason, e.msg);
}

/* ---- what is said comes back ----------------------------------------------
 */

struct seen {
	unsigned n;
	struct tls_cert_info info;
	char names[300];
};

static void
note(void *ctx, const struct tls_cert_info *info)
{
	struct seen *s = ctx;

	s->n++;
	s->info = *info;
	s->names[0] = '\0';
	for (size_t i = 0; i < info->n_names; i++) {
		size_t used = strlen(s->names);
		(void)snprintf(s->names + used, sizeof(s->names) - used, "%s ",
			       info->names[i]);
	}
}

static struct seen
see(struct span pem)
{
	struct seen s = { 0 };
	struct err e;

	int n = tls_cert_read(pem, note, &s, &e);
	assert_int_equal(n, s.n);
	return s;
}

static void
a_host_certificate_names_its_hosts_and_serves_only(void **state)
{
	static const char *const names[] = { "mx.xyz.com", "127.0.0.1", "::1",
					     "*.a,DNS:b" };
	struct pair ca = make_ca("The Lab"), host;
	struct err e;

	(void)state;
	assert_int_equal(
	    try_make(&host, TLS_CERT_HOST, names[0], names, 4, &ca, &e), 0);
	struct seen s = see(buf_span(&host.cert));
	assert_int_equal(s.n, 1);
	assert_string_equal(s.info.subject, "CN=mx.xyz.com");
	assert_string_equal(s.info.issuer, "CN=The Lab");
	assert_string_equal(s.names, "mx.xyz.com 127.0.0.1 ::1 *.a,DNS:b ");
	assert_true(s.info.not_before == now - day);
	assert_true(s.info.not_after == now + 10 * day);
	assert_true(s.info.for_server && !s.info.for_client && !s.info.is_ca);
	assert_string_equal(s.info.key, "EC P-256");
	assert_int_equal(strlen(s.info.tlsa), strlen("3 1 1 ") + 64);
	assert_int_equal(strlen(s.info.pin), strlen("sha256//") + 44);
	assert_int_equal(strlen(s.info.sha256), 95);
	pair_free(&host);
	pair_free(&ca);
}

static void
a_user_certificate_names_the_address_and_is_no_servers(void **state)
{
	struct pair ca = make_ca("Lab");
	struct pair user = make_one(TLS_CERT_USER, "127.0.0.1", &ca);
	struct seen s = see(buf_span(&user.cert));

	(void)state;
	/* whatever it looks like: an address of mail */
	assert_string_equal(s.names, "127.0.0.1 ");
	assert_true(s.info.for_client && !s.info.for_server && !s.info.is_ca);
	pair_free(&user);
	pair_free(&ca);
}

static void
an_authority_signs_and_serves_nobody(void **state)
{
	struct pair ca = make_ca("Lab"), other = make_ca("Lab");
	struct seen a = see(buf_span(&ca.cert)), b = see(buf_span(&other.cert));

	(void)state;
	assert_true(a.info.is_ca && !a.info.for_server && !a.info.for_client);
	assert_string_not_equal(a.info.serial, b.info.serial);
	assert_string_not_equal(a.info.pin, b.info.pin);
	pair_free(&ca);
	pair_free(&other);
}

/* RFC 5280 appendix A: a common name has 64 characters at most. */
static void
a_long_name_is_left_to_the_alternative_names(void **state)
{
	struct pair ca = make_ca("Lab");

	(void)state;
	for (size_t n = 64; n <= 65; n++) {
		char name[80], subject[90];
		(void)snprintf(name, sizeof(name), "%0*d.xyz.com", (int)n - 8,
			       0);
		(void)snprintf(subject, sizeof(subject), "CN=%s", name);
		struct pair host = make_one(TLS_CERT_HOST, name, &ca);
		struct seen s = see(buf_span(&host.cert));
		struct err e;
		assert_string_equal(s.info.subject, n == 64 ? subject : "");
		assert_memory_equal(s.names, name, strlen(name));
		assert_int_equal(check(&host, &ca, now, &e), 0);
		pair_free(&host);
	}
	pair_free(&ca);
}

static void
a_file_may_hold_several_and_a_key(void **state)
{
	struct pair ca = make_ca("Lab");
	struct pair host = make_one(TLS_CERT_HOST, "a.example", &ca);
	struct buf all;
	struct err e;

	(void)state;
	buf_init(&all, PEM_MAX);
	assert_int_equal(buf_add_span(&all, buf_span(&host.cert)), 0);
	assert_int_equal(buf_add_span(&all, buf_span(&host.key)), 0);
	assert_int_equal(buf_add_str(&all, "words\n"), 0);
	assert_int_equal(buf_add_span(&all, buf_span(&ca.cert)), 0);
	struct seen s = see(buf_span(&all));
	assert_int_equal(s.n, 2);
	assert_true(s.info.is_ca);
	assert_int_equal(tls_cert_check(buf_span(&all), buf_span(&ca.cert),
					buf_span(&all), now, &e),
			 0);
	buf_free(&all);
	pair_free(&host);
	pair_free(&ca);
}

/* ---- right and wrong -------------------------------------------------------
 */

static void
only_the_authority_the_time_and_the_key_make_it_right(void **state)
{
	struct pair ca = make_ca("Lab"), other = make_ca("Lab");
	struct pair host = make_one(TLS_CERT_HOST, "a.example", &ca);
	struct pair user = make_one(TLS_CERT_USER, "a@a.example", &ca);
	struct err e;

	(void)state;
	assert_int_equal(check(&host, &ca, now, &e), 0);
	assert_int_equal(check(&user, &ca, now, &e), 0);
	assert_int_equal(check(&ca, &ca, now, &e), 0);
	assert_wrong(&host, &other, now, "issuer");
	assert_wrong(&host, &ca, now + 11 * day, "expired");
	assert_wrong(&host, &ca, now - 2 * day, "not yet valid");
	struct pair mixed = { host.cert, user.key };
	assert_wrong(&mixed, &ca, now, "the key is not that");
	pair_free(&user);
	pair_free(&host);
	pair_free(&other);
	pair_free(&ca);
}

static void
a_host_certificate_signs_nothing(void **state)
{
	struct pair ca = make_ca("Lab"), host, below;
	struct err e;

	(void)state;
	host = make_one(TLS_CERT_HOST, "a.example", &ca);
	const char *const name = "b.example";
	assert_int_equal(
	    try_make(&below, TLS_CERT_HOST, name, &name, 1, &host, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	pair_free(&below);
	/* and not with another's key */
	struct pair mixed = { ca.cert, host.key };
	assert_int_equal(
	    try_make(&below, TLS_CERT_HOST, name, &name, 1, &mixed, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	pair_free(&below);
	pair_free(&host);
	pair_free(&ca);
}

static void
what_is_no_certificate_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"hello\n",
		"-----BEGIN CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END "
		"CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END "
		"CERTIFICATE-----\n",
	};
	struct pair ca = make_ca("Lab");
	struct seen s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct span pem = span_of(bad[i]);
		assert_int_equal(tls_cert_read(pem, note, &s, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
		assert_int_equal(tls_cert_check(pem, buf_span(&ca.cert),
						span_of(""), now, &e),
				 -1);
		assert_int_equal(e.class, ERR_PERM);
		/* an empty one means those of the system: not refused */
		if (pem.n > 0)
			assert_int_equal(tls_cert_check(buf_span(&ca.cert), pem,
							span_of(""), now, &e),
					 -1);
	}
	/* one good and then a damaged one: all or nothing */
	struct buf cut;
	buf_init(&cut, PEM_MAX);
	assert_int_equal(buf_add_span(&cut, buf_span(&ca.cert)), 0);
	assert_int_equal(buf_add_str(&cut, bad[3]), 0);
	assert_int_equal(tls_cert_read(buf_span(&cut), note, &s, &e), -1);
	buf_free(&cut);
	pair_free(&ca);
}

static void
too_many_names_or_certificates_are_refused(void **state)
{
	const char *names[TLS_CERT_NAMES_MAX + 1];
	struct pair ca = make_ca("Lab"), host;
	struct buf many;
	struct seen s = { 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i <= TLS_CERT_NAMES_MAX; i++)
		names[i] = "a.example";
	assert_int_equal(try_make(&host, TLS_CERT_HOST, names[0], names,
				  TLS_CERT_NAMES_MAX + 1, &ca, &e),
			 -1);
	pair_free(&host);
	assert_int_equal(try_make(&host, TLS_CERT_HOST, names[0], names,
				  TLS_CERT_NAMES_MAX, &ca, &e),
			 0);
	assert_int_equal(see(buf_span(&host.cert)).info.n_names,
			 TLS_CERT_NAMES_MAX);
	buf_init(&many, TLS_CERT_PEM_MAX);
	for (int i = 0; i <= TLS_CERT_CHAIN_MAX; i++)
		assert_int_equal(buf_add_span(&many, buf_span(&ca.cert)), 0);
	assert_int_equal(tls_cert_read(buf_span(&many), note, &s, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	buf_free(&many);
	pair_free(&host);
	pair_free(&ca);
}

static void
a_pin_has_one_text(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256//",
		"sha256//AAAA",
		"sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"sha256//AAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAAA=",
		"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=x",
	};
	uint8_t pin[TLS_PIN_BYTES], again[TLS_PIN_BYTES];
	char text[TLS_PIN_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(pin); i++)
		pin[i] = (uint8_t)(i * 37 + 200);
	tls_pin_text(pin, text);
	assert_int_equal(strlen(text), TLS_PIN_TEXT_SIZE - 1);
	assert_int_equal(tls_pin_parse(span_of(text), again), 0);
	assert_memory_equal(pin, again, sizeof(pin));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tls_pin_parse(span_of(bad[i]), again), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_host_certificate_names_its_hosts_and_serves_only),
		cmocka_unit_test(
		    a_user_certificate_names_the_address_and_is_no_servers),
		cmocka_unit_test(an_authority_signs_and_serves_nobody),
		cmocka_unit_test(a_long_name_is_left_to_the_alternative_names),
		cmocka_unit_test(a_file_may_hold_several_and_a_key),
		cmocka_unit_test(
		    only_the_authority_the_time_and_the_key_make_it_right),
		cmocka_unit_test(a_host_certificate_signs_nothing),
		cmocka_unit_test(what_is_no_certificate_is_refused),
		cmocka_unit_test(too_many_names_or_certificates_are_refused),
		cmocka_unit_test(a_pin_has_one_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
