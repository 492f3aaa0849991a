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
 *
 * Room is reserved before it is used: of sessions that end their messages at
 * the same moment only as many get room as there is.
 */
struct quota; /* any thread */
struct maildir;

enum { QUOTA_TRUST_MS = 5 * 60 * 1000, QUOTA_SLOTS = 4096 };

int quota_new(struct quota **q, struct err *e);
void quota_free(struct quota **q);

/* quota_used - bytes in the mailbox of `address`, which is open as m, without
 * what is only reserved. */
int quota_used(struct quota *q, const char *address, const struct maildir *m,
	       int64_t *bytes, struct err *e);

/*
 * struct quota_use - a claim on a mailbox, in a list of the quota's while it
 * lasts: it must not move then, nor its address.  Zero is none.
 */
enum quota_kind { QUOTA_NOTHING, QUOTA_ROOM, QUOTA_CHANGING, QUOTA_COUNTING };
struct quota_use {
	enum quota_kind kind;
	struct quota_use *prev, *next;
	const char *address;
	int64_t bytes;
};

/* What has to be free. */
enum quota_need {
	QUOTA_ALL_OF_IT,
	QUOTA_A_BYTE, /* it may go over its limit by this one message */
};
struct quota_claim {
	const char *address;
	const struct maildir *m;
	int64_t bytes, limit;
	enum quota_need need;
};

/* quota_reserve - 1: the room is kept until quota_release; 0: there is none;
 * -1 (TEMP): not known. */
int quota_reserve(struct quota *q, const struct quota_claim *c,
		  struct quota_use *room, struct err *e);
void quota_release(struct quota *q,
		   struct quota_use *room); /* again: no harm */

/*
 * quota_change_begin, _end - around each name that we put into the mailbox or
 * take out: nobody counts its names meanwhile.  delta: bytes more.  room: what
 * was reserved for them, used up by this; or NULL.
 */
void quota_change_begin(struct quota *q, const char *address,
			struct quota_use *change);
void quota_change_end(struct quota *q, struct quota_use *change,
		      const struct maildir *m, int64_t delta,
		      struct quota_use *room);

#endif
