#ifndef PP_STORE_DIRECTORY_H
#define PP_STORE_DIRECTORY_H

#include "base/err.h"

/*
 * The names in a directory.  A directory that cannot be read to its end is an
 * error with its errno, never a shorter list: a mailbox that seems to lack a
 * message would be given it twice, or its reader would take it for deleted.
 * Thread: any.
 */
typedef int directory_see(void *ctx, const char *name, struct err *e);

/* directory_scan - see every name but "." and ".."; -1 from see ends it with
 * its *e.  0; -1: TEMP with the errno. */
int directory_scan(int dirfd, directory_see *see, void *ctx, struct err *e);

/* directory_scan_files - regular files only: a directory, a pipe or a link in
 * new/ is no message, whatever its name says. */
int directory_scan_files(int dirfd, directory_see *see, void *ctx,
			 struct err *e);

#endif
