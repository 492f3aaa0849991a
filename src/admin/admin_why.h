#ifndef PP_ADMIN_ADMIN_WHY_H
#define PP_ADMIN_ADMIN_WHY_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/admin_row.h"

/* What becomes of mail, in words: the answers of the sender to why and tls. */

/* admin_why_span - 90061 -> "1d" and the like: one unit is enough for a table.
 * Returns buf. */
const char *admin_why_span(int64_t s, char buf[32]);

/* admin_why_print - an object of type why. */
void admin_why_print(const struct admin_row *row);

/* admin_why_more - one of type server, no-server, protection or tls; false: it
 * is none of them. */
bool admin_why_more(const struct admin_row *row);

#endif
