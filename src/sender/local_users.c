#include "sender/local_users.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PASSWD_BYTES = 4096, NAME_SIZE = 64 };

struct local_user {
	char *name; /* of the system */
	char **address;
	size_t n;
	bool anybody;
};

struct local_users {
	char hostname[ADDRESS_DOMAIN_MAX + 1];
	struct local_user *v;
	size_t n;
};

/* ---- the configuration ----------------------------------------------------
 */

static int
add_address(struct local_user *u, struct span text, struct err *e)
{
	char canonical[ADDRESS_SIZE];
	struct address a;

	if (span_eq(text, span_of("*"))) {
		u->anybody = true;
		return 0;
	}
	if (address_parse_mailbox(text, ADDRESS_ALLOW_UTF8, &a, e) != 0)
		return err_prefix(e, "%.*s", SPAN_ARG(text));
	char **more = realloc(u->address, (u->n + 1) * sizeof(*more));
	if (more == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "local users");
	u->address = more;
	if (address_canonical(&a, canonical) != 0)
		return err_set(e, ERR_PERM, 0, "%.*s is too long",
			       SPAN_ARG(text));
	more[u->n] = strdup(canonical);
	if (more[u->n] == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "local users");
	u->n++;
	return 0;
}

static int
add_user(struct local_users *l, const struct option_pair *pair, struct err *e)
{
	struct local_user *u = &l->v[l->n];
	struct span rest = span_of(pair->value);

	u->name = strdup(pair->name);
	if (u->name == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "local users");
	l->n++;
	while (rest.n > 0) {
		struct span word = span_word(&rest);
		while (word.n > 0 && word.p[word.n - 1] == ',')
			word.n--;
		if (word.n > 0 && add_address(u, word, e) != 0)
			return -1;
	}
	if (u->n == 0 && !u->anybody)
		return err_set(e, ERR_PERM, 0, "no address");
	return 0;
}

int
local_users_new(struct local_users **out, const char *path,
		const struct option_map *map, const char *hostname,
		struct err *e)
{
	struct local_users *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "local users");
	(void)snprintf(l->hostname, sizeof(l->hostname), "%s", hostname);
	l->v = calloc(map->n + 1, sizeof(*l->v));
	if (l->v == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "local users");
		goto fail;
	}
	for (size_t i = 0; i < map->n; i++) {
		if (add_user(l, &map->v[i], e) != 0) {
			(void)err_prefix(e, "%s:%d: %s", path, map->v[i].line,
					 map->v[i].name);
			goto fail;
		}
	}
	*out = l;
	return 0;
fail:
	local_users_free(&l);
	return -1;
}

void
local_users_free(struct local_users **out)
{
	struct local_users *l = *out;

	if (l == NULL)
		return;
	for (size_t i = 0; l->v != NULL && i < l->n; i++) {
		for (size_t k = 0; k < l->v[i].n; k++)
			free(l->v[i].address[k]);
		free(l->v[i].address);
		free(l->v[i].name);
	}
	free(l->v);
	free(l);
	*out = NULL;
}

/* ---- asking ---------------------------------------------------------------
 */

/* The system's name for it; its number where it has none (in a container). */
static void
name_of(uid_t uid, char name[NAME_SIZE])
{
	char text[PASSWD_BYTES];
	struct passwd entry, *found = NULL;

	(void)getpwuid_r(uid, &entry, text, sizeof(text), &found);
	if (found == NULL ||
	    span_copy(span_of(found->pw_name), name, NAME_SIZE) != 0)
		(void)snprintf(name, NAME_SIZE, "%lu", (unsigned long)uid);
}

static const struct local_user *
find(const struct local_users *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	}
	return NULL;
}

