#include "../test.h"

#include <string.h>

#include "mail/drop.h"

static struct drop d; /* too large for a frame */

static const char whole[] = "postpair-maildrop 1\n"
			    "from <alice@abc.com>\n"
			    "ret HDRS\n"
			    "envid QQ+2B1\n"
			    "notify FAILURE,DELAY\n"
			    "to <bob@xyz.com>\n"
			    "to <\"a b\"@xyz.com>\n"
			    "message 22 89abcdef\n"
			    "\n"
			    "Subject: x\n\nto <y@z>\n";

static void
a_head_is_read_as_it_was_written(void **state)
{
	struct buf out;
	size_t size = 0;
	struct err e;

	(void)state;
	assert_int_equal(drop_parse(span_of(whole), &d, &size, &e), 0);
	assert_string_equal(whole + size, "Subject: x\n\nto <y@z>\n");
	assert_span(d.reverse_path, "alice@abc.com");
	assert_int_equal(d.n_to, 2);
	assert_span(d.to[1], "\"a b\"@xyz.com");
	assert_int_equal(d.ret, DSN_RET_HDRS);
	assert_span(d.envid, "QQ+2B1");
	assert_int_equal(d.notify, DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY);
	assert_int_equal(d.size_bytes, 22);
	assert_int_equal(d.crc, 0x89abcdef);
	assert_false(d.smtputf8);
	buf_init(&out, DROP_HEAD_MAX);
	assert_int_equal(drop_format(&d, &out, &e), 0);
	assert_int_equal(out.n, size);
	assert_memory_equal(out.p, whole, size);
	buf_free(&out);
}

static void
the_null_path_and_utf8(void **state)
{
	static const char text[] = "postpair-maildrop 1\nfrom <>\n"
				   "to <b\xc3\xb6"
				   "b@xyz.com>\nmessage 0 00000000\n\n";
	size_t size = 0;
	struct err e;

	(void)state;
	assert_int_equal(drop_parse(span_of(text), &d, &size, &e), 0);
	assert_int_equal(d.reverse_path.n, 0);
	assert_true(d.smtputf8);
	assert_int_equal(size, sizeof(text) - 1);
}

#define HEAD "postpair-maildrop 1\nfrom <a@b.org>\n"
#define TO "to <c@d.org>\n"
#define END "message 0 00000000\n\n"

static void
what_is_none_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"postpair-maildrop 2\nfrom <a@b.org>\n" TO END,
		"postpair-maildrop 1",
		HEAD,
		HEAD TO,
		HEAD END,
		HEAD TO "message 0 00000000\n",
		HEAD TO "message 0 0000000g\n\n",
		HEAD TO "message 0 00000000 \n\n",
		HEAD TO "message -1 00000000\n\n",
		HEAD TO "message 99999999999999999999 00000000\n\n",
		HEAD TO "from <a@b.org>\n" END,
		HEAD "from <a@b.org>\n" TO END,
		HEAD TO "ret FULL\n" END,
		HEAD "ret SOME\n" TO END,
		HEAD "envid a=b\n" TO END,
		HEAD "notify NEVER,DELAY\n" TO END,
		HEAD "to <>\n" END,
		HEAD "to <c>\n" END,
		HEAD "to c@d.org\n" END,
		HEAD "to <c@d.org> \n" END,
		HEAD "to  <c@d.org>\n" END,
		HEAD "to <@x.org:c@d.org>\n" END,
		HEAD "to\n" END,
		HEAD "cc <c@d.org>\n" END,
		"postpair-maildrop 1\n" TO END,
		"postpair-maildrop 1\r\nfrom <a@b.org>\r\n",
	};
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		if (drop_parse(span_of(cases[i]), &d, &size, &e) == 0)
			fail_msg("%zu was taken: %s", i, cases[i]);
		assert_int_equal(e.class, ERR_PERM);
	}
}

static void
recipients_are_bounded(void **state)
{
	struct buf text;
	size_t size;
	struct err e;

	(void)state;
	buf_init(&text, DROP_HEAD_MAX);
	assert_int_equal(buf_add_str(&text, HEAD), 0);
	for (int i = 0; i < DROP_RECIPIENTS_MAX; i++)
		assert_int_equal(buf_add_str(&text, TO), 0);
	size_t before = text.n;
	assert_int_equal(buf_add_str(&text, END), 0);
	assert_int_equal(drop_parse(buf_span(&text), &d, &size, &e), 0);
	text.n = before;
	assert_int_equal(buf_add_str(&text, TO END), 0);
	assert_int_equal(drop_parse(buf_span(&text), &d, &size, &e), -1);
	buf_free(&text);
}

static void
nothing_is_written_that_would_not_be_read(void **state)
{
	static const char *const bad[] = { "", "c", "c@d.org>\nto <x@y.org",
					   "c d@x.org", "@a.org:b@c.org" };
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, DROP_HEAD_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		d = (struct drop){ .reverse_path = span_of("a@b.org"),
				   .n_to = 1,
				   .to = { span_of(bad[i]) } };
		assert_int_equal(drop_format(&d, &out, &e), -1);
		assert_int_equal(out.n, 0);
	}
	d = (struct drop){ .reverse_path = span_of("a@b.org") };
	assert_int_equal(drop_format(&d, &out, &e), -1);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_read_as_it_was_written),
		cmocka_unit_test(the_null_path_and_utf8),
		cmocka_unit_test(what_is_none_is_refused),
		cmocka_unit_test(recipients_are_bounded),
		cmocka_unit_test(nothing_is_written_that_would_not_be_read),
	};

	return cmocka_run_group_tests_name("mail/drop", tests, NULL, NULL);
}
