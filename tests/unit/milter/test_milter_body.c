#include "../test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/milter_body.h"

enum { MANY = 1000 * 1000 };

static int
gather(void *out, struct span piece, struct err *e)
{
	(void)e;
	assert_in_range(piece.n, 1, MILTER_BODY_PIECE);
	return buf_add_span(out, piece);
}

static void
assert_body(const struct milter_body *b, struct span want)
{
	struct buf out;
	struct err e;

	buf_init(&out, 4 * MANY);
	assert_int_equal(milter_body_each(b, gather, &out, &e), 0);
	assert_int_equal(out.n, want.n);
	if (want.n > 0)
		assert_memory_equal(out.p, want.p, want.n);
	assert_int_equal(milter_body_size(b), want.n);
	buf_free(&out);
}

static void
what_goes_in_comes_out(void **state)
{
	char dir[] = "test_milter_body-XXXXXX";
	char *text = malloc(MANY);
	struct milter_body b;
	struct err e;

	(void)state;
	assert_non_null(text);
	assert_non_null(mkdtemp(dir));
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	for (size_t i = 0; i < MANY; i++)
		text[i] = (char)('a' + i % 23);
	milter_body_init(&b, dirfd, MANY);
	assert_body(&b, span_make(NULL, 0));
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i += 4999) {
			struct span rest = span_make(text + i, MANY - i);
			assert_int_equal(
			    milter_body_add(&b, span_head(rest, 4999), &e), 0);
		}
		assert_true(b.fd >= 0); /* it is no small one */
		assert_body(&b, span_make(text, MANY));
		assert_int_equal(milter_body_add(&b, span_of("x"), &e), -1);
		assert_int_equal(e.class, ERR_LIMIT);
		milter_body_clear(&b);
	}
	assert_int_equal(close(dirfd), 0);
	assert_int_equal(rmdir(dir), 0); /* nothing was left in it */
	free(text);
}

static void
a_directory_that_is_gone_is_temporary(void **state)
{
	static const char page[4096];
	struct milter_body b;
	struct err e = { 0 };
	int rc = 0;

	(void)state;
	milter_body_init(&b, -1, MANY);
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = milter_body_add(&b, span_make(page, sizeof(page)), &e);
	assert_int_equal(rc, -1);
	assert_int_equal(e.class, ERR_TEMP);
	milter_body_clear(&b);
}

/* RFC 5321 2.3.8: no bare CR, no bare LF, no NUL. */
static void
foreign_line_ends_become_crlf_wherever_they_are_cut(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "a\nb", "a\r\nb\r\n" },
		{ "a\r\nb\r\n", "a\r\nb\r\n" },
		{ "a\rb\r", "a\r\nb\r\n" },
		{ "\r\n\n\r\r\n.\r\n", "\r\n\r\n\r\n\r\n.\r\n" },
	};
	struct milter_body b;
	struct err e;

	(void)state;
	milter_body_init(&b, -1, MANY);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct span in = span_of(pairs[i][0]);
		for (size_t cut = 0; cut <= in.n; cut++) {
			assert_int_equal(
			    milter_body_add_foreign(&b, span_head(in, cut), &e),
			    0);
			assert_int_equal(
			    milter_body_add_foreign(&b, span_skip(in, cut), &e),
			    0);
			assert_int_equal(milter_body_end_foreign(&b, &e), 0);
			assert_body(&b, span_of(pairs[i][1]));
			milter_body_clear(&b);
		}
	}
	assert_int_equal(
	    milter_body_add_foreign(&b, span_make("a\0b\n", 4), &e), 0);
	assert_body(&b, span_of("a?b\r\n"));
	milter_body_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_directory_that_is_gone_is_temporary),
		cmocka_unit_test(
		    foreign_line_ends_become_crlf_wherever_they_are_cut),
	};

	return cmocka_run_group_tests_name("milter/milter_body", tests, NULL,
					   NULL);
}