static bool
system_address(const char *name, struct span domain,
	       char canonical[ADDRESS_SIZE])
{
	char text[ADDRESS_SIZE];
	struct address a;

	int n = snprintf(text, sizeof(text), "%s@%.*s", name, SPAN_ARG(domain));
	return n > 0 && (size_t)n < sizeof(text) &&
	       address_parse_mailbox(span_of(text), 0, &a, NULL) == 0 &&
	       address_canonical(&a, canonical) == 0;
}

bool
local_users_login(const struct local_users *l, uid_t uid,
		  char login[ADDRESS_SIZE])
{
	char name[NAME_SIZE];

	name_of(uid, name);
	const struct local_user *u = find(l, name);
	if (u != NULL && u->n > 0)
		return span_copy(span_of(u->address[0]), login, ADDRESS_SIZE) ==
		       0;
	return system_address(name, span_of(l->hostname), login);
}

/* A canonical address without its +tag, if it has one. */
static void
without_tag(const char *address, char plain[ADDRESS_SIZE])
{
	struct span local, domain, user, tag;

	address_split(address, &local, &domain);
	if (address_tag(local, &user, &tag))
		(void)snprintf(plain, ADDRESS_SIZE, "%.*s@%.*s", SPAN_ARG(user),
			       SPAN_ARG(domain));
	else
		(void)snprintf(plain, ADDRESS_SIZE, "%s", address);
}

/* Both canonical; the second may have a +tag. */
static bool
is_tagged(const char *own, const char *address)
{
	char plain[ADDRESS_SIZE];

	without_tag(address, plain);
	return strcmp(own, address) == 0 || strcmp(own, plain) == 0;
}

static bool
is_at(const char *name, struct span domain, const char *address)
{
	char own[ADDRESS_SIZE];

	return system_address(name, domain, own) && is_tagged(own, address);
}

static bool
is_named(const struct local_user *u, const char *address)
{
	for (size_t i = 0; u != NULL && i < u->n; i++) {
		if (is_tagged(u->address[i], address))
			return true;
	}
	return false;
}

/* postpair-sendmail puts a domain of its own configuration behind the system's
 * name, which need not be our hostname: that of one of the user's addresses. */
static bool
is_at_domain_of(const struct local_user *u, const char *address)
{
	struct span local, domain;

	for (size_t i = 0; u != NULL && i < u->n; i++) {
		address_split(u->address[i], &local, &domain);
		if (is_at(u->name, domain, address))
			return true;
	}
	return false;
}

const char *
local_users_address(const struct local_users *l, uid_t uid, const char *address)
{
	char name[NAME_SIZE], own[ADDRESS_SIZE];

	name_of(uid, name);
	const struct local_user *u = find(l, name);
	if (u == NULL || u->n == 0)
		return NULL;
	if (system_address(name, span_of(l->hostname), own) &&
	    strcmp(own, address) == 0)
		return u->address[0];
	without_tag(address, own);
	/* a +tag says where answers belong */
	return strcmp(own, address) == 0 && !is_named(u, address) &&
		       is_at_domain_of(u, address)
		   ? u->address[0]
		   : NULL;
}

/* Has somebody else this address in the users file? */
static bool
is_another_users(struct users *users, const char *login, const char *address)
{
	char plain[ADDRESS_SIZE];
	struct user user;

	without_tag(address, plain);
	return users_find(users, plain, &user, NULL) != 0 &&
	       !users_owns(users, login, address);
}

bool
local_users_owns(const struct local_users *l, struct users *users, uid_t uid,
		 const char *address)
{
	char name[NAME_SIZE], login[ADDRESS_SIZE];

	name_of(uid, name);
	const struct local_user *u = find(l, name);
	if (uid == 0 || (u != NULL && u->anybody) || is_named(u, address) ||
	    is_at(name, span_of(l->hostname), address))
		return true;
	if (!local_users_login(l, uid, login))
		return false;
	return is_tagged(login, address) || users_owns(users, login, address) ||
	       (is_at_domain_of(u, address) &&
		!is_another_users(users, login, address));
}
