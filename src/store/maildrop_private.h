#ifndef PP_STORE_MAILDROP_PRIVATE_H
#define PP_STORE_MAILDROP_PRIVATE_H

/* Shared by the maildrop*.c files only. */

#include <sys/types.h>

#include "store/maildrop.h"

/* A message, or a name that may be one. */
struct maildrop_item {
	char *name; /* malloc'ed; as last seen */
	int dirfd;  /* new or cur of the maildir */
	dev_t dev;  /* its file, as far as it was looked at */
	ino_t ino;
	uint64_t octets;
	unsigned copy;        /* how many before it have the same unique part */
	unsigned char missed; /* not seen in so many readings in a row */
	bool dropped;         /* no message of its own: not listed */
	bool linked; /* the same file has another name in this mailbox */
	bool wrong;  /* the sizes in its name are not its own */
	bool doomed; /* to be removed, but not where it was */
	struct maildir_name parsed; /* borrows from name */
};

struct maildrop_list {
	struct maildrop_item *item;
	uint32_t n, cap;
};

struct maildrop {
	struct maildir_tree *tree;
	struct maildir m;
	char *address;
	int lock;
	bool utf8; /* the client knows UTF-8 in headers */
	struct maildrop_list list;
	uint32_t doomed; /* how many of them */
};

/* maildrop_list_scan - add the names of a mailbox, new/ first: what moves to
 * cur/ meanwhile is then seen twice, not missed. */
int maildrop_list_scan(struct maildrop_list *l, const struct maildir *m,
		       struct err *e);
void maildrop_list_clear(struct maildrop_list *l);

/* maildrop_list_build - d->list: the messages, in order, each with its octets
 * and an id that no other has or had. */
int maildrop_list_build(struct maildrop *d, struct err *e);

/* maildrop_list_by_unique - order of names by their unique part, for qsort. */
int maildrop_list_by_unique(const struct maildrop_item *a,
			    const struct maildrop_item *b);

/*
 * maildrop_look_again - other programs have renamed messages, or removed them:
 * read the mailbox once, for all of them.  One that is not seen in two readings
 * in a row is gone (a rename can hide it from one).
 */
int maildrop_look_again(struct maildrop *d, struct err *e);
enum { MAILDROP_GONE = 2 }; /* maildrop_item.missed */

#endif
