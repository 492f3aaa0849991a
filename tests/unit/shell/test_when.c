#include "../test.h"

#include <stdlib.h>
#include <time.h>

#include "shell/when.h"

static void
times_from_now(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} good[] = { { "90s", 90 },
		     { "10m", 600 },
		     { "2h30m", 9000 },
		     { "3d", 259200 },
		     { "1d2h3m4s", 93784 },
		     { "1D", 86400 },
		     { "999999999s", 999999999 } };
	static const char *const bad[] = {
		"",     "10",   "m",    "0s",          "10x",    "-5m", "5m2h",
		"1m1m", "1.5h", "10 m", "1000000000s", "99999d", "1h2"
	};
	int64_t s;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(when_parse_in(span_of(good[i].text), &s), 0);
		assert_int_equal(s, good[i].s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (when_parse_in(span_of(bad[i]), &s) == 0)
			fail_msg("\"%s\" was read", bad[i]);
	}
}

/* In Berlin, where 2026-11-25 23:00 local time is 22:00 UTC: 1795644000. */
static void
times_of_day(void **state)
{
	static const int64_t now = 1795644000;
	static const struct {
		const char *text;
		int64_t wall_s;
	} good[] = {
		{ "23:30", 1795645800 },
		{ "23:00", 1795730400 }, /* now is over: tomorrow */
		{ "22:59", 1795730340 },
		{ "23:00:05", 1795644005 },
		{ "2026-11-26 18:30", 1795714200 },
		{ "2026-11-26T18:30", 1795714200 },
		{ "2026-11-26", 1795647600 },
		{ "2026-11-26T18:30:00Z", 1795717800 },
		{ "2026-11-26T18:30:00+02:00", 1795710600 },
		{ "2026-07-01 12:00", 1782900000 }, /* summer time */
	};
	static const char *const bad[] = {
		"",
		"25:00",
		"12:60",
		"noon",
		"2026-11-31",
		"2026-13-01",
		"2026-11-26 ",
		"2026-11-26 18",
		"2026-11-26 18:30 x",
		"18.30",
		"2026-03-29 02:30", /* there was none */
	};
	int64_t s;
	char text[WHEN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (when_parse_at(span_of(good[i].text), now, &s) != 0 ||
		    s != good[i].wall_s)
			fail_msg("\"%s\": %lld", good[i].text, (long long)s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (when_parse_at(span_of(bad[i]), now, &s) == 0)
			fail_msg("\"%s\" was read", bad[i]);
	}
	when_format(1795714200, text);
	assert_string_equal(text, "2026-11-26 18:30");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_from_now),
		cmocka_unit_test(times_of_day),
	};

	/* by rule, so that no zone file is needed */
	if (setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1) != 0)
		return 1;
	tzset();
	return cmocka_run_group_tests_name("shell/when", tests, NULL, NULL);
}
