#ifndef PP_STORE_MAILDIR_H
#define PP_STORE_MAILDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "store/octets.h"
#include "store/quota.h"
#include "store/volume.h"

/*
 * The tree of mailboxes: <root>/<domain>/<user>/{tmp,new,cur}, each a Maildir
 * that other programs may read.  A mailbox is made when it is first needed,
 * 0700, for a user who has none, and synced into its parents before anything is
 * stored in it.  Everything
 * goes through directory descriptors with O_NOFOLLOW, and names are checked, so
 * that no address leads out of the tree.
 */
struct maildir_tree; /* shared by all sessions; any thread */

struct maildir_cache;

/*
 * maildir_tree_open - open the root.  host: this machine's name, for unique
 * file names.  Refused (PERM) while another server has the tree, and where it
 * has no marker (store/volume.h); with may_begin the root is made when it is
 * missing, and marked when there is nothing in it.  A syncfs makes what an
 * earlier run left behind durable, so that "exists" means "survives" from here
 * on; of what lies on other file systems leftovers_remove sees to it.
 */
int maildir_tree_open(struct maildir_tree **t, const char *root,
		      const char *host, bool may_begin, struct err *e);
void maildir_tree_free(struct maildir_tree **t);

int maildir_tree_root(const struct maildir_tree *t); /* its descriptor */
const struct volume *maildir_tree_volume(const struct maildir_tree *t);

/* maildir_tree_set_mounts - what is known of mailboxes on other file systems;
 * borrowed, before any session. */
struct mounts;
void maildir_tree_set_mounts(struct maildir_tree *t, struct mounts *m);

/*
 * maildir_tree_set_owners - who may have a mailbox: is_owner says 1, 0, or -1
 * (*e) of an address.  A mailbox is made for nobody else, whatever a delivery
 * or a journal names.  Without it, for anybody.
 */
void maildir_tree_set_owners(struct maildir_tree *t,
			     int (*is_owner)(void *ctx, const char *address,
					     struct err *e),
			     void *ctx);
int maildir_tree_is_owner(struct maildir_tree *t, const char *mailbox,
			  struct err *e);

/* maildir_tree_is_doubtful - the file system has failed to write something: no
 * file is to be trusted that was not synced by itself. */
bool maildir_tree_is_doubtful(const struct maildir_tree *t);

/* maildir_tree_set_ledger - deliveries and deletions are entered there from now
 * on (NULL: nowhere); before and after any session. */
struct ledger;
void maildir_tree_set_ledger(struct maildir_tree *t, struct ledger *l);
struct ledger *maildir_tree_ledger(struct maildir_tree *t);

struct maildir_cache *maildir_tree_cache(struct maildir_tree *t);
struct quota *maildir_tree_quota(struct maildir_tree *t);
struct octets *maildir_tree_octets(struct maildir_tree *t);
const char *maildir_tree_host(const struct maildir_tree *t);
uint32_t maildir_tree_count(struct maildir_tree *t); /* another one each call */

/*
 * A mailbox is named by its owner's address, "bob@xyz.com"; the folder for what
 * he or she may not want by that and MAILDIR_JUNK behind it.
 */
#define MAILDIR_JUNK "/.Junk"
enum { MAILDIR_MAILBOX_SIZE = 512 + 8 };

/* maildir_mailbox_owner - the address in the name of a mailbox. */
struct span maildir_mailbox_owner(const char *mailbox);

/* maildir_mailbox_is_safe - an address that is safe, or its junk folder.
 * maildir_address_is_safe - may this canonical user@domain name a mailbox: both
 * halves present, <= 255 bytes, no slash, no control byte, no leading dot. */
bool maildir_mailbox_is_safe(const char *mailbox);
bool maildir_address_is_safe(const char *address);

/* One open mailbox: its directories. */
struct maildir {
	int dir, tmp, new, cur;
	bool foreign; /* on another file system than the root: no checkpoint
			 makes durable what is put there */
};
#define MAILDIR_CLOSED                \
	{                             \
		-1, -1, -1, -1, false \
	}

/*
 * maildir_open - a mailbox; with create it is made  Where one of tmp/, new/
 * and cur/ is missing it is made again in any case. -1: PERM for an unsafe
 * name, TEMP with sys ENOENT when it does not exist, TEMP otherwise.  *m must
 * be MAILDIR_CLOSED before; maildir_close is NULL-safe for it.
 */
int maildir_open(struct maildir_tree *t, const char *mailbox, bool create,
		 struct maildir *m, struct err *e);
void maildir_close(struct maildir *m);

/* maildir_can_be_made - there is no mailbox for this safe address: could one be
 * made?  0, or -1 (TEMP) with what is in the way. */
int maildir_can_be_made(struct maildir_tree *t, const char *address,
			struct err *e);

#endif
