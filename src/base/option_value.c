#include "base/option_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPTION_WORDS_MAX = 65536, /* words in one list, pairs in one map */
	OPTION_DUMP_COLUMNS = 120,
};

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first, so that printing finds the shortest form. */
static const struct unit size_units[] = {
	{ "T", (int64_t)1 << 40 }, { "G", 1 << 30 }, { "M", 1 << 20 },
	{ "K", 1 << 10 },          { "", 1 },
};

static const struct unit time_units[] = {
	{ "w", 7 * 86400000LL }, { "d", 86400000 }, { "h", 3600000 },
	{ "m", 60000 },          { "s", 1000 },     { "ms", 1 },
};

enum {
	SIZE_UNITS = sizeof(size_units) / sizeof(size_units[0]),
	TIME_UNITS = sizeof(time_units) / sizeof(time_units[0]),
};

static int
parse_units(struct span text, const struct unit *units, size_t n_units,
	    int64_t *value)
{
	size_t digits = 0;
	uint64_t v;

	while (digits < text.n && span_is_digit(text.p[digits]))
		digits++;
	if (span_u64(span_head(text, digits), &v) != 0)
		return -1;
	struct span unit = span_skip(text, digits);
	for (size_t i = 0; i < n_units; i++) {
		if (!span_eq_nocase(unit, span_of(units[i].name)))
			continue;
		if (v > (uint64_t)(INT64_MAX / units[i].factor))
			return -1;
		*value = (int64_t)v * units[i].factor;
		return 0;
	}
	/* Nought needs no unit. */
	if (v == 0 && unit.n == 0) {
		*value = 0;
		return 0;
	}
	return -1;
}

int
option_parse_size(struct span text, int64_t *bytes)
{
	return parse_units(text, size_units, SIZE_UNITS, bytes);
}

int
option_parse_time(struct span text, int64_t *ms)
{
	return parse_units(text, time_units, TIME_UNITS, ms);
}

static void
format_units(int64_t v, const struct unit *units, size_t n_units, char *buf,
	     size_t size)
{
	size_t i = 0;

	if (v == 0) {
		(void)snprintf(buf, size, "0");
		return;
	}
	while (i + 1 < n_units && v % units[i].factor != 0)
		i++;
	(void)snprintf(buf, size, "%" PRId64 "%s", v / units[i].factor,
		       units[i].name);
}

static void
format_number(enum option_type type, int64_t v, char *buf, size_t size)
{
	if (type == OPTION_SIZE)
		format_units(v, size_units, SIZE_UNITS, buf, size);
	else if (type == OPTION_TIME)
		format_units(v, time_units, TIME_UNITS, buf, size);
	else
		(void)snprintf(buf, size, "%" PRId64, v);
}

/* Where `o` lives in the struct. */
static void *
option_value_field(const struct option *o, void *values)
{
	return (char *)values + o->offset;
}

static const void *
field_const(const struct option *o, const void *values)
{
	return (const char *)values + o->offset;
}

void
option_value_range(const struct option *o, char *buf, size_t size)
{
	char low[32], high[32];

	buf[0] = '\0';
	if (o->min == 0 && o->max == 0)
		return;
	format_number(o->type, o->min, low, sizeof(low));
	format_number(o->type, o->max, high, sizeof(high));
	(void)snprintf(buf, size, "%s to %s", low, high);
}

static int
parse_int(struct span text, int64_t *value)
{
	bool minus = text.n > 0 && text.p[0] == '-';
	uint64_t v;

	if (span_u64(span_skip(text, minus), &v) != 0 || v > INT64_MAX)
		return -1;
	*value = minus ? -(int64_t)v : (int64_t)v;
	return 0;
}

static int
set_number(const struct option *o, struct span text, int64_t *field,
	   struct err *e)
{
	int64_t v = 0;

	if (o->type == OPTION_INT && parse_int(text, &v) != 0)
		return err_set(e, ERR_PERM, 0, "'%.*s' is not a whole number",
			       SPAN_ARG(text));
	if (o->type == OPTION_SIZE && option_parse_size(text, &v) != 0)
		return err_set(e, ERR_PERM, 0,
			       "'%.*s' is not a size, such as 64K, 25M or 1G",
			       SPAN_ARG(text));
	if (o->type == OPTION_TIME && option_parse_time(text, &v) != 0)
		return err_set(
		    e, ERR_PERM, 0,
		    "'%.*s' is not a time, such as 500ms, 30s, 5m, 4h or 5d",
		    SPAN_ARG(text));
	if ((o->min != 0 || o->max != 0) && (v < o->min || v > o->max)) {
		char range[80];
		option_value_range(o, range, sizeof(range));
		return err_set(e, ERR_PERM, 0, "'%.*s' is not in the range %s",
			       SPAN_ARG(text), range);
	}
	*field = v;
	return 0;
}

static int
set_bool(struct span text, bool *field, struct err *e)
{
	if (!span_eq(text, span_of("yes")) && !span_eq(text, span_of("no")))
		return err_set(e, ERR_PERM, 0, "'%.*s' is not yes or no",
			       SPAN_ARG(text));
	*field = text.p[0] == 'y';
	return 0;
}

static int
set_enum(const struct option *o, const char *text, int *field, struct err *e)
{
	char list[200] = "";
	size_t n = 0, used = 0;

	for (; o->words[n] != NULL; n++) {
		if (strcmp(o->words[n], text) == 0) {
			*field = (int)n;
			return 0;
		}
		if (used < sizeof(list))
			used += (size_t)snprintf(
			    list + used, sizeof(list) - used, "%s%s",
			    n == 0 ? "" : ", ", o->words[n]);
	}
	const char *near = conf_nearest(text, o->words, n);
	return err_set(e, ERR_PERM, 0, "'%s' is not one of %s%s%s%s", text,
		       list, near == NULL ? "" : ", did you mean '",
		       near == NULL ? "" : near, near == NULL ? "" : "'?");
}

