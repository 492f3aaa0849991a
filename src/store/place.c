#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/durable.h"
#include "store/directory.h"
#include "store/maildir_name.h"

enum { PIECE_BYTES = 4096 };

static int
copy(int from, int to, struct err *e)
{
	char piece[PIECE_BYTES];

	for (;;) {
		ssize_t got = read(from, piece, sizeof(piece));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, ERR_TEMP, errno, "read");
		if (got == 0)
			return durable_sync(to, e);
		if (durable_write(to, piece, (size_t)got, e) != 0)
			return -1;
	}
}

/* The mailbox is on another file system, or it knows no links.  In tmp/ it has
 * the name by which leftovers_remove knows what is ours. */
static int
copy_into(int tmp, const char *unique, const struct maildir *m,
	  const char *name, struct err *e)
{
	int rc = -1;

	int from = durable_open_file(tmp, unique, O_RDONLY, e);
	if (from < 0)
		return -1;
	int to = durable_create(m->tmp, unique, e);
	if (to < 0) {
		(void)close(from);
		return -1;
	}
	if (copy(from, to, e) != 0)
		goto out;
	rc = durable_rename_new(m->tmp, unique, m->new, name, e);
out:
	if (rc != 0)
		(void)unlinkat(m->tmp, unique, 0);
	(void)close(to);
	(void)close(from);
	return rc;
}

int
place_file(int tmp, const char *unique, const struct maildir *m,
	   const char *name, struct err *e)
{
	if (linkat(tmp, unique, m->new, name, 0) == 0)
		return 0;
	if (errno == EXDEV || errno == EPERM || errno == EMLINK ||
	    errno == EOPNOTSUPP)
		return copy_into(tmp, unique, m, name, e);
	return err_set(e, ERR_TEMP, errno, "cannot place %s", name);
}

/* A name that a reader gave the message. */
struct moved {
	const char *unique;
	char name[MAILDIR_NAME_SIZE]; /* "": none */
};

static int
see_moved(void *ctx, const char *name, struct err *e)
{
	struct moved *m = ctx;
	struct maildir_name n;

	(void)e;
	if (maildir_name_parse(name, &n) &&
	    span_eq(n.unique, span_of(m->unique)))
		(void)snprintf(m->name, sizeof(m->name), "%s", name);
	return 0;
}

int
place_remove(const struct maildir *m, const char *unique, const char *name)
{
	struct moved moved = { .unique = unique };
	struct err ignored;

	if (unlinkat(m->new, name, 0) == 0)
		return 0;
	if (errno != ENOENT ||
	    directory_scan_files(m->cur, see_moved, &moved, &ignored) != 0)
		return -1;
	if (moved.name[0] == '\0' || unlinkat(m->cur, moved.name, 0) == 0)
		return 0;
	return errno == ENOENT ? 0 : -1;
}
