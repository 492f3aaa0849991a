#ifndef PP_STORE_MOUNTS_H
#define PP_STORE_MOUNTS_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Which directories of the Maildir tree were seen to be file systems of their
 * own: "xyz.com", "xyz.com/bob".  One that is not mounted looks like a mailbox
 * that has yet to be made, and what is put there is hidden once it is mounted
 * again.  Kept in the file "mounts" of the data directory, a line each and a
 * checksum, which an administrator may edit while the server is stopped.  Any
 * thread.
 */
struct mounts;

enum { MOUNTS_MAX = 10000 };

int mounts_open(struct mounts **m, int dirfd, struct err *e);
void mounts_free(struct mounts **m); /* NULL-safe */

/* mounts_note - it is one; durable at 0.  Known ones cost a look. */
int mounts_note(struct mounts *m, const char *path, struct err *e);
bool mounts_knows(struct mounts *m, const char *path);
/* mounts_are_damaged - the file was: what is missing may be such a one. */
bool mounts_are_damaged(const struct mounts *m);

#endif