static int
set_string(const char *text, char **field, struct err *e)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "no memory");
	free(*field);
	*field = copy;
	return 0;
}

/* Room for one more of `size` bytes; arrays double, starting at 8. */
static int
grow(void **v, size_t n, size_t size, struct err *e)
{
	if (n >= OPTION_WORDS_MAX)
		return err_set(e, ERR_LIMIT, 0, "more than %d values",
			       OPTION_WORDS_MAX);
	if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
		return 0;
	void *bigger = realloc(*v, (n == 0 ? 8 : n * 2) * size);
	if (bigger == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "no memory");
	*v = bigger;
	return 0;
}

static int
add_words(const char *text, struct option_list *list, struct err *e)
{
	static const char separators[] = ", \t";

	for (text += strspn(text, separators); *text != '\0';
	     text += strspn(text, separators)) {
		size_t n = strcspn(text, separators);
		void *v = list->v;
		int rc = grow(&v, list->n, sizeof(*list->v), e);
		list->v = v;
		if (rc != 0)
			return -1;
		list->v[list->n] = strndup(text, n);
		if (list->v[list->n] == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "no memory");
		list->n++;
		text += n;
	}
	return 0;
}

int
option_value_set(const struct option *o, const char *text, void *values,
		 struct err *e)
{
	void *field = option_value_field(o, values);

	switch (o->type) {
	case OPTION_BOOL:
		return set_bool(span_of(text), field, e);
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_TIME:
		return set_number(o, span_of(text), field, e);
	case OPTION_STRING:
		return set_string(text, field, e);
	case OPTION_WORDS:
		return add_words(text, field, e);
	case OPTION_ENUM:
		return set_enum(o, text, field, e);
	case OPTION_MAP:
		break;
	}
	return err_set(e, ERR_BUG, 0, "a section has no value");
}

int
option_value_add_pair(const struct option *o, const char *name,
		      const char *value, int line, void *values, struct err *e)
{
	struct option_map *map = option_value_field(o, values);
	void *v = map->v;

	for (size_t i = 0; i < map->n; i++) {
		if (span_eq_nocase(span_of(map->v[i].name), span_of(name)))
			return err_set(e, ERR_PERM, 0,
				       "stands twice in [%s], "
				       "first in line %d",
				       o->section, map->v[i].line);
	}
	int rc = grow(&v, map->n, sizeof(*map->v), e);
	map->v = v;
	if (rc != 0)
		return -1;
	struct option_pair pair = { strdup(name), strdup(value), line };
	if (pair.name == NULL || pair.value == NULL) {
		free(pair.name);
		free(pair.value);
		return err_set(e, ERR_TEMP, ENOMEM, "no memory");
	}
	map->v[map->n++] = pair;
	return 0;
}

void
option_value_free(const struct option *o, void *values)
{
	void *field = option_value_field(o, values);

	if (o->type == OPTION_STRING) {
		char **s = field;
		free(*s);
		*s = NULL;
	} else if (o->type == OPTION_WORDS) {
		struct option_list *list = field;
		for (size_t i = 0; i < list->n; i++)
			free(list->v[i]);
		free(list->v);
		*list = (struct option_list){ NULL, 0 };
	} else if (o->type == OPTION_MAP) {
		struct option_map *map = field;
		for (size_t i = 0; i < map->n; i++) {
			free(map->v[i].name);
			free(map->v[i].value);
		}
		free(map->v);
		*map = (struct option_map){ NULL, 0 };
	}
}

/* A long list goes over several lines: inih's line is short. */
static void
print_words(const struct option *o, const struct option_list *list, FILE *out)
{
	size_t column = 0;

	(void)fprintf(out, "%s =", o->key);
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strlen(list->v[i]);
		if (column > 0 && column + n > OPTION_DUMP_COLUMNS) {
			(void)fprintf(out, "\n%s =", o->key);
			column = 0;
		}
		(void)fprintf(out, " %s", list->v[i]);
		column += n + 1;
	}
	(void)fputc('\n', out);
}

void
option_value_print(const struct option *o, const void *values, FILE *out)
{
	const void *field = field_const(o, values);
	char text[40];

	switch (o->type) {
	case OPTION_BOOL:
		(void)fprintf(out, "%s = %s\n", o->key,
			      *(const bool *)field ? "yes" : "no");
		break;
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_TIME:
		format_number(o->type, *(const int64_t *)field, text,
			      sizeof(text));
		(void)fprintf(out, "%s = %s\n", o->key, text);
		break;
	case OPTION_STRING: {
		const char *s = *(char *const *)field;
		(void)fprintf(out, "%s =%s%s\n", o->key,
			      s == NULL || s[0] == 0 ? "" : " ",
			      s == NULL ? "" : s);
		break;
	}
	case OPTION_WORDS:
		print_words(o, field, out);
		break;
	case OPTION_ENUM:
		(void)fprintf(out, "%s = %s\n", o->key,
			      o->words[*(const int *)field]);
		break;
	case OPTION_MAP: {
		const struct option_map *map = field;
		for (size_t i = 0; i < map->n; i++)
			(void)fprintf(out, "%s = %s\n", map->v[i].name,
				      map->v[i].value);
		break;
	}
	}
}
