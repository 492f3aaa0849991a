#include "receiver/receiver_alias.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"

int
receiver_alias_init(struct receiver_alias *a, const char *name, struct err *e)
{
	*a = (struct receiver_alias){ .name = strdup(name) };
	return a->name == NULL ? err_set(e, ERR_TEMP, ENOMEM, "alias") : 0;
}

int
receiver_alias_add(struct receiver_alias *a, const char *target, struct err *e)
{
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
receiver_alias_free(struct receiver_alias *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->target[i]);
	free(a->target);
	free(a->name);
	*a = (struct receiver_alias){ .name = NULL };
}

static int
by_name(const void *a, const void *b)
{
	const struct receiver_alias *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
receiver_alias_sort(struct receiver_alias *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_name);
}

static int
name_is(const void *key, const void *member)
{
	const struct receiver_alias *a = member;

	return strcmp(key, a->name);
}

const struct receiver_alias *
receiver_alias_find(const struct receiver_alias *v, size_t n,
		    const char *address)
{
	struct span local, domain;
	char name[ADDRESS_SIZE];

	const struct receiver_alias *a =
	    bsearch(address, v, n, sizeof(*v), name_is);
	if (a != NULL)
		return a;
	address_split(address, &local, &domain);
	if (span_copy(local, name, sizeof(name)) != 0)
		return NULL;
	return bsearch(name, v, n, sizeof(*v), name_is);
}
