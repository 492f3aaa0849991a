#include "queue/scheduler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "queue/scheduler_private.h"

enum { AT_ONCE = 4 }; /* messages routed anew under one lock */

/* ---- clock --------------------------------------------------------------
 */

static int64_t
real_mono_ms(void *ctx)
{
	(void)ctx;
	return clock_mono_ms();
}

static int64_t
real_wall_s(void *ctx)
{
	(void)ctx;
	return clock_wall_s();
}

static void
real_wait(void *ctx, pthread_cond_t *c, pthread_mutex_t *m, int64_t until_ms)
{
	(void)ctx;
	(void)cond_wait_until(c, m, until_ms);
}

const struct scheduler_clock scheduler_real_clock = { real_mono_ms, real_wall_s,
						      real_wait, NULL };

/* retry_min, doubled for each failure after the first, +- a quarter. */
static int64_t
delay_ms(const struct scheduler *s, unsigned failures)
{
	int64_t d = s->o.retry_min_ms;

	for (unsigned i = 1; i < failures && d < s->o.retry_max_ms; i++)
		d *= 2;
	if (d > s->o.retry_max_ms)
		d = s->o.retry_max_ms;
	return d - d / 4 + (int64_t)(rand_u64() % (uint64_t)(d / 2 + 1));
}

/* ---- life ---------------------------------------------------------------
 */

int
scheduler_new(struct scheduler **out, const struct scheduler_options *o,
	      struct err *e)
{
	if (o->threads < 1 || o->threads > SCHEDULER_THREADS_MAX ||
	    o->per_destination < 1 || o->retry_min_ms < 1)
		return err_set(e, ERR_BUG, 0, "scheduler options");
	struct scheduler *s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "scheduler");
	s->threads = calloc((size_t)o->threads, sizeof(*s->threads));
	if (s->threads == NULL) {
		free(s);
		return err_set(e, ERR_TEMP, ENOMEM, "scheduler");
	}
	s->o = *o;
	if (scheduler_dests_init(&s->dests, o->per_destination, e) != 0) {
		free(s->threads);
		free(s);
		return -1;
	}
	s->workers.threads = o->threads;
	s->watch_ms = SCHEDULER_NEVER;
	rand_bytes(&s->party_key, sizeof(s->party_key));
	(void)pthread_mutex_init(&s->admin, NULL);
	mutex_init_short(&s->lock);
	cond_init_mono(&s->work);
	cond_init_mono(&s->idle);
	*out = s;
	return 0;
}

void
scheduler_free(struct scheduler **out)
{
	struct scheduler *s = *out;

	if (s == NULL)
		return;
	while (s->messages != NULL) {
		struct spool_msg *m = s->messages;
		s->messages = m->next;
		while (m->first_job != NULL)
			scheduler_drop_job(s, m->first_job);
		spool_msg_free(&m);
	}
	scheduler_dests_clear(&s->dests);
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_cond_destroy(&s->idle);
	(void)pthread_mutex_destroy(&s->admin);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->threads);
	free(s);
	*out = NULL;
}

unsigned
scheduler_count(struct scheduler *s)
{
	return atomic_load(&s->n_messages);
}

bool
scheduler_has_room(struct scheduler *s)
{
	return scheduler_count(s) < (unsigned)s->o.max_messages;
}

/* ---- messages in and out (lock held) ------------------------------------
 */

void
scheduler_link(struct scheduler *s, struct spool_msg *m)
{
	m->prev = NULL;
	m->next = s->messages;
	if (m->next != NULL)
		m->next->prev = m;
	s->messages = m;
	s->n_messages++;
}

void
scheduler_list_after(struct spool_msg *before, struct spool_msg *m)
{
	m->prev = before;
	m->next = before->next;
	if (m->next != NULL)
		m->next->prev = m;
	before->next = m;
}

void
scheduler_unlist(struct scheduler *s, struct spool_msg *m)
{
	if (m->prev != NULL)
		m->prev->next = m->next;
	else
		s->messages = m->next;
	if (m->next != NULL)
		m->next->prev = m->prev;
}

void
scheduler_unlink(struct scheduler *s, struct spool_msg *m)
{
	scheduler_unlist(s, m);
	scheduler_wait_end(m);
	s->n_messages--;
}

bool
scheduler_is_bookmark(const struct spool_msg *m)
{
	return m->n_recipients == 0;
}

void
scheduler_place(struct scheduler *s, struct scheduler_job *j)
{
	int64_t now = scheduler_now_ms(s);

	if (!j->m->held) {
		scheduler_job_put(&s->dests, j, now);
		return;
	}
	scheduler_job_leave(&s->dests, j, now);
	j->where = SCHEDULER_PARKED;
}

