#ifndef PP_ADMIN_ADMIN_ROW_H
#define PP_ADMIN_ADMIN_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* One JSON object that a server answered, read with jansson. */
struct admin_row;

/* admin_row_parse - -1 (PROTO) when the line is no object. */
int admin_row_parse(struct admin_row **r, struct span line, struct err *e);
void admin_row_free(struct admin_row **r);

/* A member, or the neutral value when it is not there or of another kind.
 * Text is made fit for a terminal: control characters are '?'. */
const char *admin_row_text(const struct admin_row *r, const char *key);
int64_t admin_row_number(const struct admin_row *r, const char *key);
bool admin_row_bool(const struct admin_row *r, const char *key);
bool admin_row_has(const struct admin_row *r, const char *key);

#endif
