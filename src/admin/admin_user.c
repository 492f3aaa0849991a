#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/admin_credential.h"
#include "admin/admin_json.h"
#include "auth/login_secret.h"
#include "auth/users_edit.h"
#include "base/visible.h"

/* The file to work on, malloc'ed: --users, else what --config names. */
static int
users_path(const struct admin_options *o, char **path, struct err *e)
{
	if (o->users_file == NULL && o->config_file != NULL)
		return admin_config_users(o->config_file, path, e);
	*path =
	    strdup(o->users_file != NULL ? o->users_file : ADMIN_USERS_FILE);
	return *path == NULL ? err_set(e, ERR_TEMP, ENOMEM, "users") : 0;
}

/* Why the file could not be read or written, as an exit status. */
static int
file_failed(const struct err *e)
{
	if (e->class == ERR_PERM)
		return admin_fail(ADMIN_CONFIG, e);
	if (e->sys == ENOENT)
		return admin_fail(ADMIN_NO_INPUT, e);
	return admin_fail(e->sys != 0 ? ADMIN_OS : ADMIN_TEMP, e);
}

static int
edit_failed(const struct err *e)
{
	if (e->class == ERR_PERM && e->sys == ENOENT)
		return admin_fail(ADMIN_NO_USER, e);
	return admin_fail(e->class == ERR_PERM ? ADMIN_DATA : ADMIN_OS, e);
}

static int
open_users(const struct admin_options *o, bool create, struct users_edit **x,
	   struct err *e)
{
	char *path = NULL;

	if (users_path(o, &path, e) != 0)
		return -1;
	int rc = users_edit_open(x, path, create, e);
	free(path);
	return rc;
}

static int
save(struct users_edit *x, const char *what, const char *address)
{
	struct err e = { 0 };

	if (users_edit_save(x, &e) != 0)
		return admin_fail(ADMIN_OS, &e);
	(void)printf("%s %s\n", what, address);
	return ADMIN_OK;
}

/* A credential for the new password of `address`. */
static int
ask(const struct admin_options *o, const char *address, bool create,
    struct admin_credentials *stored)
{
	struct err e = { 0 };
	char *path = NULL;
	int rc = 0;

	if (users_path(o, &path, &e) != 0)
		return file_failed(&e);
	if (!create && access(path, F_OK) != 0)
		rc = err_set(&e, ERR_TEMP, errno, "cannot open %s", path);
	if (rc == 0)
		rc = admin_credential_ask(o, path, address, stored, &e);
	free(path);
	if (rc == 0)
		return ADMIN_OK;
	return e.sys == ENOENT ? file_failed(&e) : edit_failed(&e);
}

int
admin_user_add(const struct admin_options *o, char **args)
{
	struct users_new user = { .address = args[0],
				  .quota = o->quota,
				  .aliases = o->aliases,
				  .n_aliases = o->n_aliases };
	struct admin_credentials stored;
	struct users_edit *x = NULL;
	struct err e = { 0 };
	int status;

	/* The password is asked for first: nobody waits for the lock while an
	 * administrator thinks. */
	status = ask(o, args[0], true, &stored);
	if (status != ADMIN_OK)
		return status;
	user.credentials = stored.list;
	user.n_credentials = stored.n;
	if (open_users(o, true, &x, &e) != 0)
		status = file_failed(&e);
	else if (users_edit_add(x, &user, &e) != 0)
		status = edit_failed(&e);
	else
		status = save(x, "added", args[0]);
	users_edit_close(&x);
	explicit_bzero(&stored, sizeof(stored));
	return status;
}

int
admin_user_passwd(const struct admin_options *o, char **args)
{
	struct admin_credentials stored;
	struct users_edit *x = NULL;
	struct err e = { 0 };
	int status;

	status = ask(o, args[0], false, &stored);
	if (status != ADMIN_OK)
		return status;
	if (open_users(o, false, &x, &e) != 0)
		status = file_failed(&e);
	else if (users_edit_set_credentials(x, args[0], stored.list, stored.n,
					    &e) != 0)
		status = edit_failed(&e);
	else
		status = save(x, "changed", args[0]);
	users_edit_close(&x);
	explicit_bzero(&stored, sizeof(stored));
	return status;
}

int
admin_user_remove(const struct admin_options *o, char **args)
{
	struct users_edit *x = NULL;
	struct err e = { 0 };
	char *path = NULL;
	int status;

	if (open_users(o, false, &x, &e) != 0)
		status = file_failed(&e);
	else if (users_edit_remove(x, args[0], &e) != 0)
		status = edit_failed(&e);
	else
		status = save(x, "removed", args[0]);
	users_edit_close(&x);
	if (status == ADMIN_OK && users_path(o, &path, &e) == 0) {
		if (o->config_file != NULL)
			admin_config_unknown(o->config_file, path);
		else
			admin_config_unknown(ADMIN_RECEIVER_CONFIG, path);
	}
	free(path);
	return status;
}

