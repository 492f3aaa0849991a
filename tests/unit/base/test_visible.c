#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "base/visible.h"

static void
what_a_terminal_obeys_is_not_visible(void **state)
{
	static const char *const hidden[] = {
		"\x1b",
		"\n",
		"\x7f",
		"\xc2\x80",
		"\xc2\x9b",
		"\xc2\x9f", /* C1 */
		"\x9b",
		"\xc3",
		"\xc0\xaf",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9", /* line, paragraph */
		"\xd8\x9c",
		"\xe2\x80\x8e",
		"\xe2\x80\x8f",
		"\xe2\x80\xaa",
		"\xe2\x80\xab",
		"\xe2\x80\xac",
		"\xe2\x80\xad",
		"\xe2\x80\xae",
		"\xe2\x81\xa6",
		"\xe2\x81\xa7",
		"\xe2\x81\xa8",
		"\xe2\x81\xa9",
		"\xed\xa0\x80",
		"\xe0\x80\x9b",
		"\xf4\x90\x80\x80",
		"\xf0\x80\x80\x9b",
		/* the last that is over-long, and of the surrogates */
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xed\xbf\xbf",
		"\xe2\x82",
	};
	static const char *const shown[] = {
		"a",
		" ",
		"~",
		"\xc2\xa0",
		"\xc3\xa9",
		"\xe2\x80\x8d",
		"\xe2\x81\xa5",
		"\xe2\x82\xac",
		"\xf0\x9f\x98\x80",
		"\xf4\x8f\xbf\xbf",
		/* beside those that are hidden */
		"\xd8\x9b",
		"\xd8\x9d",
		"\xe2\x80\x90",
		"\xe2\x80\xa7",
		"\xe2\x80\xaf",
		"\xe2\x81\xaa",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xf0\x90\x80\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		assert_int_equal(visible_next(span_of(hidden[i])), 0);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_int_equal(visible_next(span_of(shown[i])),
				 strlen(shown[i]));
	assert_int_equal(visible_next(span_of("")), 0);
}

/* RFC 3629 4: these begin no character, whatever octets follow. */
static void
what_begins_no_character_is_not_visible(void **state)
{
	static const unsigned char next[] = { 0x80, 0x90, 0xbf };

	(void)state;
	for (unsigned c = 0x80; c <= 0xff; c++) {
		if (c >= 0xc2 && c <= 0xf4)
			continue;
		for (size_t i = 0; i < sizeof(next); i++) {
			char s[4] = { (char)c };
			memset(s + 1, next[i], sizeof(s) - 1);
			assert_int_equal(visible_next(span_make(s, sizeof(s))),
					 0);
		}
	}
}

static void
words_are_defused_in_place(void **state)
{
	char text[] = "250 ok\033[2J \xC2\x9B"
		      "2J \x9b caf\xC3\xA9 "
		      "\xE2\x80\xAE \xEF\xBF\xBD";

	(void)state;
	visible_defuse(text, sizeof(text) - 1);
	assert_string_equal(text, "250 ok?[2J ??2J ? caf\xC3\xA9 ??? "
				  "\xEF\xBF\xBD");
}

static void
printed(void (*print)(FILE *out, struct span text), const char *text,
	const char *want)
{
	char *got = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&got, &n);

	assert_non_null(out);
	print(out, span_of(text));
	assert_int_equal(fclose(out), 0);
	assert_string_equal(got, want);
	free(got);
}

static void
as_json(FILE *out, struct span text)
{
	assert_int_equal(visible_json(out, text), 0);
}

static void
json_stays_the_same_json(void **state)
{
	(void)state;
	printed(as_json, "{\"a\":\"x\xe2\x80\xaey\x7f\xc2\x9bz\"}\n",
		"{\"a\":\"x\\u202ey\\u007f\\u009bz\"}\n");
	printed(as_json, "[\"J\xc3\xb6rg\",\"\xff\"]",
		"[\"J\xc3\xb6rg\",\"\\ufffd\"]");
	printed(visible_print, "J\xc3\xb6rg\x1b[m\xe2\x80\xae",
		"J\xc3\xb6rg?[m???");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_terminal_obeys_is_not_visible),
		cmocka_unit_test(what_begins_no_character_is_not_visible),
		cmocka_unit_test(words_are_defused_in_place),
		cmocka_unit_test(json_stays_the_same_json),
	};

	return cmocka_run_group_tests_name("base/visible", tests, NULL, NULL);
}
