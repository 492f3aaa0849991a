#include "../net/name_server.h"

#include <stdlib.h>

#include "base/clock.h"
#include "sender/mx.h"

struct world {
	struct name_server server;
	struct dns *dns;
	struct wake stop;
	struct mx_list *list;
	struct mx_fault fault;
	const char *own[2];
	size_t n_own;
	bool literals, strict;
	struct err e;
};
static struct world w;

/* What each name has; a host of an MX is 127.0.0.<its preference>. */
static int
answer_mx(const char *name, struct name_answer *a)
{
	if (strcmp(name, "order.test") == 0) {
		name_server_add_mx(a, 30, "c.mx.test");
		name_server_add_mx(a, 10, "a.mx.test");
		name_server_add_mx(a, 20, "b.mx.test");
	} else if (strcmp(name, "equal.test") == 0) {
		name_server_add_mx(a, 10, "a.mx.test");
		name_server_add_mx(a, 10, "b.mx.test");
		name_server_add_mx(a, 5, "c.mx.test");
	} else if (strcmp(name, "null.test") == 0) {
		name_server_add_mx(a, 0, "");
	} else if (strcmp(name, "half-null.test") == 0) {
		name_server_add_mx(a, 0, "");
		name_server_add_mx(a, 10, "a.mx.test");
	} else if (strcmp(name, "loop.test") == 0) {
		name_server_add_mx(a, 10, "a.mx.test");
		name_server_add_mx(a, 20, "SELF.mx.test");
		name_server_add_mx(a, 20, "b.mx.test");
		name_server_add_mx(a, 30, "c.mx.test");
	} else if (strcmp(name, "best.test") == 0) {
		name_server_add_mx(a, 10, "self.mx.test");
		name_server_add_mx(a, 10, "b.mx.test");
	} else if (strcmp(name, "address.test") == 0) {
		name_server_add_mx(a, 10, "v6.mx.test");
	} else if (strcmp(name, "nowhere.test") == 0) {
		name_server_add_mx(a, 10, "gone.mx.test");
	} else if (strcmp(name, "partly.test") == 0) {
		name_server_add_mx(a, 10, "gone.mx.test");
		name_server_add_mx(a, 20, "b.mx.test");
	} else if (strcmp(name, "unsure.test") == 0) {
		name_server_add_mx(a, 10, "broken.mx.test");
		name_server_add_mx(a, 20, "gone.mx.test");
	} else if (strcmp(name, "many.test") == 0) {
		for (int i = 1; i <= 20; i++) {
			char host[32];
			(void)snprintf(host, sizeof(host), "n%d.mx.test", i);
			name_server_add_mx(a, i, host);
		}
	} else {
		return strcmp(name, "none.test") == 0     ? 3
		       : strcmp(name, "broken.test") == 0 ? 2
							  : 0;
	}
	return 0;
}

static int
answer(const char *name, int type, struct name_answer *a)
{
	if (strcmp(name, "silent.test") == 0)
		return NAME_SERVER_SILENT;
	if (type == DNS_MX)
		return answer_mx(name, a);
	if (strcmp(name, "gone.mx.test") == 0)
		return 3;
	if (strcmp(name, "broken.mx.test") == 0)
		return 2;
	if (strcmp(name, "v6.mx.test") == 0) {
		for (int i = 1; i < 5; i++) {
			char text[32];
			(void)snprintf(
			    text, sizeof(text),
			    type == DNS_A ? "127.0.1.%d" : "2001:db8::%d", i);
			name_server_add_address(a, text);
		}
		return 0;
	}
	if (type == DNS_A && (strstr(name, ".mx.test") != NULL ||
			      strcmp(name, "implicit.test") == 0))
		name_server_add_address(a, name[0] == 'b' ? "127.0.0.20"
							  : "127.0.0.10");
	return 0;
}

static int
make(void **state)
{
	char server[32];
	const char *servers[] = { server };
	struct dns_options o = { .servers = servers, .n_servers = 1 };

	(void)state;
	memset(&w, 0, sizeof(w));
	name_server_start(&w.server, answer);
	(void)snprintf(server, sizeof(server), "127.0.0.1:%u",
		       (unsigned)w.server.port);
	assert_int_equal(wake_init(&w.stop, &w.e), 0);
	assert_int_equal(dns_new(&w.dns, &o, &w.e), 0);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	free(w.list);
	dns_free(&w.dns);
	wake_close(&w.stop);
	name_server_stop(&w.server);
	return 0;
}

static int
find(const char *domain, int64_t timeout_ms)
{
	struct mx_options o = { .dns = w.dns,
				.hostname = "self.mx.test",
				.own = w.own,
				.n_own = w.n_own,
				.literals = w.literals,
				.loopback = !w.strict,
				.timeout_ms = timeout_ms };

	free(w.list);
	return mx_find(&o, domain, clock_mono_ms() + 60000, &w.stop, &w.list,
		       &w.fault, &w.e);
}

static void
assert_hosts(const char *domain, const char *want)
{
	char got[512] = "";

	if (find(domain, 20000) != 0)
		fail_msg("%s: %s", domain, w.e.msg);
	for (unsigned i = 0; i < w.list->n; i++) {
		size_t n = strlen(got);
		(void)snprintf(got + n, sizeof(got) - n, "%s%s",
			       i > 0 ? " " : "", w.list->hosts[i].name);
	}
	assert_string_equal(got, want);
}

static void
assert_fault(const char *domain, int code, const char *enhanced)
{
	assert_int_equal(find(domain, 20000), -1);
	assert_int_equal(w.fault.code, code);
	assert_string_equal(w.fault.enhanced, enhanced);
	assert_int_equal(w.e.class == ERR_PERM, code >= 500);
	assert_null(w.list);
}

