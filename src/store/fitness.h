#ifndef PP_STORE_FITNESS_H
#define PP_STORE_FITNESS_H

#include <stdint.h>

#include "base/err.h"
#include "store/maildir.h"

/*
 * Which mailboxes can take a message?  Asked for each recipient, so that one
 * broken mailbox is refused by itself: after the text there is one reply for
 * all of them, and the message would wait for all, at every try.
 *
 * What a look does not show (a full disk of its own, a file system that fails)
 * is seen when a message is stored.  Then the message is deferred for all, and
 * the mailbox is remembered: from then on it is refused by itself, until a file
 * of the size that is asked for can be made in it.  Bounded; any thread.
 */
struct fitness;

enum { FITNESS_REMEMBERED = 256, FITNESS_TRIED_BYTES = 1024 * 1024 };

/* fitness_new - tree: borrowed. */
int fitness_new(struct fitness **f, struct maildir_tree *tree, struct err *e);
void fitness_free(struct fitness **f); /* NULL-safe */

/* fitness_check - 0; or -1 (TEMP) when the mailbox of this address, which need
 * not exist, cannot take a message of so many bytes. */
int fitness_check(struct fitness *f, const char *address, int64_t bytes,
		  struct err *e);

/* fitness_failed - a message could not be stored there (a mailbox's name, with
 * its folder). */
void fitness_failed(struct fitness *f, const char *mailbox);

#endif
