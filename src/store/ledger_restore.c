/*
 * Whatever is missing comes back: no boot id and no mount tells whether the
 * file system has lost what was not synced, for a disk can go and come back
 * under a running system.  So a message that another program moved away or
 * deleted may come twice; one that a client of ours deleted has a record that
 * says so, and does not.
 *
 * A message with a delivery id may have been entered twice: the first could not
 * be placed, was refused, and no record could say so (the disk failed); then
 * the client gave it again.  For a mailbox the newest record of an id counts,
 * the others are as withdrawn.
 *
 * A large message has no bytes in the journal; its file was synced before it
 * was placed.  It is placed where its file still stands in tmp/, unless its id
 * is known already: the second may have been stored without a record.
 *
 * A delivery id counts as stored only where the message is found, is placed
 * now, or was deleted by a client of ours: otherwise a message could be
 * answered "stored before" that never was.
 */
#include "store/ledger_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/log.h"
#include "store/ledger_record.h"
#include "store/maildir_cache.h"
#include "store/place.h"

enum { COMPARE_BYTES = 4096 };

/* One message being looked at, in one of its mailboxes. */
struct accepted {
	uint64_t seq;
	struct ledger_accept a;
	char id[IDS_TEXT_MAX + 1];
	char name[MAILDIR_NAME_SIZE];
	char unique[MAILDIR_NAME_SIZE];
	char holder[LEDGER_MAILBOX_SIZE];
	char mailbox[LEDGER_MAILBOX_SIZE];
};

/* Where its file is: dirfd is new/ or cur/. */
struct found {
	int dirfd;
	const char *name; /* lives until the next look */
};

static void
keep_id(struct ledger_restoring *v, const struct accepted *c)
{
	if (c->id[0] != '\0')
		ids_keep(v->ids, c->id, c->mailbox);
}

static int
borrow(struct ledger_restoring *v, const char *mailbox, struct maildir_loan *l,
       struct err *e)
{
	return maildir_cache_borrow(maildir_tree_cache(v->o->tree), mailbox, l,
				    e);
}

static void
give_back(struct ledger_restoring *v, struct maildir_loan *l)
{
	maildir_cache_return(maildir_tree_cache(v->o->tree), l);
}

/* 1, 0, -1. */
static int
find(struct ledger_restoring *v, const struct accepted *c,
     const struct maildir *m, struct found *f, struct err *e)
{
	bool in_cur = false;

	int rc = listings_find(v->listings, c->mailbox, m, span_of(c->unique),
			       &f->name, &in_cur, e);
	f->dirfd = in_cur ? m->cur : m->new;
	return rc;
}

/* It must not be there.  0 or -1. */
static int
remove_found(struct ledger_restoring *v, const struct accepted *c,
	     const struct maildir *m, struct err *e)
{
	struct found f;

	int found = find(v, c, m, &f, e);
	if (found <= 0)
		return found;
	if (unlinkat(f.dirfd, f.name, 0) == 0)
		v->report->removed++;
	else if (errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, "cannot remove %s", f.name);
	return 0;
}

/* ---- from the journal's bytes ---------------------------------------------
 */

enum state { WHOLE, TORN, ABSENT };

/* Does the file hold exactly these bytes? */
static enum state
look_into(int dirfd, const char *name, struct span bytes)
{
	char piece[COMPARE_BYTES];
	struct stat st;
	enum state state = TORN;

	int fd =
	    openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? ABSENT : TORN;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != bytes.n)
		goto out;
	while (bytes.n > 0) {
		ssize_t got = read(fd, piece, sizeof(piece));
		if (got <= 0 || (size_t)got > bytes.n ||
		    memcmp(piece, bytes.p, (size_t)got) != 0)
			goto out;
		bytes = span_skip(bytes, (size_t)got);
	}
	state = WHOLE;
out:
	(void)close(fd);
	return state;
}

static int
exchange(const struct accepted *c, const struct maildir *m, int dirfd,
	 const char *name, struct err *e)
{
	int rc = renameat2(m->tmp, c->unique, dirfd, name, RENAME_EXCHANGE);

	if (rc != 0 && errno == EINVAL) /* a file system that cannot */
		rc = renameat(m->tmp, c->unique, dirfd, name);
	return rc == 0 ? 0
		       : err_set(e, ERR_TEMP, errno, "cannot replace %s", name);
}

/*
 * Its file under this name, written in tmp/, so that nobody ever sees half a
 * message.  Not synced: the journal has it until all of it is.  Where a file
 * stands under the name the two change places, and so its name comes back to
 * nobody who has moved it meanwhile: then -1 with sys ENOENT.
 */
