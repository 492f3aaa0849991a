#ifndef PP_STORE_LISTING_H
#define PP_STORE_LISTING_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "store/maildir.h"

/*
 * Where in a mailbox the message with a unique part is, whatever its flags are
 * by now: for the recovery, which asks for many messages of few mailboxes.
 * Keeps the names of LISTING_MAILBOXES mailboxes, as they were when it was
 * first asked for each.  One thread at a time.
 */
struct listings;

enum { LISTING_MAILBOXES = 64 };

int listings_new(struct listings **l, struct err *e);
void listings_free(struct listings **l); /* NULL-safe */

/* listings_find - 1 and *name (lives until the next call), *in_cur; 0; -1. */
int listings_find(struct listings *l, const char *address,
		  const struct maildir *m, struct span unique,
		  const char **name, bool *in_cur, struct err *e);

#endif
