#ifndef PP_SHELL_JSON_H
#define PP_SHELL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shell/status.h"

/*
 * JSON lines, on jansson: one object a line, keys in the order they were
 * added, text made valid UTF-8 first.  One thread.
 */
struct json_row;

/* json_row_new - an object whose "type" is `type`; NULL without memory (the
 * adds below then do nothing). */
struct json_row *json_row_new(const char *type);
void json_row_text(struct json_row *r, const char *key, const char *value);
void json_row_number(struct json_row *r, const char *key, int64_t value);
void json_row_bool(struct json_row *r, const char *key, bool value);
/* json_row_print - one line to `out`, and free; 0 or -1. */
int json_row_print(struct json_row **r, FILE *out);

/* json_failure - an error as an object. file, verb may be NULL. */
void json_failure(FILE *out, const char *file, int line, const char *verb,
		  const struct failure *f);

#endif
