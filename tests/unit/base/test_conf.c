#include "../test.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/conf.h"

static int
note(void *ctx, int line, const char *section, const char *key,
     const char *value, struct err *e)
{
	if (strcmp(key, "refuse") == 0)
		return err_set(e, ERR_PERM, 0, "%s: no", key);
	assert_int_equal(
	    buf_addf(ctx, "%d[%s]%s=%s\n", line, section, key, value), 0);
	return 0;
}

static struct buf seen;

static int
parse(const char *text, struct err *e)
{
	buf_free(&seen);
	buf_init(&seen, 4096);
	memset(e, 0, sizeof(*e));
	return conf_parse_text(span_of(text), "t.conf", note, &seen, e);
}

static void
expect(const char *text, const char *events)
{
	struct err e;

	if (parse(text, &e) != 0)
		fail_msg("%s", e.msg);
	assert_span(buf_span(&seen), events);
}

static void
expect_error(const char *text, const char *reason)
{
	struct err e;

	assert_int_equal(parse(text, &e), -1);
	assert_string_equal(e.msg, reason);
	assert_int_equal(e.class, ERR_PERM);
}

static void
keys_come_with_section_and_line(void **state)
{
	(void)state;
	expect("# c\n; c\n\n[a]\nx = 1\r\n  y=two words \n\n[b]\nz =\n"
	       "xyz.com = 127.0.0.1:2525\nlast = #5;6",
	       "5[a]x=1\n6[a]y=two words\n9[b]z=\n"
	       "10[b]xyz.com=127.0.0.1:2525\n11[b]last=#5;6\n");
	expect("\xef\xbb\xbf[a]\nx=1\n", "2[a]x=1\n");
	expect("", "");
}

static void
what_inih_would_change_is_refused(void **state)
{
	char text[1000];

	(void)state;
	expect_error("[a]\nx\n",
		     "t.conf:2: '=' is missing: a line is 'key = value'");
	expect_error("[a]\nx = 1 ; one\n",
		     "t.conf:2: x: a blank before ';': a comment stands on a "
		     "line of its own");
	expect_error("[a]\nx: a = 1\n", "t.conf:2: ':' stands before '='");
	expect_error("[a]\n= 1\n", "t.conf:2: no key before '='");
	expect_error("[a\n", "t.conf:1: ']' is missing after '['");
	expect_error("[a] x = 1\n", "t.conf:1: text after ']'");
	expect_error("[]\n", "t.conf:1: the section has no name");
	expect_error("[a b]\n", "t.conf:1: a section name is one word");
	expect_error("# c\n\xef\xbb\xbf[a]\n",
		     "t.conf:2: a byte order mark within the file");
	expect_error("[a]\nx = \001\n", "t.conf:2: a control byte (0x01)");

	(void)snprintf(text, sizeof(text), "[a]\nx = %0187d\n", 0);
	expect_error(text, "t.conf:2: the line is longer than 190 bytes");
	(void)snprintf(text, sizeof(text), "[a]\n%049d = 0\n", 0);
	expect_error(text, "t.conf:2: the key is longer than 48 bytes");
	(void)snprintf(text, sizeof(text), "[%049d]\n", 0);
	expect_error(text,
		     "t.conf:1: the section name is longer than 48 bytes");
}

static void
the_longest_line_passes_whole(void **state)
{
	char text[300], want[300];

	(void)state;
	(void)snprintf(text, sizeof(text), "[a]\nx = %0186d\n", 7);
	(void)snprintf(want, sizeof(want), "2[a]x=%0186d\n", 7);
	expect(text, want);
	/* A comment is never cut into a second line, however long. */
	(void)snprintf(text, sizeof(text), "#%0250d\n[a]\nx=1\n", 0);
	expect(text, "3[a]x=1\n");
}

static void
the_first_error_ends_it(void **state)
{
	(void)state;
	expect_error("[a]\nx = 1\nrefuse = 2\nrefuse = 3\nbad\n",
		     "t.conf:3: refuse: no");
	assert_span(buf_span(&seen), "2[a]x=1\n");
}

static void
nul_bytes_and_big_texts_are_refused(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(conf_parse_text(span_make("[a]\nx=a\0b\n", 10), "t",
					 note, &seen, &e),
			 -1);
	assert_string_equal(e.msg, "t:2: a control byte (0x00)");
	static const char big[CONF_FILE_MAX + 1];
	assert_int_equal(
	    conf_parse_text(span_make(big, sizeof(big)), "t", note, &seen, &e),
	    -1);
	assert_int_equal(e.class, ERR_LIMIT);
}

static void
a_missing_file_is_named(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(conf_parse_file("/dev/null/x", note, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "/dev/null/x"));
}

static void
slips_of_the_pen_are_recognised(void **state)
{
	static const char *const words[] = { "listen", "hostname", "users",
					     "log" };

	(void)state;
	assert_string_equal(conf_nearest("lisetn", words, 4), "listen");
	assert_string_equal(conf_nearest("host-name", words, 4), "hostname");
	assert_string_equal(conf_nearest("user", words, 4), "users");
	assert_null(conf_nearest("quota", words, 4));
	assert_null(conf_nearest("", words, 4));
	assert_null(conf_nearest("x", words, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_with_section_and_line),
		cmocka_unit_test(what_inih_would_change_is_refused),
		cmocka_unit_test(the_longest_line_passes_whole),
		cmocka_unit_test(the_first_error_ends_it),
		cmocka_unit_test(nul_bytes_and_big_texts_are_refused),
		cmocka_unit_test(a_missing_file_is_named),
		cmocka_unit_test(slips_of_the_pen_are_recognised),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&seen);
	return rc;
}
