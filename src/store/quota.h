#ifndef PP_STORE_QUOTA_H
#define PP_STORE_QUOTA_H

#include <stdint.h>

#include "base/err.h"

/*
 * How many bytes a mailbox holds.  Counted from the S= in the names (a stat for
 * a name without it), kept in a bounded cache, and kept up with what we deliver
 * and remove ourselves.  A change by another program shows as a new time of its
 * directories; what slips between is found at the next full count, at most
 * QUOTA_TRUST_MS later.
 */
struct quota; /* any thread */
struct maildir;

enum { QUOTA_TRUST_MS = 5 * 60 * 1000, QUOTA_SLOTS = 4096 };

int quota_new(struct quota **q, struct err *e);
void quota_free(struct quota **q);

/* quota_used - bytes in the mailbox of `address`, which is open as m. */
int quota_used(struct quota *q, const char *address, const struct maildir *m,
	       int64_t *bytes, struct err *e);

/* quota_changed - we put in (or with a negative delta took out) so much. */
void quota_changed(struct quota *q, const char *address,
		   const struct maildir *m, int64_t delta);

#endif
