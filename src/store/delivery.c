#include "store/delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/durable.h"
#include "base/log.h"
#include "store/ledger.h"
#include "store/maildir_cache.h"
#include "store/maildir_name.h"
#include "store/place.h"

enum { OUT_BYTES = 32 * 1024 };

struct delivery {
	struct maildir_tree *tree;
	struct ledger *ledger; /* NULL: none */
	struct ledger_entry entry;
	const char *id;     /* "": none */
	const char *holder; /* mailbox whose tmp/ has, or will have, the file */
	struct maildir_loan at; /* the holder's directories */
	int fd;                 /* tmp/<unique>; -1: still in memory */
	bool in_tmp;            /* there is a file to be removed */
	char unique[MAILDIR_NAME_SIZE];
	char name[MAILDIR_NAME_SIZE]; /* in new/ */
	int64_t lf_bytes, crlf_bytes;
	bool cr; /* the last piece ended in CR */
	bool international;
	struct quota_use *const *room; /* in mailboxes that have a limit */
	size_t n_room;
	const char **todo; /* mailboxes that have not got it before */
	size_t n_todo, repeated;
	const char *broken; /* where it failed, if it has */
	size_t out_max;     /* then it is written to the file */
	struct buf out;
};

/* ---- the file in tmp/ -----------------------------------------------------
 */

static int
open_holder(struct delivery *d, struct err *e)
{
	return maildir_cache_borrow(maildir_tree_cache(d->tree), d->holder,
				    &d->at, e);
}

static int
create_file(struct delivery *d, struct err *e)
{
	d->broken = d->holder;
	if (open_holder(d, e) != 0)
		return -1;
	d->fd = durable_create(d->at.m.tmp, d->unique, e);
	if (d->fd < 0)
		return -1;
	d->in_tmp = true;
	return 0;
}

