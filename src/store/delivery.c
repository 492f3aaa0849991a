#include "store/delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/durable.h"
#include "store/maildir_name.h"

enum { OUT_BYTES = 32 * 1024 };

struct delivery {
	struct maildir_tree *tree;
	struct maildir first;
	int fd; /* tmp/<unique> */
	char unique[MAILDIR_NAME_SIZE];
	char name[MAILDIR_NAME_SIZE]; /* in new/ */
	int64_t lf_bytes, crlf_bytes;
	bool cr;     /* the last piece ended in CR */
	bool placed; /* tmp/ is empty again */
	size_t out_n;
	char out[OUT_BYTES];
};

int
delivery_begin(struct delivery **out, struct maildir_tree *t,
	       const char *mailbox, struct err *e)
{
	struct delivery *d = malloc(sizeof(*d));

	if (d == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "delivery");
	d->tree = t;
	d->first = (struct maildir)MAILDIR_CLOSED;
	d->fd = -1;
	d->lf_bytes = d->crlf_bytes = 0;
	d->cr = d->placed = false;
	d->out_n = 0;
	maildir_name_unique(d->unique, maildir_tree_host(t),
			    maildir_tree_count(t));
	if (maildir_open(t, mailbox, true, &d->first, e) != 0)
		goto fail;
	d->fd = durable_create(d->first.tmp, d->unique, e);
	if (d->fd < 0)
		goto fail;
	if (flock(d->fd, LOCK_EX | LOCK_NB) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "cannot lock %s", d->unique);
		goto fail;
	}
	*out = d;
	return 0;
fail:
	delivery_free(&d);
	return -1;
}

void
delivery_free(struct delivery **out)
{
	struct delivery *d = *out;

	if (d == NULL)
		return;
	if (d->fd >= 0 && !d->placed)
		(void)unlinkat(d->first.tmp, d->unique, 0);
	if (d->fd >= 0)
		(void)close(d->fd);
	maildir_close(&d->first);
	free(d);
	*out = NULL;
}

int64_t
delivery_size(const struct delivery *d)
{
	return d->lf_bytes;
}

/* Stored bytes: n of them, through the buffer. */
static int
put(struct delivery *d, const char *p, size_t n, struct err *e)
{
	while (n > 0) {
		size_t room = OUT_BYTES - d->out_n;
		size_t part = n < room ? n : room;
		memcpy(d->out + d->out_n, p, part);
		d->out_n += part;
		d->lf_bytes += (int64_t)part;
		p += part;
		n -= part;
		if (d->out_n == OUT_BYTES) {
			d->out_n = 0;
			if (durable_write(d->fd, d->out, OUT_BYTES, e) != 0)
				return -1;
		}
	}
	return 0;
}

/*
 * The CR of a CRLF is dropped, any other CR is content.  W= counts what a
 * reader over a network will get: CRLF for each LF.
 */
int
delivery_write(struct delivery *d, struct span bytes, struct err *e)
{
	while (bytes.n > 0) {
		if (d->cr && bytes.p[0] != '\n' && put(d, "\r", 1, e) != 0)
			return -1;
		d->cr = false;
		long cr = span_find(bytes, '\r', 0);
		size_t n = cr < 0 ? bytes.n : (size_t)cr;
		if (n > 0 && put(d, bytes.p, n, e) != 0)
			return -1;
		d->crlf_bytes += (int64_t)n;
		bytes = span_skip(bytes, n);
		if (bytes.n > 0) { /* the CR */
			d->cr = true;
			d->crlf_bytes++;
			bytes = span_skip(bytes, 1);
		}
	}
	return 0;
}

/* Everything written and durable as tmp/<unique>. */
static int
finish_file(struct delivery *d, struct err *e)
{
	if (d->cr && put(d, "\r", 1, e) != 0)
		return -1;
	d->cr = false;
	if (durable_write(d->fd, d->out, d->out_n, e) != 0)
		return -1;
	d->out_n = 0;
	int n =
	    snprintf(d->name, sizeof(d->name), "%s,S=%" PRId64 ",W=%" PRId64,
		     d->unique, d->lf_bytes, d->crlf_bytes);
	if (n < 0 || (size_t)n >= sizeof(d->name))
		return err_set(e, ERR_BUG, 0, "file name too long");
	return durable_sync(d->fd, e);
}

/* The other mailbox is on another file system, or it knows no links: copy. */
static int
copy_into(struct delivery *d, const struct maildir *m, struct err *e)
{
	int rc = -1;

	int from =
	    openat(d->first.tmp, d->unique, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (from < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open %s", d->unique);
	int to = durable_create(m->tmp, d->name, e);
	if (to < 0) {
		(void)close(from);
		return -1;
	}
	for (;;) {
		ssize_t got = read(from, d->out, OUT_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			(void)err_set(e, ERR_TEMP, errno, "read");
		if (got < 0 || durable_write(to, d->out, (size_t)got, e) != 0)
			goto out;
		if (got == 0)
			break;
	}
	if (durable_sync(to, e) != 0)
		goto out;
	if (renameat(m->tmp, d->name, m->new, d->name) != 0)
		(void)err_set(e, ERR_TEMP, errno, "cannot place %s", d->name);
	else
		rc = 0;
out:
	if (rc != 0)
		(void)unlinkat(m->tmp, d->name, 0);
	(void)close(to);
	(void)close(from);
	return rc;
}

static int
place(struct delivery *d, const char *mailbox, struct err *e)
{
	struct maildir m = MAILDIR_CLOSED;
	int rc = -1;

	if (maildir_open(d->tree, mailbox, true, &m, e) != 0)
		return -1;
	if (linkat(d->first.tmp, d->unique, m.new, d->name, 0) == 0)
		rc = 0;
	else if (errno == EXDEV || errno == EPERM || errno == EMLINK ||
		 errno == EOPNOTSUPP)
		rc = copy_into(d, &m, e);
	else
		(void)err_set(e, ERR_TEMP, errno, "cannot place %s", d->name);
	if (rc == 0 && durable_sync(m.new, e) != 0) {
		(void)unlinkat(m.new, d->name, 0);
		rc = -1;
	}
	if (rc == 0)
		quota_changed(maildir_tree_quota(d->tree), mailbox, &m,
			      d->lf_bytes);
	maildir_close(&m);
	return rc;
}

static void
take_back(struct delivery *d, const char *mailbox)
{
	struct maildir m = MAILDIR_CLOSED;
	struct err ignored;

	if (maildir_open(d->tree, mailbox, false, &m, &ignored) != 0)
		return;
	if (unlinkat(m.new, d->name, 0) == 0)
		quota_changed(maildir_tree_quota(d->tree), mailbox, &m,
			      -d->lf_bytes);
	maildir_close(&m);
}

int
delivery_commit(struct delivery *d, const char *const *mailboxes, size_t n,
		struct err *e)
{
	size_t done = 0;

	if (finish_file(d, e) != 0)
		return -1;
	while (done < n && place(d, mailboxes[done], e) == 0)
		done++;
	if (done == n) {
		/* before the reply, so that who has heard it finds tmp/ empty
		 */
		(void)unlinkat(d->first.tmp, d->unique, 0);
		d->placed = true;
		return 0;
	}
	/* The client will hear that nothing was stored, so nothing may stay.  A
	 * reader who was quick has read it twice; nobody has lost it. */
	while (done > 0)
		take_back(d, mailboxes[--done]);
	return -1;
}
