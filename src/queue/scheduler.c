#include "queue/scheduler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "queue/scheduler_private.h"

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
	for (struct scheduler_dest *d = s->dests.first; d != NULL;
	     d = d->next) {
		struct scheduler_job *j;
		while ((j = scheduler_dest_pop(d)) != NULL)
			free(j);
		d->failures = 0;
	}
	scheduler_dest_sweep(&s->dests, INT64_MAX);
	while (s->messages != NULL) {
		struct spool_msg *m = s->messages;
		s->messages = m->next;
		while (m->parked != NULL) {
			struct scheduler_job *j = m->parked;
			m->parked = j->next;
			free(j);
		}
		spool_msg_free(&m);
	}
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

void
scheduler_place(struct scheduler_dest *d, struct scheduler_job *j)
{
	if (!j->m->held) {
		scheduler_dest_push(d, j);
		return;
	}
	j->next = j->m->parked;
	j->m->parked = j;
}

/* Take every job out of every heap; they form a list through `out`. */
static size_t
take_all(struct scheduler *s, struct scheduler_job **out, size_t max)
{
	size_t n = 0;

	for (struct scheduler_dest *d = s->dests.first; d != NULL;
	     d = d->next) {
		d->failures = 0;
		d->not_before_ms = 0;
		while (n < max && d->n + d->n_ready > 0)
			out[n++] = scheduler_dest_pop(d);
	}
	return n;
}

void
scheduler_retry(struct scheduler *s)
{
	(void)pthread_mutex_lock(&s->lock);
	atomic_fetch_add(&s->routes, 1);
	size_t max = 0;
	for (struct scheduler_dest *d = s->dests.first; d != NULL; d = d->next)
		max += d->n + d->n_ready;
	struct scheduler_job **all = calloc(max + 1, sizeof(*all));
	size_t n = all == NULL ? 0 : take_all(s, all, max);
	int64_t now = scheduler_now_ms(s);
	for (size_t i = 0; i < n; i++) {
		struct scheduler_job *j = all[i];
		struct scheduler_job_start start = {
			.due_ms = now,
			.warn_ms = j->warn_ms,
			.expires_ms = j->expires_ms,
			.release_ms = j->release_ms,
			.attempts = j->attempts,
			.manual = true,
			.planned_ms = j->retry_ms,
		};
		unsigned lost =
		    scheduler_make_jobs(s, j->m, j->recipients, j->n, &start);
		j->n = lost;
		if (lost > 0 && scheduler_dest_reserve(j->d) == 0) {
			scheduler_place(j->d, j);
		} else {
			/* lost > 0: on disk, found again at the next start */
			struct spool_msg *m = j->m;
			free(j);
			if (--m->jobs == 0) {
				scheduler_unlink(s, m);
				spool_msg_free(&m);
			}
		}
	}
	scheduler_dest_sweep(&s->dests, now);
	(void)pthread_cond_broadcast(&s->work);
	(void)pthread_mutex_unlock(&s->lock);
	free(all);
}

