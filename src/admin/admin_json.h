#ifndef PP_ADMIN_ADMIN_JSON_H
#define PP_ADMIN_ADMIN_JSON_H

#include <stdio.h>

#include "auth/users_table.h"
#include "base/err.h"

/*
 * admin_json_users - the users as a JSON array of objects with address,
 * quota (bytes, 0: none), aliases, disabled and schemes; never a credential.
 * The only user of jansson in this program.  -1 (TEMP) when out of memory or
 * the output fails.
 */
int admin_json_users(const struct users_table *t, FILE *out, struct err *e);

#endif
