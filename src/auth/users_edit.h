#ifndef PP_AUTH_USERS_EDIT_H
#define PP_AUTH_USERS_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/users_table.h"
#include "base/err.h"

/*
 * Changing the users file.  Comments, blank lines and the order stay as they
 * are; the new content is checked as a server would before it replaces the old
 * one in one step, with its mode and owner.  Whoever edits holds a lock (on
 * "<file>.lock"), so two edits at once both count.  It is made for the owner of
 * the file, where root makes it; what is there is never changed, and where it
 * is a link, has another name, or belongs to somebody who is neither root nor
 * we nor that owner, nothing is edited (PERM).
 */
struct users_edit;

/*
 * users_edit_open - lock and read `path` (a link is followed).  With `create`
 * an absent file counts as empty.  -1: TEMP (sys = ENOENT when absent), PERM
 * with "file:line: reason" for a file with a wrong line.
 */
int users_edit_open(struct users_edit **x, const char *path, bool create,
		    struct err *e);
void users_edit_close(struct users_edit **x); /* gives the lock back */

/* users_edit_table - what the file said when it was opened. */
const struct users_table *users_edit_table(const struct users_edit *x);

struct users_new {
	const char *address;
	const char *const *credentials; /* "{SCHEME}value"; none: no login */
	size_t n_credentials;
	const char *quota; /* "100M"; NULL: none */
	const char *const *aliases;
	size_t n_aliases;
};

/*
 * One change in memory; users_edit_save makes it last.  PERM when it makes no
 * sense: an address that is taken, a user that is not there (sys = ENOENT), a
 * name that is an alias.
 */
int users_edit_add(struct users_edit *x, const struct users_new *user,
		   struct err *e);
int users_edit_set_credentials(struct users_edit *x, const char *address,
			       const char *const *credentials, size_t n,
			       struct err *e);
int users_edit_remove(struct users_edit *x, const char *address, struct err *e);

/* users_edit_save - check and replace; 0 when it is durable. */
int users_edit_save(struct users_edit *x, struct err *e);

#endif
