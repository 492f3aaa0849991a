#include <string.h>
#include <time.h>

#include "base/option.h"
#include "shell/set_private.h"

/* Values of keys: text or ~regex, sizes, days, times. */

static int
usage(struct failure *f, const char *what, struct span where)
{
	return failure_set(f, SHELL_USAGE, "%s in `%.*s`", what,
			   SPAN_ARG(where));
}

static bool
two_digits(const char *p, int low, int high, int *value)
{
	if (!span_is_digit(p[0]) || !span_is_digit(p[1]))
		return false;
	*value = (p[0] - '0') * 10 + (p[1] - '0');
	return *value >= low && *value <= high;
}

/* 2026-11-23, midnight here. */
static bool
parse_day(struct span v, int64_t *at)
{
	int century, year, month, day;
	struct tm tm = { .tm_isdst = -1 };
	time_t t;

	if (v.n != 10 || v.p[4] != '-' || v.p[7] != '-' ||
	    !two_digits(v.p, 19, 99, &century) ||
	    !two_digits(v.p + 2, 0, 99, &year) ||
	    !two_digits(v.p + 5, 1, 12, &month) ||
	    !two_digits(v.p + 8, 1, 31, &day))
		return false;
	tm.tm_year = century * 100 + year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	t = mktime(&tm);
	if (t == (time_t)-1 || tm.tm_mday != day)
		return false;
	*at = (int64_t)t;
	return true;
}

static int
text_value(struct set_step *step, struct span word, struct failure *f)
{
	char pattern[512];

	if (step->text.n == 0)
		return usage(f, "a value is missing", word);
	if (step->text.p[0] != '~')
		return SHELL_OK;
	step->text = span_skip(step->text, 1);
	if (span_copy(step->text, pattern, sizeof(pattern)) != 0 ||
	    regcomp(&step->regex, pattern,
		    REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		return usage(f, "not a regular expression", word);
	step->has_regex = true;
	return SHELL_OK;
}

static int
header_value(struct set_step *step, struct span word, struct failure *f)
{
	long eq = span_find(step->text, '=', 0);

	if (eq <= 0)
		return usage(f, "write header:NAME=VALUE", word);
	step->name = span_head(step->text, (size_t)eq);
	step->text = span_skip(step->text, (size_t)eq + 1);
	return text_value(step, word, f);
}

int
set_value(struct set_step *step, enum set_value_type type, struct span word,
	  int64_t now_s, struct failure *f)
{
	int64_t ms;

	switch (type) {
	case SET_VALUE_TEXT:
		return text_value(step, word, f);
	case SET_VALUE_HEADER:
		return header_value(step, word, f);
	case SET_VALUE_SIZE:
		if (option_parse_size(step->text, &step->number) != 0)
			return usage(f, "not a size (10K, 2M)", word);
		return SHELL_OK;
	case SET_VALUE_DAY:
		if (!parse_day(step->text, &step->number))
			return usage(f, "not a day (2026-11-23)", word);
		return SHELL_OK;
	case SET_VALUE_SPAN:
		if (option_parse_time(step->text, &ms) != 0)
			return usage(f, "not a time (7d, 12h)", word);
		step->number = now_s - ms / 1000;
		return SHELL_OK;
	}
	return SHELL_USAGE;
}
