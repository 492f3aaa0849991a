#ifndef PP_STORE_VOLUME_H
#define PP_STORE_VOLUME_H

#include <stdbool.h>

#include "base/err.h"

/*
 * The marker in the root of the Maildirs, a file with an id of its own
 * (doc/formats.md).  A directory on which no volume is mounted looks like an
 * empty tree; without the marker the server takes it for one.  It is made once:
 * by the first start, in a directory with nothing in it, or by postpair-admin.
 *
 * The data directory remembers the id of the volume whose journal it has: that
 * of another one must not be placed here.
 */
#define VOLUME_FILE "postpair.volume"

enum { VOLUME_UUID_SIZE = 37 };

struct volume {
	char uuid[VOLUME_UUID_SIZE];
};

/* `path` names the directory `dirfd` in what is said when something fails. */

/* volume_read - the marker of directory `dirfd`: 1; 0: it has none; -1: it
 * cannot be read; PERM: it is damaged, and *e says how to make another, or it
 * is of a newer version. */
int volume_read(int dirfd, const char *path, struct volume *v, struct err *e);

/* volume_make - a new one, durable; one that is there stays and is read. */
int volume_make(int dirfd, const char *path, struct volume *v, struct err *e);

/* volume_is_bare - 1: nothing of a mail system is in this directory (files, and
 * the lost+found of a new file system, do not count); 0; -1. */
int volume_is_bare(int dirfd, struct err *e);

/* volume_claim - data directory `dirfd` is that of this volume, from now on or
 * already; -1: PERM when it is another one's, or what it remembers is damaged,
 * and *e says what to do. */
int volume_claim(int dirfd, const char *path, const struct volume *v,
		 struct err *e);
/* volume_is_claimed - 1: it was some volume's data directory before; 0; -1. */
int volume_is_claimed(int dirfd, struct err *e);

#endif
