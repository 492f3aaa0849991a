#ifndef PP_STORE_MAILDIR_CACHE_H
#define PP_STORE_MAILDIR_CACHE_H

#include <stddef.h>

#include "base/err.h"
#include "store/maildir.h"

/*
 * Mailboxes that stay open between messages.  Bounded, shared; any thread.  A
 * mailbox is looked at again (a stat of each directory) each time it is
 * borrowed, so one that was moved away or made anew is not mistaken for its
 * successor, and a directory that was removed is made again.
 */
struct maildir_cache;

enum { MAILDIR_CACHE_SLOTS = 64 };

int maildir_cache_new(struct maildir_cache **c, struct maildir_tree *t,
		      struct err *e);
void maildir_cache_free(struct maildir_cache **c); /* NULL-safe */

/* A mailbox on loan: use m, then give it back. */
struct maildir_loan {
	struct maildir m;
	void *slot; /* private */
};
#define MAILDIR_NO_LOAN              \
	{                            \
		MAILDIR_CLOSED, NULL \
	}

/* maildir_cache_borrow - as maildir_open with create; _find: without. */
int maildir_cache_borrow(struct maildir_cache *c, const char *address,
			 struct maildir_loan *l, struct err *e);
int maildir_cache_find(struct maildir_cache *c, const char *address,
		       struct maildir_loan *l, struct err *e);
void maildir_cache_return(struct maildir_cache *c, struct maildir_loan *l);

#endif
