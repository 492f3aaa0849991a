#ifndef PP_STORE_DEVICES_H
#define PP_STORE_DEVICES_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * File systems that were written to and are yet to be synced: one syncfs(2)
 * speaks of one file system, and a mailbox may be a mount of its own.  Holds a
 * descriptor for each.  One thread at a time.
 */
enum { DEVICES_MAX = 64 };

struct devices {
	struct device {
		dev_t dev;
		int fd;
	} v[DEVICES_MAX];
	size_t n;
};

/* devices_touch - the file system of this directory; one too many: all are
 * synced first.  0 or -1 (TEMP). */
int devices_touch(struct devices *d, int dirfd, struct err *e);

/* devices_sync - sync and forget them all; -1 (TEMP): at least one failed. */
int devices_sync(struct devices *d, struct err *e);

#endif
