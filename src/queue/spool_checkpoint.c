/*
 * Checkpoints.  A message that still waits when it is checkpoint_ms old, or
 * when memory runs short, gets its file: written to tmp/ with the results so
 * far, synced, renamed to msg/, the directory synced.  Only then it stops
 * counting for the journal, and what no message counts on is released.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "base/log.h"
#include "base/log_repeat.h"
#include "base/thread.h"
#include "queue/spool_private.h"

enum {
	BATCH = 256,
	SYNC_ONE_BY_ONE = 8, /* files; more are synced together */
	TICK_MS = 1000,
};

struct batch {
	struct spool_entry *v[BATCH];
	size_t written[BATCH]; /* bytes of results in the file */
	int fd[BATCH];         /* -1: its file could not be made */
	unsigned n;
};

/* Take the oldest that are to go; true when there were more than fit. */
static void
choose(struct spool *s, struct batch *b, int64_t before_ms,
       size_t memory_target)
{
	size_t memory = atomic_load(&s->memory);

	b->n = 0;
	(void)pthread_mutex_lock(&s->lock);
	for (struct spool_entry *x = s->first; x != NULL && b->n < BATCH;
	     x = x->next) {
		if (x->since_ms >= before_ms && memory <= memory_target)
			break;
		if (x->pending || x->done)
			continue;
		memory -= x->bytes.cap < memory ? x->bytes.cap : memory;
		x->refs++;
		x->spooling = true;
		b->v[b->n] = x;
		b->written[b->n] = 0;
		b->fd[b->n++] = -1;
	}
	(void)pthread_mutex_unlock(&s->lock);
}

static int
write_file(struct spool *s, struct batch *b, unsigned i, struct err *e)
{
	struct spool_entry *x = b->v[i];
	struct buf results;
	int rc = -1;

	buf_init(&results, SIZE_MAX / 2);
	(void)pthread_mutex_lock(&s->lock);
	int copied = buf_add_span(&results, buf_span(&x->results));
	(void)pthread_mutex_unlock(&s->lock);
	if (copied != 0) {
		(void)err_set(e, ERR_TEMP, errno, "results");
		goto out;
	}
	/* Left behind by a checkpoint that the disk refused. */
	(void)unlinkat(s->tmp_fd, x->id, 0);
	int fd = durable_create(s->tmp_fd, x->id, e);
	if (fd < 0)
		goto out;
	if (durable_write(fd, x->bytes.p, x->bytes.n, e) != 0 ||
	    durable_write(fd, results.p, results.n, e) != 0) {
		(void)close(fd);
		(void)unlinkat(s->tmp_fd, x->id, 0);
		goto out;
	}
	b->fd[i] = fd;
	b->written[i] = results.n;
	rc = 0;
out:
	buf_free(&results);
	return rc;
}

static void
forget_file(struct spool *s, struct batch *b, unsigned i, int dirfd)
{
	if (b->fd[i] < 0)
		return;
	(void)unlinkat(dirfd, b->v[i]->id, 0);
	(void)close(b->fd[i]);
	b->fd[i] = -1;
	(void)s;
}

/* Durable under their names in msg/, or given up. */
static int
place_files(struct spool *s, struct batch *b, struct err *e)
{
	int rc = 0;

	if (b->n > SYNC_ONE_BY_ONE && syncfs(s->tmp_fd) != 0)
		rc = err_set(e, ERR_TEMP, errno, "syncfs");
	for (unsigned i = 0; i < b->n; i++) {
		if (b->fd[i] < 0)
			continue;
		if (b->n <= SYNC_ONE_BY_ONE && durable_sync(b->fd[i], e) != 0)
			rc = -1;
		else if (rc == 0 && renameat(s->tmp_fd, b->v[i]->id, s->msg_fd,
					     b->v[i]->id) != 0)
			rc = err_set(e, ERR_TEMP, errno, "rename");
		else if (rc == 0)
			continue;
		forget_file(s, b, i, s->tmp_fd);
	}
	if (durable_sync(s->msg_fd, e) == 0)
		return rc;
	for (unsigned i = 0; i < b->n; i++)
		forget_file(s, b, i, s->msg_fd);
	return -1;
}

/* From now on the message is its file.  Lock held. */
static bool
hand_over(struct spool *s, struct batch *b, unsigned i)
{
	struct spool_entry *x = b->v[i];
	struct span late = span_skip(buf_span(&x->results), b->written[i]);
	struct err e;

	x->spooling = false;
	/* What came while the file was written; rare, so under the lock. */
	if (!x->done && late.n > 0 &&
	    spool_append_file(s, x->id, late, true, &e) != 0) {
		log_failure(LOG_ERROR, "queue-checkpoint", "id", x->id, &e);
		return false;
	}
	x->in_file = true;
	if (x->done)
		(void)unlinkat(s->msg_fd, x->id, 0);
	if (x->readers == 0) {
		atomic_fetch_sub(&s->memory, x->bytes.cap);
		buf_free(&x->bytes);
	}
	buf_free(&x->results);
	spool_journal_unlink(s, x);
	return true;
}

/* Its file did not come to be; it stays in memory and in the journal. */
static void
keep(struct spool *s, struct spool_entry *x)
{
	x->spooling = false;
	if (x->done)
		spool_journal_unlink(s, x);
}

