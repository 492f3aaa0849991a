#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "mail/address.h"
#include "store/maildir_name.h"
#include "store/maildir_private.h"
#include "store/mounts.h"

/* ---- names ----------------------------------------------------------------
 */

static bool
component_is_safe(struct span s)
{
	if (s.n == 0 || s.n >= MAILDIR_NAME_SIZE || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 0x20 || c == 0x7f || c == '/')
			return false;
	}
	return true;
}

bool
maildir_address_is_safe(const char *address)
{
	struct span local, domain;

	address_split(address, &local, &domain);
	return component_is_safe(local) && component_is_safe(domain);
}

struct span
maildir_mailbox_owner(const char *mailbox)
{
	const size_t n = sizeof(MAILDIR_JUNK) - 1;
	struct span name = span_of(mailbox);

	if (name.n > n && memcmp(name.p + name.n - n, MAILDIR_JUNK, n) == 0)
		name.n -= n;
	return name;
}

static bool
is_folder(const char *mailbox)
{
	return maildir_mailbox_owner(mailbox).n < strlen(mailbox);
}

bool
maildir_mailbox_is_safe(const char *mailbox)
{
	char owner[MAILDIR_MAILBOX_SIZE];

	return span_copy(maildir_mailbox_owner(mailbox), owner,
			 sizeof(owner)) == 0 &&
	       maildir_address_is_safe(owner);
}

/* ---- open -----------------------------------------------------------------
 */

