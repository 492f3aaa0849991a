#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/set.h"

/* Ten messages; bob wrote the even ones, those over 5 are unread. */
static int
test_step(void *ctx, uint32_t n, const struct set_step *step, bool *yes,
	  struct err *e)
{
	(void)ctx;
	(void)e;
	switch ((int)step->kind) {
	case SET_FROM:
		*yes = set_text_matches(step, n % 2 == 0 ? "Bob <bob@x.org>"
							 : "carol@y.org");
		return 0;
	case SET_SUBJECT:
		*yes = set_text_matches(step, n == 3 ? "[ci] nightly" : "x");
		return 0;
	case SET_UNREAD:
		*yes = n > 5;
		return 0;
	case SET_SIZE_OVER:
		*yes = n * 1024 > (uint64_t)step->number;
		return 0;
	default:
		*yes = false;
		return 0;
	}
}

static int
select_text(const char *text, char *shown, size_t size)
{
	const struct set_view view = { .current = 4,
				       .highest = 10,
				       .test = test_step };
	struct set *s = calloc(1, sizeof(*s));
	struct arg words[16];
	char copy[200], *word, *rest = copy;
	struct failure f;
	struct err e;
	size_t n = 0, used = 0;
	int rc;

	assert_non_null(s);
	(void)snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " ")) != NULL)
		words[n++] = (struct arg){ word, strlen(word), strlen(word) };
	rc = set_parse(s, words, n, 1000000, &f);
	shown[0] = '\0';
	for (uint32_t i = 1; rc == SHELL_OK && i <= 10; i++)
		if (set_matches(s, &view, i, &e) == 1)
			used +=
			    (size_t)snprintf(shown + used, size - used, "%s%u",
					     used > 0 ? " " : "", i);
	set_free(s);
	free(s);
	return rc;
}

static void
sets_choose_messages(void **state)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "3", "3" },
		{ "3:5", "3 4 5" },
		{ "5:3", "3 4 5" },
		{ "1,4,9:$", "1 4 9 10" },
		{ "$-2:$", "8 9 10" },
		{ ".", "4" },
		{ ".+1", "5" },
		{ ".-1:.", "3 4" },
		{ "99", "" },
		{ "all", "1 2 3 4 5 6 7 8 9 10" },
		{ "from:BOB", "2 4 6 8 10" },
		{ "from:bob unread", "6 8 10" },
		{ "from:bob or 1:3", "1 2 3 4 6 8 10" },
		{ "unread from:bob or 1 not from:bob", "1 6 8 10" },
		{ "not from:bob", "1 3 5 7 9" },
		{ "not not 3", "3" },
		{ "not (from:bob or 1:5)", "7 9" },
		{ "(1 or 2) (2 or 3)", "2" },
		{ "((3))", "3" },
		{ "subject:~^\\[ci\\]", "3" },
		{ "size>8K", "9 10" },
		{ "is:unread 7", "7" },
	};
	char shown[100];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(select_text(t[i].text, shown, sizeof(shown)),
				 SHELL_OK);
		assert_string_equal(shown, t[i].want);
	}
}

static void
mistakes_are_usage_errors(void **state)
{
	static const char *const t[] = {
		"(",
		")",
		"1 or",
		"or 1",
		"not",
		"()",
		"(1",
		"1)",
		"bogus",
		"3-5",
		"1,,2",
		"1:",
		"from:",
		"subject:~[",
		"size>many",
		"on:2026-02-30",
		"since:soon",
		"newer:x",
		"header:X",
		"3=",
		"flagged",
		"tag:x",
		"has:colour",
		"9999999999",
		"since:2026-13-01",
	};
	char shown[100];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(select_text(t[i], shown, sizeof(shown)),
				 SHELL_USAGE);
}

static void
quoted_words_are_values_only(void **state)
{
	struct set *s = calloc(1, sizeof(*s));
	const struct arg value = { "from:not (a) or b", 17, 5 };
	struct failure f;

	(void)state;
	assert_non_null(s);
	assert_int_equal(set_parse(s, &value, 1, 0, &f), SHELL_OK);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->step[0].kind, SET_FROM);
	assert_span(s->step[0].text, "not (a) or b");
	set_free(s);
	free(s);
}

static void
long_sets_are_refused(void **state)
{
	struct set *s = calloc(1, sizeof(*s));
	struct arg *words = calloc(2000, sizeof(*words));
	struct failure f;

	(void)state;
	assert_non_null(s);
	assert_non_null(words);
	for (int i = 0; i < 2000; i++)
		words[i] =
		    (struct arg){ i % 2 == 0 ? "not" : "(", i % 2 == 0 ? 3 : 1,
				  i % 2 == 0 ? 3 : 1 };
	assert_int_equal(set_parse(s, words, 2000, 0, &f), SHELL_USAGE);
	for (int i = 0; i < 2000; i++)
		words[i] = (struct arg){ "1", 1, 1 };
	assert_int_equal(set_parse(s, words, 2000, 0, &f), SHELL_USAGE);
	set_free(s);
	free(words);
	free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_choose_messages),
		cmocka_unit_test(mistakes_are_usage_errors),
		cmocka_unit_test(quoted_words_are_values_only),
		cmocka_unit_test(long_sets_are_refused),
	};

	return cmocka_run_group_tests_name("shell/set", tests, NULL, NULL);
}
