#include "../test.h"

#include <errno.h>
#include <string.h>

#include "mail/status.h"

/* Feed lines; returns what the last gave. */
static int
feed(struct smtp_reply *r, const char *const *lines, size_t n)
{
	struct err e;
	int rc = 0;

	*r = (struct smtp_reply){ .code = 0 };
	for (size_t i = 0; i < n; i++) {
		rc = reply_add_line(r, span_of(lines[i]), &e);
		if (rc < 0)
			assert_int_equal(e.class, ERR_PROTO);
	}
	return rc;
}

static void
one_line_replies(void **state)
{
	static const struct {
		const char *line;
		int rc;
		int code;
		const char *enhanced, *text;
	} cases[] = {
		{ "250 2.1.5 ok", 1, 250, "2.1.5", "ok" },
		{ "250 ok", 1, 250, "", "ok" },
		{ "250", 1, 250, "", "" },
		{ "250 ", 1, 250, "", "" },
		{ "550 5.1.1", 1, 550, "5.1.1", "" },
		{ "550 5.1.1  two blanks", 1, 550, "5.1.1", " two blanks" },
		{ "571 5.7.1 outside the table, seen", 1, 571, "5.7.1",
		  "outside the table, seen" },
		{ "354 3.0.0 no such class", 1, 354, "",
		  "3.0.0 no such class" },
		{ "250 5.1.1 class is not the code's", 1, 250, "",
		  "5.1.1 class is not the code's" },
		{ "250 2.1.1000 x", 1, 250, "", "2.1.1000 x" },
		{ "250 2.1.5x", 1, 250, "", "2.1.5x" },
		{ "250 2..5 x", 1, 250, "", "2..5 x" },
		{ "250 tab\there \x1b[2J", 1, 250, "", "tab here ?[2J" },
		{ "250 \xc3\xa9 \xc3 \xc2\x9b", 1, 250, "", "\xc3\xa9 ? ??" },
		{ "", -1, 0, "", "" },
		{ "25", -1, 0, "", "" },
		{ "2500 x", -1, 0, "", "" },
		{ "199 x", -1, 0, "", "" },
		{ "650 x", -1, 0, "", "" },
		{ "2a0 x", -1, 0, "", "" },
		{ "250\tx", -1, 0, "", "" },
		{ " 250 x", -1, 0, "", "" },
	};
	struct smtp_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(feed(&r, &cases[i].line, 1), cases[i].rc);
		assert_int_equal(r.code, cases[i].code);
		assert_string_equal(r.enhanced, cases[i].enhanced);
		assert_string_equal(r.text, cases[i].text);
	}
}

static void
lines_of_one_reply_are_joined(void **state)
{
	static const char *const good[] = { "250-2.0.0 a", "250-2.0.0 b",
					    "250 c" };
	static const char *const changed[] = { "250-a", "550 b" };
	static const char *const empty[] = { "250-", "250-b", "250" };
	struct smtp_reply r;
	char line[40];

	(void)state;
	assert_int_equal(feed(&r, good, 2), 0);
	assert_int_equal(feed(&r, good, 3), 1);
	assert_string_equal(r.text, "a\nb\nc");
	assert_string_equal(r.enhanced, "2.0.0");
	reply_one_line(&r, line, sizeof(line));
	assert_string_equal(line, "250 2.0.0 a; b; c");
	assert_int_equal(feed(&r, changed, 2), -1);
	assert_int_equal(feed(&r, empty, 3), 1);
	assert_string_equal(r.text, "\nb\n");
}

static void
text_without_end_is_bounded(void **state)
{
	struct smtp_reply r = { .code = 0 };
	struct err e;
	char line[3000], *half = line;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "250-", 4);
	assert_int_equal(reply_add_line(&r, span_make(half, 900), &e), 0);
	/* no room: the line is left out whole */
	assert_int_equal(reply_add_line(&r, span_make(half, 900), &e), 0);
	assert_int_equal(strlen(r.text), 896);
	r = (struct smtp_reply){ .code = 0 };
	assert_int_equal(reply_add_line(&r, span_make(line, sizeof(line)), &e),
			 0);
	assert_int_equal(strlen(r.text), REPLY_TEXT_SIZE - 1);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(reply_add_line(&r, span_of("250-y"), &e), 0);
	assert_int_equal(strlen(r.text), REPLY_TEXT_SIZE - 1);
}

static void
our_replies_hold_no_control_bytes(void **state)
{
	struct smtp_reply r;

	(void)state;
	reply_set(&r, 250, "2.0.0", "a\r\nb\x7f %d", 7);
	assert_string_equal(r.text, "a?\nb? 7");
	assert_string_equal(r.enhanced, "2.0.0");
	reply_set(&r, 221, NULL, "bye");
	assert_string_equal(r.enhanced, "");
	reply_set(&r, 221, "2.0.0.0.0.0.0.0", "bye");
	assert_string_equal(r.enhanced, "");
}

static void
a_cut_line_keeps_whole_characters(void **state)
{
	struct smtp_reply r;
	char buf[8];

	(void)state;
	reply_set(&r, 250, NULL, "ab\xc3\xa9");
	reply_one_line(&r, buf, sizeof(buf));
	assert_string_equal(buf, "250 ab");
	reply_one_line(&r, buf, 1);
	assert_string_equal(buf, "");
	reply_set(&r, 250, NULL, "%s", "");
	reply_one_line(&r, buf, sizeof(buf));
	assert_string_equal(buf, "250");
}

static void
failures_get_the_reply_they_deserve(void **state)
{
	static const struct {
		enum err_class class;
		int sys, code;
		const char *enhanced;
	} cases[] = {
		{ ERR_PERM, 0, 554, "5.3.0" },
		{ ERR_PERM, ENOSPC, 554, "5.3.0" },
		{ ERR_LIMIT, 0, 452, "4.3.1" },
		{ ERR_TEMP, ENOSPC, 452, "4.3.1" },
		{ ERR_TEMP, EDQUOT, 452, "4.3.1" },
		{ ERR_TEMP, EIO, 451, "4.3.0" },
		{ ERR_TEMP, 0, 451, "4.3.0" },
		{ ERR_BUG, 0, 451, "4.3.0" },
		{ ERR_PROTO, 0, 451, "4.3.0" },
	};
	struct smtp_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { .class = cases[i].class,
				 .sys = cases[i].sys,
				 .msg = "/secret/path" };
		reply_from_err(&r, &e);
		assert_int_equal(r.code, cases[i].code);
		assert_string_equal(r.enhanced, cases[i].enhanced);
		if (e.class == ERR_TEMP)
			assert_null(strstr(r.text, "secret"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_replies),
		cmocka_unit_test(lines_of_one_reply_are_joined),
		cmocka_unit_test(text_without_end_is_bounded),
		cmocka_unit_test(our_replies_hold_no_control_bytes),
		cmocka_unit_test(a_cut_line_keeps_whole_characters),
		cmocka_unit_test(failures_get_the_reply_they_deserve),
	};

	return cmocka_run_group_tests_name("mail/status", tests, NULL, NULL);
}
