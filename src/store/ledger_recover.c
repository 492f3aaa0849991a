/*
 * What a crash left between "accepted" and "in the mailboxes for certain".
 *
 * The system ran on (the record is of this boot): everything the server did to
 * files is there.  A message whose file still stands in tmp/ was not yet
 * placed: it is now.  One whose file is gone from tmp/ was placed, and where it
 * is missing its owner deleted it.
 *
 * The system went down (another boot, or the disk failed): any file may be
 * missing, empty or cut.  Each is looked into, and written again from the
 * journal where it is not whole; but not where a record says that its owner
 * deleted it.
 *
 * A message with a delivery id may have been entered twice: the first could not
 * be placed, was refused, and no record could say so (the disk failed); then
 * the client gave it again.  For a mailbox the newest record of an id counts,
 * the others are as withdrawn.  One whose file still stands in tmp/ is not
 * placed when its id is known already, since the second may have been stored
 * without a record.
 *
 * A delivery id counts as stored only where the message is found, is placed
 * now, or was deleted by a client of ours: otherwise a message could be
 * answered "stored before" that never was.
 */
#include "store/ledger_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/log.h"
#include "store/ledger_later.h"
#include "store/listing.h"
#include "store/maildir_cache.h"
#include "store/place.h"

enum { COMPARE_BYTES = 4096 };

struct recovery {
	struct ledger *ledger;
	struct ledger_report *report;
	struct listings *listings;
	struct ledger_later later;
	uint64_t hold; /* first record that could not be placed; 0: none */
};

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

/* ---- one message ----------------------------------------------------------
 */

static void
keep_id(struct recovery *v, const struct accepted *c)
{
	if (c->id[0] != '\0')
		ids_keep(v->ledger->ids, c->id, c->mailbox);
}

static int
borrow(struct recovery *v, const char *mailbox, struct maildir_loan *l,
       struct err *e)
{
	return maildir_cache_borrow(maildir_tree_cache(v->ledger->o.tree),
				    mailbox, l, e);
}

static void
give_back(struct recovery *v, struct maildir_loan *l)
{
	maildir_cache_return(maildir_tree_cache(v->ledger->o.tree), l);
}

/* Does the file hold exactly these bytes? */
static bool
is_whole(int dirfd, const char *name, struct span bytes)
{
	char piece[COMPARE_BYTES];
	struct stat st;
	bool same = false;

	int fd =
	    openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != bytes.n)
		goto out;
	while (bytes.n > 0) {
		ssize_t got = read(fd, piece, sizeof(piece));
		if (got <= 0 || (size_t)got > bytes.n ||
		    memcmp(piece, bytes.p, (size_t)got) != 0)
			goto out;
		bytes = span_skip(bytes, (size_t)got);
	}
	same = true;
out:
	if (fd >= 0)
		(void)close(fd);
	return same;
}

/* tmp/ -> fsync -> rename, so that nobody ever sees half a message. */
static int
write_file(const struct accepted *c, const struct maildir *m, int dirfd,
	   const char *name, struct err *e)
{
	int rc = -1;

	if (unlinkat(m->tmp, c->unique, 0) != 0 && errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, "cannot write %s",
			       c->unique);
	int fd = durable_create(m->tmp, c->unique, e);
	if (fd < 0)
		return -1;
	if (durable_write(fd, c->a.bytes.p, c->a.bytes.n, e) == 0 &&
	    durable_sync(fd, e) == 0) {
		if (renameat(m->tmp, c->unique, dirfd, name) == 0)
			rc = 0;
		else
			(void)err_set(e, ERR_TEMP, errno, "cannot place %s",
				      name);
	}
	if (rc != 0)
		(void)unlinkat(m->tmp, c->unique, 0);
	(void)close(fd);
	return rc;
}

/* After another boot: this mailbox from the journal. */
static int
restore(struct recovery *v, const struct accepted *c, const struct maildir *m,
	struct err *e)
{
	const char *name = NULL;
	bool in_cur = false;

	int found = listings_find(v->listings, c->mailbox, m,
				  span_of(c->unique), &name, &in_cur, e);
	if (found < 0)
		return -1;
	int dirfd = in_cur ? m->cur : m->new;
	if (ledger_later_gone(&v->later, c->mailbox, c->unique)) {
		if (found == 1 && unlinkat(dirfd, name, 0) == 0)
			v->report->removed++;
		return 0;
	}
	if (found == 0) {
		v->report->placed++;
		return write_file(c, m, m->new, c->name, e);
	}
	if (is_whole(dirfd, name, c->a.bytes))
		return 0;
	v->report->repaired++;
	return write_file(c, m, dirfd, name, e);
}

/* Within one boot: `tmp` is the directory where the file still stands, or -1.
 * 1 when the mailbox has, or had, the message; 0 when it does not; -1. */
static int
finish(struct recovery *v, const struct accepted *c, const struct maildir *m,
       int tmp, struct err *e)
{
	const char *name = NULL;
	bool in_cur = false;

	if (ledger_later_gone(&v->later, c->mailbox, c->unique))
		return 1;
	if (tmp < 0 && c->id[0] == '\0')
		return 0;
	int found = listings_find(v->listings, c->mailbox, m,
				  span_of(c->unique), &name, &in_cur, e);
	if (found != 0 || tmp < 0)
		return found;
	if (place_file(tmp, c->unique, m, c->name, e) != 0)
		return -1;
	v->report->placed++;
	return 1;
}

/* It was refused after all: what came back from the disk goes. */
static int
withdraw(struct recovery *v, const struct accepted *c, const struct maildir *m,
	 struct err *e)
{
	const char *name = NULL;
	bool in_cur = false;

