#include "store/maildrop_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "store/ledger.h"
#include "store/octets.h"

/* A message that is renamed faster than this is not to be had. */
enum { TRIES_MAX = 5 };

/* ---- open and close -------------------------------------------------------
 */

enum maildrop_result
maildrop_open(struct maildrop **out, struct maildir_tree *t,
	      const char *address, bool utf8, struct err *e)
{
	enum maildrop_result result = MAILDROP_FAILED;
	struct maildrop *d = calloc(1, sizeof(*d));

	if (d == NULL || (d->address = strdup(address)) == NULL) {
		free(d);
		(void)err_set(e, ERR_TEMP, ENOMEM, "maildrop");
		return MAILDROP_FAILED;
	}
	d->tree = t;
	d->utf8 = utf8;
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
	if (maildrop_list_build(d, e) != 0)
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
	maildrop_list_clear(&d->list);
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
	return d->list.n;
}

uint64_t
maildrop_octets(const struct maildrop *d, uint32_t i)
{
	return d->list.item[i].octets;
}

void
maildrop_uidl(const struct maildrop *d, uint32_t i, char buf[MAILDIR_UIDL_SIZE])
{
	const struct maildrop_item *it = &d->list.item[i];

	maildir_name_uidl(it->parsed.unique, it->copy, buf);
}

/* ---- messages -------------------------------------------------------------
 */

/* The file, wherever it is by now; -1: it cannot be had, *e says why. */
static int
open_file(struct maildrop *d, struct maildrop_item *it, struct stat *st,
	  struct err *e)
{
	for (int try = 0;; try++) {
		int fd = openat(it->dirfd, it->name,
				O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		int sys = errno;
		if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
			return fd;
		if (fd >= 0) {
			(void)close(fd);
			sys = EINVAL;
		}
		if (sys != ENOENT || try == TRIES_MAX ||
		    it->missed >= MAILDROP_GONE)
			return err_set(e, ERR_TEMP, sys, "cannot open %s",
				       it->name);
		if (maildrop_look_again(d, e) != 0)
			return -1;
	}
}

/* Its name says other sizes than it has: Dovecot would stop there (S=), and
 * believe it (W=). */
static bool
name_is_wrong(const struct maildir_name *n, const struct octets_count *found,
	      off_t size)
{
	return (n->size >= 0 && n->size != size) ||
	       (n->vsize >= 0 && (uint64_t)n->vsize != found->named);
}

int
maildrop_read(struct maildrop *d, uint32_t i, struct maildrop_text *text,
	      struct err *e)
{
	struct maildrop_item *it = &d->list.item[i];
	struct octets_count n;
	struct stat st;

	int fd = open_file(d, it, &st, e);
	if (fd < 0)
		return -1;
	if (octets_of(maildir_tree_octets(d->tree), fd, &st, &n) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "cannot read %s", it->name);
		(void)close(fd);
		return -1;
	}
	it->octets = d->utf8 ? n.stored : n.plain;
	it->wrong = name_is_wrong(&it->parsed, &n, st.st_size);
	text->fd = fd;
	text->downgrade = n.downgraded && !d->utf8;
	return 0;
}

/* A message the journal still holds must not come back from it. */
static int
note_removed(struct maildrop *d, const struct maildrop_item *it, struct err *e)
{
	struct ledger *l = maildir_tree_ledger(d->tree);

	return l == NULL ? 0
			 : ledger_removed(l, d->address, it->parsed.unique, e);
}

static void
set_doomed(struct maildrop *d, struct maildrop_item *it, bool doomed)
{
	if (doomed && !it->doomed)
		d->doomed++;
	if (!doomed && it->doomed)
		d->doomed--;
	it->doomed = doomed;
}

static int
remove_item(struct maildrop *d, uint32_t i, struct err *e)
{
	struct maildrop_item *it = &d->list.item[i];
	struct quota *q = maildir_tree_quota(d->tree);
	struct quota_use change;
	struct stat st = { 0 };
	int64_t size = it->parsed.size;

	if (size < 0 &&
	    fstatat(it->dirfd, it->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		size = st.st_size;
	quota_change_begin(q, d->address, &change);
	int rc = unlinkat(it->dirfd, it->name, 0);
	int sys = errno;
	quota_change_end(q, &change, &d->m, rc == 0 && size > 0 ? -size : 0,
			 NULL);
	if (rc != 0 && sys != ENOENT)
		return err_set(e, ERR_TEMP, sys, "cannot remove %s", it->name);
	if (rc != 0) {
		set_doomed(d, it, it->missed < MAILDROP_GONE);
		return 0;
	}
	set_doomed(d, it, it->linked);
	return note_removed(d, it, e);
}

static int
mark_seen(struct maildrop *d, uint32_t i, struct err *e)
{
	struct maildrop_item *it = &d->list.item[i];
	struct quota *q = maildir_tree_quota(d->tree);
	char seen[MAILDIR_NAME_SIZE];
	struct quota_use change;
	struct err why;

	/* A name with no room for the flag keeps the name it has. */
	if (maildir_name_seen(it->name, !it->wrong, seen) != 0 ||
	    (it->dirfd == d->m.cur && strcmp(seen, it->name) == 0))
		return 0;
	quota_change_begin(q, d->address, &change);
	int rc = durable_rename_new(it->dirfd, it->name, d->m.cur, seen, &why);
	quota_change_end(q, &change, &d->m, 0, NULL);
	if (rc == 0)
		return 0;
	/* moved or removed: its mover knows better.  Another message has that
	 * name: it stays where it is, and the next session sees both. */
	if (why.sys == ENOENT || why.sys == EEXIST)
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
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

/* What was to be removed and was not found under its name: the mailbox is read
 * once for all of them, and again for those that moved in that time. */
static int
remove_doomed(struct maildrop *d, struct err *e)
{
	int rc = 0;

	for (int try = 0; d->doomed > 0; try++) {
		if (try > TRIES_MAX)
			return err_set(e, ERR_TEMP, 0,
				       "messages are renamed all the time");
		if (maildrop_look_again(d, e) != 0)
			return -1;
		for (uint32_t i = 0; i < d->list.n; i++) {
			struct maildrop_item *it = &d->list.item[i];
			if (!it->doomed ||
			    (it->missed > 0 && it->missed < MAILDROP_GONE))
				continue;
			if (it->missed == 0 && maildrop_remove(d, i, e) != 0) {
				set_doomed(d, it, false);
				rc = -1;
			} else if (it->missed > 0) {
				set_doomed(d, it, false);
			}
		}
	}
	return rc;
}

int
maildrop_sync(struct maildrop *d, struct err *e)
{
	struct ledger *l = maildir_tree_ledger(d->tree);
	struct err why;

	/* what was removed is made durable also where the rest was not found */
	int rc = remove_doomed(d, e);
	if (l != NULL && ledger_sync(l, rc == 0 ? e : &why) != 0)
		rc = -1;
	if (durable_sync(d->m.cur, rc == 0 ? e : &why) != 0 ||
	    durable_sync(d->m.new, rc == 0 ? e : &why) != 0)
		rc = -1;
	return rc;
}
