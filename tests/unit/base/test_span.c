#include "../test.h"

#include "base/span.h"

static void
words_are_taken_in_turn(void **state)
{
	struct span s = span_of("  MAIL \t FROM:<> ");

	(void)state;
	assert_span(span_word(&s), "MAIL");
	assert_span(span_word(&s), "FROM:<>");
	assert_int_equal(span_word(&s).n, 0);
	assert_int_equal(span_word(&s).n, 0);
}

static void
numbers_refuse_overflow_and_junk(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_int_equal(span_u64(span_of("18446744073709551615"), &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(span_u64(span_of("18446744073709551616"), &v), -1);
	assert_int_equal(span_u64(span_of(""), &v), -1);
	assert_int_equal(span_u64(span_of("+1"), &v), -1);
	assert_int_equal(span_u64(span_of("1 "), &v), -1);
}

static void
copies_refuse_what_does_not_fit(void **state)
{
	char dst[4];

	(void)state;
	assert_int_equal(span_copy(span_of("abc"), dst, sizeof(dst)), 0);
	assert_string_equal(dst, "abc");
	assert_int_equal(span_copy(span_of("abcd"), dst, sizeof(dst)), -1);
	assert_string_equal(dst, "");
	assert_int_equal(span_copy(span_make("a\0b", 3), dst, sizeof(dst)), -1);
}

static void
compares_fold_ascii_only(void **state)
{
	(void)state;
	assert_true(span_eq_nocase(span_of("EhLo"), span_of("ehlo")));
	assert_false(span_eq_nocase(span_of("\xc3\x89"), span_of("\xc3\xa9")));
	assert_true(span_starts_nocase(span_of("From:<a>"), span_of("FROM:")));
	assert_false(span_starts_nocase(span_of("FRO"), span_of("FROM:")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_taken_in_turn),
		cmocka_unit_test(numbers_refuse_overflow_and_junk),
		cmocka_unit_test(copies_refuse_what_does_not_fit),
		cmocka_unit_test(compares_fold_ascii_only),
	};

	return cmocka_run_group_tests_name("base/span", tests, NULL, NULL);
}
