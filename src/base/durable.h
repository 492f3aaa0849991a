#ifndef PP_BASE_DURABLE_H
#define PP_BASE_DURABLE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

/*
 * File operations whose order and syncs matter.  All take a directory
 * descriptor and one plain name (no slash), open with O_NOFOLLOW|O_CLOEXEC, and
 * set *e to TEMP with the errno (ENOSPC, EDQUOT, EIO ...) when the system says
 * no.  An fsync error is final for that file: the caller throws the file away,
 * it never syncs again and hopes.  Thread: any.
 */

/* durable_open_dir - open (and with create, make 0700) directory `path`
 * relative to dirfd (AT_FDCWD for a plain path).  With create its entry is
 * synced, new or not: a crash may have come between the two.  Returns a
 * descriptor or -1. */
int durable_open_dir(int dirfd, const char *path, int create, struct err *e);

/*
 * durable_open_file - the regular file `name`; flags are open(2)'s.  Follows no
 * link and never waits: a pipe in a file's place would keep its thread for
 * ever.  fd or -1, with PERM where it is anything else.
 */
int durable_open_file(int dirfd, const char *name, int flags, struct err *e);

/* durable_create - new file, O_EXCL, mode 0600, write only.  fd or -1. */
int durable_create(int dirfd, const char *name, struct err *e);

/* durable_write - all n bytes, through short writes and EINTR. */
int durable_write(int fd, const void *p, size_t n, struct err *e);

/* durable_sync - fsync the file or directory behind fd. */
int durable_sync(int fd, struct err *e);

/*
 * durable_rename_new - rename, but never over another file: with sys EEXIST the
 * name was there, and nothing was changed.  Nothing is synced.  On a file
 * system that cannot rename in this way the name is linked, and the old one
 * removed after it: a crash in between leaves both.  On one that has no links
 * either, it is looked for first, which another program's rename at the same
 * instant can deceive.
 */
int durable_rename_new(int from_dir, const char *from, int to_dir,
		       const char *to, struct err *e);

/*
 * durable_set_aside - durable_rename_new of what a person is to look at: where
 * the name is taken, by what was set aside before, it becomes "to.2", "to.3"
 * and so on up to DURABLE_ASIDE_MAX, and then sys is EEXIST.  as: the name it
 * got.
 */
enum { DURABLE_NAME_SIZE = 280, DURABLE_ASIDE_MAX = 1000 };
int durable_set_aside(int from_dir, const char *from, int to_dir,
		      const char *to, char as[DURABLE_NAME_SIZE],
		      struct err *e);

/* durable_read_file - whole file, at most max bytes, into malloc'ed *text
 * (a NUL follows, not counted).  LIMIT when larger; sys = ENOENT when absent.
 * A directory, a pipe or a socket is refused; a symbolic link is followed.
 */
int durable_read_file(int dirfd, const char *name, size_t max, char **text,
		      size_t *n, struct err *e);

/*
 * durable_replace - name becomes a file with exactly these bytes, or stays as
 * it was, whatever happens in between: write name.tmp, fsync, rename, fsync
 * the directory.  mode: permission bits of the new file.  When root replaces
 * somebody's file it stays theirs.
 */
int durable_replace(int dirfd, const char *name, struct span bytes, mode_t mode,
		    struct err *e);

/* durable_replace_path - the same for a file anywhere: "dir/name", "name". */
int durable_replace_path(const char *path, struct span bytes, mode_t mode,
			 struct err *e);

#endif
