#include "../test.h"

#include <string.h>

#include "mail/dsn_param.h"

static void
notify_values(void **state)
{
	static const struct {
		const char *text;
		int rc;
		unsigned notify;
		const char *back;
	} cells[] = {
		{ "NEVER", 0, DSN_NOTIFY_NEVER, "NEVER" },
		{ "never", 0, DSN_NOTIFY_NEVER, "NEVER" },
		{ "SUCCESS", 0, DSN_NOTIFY_SUCCESS, "SUCCESS" },
		{ "FAILURE", 0, DSN_NOTIFY_FAILURE, "FAILURE" },
		{ "DELAY", 0, DSN_NOTIFY_DELAY, "DELAY" },
		{ "Delay,Success", 0, DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY,
		  "SUCCESS,DELAY" },
		{ "SUCCESS,FAILURE,DELAY", 0,
		  DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY,
		  "SUCCESS,FAILURE,DELAY" },
		{ "DELAY,DELAY", 0, DSN_NOTIFY_DELAY, "DELAY" },
		{ "", -1, 0, "" },
		{ ",", -1, 0, "" },
		{ "SUCCESS,", -1, 0, "" },
		{ ",SUCCESS", -1, 0, "" },
		{ "SUCCESS,,DELAY", -1, 0, "" },
		{ "NEVER,SUCCESS", -1, 0, "" },
		{ "DELAY,NEVER", -1, 0, "" },
		{ "ALWAYS", -1, 0, "" },
		{ "SUCCES", -1, 0, "" },
	};
	char back[DSN_NOTIFY_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		unsigned notify = 0;
		assert_int_equal(
		    dsn_notify_parse(span_of(cells[i].text), &notify),
		    cells[i].rc);
		assert_int_equal(notify, cells[i].notify);
		dsn_notify_text(notify, back);
		assert_string_equal(back, cells[i].back);
	}
}

static void
ret_values(void **state)
{
	enum dsn_ret ret = DSN_RET_NONE;

	(void)state;
	assert_null(dsn_ret_text(ret));
	assert_int_equal(dsn_ret_parse(span_of("full"), &ret), 0);
	assert_string_equal(dsn_ret_text(ret), "FULL");
	assert_int_equal(dsn_ret_parse(span_of("HDRS"), &ret), 0);
	assert_string_equal(dsn_ret_text(ret), "HDRS");
	assert_int_equal(dsn_ret_parse(span_of("BODY"), &ret), -1);
	assert_int_equal(dsn_ret_parse(span_of(""), &ret), -1);
}

static void
xtext_values(void **state)
{
	static const struct {
		const char *text, *decoded; /* NULL: not xtext */
	} cells[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "a+2Bb+3Dc", "a+b=c" },
		{ "a+20b", "a b" },
		{ "a+0D+0AX:", "a??X:" },
		{ "a+00b", "a?b" },
		{ "+FF", "?" },
		{ "!~+20+7E", "!~ ~" },
		{ "+1F+7F", "??" },
		{ "+09+A0", "??" },
		{ "a\x7f", NULL },
		{ "+2/", NULL },
		{ "+2:", NULL },
		{ "+2@", NULL },
		{ "a=b", NULL },
		{ "a b", NULL },
		{ "a+2", NULL },
		{ "a+", NULL },
		{ "a+2b", NULL },
		{ "a+GG", NULL },
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct span s = span_of(cells[i].text);
		bool good = cells[i].decoded != NULL;
		assert_int_equal(dsn_xtext_is_valid(s), good);
		assert_int_equal(dsn_xtext_decode(s, out, sizeof(out)),
				 good ? 0 : -1);
		assert_string_equal(out, good ? cells[i].decoded : "");
	}
	assert_int_equal(dsn_xtext_decode(span_of("abcd"), out, 4), -1);
	assert_string_equal(out, "");
	assert_int_equal(dsn_xtext_decode(span_of(""), out, 0), -1);
	assert_int_equal(dsn_xtext_decode(span_of("abc"), out, 4), 0);
}

static void
envid_is_bounded_and_printable(void **state)
{
	char text[DSN_ENVID_MAX + 2];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[DSN_ENVID_MAX + 1] = '\0';
	assert_false(dsn_envid_is_valid(span_of(text)));
	text[DSN_ENVID_MAX] = '\0';
	assert_true(dsn_envid_is_valid(span_of(text)));
	assert_true(dsn_envid_is_valid(span_of("a+20b")));
	assert_false(dsn_envid_is_valid(span_of("")));
	assert_false(dsn_envid_is_valid(span_of("a+0Ab")));
	assert_false(dsn_envid_is_valid(span_of("\xc3\xb8")));
}

static void
orcpt_values(void **state)
{
	static const struct {
		const char *text;
		bool ascii, utf8; /* valid without and with SMTPUTF8 */
	} cells[] = {
		{ "rfc822;bob@xyz.com", true, true },
		{ "rfc822;b+2Bob@xyz.com", true, true },
		{ "x-local;bob", true, true },
		{ "utf-8;b\\x{F8}@xyz.com", true, true },
		{ "utf-8;b\xc3\xb8@xyz.com", false, true },
		{ "utf-8;b\xc3@xyz.com", false, false },
		{ "rfc822;b\xc3\xb8@xyz.com", false, false },
		{ "rfc822;b+0Ab", false, false },
		{ "utf-8;b\xc3\xb8+0Ab", false, false },
		{ "rfc822;", false, false },
		{ ";bob@xyz.com", false, false },
		{ "bob@xyz.com", false, false },
		{ "rfc 822;bob@xyz.com", false, false },
		{ "", false, false },
	};
	char text[DSN_ORCPT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct span s = span_of(cells[i].text);
		assert_int_equal(dsn_orcpt_is_valid(s, false), cells[i].ascii);
		assert_int_equal(dsn_orcpt_is_valid(s, true), cells[i].utf8);
	}
	memset(text, 'x', sizeof(text));
	text[6] = ';';
	text[DSN_ORCPT_MAX + 1] = '\0';
	assert_false(dsn_orcpt_is_valid(span_of(text), false));
	text[DSN_ORCPT_MAX] = '\0';
	assert_true(dsn_orcpt_is_valid(span_of(text), false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_values),
		cmocka_unit_test(ret_values),
		cmocka_unit_test(xtext_values),
		cmocka_unit_test(envid_is_bounded_and_printable),
		cmocka_unit_test(orcpt_values),
	};

	return cmocka_run_group_tests_name("mail/dsn_param", tests, NULL, NULL);
}
