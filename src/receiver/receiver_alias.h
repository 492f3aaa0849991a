#ifndef PP_RECEIVER_RECEIVER_ALIAS_H
#define PP_RECEIVER_RECEIVER_ALIAS_H

#include <stddef.h>

#include "base/err.h"

/* One alias: "sales@xyz.com" or, for every domain, "sales". */
struct receiver_alias {
	char *name;
	char **target; /* canonical addresses */
	size_t n;
};

int receiver_alias_init(struct receiver_alias *a, const char *name,
			struct err *e);
int receiver_alias_add(struct receiver_alias *a, const char *target,
		       struct err *e);
void receiver_alias_free(struct receiver_alias *a);

/* receiver_alias_sort, _find - by name; find tries user@domain, then user. */
void receiver_alias_sort(struct receiver_alias *v, size_t n);
const struct receiver_alias *receiver_alias_find(const struct receiver_alias *v,
						 size_t n, const char *address);

#endif
