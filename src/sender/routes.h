#ifndef PP_SENDER_ROUTES_H
#define PP_SENDER_ROUTES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/option.h"
#include "queue/scheduler.h"

/*
 * routes - which server is responsible for a domain.  Made from the [routes]
 * section, replaced whole by a reload.  Thread: any.
 */
struct routes;

/* What a key begins with when there is no route; the domain follows. */
enum { ROUTES_NONE = '!' };

/* routes_new - from the section; `path` names the file in errors. */
int routes_new(struct routes **r, const char *path,
	       const struct option_map *map, struct err *e);
void routes_free(struct routes **r);

/* routes_swap - take over the content of *from (which is then the old one). */
void routes_swap(struct routes *r, struct routes *from);

/*
 * routes_find - the endpoint ("127.0.0.1:2525", "[::1]:25") for a canonical
 * domain, or for the `*` route.  False: none; key is then "!domain".
 */
bool routes_find(struct routes *r, const char *domain,
		 char key[SCHEDULER_KEY_SIZE]);

#endif
