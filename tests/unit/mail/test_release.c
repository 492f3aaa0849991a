#include "../test.h"

#include "mail/release.h"

/* RFC 3339 5.6, 5.8 */
static void
date_times_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_s;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1985-04-12T23:20:50.52Z", 482196050 },
		{ "1996-12-19T16:39:57-08:00", 851042397 },
		{ "1990-12-31T23:59:60Z", 662688000 },
		{ "1937-01-01T12:00:27.87+00:20", -1 },
		{ "2024-02-29t00:00:00z", 1709164800 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "2026-11-26T10:00:00.123456789+01:30", 1795681800 },
	};
	static const char *const bad[] = {
		"",
		"2026-11-26",
		"2026-11-26T10:00:00",
		"2026-11-26 10:00:00Z",
		"2026-02-29T10:00:00Z",
		"2026-13-01T10:00:00Z",
		"2026-00-01T10:00:00Z",
		"2026-11-31T10:00:00Z",
		"2026-11-26T24:00:00Z",
		"2026-11-26T10:60:00Z",
		"2026-11-26T10:00:61Z",
		"2026-11-26T10:00:00.Z",
		"2026-11-26T10:00:00.1234567890Z",
		"2026-11-26T10:00:00+0100",
		"2026-11-26T10:00:00+24:00",
		"2026-11-26T10:00:00Z ",
		"2026-11-26T10:00:00ZZ",
		"26-11-26T10:00:00Z",
		"2026-1-26T10:00:00Z",
		"-026-11-26T10:00:00Z",
		"2026-11-26T1\xc3\xb0:00:00Z",
	};
	int64_t wall_s;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int rc = release_date_parse(span_of(good[i].text), &wall_s);
		if (good[i].wall_s < 0) { /* before 1970: nothing to wait for */
			assert_int_equal(rc, -1);
			continue;
		}
		assert_int_equal(rc, 0);
		assert_int_equal(wall_s, good[i].wall_s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (release_date_parse(span_of(bad[i]), &wall_s) == 0)
			fail_msg("\"%s\" was read", bad[i]);
	}
}

static void
what_is_written_is_read_back(void **state)
{
	static const int64_t times[] = { 0, 951827696, 1709164800, 4102444799,
					 253402300799 };
	char text[RELEASE_DATE_SIZE];
	int64_t wall_s;

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		release_date_format(times[i], text);
		assert_int_equal(release_date_parse(span_of(text), &wall_s), 0);
		assert_int_equal(wall_s, times[i]);
	}
	release_date_format(-5, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	release_date_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

/* RFC 4865 4: one to nine digits, no leading nothing. */
static void
intervals_and_requests(void **state)
{
	static const char *const bad[] = { "",
					   "for;",
					   "for;0",
					   "for;1234567890",
					   "for;-1",
					   "for;1 ",
					   "until;",
					   "until;tomorrow",
					   "at;2026-11-26T10:00:00Z",
					   "3600",
					   "until;2026-11-26T10:00:00Z;" };
	int64_t n;

	(void)state;
	assert_int_equal(release_interval_parse(span_of("1"), &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(release_interval_parse(span_of("999999999"), &n), 0);
	assert_int_equal(n, RELEASE_INTERVAL_MAX);
	assert_int_equal(release_interval_parse(span_of("000"), &n), -1);
	assert_true(release_request_is_valid(span_of("for;3600")));
	assert_true(
	    release_request_is_valid(span_of("until;2026-11-26T10:00:00Z")));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (release_request_is_valid(span_of(bad[i])))
			fail_msg("\"%s\" is valid", bad[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(date_times_are_read),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(intervals_and_requests),
	};

	return cmocka_run_group_tests_name("mail/release", tests, NULL, NULL);
}
