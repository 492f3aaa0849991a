#include "store/maildrop_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int
by_unique(const void *a, const void *b)
{
	return maildrop_list_by_unique(a, b);
}

/* The names with this item's unique part: from *first, so many. */
static uint32_t
range_of(const struct maildrop_list *now, const struct maildrop_item *it,
	 uint32_t *first)
{
	uint32_t low = 0, high = now->n, n = 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (maildrop_list_by_unique(&now->item[middle], it) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*first = low;
	while (low + n < now->n &&
	       maildrop_list_by_unique(&now->item[low + n], it) == 0)
		n++;
	return n;
}

static bool
is_same_file(const struct maildrop_item *it, const struct maildrop_item *seen)
{
	struct stat st;

	return fstatat(seen->dirfd, seen->name, &st, AT_SYMLINK_NOFOLLOW) ==
		   0 &&
	       st.st_ino == it->ino && st.st_dev == it->dev;
}

static bool
is_same_name(const struct maildrop_item *it, const struct maildrop_item *seen)
{
	return seen->dirfd == it->dirfd && strcmp(seen->name, it->name) == 0;
}

/* Which of the names is it now?  Its own, if that stands; else that of its
 * file; else the only one, where a program has written the file anew.  -1:
 * none. */
static int64_t
choose(const struct maildrop_list *now, const struct maildrop_item *it)
{
	uint32_t first, n = range_of(now, it, &first);

	for (uint32_t i = first; i < first + n; i++) {
		if (is_same_name(it, &now->item[i]))
			return i;
	}
	for (uint32_t i = first; i < first + n; i++) {
		if (is_same_file(it, &now->item[i]))
			return i;
	}
	return n == 1 && it->copy == 0 && !it->linked ? (int64_t)first : -1;
}

static int
take_name(struct maildrop_item *it, const struct maildrop_item *seen,
	  struct err *e)
{
	if (is_same_name(it, seen))
		return 0;
	char *name = strdup(seen->name);
	if (name == NULL)
		return err_set(e, ERR_TEMP, 0, "maildrop");
	free(it->name);
	it->name = name;
	it->dirfd = seen->dirfd;
	(void)maildir_name_parse(name, &it->parsed);
	return 0;
}

int
maildrop_look_again(struct maildrop *d, struct err *e)
{
	struct maildrop_list now = { 0 };
	int rc = maildrop_list_scan(&now, &d->m, e);

	if (rc == 0 && now.n > 0)
		qsort(now.item, now.n, sizeof(*now.item), by_unique);
	for (uint32_t i = 0; rc == 0 && i < d->list.n; i++) {
		struct maildrop_item *it = &d->list.item[i];
		int64_t at = choose(&now, it);
		if (at >= 0) {
			it->missed = 0;
			rc = take_name(it, &now.item[at], e);
		} else if (it->missed < MAILDROP_GONE) {
			it->missed++;
		}
	}
	maildrop_list_clear(&now);
	return rc;
}
