#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "mail/address.h"
#include "store/maildir_cache.h"
#include "store/maildir_name.h"

struct maildir_tree {
	int root;
	dev_t device; /* of the root */
	bool doubtful;
	char *host;
	struct quota *quota;
	struct octets *octets;
	struct maildir_cache *cache;
	struct ledger *ledger;
	atomic_uint_fast32_t count;
	pthread_mutex_t making; /* held while a mailbox is being made */
};

int
maildir_tree_open(struct maildir_tree **out, const char *root, const char *host,
		  struct err *e)
{
	struct maildir_tree *t = calloc(1, sizeof(*t));
	struct stat st;

	if (t == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildirs");
	(void)pthread_mutex_init(&t->making, NULL);
	t->host = strdup(host);
	t->root = durable_open_dir(AT_FDCWD, root, 1, e);
	if (t->root < 0)
		goto fail;
	if (t->host == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "maildirs");
		goto fail;
	}
	/* Two servers would each recover what the other is about to place.  The
	 * kernel gives the lock back with the process. */
	if (flock(t->root, LOCK_EX | LOCK_NB) != 0) {
		(void)err_set(e, ERR_PERM, errno == EWOULDBLOCK ? 0 : errno,
			      "%s is in use by another server", root);
		goto fail;
	}
	if (fstat(t->root, &st) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "cannot stat %s", root);
		goto fail;
	}
	t->device = st.st_dev;
	t->doubtful = syncfs(t->root) != 0;
	if (quota_new(&t->quota, e) != 0 ||
	    octets_new(&t->octets, t->host, e) != 0 ||
	    maildir_cache_new(&t->cache, t, e) != 0)
		goto fail;
	*out = t;
	return 0;
fail:
	maildir_tree_free(&t);
	return -1;
}

void
maildir_tree_free(struct maildir_tree **out)
{
	struct maildir_tree *t = *out;

	if (t == NULL)
		return;
	maildir_cache_free(&t->cache);
	if (t->root >= 0)
		(void)close(t->root);
	quota_free(&t->quota);
	octets_free(&t->octets);
	free(t->host);
	(void)pthread_mutex_destroy(&t->making);
	free(t);
	*out = NULL;
}

int
maildir_tree_root(const struct maildir_tree *t)
{
	return t->root;
}

bool
maildir_tree_is_doubtful(const struct maildir_tree *t)
{
	return t->doubtful;
}

void
maildir_tree_set_ledger(struct maildir_tree *t, struct ledger *l)
{
	t->ledger = l;
}

struct ledger *
maildir_tree_ledger(struct maildir_tree *t)
{
	return t->ledger;
}

struct maildir_cache *
maildir_tree_cache(struct maildir_tree *t)
{
	return t->cache;
}

struct quota *
maildir_tree_quota(struct maildir_tree *t)
{
	return t->quota;
}

struct octets *
maildir_tree_octets(struct maildir_tree *t)
{
	return t->octets;
}

const char *
maildir_tree_host(const struct maildir_tree *t)
{
	return t->host;
}

uint32_t
maildir_tree_count(struct maildir_tree *t)
{
	return (uint32_t)atomic_fetch_add(&t->count, 1);
}

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
	/* its entry is synced also where it is there already: whoever made it
	 * may have been killed before that */
	if (create)
		return durable_open_dir(dirfd, name, 1, e);
	int fd = openat(dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open directory %s",
			       name);
	return fd;
}

/* The directory of a user, m->dir. */
static int
open_user(struct maildir_tree *t, const char *mailbox, bool create,
	  struct maildir *m, struct err *e)
{
	char owner[MAILDIR_MAILBOX_SIZE], name[MAILDIR_NAME_SIZE];
	struct span local, domain;

	if (span_copy(maildir_mailbox_owner(mailbox), owner, sizeof(owner)) !=
	    0)
		return err_set(e, ERR_PERM, 0, "name too long");
	address_split(owner, &local, &domain);
	if (span_copy(domain, name, sizeof(name)) != 0)
		return err_set(e, ERR_PERM, 0, "domain name too long");
	int up = open_dir(t->root, name, create, e);
	if (up < 0)
		return -1;
	if (span_copy(local, name, sizeof(name)) == 0)
		m->dir = open_dir(up, name, create, e);
	(void)close(up);
	return m->dir < 0 ? -1 : 0;
}

/* From the user's directory to the folder's.  The empty file tells programs
 * that speak Maildir++ that it is one. */
static int
enter_folder(struct maildir *m, bool create, struct err *e)
{
	int fd = open_dir(m->dir, &MAILDIR_JUNK[1], create, e);

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

/* Is a file of it on the file system that the ledger syncs? */
static int
note_device(const struct maildir_tree *t, struct maildir *m, struct err *e)
{
	const int all[] = { m->tmp, m->new, m->cur };
	struct stat st;

	m->foreign = false;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (fstat(all[i], &st) != 0)
			return err_set(e, ERR_TEMP, errno,
				       "cannot stat a mailbox");
		m->foreign = m->foreign || st.st_dev != t->device;
	}
	return 0;
}

/*
 * Open from the top down.  cur/ comes last, so whoever finds it knows that the
 * entries of the user, tmp/ and new/ were synced before it was made.
 */
static int
open_parts(struct maildir_tree *t, const char *mailbox, enum making making,
	   struct maildir *m, struct err *e)
{
	bool create = making == MAKE_ALL;

	if (open_user(t, mailbox, create, m, e) != 0 ||
	    (is_folder(mailbox) && enter_folder(m, create, e) != 0))
		return -1;
	create = making != MAKE_NOTHING;
	m->tmp = open_dir(m->dir, "tmp", create, e);
	if (m->tmp < 0)
		return -1;
	m->new = open_dir(m->dir, "new", create, e);
	if (m->new < 0)
		return -1;
	m->cur = open_dir(m->dir, "cur", create, e);
	return m->cur < 0 ? -1 : note_device(t, m, e);
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
	(void)pthread_mutex_lock(&t->making);
	int rc = open_parts(t, mailbox, create ? MAKE_ALL : MAKE_PARTS, m, e);
	(void)pthread_mutex_unlock(&t->making);
	if (rc != 0)
		maildir_close(m);
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
