#ifndef PP_AUTH_LOGIN_KNOWN_H
#define PP_AUTH_LOGIN_KNOWN_H

#include "auth/login_table.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * The file "known-logins": who has logged in well from where, as hashes, until
 * when (doc/formats.md).  It is a convenience and is never believed: a sum over
 * it, a bounded number of entries, and no time that lies further ahead than a
 * new one would.
 */
enum {
	LOGIN_KNOWN_SETS = 512,
	LOGIN_KNOWN_MAX = LOGIN_KNOWN_SETS * LOGIN_TABLE_WAYS,
	LOGIN_KNOWN_DAYS = 30,
};

/* login_known_write - the entries that have not run out, into *b, which is
 * initialised here and to be freed. */
int login_known_write(const struct login_table *t, int64_t now_ms,
		      struct buf *b, struct err *e);

/* login_known_save, _load - the file of that directory; to load none is fine.
 */
int login_known_save(int dirfd, const struct buf *b, struct err *e);
int login_known_load(struct login_table *t, int dirfd, int64_t now_ms,
		     struct err *e);

#endif
