#include "store/maildrop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "store/directory.h"
#include "store/ledger.h"
#include "store/octets.h"

struct item {
	char *name; /* malloc'ed; as last seen */
	int dirfd;  /* new or cur of the maildir */
	uint64_t octets;
	unsigned copy; /* how many before it have the same unique part */
	struct maildir_name parsed; /* borrows from name */
};

struct maildrop {
	struct maildir_tree *tree;
	struct maildir m;
	char *address;
	int lock;
	struct item *item;
	uint32_t n, cap;
};

/* ---- the list -------------------------------------------------------------
 */

static int
add(struct maildrop *d, int dirfd, const char *name, struct err *e)
{
	struct item it = { .dirfd = dirfd };

	if (!maildir_name_parse(name, &it.parsed))
		return 0;
	if (d->n == MAILDROP_MESSAGES_MAX)
		return err_set(e, ERR_LIMIT, 0, "over %d messages",
			       MAILDROP_MESSAGES_MAX);
	if (d->n == d->cap) {
		uint32_t cap = d->cap == 0 ? 64 : d->cap * 2;
		struct item *more = realloc(d->item, cap * sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "maildrop");
		d->item = more;
		d->cap = cap;
	}
	char *copy = strdup(name);
	if (copy == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildrop");
	(void)maildir_name_parse(copy, &it.parsed);
	it.name = copy;
	d->item[d->n++] = it;
	return 0;
}

/* One of the two directories being read. */
struct scanning {
	struct maildrop *drop;
	int dirfd;
};

static int
see_message(void *ctx, const char *name, struct err *e)
{
	const struct scanning *s = ctx;

	return add(s->drop, s->dirfd, name, e);
}

static int
scan(struct maildrop *d, int dirfd, struct err *e)
{
	struct scanning s = { d, dirfd };

	return directory_scan_files(dirfd, see_message, &s, e);
}

static int
compare_unique(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static int
by_order(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = maildir_name_order(&x->parsed, &y->parsed);

	return c != 0 ? c : strcmp(x->name, y->name);
}

static int
by_unique(const void *a, const void *b)
{
	const struct item *const *x = a, *const *y = b;
	int c = compare_unique((*x)->parsed.unique, (*y)->parsed.unique);

	return c != 0 ? c : (*x > *y) - (*x < *y); /* order of delivery */
}

static bool
exists(const struct item *it)
{
	struct stat st;

	return fstatat(it->dirfd, it->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * A unique part that stands twice is one message that was renamed between the
 * two scans (then one of the names is gone), or a copy somebody made by hand
 * (then the later one gets a suffix).  Renamed ones are dropped by octets ==
 * UINT64_MAX.
 */
static int
mark_copies(struct maildrop *d, struct err *e)
{
	struct item **by = calloc(d->n + 1u, sizeof(*by));

	if (by == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildrop");
	for (uint32_t i = 0; i < d->n; i++)
		by[i] = &d->item[i];
	qsort(by, d->n, sizeof(*by), by_unique);
	for (uint32_t i = 1; i < d->n; i++) {
		struct item *a = by[i - 1], *b = by[i];
		if (compare_unique(a->parsed.unique, b->parsed.unique) != 0)
			continue;
		b->copy = a->copy + 1;
		if (!exists(a)) {
			a->octets = UINT64_MAX;
			b->copy = a->copy;
		} else if (!exists(b)) {
			b->octets = UINT64_MAX;
			b->copy = a->copy;
			by[i] = a;
		}
	}
	free(by);
	return 0;
}

/* Size with CRLF line ends of a file whose name does not tell it. */
static int
count_octets(const struct maildrop *d, struct item *it)
{
	struct stat st;
	int rc = -1;

	int fd = openat(it->dirfd, it->name,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		rc = octets_of(maildir_tree_octets(d->tree), fd, &st,
			       &it->octets);
	(void)close(fd);
	return rc;
}

static int
build(struct maildrop *d, struct err *e)
{
	uint32_t kept = 0;

	/* new/ first: what moves to cur/ in between is then seen twice, not
	 * missed. */
	if (scan(d, d->m.new, e) != 0 || scan(d, d->m.cur, e) != 0)
		return -1;
	if (d->n == 0)
		return 0;
	qsort(d->item, d->n, sizeof(*d->item), by_order);
	if (mark_copies(d, e) != 0)
		return -1;
	for (uint32_t i = 0; i < d->n; i++) {
		struct item *it = &d->item[i];
		bool keep = it->octets != UINT64_MAX;
		if (keep && it->parsed.vsize >= 0)
			it->octets = (uint64_t)it->parsed.vsize;
		else if (keep) /* unreadable: not a message */
			keep = count_octets(d, it) == 0;
		if (keep)
			d->item[kept++] = *it;
		else
			free(it->name);
	}
	d->n = kept;
	return 0;
}

/* ---- open and close -------------------------------------------------------
 */

enum maildrop_result
maildrop_open(struct maildrop **out, struct maildir_tree *t,
	      const char *address, struct err *e)
{
	enum maildrop_result result = MAILDROP_FAILED;
	struct maildrop *d = calloc(1, sizeof(*d));

	if (d == NULL || (d->address = strdup(address)) == NULL) {
		free(d);
		(void)err_set(e, ERR_TEMP, ENOMEM, "maildrop");
		return MAILDROP_FAILED;
	}
	d->tree = t;
	d->m = (struct maildir)MAILDIR_CLOSED;
	d->lock = -1;
	if (maildir_open(t, address, true, &d->m, e) != 0)
		goto fail;
	d->lock = openat(d->m.dir, "postpair-pop3.lock",
			 O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d->lock < 0) {
		(void)err_set(e, ERR_TEMP, errno, "cannot open the lock file");
		goto fail;
	}
	/* The kernel gives a flock up with its process: no stale locks. */
	if (flock(d->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			result = MAILDROP_IN_USE;
		else
			(void)err_set(e, ERR_TEMP, errno, "cannot lock");
		goto fail;
	}
	if (build(d, e) != 0)
		goto fail;
	*out = d;
	return MAILDROP_OPEN;
fail:
	maildrop_close(&d);
	return result;
}

void
maildrop_close(struct maildrop **out)
{
	struct maildrop *d = *out;

	if (d == NULL)
		return;
	for (uint32_t i = 0; i < d->n; i++)
		free(d->item[i].name);
	free(d->item);
	if (d->lock >= 0)
		(void)close(d->lock);
	maildir_close(&d->m);
	free(d->address);
	free(d);
	*out = NULL;
}

uint32_t
maildrop_count(const struct maildrop *d)
{
	return d->n;
}

uint64_t
maildrop_octets(const struct maildrop *d, uint32_t i)
{
	return d->item[i].octets;
}

void
maildrop_uidl(const struct maildrop *d, uint32_t i, char buf[MAILDIR_UIDL_SIZE])
{
	maildir_name_uidl(d->item[i].parsed.unique, d->item[i].copy, buf);
}

/* ---- messages -------------------------------------------------------------
 */

/* A message that is looked for by its unique part. */
struct search {
	struct span unique;
	char *found; /* malloc'ed */
};

static int
see_candidate(void *ctx, const char *name, struct err *e)
{
	struct search *s = ctx;
	struct maildir_name n;

	if (s->found != NULL || !maildir_name_parse(name, &n) ||
	    !span_eq(n.unique, s->unique))
		return 0;
	s->found = strdup(name);
	return s->found != NULL ? 0 : err_set(e, ERR_TEMP, ENOMEM, "maildrop");
}

/* 1: found, and *it changed; 0; -1. */
static int
find_in(struct item *it, int dirfd, struct err *e)
{
	struct search s = { .unique = it->parsed.unique };

	if (directory_scan_files(dirfd, see_candidate, &s, e) != 0) {
		free(s.found);
		return -1;
	}
	if (s.found == NULL)
		return 0;
	free(it->name);
	it->name = s.found;
	it->dirfd = dirfd;
	(void)maildir_name_parse(s.found, &it->parsed);
	return 1;
}

/* Somebody may have changed its flags or moved it from new/ to cur/.  As
 * find_in: a directory that cannot be read does not say that it is gone. */
static int
find_again(struct maildrop *d, struct item *it, struct err *e)
{
	int found = it->copy > 0 ? 0 : find_in(it, d->m.cur, e);

	return found != 0 || it->copy > 0 ? found : find_in(it, d->m.new, e);
}

int
maildrop_read(struct maildrop *d, uint32_t i, struct err *e)
{
	struct item *it = &d->item[i];
	struct stat st;

	for (int attempt = 0;; attempt++) {
		int fd = openat(it->dirfd, it->name,
				O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		int sys = errno;
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			return fd;
		if (fd >= 0) {
			(void)close(fd);
			sys = EINVAL;
		}
		int found =
		    sys != ENOENT || attempt == 1 ? 0 : find_again(d, it, e);
		if (found < 0)
			return -1;
		if (found == 0)
			return err_set(e, ERR_TEMP, sys, "cannot open %s",
				       it->name);
	}
}

/* A message the journal still holds must not come back from it. */
static int
note_removed(struct maildrop *d, const struct item *it, struct err *e)
{
	struct ledger *l = maildir_tree_ledger(d->tree);

	return l == NULL ? 0
			 : ledger_removed(l, d->address, it->parsed.unique, e);
}

static int
remove_item(struct maildrop *d, uint32_t i, struct err *e)
{
	struct item *it = &d->item[i];
	struct stat st = { 0 };

	for (int attempt = 0;; attempt++) {
		int64_t size = it->parsed.size;
		if (size < 0 &&
		    fstatat(it->dirfd, it->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			size = st.st_size;
		if (unlinkat(it->dirfd, it->name, 0) == 0) {
			quota_changed(maildir_tree_quota(d->tree), d->address,
				      &d->m, size > 0 ? -size : 0);
			return note_removed(d, it, e);
		}
		if (errno != ENOENT)
			return err_set(e, ERR_TEMP, errno, "cannot remove %s",
				       it->name);
		int found = attempt == 1 ? 0 : find_again(d, it, e);
		if (found <= 0)
			return found;
	}
}

static int
mark_seen(struct maildrop *d, uint32_t i, struct err *e)
{
	struct item *it = &d->item[i];
	char seen[MAILDIR_NAME_SIZE];

	/* A name with no room for the flag keeps the name it has. */
	if (maildir_name_seen(it->name, seen) != 0 ||
	    (it->dirfd == d->m.cur && strcmp(seen, it->name) == 0))
		return 0;
	if (renameat(it->dirfd, it->name, d->m.cur, seen) == 0) {
		quota_changed(maildir_tree_quota(d->tree), d->address, &d->m,
			      0);
		return 0;
	}
	if (errno == ENOENT) /* moved or removed: its mover knows better */
		return 0;
	return err_set(e, ERR_TEMP, errno, "cannot mark %s", it->name);
}

/* A name changes, and no file is being restored meanwhile. */
static int
change(struct maildrop *d, uint32_t i,
       int (*how)(struct maildrop *, uint32_t, struct err *), struct err *e)
{
	struct ledger *l = maildir_tree_ledger(d->tree);

	if (l != NULL)
		ledger_names_begin(l);
	int rc = how(d, i, e);
	if (l != NULL)
		ledger_names_end(l);
	return rc;
}

int
maildrop_remove(struct maildrop *d, uint32_t i, struct err *e)
{
	return change(d, i, remove_item, e);
}

int
maildrop_seen(struct maildrop *d, uint32_t i, struct err *e)
{
	return change(d, i, mark_seen, e);
}

int
maildrop_sync(struct maildrop *d, struct err *e)
{
	struct ledger *l = maildir_tree_ledger(d->tree);

	if (l != NULL && ledger_sync(l, e) != 0)
		return -1;
	if (durable_sync(d->m.cur, e) != 0 || durable_sync(d->m.new, e) != 0)
		return -1;
	return 0;
}
