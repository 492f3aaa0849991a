#include "mail/date.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const day_names[] = { "Sun", "Mon", "Tue", "Wed",
					 "Thu", "Fri", "Sat" };
static const char *const month_names[] = { "Jan", "Feb", "Mar", "Apr",
					   "May", "Jun", "Jul", "Aug",
					   "Sep", "Oct", "Nov", "Dec" };

/* Four-digit years, whatever the offset: 1900-01-02 to 9999-12-30. */
#define WALL_LEAST (-2208902400LL)
#define WALL_MOST 253402214399LL

void
date_format(int64_t wall_s, char buf[DATE_SIZE])
{
	struct tm tm = { .tm_mday = 1 };

	if (wall_s < WALL_LEAST)
		wall_s = WALL_LEAST;
	if (wall_s > WALL_MOST)
		wall_s = WALL_MOST;
	time_t t = (time_t)wall_s;
	if (localtime_r(&t, &tm) == NULL)
		tm = (struct tm){ .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };
	long minutes = tm.tm_gmtoff / 60;
	/* Names from our table: strftime would follow the locale. */
	(void)snprintf(
	    buf, DATE_SIZE, "%s, %d %s %d %02d:%02d:%02d %c%02ld%02ld",
	    day_names[(unsigned)tm.tm_wday % 7], tm.tm_mday,
	    month_names[(unsigned)tm.tm_mon % 12], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec, minutes < 0 ? '-' : '+',
	    labs(minutes) / 60 % 100, labs(minutes) % 60);
}

/* Skip white space, folds and comments (CFWS, RFC 5322 3.2.2).  Comments nest:
 * a counter, no recursion.  False when one is left open. */
static bool
skip_cfws(struct span *s)
{
	size_t depth = 0, i = 0;

	for (; i < s->n; i++) {
		char c = s->p[i];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0 && i + 1 < s->n)
			i++;
		else if (depth == 0 && !span_is_blank(c) && c != '\r' &&
			 c != '\n')
			break;
	}
	*s = span_skip(*s, i);
	return depth == 0;
}

static bool
is_alpha(char c)
{
	unsigned char l = span_lower(c);

	return l >= 'a' && l <= 'z';
}

static struct span
take_alpha(struct span *s)
{
	size_t n = 0;

	(void)skip_cfws(s);
	while (n < s->n && is_alpha(s->p[n]))
		n++;
	struct span word = span_head(*s, n);
	*s = span_skip(*s, n);
	return word;
}

static bool
take_char(struct span *s, char c)
{
	(void)skip_cfws(s);
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

/* A number of least..most digits, as an int; -1 when there is none such. */
static int
take_number(struct span *s, size_t least, size_t most, size_t *digits)
{
	size_t n = 0;
	int v = 0;

	(void)skip_cfws(s);
	while (n < s->n && n < most && span_is_digit(s->p[n]))
		v = v * 10 + (s->p[n++] - '0');
	if (n < least || (n < s->n && span_is_digit(s->p[n])))
		return -1;
	*s = span_skip(*s, n);
	if (digits != NULL)
		*digits = n;
	return v;
}

static int
name_index(struct span word, const char *const *names, int n)
{
	for (int i = 0; i < n; i++) {
		if (span_eq_nocase(word, span_of(names[i])))
			return i;
	}
	return -1;
}

/* RFC 5322 3.3: [day-name ","] day month year; 4.3: years of 2 and 3 digits. */
static int
take_date(struct span *s, int *year, int *month, int *day, struct err *e)
{
	size_t digits = 0;
	struct span word = take_alpha(s);

	if (word.n > 0 &&
	    (name_index(word, day_names, 7) < 0 || !take_char(s, ',')))
		return err_set(e, ERR_PERM, 0, "bad day name in the date");
	*day = take_number(s, 1, 2, NULL);
	*month = name_index(take_alpha(s), month_names, 12);
	*year = take_number(s, 2, 4, &digits);
	if (*day < 1 || *month < 0 || *year < 0)
		return err_set(e, ERR_PERM, 0,
			       "bad day, month or year in the date");
	if (digits == 2 && *year < 50)
		*year += 2000;
	else if (digits < 4)
		*year += 1900;
	if (*year < 1900)
		return err_set(e, ERR_PERM, 0, "year before 1900 in the date");
	static const int lengths[] = { 31, 28, 31, 30, 31, 30,
				       31, 31, 30, 31, 30, 31 };
	bool leap = *year % 4 == 0 && (*year % 100 != 0 || *year % 400 == 0);
	int length = lengths[*month] + (*month == 1 && leap ? 1 : 0);
	if (*day > length)
		return err_set(e, ERR_PERM, 0, "no such day in the month");
	return 0;
}

/* hour ":" minute [ ":" second ], second 60 being a leap second. */
static int
take_time(struct span *s, int *second_of_day, struct err *e)
{
	int hour = take_number(s, 2, 2, NULL), minute = -1, second = 0;

	if (take_char(s, ':'))
		minute = take_number(s, 2, 2, NULL);
	if (take_char(s, ':'))
		second = take_number(s, 2, 2, NULL);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
	    second > 60)
		return err_set(e, ERR_PERM, 0, "bad time in the date");
	*second_of_day = hour * 3600 + minute * 60 + second;
	return 0;
}

