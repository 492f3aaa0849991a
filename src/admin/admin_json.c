#include "admin/admin_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/visible.h"

/* What stands in it came from strangers, and goes to a terminal. */
static int
print_json(json_t *object, size_t flags, FILE *out)
{
	char *text = json_dumps(object, flags);
	int rc = text == NULL ? -1 : visible_json(out, span_of(text));

	free(text);
	return rc;
}

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
	json_t *send_as = json_array();
	int rc = 0;

	for (unsigned i = 0; i < entry->n_aliases; i++)
		rc |= json_array_append_new(aliases,
					    json_string(entry->aliases[i]));
	for (unsigned i = 0; i < entry->n_send_as; i++)
		rc |= json_array_append_new(send_as,
					    json_string(entry->send_as[i]));
	for (unsigned i = 0; i < entry->n_credentials; i++)
		rc |= json_array_append_new(schemes,
					    scheme_of(entry->credentials[i]));
	rc |= json_object_set_new(user, "address", json_string(entry->address));
	rc |= json_object_set_new(user, "quota",
				  json_integer(entry->quota_bytes));
	rc |= json_object_set_new(user, "aliases", aliases);
	rc |= json_object_set_new(user, "send-as", send_as);
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
		rc = print_json(list, JSON_INDENT(2), out);
	json_decref(list);
	if (rc != 0 || fputc('\n', out) == EOF || fflush(out) != 0)
		return err_set(e, ERR_TEMP, errno, "JSON");
	return 0;
}

/* One object, one line; it is given away. */
static int
print_line(json_t *object, int rc, FILE *out, struct err *e)
{
	if (rc == 0)
		rc = print_json(object, JSON_COMPACT, out);
	json_decref(object);
	if (rc != 0 || fputc('\n', out) == EOF || fflush(out) != 0)
		return err_set(e, ERR_TEMP, errno, "JSON");
	return 0;
}

/* A path need not be UTF-8, and JSON must. */
static int
set_path(json_t *object, const char *key, const char *path)
{
	if (path == NULL)
		return 0;
	json_t *text = json_string(path);
	return json_object_set_new(object, key,
				   text != NULL ? text : json_string("?"));
}

int
admin_json_cert(const char *file, const char *key_file,
		const struct tls_cert_info *info, FILE *out, struct err *e)
{
	json_t *o = json_object();
	json_t *names = json_array();
	int rc = 0;

	for (size_t i = 0; i < info->n_names; i++)
		rc |= json_array_append_new(names, json_string(info->names[i]));
	rc |= json_object_set_new(o, "type", json_string("certificate"));
	rc |= set_path(o, "file", file);
	rc |= set_path(o, "key_file", key_file);
	rc |= json_object_set_new(o, "subject", json_string(info->subject));
	rc |= json_object_set_new(o, "issuer", json_string(info->issuer));
	rc |= json_object_set_new(o, "serial", json_string(info->serial));
	rc |= json_object_set_new(o, "names", names);
	rc |= json_object_set_new(o, "not_before",
				  json_integer(info->not_before));
	rc |=
	    json_object_set_new(o, "not_after", json_integer(info->not_after));
	rc |= json_object_set_new(o, "ca", json_boolean(info->is_ca));
	rc |= json_object_set_new(o, "server", json_boolean(info->for_server));
	rc |= json_object_set_new(o, "client", json_boolean(info->for_client));
	rc |= json_object_set_new(o, "key", json_string(info->key));
	rc |= json_object_set_new(o, "sha256", json_string(info->sha256));
	rc |= json_object_set_new(o, "pin", json_string(info->pin));
	rc |= json_object_set_new(o, "tlsa", json_string(info->tlsa));
	return print_line(o, rc, out, e);
}

int
admin_json_check(const char *file, const char *reason, FILE *out, struct err *e)
{
	json_t *o = json_object();
	int rc = 0;

	rc |= json_object_set_new(o, "type", json_string("check"));
	rc |= set_path(o, "file", file);
	rc |= json_object_set_new(o, "right", json_boolean(reason == NULL));
	if (reason != NULL)
		rc |= json_object_set_new(o, "reason", json_string(reason));
	return print_line(o, rc, out, e);
}
