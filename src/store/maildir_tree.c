#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "store/maildir_cache.h"
#include "store/maildir_private.h"

/* The marker, made where nothing has been yet. */
static int
find_volume(struct maildir_tree *t, bool may_begin, struct err *e)
{
	int there = volume_read(t->root, t->path, &t->volume, e);
	int bare = there == 0 && may_begin ? volume_is_bare(t->root, e) : 0;

	if (there < 0)
		return -1;
	if (bare < 0)
		return err_prefix(e, "%s", t->path);
	if (there > 0)
		return 0;
	if (bare > 0)
		return volume_make(t->root, t->path, &t->volume, e);
	return err_set(e, ERR_PERM, 0,
		       "%s has no " VOLUME_FILE ": is its volume mounted?  If "
		       "it is, and these are the mailboxes, say so once: "
		       "postpair-admin store init %s",
		       t->path, t->path);
}

/* Two servers would each recover what the other is about to place.  The kernel
 * gives the lock back with the process. */
static int
lock_root(struct maildir_tree *t, struct err *e)
{
	if (flock(t->root, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return err_set(e, ERR_PERM, errno == EWOULDBLOCK ? 0 : errno,
		       "%s is in use by another server", t->path);
}

static int
open_root(struct maildir_tree *t, const char *root, bool may_begin,
	  struct err *e)
{
	struct stat st;

	t->root = durable_open_dir(AT_FDCWD, root, may_begin, e);
	if (t->root < 0)
		return -1;
	t->path = realpath(root, NULL);
	if (t->path == NULL || fstat(t->root, &st) != 0)
		return err_set(e, ERR_TEMP, errno, "%s", root);
	t->device = st.st_dev;
	t->inode = st.st_ino;
	return 0;
}

int
maildir_tree_open(struct maildir_tree **out, const char *root, const char *host,
		  bool may_begin, struct err *e)
{
	struct maildir_tree *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "maildirs");
	(void)pthread_mutex_init(&t->making, NULL);
	t->root = -1;
	t->host = strdup(host);
	if (t->host == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "maildirs");
		goto fail;
	}
	if (open_root(t, root, may_begin, e) != 0 || lock_root(t, e) != 0 ||
	    find_volume(t, may_begin, e) != 0)
		goto fail;
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
	free(t->path);
	(void)pthread_mutex_destroy(&t->making);
	free(t);
	*out = NULL;
}

int
maildir_tree_root(const struct maildir_tree *t)
{
	return t->root;
}

const struct volume *
maildir_tree_volume(const struct maildir_tree *t)
{
	return &t->volume;
}

void
maildir_tree_set_mounts(struct maildir_tree *t, struct mounts *m)
{
	t->mounts = m;
}

void
maildir_tree_set_owners(struct maildir_tree *t,
			int (*is_owner)(void *ctx, const char *address,
					struct err *e),
			void *ctx)
{
	t->is_owner = is_owner;
	t->owners = ctx;
}

int
maildir_tree_is_owner(struct maildir_tree *t, const char *mailbox,
		      struct err *e)
{
	char owner[MAILDIR_MAILBOX_SIZE];

	if (t->is_owner == NULL)
		return 1;
	if (span_copy(maildir_mailbox_owner(mailbox), owner, sizeof(owner)) !=
	    0)
		return 0;
	return t->is_owner(t->owners, owner, e);
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
