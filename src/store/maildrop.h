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
 * messages meanwhile: a renamed one is found again by its unique part, and by
 * its file where two have the same. One thread at a time.
 */
struct maildrop;

enum { MAILDROP_MESSAGES_MAX = 1000000 };

enum maildrop_result {
	MAILDROP_OPEN,
	MAILDROP_IN_USE, /* another session has it */
	MAILDROP_FAILED, /* *e says why */
};

/* maildrop_open - utf8: the client knows UTF-8 in headers (RFC 6856); others
 * get an internationalized message as mail/downgrade.h makes it. */
enum maildrop_result maildrop_open(struct maildrop **d, struct maildir_tree *t,
				   const char *address, bool utf8,
				   struct err *e);
void maildrop_close(struct maildrop **d); /* NULL-safe */

/* Messages are numbered from 0. */
uint32_t maildrop_count(const struct maildrop *d);
/* maildrop_octets - with CRLF, as the client gets it: by its name where that
 * can be true, and from maildrop_read on as it was counted. */
uint64_t maildrop_octets(const struct maildrop *d, uint32_t i);
void maildrop_uidl(const struct maildrop *d, uint32_t i,
		   char buf[MAILDIR_UIDL_SIZE]);

/* maildrop_read - a descriptor to read the file from, which the caller closes;
 * -1: TEMP, with sys ENOENT when somebody removed it meanwhile. */
struct maildrop_text {
	int fd;
	bool downgrade; /* it is to be sent by mail/downgrade.h */
};
int maildrop_read(struct maildrop *d, uint32_t i, struct maildrop_text *text,
		  struct err *e);

/*
 * maildrop_remove - one that is gone already counts as removed.
 * maildrop_seen - into cur/ with flag S, and without the sizes that were found
 * to be wrong; never over another file.
 * maildrop_sync - looks for what maildrop_remove did not find under its name,
 * removes it, and makes all that was done durable.
 */
int maildrop_remove(struct maildrop *d, uint32_t i, struct err *e);
int maildrop_seen(struct maildrop *d, uint32_t i, struct err *e);
int maildrop_sync(struct maildrop *d, struct err *e);

#endif
