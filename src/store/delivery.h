#ifndef PP_STORE_DELIVERY_H
#define PP_STORE_DELIVERY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "store/maildir.h"

/*
 * struct delivery - one message on its way into one or more mailboxes, all or
 * nothing.  In which way depends on the tree's ledger (store/ledger.h):
 *
 *   into the journal    begin, write: kept in memory.  commit: tmp/<unique>
 *                       written but not synced; the whole message entered in
 *                       the ledger, which is durable at once; then linked and
 *                       renamed into new/ of every mailbox.  A message that
 *                       grows over the ledger's bound goes the other way.
 *   synced (no ledger,  begin: tmp/<unique> of the first mailbox, locked while
 *   or it keeps none)   we write it.  write: streamed.  commit: fsync the file;
 *                       link it into new/ of every mailbox, fsync each new/.
 *
 * CRLF becomes LF, the line end of Maildir files.  A failure removes what was
 * placed.  free removes the file in tmp/, unless commit has done so.  See
 * doc/durability.md for the argument.  One thread at a time.
 */
struct delivery;

/* delivery_begin - mailbox: canonical address, made when it does not exist;
 * borrowed until delivery_free. */
int delivery_begin(struct delivery **d, struct maildir_tree *t,
		   const char *mailbox, struct err *e);

/*
 * delivery_identify - the message has this delivery id (a word of at most
 * IDS_TEXT_MAX bytes; borrowed): a mailbox that has got it already is left out
 * by delivery_commit, which then also remembers it.  Needs a ledger.
 */
void delivery_identify(struct delivery *d, const char *id);

/* delivery_internationalize - it came by SMTPUTF8: how many octets a reader
 * over a network gets depends on the reader, so its name does not say (no W=).
 */
void delivery_internationalize(struct delivery *d);

/* delivery_write - the next bytes, CRLF line ends, in pieces of any size.
 * After a failure only delivery_free may follow. */
int delivery_write(struct delivery *d, struct span bytes, struct err *e);

/* delivery_use_room - what was reserved in mailboxes, of those that have a
 * limit (borrowed until delivery_free): placing the message there uses it up.
 */
void delivery_use_room(struct delivery *d, struct quota_use *const *room,
		       size_t n);

/* delivery_commit - into these mailboxes (each named once, at least one). */
int delivery_commit(struct delivery *d, const char *const *mailboxes, size_t n,
		    struct err *e);

/* delivery_repeated - in how many of them it was stored before. */
size_t delivery_repeated(const struct delivery *d);

/* delivery_broken - after a failure of delivery_write or _commit: the mailbox
 * at which it failed; NULL: no single one's fault. */
const char *delivery_broken(const struct delivery *d);

/* delivery_size - bytes so far as stored (LF line ends). */
int64_t delivery_size(const struct delivery *d);

void delivery_free(struct delivery **d); /* NULL-safe */

#endif
