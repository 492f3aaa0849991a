#include "../test.h"

#include <string.h>

#include "mail/encoded_word.h"
#include "mail/utf8.h"

static void
text_becomes(const char *text, const char *want)
{
	struct buf out;

	buf_init(&out, 10000);
	assert_int_equal(encoded_word_text(span_of(text), 67, &out), 0);
	assert_span(buf_span(&out), want);
	buf_free(&out);
}

static void
only_what_must_be_is_encoded(void **state)
{
	(void)state;
	text_becomes("", "");
	text_becomes("plain  text, \"as it is\"", "plain  text, \"as it is\"");
	text_becomes("ver\xc3\xb6"
		     "ffentlicht an alle",
		     "=?UTF-8?Q?ver=C3=B6ffentlicht?= an alle");
	text_becomes("an \xc3\xa4 \xc3\xb6 alle",
		     "an =?UTF-8?B?w6Qgw7Y=?= alle");
	text_becomes("\xe6\x97\xa5\xe6\x9c\xac", "=?UTF-8?B?5pel5pys?=");
	/* what a reader would decode */
	text_becomes("a =?utf-8?q?x?= b",
		     "a =?UTF-8?B?PT91dGYtOD9xP3g/PQ==?= b");
}

/* Each word: at most `room` characters, whole characters in it (base64 of three
 * bytes each is checked by its length). */
static void
check_words(struct span s, size_t room)
{
	while (s.n > 0) {
		struct span word = span_word(&s);
		assert_true(word.n <= room);
		assert_true(word.n > 12);
		assert_memory_equal(word.p, "=?UTF-8?", 8);
		assert_memory_equal(word.p + word.n - 2, "?=", 2);
		if (word.p[8] == 'B')
			assert_int_equal((word.n - 12) % 4, 0);
		room = 75;
	}
}

static void
words_are_at_most_75_characters(void **state)
{
	static const char *const letters[] = { "\xc3\xa9", "\xe6\x97\xa5",
					       "\xf0\x9f\x98\x80", "x",
					       "\xe6\x97\xa5 a" };

	(void)state;
	for (size_t l = 0; l < sizeof(letters) / sizeof(letters[0]); l++) {
		for (size_t n = 1; n < 200; n++) {
			struct buf text, out;

			buf_init(&text, 10000);
			buf_init(&out, 10000);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(buf_add_str(&text, letters[l]),
						 0);
			assert_int_equal(encoded_word_put(buf_span(&text),
							  20 + n % 60, &out),
					 0);
			check_words(buf_span(&out),
				    20 + n % 60 < 32 || 20 + n % 60 > 75
					? 75
					: 20 + n % 60);
			buf_free(&text);
			buf_free(&out);
		}
	}
}

static void
a_full_buffer_is_an_error(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	assert_int_equal(encoded_word_put(span_of("\xc3\xa9"), 75, &out), -1);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_must_be_is_encoded),
		cmocka_unit_test(words_are_at_most_75_characters),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests_name("mail/encoded_word", tests, NULL,
					   NULL);
}