static int
open_dir(int dirfd, const char *name, bool create, struct err *e)
{
	int fd = openat(dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create)
		return durable_open_dir(dirfd, name, 1, e);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open directory %s",
			       name);
	/* whoever made it may have been killed before its entry was synced */
	if (create && durable_sync(dirfd, e) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* The way down to a mailbox. */
struct walk {
	const struct maildir_tree *tree;
	dev_t device;    /* of the directory it stands in */
	char path[1024]; /* below the root */
	bool foreign;    /* it has left the root's file system */
};

static int
not_mounted(const struct walk *w, struct err *e)
{
	return err_set(e, ERR_TEMP, ENODEV,
		       "%s was a file system of its own and is not mounted "
		       "(where it is to be none any more, remove its line from "
		       "the file mounts in the data directory, write "
		       "\"checksum edited\" in its last line, and restart)",
		       w->path);
}

/* What is missing may be one, and nobody knows. */
static int
not_made(const struct walk *w, struct err *e)
{
	return err_set(e, ERR_TEMP, ENODEV,
		       "%s is missing and not made: the file mounts in the "
		       "data directory is damaged (mend or remove it, and "
		       "restart)",
		       w->path);
}

/* Is it a file system of its own, and was it? */
static int
see_mount(struct walk *w, int fd, bool known, struct err *e)
{
	struct mounts *mounts = w->tree->mounts;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot stat %s", w->path);
	bool is_one = st.st_dev != w->device;
	w->device = st.st_dev;
	w->foreign = w->foreign || st.st_dev != w->tree->device;
	if (known && !is_one)
		return not_mounted(w, e);
	if (!known && is_one && mounts != NULL)
		return mounts_note(mounts, w->path, e);
	return 0;
}

/* Directory `name` in `up`, where the walk stands; it goes on into it. */
static int
enter(struct walk *w, int up, const char *name, bool create, struct err *e)
{
	struct mounts *mounts = w->tree->mounts;
	size_t at = strlen(w->path);

	int n = snprintf(w->path + at, sizeof(w->path) - at, "%s%s",
			 at == 0 ? "" : "/", name);
	if (n < 0 || (size_t)n >= sizeof(w->path) - at)
		return err_set(e, ERR_PERM, 0, "name too long");
	bool known = mounts != NULL && mounts_knows(mounts, w->path);
	bool unsure = create && mounts != NULL && mounts_are_damaged(mounts);
	int fd = open_dir(up, name, create && !known && !unsure, e);
	if (fd < 0 && e->sys == ENOENT && known)
		return not_mounted(w, e);
	if (fd < 0)
		return e->sys == ENOENT && unsure ? not_made(w, e) : -1;
	if (see_mount(w, fd, known, e) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* The same, and back again. */
static int
enter_part(struct walk *w, int up, const char *name, bool create, struct err *e)
{
	size_t at = strlen(w->path);
	dev_t device = w->device;

	int fd = enter(w, up, name, create, e);
	w->path[at] = '\0';
	w->device = device;
	return fd;
}

/* The directory of a user, m->dir. */
static int
open_user(struct walk *w, const char *mailbox, bool create, struct maildir *m,
	  struct err *e)
{
	char owner[MAILDIR_MAILBOX_SIZE], name[MAILDIR_NAME_SIZE];
	struct span local, domain;

	if (span_copy(maildir_mailbox_owner(mailbox), owner, sizeof(owner)) !=
	    0)
		return err_set(e, ERR_PERM, 0, "name too long");
	address_split(owner, &local, &domain);
	if (span_copy(domain, name, sizeof(name)) != 0)
		return err_set(e, ERR_PERM, 0, "domain name too long");
	int up = enter(w, w->tree->root, name, create, e);
	if (up < 0)
		return -1;
	if (span_copy(local, name, sizeof(name)) == 0)
		m->dir = enter(w, up, name, create, e);
	(void)close(up);
	return m->dir < 0 ? -1 : 0;
}

/* From the user's directory to the folder's.  The empty file tells programs
 * that speak Maildir++ that it is one. */
static int
enter_folder(struct walk *w, struct maildir *m, bool create, struct err *e)
{
	int fd = enter(w, m->dir, &MAILDIR_JUNK[1], create, e);

	if (fd < 0)
		return -1;
	(void)close(m->dir);
	m->dir = fd;
	if (!create)
		return 0;
	fd = openat(m->dir, "maildirfolder",
		    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot make maildirfolder");
	(void)close(fd);
	return 0;
}

/* What may be made on the way. */
enum making {
	MAKE_NOTHING,
	MAKE_PARTS, /* tmp/, new/ or cur/ that a mailbox has lost */
	MAKE_ALL,
};

/*
 * Open from the top down.  cur/ comes last, so whoever finds it knows that the
 * entries of the user, tmp/ and new/ were synced before it was made.
 */
static int
open_parts(struct maildir_tree *t, const char *mailbox, enum making making,
	   struct maildir *m, struct err *e)
{
	struct walk w = { .tree = t, .device = t->device };
	bool create = making == MAKE_ALL;

	if (open_user(&w, mailbox, create, m, e) != 0 ||
	    (is_folder(mailbox) && enter_folder(&w, m, create, e) != 0))
		return -1;
	create = making != MAKE_NOTHING;
	m->tmp = enter_part(&w, m->dir, "tmp", create, e);
	if (m->tmp < 0)
		return -1;
	m->new = enter_part(&w, m->dir, "new", create, e);
	if (m->new < 0)
		return -1;
	m->cur = enter_part(&w, m->dir, "cur", create, e);
	m->foreign = w.foreign;
	return m->cur < 0 ? -1 : 0;
}

/* May a mailbox be made?  Not in a tree that is gone: the root may have been
 * moved away, or a volume been mounted over it. */
static int
may_make(struct maildir_tree *t, const char *mailbox, struct err *e)
{
	struct stat st;

	int is = maildir_tree_is_owner(t, mailbox, e);
	if (is == 0)
		return err_set(e, ERR_TEMP, ENOENT,
			       "%s has no mailbox, and is no user", mailbox);
	if (is < 0)
		return -1;
	if (stat(t->path, &st) != 0 || st.st_dev != t->device ||
	    st.st_ino != t->inode ||
	    faccessat(t->root, VOLUME_FILE, F_OK, 0) != 0)
		return err_set(e, ERR_TEMP, ESTALE,
			       "no mailbox is made for %s: %s is not what it "
			       "was at the start (or lacks " VOLUME_FILE ")",
			       mailbox, t->path);
	return 0;
}

/* Is this a mailbox, whatever it lacks?  An empty directory is none: something
 * may be mounted there later. */
static bool
has_a_part(const struct maildir *m)
{
	static const char *const names[] = { "tmp", "new", "cur" };
	struct stat st;

	for (size_t i = 0; m->cur < 0 && i < 3; i++) {
		if (m->dir >= 0 &&
		    fstatat(m->dir, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

int
maildir_open(struct maildir_tree *t, const char *mailbox, bool create,
	     struct maildir *m, struct err *e)
{
	struct err first = { 0 };

	if (!maildir_mailbox_is_safe(mailbox))
		return err_set(e, ERR_PERM, 0, "not fit to name a mailbox: %s",
			       mailbox);
	if (open_parts(t, mailbox, MAKE_NOTHING, m, &first) == 0)
		return 0;
	bool mend = has_a_part(m);
	maildir_close(m);
	if (first.sys != ENOENT || (!create && !mend)) {
		if (e != NULL)
			*e = first;
		return -1;
	}
	if (create && !mend && may_make(t, mailbox, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&t->making);
	int rc = open_parts(t, mailbox, create ? MAKE_ALL : MAKE_PARTS, m, e);
	(void)pthread_mutex_unlock(&t->making);
	if (rc != 0)
		maildir_close(m);
	return rc;
}

int
maildir_can_be_made(struct maildir_tree *t, const char *address, struct err *e)
{
	char name[MAILDIR_NAME_SIZE];
	struct span part[2];
	int rc = 0;

	if (may_make(t, address, e) != 0)
		return -1;
	address_split(address, &part[1], &part[0]);
	int fd = openat(t->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open the maildirs");
	/* down to the last that is there: in it something has to be made */
	for (size_t i = 0; i < 2; i++) {
		int below = -1;
		if (span_copy(part[i], name, sizeof(name)) == 0)
			below = open_dir(fd, name, false, e);
		if (below < 0) {
			rc = e->sys == ENOENT ? 0 : -1;
			break;
		}
		(void)close(fd);
		fd = below;
	}
	if (rc == 0 && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
		rc = err_set(e, ERR_TEMP, errno,
			     "cannot make the mailbox of %s", address);
	(void)close(fd);
	return rc;
}

void
maildir_close(struct maildir *m)
{
	int *all[] = { &m->dir, &m->tmp, &m->new, &m->cur };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (*all[i] >= 0)
			(void)close(*all[i]);
		*all[i] = -1;
	}
}
