/*
 * Checkpoints: what was placed is made durable, and the journal lets go of it.
 *
 * When the mailboxes cannot be synced, which files suffered is not known, and a
 * second sync may report success without having written them: the system takes
 * the pages for clean.  So nothing more is released; the next checkpoint first
 * writes every file anew from the journal, as a start does
 * (ledger_recover_running), and syncs again.  The same where a refused message
 * could not be taken back, or one of the start could not be placed.  Each try
 * that fails doubles the wait for the next one.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/log_repeat.h"
#include "base/thread.h"
#include "store/ledger_private.h"

enum { MEND_WAIT_MAX_MS = 5 * 60 * 1000 };

int
ledger_checkpoint_doubt(struct ledger *l, int sys, struct err *e)
{
	struct span none = span_make("", 0);
	struct err ignored;
	uint64_t seq;

	(void)pthread_mutex_lock(&l->lock);
	l->hold = l->released + 1;
	l->doubt = l->last;
	l->fresh++;
	(void)pthread_mutex_unlock(&l->lock);
	if (journal_append(l->journal, LEDGER_DOUBT, &none, 1, &seq,
			   &ignored) == 0)
		(void)journal_sync(l->journal, seq, &ignored);
	return err_set(e, ERR_TEMP, sys,
		       "mailboxes cannot be synced; the journal keeps what it "
		       "has until they are written anew");
}

uint64_t
ledger_checkpoint_upto(const struct ledger *l)
{
	return l->oldest != NULL      ? l->oldest->seq - 1
	       : l->removed > l->last ? l->removed
				      : l->last;
}

/* Sync, and release what is synced. */
static int
settle(struct ledger *l, struct err *e)
{
	(void)pthread_mutex_lock(&l->lock);
	uint64_t upto = ledger_checkpoint_upto(l);
	if (l->hold != 0 && upto >= l->hold)
		upto = l->hold - 1;
	size_t fresh = l->fresh;
	/* what is being placed, or held, is news for the next one */
	l->fresh = l->oldest != NULL || l->hold != 0 ? 1 : 0;
	bool news = upto > l->released;
	(void)pthread_mutex_unlock(&l->lock);
	if (news && syncfs(maildir_tree_root(l->o.tree)) != 0)
		return ledger_checkpoint_doubt(l, errno, e);
	/* The pairs of what is released were kept before it was placed. */
	int rc = ids_flush(l->ids, e);
	if (rc == 0 && news)
		rc = journal_release(l->journal, upto, e);
	(void)pthread_mutex_lock(&l->lock);
	if (rc != 0) /* again, and no later than before */
		l->fresh += fresh + 1;
	else if (news)
		l->released = upto;
	(void)pthread_mutex_unlock(&l->lock);
	return rc;
}

static bool
is_wrong(struct ledger *l)
{
	(void)pthread_mutex_lock(&l->lock);
	bool wrong = l->hold != 0;
	(void)pthread_mutex_unlock(&l->lock);
	return wrong;
}

/* -1: *e of the first thing that failed. */
static int
checkpoint(struct ledger *l, bool mend, struct err *e)
{
	struct err second;

	(void)pthread_mutex_lock(&l->checkpointing);
	int mended = mend && is_wrong(l) ? ledger_recover_running(l, e) : 0;
	int rc = settle(l, mended == 0 ? e : &second);
	(void)pthread_mutex_unlock(&l->checkpointing);
	return mended != 0 ? mended : rc;
}

int
ledger_checkpoint(struct ledger *l, struct err *e)
{
	return checkpoint(l, true, e);
}

/* ---- the thread -----------------------------------------------------------
 */

/* Wait for enough bytes, or for the time to be up; false: stop. */
static bool
wait_for_work(struct ledger *l, bool failed)
{
	int64_t until = clock_mono_ms() + l->o.checkpoint_ms;
	bool late = false;

	(void)pthread_mutex_lock(&l->lock);
	while (!l->stop && !late &&
	       (failed || l->fresh < l->o.checkpoint_bytes)) {
		late = cond_wait_until(&l->wake, &l->lock, until) != 0;
		if (late && l->fresh == 0) { /* no news */
			late = false;
			until = clock_mono_ms() + l->o.checkpoint_ms;
		}
	}
	bool go = !l->stop;
	(void)pthread_mutex_unlock(&l->lock);
	return go;
}

static void
checkpoints(void *arg)
{
	struct ledger *l = arg;
	int64_t mend_at = 0, wait_ms = 0;
	struct log_repeat said = { 0 };
	bool failed = false;
	struct err e;

	while (wait_for_work(l, failed)) {
		bool mend = clock_mono_ms() >= mend_at;
		failed = checkpoint(l, mend, &e) != 0;
		if (!failed && !is_wrong(l))
			log_repeat_end(&said);
		if (failed && log_repeat_is_due(&said, clock_mono_ms()))
			log_failure(LOG_ERROR, "checkpoint-failed", NULL, NULL,
				    &e);
		if (!is_wrong(l)) {
			mend_at = wait_ms = 0;
		} else if (mend) {
			wait_ms =
			    wait_ms == 0 ? l->o.checkpoint_ms : wait_ms * 2;
			if (wait_ms > MEND_WAIT_MAX_MS)
				wait_ms = MEND_WAIT_MAX_MS;
			mend_at = clock_mono_ms() + wait_ms;
		}
	}
}

int
ledger_checkpoint_start(struct ledger *l, struct err *e)
{
	if (thread_start_joinable(&l->thread, checkpoints, l, e) != 0)
		return -1;
	l->has_thread = true;
	return 0;
}

void
ledger_checkpoint_stop(struct ledger *l)
{
	struct err e;

	if (!l->has_thread)
		return;
	(void)pthread_mutex_lock(&l->lock);
	l->stop = true;
	(void)pthread_cond_signal(&l->wake);
	(void)pthread_mutex_unlock(&l->lock);
	(void)pthread_join(l->thread, NULL);
	l->has_thread = false;
	if (ledger_checkpoint(l, &e) != 0)
		log_failure(LOG_ERROR, "checkpoint-failed", NULL, NULL, &e);
}
