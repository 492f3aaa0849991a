#include "mail/release.h"

#include <stdio.h>
#include <time.h>

enum { FRACTION_MAX = 9 };
#define WALL_MOST 253402300799LL /* 9999-12-31T23:59:59Z */

/* Exactly n digits, least..most. */
static bool
take_number(struct span *s, size_t n, int least, int most, int *value)
{
	*value = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!span_is_digit(s->p[i]))
			return false;
		*value = *value * 10 + (s->p[i] - '0');
	}
	*s = span_skip(*s, n);
	return *value >= least && *value <= most;
}

static bool
take_char(struct span *s, char c)
{
	if (s->n == 0 || span_lower(s->p[0]) != span_lower(c))
		return false;
	*s = span_skip(*s, 1);
	return true;
}

/* full-date; a day that the month has not is found by counting it out. */
static bool
take_date(struct span *s, int64_t *wall_s)
{
	int year, month, day;

	if (!take_number(s, 4, 1970, 9999, &year) || !take_char(s, '-') ||
	    !take_number(s, 2, 1, 12, &month) || !take_char(s, '-') ||
	    !take_number(s, 2, 1, 31, &day))
		return false;
	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = month - 1,
			 .tm_mday = day };
	*wall_s = timegm(&tm);
	return tm.tm_mday == day;
}

/* partial-time; second 60 is a leap second. */
static bool
take_time(struct span *s, int64_t *wall_s)
{
	int hour, minute, second;

	if (!take_number(s, 2, 0, 23, &hour) || !take_char(s, ':') ||
	    !take_number(s, 2, 0, 59, &minute) || !take_char(s, ':') ||
	    !take_number(s, 2, 0, 60, &second))
		return false;
	*wall_s += hour * 3600 + minute * 60 + second;
	if (!take_char(s, '.'))
		return true;
	size_t n = 0;
	while (n < s->n && n <= FRACTION_MAX && span_is_digit(s->p[n]))
		n++;
	*s = span_skip(*s, n);
	return n > 0 && n <= FRACTION_MAX;
}

static bool
take_offset(struct span *s, int64_t *wall_s)
{
	int hour, minute;

	if (take_char(s, 'Z'))
		return true;
	int sign = take_char(s, '+') ? 1 : take_char(s, '-') ? -1 : 0;
	if (sign == 0 || !take_number(s, 2, 0, 23, &hour) ||
	    !take_char(s, ':') || !take_number(s, 2, 0, 59, &minute))
		return false;
	*wall_s -= sign * (hour * 3600 + minute * 60);
	return true;
}

int
release_date_parse(struct span text, int64_t *wall_s)
{
	return take_date(&text, wall_s) && take_char(&text, 'T') &&
		       take_time(&text, wall_s) && take_offset(&text, wall_s) &&
		       text.n == 0
		   ? 0
		   : -1;
}

void
release_date_format(int64_t wall_s, char buf[RELEASE_DATE_SIZE])
{
	struct tm tm = { .tm_mday = 1 };

	if (wall_s < 0)
		wall_s = 0;
	if (wall_s > WALL_MOST)
		wall_s = WALL_MOST;
	time_t t = (time_t)wall_s;
	if (gmtime_r(&t, &tm) == NULL)
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70 };
	(void)snprintf(buf, RELEASE_DATE_SIZE, "%04u-%02u-%02uT%02u:%02u:%02uZ",
		       ((unsigned)tm.tm_year + 1900) % 10000,
		       ((unsigned)tm.tm_mon + 1) % 100,
		       (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100,
		       (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

int
release_interval_parse(struct span text, int64_t *seconds)
{
	uint64_t n = 0;

	if (text.n == 0 || text.n > 9 || span_u64(text, &n) != 0 || n == 0)
		return -1;
	*seconds = (int64_t)n;
	return 0;
}

bool
release_request_is_valid(struct span text)
{
	const struct span for_ = span_of("for;"), until = span_of("until;");
	int64_t value;

	if (text.n > RELEASE_REQUEST_MAX)
		return false;
	if (span_starts_nocase(text, for_))
		return release_interval_parse(span_skip(text, for_.n),
					      &value) == 0;
	return span_starts_nocase(text, until) &&
	       release_date_parse(span_skip(text, until.n), &value) == 0;
}
