#ifndef PP_QUEUE_SCHEDULER_PRIVATE_H
#define PP_QUEUE_SCHEDULER_PRIVATE_H

#include "base/siphash.h"
#include "queue/scheduler.h"
#include "queue/scheduler_dest.h"
#include "queue/scheduler_wait.h"

/* Shared by scheduler.c (when, and by whom) and scheduler_attempt.c (one try
 * and what is written about it). */

/*
 * One lock guards every field below it and every job that waits.  A job that a
 * worker has taken belongs to that worker, with the recipients it names; the
 * lock is not held while it is delivered or written about.
 *
 * Waking: whoever makes a job due earlier signals one waiter.  A worker that
 * takes a job signals the next when another may go now, or when no waiter looks
 * again by the earliest due time (the watch).  One that has finished a job
 * looks for the next itself.
 */
struct scheduler {
	struct scheduler_options o;
	pthread_t *threads;
	int n_threads;

	pthread_mutex_t admin; /* one administrator acts; before lock */
	pthread_mutex_t lock;
	pthread_cond_t work; /* something may be due */
	pthread_cond_t idle; /* a worker finished a job */
	bool stopping;
	struct scheduler_workers workers;
	atomic_uint_least64_t routes; /* changed so often */
	struct siphash_key party_key;
	uint64_t seq;
	int64_t watch_ms;       /* a waiter looks again then, or NEVER */
	uint64_t watches;       /* tells the watch from an older one */
	atomic_uint n_messages; /* written under the lock */
	/* all messages; one without recipients is only a bookmark of a walk
	 * (scheduler_admin.c) and is passed by */
	struct spool_msg *messages;
	struct scheduler_dests dests;
};

static inline int64_t
scheduler_now_ms(const struct scheduler *s)
{
	return s->o.clock.mono_ms(s->o.clock.ctx);
}

static inline int64_t
scheduler_wall_s(const struct scheduler *s)
{
	return s->o.clock.wall_s(s->o.clock.ctx);
}

/* Who waits for the first attempt at a message (scheduler_wait.c); the lock
 * guards it. */
struct scheduler_waiter {
	struct spool_msg *m; /* NULL: nothing more to come */
	struct scheduler_first *v;
	unsigned pending; /* recipients of which nothing is known */
	pthread_cond_t changed;
};

/* scheduler_wait_note - the first thing known of a recipient, if someone waits
 * for it; scheduler_wait_job - its destination is down, for all of a job;
 * scheduler_wait_end - no one needs to wait any longer.  Lock held. */
void scheduler_wait_note(struct spool_msg *m, unsigned recipient,
			 enum scheduler_outcome outcome, const char *reply);
void scheduler_wait_job(void *ctx, struct scheduler_job *j);
void scheduler_wait_end(struct spool_msg *m);

/* scheduler_wake_all - due times changed. */
static inline void
scheduler_wake_all(struct scheduler *s)
{
	(void)pthread_cond_broadcast(&s->work);
}

/* What a new job starts with. */
struct scheduler_job_start {
	int64_t due_ms, warn_ms, expires_ms;
	int64_t release_ms;
	unsigned attempts;
	bool manual;        /* see struct scheduler_job */
	int64_t planned_ms; /* when it is */
};

/*
 * scheduler_make_jobs - make jobs of the n recipients in `list`, one for each
 * destination.  Returns how many could not be placed (out of memory); those are
 * then in list[0..].  Lock held.
 */
unsigned scheduler_make_jobs(struct scheduler *s, struct spool_msg *m,
			     unsigned *list, unsigned n,
			     const struct scheduler_job_start *start);

/* scheduler_place - put the job where it waits: at its destination, or beside
 * its message when that is held.  scheduler_drop_job - it is done: out of
 * everything, freed.  Lock held. */
void scheduler_place(struct scheduler *s, struct scheduler_job *j);
void scheduler_drop_job(struct scheduler *s, struct scheduler_job *j);

/* scheduler_is_bookmark - no message, but the place of a walk. */
bool scheduler_is_bookmark(const struct spool_msg *m);

/* scheduler_link, scheduler_unlink - in and out of the list.  Lock held. */
void scheduler_link(struct scheduler *s, struct spool_msg *m);
void scheduler_unlink(struct scheduler *s, struct spool_msg *m);

/* scheduler_list_after, scheduler_unlist - the same for a bookmark, which is
 * not counted. */
void scheduler_list_after(struct spool_msg *before, struct spool_msg *m);
void scheduler_unlist(struct scheduler *s, struct spool_msg *m);

/* scheduler_finish - the last job of m is gone and it is in no list: its file
 * goes when all is done.  Lock not held. */
void scheduler_finish(struct scheduler *s, struct spool_msg *m);

/* scheduler_wants_warning - is one of its recipients to be told of a delay? */
bool scheduler_wants_warning(const struct scheduler_job *j);

/*
 * scheduler_age_ms - how long m has been due for delivery, by the wall clock.
 * scheduler_is_expired - has the job, which was tried, waited for too long?  By
 * both clocks: the wall clock may have been wrong when the age was computed, at
 * a start before the time of the network came.  When that one says no, the job
 * expires later.  By whoever has the job.
 */
int64_t scheduler_age_ms(const struct scheduler *s, const struct spool_msg *m);
bool scheduler_is_expired(const struct scheduler *s, struct scheduler_job *j);

/*
 * scheduler_attempt - try the job now, or give it up when it is too old;
 * notes replies, reports failures.  Lock not held.
 */
void scheduler_attempt(struct scheduler *s, struct scheduler_job *j,
		       struct scheduler_batch *b);

/* scheduler_record - keep the results: records in the file, unless the file is
 * about to go (last_job, and nobody waits).  Lock not held. */
void scheduler_record(struct scheduler *s, struct scheduler_job *j,
		      struct scheduler_batch *b, bool last_job);

#endif
