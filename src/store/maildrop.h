#ifndef PP_STORE_MAILDROP_H
#define PP_STORE_MAILDROP_H

#include <stdint.h>

#include "base/err.h"
#include "store/maildir.h"
#include "store/maildir_name.h"

/*
 * struct maildrop - a mailbox as POP3 sees it: new/ and cur/ together, as they
 * were when it was opened, in the order of delivery; locked against every other
 * maildrop of the same mailbox, in this process and in others.  Programs that
 * do not know the lock (a mail reader on the same files) may rename and remove
 * messages meanwhile: a renamed one is found again by its unique part.
 * One thread at a time.
 */
struct maildrop;

enum { MAILDROP_MESSAGES_MAX = 1000000 };

enum maildrop_result {
	MAILDROP_OPEN,
	MAILDROP_IN_USE, /* another session has it */
	MAILDROP_FAILED, /* *e says why */
};

enum maildrop_result maildrop_open(struct maildrop **d, struct maildir_tree *t,
				   const char *address, struct err *e);
void maildrop_close(struct maildrop **d); /* NULL-safe */

/* Messages are numbered from 0. */
uint32_t maildrop_count(const struct maildrop *d);
uint64_t maildrop_octets(const struct maildrop *d, uint32_t i); /* CRLF */
void maildrop_uidl(const struct maildrop *d, uint32_t i,
		   char buf[MAILDIR_UIDL_SIZE]);

/* maildrop_read - a descriptor to read the file from; -1: TEMP, with sys ENOENT
 * when somebody removed it meanwhile. */
int maildrop_read(struct maildrop *d, uint32_t i, struct err *e);

/* maildrop_remove - for ever; one that is gone already counts as removed.
 * maildrop_seen - into cur/ with flag S.  Both durable after maildrop_sync. */
int maildrop_remove(struct maildrop *d, uint32_t i, struct err *e);
int maildrop_seen(struct maildrop *d, uint32_t i, struct err *e);
int maildrop_sync(struct maildrop *d, struct err *e);

#endif