static int
write_file(const struct accepted *c, const struct maildir *m, int dirfd,
	   const char *name, bool there, struct err *e)
{
	int rc = -1;

	if (unlinkat(m->tmp, c->unique, 0) != 0 && errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, "cannot write %s",
			       c->unique);
	int fd = durable_create(m->tmp, c->unique, e);
	if (fd < 0)
		return -1;
	if (durable_write(fd, c->a.bytes.p, c->a.bytes.n, e) == 0)
		rc = there ? exchange(c, m, dirfd, name, e)
			   : durable_rename_new(m->tmp, c->unique, dirfd, name,
						e);
	if (rc != 0 || there)
		(void)unlinkat(m->tmp, c->unique, 0);
	(void)close(fd);
	return rc;
}

/* A file that is there: 0 when it is whole now, 1 when it is gone, -1. */
static int
repair(struct ledger_restoring *v, const struct accepted *c,
       const struct maildir *m, const struct found *f, struct err *e)
{
	struct err why = { 0 };
	enum state state = c->seq < v->rewrite_before
			       ? TORN
			       : look_into(f->dirfd, f->name, c->a.bytes);

	switch (state) {
	case WHOLE:
		return 0;
	case ABSENT:
		return 1;
	case TORN:
		break;
	}
	if (write_file(c, m, f->dirfd, f->name, true, &why) == 0) {
		v->report->repaired++;
		return 0;
	}
	if (why.sys == ENOENT)
		return 1;
	*e = why;
	return -1;
}

static int
restore(struct ledger_restoring *v, const struct accepted *c,
	const struct maildir *m, struct err *e)
{
	struct found f;

	if (ledger_later_gone(&v->later, c->mailbox, c->unique))
		return remove_found(v, c, m, e);
	int found = find(v, c, m, &f, e);
	int rc = found > 0 ? repair(v, c, m, &f, e) : found;
	if (rc > 0) { /* moved since the mailbox was read: where to? */
		listings_forget(v->listings, c->mailbox);
		found = find(v, c, m, &f, e);
		rc = found > 0 ? repair(v, c, m, &f, e) : found;
	}
	if (rc < 0)
		return -1;
	if (found > 0 && rc == 0)
		return 0;
	v->report->placed++;
	return write_file(c, m, m->new, c->name, false, e);
}

/* ---- from the file in tmp/ ------------------------------------------------
 */

/* `tmp` is the directory where the file still stands, or -1.  1 when the
 * mailbox has, or had, the message; 0 when it does not; -1. */
static int
finish(struct ledger_restoring *v, const struct accepted *c,
       const struct maildir *m, int tmp, struct err *e)
{
	struct found f;

	if (ledger_later_gone(&v->later, c->mailbox, c->unique))
		return remove_found(v, c, m, e) == 0 ? 1 : -1;
	if (tmp < 0 && c->id[0] == '\0')
		return 0;
	int found = find(v, c, m, &f, e);
	if (found != 0 || tmp < 0)
		return found;
	if (place_file(tmp, c->unique, m, c->name, e) != 0)
		return -1;
	v->report->placed++;
	return 1;
}

