#include "../test.h"

#include "mail/utf8.h"

static void
sequences_of_rfc_3629_4(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\x80", 0 },
		{ "\xbf", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xc2", 0 },
		{ "\xc2\x41", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xe1\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(utf8_next(span_of(cases[i].text)), cases[i].n);
}

static void
whole_texts(void **state)
{
	(void)state;
	assert_true(utf8_is_valid(span_of("a\xc3\xa9z")));
	assert_false(utf8_is_valid(span_of("a\xc3")));
	assert_true(utf8_is_valid(span_of("")));
	assert_true(utf8_is_ascii(span_of("a\x7f")));
	assert_false(utf8_is_ascii(span_of("a\x80")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_of_rfc_3629_4),
		cmocka_unit_test(whole_texts),
	};

	return cmocka_run_group_tests_name("mail/utf8", tests, NULL, NULL);
}
