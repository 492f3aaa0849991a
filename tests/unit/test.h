#ifndef PP_TESTS_UNIT_TEST_H
#define PP_TESTS_UNIT_TEST_H

/* What every unit test includes: cmocka and the headers it wants first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Compare a span with a C string. */
#define assert_span(s, text)                                 \
	do {                                                 \
		struct span span_ = (s);                     \
		assert_int_equal(span_.n, strlen(text));     \
		assert_memory_equal(span_.p, text, span_.n); \
	} while (0)

/*
 * Leave a test that this machine or user cannot run.  (cmocka's own skip()
 * prints "not ok", which TAP counts as a failure.)
 */
#define leave_test(why)                                \
	do {                                           \
		print_message("# not run: %s\n", why); \
		return;                                \
	} while (0)

#endif