static bool
stands_in_tmp(const struct accepted *c, int tmp)
{
	struct stat st;

	return fstatat(tmp, c->unique, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == c->a.size;
}

/*
 * Stored already, although its file stands in tmp/: the file could not be
 * removed after it was placed, or it is the second that was.  Nothing is placed
 * then; but what is in the mailbox may be the only copy, and stays.
 */
static bool
is_known(const struct ledger_restoring *v, const struct accepted *c, int tmp)
{
	return tmp >= 0 && c->id[0] != '\0' &&
	       ids_is_known(v->ids, c->id, c->mailbox);
}

/* ---- one message ----------------------------------------------------------
 */

/* Was it refused in the end?  See above. */
static bool
is_withdrawn(const struct ledger_restoring *v, const struct accepted *c)
{
	return ledger_later_gone(&v->later, "", c->unique) ||
	       ledger_later_superseded(&v->later, c->id, c->mailbox, c->seq);
}

/* It has its name when it is whole; what has that name already is this message,
 * from before the last crash, or stays as it is. */
static int
write_aside(int dir, const struct accepted *c, char as[DURABLE_NAME_SIZE],
	    struct err *e)
{
	static const char unfinished[] = "unfinished";
	int rc = -1;

	(void)snprintf(as, DURABLE_NAME_SIZE, "%s", c->name);
	if (look_into(dir, c->name, c->a.bytes) == WHOLE)
		return durable_sync(dir, e);
	(void)unlinkat(dir, unfinished, 0);
	int fd = durable_create(dir, unfinished, e);
	if (fd < 0)
		return -1;
	if (durable_write(fd, c->a.bytes.p, c->a.bytes.n, e) == 0 &&
	    durable_sync(fd, e) == 0 &&
	    durable_set_aside(dir, unfinished, dir, c->name, as, e) == 0 &&
	    durable_sync(dir, e) == 0)
		rc = 0;
	(void)close(fd);
	return rc;
}

/* No mailbox, and nobody who could have one: a person has to look at it. */
static int
set_aside(struct ledger_restoring *v, const struct accepted *c, struct err *e)
{
	char as[DURABLE_NAME_SIZE];
	struct log_line l;

	int dir = durable_open_dir(v->o->dirfd, "undelivered", 1, e);
	if (dir < 0)
		return -1;
	int rc = write_aside(dir, c, as, e);
	(void)close(dir);
	if (rc != 0)
		return -1;
	log_begin(&l, LOG_ERROR, "message-set-aside");
	log_str(&l, "mailbox", c->mailbox);
	log_str(&l, "file", as);
	log_str(&l, "reason", "no such user, and no mailbox");
	log_end(&l);
	return 0;
}

static int
look_at_mailbox(struct ledger_restoring *v, struct accepted *c, int tmp,
		struct err *e)
{
	struct maildir_loan l = MAILDIR_NO_LOAN;
	struct err ignored;
	int rc;

	if (borrow(v, c->mailbox, &l, e) != 0) {
		if (maildir_tree_is_owner(v->o->tree, c->mailbox, &ignored) !=
		    0)
			return -1;
		return c->a.has_bytes && !is_withdrawn(v, c) &&
			       !ledger_later_gone(&v->later, c->mailbox,
						  c->unique)
			   ? set_aside(v, c, e)
			   : 0;
	}
	if (is_withdrawn(v, c)) {
		rc = remove_found(v, c, &l.m, e);
	} else if (c->a.has_bytes) {
		rc = restore(v, c, &l.m, e);
		if (rc == 0)
			keep_id(v, c);
	} else if (is_known(v, c, tmp)) {
		rc = 0;
	} else {
		rc = finish(v, c, &l.m, tmp, e);
		if (rc == 1)
			keep_id(v, c);
	}
	/* what was found there was perhaps not synced either */
	if (rc >= 0 && l.m.foreign &&
	    devices_touch(&v->devices, l.m.new, e) != 0)
		rc = -1;
	give_back(v, &l);
	return rc < 0 ? -1 : 0;
}

/* Every mailbox, also behind one that fails; -1: *e of the last one that did.
 */
static int
look_at(struct ledger_restoring *v, struct accepted *c, struct err *e)
{
	struct maildir_loan holder = MAILDIR_NO_LOAN;
	struct span rest = c->a.mailboxes;
	struct err ignored;
	int rc = 0, tmp = -1;

	/* with the bytes in the journal its file in tmp/ is only in the way */
	bool held = borrow(v, c->holder, &holder, e) == 0;
	if (!held && !c->a.has_bytes &&
	    maildir_tree_is_owner(v->o->tree, c->holder, &ignored) != 0)
		return -1;
	if (held && stands_in_tmp(c, holder.m.tmp))
		tmp = holder.m.tmp;
	while (ledger_record_mailbox(&rest, c->mailbox)) {
		if (look_at_mailbox(v, c, tmp, e) != 0)
			rc = -1;
	}
	if (rc == 0 && held)
		(void)unlinkat(holder.m.tmp, c->unique, 0);
	if (held)
		give_back(v, &holder);
	return rc;
}

int
ledger_restore_record(void *restoring, const struct journal_record *r,
		      struct err *e)
{
	struct ledger_restoring *v = restoring;
	struct maildir_name parsed;
	struct accepted c;
	struct err why;

	(void)e;
	if (r->type != LEDGER_ACCEPT || r->seq <= v->after || r->seq > v->upto)
		return 0;
	if (ledger_record_parse_accept(r->payload, &c.a) != 0 ||
	    span_copy(c.a.id, c.id, sizeof(c.id)) != 0 ||
	    span_copy(c.a.name, c.name, sizeof(c.name)) != 0 ||
	    span_copy(c.a.holder, c.holder, sizeof(c.holder)) != 0 ||
	    !maildir_name_parse(c.name, &parsed) ||
	    span_copy(parsed.unique, c.unique, sizeof(c.unique)) != 0) {
		log_event(LOG_ERROR, "ledger-record-damaged", NULL, NULL);
		return 0;
	}
	c.seq = r->seq;
	v->report->accepted++;
	if (look_at(v, &c, &why) == 0)
		return 0;
	/* The server serves all the same, so that mail can be read and space be
	 * made; the journal keeps the message for the next try. */
	v->report->failed++;
	if (v->hold == 0)
		v->hold = r->seq;
	log_failure(LOG_ERROR, "recovery-failed", "file", c.name, &why);
	return 0;
}