	int found = listings_find(v->listings, c->mailbox, m,
				  span_of(c->unique), &name, &in_cur, e);
	if (found == 1 && unlinkat(in_cur ? m->cur : m->new, name, 0) == 0)
		v->report->removed++;
	return found < 0 ? -1 : 0;
}

static bool
stands_in_tmp(const struct accepted *c, int tmp)
{
	struct stat st;

	return fstatat(tmp, c->unique, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == c->a.size;
}

/* Was it refused in the end?  See above. */
static bool
is_withdrawn(const struct recovery *v, const struct accepted *c)
{
	return ledger_later_gone(&v->later, "", c->unique) ||
	       ledger_later_superseded(&v->later, c->id, c->mailbox, c->seq);
}

/*
 * Stored already, although its file stands in tmp/: the file could not be
 * removed after it was placed, or it is the second that was.  Nothing is placed
 * then; but what is in the mailbox may be the only copy, and stays.
 */
static bool
is_known(const struct recovery *v, const struct accepted *c, int tmp)
{
	return tmp >= 0 && c->id[0] != '\0' &&
	       ids_is_known(v->ledger->ids, c->id, c->mailbox);
}

static int
look_at_mailbox(struct recovery *v, struct accepted *c, bool trusted, int tmp,
		struct err *e)
{
	struct maildir_loan l = MAILDIR_NO_LOAN;
	int rc;

	if (borrow(v, c->mailbox, &l, e) != 0)
		return -1;
	if (is_withdrawn(v, c)) {
		rc = withdraw(v, c, &l.m, e);
	} else if (trusted && is_known(v, c, tmp)) {
		rc = 0;
	} else if (trusted || !c->a.has_bytes) {
		rc = finish(v, c, &l.m, tmp, e);
		if (rc == 1)
			keep_id(v, c);
	} else {
		rc = restore(v, c, &l.m, e);
		if (rc == 0)
			keep_id(v, c);
	}
	give_back(v, &l);
	return rc < 0 ? -1 : 0;
}

static int
look_at(struct recovery *v, struct accepted *c, struct err *e)
{
	static const char unknown[LEDGER_BOOT_BYTES] = { 0 };
	struct maildir_loan holder = MAILDIR_NO_LOAN;
	struct span rest = c->a.mailboxes;
	int rc = 0;

	bool trusted = !v->later.doubt &&
		       memcmp(c->a.boot, unknown, sizeof(unknown)) != 0 &&
		       memcmp(c->a.boot, v->ledger->boot, sizeof(unknown)) == 0;
	if (borrow(v, c->holder, &holder, e) != 0)
		return -1;
	int tmp = stands_in_tmp(c, holder.m.tmp) ? holder.m.tmp : -1;
	while (rc == 0 && ledger_record_mailbox(&rest, c->mailbox))
		rc = look_at_mailbox(v, c, trusted, tmp, e);
	if (rc == 0)
		(void)unlinkat(holder.m.tmp, c->unique, 0);
	give_back(v, &holder);
	return rc;
}

static int
see_record(void *ctx, const struct journal_record *r, struct err *e)
{
	struct recovery *v = ctx;
	struct maildir_name parsed;
	struct accepted c;
	struct err why;

	(void)e;
	if (r->type != LEDGER_ACCEPT)
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
	/* The server starts all the same, so that mail can be read and space be
	 * made; the journal keeps the message for the next start. */
	v->report->failed++;
	if (v->hold == 0)
		v->hold = r->seq;
	log_failure(LOG_ERROR, "recovery-failed", "file", c.name, &why);
	return 0;
}

/* ---- all of them ----------------------------------------------------------
 */

static void
log_damage(const struct journal_report *j)
{
	struct log_line l;

	if (j->torn_bytes > 0) { /* of messages nobody was told to have */
		log_begin(&l, LOG_INFO, "journal-torn");
		log_num(&l, "bytes", (int64_t)j->torn_bytes);
		log_str(&l, "first", j->torn);
		log_end(&l);
	}
	if (j->damaged == 0)
		return;
	log_begin(&l, LOG_ERROR, "journal-damaged");
	log_num(&l, "places", (int64_t)j->damaged);
	log_str(&l, "first", j->where);
	log_end(&l);
}

/* All of it is in the mailboxes: make that durable and let the journal go. */
static int
settle(struct recovery *v, bool damaged, struct err *e)
{
	struct ledger *l = v->ledger;
	uint64_t last = journal_last(l->journal);

	l->hold = v->hold;
	l->last = last;
	l->released = v->hold != 0 ? v->hold - 1 : last;
	/* A damaged segment is put aside by the release. */
	if (v->report->accepted == 0 && !damaged)
		return 0;
	if (syncfs(maildir_tree_root(l->o.tree)) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot sync the mailboxes");
	if (ids_flush(l->ids, e) != 0 ||
	    journal_release(l->journal, l->released) != 0) {
		/* a full disk: the next start finds it all once more */
		log_failure(LOG_ERROR, "recovery-not-settled", NULL, NULL, e);
		l->released = 0;
	}
	return 0;
}

int
ledger_recover(struct ledger *l, const struct journal_options *o,
	       struct ledger_report *report, struct err *e)
{
	struct recovery v = { .ledger = l, .report = report };
	struct journal_report found;
	int rc = -1;

	ledger_later_init(&v.later);
	if (listings_new(&v.listings, e) != 0)
		return -1;
	if (journal_check(l->journal_dir, ledger_later_note, &v.later, &found,
			  e) != 0)
		goto out;
	ledger_later_ready(&v.later);
	if (journal_open(&l->journal, o, see_record, &v, &found, e) != 0)
		goto out;
	log_damage(&found);
	rc = settle(&v, found.damaged > 0, e);
out:
	ledger_later_clear(&v.later);
	listings_free(&v.listings);
	return rc;
}
