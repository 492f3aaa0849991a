#ifndef PP_BASE_ARENA_H
#define PP_BASE_ARENA_H

#include <stddef.h>

#include "base/span.h"

/*
 * struct arena - memory that is given back all at once (a session, a
 * transaction) and never exceeds its byte budget.  One thread at a time.
 */
struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
	size_t used;
	size_t budget;
};

void arena_init(struct arena *a, size_t budget_bytes);
/* arena_reset - forget everything; every pointer from it is dead. */
void arena_reset(struct arena *a);

/* arena_alloc - n zeroed bytes, aligned for any type; NULL at the budget or
 * when out of memory. */
void *arena_alloc(struct arena *a, size_t n);

/* arena_str - NUL-terminated copy of s; NULL as above. */
char *arena_str(struct arena *a, struct span s);

#endif
