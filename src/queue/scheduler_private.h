#ifndef PP_QUEUE_SCHEDULER_PRIVATE_H
#define PP_QUEUE_SCHEDULER_PRIVATE_H

#include "queue/scheduler.h"
#include "queue/scheduler_dest.h"

/* Shared by scheduler.c (when, and by whom) and scheduler_attempt.c (one try
 * and what is written about it). */

/*
 * One lock guards every field below it and every job that sits in a heap.  A
 * job that a worker has taken belongs to that worker, with the recipients it
 * names; the lock is not held while it is delivered or written about.
 *
 * Waking: whoever makes a job due earlier signals one waiter; a waiter that
 * takes a job signals the next.  So while any worker waits, one of them waits
 * for the earliest due time.
 */
struct scheduler {
	struct scheduler_options o;
	pthread_t *threads;
	int n_threads;

	pthread_mutex_t lock;
	pthread_cond_t work; /* something may be due */
	pthread_cond_t idle; /* a worker finished a job */
	bool stopping;
	int active;
	uint64_t seq;
	unsigned n_messages;
	struct spool_msg *messages;
	struct scheduler_dest *dests;
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
