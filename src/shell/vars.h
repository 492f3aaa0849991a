#ifndef PP_SHELL_VARS_H
#define PP_SHELL_VARS_H

#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/* Named values of a session; a small sorted-by-age array.  One thread. */
enum { VARS_MAX = 256, VARS_VALUE_MAX = 1024 * 1024 };

struct vars {
	struct vars_item {
		char *name, *value;
	} * v;
	size_t n;
};

void vars_free(struct vars *v);

/* vars_set - 0, or -1: LIMIT (too many, too long) or TEMP. */
int vars_set(struct vars *v, struct span name, struct span value,
	     struct err *e);

/* vars_get - NULL when there is none. */
const char *vars_get(const struct vars *v, struct span name);

#endif
