#ifndef PP_BASE_OPTION_VALUE_H
#define PP_BASE_OPTION_VALUE_H

#include "base/option.h"

/* One value: text to field and back.  Private to base/option.c. */

/*
 * option_value_set - parse `text` into the field; a WORDS field gets the words
 * added.  -1 with a reason (PERM; TEMP when out of memory), the field as it
 * was or, for WORDS, with some of the words.
 */
int option_value_set(const struct option *o, const char *text, void *values,
		     struct err *e);

/* option_value_add_pair - one more line of a MAP; a second `name` is refused.
 */
int option_value_add_pair(const struct option *o, const char *name,
			  const char *value, int line, void *values,
			  struct err *e);

void option_value_free(const struct option *o, void *values);

/* option_value_print - "key = value" lines as option_load reads them. */
void option_value_print(const struct option *o, const void *values, FILE *out);

/* option_value_range - "1K to 4M" into buf, "" when there is none. */
void option_value_range(const struct option *o, char *buf, size_t size);

#endif
