#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "mail/mailbox_list.h"

/* "a|b|" for a list, and "!" at its end when it is none. */
static const char *
list_of(const char *text)
{
	static char got[2000];
	char one[MAILBOX_SIZE];
	struct span rest = span_of(text);
	struct err e;
	int more;

	got[0] = '\0';
	while ((more = mailbox_list_next(&rest, one, &e)) == 1) {
		size_t n = strlen(got);
		(void)snprintf(got + n, sizeof(got) - n, "%s|", one);
	}
	if (more < 0) {
		size_t n = strlen(got);
		(void)snprintf(got + n, sizeof(got) - n, "!");
	}
	return got;
}

static void
addresses_are_found(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ " \r\n ", "" },
		{ "bob@xyz.com", "bob@xyz.com|" },
		{ "root", "root|" },
		{ "bob@xyz.com, carol", "bob@xyz.com|carol|" },
		{ ",,bob@xyz.com,, ,", "bob@xyz.com|" },
		{ "Bob <bob@xyz.com>", "bob@xyz.com|" },
		{ "Bob von B. (his (own) \\) name) <bob@xyz.com>,\r\n"
		  "\t\"Carol, of <xyz>\" <carol@xyz.com>",
		  "bob@xyz.com|carol@xyz.com|" },
		{ "bob(x)@(y) xyz . com", "bob@xyz.com|" },
		{ "\"a b, c\"@xyz.com", "\"a b, c\"@xyz.com|" },
		{ "< bob @ xyz.com >", "bob@xyz.com|" },
		{ "<@a.org,@b.org:bob@xyz.com>", "bob@xyz.com|" },
		{ "bob@[192.0.2.1]", "bob@[192.0.2.1]|" },
		{ "team: bob@xyz.com, Carol <carol@xyz.com>;, dave@xyz.com",
		  "bob@xyz.com|carol@xyz.com|dave@xyz.com|" },
		{ "undisclosed-recipients:;", "" },
		{ "<>, bob@xyz.com", "bob@xyz.com|" },
		{ "b\xc3\xb6"
		  "b@xyz.com",
		  "b\xc3\xb6"
		  "b@xyz.com|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(list_of(cases[i].text), cases[i].want);
}

static void
what_is_no_list_is_refused(void **state)
{
	static const char *const cases[] = {
		"bob carol",
		"Bob <bob@xyz.com",
		"(x",
		"\"x",
		"bob@[1.2.3.4",
		"<bob@xyz.com> carol",
		"<bob> <carol>",
		"bob>",
		"<bob carol>",
		"bob)",
		"b\x01@xyz.com",
		"]",
		"<bob,carol>",
		"a:b <c:d>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(list_of(cases[i]), "!") != 0)
			fail_msg("%s gave %s", cases[i], list_of(cases[i]));
	}
}

static void
length_is_bounded_for_addresses_alone(void **state)
{
	char text[2 * MAILBOX_SIZE + 40];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_string_equal(list_of(text), "!");
	(void)snprintf(text, sizeof(text), "A %0*d <bob@xyz.com>", MAILBOX_SIZE,
		       0);
	assert_string_equal(list_of(text), "bob@xyz.com|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_found),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(length_is_bounded_for_addresses_alone),
	};

	return cmocka_run_group_tests_name("mail/mailbox_list", tests, NULL,
					   NULL);
}
