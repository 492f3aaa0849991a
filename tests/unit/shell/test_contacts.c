#include "../test.h"

#include <string.h>

#include "shell/contacts.h"
#include "shell/redact.h"
#include "shell/status.h"
#include "shell/vars.h"

static void
names_stand_for_addresses(void **state)
{
	struct contacts c = { 0 };
	struct err e;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(contacts_parse(&c,
					span_of("# mine\n\nbob bob@xyz.com "
						"Bob Builder\r\n"
						"carol carol@xyz.com"),
					"contacts", &e),
			 0);
	assert_int_equal(contacts_resolve(&c,
					  span_of("BOB, carol,\"a, b\" "
						  "<d@e.org>"),
					  &b, &e),
			 0);
	assert_span(buf_span(&b), "\"Bob Builder\" <bob@xyz.com>, "
				  "carol@xyz.com, \"a, b\" <d@e.org>");
	assert_int_equal(contacts_resolve(&c, span_of("dave"), &b, &e), -1);
	assert_non_null(strstr(e.msg, "dave"));
	assert_int_equal(contacts_remove(&c, span_of("Bob")), 1);
	assert_int_equal(contacts_remove(&c, span_of("bob")), 0);
	contacts_free(&c);
	buf_free(&b);
}

static void
bad_lines_are_named(void **state)
{
	static const char *const bad[] = {
		"x\n",           "x y\n",
		"a,b a@b.org\n", "-x a@b.org\n",
		"x a@b@c\n",     "x a@b.org \"q\"\n",
		"x@y a@b.org\n", "x a@b.org \x01\n",
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct contacts c = { 0 };
		struct buf b;

		buf_init(&b, 1000);
		assert_int_equal(buf_addf(&b, "ok a@b.org\n%s", bad[i]), 0);
		assert_int_equal(contacts_parse(&c, buf_span(&b), "f", &e), -1);
		assert_int_equal(strncmp(e.msg, "f:2: ", 5), 0);
		contacts_free(&c);
		buf_free(&b);
	}
}

static void
passwords_are_never_shown(void **state)
{
	static const struct {
		const char *line, *want;
	} t[] = {
		{ "login a@b --password secret --smtp h",
		  "login a@b --password *** --smtp h" },
		{ "login --password=secret", "login --password=***" },
		{ "login --password 'two words' x", "login --password *** x" },
		{ "login --password \"a\\\" b\"; list",
		  "login --password ***; list" },
		{ "login --password", "login --password" },
		{ "login --password-fd 3", "login --password-fd 3" },
		{ "a --password x; b --password y",
		  "a --password ***; b --password ***" },
		{ "list", "list" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct buf b;

		buf_init(&b, 1000);
		assert_int_equal(redact_line(span_of(t[i].line), &b), 0);
		assert_span(buf_span(&b), t[i].want);
		buf_free(&b);
	}
}

static void
replies_have_their_status(void **state)
{
	static const struct {
		int code;
		enum shell_status want;
	} t[] = {
		{ 250, SHELL_OK },      { 354, SHELL_OK },
		{ 421, SHELL_LATER },   { 450, SHELL_LATER },
		{ 452, SHELL_LATER },   { 550, SHELL_REFUSED },
		{ 535, SHELL_AUTH },    { 530, SHELL_AUTH },
		{ 554, SHELL_REFUSED },
	};
	struct failure f;
	const struct err lost = { .class = ERR_CLOSED, .msg = "gone" };
	const struct err late = { .class = ERR_TIMEOUT, .msg = "late" };
	const struct err stop = { .class = ERR_STOP };
	const struct err bad = { .class = ERR_PROTO, .msg = "a\x1b[2Jb" };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(status_of_code(t[i].code), t[i].want);
	assert_int_equal(failure_from_err(&f, &lost), SHELL_NO_LINK);
	assert_int_equal(failure_from_err(&f, &late), SHELL_TIMEOUT);
	assert_int_equal(failure_from_err(&f, &stop), SHELL_INTERRUPTED);
	assert_string_equal(f.symbol, "interrupted");
	assert_int_equal(failure_from_local(&f, &late), SHELL_LOCAL);
	/* A server's words never steer the terminal. */
	(void)failure_from_err(&f, &bad);
	assert_string_equal(f.text, "a?[2Jb");
}

static void
variables_keep_their_last_value(void **state)
{
	struct vars v = { 0 };
	struct err e;

	(void)state;
	assert_null(vars_get(&v, span_of("x")));
	assert_int_equal(vars_set(&v, span_of("x"), span_of("1"), &e), 0);
	assert_int_equal(vars_set(&v, span_of("y"), span_of(""), &e), 0);
	assert_int_equal(vars_set(&v, span_of("x"), span_of("2"), &e), 0);
	assert_string_equal(vars_get(&v, span_of("x")), "2");
	assert_string_equal(vars_get(&v, span_of("y")), "");
	vars_free(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stand_for_addresses),
		cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(passwords_are_never_shown),
		cmocka_unit_test(replies_have_their_status),
		cmocka_unit_test(variables_keep_their_last_value),
	};

	return cmocka_run_group_tests_name("shell/contacts", tests, NULL, NULL);
}
