#ifndef PP_STORE_LEFTOVERS_H
#define PP_STORE_LEFTOVERS_H

#include <stdint.h>

#include "base/err.h"
#include "store/maildir.h"

/*
 * leftovers_remove - remove what interrupted deliveries left in tmp/: ours when
 * nobody writes them any more (deliveries hold a lock on their file), any other
 * program's after 36 hours, as the Maildir convention says.  A directory that
 * cannot be read is named in the log and passed over.  Mailboxes on other file
 * systems than the root's are synced on the way.  Returns how many files went,
 * or -1 when the root cannot be read.
 */
int64_t leftovers_remove(struct maildir_tree *t, struct err *e);

#endif
