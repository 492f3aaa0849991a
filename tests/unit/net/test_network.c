#include "../test.h"

#include <stdio.h>

#include "net/network.h"

static void
an_address_is_in_a_network_or_not(void **state)
{
	static const struct {
		const char *network, *address;
		bool in;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.4/31", "192.0.2.5", true },
		{ "192.0.2.4/31", "192.0.2.6", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "203.0.113.9", true },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "::1", "::1", true },
		{ "::1", "127.0.0.1", false },
		{ "127.0.0.0/8", "::ffff:127.0.0.1", true },
		{ "::ffff:192.0.2.0/120", "192.0.2.77", true },
		{ "unix", "unix", true },
		{ "unix", "127.0.0.1", false },
		{ "::/0", "unix", false },
		{ "::/0", "unknown", false },
		{ "::/0", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char word[64];
		char *words[] = { word };
		struct network_list l;
		struct err e;
		(void)snprintf(word, sizeof(word), "%s", cases[i].network);
		assert_int_equal(network_list_new(&l, words, 1, &e), 0);
		if (network_list_has(&l, cases[i].address) != cases[i].in)
			fail_msg("%s in %s", cases[i].address,
				 cases[i].network);
		network_list_free(&l);
	}
}

static void
what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = {
		"",          "localhost",  "10.0.0.0/33",    "10.0.0.0/-1",
		"10.0.0.0/", "10.0.0.1/8", "2001:db8::/129", "2001:db8::1/64",
		"1.2.3",     "/8",         "10.0.0.0/8/8",   "unix/0",
		"fe80::1%lo"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct network n;
		struct err e = { 0 };
		if (network_parse(span_of(bad[i]), &n, &e) == 0)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(e.class, ERR_PERM);
	}
}

static void
a_list_is_any_of_its_words(void **state)
{
	char a[] = "127.0.0.0/8", b[] = "::1", c[] = "x";
	char *words[] = { a, b, c };
	struct network_list l;
	struct err e;

	(void)state;
	assert_int_equal(network_list_new(&l, words, 2, &e), 0);
	assert_true(network_list_has(&l, "127.9.9.9"));
	assert_true(network_list_has(&l, "::1"));
	assert_false(network_list_has(&l, "::2"));
	network_list_free(&l);
	assert_false(network_list_has(&l, "::1"));
	assert_int_equal(network_list_new(&l, words, 3, &e), -1);
	assert_int_equal(network_list_new(&l, words, 0, &e), 0);
	assert_false(network_list_has(&l, "127.0.0.1"));
	network_list_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_a_network_or_not),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(a_list_is_any_of_its_words),
	};

	return cmocka_run_group_tests_name("net/network", tests, NULL, NULL);
}
