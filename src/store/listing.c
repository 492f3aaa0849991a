#include "store/listing.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/directory.h"
#include "store/maildir_name.h"

enum { NAMES_MAX = 4000000 };

struct item {
	char *name;
	size_t unique; /* so many bytes of it */
	bool in_cur;
};

struct listing {
	char *address;
	struct item *v;
	size_t n, cap;
	bool read; /* what stands in v is what there is */
	struct listing *next;
};

enum { BUCKETS = 4096 };

struct listings {
	struct listing *bucket[BUCKETS];
	bool (*wanted)(const void *ctx, struct span unique);
	const void *ctx;
};

int
listings_new(struct listings **out,
	     bool (*wanted)(const void *ctx, struct span unique),
	     const void *ctx, struct err *e)
{
	struct listings *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "recovery");
	l->wanted = wanted;
	l->ctx = ctx;
	*out = l;
	return 0;
}

static void
forget(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	l->v = NULL;
	l->n = l->cap = 0;
	l->read = false;
}

void
listings_free(struct listings **l)
{
	if (*l == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while ((*l)->bucket[i] != NULL) {
			struct listing *first = (*l)->bucket[i];
			(*l)->bucket[i] = first->next;
			forget(first);
			free(first->address);
			free(first);
		}
	}
	free(*l);
	*l = NULL;
}

/* A directory being read. */
struct scanning {
	const struct listings *all;
	struct listing *listing;
	bool in_cur;
};

static int
add(void *ctx, const char *name, struct err *e)
{
	const struct scanning *s = ctx;
	struct listing *l = s->listing;
	struct maildir_name parsed;

	if (!maildir_name_parse(name, &parsed) ||
	    !s->all->wanted(s->all->ctx, parsed.unique))
		return 0;
	if (l->n == NAMES_MAX)
		return err_set(e, ERR_LIMIT, 0, "too many messages");
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		struct item *more = realloc(l->v, cap * sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "recovery");
		l->v = more;
		l->cap = cap;
	}
	struct item *item = &l->v[l->n];
	item->name = strdup(name);
	if (item->name == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "recovery");
	item->unique = parsed.unique.n;
	item->in_cur = s->in_cur;
	l->n++;
	return 0;
}

static int
scan(const struct listings *all, struct listing *l, int dirfd, bool in_cur,
     struct err *e)
{
	struct scanning s = { all, l, in_cur };

	return directory_scan_files(dirfd, add, &s, e);
}

static struct span
unique_of(const struct item *i)
{
	return span_make(i->name, i->unique);
}

static int
compare(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static int
by_unique(const void *a, const void *b)
{
	return compare(unique_of(a), unique_of(b));
}

static int
unique_is(const void *key, const void *member)
{
	const struct span *unique = key;

	return compare(*unique, unique_of(member));
}

static struct listing **
place_of(struct listings *all, const char *address)
{
	struct listing **at = &all->bucket[hash_text(address) % BUCKETS];

	while (*at != NULL && strcmp((*at)->address, address) != 0)
		at = &(*at)->next;
	return at;
}

void
listings_forget(struct listings *all, const char *address)
{
	struct listing *l = *place_of(all, address);

	if (l != NULL)
		forget(l);
}

static struct listing *
listing_of(struct listings *all, const char *address, const struct maildir *m,
	   struct err *e)
{
	struct listing **at = place_of(all, address);
	struct listing *l = *at;

	if (l == NULL) {
		l = calloc(1, sizeof(*l));
		if (l == NULL || (l->address = strdup(address)) == NULL) {
			free(l);
			(void)err_set(e, ERR_TEMP, ENOMEM, "recovery");
			return NULL;
		}
		*at = l;
	}
	if (l->read)
		return l;
	/* new/ first: what moves to cur/ in between is then seen twice, not
	 * missed */
	if (scan(all, l, m->new, false, e) != 0 ||
	    scan(all, l, m->cur, true, e) != 0) {
		forget(l);
		return NULL;
	}
	if (l->n > 0)
		qsort(l->v, l->n, sizeof(*l->v), by_unique);
	l->read = true;
	return l;
}

int
listings_find(struct listings *all, const char *address,
	      const struct maildir *m, struct span unique, const char **name,
	      bool *in_cur, struct err *e)
{
	const struct listing *l = listing_of(all, address, m, e);

	if (l == NULL)
		return -1;
	const struct item *i =
	    l->n == 0 ? NULL
		      : bsearch(&unique, l->v, l->n, sizeof(*l->v), unique_is);
	if (i == NULL)
		return 0;
	*name = i->name;
	*in_cur = i->in_cur;
	return 1;
}
