#ifndef PP_SENDER_ROUTES_H
#define PP_SENDER_ROUTES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/option.h"
#include "queue/scheduler.h"
#include "sender/credentials.h"
#include "sender/route.h"

/*
 * routes - which way the mail for a domain goes.  Made from the sections
 * [routes], [sender-routes] and [credentials], replaced whole by a reload.
 * Thread: any.
 *
 * A domain's own line comes first; then the line of the sender (the address,
 * then its @domain); then `*`.
 */
struct routes;

/* What a key begins with when there is no route; the domain follows. */
enum { ROUTES_NONE = '!' };

struct routes_config {
	const char *path; /* names the file in errors */
	const struct option_map *domains, *senders, *credentials;
};

/* routes_new - -1 with "file:line: key: reason". */
int routes_new(struct routes **r, const struct routes_config *c, struct err *e);
void routes_free(struct routes **r);

/* routes_swap - take over the content of *from (which is then the old one). */
void routes_swap(struct routes *r, struct routes *from);

/*
 * routes_find - the way (its key: "127.0.0.1:2525", "mx:xyz.com") of mail from
 * reverse_path ("" for <>) to a canonical domain.  False: none; its key is then
 * "!domain".  routes_key - only the key.
 */
bool routes_find(struct routes *r, const char *reverse_path, const char *domain,
		 struct way *out);
void routes_key(struct routes *r, const char *reverse_path, const char *domain,
		char key[SCHEDULER_KEY_SIZE]);

/* routes_credentials - what auth=NAME stands for.  -1 (TEMP): there is none
 * any more.  The copy is to be forgotten with credential_clear. */
int routes_credentials(struct routes *r, const char *name,
		       struct credential *out, struct err *e);

#endif
