#ifndef PP_AUTH_USERS_TABLE_H
#define PP_AUTH_USERS_TABLE_H

#include <stddef.h>

#include "auth/password.h"
#include "auth/users_line.h"
#include "base/err.h"
#include "base/span.h"

/*
 * One reading of the users file: never changed once made, so that any number
 * of threads may look into it while they hold a reference.
 */
struct users_table;

/*
 * users_table_parse - make a table of `text`, with one reference; `name` is
 * what errors call the file.  -1 with "name:line: reason" at the first bad
 * line; an address may be a user or an alias once only.
 */
int users_table_parse(struct users_table **t, struct span text,
		      const char *name, struct err *e);

/* users_table_read - the same of file `path`; TEMP when it cannot be read. */
int users_table_read(struct users_table **t, const char *path, struct err *e);

/* users_table_hold, _release - one more, one less reference; release sets *t
 * to NULL.  Thread: any. */
struct users_table *users_table_hold(struct users_table *t);
void users_table_release(struct users_table **t);

/* users_table_find - by canonical login or alias; NULL when unknown.  The
 * entry lives as long as a reference is held. */
const struct users_entry *users_table_find(const struct users_table *t,
					   const char *address);

/* In file order: entry i of users_table_size(). */
size_t users_table_size(const struct users_table *t);
const struct users_entry *users_table_at(const struct users_table *t, size_t i);

/* What SCRAM with `hash` needs to know of all of them together. */
struct users_table_scram {
	bool everybody; /* all who have a password have one that serves */
	bool made;      /* of some the key is made of a password */
};
struct users_table_scram users_table_scram(const struct users_table *t,
					   enum scram_hash hash);

/* users_table_find_certificate - by digest, as users_certificate(). */
const struct users_entry *
users_table_find_certificate(const struct users_table *t, const char *digest);

/*
 * What every refused login costs: for each thing that can be computed, what the
 * user with most of it needs.  Hashes of crypt(3) with one setting take one
 * time; of each of the first settings in the file there is one to compute when
 * there is none of one's own.
 */
enum { USERS_SETTINGS_MAX = 8 };
struct users_cost {
	unsigned hashes[USERS_SETTINGS_MAX]; /* with each setting */
	struct password_cost scram;
};
struct users_cost users_table_cost(const struct users_table *t);

/* users_table_cost_add - what one more check against `stored`, of this file,
 * computes. */
void users_table_cost_add(const struct users_table *t, const char *stored,
			  struct users_cost *sum);

/* users_table_costliest - the entry that has most to compute, NULL when none
 * has a credential.  Nobody is checked as this one is, step by step. */
const struct users_entry *users_table_costliest(const struct users_table *t);

/* users_table_settings - how many settings there are, those over the maximum,
 * whose time is not made up for, included.  users_table_dummy - a hash with
 * setting i. */
size_t users_table_settings(const struct users_table *t);
const char *users_table_dummy(const struct users_table *t, size_t i);

#endif
