#include "../test.h"

#include <stdlib.h>
#include <time.h>

#include "mail/date.h"

static void
dates_of_rfc_5322(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_s;
		int zone;
	} cases[] = {
		{ "Mon, 23 Nov 2026 05:28:01 +0000", 1795411681, 0 },
		{ "23 Nov 2026 05:28 +0000", 1795411680, 0 },
		{ "Mon, 23 Nov 2026 07:28:01 +0200", 1795411681, 120 },
		{ "Mon, 23 Nov 2026 00:28:01 -0500", 1795411681, -300 },
		{ "1 Jan 1970 00:00:00 +0000", 0, 0 },
		{ "31 Dec 1969 23:59:59 +0000", -1, 0 },
		{ "29 Feb 2000 12:00:00 +0000", 951825600, 0 },
		{ "29 Feb 2024 12:00:00 +0000", 1709208000, 0 },
		{ "31 Dec 2016 23:59:60 +0000", 1483228800, 0 },
		{ "1 Jan 1970 00:00 -0000", 0, 0 },
		{ "1 Jan 1970 00:00 +0530", -19800, 330 },
		/* 4.3: obsolete years, zones, spaces; A.6.2, A.6.3 */
		{ "21 Nov 97 09:55:06 GMT", 880106106, 0 },
		{ "21 Nov 05 09:55:06 UT", 1132566906, 0 },
		{ "21 Nov 105 09:55:06 UT", 1132566906, 0 },
		{ "21 Nov 1997 09:55:06 EST", 880124106, -300 },
		{ "21 Nov 1997 09:55:06 pdt", 880131306, -420 },
		{ "21 Nov 1997 09:55:06 Z", 880106106, 0 },
		{ "21 Nov 1997 09:55:06 CEST", 880106106, 0 },
		{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706,
		  -360 },
		{ "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n"
		  "      23:32\r\n               -0330 (Newfoundland Time)",
		  -27723480, -210 },
		{ "(a (nested \\) one))21 Nov 1997 09:55:06 +0000 (b)",
		  880106106, 0 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t wall = 0;
		int zone = 0;
		if (date_parse(span_of(cases[i].text), &wall, &zone, &e) != 0)
			fail_msg("%s: %s", cases[i].text, e.msg);
		assert_int_equal(wall, cases[i].wall_s);
		assert_int_equal(zone, cases[i].zone);
	}
}

static void
what_is_no_date_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"Mon",
		"Mon 23 Nov 2026 05:28:01 +0000",
		"Foo, 23 Nov 2026 05:28:01 +0000",
		"23 Nov 2026",
		"23 Nov 2026 05:28:01",
		"23 Nov 2026 24:00:00 +0000",
		"23 Nov 2026 05:60:00 +0000",
		"23 Nov 2026 05:28:61 +0000",
		"23 Nov 2026 5:28:01 +0000",
		"0 Nov 2026 05:28:01 +0000",
		"31 Nov 2026 05:28:01 +0000",
		"29 Feb 2100 05:28:01 +0000",
		"29 Feb 2026 05:28:01 +0000",
		"23 Nob 2026 05:28:01 +0000",
		"23 November 2026 05:28:01 +0000",
		"23 Nov 6 05:28:01 +0000",
		"23 Nov 1800 05:28:01 +0000",
		"23 Nov 12026 05:28:01 +0000",
		"23 Nov 2026 05:28:01 +00",
		"23 Nov 2026 05:28:01 +0060",
		"23 Nov 2026 05:28:01 + 0000",
		"23 Nov 2026 05:28:01 +0000 x",
		"23 Nov 2026 05:28:01 +0000 (open",
		"(((((((((((((((((((",
	};
	int64_t wall;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (date_parse(span_of(cases[i]), &wall, NULL, &e) == 0)
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(e.class, ERR_PERM);
	}
}

static void
formatted_dates_are_read_back(void **state)
{
	static const int64_t times[] = {
		0,          1,           951782400, 1709164800,  1795411681,
		4102444799, -2208902400, -1,        253402214399
	};
	static const char *const zones[] = { "UTC0", "XXX-5:30", "XXX3:30",
					     "XXX-14" };
	char buf[DATE_SIZE];
	struct err e;

	(void)state;
	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		assert_int_equal(setenv("TZ", zones[z], 1), 0);
		tzset();
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
			int64_t wall;
			date_format(times[i], buf);
			if (date_parse(span_of(buf), &wall, NULL, &e) != 0)
				fail_msg("%s: %s", buf, e.msg);
			assert_int_equal(wall, times[i]);
		}
	}
	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	tzset();
	date_format(1795411681, buf);
	assert_string_equal(buf, "Mon, 23 Nov 2026 05:28:01 +0000");
	date_format(INT64_MAX, buf); /* cut to the last year of four digits */
	assert_string_equal(buf, "Thu, 30 Dec 9999 23:59:59 +0000");
	date_format(INT64_MIN, buf);
	assert_string_equal(buf, "Tue, 2 Jan 1900 00:00:00 +0000");
}

static void
every_day_agrees_with_the_c_library(void **state)
{
	char buf[DATE_SIZE];
	struct err e;

	(void)state;
	assert_int_equal(setenv("TZ", "UTC0", 1), 0);
	tzset();
	for (int64_t t = -2208900000; t < 7258118400; t += 86400) {
		int64_t wall;
		date_format(t, buf);
		assert_int_equal(date_parse(span_of(buf), &wall, NULL, &e), 0);
		assert_int_equal(wall, t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_of_rfc_5322),
		cmocka_unit_test(what_is_no_date_is_refused),
		cmocka_unit_test(formatted_dates_are_read_back),
		cmocka_unit_test(every_day_agrees_with_the_c_library),
	};

	return cmocka_run_group_tests_name("mail/date", tests, NULL, NULL);
}
