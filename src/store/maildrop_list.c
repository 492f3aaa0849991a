#include "store/maildrop_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/log.h"
#include "store/directory.h"
#include "store/ledger.h"
#include "store/octets.h"

/* A mailbox that changes all the time is taken as it is seen then. */
enum { SCANS_MAX = 5 };

/* ---- names ----------------------------------------------------------------
 */

static int
list_add(struct maildrop_list *l, int dirfd, const char *name, struct err *e)
{
	struct maildrop_item it = { .dirfd = dirfd };

	if (!maildir_name_parse(name, &it.parsed))
		return 0;
	if (l->n == MAILDROP_MESSAGES_MAX)
		return err_set(e, ERR_LIMIT, 0, "over %d messages",
			       MAILDROP_MESSAGES_MAX);
	if (l->n == l->cap) {
		uint32_t cap = l->cap == 0 ? 64 : l->cap * 2;
		struct maildrop_item *more =
		    realloc(l->item, cap * sizeof(*more));
		if (more == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "maildrop");
		l->item = more;
		l->cap = cap;
	}
	it.name = strdup(name);
	if (it.name == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildrop");
	(void)maildir_name_parse(it.name, &it.parsed);
	l->item[l->n++] = it;
	return 0;
}

/* One of the two directories being read. */
struct scanning {
	struct maildrop_list *list;
	int dirfd;
};

static int
see_message(void *ctx, const char *name, struct err *e)
{
	const struct scanning *s = ctx;

	return list_add(s->list, s->dirfd, name, e);
}

int
maildrop_list_scan(struct maildrop_list *l, const struct maildir *m,
		   struct err *e)
{
	struct scanning s = { l, m->new };

	if (directory_scan_files(m->new, see_message, &s, e) != 0)
		return -1;
	s.dirfd = m->cur;
	return directory_scan_files(m->cur, see_message, &s, e);
}

void
maildrop_list_clear(struct maildrop_list *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		free(l->item[i].name);
	free(l->item);
	*l = (struct maildrop_list){ 0 };
}

int
maildrop_list_by_unique(const struct maildrop_item *a,
			const struct maildrop_item *b)
{
	struct span x = a->parsed.unique, y = b->parsed.unique;
	size_t n = x.n < y.n ? x.n : y.n;
	int c = n == 0 ? 0 : memcmp(x.p, y.p, n);

	return c != 0 ? c : (x.n > y.n) - (x.n < y.n);
}

static int
by_order(const void *a, const void *b)
{
	const struct maildrop_item *x = a, *y = b;
	int c = maildir_name_order(&x->parsed, &y->parsed);

	return c != 0 ? c : strcmp(x->name, y->name);
}

static int
by_unique(const void *a, const void *b)
{
	const struct maildrop_item *const *x = a, *const *y = b;
	int c = maildrop_list_by_unique(*x, *y);

	return c != 0 ? c : (*x > *y) - (*x < *y); /* order of delivery */
}

/* ---- sizes ----------------------------------------------------------------
 */

/*
 * May the sizes in a name be believed for now?  S= is the file's own; W= is
 * larger by an octet for each of its lines at most.  What is sent is counted by
 * maildrop_read all the same.
 */
static bool
is_plausible(const struct maildir_name *n, off_t size)
{
	return n->vsize >= 0 && n->size == size && n->vsize >= size &&
	       n->vsize <= 2 * (int64_t)size;
}

/* One that cannot be read now is a message all the same: it is listed by the
 * size that it has, and RETR says why it does not come. */
static void
measure(const struct maildrop *d, struct maildrop_item *it)
{
	struct octets_count n;
	struct stat st;

	it->dropped = false;
	it->octets = it->parsed.vsize > 0 ? (uint64_t)it->parsed.vsize : 0;
	if (fstatat(it->dirfd, it->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		it->dropped = errno == ENOENT;
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		it->dropped = true;
		return;
	}
	it->dev = st.st_dev;
	it->ino = st.st_ino;
	it->octets = (uint64_t)st.st_size;
	if (octets_are_known(maildir_tree_octets(d->tree), &st, &n)) {
		it->octets = d->utf8 ? n.stored : n.plain;
		return;
	}
	if (is_plausible(&it->parsed, st.st_size)) {
		it->octets = (uint64_t)it->parsed.vsize;
		return;
	}
	int fd = openat(it->dirfd, it->name,
			O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    octets_of(maildir_tree_octets(d->tree), fd, &st, &n) == 0)
		it->octets = d->utf8 ? n.stored : n.plain;
	(void)close(fd);
}

/* ---- one id, one message --------------------------------------------------
 */

/* When the file was made; false where the file system does not keep it. */
static bool
birth_of(const struct maildrop_item *it, struct statx_timestamp *when)
{
	struct statx x;

	if (statx(it->dirfd, it->name, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &x) !=
		0 ||
	    (x.stx_mask & STATX_BTIME) == 0)
		return false;
	*when = x.stx_btime;
	return true;
}

static int
compare_birth(struct statx_timestamp a, struct statx_timestamp b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec < b.tv_sec ? -1 : 1;
	return (a.tv_nsec > b.tv_nsec) - (a.tv_nsec < b.tv_nsec);
}

/* Which of them was there first; NULL when that cannot be told. */
static const struct maildrop_item *
oldest(struct maildrop_item *const *group, size_t n)
{
	struct statx_timestamp best = { 0 }, when;
	const struct maildrop_item *first = NULL;
	bool tie = false;

	for (size_t i = 0; i < n; i++) {
		if (group[i]->dropped)
			continue;
		if (!birth_of(group[i], &when))
			return NULL;
		int c = first == NULL ? -1 : compare_birth(when, best);
		tie = c == 0 || (tie && c > 0);
		if (c >= 0)
			continue;
		first = group[i];
		best = when;
	}
	return tie ? NULL : first;
}

/* The name, with a unique part that is new; it keeps its place in the order. */
static int
rename_apart(const struct maildrop *d, struct maildrop_item *it)
{
	char fresh[MAILDIR_NAME_SIZE], name[MAILDIR_NAME_SIZE];
	struct err ignored;

	maildir_name_unique(fresh, maildir_tree_host(d->tree),
			    maildir_tree_count(d->tree));
	if (maildir_name_apart(it->name, fresh, name) != 0 ||
	    durable_rename_new(it->dirfd, it->name, it->dirfd, name,
			       &ignored) != 0)
		return -1;
	char *copy = strdup(name);
	if (copy == NULL)
		return -1;
	free(it->name);
	it->name = copy;
	(void)maildir_name_parse(it->name, &it->parsed);
	return 0;
}

/*
 * Different files with one unique part: a copy that was put back, a restored
 * backup.  Were they told apart by their number, the second would take over the
 * id of the first when that is deleted, and a client that keeps mail on the
 * server would never fetch it (RFC 1939 7: an id is never used again).  So all
 * but one get a new unique part, as Dovecot does it: the one that was there
 * first keeps its own, since clients may know it; where that cannot be told,
 * none does.  The suffix is for what cannot be renamed, on a file system that
 * is only read, say: nothing is deleted there either.
 */
static unsigned
separate(const struct maildrop *d, struct maildrop_item *const *group, size_t n)
{
	const struct maildrop_item *keeper = oldest(group, n);
	struct ledger *l = maildir_tree_ledger(d->tree);
	unsigned copy = 0, renamed = 0;

	if (l != NULL)
		ledger_names_begin(l);
	for (size_t i = 0; i < n; i++) {
		if (group[i]->dropped)
			continue;
		if (group[i] != keeper && rename_apart(d, group[i]) == 0)
			renamed++;
		else
			group[i]->copy = copy++;
	}
	if (l != NULL)
		ledger_names_end(l);
	return renamed;
}

/* Two names of one file are one message: a rename by link and unlink that is
 * under way, or was broken off. */
static size_t
drop_links(struct maildrop_item *const *group, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i && !group[i]->dropped; k++) {
			if (group[k]->dropped ||
			    group[k]->ino != group[i]->ino ||
			    group[k]->dev != group[i]->dev)
				continue;
			group[i]->dropped = true;
			group[k]->linked = true;
		}
		left += !group[i]->dropped;
	}
	return left;
}

