/*
 * What a crash, or a file system that failed, left between "accepted" and "in
 * the mailboxes for certain": at the start all that the journal holds, beside
 * sessions all that is placed.  ledger_restore.c does it message by message.
 *
 * The journal is read twice: what later records say of a message (deleted,
 * refused, entered anew) is to be known before it is looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "store/ledger_private.h"
#include "store/ledger_restore.h"

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

/* Everything that was written to; a failure is doubt.  0 or -1. */
static int
sync_all(struct ledger *l, struct ledger_restoring *v, struct err *e)
{
	struct err other = { 0 };

	int rc = devices_sync(&v->devices, &other);
	if (syncfs(maildir_tree_root(l->o.tree)) != 0)
		return ledger_checkpoint_doubt(l, errno, e);
	return rc == 0 ? 0 : ledger_checkpoint_doubt(l, other.sys, e);
}

static int
begin(struct ledger *l, struct ledger_restoring *v, struct err *e)
{
	v->o = &l->o;
	v->ids = l->ids;
	ledger_later_init(&v->later);
	return listings_new(&v->listings, ledger_later_named, &v->later, e);
}

static void
end(struct ledger_restoring *v)
{
	struct err ignored;

	(void)devices_sync(&v->devices, &ignored); /* of a failure */
	listings_free(&v->listings);
	ledger_later_clear(&v->later);
}

/* ---- at the start ---------------------------------------------------------
 */

/* All of it is in the mailboxes: make that durable and let the journal go. */
static void
settle(struct ledger *l, struct ledger_restoring *v, bool damaged)
{
	struct err e;

	l->last = journal_last(l->journal);
	/* A damaged segment is put aside by the release. */
	if (v->report->accepted == 0 && !damaged) {
		l->released = l->last;
		return;
	}
	l->hold = v->hold;
	uint64_t upto = v->hold != 0 ? v->hold - 1 : l->last;
	if (sync_all(l, v, &e) != 0 || ids_flush(l->ids, &e) != 0 ||
	    journal_release(l->journal, upto, &e) != 0)
		/* a full disk, say: all of it once more, beside the sessions */
		log_failure(LOG_ERROR, "recovery-not-settled", NULL, NULL, &e);
	else
		l->released = upto;
	l->fresh = 1;
}

int
ledger_recover(struct ledger *l, const struct journal_options *o,
	       struct ledger_report *report, struct err *e)
{
	struct ledger_restoring v = { .upto = UINT64_MAX, .report = report };
	struct journal_report found;
	int rc = -1;

	if (begin(l, &v, e) != 0 ||
	    journal_check(l->journal_dir, ledger_later_note, &v.later, &found,
			  e) != 0)
		goto out;
	ledger_later_ready(&v.later);
	v.rewrite_before =
	    maildir_tree_is_doubtful(l->o.tree) ? UINT64_MAX : v.later.doubt;
	if (journal_open(&l->journal, o, ledger_restore_record, &v, &found,
			 e) != 0)
		goto out;
	log_damage(&found);
	settle(l, &v, found.damaged > 0);
	rc = 0;
out:
	end(&v);
	return rc;
}

/* ---- beside sessions ------------------------------------------------------
 */

static void
log_mended(const struct ledger_report *found)
{
	struct log_line l;

	log_begin(&l, found->failed == 0 ? LOG_WARN : LOG_ERROR, "mended");
	log_num(&l, "messages", (int64_t)found->accepted);
	log_num(&l, "placed", (int64_t)found->placed);
	log_num(&l, "repaired", (int64_t)found->repaired);
	log_num(&l, "removed", (int64_t)found->removed);
	log_num(&l, "failed", (int64_t)found->failed);
	log_end(&l);
}

/* Messages that were refused when the journal could not say so: it can now, or
 * they would be placed after all.  -1: it still cannot. */
static int
tell_withdrawn(struct ledger *l, struct err *e)
{
	uint64_t seq;
	int rc = 0;

	while (rc == 0) {
		(void)pthread_mutex_lock(&l->lock);
		char *unique =
		    l->n_untold > 0 ? l->untold[--l->n_untold] : NULL;
		(void)pthread_mutex_unlock(&l->lock);
		if (unique == NULL)
			return 0;
		rc = ledger_gone(l, LEDGER_WITHDRAWN, "", unique, &seq, e);
		if (rc == 0)
			rc = journal_sync(l->journal, seq, e);
		(void)pthread_mutex_lock(&l->lock);
		if (rc != 0 && l->n_untold < LEDGER_UNTOLD_MAX) {
			l->untold[l->n_untold++] = unique;
			unique = NULL;
		}
		(void)pthread_mutex_unlock(&l->lock);
		free(unique);
	}
	return rc;
}

/* What is appended is to be read; what of it cannot be synced was promised to
 * nobody. */
static void
write_out(struct ledger *l)
{
	struct err ignored;

	(void)pthread_mutex_lock(&l->lock);
	uint64_t removed = l->removed;
	(void)pthread_mutex_unlock(&l->lock);
	if (removed > l->released)
		(void)journal_sync(l->journal, removed, &ignored);
}

/* Names stand still. */
static int
read_all(struct ledger *l, struct ledger_restoring *v, struct err *e)
{
	struct journal_report found;

	write_out(l);
	if (journal_check(l->journal_dir, ledger_later_note, &v->later, &found,
			  e) != 0)
		return -1;
	ledger_later_ready(&v->later);
	if (journal_check(l->journal_dir, ledger_restore_record, v, &found,
			  e) != 0)
		return -1;
	if (found.damaged > 0)
		return err_set(e, ERR_TEMP, 0, "the journal is damaged: %s",
			       found.where);
	return 0;
}

int
ledger_recover_running(struct ledger *l, struct err *e)
{
	struct ledger_report report = { 0 };
	struct ledger_restoring v = { .report = &report };

	if (tell_withdrawn(l, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&l->lock);
	v.after = l->released;
	v.upto = ledger_checkpoint_upto(l);
	uint64_t doubt = l->doubt, held = l->hold;
	v.rewrite_before = doubt == 0 ? 0 : doubt + 1;
	l->hold = 0; /* what is held from now on is behind upto */
	(void)pthread_mutex_unlock(&l->lock);
	int rc = begin(l, &v, e);
	if (rc == 0) {
		(void)pthread_rwlock_wrlock(&l->names);
		rc = read_all(l, &v, e);
		(void)pthread_rwlock_unlock(&l->names);
	}
	if (rc == 0) {
		rc = sync_all(l, &v, e);
		log_mended(&report);
	}
	/* still in doubt: what was not placed when it was looked at */
	uint64_t rest = rc != 0          ? held
			: v.hold != 0    ? v.hold
			: doubt > v.upto ? v.upto + 1
					 : 0;
	(void)pthread_mutex_lock(&l->lock);
	if (rest != 0 && (l->hold == 0 || rest < l->hold))
		l->hold = rest;
	if (rest == 0)
		l->doubt = 0;
	(void)pthread_mutex_unlock(&l->lock);
	end(&v);
	return rc;
}
