#ifndef PP_STORE_DELIVERY_H
#define PP_STORE_DELIVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "store/maildir.h"

/*
 * struct delivery - one message on its way into one or more mailboxes, all or
 * nothing:
 *
 *   begin   tmp/<unique> of the first mailbox, locked while we write it
 *   write   streamed; CRLF becomes LF, the line end of Maildir files
 *   commit  fsync the file; link it into new/ of every mailbox and fsync each
 *           new/; only then success.  A failure removes what was linked.
 *   free    removes the file in tmp/, unless commit has done so
 *
 * See doc/durability.md for the argument.  One thread at a time.
 */
struct delivery;

/* delivery_begin - mailbox: canonical address; made when it does not exist. */
int delivery_begin(struct delivery **d, struct maildir_tree *t,
		   const char *mailbox, struct err *e);

/* delivery_write - the next bytes, CRLF line ends, in pieces of any size.
 * After a failure only delivery_free may follow. */
int delivery_write(struct delivery *d, struct span bytes, struct err *e);

/* delivery_commit - into these mailboxes (each named once, at least one). */
int delivery_commit(struct delivery *d, const char *const *mailboxes, size_t n,
		    struct err *e);

/* delivery_size - bytes so far as stored (LF line ends). */
int64_t delivery_size(const struct delivery *d);

void delivery_free(struct delivery **d); /* NULL-safe */

#endif