static void
print_user(const struct users_entry *entry)
{
	visible_print(stdout, span_of(entry->address));
	if (entry->quota_bytes != 0)
		(void)printf("  quota=%" PRId64, entry->quota_bytes);
	for (unsigned i = 0; i < entry->n_aliases; i++) {
		(void)printf("  alias=");
		visible_print(stdout, span_of(entry->aliases[i]));
	}
	for (unsigned i = 0; i < entry->n_send_as; i++) {
		(void)printf("  send-as=");
		visible_print(stdout, span_of(entry->send_as[i]));
	}
	if (entry->disabled)
		(void)printf("  disabled=yes");
	if (entry->n_credentials == 0)
		(void)printf("  (no password)");
	(void)fputc('\n', stdout);
}

/* Read without the lock: a file is always whole. */
static int
read_users(const struct admin_options *o, struct users_table **t, struct err *e)
{
	char *path = NULL;

	if (users_path(o, &path, e) != 0)
		return -1;
	int rc = users_table_read(t, path, e);
	free(path);
	return rc;
}

int
admin_user_list(const struct admin_options *o, char **args)
{
	struct users_table *t = NULL;
	struct err e = { 0 };
	int status = ADMIN_OK;

	(void)args;
	if (read_users(o, &t, &e) != 0)
		return file_failed(&e);
	if (o->json) {
		if (admin_json_users(t, stdout, &e) != 0)
			status = admin_fail(ADMIN_OS, &e);
	} else {
		for (size_t i = 0; i < users_table_size(t); i++)
			print_user(users_table_at(t, i));
	}
	users_table_release(&t);
	return status;
}

static bool
serves_for_scram(const struct users_entry *entry)
{
	return entry->plain != NULL || entry->scram[SCRAM_SHA_256] != NULL;
}

/* One old hash is enough to keep servers from offering SCRAM to anybody, and
 * nothing else shows it. */
static void
print_scram(const struct users_table *t)
{
	const char *without = NULL;
	size_t with = 0;

	for (size_t i = 0; i < users_table_size(t); i++) {
		const struct users_entry *entry = users_table_at(t, i);
		if (entry->disabled || entry->n_credentials == 0)
			continue;
		if (serves_for_scram(entry))
			with++;
		else if (without == NULL)
			without = entry->address;
	}
	if (with > 0 && without != NULL)
		(void)printf("SCRAM-SHA-256 is not offered by itself: %s has "
			     "no key for it\n",
			     without);
}

/* Users whose keys show clients something else than unknown names do. */
static int
print_odd(const struct admin_options *o, const struct users_table *t)
{
	struct login_secret s = { .iterations = SCRAM_ITERATIONS };
	struct err e = { 0 };
	char *path = NULL;

	if (users_path(o, &path, &e) != 0)
		return file_failed(&e);
	int rc = login_secret_read(&s, path, &e);
	free(path);
	explicit_bzero(s.key, sizeof(s.key));
	if (rc != 0 && e.sys != ENOENT)
		return file_failed(&e);
	for (size_t i = 0; i < users_table_size(t); i++) {
		const struct users_entry *entry = users_table_at(t, i);
		const struct scram_key *key =
		    users_line_odd_key(entry, s.iterations);
		if (key != NULL)
			(void)printf("%s can be told from a name that does not "
				     "exist: its SCRAM key has %u iterations "
				     "and a salt of %zu bytes, not %u and %d; "
				     "a new password mends it\n",
				     entry->address, key->iterations,
				     key->salt_n, s.iterations,
				     SCRAM_SALT_SIZE);
	}
	return ADMIN_OK;
}

int
admin_user_check(const struct admin_options *o, char **args)
{
	struct users_table *t = NULL;
	struct err e = { 0 };

	(void)args;
	if (read_users(o, &t, &e) != 0)
		return file_failed(&e);
	(void)printf("%zu users\n", users_table_size(t));
	print_scram(t);
	int status = print_odd(o, t);
	users_table_release(&t);
	return status;
}

int
admin_user_secret(const struct admin_options *o, char **args)
{
	char *users = NULL, *path = NULL;
	struct login_secret s;
	struct err e = { 0 };
	unsigned n = 0;
	int rc;

	(void)args;
	if (admin_credential_iterations(o, &n, &e) != 0)
		return edit_failed(&e);
	if (users_path(o, &users, &e) != 0)
		return file_failed(&e);
	rc = n == 0 ? login_secret_make(users, SCRAM_ITERATIONS, &e)
		    : login_secret_set_iterations(users, n, &e);
	if (rc == 0)
		rc = login_secret_read(&s, users, &e);
	if (rc == 0 && (path = login_secret_path(users)) != NULL)
		(void)printf("%s: %u iterations\n", path, s.iterations);
	free(path);
	free(users);
	explicit_bzero(&s, sizeof(s));
	return rc == 0 ? ADMIN_OK : file_failed(&e);
}
