#ifndef PP_ADMIN_ADMIN_JSON_H
#define PP_ADMIN_ADMIN_JSON_H

#include <stdio.h>

#include "auth/users_table.h"
#include "base/err.h"
#include "net/tls_cert.h"

/*
 * admin_json_users - the users as a JSON array of objects with address,
 * quota (bytes, 0: none), aliases, disabled and schemes; never a credential.
 * The only user of jansson in this program.  -1 (TEMP) when out of memory or
 * the output fails.
 */
int admin_json_users(const struct users_table *t, FILE *out, struct err *e);

/*
 * admin_json_cert - one certificate as an object on a line: type
 * "certificate", file, key_file (NULL: left out), subject, issuer, serial,
 * names, not_before and not_after (seconds since 1970), ca, server, client,
 * key, sha256, pin, tlsa.
 */
int admin_json_cert(const char *file, const char *key_file,
		    const struct tls_cert_info *info, FILE *out, struct err *e);

/* admin_json_check - type "check", file, right, and reason when it is not. */
int admin_json_check(const char *file, const char *reason, FILE *out,
		     struct err *e);

#endif