/* From here on the text goes to a file as it comes. */
static int
begin_file(struct delivery *d, struct err *e)
{
	if (create_file(d, e) != 0)
		return -1;
	d->out_max = OUT_BYTES;
	if (flock(d->fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot lock %s", d->unique);
	return 0;
}

static void
remove_file(struct delivery *d)
{
	if (d->in_tmp)
		(void)unlinkat(d->at.m.tmp, d->unique, 0);
	d->in_tmp = false;
}

int
delivery_begin(struct delivery **out, struct maildir_tree *t,
	       const char *mailbox, struct err *e)
{
	struct delivery *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "delivery");
	d->tree = t;
	d->ledger = maildir_tree_ledger(t);
	d->id = "";
	d->holder = mailbox;
	d->at = (struct maildir_loan)MAILDIR_NO_LOAN;
	d->fd = -1;
	d->out_max = d->ledger == NULL ? 0 : ledger_message_max(d->ledger);
	buf_init(&d->out, d->out_max > OUT_BYTES ? d->out_max : OUT_BYTES);
	maildir_name_unique(d->unique, maildir_tree_host(t),
			    maildir_tree_count(t));
	if (d->out_max == 0 && begin_file(d, e) != 0) {
		delivery_free(&d);
		return -1;
	}
	*out = d;
	return 0;
}

void
delivery_free(struct delivery **out)
{
	struct delivery *d = *out;

	if (d == NULL)
		return;
	remove_file(d);
	if (d->fd >= 0)
		(void)close(d->fd);
	maildir_cache_return(maildir_tree_cache(d->tree), &d->at);
	buf_free(&d->out);
	free(d->todo);
	free(d);
	*out = NULL;
}

void
delivery_identify(struct delivery *d, const char *id)
{
	if (d->ledger != NULL)
		d->id = id;
}

void
delivery_internationalize(struct delivery *d)
{
	d->international = true;
}

void
delivery_use_room(struct delivery *d, struct quota_use *const *room, size_t n)
{
	d->room = room;
	d->n_room = n;
}

int64_t
delivery_size(const struct delivery *d)
{
	return d->lf_bytes;
}

const char *
delivery_broken(const struct delivery *d)
{
	return d->broken;
}

size_t
delivery_repeated(const struct delivery *d)
{
	return d->repeated;
}

/* ---- the text -------------------------------------------------------------
 */

/* What was gathered goes to the file, which is begun when there is none. */
static int
spill(struct delivery *d, struct err *e)
{
	if (d->fd < 0 && begin_file(d, e) != 0)
		return -1;
	int rc = durable_write(d->fd, d->out.p, d->out.n, e);
	buf_clear(&d->out);
	return rc;
}

/* Stored bytes: n of them. */
static int
put(struct delivery *d, const char *p, size_t n, struct err *e)
{
	while (n > 0) {
		if (d->out.n >= d->out_max && spill(d, e) != 0)
			return -1;
		size_t room = d->out_max - d->out.n;
		size_t part = n < room ? n : room;
		if (buf_add(&d->out, p, part) != 0)
			return err_set(e, ERR_TEMP, errno, "message");
		d->lf_bytes += (int64_t)part;
		p += part;
		n -= part;
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

/* The text is whole: its sizes, and so its name, are known. */
static int
end_text(struct delivery *d, struct err *e)
{
	if (d->cr && put(d, "\r", 1, e) != 0)
		return -1;
	d->cr = false;
	int n = d->international
		    ? snprintf(d->name, sizeof(d->name), "%s,S=%" PRId64,
			       d->unique, d->lf_bytes)
		    : snprintf(d->name, sizeof(d->name),
			       "%s,S=%" PRId64 ",W=%" PRId64, d->unique,
			       d->lf_bytes, d->crlf_bytes);
	if (n < 0 || (size_t)n >= sizeof(d->name))
		return err_set(e, ERR_BUG, 0, "file name too long");
	return 0;
}

/* ---- into the mailboxes ---------------------------------------------------
 */

static int
enter(struct delivery *d, bool with_bytes, struct err *e)
{
	struct ledger_message m = { .id = d->id,
				    .name = d->name,
				    .holder = d->holder,
				    .mailboxes = d->todo,
				    .n_mailboxes = d->n_todo,
				    .size = (uint64_t)d->lf_bytes,
				    .has_bytes = with_bytes,
				    .bytes = buf_span(&d->out) };

	return ledger_accept(d->ledger, &d->entry, &m, e);
}

static void
change_begins(struct delivery *d, const char *mailbox, struct quota_use *change)
{
	quota_change_begin(maildir_tree_quota(d->tree), mailbox, change);
}

static void
change_ends(struct delivery *d, struct quota_use *change,
	    const struct maildir *m, int64_t delta)
{
	struct quota_use *room = NULL;

	for (size_t i = 0; delta > 0 && i < d->n_room && room == NULL; i++) {
		if (strcmp(d->room[i]->address, change->address) == 0)
			room = d->room[i];
	}
	quota_change_end(maildir_tree_quota(d->tree), change, m, delta, room);
}

/* Into mailbox *done of todo, which is counted once its name is there; with
 * sync, and where no checkpoint would see to it, the name is durable as well.
 */
static int
place(struct delivery *d, size_t *done, bool sync, struct err *e)
{
	const char *mailbox = d->todo[*done];
	struct maildir_cache *c = maildir_tree_cache(d->tree);
	struct maildir_loan l = MAILDIR_NO_LOAN;
	struct quota_use change;

	d->broken = mailbox;
	if (maildir_cache_borrow(c, mailbox, &l, e) != 0)
		return -1;
	change_begins(d, mailbox, &change);
	int rc = place_file(d->at.m.tmp, d->unique, &l.m, d->name, e);
	change_ends(d, &change, &l.m, rc == 0 ? d->lf_bytes : 0);
	if (rc == 0) {
		(*done)++;
		if (sync || l.m.foreign)
			rc = durable_sync(l.m.new, e);
	}
	maildir_cache_return(c, &l);
	return rc;
}

/* false: a copy stays. */
static bool
take_back(struct delivery *d, const char *mailbox)
{
	struct maildir_cache *c = maildir_tree_cache(d->tree);
	struct maildir_loan l = MAILDIR_NO_LOAN;
	struct quota_use change;
	struct err ignored;

	/* open since it was placed there: no descriptors may be left to open it
	 * again, and lack of them may be why it is taken back */
	if (maildir_cache_borrow(c, mailbox, &l, &ignored) != 0)
		return false;
	change_begins(d, mailbox, &change);
	int rc = place_remove(&l.m, d->unique, d->name);
	change_ends(d, &change, &l.m, rc == 0 ? -d->lf_bytes : 0);
	maildir_cache_return(c, &l);
	return rc == 0;
}

/*
 * Mailboxes from..to have it.  The client will hear that nothing was stored, so
 * nothing may stay.  A reader who was quick has read it twice; nobody has lost
 * it.  What cannot be taken away now the next start takes away.  Where the
 * ledger cannot be told, the file stays in tmp/ and the next start places it,
 * unless the client gave it again: twice at worst, never half.
 */
static void
give_up(struct delivery *d, size_t from, size_t to)
{
	bool clean = true;
	struct err why;

	while (to > from)
		clean = take_back(d, d->todo[--to]) && clean;
	if (d->ledger != NULL && ledger_withdraw(d->ledger, &d->entry,
						 d->unique, clean, &why) != 0) {
		log_failure(LOG_ERROR, "withdraw-failed", "file", d->unique,
			    &why);
		d->in_tmp = false;
	}
}

/* Everything written and synced: the message does not need the journal. */
static int
commit_synced(struct delivery *d, struct err *e)
{
	size_t done = 0;
	int rc = 0;

	if (spill(d, e) != 0 || durable_sync(d->fd, e) != 0)
		return -1;
	d->broken = NULL;
	/* Without the record a crash could double the message; who gave it an
	 * id gives it again. */
	if (d->id[0] != '\0' && enter(d, false, e) != 0)
		return -1;
	while (rc == 0 && done < d->n_todo)
		rc = place(d, &done, true, e);
	if (rc != 0) {
		give_up(d, 0, done);
		return -1;
	}
	remove_file(d); /* before the reply: who heard it finds tmp/ empty */
	return 0;
}

/* From tmp/ to new/ of the holder, the last step; *moved once it is there. */
static int
place_holder(struct delivery *d, bool *moved, struct err *e)
{
	struct quota_use change;

	d->broken = d->holder;
	change_begins(d, d->holder, &change);
	int rc =
	    durable_rename_new(d->at.m.tmp, d->unique, d->at.m.new, d->name, e);
	change_ends(d, &change, &d->at.m, rc == 0 ? d->lf_bytes : 0);
	if (rc != 0)
		return -1;
	*moved = true;
	d->in_tmp = false;
	return d->at.m.foreign ? durable_sync(d->at.m.new, e) : 0;
}

/*
 * Through the journal.  The file stands in tmp/ before the record can be
 * durable, and leaves it with the last step.  A checkpoint makes the mailboxes
 * durable, but those of another file system: there the file and its name are
 * synced here (place_file syncs a copy).
 */
static int
commit_journaled(struct delivery *d, struct err *e)
{
	size_t done = 1;
	bool moved = false;
	int rc = 0;

	d->holder = d->todo[0];
	if (create_file(d, e) != 0 ||
	    durable_write(d->fd, d->out.p, d->out.n, e) != 0 ||
	    (d->at.m.foreign && durable_sync(d->fd, e) != 0))
		return -1;
	d->broken = NULL;
	if (enter(d, true, e) != 0)
		return -1;
	while (rc == 0 && done < d->n_todo)
		rc = place(d, &done, false, e);
	if (rc == 0)
		rc = place_holder(d, &moved, e);
	if (rc != 0)
		give_up(d, moved ? 0 : 1, done);
	return rc;
}

/* ---- delivery ids ---------------------------------------------------------
 */

/* The mailboxes that have not got it; they are claimed. */
static int
claim(struct delivery *d, const char *const *mailboxes, size_t n, struct err *e)
{
	d->todo = calloc(n, sizeof(*d->todo));
	if (d->todo == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "delivery");
	for (size_t i = 0; i < n; i++) {
		enum ids_state state =
		    d->id[0] == '\0'
			? IDS_CLAIMED
			: ids_claim(ledger_ids(d->ledger), d->id, mailboxes[i]);
		switch (state) {
		case IDS_CLAIMED:
			d->todo[d->n_todo++] = mailboxes[i];
			break;
		case IDS_KNOWN:
			d->repeated++;
			break;
		case IDS_BUSY:
			return err_set(e, ERR_TEMP, 0,
				       "another session is storing %s", d->id);
		}
	}
	return 0;
}

static void
settle_ids(struct delivery *d, bool stored)
{
	for (size_t i = 0; d->id[0] != '\0' && i < d->n_todo; i++) {
		if (stored)
			ids_keep(ledger_ids(d->ledger), d->id, d->todo[i]);
		else
			ids_drop(ledger_ids(d->ledger), d->id, d->todo[i]);
	}
}

int
delivery_commit(struct delivery *d, const char *const *mailboxes, size_t n,
		struct err *e)
{
	int rc = claim(d, mailboxes, n, e);

	if (rc == 0 && d->n_todo > 0) {
		rc = end_text(d, e);
		if (rc == 0)
			rc = d->fd >= 0 ? commit_synced(d, e)
					: commit_journaled(d, e);
	}
	/* kept before the checkpoint may pass the record */
	settle_ids(d, rc == 0);
	if (d->ledger != NULL)
		ledger_placed(d->ledger, &d->entry);
	return rc;
}
