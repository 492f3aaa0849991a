#include "base/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/option_value.h"

enum { OPTION_TABLE_MAX = 256 };

struct option_loader {
	const struct option *table;
	void *values;
	int *line; /* per table entry: where it was set, 0 = not yet */
};

static size_t
table_size(const struct option *table)
{
	size_t n = 0;

	while (n < OPTION_TABLE_MAX && table[n].section != NULL)
		n++;
	return n;
}

static bool
section_is_new(const struct option *table, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(table[k].section, table[i].section) == 0)
			return false;
	}
	return true;
}

static int
unknown_section(const struct option *table, const char *section, struct err *e)
{
	const char *names[OPTION_TABLE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < table_size(table); i++) {
		if (section_is_new(table, i))
			names[n++] = table[i].section;
	}
	if (section[0] == '\0')
		return err_set(e, ERR_PERM, 0,
			       "stands before the first [section]");
	const char *near = conf_nearest(section, names, n);
	if (near == NULL)
		return err_set(e, ERR_PERM, 0, "unknown section [%s]", section);
	return err_set(e, ERR_PERM, 0,
		       "unknown section [%s], did you mean '%s'?", section,
		       near);
}

/* The key may be a slip of the pen, or stand in the wrong section. */
static int
unknown_key(const struct option *table, const char *section, const char *key,
	    struct err *e)
{
	const char *names[OPTION_TABLE_MAX];
	const char *elsewhere = NULL;
	size_t n = 0;

	for (size_t i = 0; i < table_size(table); i++) {
		if (table[i].type == OPTION_MAP)
			continue;
		if (strcmp(table[i].section, section) == 0)
			names[n++] = table[i].key;
		else if (strcmp(table[i].key, key) == 0)
			elsewhere = table[i].section;
	}
	if (elsewhere != NULL)
		return err_set(e, ERR_PERM, 0,
			       "unknown key in [%s], it belongs in [%s]",
			       section, elsewhere);
	const char *near = conf_nearest(key, names, n);
	if (near == NULL)
		return err_set(e, ERR_PERM, 0, "unknown key in [%s]", section);
	return err_set(e, ERR_PERM, 0,
		       "unknown key in [%s], did you mean '%s'?", section,
		       near);
}

static int
set_from_file(struct option_loader *l, size_t i, int line, const char *value,
	      struct err *e)
{
	const struct option *o = &l->table[i];

	/*
	 * A list may be too long for one line, so its key may be repeated
	 * and the words add up; anything else said twice is a mistake.
	 */
	if (l->line[i] != 0 && o->type != OPTION_WORDS)
		return err_set(e, ERR_PERM, 0, "stands twice, first in line %d",
			       l->line[i]);
	if (o->standard == NULL && value[0] == '\0')
		return err_set(e, ERR_PERM, 0, "must not be empty");
	if (l->line[i] == 0 && o->type == OPTION_WORDS)
		option_value_free(o, l->values); /* replaces the default */
	l->line[i] = line;
	return option_value_set(o, value, l->values, e);
}

static int
on_key(void *ctx, int line, const char *section, const char *key,
       const char *value, struct err *e)
{
	struct option_loader *l = ctx;
	bool known_section = false;

	for (size_t i = 0; i < table_size(l->table); i++) {
		const struct option *o = &l->table[i];
		if (strcmp(o->section, section) != 0)
			continue;
		known_section = true;
		if (o->type != OPTION_MAP && strcmp(o->key, key) != 0)
			continue;
		int rc = o->type == OPTION_MAP
			     ? option_value_add_pair(o, key, value, line,
						     l->values, e)
			     : set_from_file(l, i, line, value, e);
		return rc == 0 ? 0 : err_prefix(e, "%s", key);
	}
	if (known_section)
		(void)unknown_key(l->table, section, key, e);
	else
		(void)unknown_section(l->table, section, e);
	return err_prefix(e, "%s", key);
}

static int
check_required(const struct option_loader *l, const char *path, struct err *e)
{
	for (size_t i = 0; i < table_size(l->table); i++) {
		const struct option *o = &l->table[i];
		if (o->type != OPTION_MAP && o->standard == NULL &&
		    l->line[i] == 0)
			return err_set(
			    e, ERR_PERM, 0,
			    "%s: %s: is missing, it must stand in [%s]", path,
			    o->key, o->section);
	}
	return 0;
}

int
option_defaults(const struct option *table, void *values, struct err *e)
{
	for (size_t i = 0; i < table_size(table); i++) {
		const struct option *o = &table[i];
		if (o->type == OPTION_MAP || o->standard == NULL)
			continue;
		if (option_value_set(o, o->standard, values, e) != 0) {
			if (e != NULL && e->class == ERR_PERM)
				e->class = ERR_BUG;
			option_free(table, values);
			return err_prefix(e, "default of %s", o->key);
		}
	}
	return 0;
}

int
option_load(const struct option *table, const char *path, void *values,
	    struct err *e)
{
	struct option_loader l = { .table = table, .values = values };

	l.line = calloc(table_size(table) + 1, sizeof(*l.line));
	if (l.line == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "%s", path);
	if (option_defaults(table, values, e) != 0) {
		free(l.line);
		return -1;
	}
	int rc = conf_parse_file(path, on_key, &l, e);
	if (rc == 0)
		rc = check_required(&l, path, e);
	if (rc != 0)
		option_free(table, values);
	free(l.line);
	return rc;
}

void
option_free(const struct option *table, void *values)
{
	for (size_t i = 0; i < table_size(table); i++)
		option_value_free(&table[i], values);
}

/* As a file would have it; malloc'ed, or NULL. */
static char *
option_text(const struct option *o, const void *values)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return NULL;
	option_value_print(o, values, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

bool
option_is_same(const struct option *o, const void *a, const void *b)
{
	char *x = option_text(o, a), *y = option_text(o, b);
	bool same = x != NULL && y != NULL && strcmp(x, y) == 0;

	free(x);
	free(y);
	return same;
}

static void
dump_one(const struct option *o, const void *values, const char *note,
	 FILE *out)
{
	char range[80];

	option_value_range(o, range, sizeof(range));
	(void)fprintf(out, "\n# %s", o->help == NULL ? "" : o->help);
	if (o->type == OPTION_ENUM) {
		for (size_t i = 0; o->words[i] != NULL; i++)
			(void)fprintf(out, "%s%s", i == 0 ? "  One of: " : ", ",
				      o->words[i]);
		(void)fputc('.', out);
	}
	if (range[0] != '\0')
		(void)fprintf(out, "  Range: %s.", range);
	if (o->type != OPTION_MAP && o->standard == NULL)
		(void)fprintf(out, "  Must be set.");
	if (note != NULL)
		(void)fprintf(out, "  %s", note);
	(void)fputc('\n', out);
	option_value_print(o, values, out);
}

void
option_dump_noted(const struct option *table, const void *values,
		  option_note_fn *note, const void *ctx, FILE *out)
{
	size_t n = table_size(table);

	/* Each section once, whatever the order of the table. */
	for (size_t i = 0; i < n; i++) {
		if (!section_is_new(table, i))
			continue;
		(void)fprintf(out, "%s[%s]\n", i == 0 ? "" : "\n",
			      table[i].section);
		for (size_t k = i; k < n; k++) {
			if (strcmp(table[k].section, table[i].section) == 0)
				dump_one(&table[k], values,
					 note == NULL ? NULL
						      : note(ctx, &table[k]),
					 out);
		}
	}
}

void
option_dump(const struct option *table, const void *values, FILE *out)
{
	option_dump_noted(table, values, NULL, NULL, out);
}
