#ifndef PP_AUTH_USERS_PRIVATE_H
#define PP_AUTH_USERS_PRIVATE_H

/* Shared by users.c (the file, watched) and users_login.c (who may log in). */

#include "auth/login_secret.h"
#include "auth/turns.h"
#include "auth/users.h"
#include "auth/users_table.h"

/* users_take - a reference to what the file says now, to be released. */
struct users_table *users_take(struct users *u);

/*
 * A yescrypt hash takes 16 MiB and a processor.  A flood of logins waits here
 * rather than for the kernel to run out of memory.
 */
struct turns *users_turns(struct users *u);
uint64_t users_party(const struct users *u, const char *peer);

/* users_secret - what salts are made of now. */
void users_secret(struct users *u, struct login_secret *s);

/* users_copy - what the others may know of an entry. */
void users_copy(const struct users_entry *entry, struct user *user);

#endif
