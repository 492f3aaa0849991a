#ifndef PP_STORE_LISTING_H
#define PP_STORE_LISTING_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "store/maildir.h"

/*
 * Where in a mailbox the message with a unique part is, whatever its flags are
 * by now: for the recovery, which asks for many messages of many mailboxes.
 * Each mailbox is read once, when it is first asked for, and of its names only
 * those are kept that may be asked for.  One thread at a time.
 */
struct listings;

/* wanted: may this unique part be asked for? */
int listings_new(struct listings **l,
		 bool (*wanted)(const void *ctx, struct span unique),
		 const void *ctx, struct err *e);
void listings_free(struct listings **l); /* NULL-safe */

/* listings_find - 1 and *name (lives until the next call), *in_cur; 0; -1. */
int listings_find(struct listings *l, const char *address,
		  const struct maildir *m, struct span unique,
		  const char **name, bool *in_cur, struct err *e);

/* listings_forget - it has changed: it is read again. */
void listings_forget(struct listings *l, const char *address);

#endif