void
scheduler_drop_job(struct scheduler *s, struct scheduler_job *j)
{
	int64_t now = scheduler_now_ms(s);

	scheduler_job_take(&s->dests, j, now);
	scheduler_job_leave(&s->dests, j, now);
	*j->other_at = j->other;
	if (j->other != NULL)
		j->other->other_at = j->other_at;
	j->m->jobs--;
	free(j);
}

/* ---- new routes, and who is seen alive ----------------------------------
 */

/* Every job of m that waits: routed anew, and due now. */
static void
reroute(struct scheduler *s, struct spool_msg *m)
{
	struct scheduler_job *next;

	for (struct scheduler_job *j = m->first_job; j != NULL; j = next) {
		next = j->other; /* new ones come before the first */
		if (j->where != SCHEDULER_LATER && j->where != SCHEDULER_DUE)
			continue;
		int64_t now = scheduler_now_ms(s);
		struct scheduler_job_start start = {
			.due_ms = now,
			.warn_ms = j->warn_ms,
			.expires_ms = j->expires_ms,
			.release_ms = j->release_ms,
			.attempts = j->attempts,
			.manual = true,
			.planned_ms = j->retry_ms,
		};
		scheduler_job_take(&s->dests, j, now);
		j->n = scheduler_make_jobs(s, m, j->recipients, j->n, &start);
		if (j->n > 0) /* out of memory: they wait where they did */
			scheduler_place(s, j);
		else
			scheduler_drop_job(s, j);
	}
}

/* The next few, behind the bookmark; false: that was the last. */
static bool
reroute_some(struct scheduler *s, struct spool_msg *bookmark, bool *placed)
{
	struct spool_msg *m = *placed ? bookmark->next : s->messages;
	struct spool_msg *last = NULL;

	for (int i = 0; m != NULL && i < AT_ONCE; i++) {
		last = m;
		m = m->next;
		if (!scheduler_is_bookmark(last))
			reroute(s, last);
	}
	if (*placed)
		scheduler_unlist(s, bookmark);
	*placed = m != NULL;
	if (*placed)
		scheduler_list_after(last, bookmark);
	return *placed;
}

void
scheduler_retry(struct scheduler *s)
{
	struct spool_msg bookmark = { .n_recipients = 0 };
	bool placed = false, more = true;

	/* what comes from now on goes by the new routes */
	atomic_fetch_add(&s->routes, 1);
	while (more) {
		(void)pthread_mutex_lock(&s->lock);
		more = reroute_some(s, &bookmark, &placed);
		(void)pthread_cond_signal(&s->work);
		(void)pthread_mutex_unlock(&s->lock);
	}
	(void)pthread_mutex_lock(&s->lock);
	scheduler_wake_all(s);
	(void)pthread_mutex_unlock(&s->lock);
}

