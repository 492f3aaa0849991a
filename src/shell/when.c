#include "shell/when.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "mail/release.h"

enum { IN_MAX_S = RELEASE_INTERVAL_MAX };

/* 1 to `most` digits. */
static bool
take_number(struct span *s, size_t most, int *value)
{
	size_t n = 0;

	*value = 0;
	while (n < s->n && n < most && span_is_digit(s->p[n]))
		*value = *value * 10 + (s->p[n++] - '0');
	if (n == 0 || (n < s->n && span_is_digit(s->p[n])))
		return false;
	*s = span_skip(*s, n);
	return true;
}

static bool
take_char(struct span *s, char c)
{
	if (s->n == 0 || span_lower(s->p[0]) != span_lower(c))
		return false;
	*s = span_skip(*s, 1);
	return true;
}

int
when_parse_in(struct span text, int64_t *seconds)
{
	static const struct {
		char letter;
		int64_t s;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	size_t unit = 0;
	int n;

	*seconds = 0;
	while (text.n > 0) {
		if (!take_number(&text, 9, &n) || text.n == 0)
			return -1;
		/* each unit once, the larger first */
		while (unit < 4 && span_lower(text.p[0]) !=
				       (unsigned char)units[unit].letter)
			unit++;
		if (unit == 4)
			return -1;
		*seconds += n * units[unit++].s;
		text = span_skip(text, 1);
	}
	return *seconds >= 1 && *seconds <= IN_MAX_S ? 0 : -1;
}

/* "18:30" or "18:30:05" */
static bool
take_clock(struct span *s, struct tm *tm)
{
	if (!take_number(s, 2, &tm->tm_hour) || !take_char(s, ':') ||
	    !take_number(s, 2, &tm->tm_min) ||
	    (take_char(s, ':') && !take_number(s, 2, &tm->tm_sec)))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

static bool
take_day(struct span *s, struct tm *tm)
{
	if (!take_number(s, 4, &tm->tm_year) || !take_char(s, '-') ||
	    !take_number(s, 2, &tm->tm_mon) || !take_char(s, '-') ||
	    !take_number(s, 2, &tm->tm_mday) || tm->tm_year < 1970)
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return true;
}

/* Local time; a day or an hour that there is not is refused. */
static int
resolve(const struct tm *wanted, int64_t *wall_s)
{
	struct tm tm = *wanted;

	tm.tm_isdst = -1;
	time_t t = mktime(&tm);
	if (t < 0 || tm.tm_mday != wanted->tm_mday ||
	    tm.tm_mon != wanted->tm_mon || tm.tm_hour != wanted->tm_hour)
		return -1;
	*wall_s = t;
	return 0;
}

int
when_parse_at(struct span text, int64_t now_s, int64_t *wall_s)
{
	time_t now = (time_t)now_s;
	struct span rest = text;
	struct tm tm = { 0 };

	if (release_date_parse(text, wall_s) == 0)
		return 0;
	if (take_day(&rest, &tm)) {
		if (rest.n > 0 &&
		    ((!take_char(&rest, ' ') && !take_char(&rest, 'T')) ||
		     !take_clock(&rest, &tm)))
			return -1;
		return rest.n == 0 ? resolve(&tm, wall_s) : -1;
	}
	if (localtime_r(&now, &tm) == NULL)
		return -1;
	rest = text;
	tm.tm_sec = 0;
	if (!take_clock(&rest, &tm) || rest.n > 0)
		return -1;
	if (resolve(&tm, wall_s) == 0 && *wall_s > now_s)
		return 0;
	/* the same time of the next day, which mktime finds */
	int hour = tm.tm_hour;
	tm.tm_mday++;
	tm.tm_isdst = -1;
	time_t t = mktime(&tm);
	*wall_s = t;
	return t > now && tm.tm_hour == hour ? 0 : -1;
}

void
when_format(int64_t wall_s, char buf[WHEN_SIZE])
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(buf, WHEN_SIZE, "%Y-%m-%d %H:%M", &tm) == 0)
		(void)snprintf(buf, WHEN_SIZE, "-");
}
