#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sender/route.h"
#include "sender/routes.h"

/* ---- one line -----------------------------------------------------------
 */

static void
assert_key(const char *text, const char *key)
{
	char got[SCHEDULER_KEY_SIZE];
	struct route r;
	struct err e;

	assert_int_equal(route_parse(span_of(text), &r, &e), 0);
	route_key(&r, got);
	assert_string_equal(got, key);
	/* a key is a line that means itself */
	assert_int_equal(route_parse(span_of(got), &r, &e), 0);
	route_key(&r, got);
	assert_string_equal(got, key);
}

static void
lines_that_mean_the_same_have_one_key(void **state)
{
	(void)state;
	assert_key("127.0.0.1:2525", "127.0.0.1:2525");
	assert_key("MX.abc.com", "mx.abc.com:25");
	assert_key("mx.abc.com:25 tls=may", "mx.abc.com:25");
	assert_key("[2001:DB8::1]", "[2001:db8::1]:25");
	assert_key("lmtp:localhost", "lmtp:localhost:24");
	assert_key("lmtp:[::1]:2400 tls=none", "lmtp:[::1]:2400 tls=none");
	assert_key("lmtp:/run/Lmtp.sock", "lmtp:/run/Lmtp.sock");
	assert_key("mx", "mx");
	assert_key("mx:Other.Example  tls=dane", "mx:other.example tls=dane");
	assert_key("smtp.host:587 auth=alice  tls=verify",
		   "smtp.host:587 tls=verify auth=alice");
	assert_key("127.0.0.1:587 auth=a", "127.0.0.1:587 auth=a");
	/* to this machine any certificate will do */
	assert_key("localhost:587 auth=a tls=require",
		   "localhost:587 tls=require auth=a");
}

static void
a_line_says_all_there_is(void **state)
{
	struct route r;
	struct err e;

	(void)state;
	assert_int_equal(
	    route_parse(span_of("lmtp:h.example:99 tls=verify auth=x"), &r, &e),
	    0);
	assert_int_equal(r.kind, ROUTE_HOST);
	assert_true(r.lmtp);
	assert_int_equal(r.port, 99);
	assert_string_equal(r.host, "h.example");
	assert_int_equal(r.tls, ROUTE_TLS_VERIFY);
	assert_string_equal(r.auth, "x");
	assert_int_equal(route_parse(span_of("lmtp:/a/b"), &r, &e), 0);
	assert_int_equal(r.kind, ROUTE_LOCAL);
	assert_string_equal(r.path, "/a/b");
	assert_true(route_is_loopback(&r));
	assert_int_equal(route_parse(span_of("mx:[192.0.2.1]"), &r, &e), 0);
	assert_int_equal(r.kind, ROUTE_MX);
	assert_string_equal(r.host, "[192.0.2.1]");
}