/* What stands under one unique part.  0, or 1: it was renamed while we looked.
 */
static unsigned
settle_group(const struct maildrop *d, struct maildrop_item *const *group,
	     size_t n, unsigned *renamed)
{
	size_t left = drop_links(group, n);

	if (left > 1)
		*renamed += separate(d, group, n);
	return left == 0;
}

/* *moved: how many messages were seen nowhere. */
static int
settle(struct maildrop *d, uint32_t *moved, struct err *e)
{
	struct maildrop_list *l = &d->list;
	struct maildrop_item **by = calloc(l->n + 1u, sizeof(*by));
	unsigned renamed = 0;
	struct log_line line;

	*moved = 0;
	if (by == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildrop");
	for (uint32_t i = 0; i < l->n; i++)
		by[i] = &l->item[i];
	if (l->n > 0)
		qsort(by, l->n, sizeof(*by), by_unique);
	for (uint32_t i = 0, k; i < l->n; i = k) {
		for (k = i + 1;
		     k < l->n && maildrop_list_by_unique(by[i], by[k]) == 0;)
			k++;
		*moved += settle_group(d, by + i, k - i, &renamed);
	}
	free(by);
	if (renamed > 0) {
		log_begin(&line, LOG_WARN, "maildir-copies-renamed");
		log_str(&line, "mailbox", d->address);
		log_num(&line, "files", renamed);
		log_end(&line);
	}
	return 0;
}

int
maildrop_list_build(struct maildrop *d, struct err *e)
{
	struct maildrop_list *l = &d->list;
	uint32_t kept = 0, moved = 1;

	for (int i = 0; i < SCANS_MAX && moved > 0; i++) {
		maildrop_list_clear(l);
		if (maildrop_list_scan(l, &d->m, e) != 0)
			return -1;
		if (l->n > 0)
			qsort(l->item, l->n, sizeof(*l->item), by_order);
		for (uint32_t k = 0; k < l->n; k++)
			measure(d, &l->item[k]);
		if (settle(d, &moved, e) != 0)
			return -1;
	}
	for (uint32_t i = 0; i < l->n; i++) {
		if (l->item[i].dropped)
			free(l->item[i].name);
		else
			l->item[kept++] = l->item[i];
	}
	l->n = kept;
	return 0;
}