/* +hhmm, -hhmm, or a name (RFC 5322 4.3: an unknown name says nothing). */
static int
take_zone(struct span *s, int *minutes, struct err *e)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {
		{ "EDT", -4 }, { "EST", -5 }, { "CDT", -5 }, { "CST", -6 },
		{ "MDT", -6 }, { "MST", -7 }, { "PDT", -7 }, { "PST", -8 },
	};

	(void)skip_cfws(s);
	if (s->n > 0 && (s->p[0] == '+' || s->p[0] == '-')) {
		int sign = s->p[0] == '-' ? -1 : 1;
		*s = span_skip(*s, 1);
		if (s->n == 0 || !span_is_digit(s->p[0]))
			return err_set(e, ERR_PERM, 0, "bad zone in the date");
		int zone = take_number(s, 4, 4, NULL);
		if (zone < 0 || zone % 100 > 59)
			return err_set(e, ERR_PERM, 0, "bad zone in the date");
		*minutes = sign * (zone / 100 * 60 + zone % 100);
		return 0;
	}
	struct span word = take_alpha(s);
	if (word.n == 0)
		return err_set(e, ERR_PERM, 0, "no zone in the date");
	*minutes = 0;
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		if (span_eq_nocase(word, span_of(zones[i].name)))
			*minutes = zones[i].hours * 60;
	}
	return 0;
}

/* Days from 1970-01-01 to a Gregorian day; month 0..11, year >= 1900.  Counted
 * from the first of March, so that the leap day is a year's last. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t y = month < 2 ? year - 1 : year;
	int64_t m = (month + 10) % 12;
	int64_t leap_days = y / 4 - y / 100 + y / 400;

	/* 719469: the same count for 1970-01-01 */
	return y * 365 + leap_days + (m * 306 + 5) / 10 + day - 719469;
}

int
date_parse(struct span text, int64_t *wall_s, int *zone_minutes, struct err *e)
{
	struct span s = text;
	int year = 0, month = 0, day = 0, second = 0, zone = 0;

	if (take_date(&s, &year, &month, &day, e) != 0 ||
	    take_time(&s, &second, e) != 0 || take_zone(&s, &zone, e) != 0)
		return -1;
	if (!skip_cfws(&s) || s.n > 0)
		return err_set(e, ERR_PERM, 0, "text after the date");
	*wall_s = days_since_epoch(year, month, day) * 86400 + second -
		  (int64_t)zone * 60;
	if (zone_minutes != NULL)
		*zone_minutes = zone;
	return 0;
}
