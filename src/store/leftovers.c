#include "store/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/devices.h"
#include "store/directory.h"
#include "store/maildir_name.h"

enum { FOREIGN_LEFTOVER_S = 36 * 3600 }; /* the Maildir convention */

struct cleaning {
	const struct maildir_tree *tree;
	int64_t gone;
	int dirfd; /* of what is being listed */
	struct devices *devices;
	const char *domain; /* for the log */
};

/* Ours are "<sec>.M<usec>P<pid>Q<count>.<host>" of this host. */
static bool
is_ours(const struct maildir_tree *t, const char *name)
{
	char mine[MAILDIR_NAME_SIZE];

	maildir_name_unique(mine, maildir_tree_host(t), 0);
	const char *q = strchr(mine, 'Q');
	const char *theirs = strchr(name, 'Q');
	if (q == NULL || theirs == NULL || strstr(name, ".M") == NULL)
		return false;
	const char *host = strchr(q, '.');
	const char *their_host = strchr(theirs, '.');
	return host != NULL && their_host != NULL &&
	       strcmp(host, their_host) == 0;
}

static bool
is_leftover(const struct maildir_tree *t, int tmp, const char *name)
{
	struct stat st;

	if (fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	if (st.st_mtime < clock_wall_s() - FOREIGN_LEFTOVER_S)
		return true;
	if (!is_ours(t, name))
		return false;
	int fd =
	    openat(tmp, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool abandoned = flock(fd, LOCK_EX | LOCK_NB) == 0;
	(void)close(fd);
	return abandoned;
}

static int
see_file(void *ctx, const char *name, struct err *e)
{
	struct cleaning *c = ctx;

	(void)e;
	if (name[0] != '.' && is_leftover(c->tree, c->dirfd, name) &&
	    unlinkat(c->dirfd, name, 0) == 0)
		c->gone++;
	return 0;
}

static void
log_unread(const struct cleaning *c, const char *name, const struct err *e)
{
	struct log_line l;

	log_begin(&l, LOG_WARN, "leftovers-not-looked-at");
	log_str(&l, "in", c->domain);
	log_str(&l, "name", name);
	log_err(&l, e);
	log_end(&l);
}

/* A directory below c->dirfd; no link is followed.  -1: none to be read. */
static int
open_below(const struct cleaning *c, const char *name)
{
	struct err e;

	int fd = openat(c->dirfd, name,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
		(void)err_set(&e, ERR_TEMP, errno, "cannot open %s", name);
		log_unread(c, name, &e);
	}
	return fd;
}

/* Each name in directory `name` of c, by see. */
static void
go_into(struct cleaning *c, const char *name, directory_see *see)
{
	struct cleaning below = *c;
	struct err e;

	below.dirfd = open_below(c, name);
	if (below.dirfd < 0)
		return;
	if (directory_scan(below.dirfd, see, &below, &e) != 0)
		log_unread(c, name, &e);
	(void)close(below.dirfd);
	c->gone = below.gone;
}

/* What an earlier run put there, and was killed before it was synced, is not
 * on the disk for certain. */
static void
note_device(const struct cleaning *c, const char *name)
{
	struct stat root, st;
	struct err e;

	if (fstat(maildir_tree_root(c->tree), &root) != 0 ||
	    fstatat(c->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISDIR(st.st_mode) || st.st_dev == root.st_dev)
		return;
	int fd = open_below(c, name);
	if (fd < 0)
		return;
	if (devices_touch(c->devices, fd, &e) != 0)
		log_unread(c, name, &e);
	(void)close(fd);
}

static void
look_at_mailbox(struct cleaning *c)
{
	note_device(c, "tmp");
	note_device(c, "new");
	note_device(c, "cur");
	go_into(c, "tmp", see_file);
}

/* The mailbox of a user, and its folder. */
static int
see_user(void *ctx, const char *name, struct err *e)
{
	struct cleaning *c = ctx;
	struct cleaning user = *c, folder = *c;

	(void)e;
	if (name[0] == '.')
		return 0;
	user.dirfd = open_below(c, name);
	if (user.dirfd < 0)
		return 0;
	look_at_mailbox(&user);
	folder.dirfd = open_below(&user, &MAILDIR_JUNK[1]);
	folder.gone = user.gone;
	if (folder.dirfd >= 0) {
		look_at_mailbox(&folder);
		(void)close(folder.dirfd);
	}
	(void)close(user.dirfd);
	c->gone = folder.gone;
	return 0;
}

static int
see_domain(void *ctx, const char *name, struct err *e)
{
	struct cleaning *c = ctx;

	(void)e;
	c->domain = name;
	if (name[0] != '.')
		go_into(c, name, see_user);
	return 0;
}

int64_t
leftovers_remove(struct maildir_tree *t, struct err *e)
{
	struct devices devices = { .n = 0 };
	struct cleaning c = { .tree = t,
			      .dirfd = maildir_tree_root(t),
			      .devices = &devices };
	struct err why;

	int rc = directory_scan(c.dirfd, see_domain, &c, e);
	if (devices_sync(&devices, &why) != 0)
		log_unread(&c, "", &why);
	if (rc == 0)
		return c.gone;
	(void)err_prefix(e, "the maildirs");
	return -1;
}
