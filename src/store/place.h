#ifndef PP_STORE_PLACE_H
#define PP_STORE_PLACE_H

#include "base/err.h"
#include "store/maildir.h"

/*
 * place_file - file `unique` of directory tmp becomes also m's new/<name>: a
 * hard link, or a synced copy where there can be none (another file system).
 * Nothing else is synced.  -1 (TEMP): nothing was placed; with sys EEXIST the
 * name was there.  Thread: any.
 */
int place_file(int tmp, const char *unique, const struct maildir *m,
	       const char *name, struct err *e);

/* place_remove - its name in m goes, be it in new/ or, where a reader was
 * quick, in cur/.  0: it is not there; -1: it may be. */
int place_remove(const struct maildir *m, const char *unique, const char *name);

#endif
