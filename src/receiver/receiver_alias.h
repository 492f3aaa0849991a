#ifndef PP_RECEIVER_RECEIVER_ALIAS_H
#define PP_RECEIVER_RECEIVER_ALIAS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* One alias: "sales@xyz.com"; "sales" for every domain; "@xyz.com" for whoever
 * is unknown there. */
struct receiver_alias {
	char *name;
	char **target; /* canonical addresses, each once */
	size_t n;
	int line;       /* where its name stands */
	bool from_file; /* in the aliases file, else in the configuration */
};

enum {
	RECEIVER_ALIAS_TARGETS_MAX = 100, /* of one alias */
	RECEIVER_ALIAS_DEPTH = 10,        /* aliases of aliases */
};

/* A growing set of them; zero is the empty one. */
struct receiver_aliases {
	struct receiver_alias *v;
	size_t n, cap;
};

/* receiver_alias_new - one more, without targets yet; NULL with *e. */
struct receiver_alias *receiver_alias_new(struct receiver_aliases *a,
					  const char *name, struct err *e);
/* receiver_alias_add - one more target; a known one is left out. */
int receiver_alias_add(struct receiver_alias *a, const char *target,
		       struct err *e);
void receiver_alias_free(struct receiver_aliases *a);

/*
 * receiver_alias_finish - sort, for the look-ups below.  -1 (PERM) with *bad
 * the alias that stands twice, has no target, or names itself over others or
 * deeper than RECEIVER_ALIAS_DEPTH.  A target that is the alias' own name is
 * the user of that name, and allowed.
 */
int receiver_alias_finish(struct receiver_aliases *a,
			  const struct receiver_alias **bad, struct err *e);

/* receiver_alias_find - for user@domain: that name, then user; or NULL. */
const struct receiver_alias *
receiver_alias_find(const struct receiver_aliases *a, const char *address);

/* receiver_alias_catch_all - "@domain", or NULL. */
const struct receiver_alias *
receiver_alias_catch_all(const struct receiver_aliases *a, const char *address);

#endif