static void
servers_come_by_preference(void **state)
{
	(void)state;
	assert_hosts("order.test", "a.mx.test b.mx.test c.mx.test");
	assert_false(w.list->implicit);
	assert_false(w.list->secure);
	assert_int_equal(w.list->hosts[1].preference, 20);
	assert_string_equal(w.list->hosts[1].addresses[0], "127.0.0.20");
	assert_hosts("half-null.test", "a.mx.test");
	assert_hosts("partly.test", "b.mx.test");
}

static void
equal_ones_take_turns(void **state)
{
	unsigned first = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		assert_int_equal(find("equal.test", 20000), 0);
		assert_int_equal(w.list->n, 3);
		assert_string_equal(w.list->hosts[0].name, "c.mx.test");
		first += w.list->hosts[1].name[0] == 'a';
	}
	/* once in 2^63 all are the same */
	assert_in_range(first, 1, 63);
}

static void
without_records_the_domain_is_its_own_server(void **state)
{
	(void)state;
	assert_hosts("implicit.test", "implicit.test");
	assert_true(w.list->implicit);
	assert_fault("empty.test", 550, "5.1.2");
}

static void
who_takes_no_mail_is_told_apart(void **state)
{
	(void)state;
	assert_fault("null.test", 556, "5.1.10");
	assert_fault("none.test", 550, "5.1.2");
	assert_fault("nowhere.test", 550, "5.4.4");
	assert_fault("broken.test", 451, "4.4.3");
	assert_fault("unsure.test", 451, "4.4.3");
}

static void
a_loop_is_cut(void **state)
{
	(void)state;
	assert_hosts("loop.test", "a.mx.test");
	assert_fault("best.test", 554, "5.4.6");
	/* by address, and by another name */
	w.own[0] = "127.0.0.20";
	w.n_own = 1;
	assert_hosts("order.test", "a.mx.test");
	w.own[0] = "C.mx.test";
	assert_hosts("order.test", "a.mx.test b.mx.test");
	w.own[0] = "127.0.0.10";
	assert_fault("order.test", 554, "5.4.6");
}

/* A stranger's records must not lead to what listens here. */
static void
loopback_is_a_loop_unless_allowed(void **state)
{
	static const char *const here[] = {
		"[127.0.0.9]", "[127.255.255.255]", "[0.0.0.0]",
		"[IPv6:::1]",  "[IPv6:::]",         "[IPv6:::ffff:127.0.0.1]",
	};

	(void)state;
	w.strict = true;
	/* all of its servers, which would be taken otherwise */
	assert_fault("order.test", 554, "5.4.6");
	w.literals = true;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		assert_fault(here[i], 554, "5.4.6");
	assert_hosts("[128.0.0.1]", "");
	assert_hosts("[IPv6:2001:db8::1]", "");
	assert_hosts("[IPv6:::ffff:192.0.2.1]", "");
	w.strict = false;
	assert_hosts("[127.0.0.9]", "");
	assert_hosts("order.test", "a.mx.test b.mx.test c.mx.test");
}

static void
both_kinds_of_address_are_tried(void **state)
{
	(void)state;
	assert_hosts("address.test", "v6.mx.test");
	assert_int_equal(w.list->hosts[0].n_addresses, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    strchr(w.list->hosts[0].addresses[i], ':') != NULL, i < 2);
}

static void
long_lists_are_cut(void **state)
{
	(void)state;
	assert_int_equal(find("many.test", 20000), 0);
	assert_int_equal(w.list->n, MX_HOSTS_MAX);
	assert_int_equal(w.list->hosts[MX_HOSTS_MAX - 1].preference,
			 MX_HOSTS_MAX);
}

static void
a_silent_name_server_costs_its_time_and_no_more(void **state)
{
	int64_t start_ms = clock_mono_ms();

	(void)state;
	assert_int_equal(find("silent.test", 200), -1);
	assert_int_equal(w.e.class, ERR_TIMEOUT);
	assert_int_equal(w.fault.code, 451);
	assert_string_equal(w.fault.enhanced, "4.4.3");
	assert_true(clock_mono_ms() < start_ms + 10000);
}

static void
a_literal_is_an_address_if_it_may_be(void **state)
{
	(void)state;
	assert_fault("[127.0.0.9]", 550, "5.1.2");
	w.literals = true;
	assert_hosts("[127.0.0.9]", "");
	assert_string_equal(w.list->hosts[0].addresses[0], "127.0.0.9");
	assert_hosts("[ipv6:2001:db8::1]", "");
	assert_string_equal(w.list->hosts[0].addresses[0], "2001:db8::1");
	assert_fault("[256.0.0.1]", 550, "5.1.2");
	assert_fault("[x-400:foo]", 550, "5.1.2");
	w.own[0] = "127.0.0.9";
	w.n_own = 1;
	assert_fault("[127.0.0.9]", 554, "5.4.6");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(servers_come_by_preference),
		TEST(equal_ones_take_turns),
		TEST(without_records_the_domain_is_its_own_server),
		TEST(who_takes_no_mail_is_told_apart),
		TEST(a_loop_is_cut),
		TEST(loopback_is_a_loop_unless_allowed),
		TEST(both_kinds_of_address_are_tried),
		TEST(long_lists_are_cut),
		TEST(a_silent_name_server_costs_its_time_and_no_more),
		TEST(a_literal_is_an_address_if_it_may_be),
	};

	return cmocka_run_group_tests_name("sender/mx", tests, NULL, NULL);
}
