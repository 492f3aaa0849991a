#include "name_server.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/dns.h"

struct world {
	struct name_server server;
	struct dns *dns;
	struct wake stop;
	struct err e;
};
static struct world w;

static int
answer(const char *name, int type, struct name_answer *a)
{
	if (strcmp(name, "mx.test") == 0 && type == DNS_MX) {
		name_server_add_mx(a, 10, "One.mx.test");
		name_server_add_mx(a, 20, "two.mx.test");
		return 0;
	}
	if (strcmp(name, "null.test") == 0 && type == DNS_MX) {
		name_server_add_mx(a, 0, "");
		return 0;
	}
	if (strcmp(name, "host.test") == 0 && type == DNS_A) {
		name_server_add_address(a, "127.0.0.7");
		return 0;
	}
	if (strcmp(name, "host.test") == 0 && type == DNS_AAAA) {
		name_server_add_address(a, "2001:db8::7");
		return 0;
	}
	if (strcmp(name, "many.test") == 0 && type == DNS_A) {
		for (int i = 0; i < 40; i++) {
			const unsigned char v4[] = { 10, 0, 0,
						     (unsigned char)i };
			name_server_add(a, DNS_A, v4, 4);
		}
		return 0;
	}
	if (strcmp(name, "silent.test") == 0)
		return NAME_SERVER_SILENT;
	return strcmp(name, "none.test") == 0     ? 3
	       : strcmp(name, "broken.test") == 0 ? 2
						  : 0;
}

static int
make(void **state)
{
	char server[32];
	const char *servers[] = { server };
	struct dns_options o = { .servers = servers, .n_servers = 1 };

	(void)state;
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
	dns_free(&w.dns);
	wake_close(&w.stop);
	name_server_stop(&w.server);
	return 0;
}

static struct dns_answer *
ask(const char *name, enum dns_type type)
{
	struct dns_answer *a = NULL;

	if (dns_ask(w.dns, name, type, clock_mono_ms() + 20000, &w.stop, &a,
		    &w.e) != 0)
		fail_msg("%s: %s", name, w.e.msg);
	return a;
}

static void
records_come_as_they_are_named(void **state)
{
	char address[DNS_ADDRESS_SIZE];
	struct dns_mx mx;

	(void)state;
	struct dns_answer *a = ask("mx.test", DNS_MX);
	assert_int_equal(a->status, DNS_OK);
	assert_int_equal(a->security, DNS_INSECURE);
	assert_int_equal(a->n, 2);
	int sum = 0;
	for (unsigned i = 0; i < a->n; i++) {
		assert_int_equal(dns_rdata_mx(a->rdata[i], &mx), 0);
		assert_string_equal(mx.host, mx.preference == 10
						 ? "one.mx.test"
						 : "two.mx.test");
		sum += mx.preference;
	}
	assert_int_equal(sum, 30);
	free(a);
	a = ask("host.test", DNS_AAAA);
	assert_int_equal(a->n, 1);
	assert_int_equal(dns_rdata_address(a->rdata[0], address), 0);
	assert_string_equal(address, "2001:db8::7");
	free(a);
	a = ask("null.test", DNS_MX);
	assert_int_equal(dns_rdata_mx(a->rdata[0], &mx), 0);
	assert_string_equal(mx.host, "");
	free(a);
}

static void
what_is_not_there_is_told_apart(void **state)
{
	static const struct {
		const char *name;
		enum dns_status status;
	} all[] = { { "none.test", DNS_NO_NAME },
		    { "empty.test", DNS_NO_DATA },
		    { "broken.test", DNS_FAILED } };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct dns_answer *a = ask(all[i].name, DNS_MX);
		assert_int_equal(a->status, all[i].status);
		assert_int_equal(a->n, 0);
		assert_int_equal(a->why[0] != '\0', a->status == DNS_FAILED);
		free(a);
	}
}

static void
more_records_than_we_look_at_are_left(void **state)
{
	(void)state;
	struct dns_answer *a = ask("many.test", DNS_A);
	assert_int_equal(a->n, DNS_RECORDS_MAX);
	assert_true(a->cut);
	free(a);
}

static void
a_silent_server_costs_no_more_than_the_deadline(void **state)
{
	struct dns_answer *a = NULL;
	int64_t start_ms = clock_mono_ms();

	(void)state;
	assert_int_equal(dns_ask(w.dns, "silent.test", DNS_MX, start_ms + 200,
				 &w.stop, &a, &w.e),
			 -1);
	assert_int_equal(w.e.class, ERR_TIMEOUT);
	assert_null(a);
	assert_true(clock_mono_ms() < start_ms + 5000);
	/* and others are answered meanwhile */
	free(ask("host.test", DNS_A));
	wake_raise(&w.stop);
	assert_int_equal(dns_ask(w.dns, "silent.test", DNS_A,
				 clock_mono_ms() + 60000, &w.stop, &a, &w.e),
			 -1);
	assert_int_equal(w.e.class, ERR_STOP);
}

static void
many_questions_are_under_way_at_once(void **state)
{
	enum { N = 100 };
	struct dns_question *q[N];
	struct dns_answer *a = NULL;
	int64_t end_ms = clock_mono_ms() + 20000;

	(void)state;
	for (int i = 0; i < N; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "n%d.test", i);
		assert_int_equal(dns_begin(w.dns,
					   i % 3 == 0 ? "silent.test" : name,
					   DNS_A, &q[i], &w.e),
				 0);
	}
	for (int i = 0; i < N; i++) {
		if (i % 2 == 0 || i % 3 == 0) {
			dns_drop(&q[i]);
			continue;
		}
		assert_int_equal(dns_await(&q[i], end_ms, NULL, &a, &w.e), 0);
		assert_int_equal(a->status, DNS_NO_DATA);
		free(a);
	}
}

static void
unfit_options_are_refused(void **state)
{
	const char *servers[] = { "ns.example" };
	struct dns_options bad = { .servers = servers, .n_servers = 1 };
	struct dns *d = NULL;
	struct err e;

	(void)state;
	assert_int_equal(dns_new(&d, &bad, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	servers[0] = "[::1]:5353";
	bad.trust_anchor = "/nowhere/root.key";
	assert_int_equal(dns_new(&d, &bad, &e), -1);
	assert_non_null(strstr(e.msg, "/nowhere/root.key"));
	bad.trust_anchor = "";
	assert_int_equal(dns_new(&d, &bad, &e), 0);
	dns_free(&d);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_come_as_they_are_named),
		TEST(what_is_not_there_is_told_apart),
		TEST(more_records_than_we_look_at_are_left),
		TEST(a_silent_server_costs_no_more_than_the_deadline),
		TEST(many_questions_are_under_way_at_once),
		cmocka_unit_test(unfit_options_are_refused),
	};

	return cmocka_run_group_tests_name("net/dns", tests, NULL, NULL);
}
