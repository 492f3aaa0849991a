#include "../test.h"

#include <string.h>

#include "store/maildir_name.h"

static void
reads_names_of_any_program(void **state)
{
	struct maildir_name n;

	(void)state;
	assert_true(maildir_name_parse(
	    "1795412881.M123456P47Q9.mx,S=1204,W=1240:2,RS", &n));
	assert_span(n.unique, "1795412881.M123456P47Q9.mx");
	assert_span(n.base, "1795412881.M123456P47Q9.mx,S=1204,W=1240");
	assert_span(n.flags, "RS");
	assert_int_equal(n.size, 1204);
	assert_int_equal(n.vsize, 1240);
	assert_int_equal(n.seconds, 1795412881);
	assert_int_equal(n.micros, 123456);
	assert_true(maildir_name_parse("anything", &n));
	assert_int_equal(n.size, -1);
	assert_int_equal(n.seconds, 0);
	assert_int_equal(n.flags.n, 0);
	assert_true(maildir_name_parse("1.x:1,old", &n));
	assert_int_equal(n.flags.n, 0);
}

static void
refuses_what_is_no_message(void **state)
{
	struct maildir_name n;
	char longest[300];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	assert_false(maildir_name_parse("", &n));
	assert_false(maildir_name_parse(".", &n));
	assert_false(maildir_name_parse("..", &n));
	assert_false(maildir_name_parse(".hidden", &n));
	assert_false(maildir_name_parse(":2,S", &n));
	assert_false(maildir_name_parse(longest, &n));
}

static void
believes_no_absurd_size(void **state)
{
	struct maildir_name n;

	(void)state;
	assert_true(maildir_name_parse("a,S=99999999999999999999,W=-1", &n));
	assert_int_equal(n.size, -1);
	assert_int_equal(n.vsize, -1);
	assert_true(maildir_name_parse("a,S=,W=9223372036854775807", &n));
	assert_int_equal(n.size, -1);
	assert_int_equal(n.vsize, -1);
}

static void
a_new_name_is_a_uidl_as_it_is(void **state)
{
	char name[MAILDIR_NAME_SIZE], other[MAILDIR_NAME_SIZE];
	char uidl[MAILDIR_UIDL_SIZE];
	struct maildir_name n;

	(void)state;
	maildir_name_unique(name,
			    "a/very:long,host\xc3\xa9.name.that.goes.on.and."
			    "on.and.on.example.com",
			    4294967295u);
	assert_null(strpbrk(name, "/:,"));
	assert_true(strlen(name) <= MAILDIR_UIDL_MAX);
	assert_true(maildir_name_parse(name, &n));
	maildir_name_uidl(n.unique, 0, uidl);
	assert_string_equal(uidl, name);
	maildir_name_unique(other, "h", 0);
	assert_string_not_equal(name, other);
}

static void
a_uidl_is_always_fit_and_stable(void **state)
{
	char a[MAILDIR_UIDL_SIZE], b[MAILDIR_UIDL_SIZE];
	char longest[200];

	(void)state;
	memset(longest, 'z', sizeof(longest));
	maildir_name_uidl(span_make(longest, sizeof(longest)), 0, a);
	assert_in_range(strlen(a), 1, MAILDIR_UIDL_MAX);
	maildir_name_uidl(span_make(longest, sizeof(longest)), 0, b);
	assert_string_equal(a, b);
	maildir_name_uidl(span_make(longest, sizeof(longest) - 1), 0, b);
	assert_string_not_equal(a, b);
	maildir_name_uidl(span_of("with blank"), 0, a);
	assert_null(strchr(a, ' '));
	maildir_name_uidl(span_of("x"), 0, a);
	maildir_name_uidl(span_of("x"), 1, b);
	assert_string_equal(a, "x");
	assert_string_equal(b, "x.2");
	maildir_name_uidl(span_make(longest, 70), 1, b);
	assert_in_range(strlen(b), 1, MAILDIR_UIDL_MAX);
}

static void
seen_keeps_flags_in_order(void **state)
{
	char name[MAILDIR_NAME_SIZE], longest[MAILDIR_NAME_SIZE];

	(void)state;
	assert_int_equal(maildir_name_seen("1.a,S=1", true, name), 0);
	assert_string_equal(name, "1.a,S=1:2,S");
	assert_int_equal(maildir_name_seen("1.a:2,FRT", true, name), 0);
	assert_string_equal(name, "1.a:2,FRST");
	assert_int_equal(maildir_name_seen("1.a:2,S", true, name), 0);
	assert_string_equal(name, "1.a:2,S");
	memset(longest, 'a', 254);
	longest[254] = '\0';
	assert_int_equal(maildir_name_seen(longest, true, name), -1);
}

static void
order_is_by_delivery(void **state)
{
	struct maildir_name a, b;

	(void)state;
	assert_true(maildir_name_parse("9.M999999P1Q1.h", &a));
	assert_true(maildir_name_parse("10.M000001P1Q1.h", &b));
	assert_true(maildir_name_order(&a, &b) < 0);
	assert_true(maildir_name_parse("10.M2P1Q1.h", &a));
	assert_true(maildir_name_order(&a, &b) > 0);
	assert_true(maildir_name_order(&a, &a) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_names_of_any_program),
		cmocka_unit_test(refuses_what_is_no_message),
		cmocka_unit_test(believes_no_absurd_size),
		cmocka_unit_test(a_new_name_is_a_uidl_as_it_is),
		cmocka_unit_test(a_uidl_is_always_fit_and_stable),
		cmocka_unit_test(seen_keeps_flags_in_order),
		cmocka_unit_test(order_is_by_delivery),
	};

	return cmocka_run_group_tests_name("store/maildir_name", tests, NULL,
					   NULL);
}
