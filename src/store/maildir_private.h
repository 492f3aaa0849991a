#ifndef PP_STORE_MAILDIR_PRIVATE_H
#define PP_STORE_MAILDIR_PRIVATE_H

/* Shared by maildir.c (mailboxes) and maildir_tree.c (their tree) only. */

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "store/maildir.h"

struct maildir_tree {
	int root;
	char *path; /* of the root */
	dev_t device;
	ino_t inode;
	struct volume volume;
	bool doubtful;
	struct mounts *mounts; /* borrowed; NULL: none are known */
	int (*is_owner)(void *ctx, const char *address, struct err *e);
	void *owners;
	char *host;
	struct quota *quota;
	struct octets *octets;
	struct maildir_cache *cache;
	struct ledger *ledger;
	atomic_uint_fast32_t count;
	pthread_mutex_t making; /* held while a mailbox is being made */
};

#endif
