#include "receiver/receiver_alias.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"

/* ---- making them ----------------------------------------------------------
 */

struct receiver_alias *
receiver_alias_new(struct receiver_aliases *a, const char *name, struct err *e)
{
	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 16 : a->cap * 2;
		struct receiver_alias *more =
		    realloc(a->v, cap * sizeof(*more));
		if (more == NULL) {
			(void)err_set(e, ERR_TEMP, ENOMEM, "aliases");
			return NULL;
		}
		a->v = more;
		a->cap = cap;
	}
	struct receiver_alias *n = &a->v[a->n];
	*n = (struct receiver_alias){ .name = strdup(name) };
	if (n->name == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "aliases");
		return NULL;
	}
	a->n++;
	return n;
}

int
receiver_alias_add(struct receiver_alias *a, const char *target, struct err *e)
{
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->target[i], target) == 0)
			return 0;
	}
	if (a->n == RECEIVER_ALIAS_TARGETS_MAX)
		return err_set(e, ERR_PERM, 0, "over %d targets",
			       RECEIVER_ALIAS_TARGETS_MAX);
	char **more = realloc(a->target, (a->n + 1) * sizeof(*more));
	if (more == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "alias");
	a->target = more;
	more[a->n] = strdup(target);
	if (more[a->n] == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "alias");
	a->n++;
	return 0;
}

void
receiver_alias_free(struct receiver_aliases *a)
{
	for (size_t i = 0; i < a->n; i++) {
		for (size_t k = 0; k < a->v[i].n; k++)
			free(a->v[i].target[k]);
		free(a->v[i].target);
		free(a->v[i].name);
	}
	free(a->v);
	*a = (struct receiver_aliases){ .v = NULL };
}

/* ---- looking them up ------------------------------------------------------
 */

static int
by_name(const void *a, const void *b)
{
	const struct receiver_alias *x = a, *y = b;
	int rc = strcmp(x->name, y->name);

	if (rc == 0)
		rc = (int)x->from_file - (int)y->from_file;
	return rc != 0 ? rc : x->line - y->line;
}

static int
name_is(const void *key, const void *member)
{
	const struct receiver_alias *a = member;

	return strcmp(key, a->name);
}

static const struct receiver_alias *
find_name(const struct receiver_aliases *a, const char *name)
{
	return a->n == 0 ? NULL
			 : bsearch(name, a->v, a->n, sizeof(*a->v), name_is);
}

const struct receiver_alias *
receiver_alias_find(const struct receiver_aliases *a, const char *address)
{
	struct span local, domain;
	char name[ADDRESS_SIZE];

	const struct receiver_alias *found = find_name(a, address);
	if (found != NULL)
		return found;
	address_split(address, &local, &domain);
	if (span_copy(local, name, sizeof(name)) != 0)
		return NULL;
	return find_name(a, name);
}

const struct receiver_alias *
receiver_alias_catch_all(const struct receiver_aliases *a, const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? NULL : find_name(a, at);
}

/* ---- is the set sound? ----------------------------------------------------
 */

/*
 * A walk over "names", depth first and without recursion, since the file may be
 * long: each alias on the way down is OPEN, and one that is met again while it
 * is OPEN names itself.
 */
enum { UNSEEN, OPEN, DONE };
struct visit {
	uint8_t state;
	int height;  /* of the chain below, itself included */
	size_t next; /* target to look at */
	size_t from; /* who is waiting for it */
};

/* The alias that a target stands for, itself or without its +tag. */
static const struct receiver_alias *
find_child(const struct receiver_aliases *a, const char *target)
{
	struct span local, domain, user, tag;
	char plain[ADDRESS_SIZE];

	const struct receiver_alias *found = receiver_alias_find(a, target);
	address_split(target, &local, &domain);
	if (found != NULL || !address_tag(local, &user, &tag))
		return found;
	int n = snprintf(plain, sizeof(plain), "%.*s@%.*s", SPAN_ARG(user),
			 SPAN_ARG(domain));
	return n > 0 && (size_t)n < sizeof(plain)
		   ? receiver_alias_find(a, plain)
		   : NULL;
}

static bool
is_open_loop(const struct receiver_aliases *a, const struct visit *v, size_t i,
	     const struct receiver_alias *child)
{
	size_t k = (size_t)(child - a->v);

	return k != i && v[k].state == OPEN;
}

/* From alias `at` as far as it goes.  -1: *at is the alias at fault. */
static int
walk(const struct receiver_aliases *a, struct visit *v, size_t *at,
     struct err *e)
{
	const size_t top = *at;
	size_t i = top;

	v[i] = (struct visit){ .state = OPEN, .height = 1, .from = top };
	for (;;) {
		if (v[i].next < a->v[i].n) {
			const char *target = a->v[i].target[v[i].next++];
			const struct receiver_alias *child =
			    find_child(a, target);
			*at = i;
			if (child == NULL || child == &a->v[i])
				continue;
			if (is_open_loop(a, v, i, child))
				return err_set(e, ERR_PERM, 0,
					       "names itself over %s", target);
			size_t k = (size_t)(child - a->v);
			if (v[k].state == UNSEEN) {
				v[k] = (struct visit){ .state = OPEN,
						       .height = 1,
						       .from = i };
				i = k;
			} else if (v[k].height + 1 > v[i].height) {
				v[i].height = v[k].height + 1;
			}
			continue;
		}
		v[i].state = DONE;
		*at = i;
		if (v[i].height > RECEIVER_ALIAS_DEPTH)
			return err_set(e, ERR_PERM, 0,
				       "aliases of aliases over %d deep",
				       RECEIVER_ALIAS_DEPTH);
		if (i == top)
			return 0;
		size_t up = v[i].from;
		if (v[i].height + 1 > v[up].height)
			v[up].height = v[i].height + 1;
		i = up;
	}
}

static int
check_each(const struct receiver_aliases *a, size_t *bad, struct err *e)
{
	for (size_t i = 0; i < a->n; i++) {
		*bad = i;
		if (a->v[i].n == 0)
			return err_set(e, ERR_PERM, 0, "no target");
		if (i > 0 && strcmp(a->v[i - 1].name, a->v[i].name) == 0)
			return err_set(
			    e, ERR_PERM, 0, "stands twice, first on line %d%s",
			    a->v[i - 1].line,
			    a->v[i - 1].from_file == a->v[i].from_file
				? ""
				: " of the other file");
	}
	return 0;
}

int
receiver_alias_finish(struct receiver_aliases *a,
		      const struct receiver_alias **bad, struct err *e)
{
	size_t at = 0;
	int rc;

	*bad = NULL;
	if (a->n == 0)
		return 0;
	struct visit *v = calloc(a->n, sizeof(*v));
	if (v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "aliases");
	qsort(a->v, a->n, sizeof(*a->v), by_name);
	rc = check_each(a, &at, e);
	for (size_t i = 0; rc == 0 && i < a->n; i++) {
		at = i;
		if (v[i].state == UNSEEN)
			rc = walk(a, v, &at, e);
	}
	free(v);
	if (rc != 0)
		*bad = &a->v[at];
	return rc;
}
