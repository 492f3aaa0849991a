#include "../test.h"

#include <string.h>

#include "shell/width.h"

static void
clean_is(const char *in, size_t n, unsigned flags, const char *want)
{
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(width_clean(span_make(in, n), flags, &out), 0);
	assert_span(buf_span(&out), want);
	assert_true(width_is_utf8(buf_span(&out)));
	buf_free(&out);
}

#define CLEAN(in, flags, want) clean_is(in, sizeof(in) - 1, flags, want)

static void
test_escape_sequences_are_shown_not_sent(void **state)
{
	(void)state;
	CLEAN("\033[31mred\033]0;title\a", 0, "^[[31mred^[]0;title^G");
	CLEAN("\x7f\0x", 0, "^?^@x");
	/* C1 CSI, as the character U+009B and as a raw byte */
	CLEAN("\xC2\x9B"
	      "2J",
	      0,
	      "\xEF\xBF\xBD"
	      "2J");
	CLEAN("\x9b"
	      "2J",
	      0,
	      "\xEF\xBF\xBD"
	      "2J");
}

static void
test_invalid_bytes_become_the_replacement_character(void **state)
{
	(void)state;
	CLEAN("a\xFF"
	      "b",
	      0,
	      "a\xEF\xBF\xBD"
	      "b");
	CLEAN("\xC0\xAF", WIDTH_LINES, "\xEF\xBF\xBD\xEF\xBF\xBD");
	CLEAN("cut \xE6\x97", 0, "cut \xEF\xBF\xBD\xEF\xBF\xBD");
	CLEAN("\xED\xA0\x80", 0,
	      "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"); /* a surrogate */
}

static void
test_lines_stay_only_where_asked_for(void **state)
{
	(void)state;
	CLEAN("a\r\nb\tc\n", WIDTH_LINES, "a\nb\tc\n");
	CLEAN("a\rb\n", WIDTH_LINES, "a^Mb\n");
	CLEAN("a\r\n\t b", 0, "a b");
	CLEAN("one\xE2\x80\xA8two", 0, "one\xEF\xBF\xBDtwo");
}

static void
test_a_field_cannot_turn_the_next_around(void **state)
{
	(void)state;
	CLEAN("evil\xE2\x80\xAE"
	      "fdp.exe",
	      0,
	      "evil\xEF\xBF\xBD"
	      "fdp.exe");
	CLEAN("\xE2\x81\xA6x", 0, "\xEF\xBF\xBDx");
}

static void
test_columns_count_what_the_eye_sees(void **state)
{
	(void)state;
	assert_int_equal(width_columns(span_of("abc")), 3);
	assert_int_equal(width_columns(span_of("日本")), 4);
	assert_int_equal(width_columns(span_of("e\xCC\x81t\xC3\xA9")), 3);
	/* family: four people and three joiners are one grapheme */
	assert_int_equal(width_columns(span_of("👨‍👩‍👧‍👦")),
			 2);
	assert_int_equal(width_columns(span_of("🇩🇪🇫🇷")), 4);
	assert_int_equal(width_columns(span_of("")), 0);
}

static void
fit_is(const char *in, size_t columns, unsigned flags, const char *want)
{
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(width_fit(span_of(in), columns, flags, &out), 0);
	assert_span(buf_span(&out), want);
	buf_free(&out);
}

static void
test_fit_pads_and_cuts_to_the_column(void **state)
{
	(void)state;
	fit_is("ab", 4, 0, "ab  ");
	fit_is("ab", 4, WIDTH_RIGHT, "  ab");
	fit_is("ab", 4, WIDTH_CUT, "ab");
	fit_is("abcdef", 4, 0, "abc…");
	fit_is("日本語", 6, 0, "日本語");
	fit_is("日本語x", 6, 0, "日本… "); /* half a character is none */
	fit_is("abc", 0, 0, "");
	fit_is("", 3, 0, "   ");
	/* an accent stays with its letter */
	fit_is("xe\xCC\x81yz", 3, 0, "xe\xCC\x81…");
}

static void
test_fit_pads_beyond_any_fixed_run_of_blanks(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(width_fit(span_of("x"), 300, 0, &out), 0);
	assert_int_equal(out.n, 300);
	buf_free(&out);
}

static void
test_a_full_buffer_is_an_error(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4);
	assert_int_equal(width_clean(span_of("abcdef"), 0, &out), -1);
	buf_clear(&out);
	assert_int_equal(width_fit(span_of("ab"), 10, 0, &out), -1);
	buf_free(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape_sequences_are_shown_not_sent),
		cmocka_unit_test(
		    test_invalid_bytes_become_the_replacement_character),
		cmocka_unit_test(test_lines_stay_only_where_asked_for),
		cmocka_unit_test(test_a_field_cannot_turn_the_next_around),
		cmocka_unit_test(test_columns_count_what_the_eye_sees),
		cmocka_unit_test(test_fit_pads_and_cuts_to_the_column),
		cmocka_unit_test(test_fit_pads_beyond_any_fixed_run_of_blanks),
		cmocka_unit_test(test_a_full_buffer_is_an_error),
	};
	return cmocka_run_group_tests_name("width", tests, NULL, NULL);
}