static void
a_bad_line_is_refused_with_its_reason(void **state)
{
	static const char *const bad[][2] = {
		{ "", "HOST:PORT" },
		{ "host:99999", "HOST:PORT" },
		{ "host:0", "port 0" },
		{ "[::1", "']'" },
		{ "/run/sock", "lmtp:/run/sock" },
		{ "lmtp:mx", "by SMTP" },
		{ "mx:", "without a domain" },
		{ "mx:a..b", "not a domain" },
		{ "host tls=veriyf", "did you mean 'verify'" },
		{ "host tls=", "none, may, require" },
		{ "host tls=may tls=none", "twice" },
		{ "host port=25", "neither tls=LEVEL nor auth=NAME" },
		{ "host tls", "neither" },
		{ "host tls=verify auth=", "no name" },
		{ "host auth=a", "clear text" },
		{ "host tls=may auth=a", "clear text" },
		{ "host tls=none auth=a", "clear text" },
		{ "host tls=require auth=a", "any certificate" },
		{ "192.0.2.1:587 tls=require auth=a", "any certificate" },
		{ "lmtp:host tls=require auth=a", "any certificate" },
		{ "mx tls=verify auth=a", "one server" },
		{ "lmtp:/sock tls=require", "no TLS" },
		{ "192.0.2.1 tls=dane", "needs a name" },
	};
	struct route r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(route_parse(span_of(bad[i][0]), &r, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
		if (strstr(e.msg, bad[i][1]) == NULL)
			fail_msg("'%s': %s", bad[i][0], e.msg);
	}
}

static bool
may_ask(const char *key)
{
	struct route r;

	return route_parse(span_of(key), &r, NULL) == 0 && route_may_ask(&r);
}

static void
only_servers_of_ours_are_asked_about_recipients(void **state)
{
	(void)state;
	assert_true(may_ask("127.0.0.1:2525"));
	assert_true(may_ask("lmtp:/sock"));
	assert_true(may_ask("a.example:25 tls=verify"));
	assert_false(may_ask("a.example:25 tls=verify auth=x"));
	assert_false(may_ask("mx:a.example"));
	assert_false(may_ask("!a.example"));
}

/* ---- all of them --------------------------------------------------------
 */

enum { PAIRS_MAX = 4 };

struct world {
	struct option_pair pairs[3][PAIRS_MAX];
	struct option_map maps[3]; /* routes, sender-routes, credentials */
	struct routes *r;
	char secret[64];
	struct err e;
};

static void
put(struct world *w, int map, char *name, char *value)
{
	struct option_map *m = &w->maps[map];

	assert_true(m->n < PAIRS_MAX);
	m->v = w->pairs[map];
	m->v[m->n] =
	    (struct option_pair){ name, value, 7 + 10 * map + (int)m->n };
	m->n++;
}

static int
make(struct world *w)
{
	struct routes_config c = { "conf", &w->maps[0], &w->maps[1],
				   &w->maps[2] };

	routes_free(&w->r);
	return routes_new(&w->r, &c, &w->e);
}

static void
assert_route(const struct world *w, const char *from, const char *domain,
	     const char *want)
{
	char key[SCHEDULER_KEY_SIZE];
	struct way way;

	assert_int_equal(routes_find(w->r, from, domain, &way), want[0] != '!');
	assert_string_equal(way.key, want);
	routes_key(w->r, from, domain, key);
	assert_string_equal(key, want);
	if (want[0] == '!')
		return;
	/* the route is what the key says */
	route_key(&way.route, key);
	assert_string_equal(key, want);
}

static char *
text(const char *s)
{
	static char kept[32][64];
	static int at;
	char *p = kept[at++ % 32];

	(void)snprintf(p, sizeof(kept[0]), "%s", s);
	return p;
}

static void
routes_are_found_by_domain(void **state)
{
	struct world w = { 0 };

	(void)state;
	put(&w, 0, text("XYZ.com"), text("127.0.0.1:2525"));
	put(&w, 0, text("abc.com"), text("mx.abc.com"));
	put(&w, 0, text("v6.example"), text("[::1]:2600"));
	assert_int_equal(make(&w), 0);
	assert_route(&w, "", "xyz.com", "127.0.0.1:2525");
	assert_route(&w, "", "abc.com", "mx.abc.com:25");
	assert_route(&w, "", "v6.example", "[::1]:2600");
	assert_route(&w, "", "sub.xyz.com", "!sub.xyz.com");
	/* a default for all others */
	put(&w, 0, text("*"), text("mx"));
	assert_int_equal(make(&w), 0);
	assert_route(&w, "", "sub.xyz.com", "mx:sub.xyz.com");
	assert_route(&w, "", "xyz.com", "127.0.0.1:2525");
	routes_free(&w.r);
}

static void
a_sender_has_a_way_of_its_own_for_the_rest(void **state)
{
	struct world w = { 0 };

	(void)state;
	put(&w, 0, text("xyz.com"), text("127.0.0.1:2525"));
	put(&w, 0, text("*"), text("mx"));
	put(&w, 1, text("Alice@abc.com"), text("one.example:587"));
	put(&w, 1, text("@ABC.com"), text("two.example:587"));
	assert_int_equal(make(&w), 0);
	assert_route(&w, "alice@ABC.COM", "far.org", "one.example:587");
	assert_route(&w, "bob@abc.com", "far.org", "two.example:587");
	assert_route(&w, "bob@sub.abc.com", "far.org", "mx:far.org");
	assert_route(&w, "", "far.org", "mx:far.org");
	assert_route(&w, "alice@abc.com", "xyz.com", "127.0.0.1:2525");
	put(&w, 1, text("no address"), text("x.example"));
	assert_int_equal(make(&w), -1);
	assert_memory_equal(w.e.msg, "conf:19: no address: ", 21);
}

static void
a_bad_line_is_named(void **state)
{
	struct world w = { 0 };

	(void)state;
	put(&w, 0, text("a.example"), text("b.example"));
	put(&w, 0, text("*"), text("host:99999"));
	assert_int_equal(make(&w), -1);
	assert_memory_equal(w.e.msg, "conf:8: *: ", 11);
	w.maps[0].n = 1;
	put(&w, 0, text("a..b"), text("host"));
	assert_int_equal(make(&w), -1);
	assert_string_equal(w.e.msg, "conf:8: a..b: not a domain");
	w.maps[0].n = 1;
	put(&w, 0, text("c.example"), text("host tls=verify auth=nobody"));
	assert_int_equal(make(&w), -1);
	assert_string_equal(w.e.msg, "conf:8: c.example: auth=nobody is no "
				     "name of [credentials]");
	w.maps[0].n = 1;
	put(&w, 0, text("A.example"), text("other"));
	assert_int_equal(make(&w), -1);
	assert_non_null(strstr(w.e.msg, "two lines for a.example"));
}

static void
write_secret(struct world *w, const char *bytes, mode_t mode)
{
	(void)snprintf(w->secret, sizeof(w->secret), "/tmp/pp-secret.XXXXXX");
	int fd = mkstemp(w->secret);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
}

static void
a_password_comes_from_a_file_for_us_alone(void **state)
{
	struct world w = { 0 };
	struct credential c;
	char value[100];

	(void)state;
	write_secret(&w, "s3 cret\r\nmore\n", 0600);
	(void)snprintf(value, sizeof(value), "me@host.example  %s", w.secret);
	put(&w, 2, text("relay"), value);
	put(&w, 0, text("*"), text("host.example:587 tls=verify auth=relay"));
	assert_int_equal(make(&w), 0);
	assert_int_equal(routes_credentials(w.r, "relay", &c, &w.e), 0);
	assert_string_equal(c.login, "me@host.example");
	assert_string_equal(c.password, "s3 cret");
	assert_int_equal(routes_credentials(w.r, "other", &c, &w.e), -1);
	assert_int_equal(w.e.class, ERR_TEMP);
	/* one that others may read holds no secret */
	assert_int_equal(chmod(w.secret, 0640), 0);
	assert_int_equal(make(&w), 0);
	assert_int_equal(chmod(w.secret, 0644), 0);
	assert_int_equal(make(&w), -1);
	assert_memory_equal(w.e.msg, "conf:27: relay: /tmp/", 21);
	assert_non_null(strstr(w.e.msg, "chmod 600"));
	assert_int_equal(unlink(w.secret), 0);
	assert_int_equal(make(&w), -1);
	write_secret(&w, "\nlate\n", 0600);
	(void)snprintf(value, sizeof(value), "me %s", w.secret);
	assert_int_equal(make(&w), -1);
	assert_non_null(strstr(w.e.msg, "no password in it"));
	(void)unlink(w.secret);
	(void)snprintf(value, sizeof(value), "me");
	assert_int_equal(make(&w), -1);
	assert_non_null(strstr(w.e.msg, "expected a login and"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_mean_the_same_have_one_key),
		cmocka_unit_test(a_line_says_all_there_is),
		cmocka_unit_test(a_bad_line_is_refused_with_its_reason),
		cmocka_unit_test(
		    only_servers_of_ours_are_asked_about_recipients),
		cmocka_unit_test(routes_are_found_by_domain),
		cmocka_unit_test(a_sender_has_a_way_of_its_own_for_the_rest),
		cmocka_unit_test(a_bad_line_is_named),
		cmocka_unit_test(a_password_comes_from_a_file_for_us_alone),
	};

	return cmocka_run_group_tests_name("sender/routes", tests, NULL, NULL);
}