void
scheduler_destination_up(struct scheduler *s, const char *key)
{
	(void)pthread_mutex_lock(&s->lock);
	for (struct scheduler_dest *d = s->dests.first; d != NULL;
	     d = d->next) {
		if (d->failures > 0 && strcmp(d->key, key) == 0) {
			scheduler_dest_up(d, scheduler_now_ms(s));
			(void)pthread_cond_broadcast(&s->work);
		}
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
	struct scheduler_dest *d = j->d;
	/* a try that somebody wanted makes no wait longer */
	bool keeps = j->manual && d->failures > 0;
	int64_t again = keeps && d->not_before_ms > now
			    ? d->not_before_ms
			    : now + delay_ms(s, d->failures + (keeps ? 0 : 1));

	scheduler_dest_down(d, now, again, j->manual, b->why);
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
		j->retry_ms = j->d->not_before_ms;
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
	struct scheduler_dest *d = j->d;
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
		scheduler_dest_up(d, now);
	if (tried && !expired)
		scheduler_dest_learn(d, !b->destination_failed && !all_wait(b),
				     s->o.per_destination);
	d->active--;
	if (waits) {
		if (tried)
			plan_retry(s, j, b, now);
		scheduler_job_plan(j, now);
		scheduler_place(d, j);
		return NULL;
	}
	free(j);
	if (d->n + d->n_ready == 0 && d->active == 0)
		scheduler_dest_sweep(&s->dests, now);
	if (--m->jobs > 0)
		return NULL;
	scheduler_unlink(s, m);
	return m;
}

/*
 * Servers that take a connection and say nothing hold a worker each until the
 * time for it is over.  What has not answered may have half of them, so that
 * the others get their mail; and what is known not to answer half of those, so
 * that new ones get a try.
 */
static bool
is_held_back(const struct scheduler *s, const struct scheduler_dest *d)
{
	return !d->answered &&
	       (s->doubtful >= scheduler_share_doubtful(s) ||
		(d->failures > 0 && s->dead >= scheduler_share_dead(s)));
}

/* It answered, or the try is over.  Lock held. */
static void
end_doubt(struct scheduler *s, struct scheduler_job *j)
{
	s->doubtful -= j->doubtful ? 1 : 0;
	s->dead -= j->dead ? 1 : 0;
	j->doubtful = j->dead = false;
}

void
scheduler_answered(struct scheduler_batch *b)
{
	struct scheduler *s = b->scheduler;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	bool news = b->job->doubtful;
	b->job->d->answered = true;
	end_doubt(s, b->job);
	(void)pthread_mutex_unlock(&s->lock);
	if (news)
		(void)pthread_cond_signal(&s->work);
}

static bool
may_start(const struct scheduler *s, const struct scheduler_dest *d)
{
	return d->active < scheduler_dest_limit(d, s->o.per_destination) &&
	       !is_held_back(s, d);
}

/*
 * The place of the destination that is next in turn, of those with a job that
 * may go; NULL: there is none, and *until_ms is when to look again (or NEVER):
 * at once, when there are jobs that were not looked at.
 */
static struct scheduler_dest **
find_dest(struct scheduler *s, int64_t now, int64_t *until_ms)
{
	struct scheduler_share share = { .s = s };

	*until_ms = SCHEDULER_NEVER;
	if (s->active == s->o.threads)
		return NULL; /* nor is there anybody to look */
	for (struct scheduler_dest **at = &s->dests.first; *at != NULL;
	     at = &(*at)->next) {
		int64_t due = scheduler_dest_due_ms(*at);
		if (due == SCHEDULER_NEVER || !may_start(s, *at))
			continue;
		if (due <= now) {
			if (scheduler_dest_ready(
				*at, now, scheduler_share_allows, &share))
				return at;
			due = scheduler_dest_later_ms(*at, now);
		}
		if (due < *until_ms)
			*until_ms = due;
	}
	return NULL;
}

/*
 * The next job that may go, or NULL.  *more: another one may go now; if not,
 * *until_ms: when to look again.
 */
static struct scheduler_job *
pick(struct scheduler *s, int64_t *until_ms, bool *more)
{
	struct scheduler_share share = { .s = s };
	int64_t now = scheduler_now_ms(s);
	struct scheduler_dest **at = find_dest(s, now, until_ms);

	*more = false;
	if (at == NULL)
		return NULL;
	struct scheduler_dest *d = scheduler_dest_to_end(&s->dests, at);
	struct scheduler_job *j =
	    scheduler_dest_next(d, now, scheduler_share_allows, &share);
	d->active++;
	j->doubtful = !d->answered;
	j->dead = d->failures > 0;
	s->doubtful += j->doubtful ? 1 : 0;
	s->dead += j->dead ? 1 : 0;
	s->running[s->active++] = j;
	*more = find_dest(s, now, until_ms) != NULL;
	return j;
}

void
scheduler_finish(struct scheduler *s, struct spool_msg *m)
{
	if (is_done(m) && spool_remove(s->o.spool, m, NULL) != 0)
		log_event(LOG_ERROR, "queue-file-stays", "id", m->id);
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
	memcpy(b->why, j->d->why, sizeof(b->why));
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

/* Lock held. */
static void
leave_running(struct scheduler *s, const struct scheduler_job *j)
{
	int i = 0;

	while (s->running[i] != j)
		i++;
	s->running[i] = s->running[--s->active];
}

/* Returns the message when that was its last job.  Lock held. */
static struct spool_msg *
end_job(struct scheduler *s, struct scheduler_job *j,
	const struct scheduler_batch *b, bool expired)
{
	struct spool_msg *done = NULL;

	set_busy(j, false);
	end_doubt(s, j);
	leave_running(s, j);
	if (b->n > 0) {
		done = settle(s, j, b, expired);
	} else {
		j->due_ms = j->retry_ms =
		    scheduler_now_ms(s) + s->o.retry_min_ms;
		j->d->active--;
		scheduler_place(j->d, j);
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
	bool expired = j->attempts > 0 && scheduler_now_ms(s) >= j->expires_ms;
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
		s->o.threads = s->n_threads;
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
	while (s->active > 0 &&
	       cond_wait_until(&s->idle, &s->lock, until_ms) == 0)
		;
	(void)pthread_mutex_unlock(&s->lock);
	if (kill != NULL)
		wake_raise(kill);
	for (int i = 0; i < s->n_threads; i++)
		(void)pthread_join(s->threads[i], NULL);
	s->n_threads = 0;
}