static void
finish(struct spool *s, struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct spool_entry *x = b->v[i];
		(void)pthread_mutex_lock(&s->lock);
		if (b->fd[i] < 0) {
			keep(s, x);
		} else if (!hand_over(s, b, i)) {
			(void)unlinkat(s->msg_fd, x->id, 0);
			keep(s, x);
		}
		spool_journal_drop(x);
		(void)pthread_mutex_unlock(&s->lock);
		if (b->fd[i] >= 0)
			(void)close(b->fd[i]);
	}
}

/* What no message counts on any more. */
static void
release(struct spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	uint64_t seq =
	    s->first != NULL ? s->first->floor : journal_last(s->journal);
	bool news = seq > s->released;
	(void)pthread_mutex_unlock(&s->lock);
	if (!news)
		return;
	/* what came before was kept before its message was done or placed */
	struct err e;
	int rc = spool_flush_handed(s, &e);
	if (rc != 0)
		log_failure(LOG_ERROR, "queue-ids", NULL, NULL, &e);
	else
		rc = journal_release(s->journal, seq, &e);
	(void)pthread_mutex_lock(&s->lock);
	if (rc != 0)
		s->unsynced = true; /* again at a later round */
	else /* the release is a record itself: not worth another one */
		s->released = s->first != NULL ? seq : journal_last(s->journal);
	(void)pthread_mutex_unlock(&s->lock);
}

/*
 * Put messages that came before before_ms into files, more while over
 * memory_target bytes are held, release what the journal is not needed for any
 * more.  -1: some could not be written, they stay as they were.
 */
static int
spool_checkpoint(struct spool *s, int64_t before_ms, size_t memory_target,
		 struct err *e)
{
	struct batch *b = malloc(sizeof(*b));
	int rc = 0;

	if (b == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "checkpoint");
	do {
		choose(s, b, before_ms, memory_target);
		if (b->n == 0)
			break;
		for (unsigned i = 0; i < b->n && rc == 0; i++)
			rc = write_file(s, b, i, e);
		if (place_files(s, b, rc == 0 ? e : NULL) != 0)
			rc = -1;
		finish(s, b);
	} while (rc == 0 && b->n == BATCH);
	free(b);
	release(s);
	return rc;
}

/* ---- thread -------------------------------------------------------------
 */

static bool
is_wanted(const struct spool *s)
{
	return s->stopping || s->pressed || s->unsynced || s->first != NULL;
}

struct rounds {
	int64_t next_ms; /* when the next checkpoint is due */
	struct log_repeat records, checkpoint;
};

static void
log_repeated(struct log_repeat *said, const char *event, int rc,
	     const struct err *e)
{
	if (rc == 0)
		log_repeat_end(said);
	else if (log_repeat_is_due(said, clock_mono_ms()))
		log_failure(LOG_ERROR, event, NULL, NULL, e);
}

/* One round; the lock is held on entry and return. */
static void
round_of(struct spool *s, struct rounds *r)
{
	bool pressed = s->pressed, unsynced = s->unsynced;
	int64_t now = clock_mono_ms();
	struct err e;

	s->pressed = s->unsynced = false;
	(void)pthread_mutex_unlock(&s->lock);
	/* Bounds how much a crash makes the sender repeat. */
	if (unsynced)
		log_repeated(&r->records, "queue-records",
			     spool_journal_flush(s, &e), &e);
	bool full = journal_live_bytes(s->journal) > s->o.journal_bytes / 2;
	if (full || pressed || now >= r->next_ms) {
		int64_t before = full ? now : now - s->o.checkpoint_ms;
		int rc = spool_checkpoint(s, before, s->o.memory_max / 2, &e);
		log_repeated(&r->checkpoint, "queue-checkpoint", rc, &e);
		r->next_ms = now + (s->o.checkpoint_ms + 1) / 2;
	}
	(void)pthread_mutex_lock(&s->lock);
}

static void
run(void *arg)
{
	struct spool *s = arg;
	struct rounds rounds = { 0 };

	(void)pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		if (!is_wanted(s)) {
			(void)cond_wait_until(&s->wanted, &s->lock, -1);
			continue;
		}
		int64_t tick = clock_mono_ms() + TICK_MS;
		while (!s->stopping && !s->pressed &&
		       cond_wait_until(&s->wanted, &s->lock, tick) == 0)
			;
		round_of(s, &rounds);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

int
spool_checkpoint_start(struct spool *s, struct err *e)
{
	int rc = thread_start_joinable(&s->thread, run, s, e);

	(void)pthread_mutex_lock(&s->lock);
	s->has_thread = rc == 0;
	(void)pthread_mutex_unlock(&s->lock);
	return rc;
}

void
spool_checkpoint_stop(struct spool *s)
{
	struct err e;

	if (!s->has_thread)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	(void)pthread_cond_signal(&s->wanted);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_join(s->thread, NULL);
	s->has_thread = false;
	/* After a stop the queue can be read with cat, and is all there is. */
	if (spool_checkpoint(s, INT64_MAX, 0, &e) != 0)
		log_failure(LOG_ERROR, "queue-checkpoint", NULL, NULL, &e);
}
