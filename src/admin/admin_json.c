#include "admin/admin_json.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* "CRYPT" of "{CRYPT}$y$...". */
static json_t *
scheme_of(const char *stored)
{
	return json_stringn(stored + 1, strcspn(stored + 1, "}"));
}

/* jansson's *_new calls take the reference over and refuse NULL. */
static json_t *
user_object(const struct users_entry *entry)
{
	json_t *user = json_object();
	json_t *aliases = json_array();
	json_t *schemes = json_array();
	int rc = 0;

	for (unsigned i = 0; i < entry->n_aliases; i++)
		rc |= json_array_append_new(aliases,
					    json_string(entry->aliases[i]));
	for (unsigned i = 0; i < entry->n_credentials; i++)
		rc |= json_array_append_new(schemes,
					    scheme_of(entry->credentials[i]));
	rc |= json_object_set_new(user, "address", json_string(entry->address));
	rc |= json_object_set_new(user, "quota",
				  json_integer(entry->quota_bytes));
	rc |= json_object_set_new(user, "aliases", aliases);
	rc |= json_object_set_new(user, "disabled",
				  json_boolean(entry->disabled));
	rc |= json_object_set_new(user, "schemes", schemes);
	if (rc == 0)
		return user;
	json_decref(user);
	return NULL;
}

int
admin_json_users(const struct users_table *t, FILE *out, struct err *e)
{
	json_t *list = json_array();
	int rc = list == NULL ? -1 : 0;

	for (size_t i = 0; i < users_table_size(t) && rc == 0; i++)
		rc = json_array_append_new(list,
					   user_object(users_table_at(t, i)));
	if (rc == 0)
		rc = json_dumpf(list, out, JSON_INDENT(2));
	json_decref(list);
	if (rc != 0 || fputc('\n', out) == EOF || fflush(out) != 0)
		return err_set(e, ERR_TEMP, errno, "JSON");
	return 0;
}
