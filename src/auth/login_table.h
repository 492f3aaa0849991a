#ifndef PP_AUTH_LOGIN_TABLE_H
#define PP_AUTH_LOGIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A table of fixed size that remembers keys (hashes; never 0) for a time.  When
 * the set of a key is full, what would be forgotten first is forgotten.  Not
 * locked.
 */
struct login_entry {
	uint64_t key;     /* 0: free */
	int64_t until_ms; /* worth nothing from then on */
	/* For the owner of the table, 0 at first. */
	int64_t level_ms; /* a bucket that is empty at this time */
	int64_t last_ms;
	unsigned n, tries;
	bool hot;
};

struct login_table {
	struct login_entry *v;
	size_t sets; /* a power of two */
};

enum { LOGIN_TABLE_WAYS = 8 };

int login_table_init(struct login_table *t, size_t sets); /* -1: no memory */
void login_table_clear(struct login_table *t);

/* login_table_find - the entry of `key` that has not run out, or NULL. */
struct login_entry *login_table_find(const struct login_table *t, uint64_t key,
				     int64_t now_ms);

/* login_table_place - the same, or a new one, with until_ms = now_ms. */
struct login_entry *login_table_place(struct login_table *t, uint64_t key,
				      int64_t now_ms);

/* login_table_at - entry i of sets * LOGIN_TABLE_WAYS. */
static inline struct login_entry *
login_table_at(const struct login_table *t, size_t i)
{
	return &t->v[i];
}

#endif