void
scheduler_destination_up(struct scheduler *s, const char *key)
{
	(void)pthread_mutex_lock(&s->lock);
	struct scheduler_dest *d = scheduler_dest_find(&s->dests, key);
	if (d != NULL && d->failures > 0) {
		scheduler_dest_up(&s->dests, d, scheduler_now_ms(s));
		(void)pthread_cond_broadcast(&s->work);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- after an attempt (lock held) ---------------------------------------
 */

/* Keep in j only the recipients that still wait. */
static bool
shrink(struct scheduler_job *j, const struct scheduler_batch *b, bool *tried)
{
	unsigned n = 0;

	*tried = false;
	for (unsigned i = 0; i < b->n; i++) {
		enum scheduler_outcome o = b->verdicts[i].outcome;
		*tried = *tried || o != SCHEDULER_UNTRIED;
		if (o == SCHEDULER_UNTRIED || o == SCHEDULER_DEFERRED)
			j->recipients[n++] = b->verdicts[i].recipient;
	}
	j->n = n;
	return n > 0;
}

static bool
is_done(const struct spool_msg *m)
{
	for (unsigned i = 0; i < m->n_recipients; i++) {
		if (m->recipients[i].state == SPOOL_WAITING)
			return false;
	}
	return true;
}

/* Was nobody served?  A peer that only puts off has enough to do. */
static bool
all_wait(const struct scheduler_batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (b->verdicts[i].outcome != SCHEDULER_DEFERRED)
			return false;
	}
	return true;
}

/* No connection: when the destination is tried again. */
static void
note_down(struct scheduler *s, struct scheduler_job *j,
	  const struct scheduler_batch *b, int64_t now)
{
	struct scheduler_dest *d = j->line->d;
	/* a try that somebody wanted makes no wait longer */
	bool keeps = j->manual && d->failures > 0;
	int64_t again = keeps && d->not_before_ms > now
			    ? d->not_before_ms
			    : now + delay_ms(s, d->failures + (keeps ? 0 : 1));

	scheduler_dest_down(&s->dests, d, now, again, j->manual, b->why);
	scheduler_dest_each(d, scheduler_wait_job, NULL);
}

/* When a job that was tried is tried again. */
static void
plan_retry(struct scheduler *s, struct scheduler_job *j,
	   const struct scheduler_batch *b, int64_t now)
{
	bool keeps = j->manual && j->attempts > 0;

	if (!keeps)
		j->attempts++;
	if (b->destination_failed)
		j->retry_ms = j->line->d->not_before_ms;
	else if (keeps && j->planned_ms > now)
		j->retry_ms = j->planned_ms;
	else
		j->retry_ms = now + delay_ms(s, j->attempts);
	j->manual = false;
}

/* Put the job back or drop it; returns the message when that was its last. */
static struct spool_msg *
settle(struct scheduler *s, struct scheduler_job *j,
       const struct scheduler_batch *b, bool expired)
{
	struct scheduler_dest *d = j->line->d;
	struct spool_msg *m = j->m;
	int64_t now = scheduler_now_ms(s);
	bool tried;

	for (unsigned i = 0; i < b->n; i++)
		scheduler_wait_note(m, b->verdicts[i].recipient,
				    b->verdicts[i].outcome,
				    b->verdicts[i].reply);
	bool waits = shrink(j, b, &tried);
	if (b->destination_failed)
		note_down(s, j, b, now);
	else if (tried && !expired)
		scheduler_dest_up(&s->dests, d, now);
	if (tried && !expired)
		scheduler_dest_learn(d, !b->destination_failed && !all_wait(b),
				     s->o.per_destination);
	scheduler_turn_seat(&s->dests, d);
	if (waits) {
		if (tried)
			plan_retry(s, j, b, now);
		scheduler_job_plan(j, now);
		scheduler_place(s, j);
		return NULL;
	}
	scheduler_drop_job(s, j);
	if (m->jobs > 0)
		return NULL;
	scheduler_unlink(s, m);
	return m;
}

void
scheduler_answered(struct scheduler_batch *b)
{
	struct scheduler *s = b->scheduler;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	bool news = b->job->doubtful;
	scheduler_turn_sure(&s->dests, &s->workers, b->job);
	(void)pthread_mutex_unlock(&s->lock);
	if (news)
		(void)pthread_cond_signal(&s->work);
}

/*
 * The next job that may go, or NULL.  *more: another one may go now; if not,
 * *until_ms: when to look again, or NEVER.  That is at once when there was too
 * much to look at under one lock.
 */
static struct scheduler_job *
pick(struct scheduler *s, int64_t *until_ms, bool *more)
{
	int64_t now = scheduler_now_ms(s);
	struct scheduler_job *j = NULL;
	bool over;

	*until_ms = scheduler_dests_tick(&s->dests, now);
	struct scheduler_line *x =
	    scheduler_turn_next(&s->dests, &s->workers, &over);
	if (x != NULL) {
		j = scheduler_turn_take(&s->dests, &s->workers, x);
		x = scheduler_turn_next(&s->dests, &s->workers, &over);
	}
	*more = x != NULL;
	if (!over)
		*until_ms = now;
	return j;
}

void
scheduler_finish(struct scheduler *s, struct spool_msg *m)
{
	if (is_done(m))
		(void)spool_remove(s->o.spool, m, NULL); /* said there */
	spool_msg_free(&m);
}

/* Its recipients are this worker's, or no more. */
static void
set_busy(const struct scheduler_job *j, bool busy)
{
	for (unsigned i = 0; i < j->n; i++)
		j->m->recipients[j->recipients[i]].busy = busy;
}

/* The job is this worker's: what it needs of the shared state.  Lock held. */
static void
begin_job(struct scheduler *s, struct scheduler_job *j,
	  struct scheduler_batch *b)
{
	*b = (struct scheduler_batch){
		.msg = j->m, .n = j->n, .scheduler = s, .job = j
	};
	set_busy(j, true);
	(void)snprintf(b->why, sizeof(b->why), "%s",
		       scheduler_dest_why(j->line->d));
}

/* Lock not held. */
static void
do_job(struct scheduler *s, struct scheduler_job *j, struct scheduler_batch *b,
       bool last_job)
{
	b->verdicts = calloc(j->n, sizeof(*b->verdicts));
	if (b->verdicts == NULL) {
		b->n = 0;
		log_event(LOG_ERROR, "queue-out-of-memory", "id", j->m->id);
		return;
	}
	for (unsigned i = 0; i < b->n; i++)
		b->verdicts[i].recipient = j->recipients[i];
	scheduler_attempt(s, j, b);
	scheduler_record(s, j, b, last_job);
}

/* Returns the message when that was its last job.  Lock held. */
static struct spool_msg *
end_job(struct scheduler *s, struct scheduler_job *j,
	const struct scheduler_batch *b, bool expired)
{
	struct spool_msg *done = NULL;

	set_busy(j, false);
	scheduler_turn_rest(&s->dests, &s->workers, j);
	if (b->n > 0) {
		done = settle(s, j, b, expired);
	} else {
		j->due_ms = j->retry_ms =
		    scheduler_now_ms(s) + s->o.retry_min_ms;
		scheduler_place(s, j);
	}
	if (s->stopping)
		(void)pthread_cond_broadcast(&s->idle);
	return done;
}

/* One job from pick to settle; the lock is held on entry and return.  `done`
 * is the message of the one before, which had to wait until now. */
static struct spool_msg *
work_on(struct scheduler *s, struct scheduler_job *j, bool wake,
	struct spool_msg *done)
{
	struct scheduler_batch b;

	bool last_job = j->m->jobs == 1;
	begin_job(s, j, &b);
	(void)pthread_mutex_unlock(&s->lock);
	if (wake)
		(void)pthread_cond_signal(&s->work);
	if (done != NULL)
		scheduler_finish(s, done);
	bool expired = scheduler_is_expired(s, j);
	do_job(s, j, &b, last_job);
	(void)pthread_mutex_lock(&s->lock);
	done = end_job(s, j, &b, expired);
	free(b.verdicts);
	return done;
}

/* Does a waiting worker look again by then? */
static bool
is_watched(const struct scheduler *s, int64_t until_ms)
{
	return s->watch_ms <= until_ms;
}

/* Wait for work; the one that waits for the earliest due time is the watch. */
static void
watch(struct scheduler *s, int64_t until_ms)
{
	bool mine = !is_watched(s, until_ms);
	uint64_t watch = s->watches;

	if (mine) {
		s->watch_ms = until_ms;
		watch = ++s->watches;
	}
	s->o.clock.wait(s->o.clock.ctx, &s->work, &s->lock,
			until_ms == SCHEDULER_NEVER ? -1 : until_ms);
	if (mine && s->watches == watch)
		s->watch_ms = SCHEDULER_NEVER;
}

/*
 * The lock is taken once for the end of a job and the choice of the next.  A
 * message that is done is put away after that choice, without the lock.
 */
static void
worker(void *arg)
{
	struct scheduler *s = arg;
	struct spool_msg *done = NULL;
	int64_t until_ms;
	bool more;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->stopping || done != NULL) {
		struct scheduler_job *j =
		    s->stopping ? NULL : pick(s, &until_ms, &more);
		if (j != NULL) {
			bool wake = more || !is_watched(s, until_ms);
			done = work_on(s, j, wake, done);
		} else if (done != NULL) {
			(void)pthread_mutex_unlock(&s->lock);
			scheduler_finish(s, done);
			done = NULL;
			(void)pthread_mutex_lock(&s->lock);
		} else {
			watch(s, until_ms);
		}
	}
	(void)pthread_mutex_unlock(&s->lock);
}

int
scheduler_start(struct scheduler *s, struct err *e)
{
	for (; s->n_threads < s->o.threads; s->n_threads++) {
		if (thread_start_joinable(&s->threads[s->n_threads], worker, s,
					  e) != 0)
			break;
	}
	/* Shares are of those that there are. */
	(void)pthread_mutex_lock(&s->lock);
	if (s->n_threads > 0)
		s->workers.threads = s->n_threads;
	(void)pthread_mutex_unlock(&s->lock);
	return s->n_threads > 0 ? 0 : -1;
}

void
scheduler_stop(struct scheduler *s, int64_t grace_ms, struct wake *kill)
{
	int64_t until_ms = clock_mono_ms() + grace_ms;

	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	(void)pthread_cond_broadcast(&s->work);
	for (struct spool_msg *m = s->messages; m != NULL; m = m->next)
		scheduler_wait_end(m);
	while (s->workers.active > 0 &&
	       cond_wait_until(&s->idle, &s->lock, until_ms) == 0)
		;
	(void)pthread_mutex_unlock(&s->lock);
	if (kill != NULL)
		wake_raise(kill);
	for (int i = 0; i < s->n_threads; i++)
		(void)pthread_join(s->threads[i], NULL);
	s->n_threads = 0;
}
