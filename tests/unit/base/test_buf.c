#include "../test.h"

#include <errno.h>

#include "base/buf.h"

static void
the_cap_refuses_and_changes_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(buf_add_str(&b, "abc"), 0);
	errno = 0;
	assert_int_equal(buf_add_str(&b, "def"), -1);
	assert_int_equal(errno, EMSGSIZE);
	assert_span(buf_span(&b), "abc");
	assert_int_equal(buf_add_str(&b, "de"), 0);
	assert_span(buf_span(&b), "abcde");
	buf_free(&b);
	assert_int_equal(b.n, 0);
}

static void
formats_long_text_and_consumes(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(buf_addf(&b, "%0*d", 1000, 7), 0);
	assert_int_equal(b.n, 1000);
	buf_consume(&b, 999);
	assert_span(buf_span(&b), "7");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cap_refuses_and_changes_nothing),
		cmocka_unit_test(formats_long_text_and_consumes),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
