#ifndef PP_QUEUE_SCHEDULER_DEST_H
#define PP_QUEUE_SCHEDULER_DEST_H

#include <stdbool.h>
#include <stdint.h>

#include "queue/scheduler.h"

/*
 * The plain data under the scheduler: jobs, and destinations with a heap of
 * jobs each, first due on top.  Those that are due wait in a line for each
 * party (the login that handed them in, or the sender), served in turn: who
 * sends much does not keep others waiting.  No locks, no clock: the scheduler
 * has both.
 */
struct scheduler_job {
	struct scheduler_job *next; /* in a list, outside a heap */
	/* of the first of a line: the next line in its lane, its last job */
	struct scheduler_job *others, *tail;
	struct spool_msg *m;
	struct scheduler_dest *d;
	int64_t due_ms; /* the heap's order: see scheduler_job_plan */
	uint64_t party; /* whose it is: a hash */
	int64_t retry_ms, warn_ms, expires_ms;
	int64_t release_ms; /* retry_ms is never before it (RFC 4865) */
	/* Somebody wants it tried now: when it fails, it counts no attempt and
	 * waits until the time that was planned before. */
	bool manual;
	int64_t planned_ms;
	bool doubtful; /* under way to a destination that has not answered */
	bool dead;     /* and failed when it was last tried */
	uint64_t seq;  /* ties: first come, first served */
	unsigned attempts;
	unsigned n;
	unsigned recipients[]; /* indices in m */
};

enum { SCHEDULER_LANES = 64, SCHEDULER_LIMIT_FIRST = 4 };
#define SCHEDULER_NEVER INT64_MAX

struct scheduler_dest {
	struct scheduler_dest *next;
	uint32_t hash; /* of the key */
	char key[SCHEDULER_KEY_SIZE];
	struct scheduler_job **heap;
	size_t n, cap;
	struct scheduler_job **lanes; /* lines by party; NULL until needed */
	uint64_t used;                /* of them: a bit each */
	size_t n_ready;               /* in the lanes */
	unsigned lane;                /* the next in turn */
	int active;                   /* deliveries under way */
	int limit;                    /* so many at once; 0: not yet known */
	int good;                     /* successes since it last changed */
	bool careful;                 /* failed before: grows slowly */
	bool answered;                /* somebody was there, the last time */
	unsigned failures; /* in a row; > 0: only one probe at a time */
	int64_t not_before_ms;
	char why[SPOOL_REPLY_MAX + 1]; /* the last failure */
};

/* All of them: that was served last, or is new, is last. */
struct scheduler_dests {
	struct scheduler_dest *first, *last;
};

/*
 * scheduler_job_plan - when the job is next to be looked at: for its next
 * attempt, for the warning that it is late (NEVER: none is due), or when
 * it expires.  One that is expired already waits for its attempt.
 */
static inline void
scheduler_job_plan(struct scheduler_job *j, int64_t now_ms)
{
	j->due_ms = j->retry_ms < j->warn_ms ? j->retry_ms : j->warn_ms;
	if (j->expires_ms > now_ms && j->due_ms > j->expires_ms)
		j->due_ms = j->expires_ms;
}

/* scheduler_dest_get - find or make; NULL: out of memory. */
struct scheduler_dest *scheduler_dest_get(struct scheduler_dests *list,
					  const char *key);
/* scheduler_dest_sweep - free those without a job and a delivery; the dead when
 * their wait is over. */
void scheduler_dest_sweep(struct scheduler_dests *list, int64_t now_ms);
/* scheduler_dest_to_end - *at is served now: to the end of the list. */
struct scheduler_dest *scheduler_dest_to_end(struct scheduler_dests *list,
					     struct scheduler_dest **at);

/* scheduler_dest_reserve - room for one more job: a push after it and a pop
 * before it never fail. */
int scheduler_dest_reserve(struct scheduler_dest *d);
void scheduler_dest_push(struct scheduler_dest *d, struct scheduler_job *j);
struct scheduler_job *scheduler_dest_pop(struct scheduler_dest *d);
/*
 * scheduler_dest_ready - is there a job that is due and that `may` allows?
 * scheduler_dest_next - take it, the parties in turn; NULL when there is none.
 * scheduler_dest_later_ms - after a no: when to look again, for those that are
 * not due or, many being due, were not looked at (or NEVER).
 */
typedef bool scheduler_may_fn(void *ctx, const struct scheduler_job *j);
bool scheduler_dest_ready(struct scheduler_dest *d, int64_t now_ms,
			  scheduler_may_fn *may, void *ctx);
struct scheduler_job *scheduler_dest_next(struct scheduler_dest *d,
					  int64_t now_ms, scheduler_may_fn *may,
					  void *ctx);
int64_t scheduler_dest_later_ms(const struct scheduler_dest *d, int64_t now_ms);
/* scheduler_dest_due_ms - when there is one; SCHEDULER_NEVER: none waits.  An
 * old message has times from before the clock began, below 0. */
int64_t scheduler_dest_due_ms(const struct scheduler_dest *d);

/* scheduler_dest_limit - how many deliveries at once, of at most max;
 * scheduler_dest_learn - one went well, or not: additive growth,
 * multiplicative decrease. */
int scheduler_dest_limit(const struct scheduler_dest *d, int max);
void scheduler_dest_learn(struct scheduler_dest *d, bool ok, int max);

/* scheduler_dest_each - every job that waits here, in no order; after it a
 * reorder when fn changed due times. */
void scheduler_dest_each(struct scheduler_dest *d,
			 void (*fn)(void *ctx, struct scheduler_job *j),
			 void *ctx);
/* scheduler_dest_take_marked - out of the heap onto *list, every job whose
 * message has a mark. */
void scheduler_dest_take_marked(struct scheduler_dest *d,
				struct scheduler_job **list);
/* scheduler_dest_reorder - due times were changed in place. */
void scheduler_dest_reorder(struct scheduler_dest *d);

/* scheduler_dest_down - no connection at now_ms: all due jobs count an attempt
 * and wait until not_before_ms or until they expire.  `manual`: somebody wanted
 * that try, and it counts for nothing. */
void scheduler_dest_down(struct scheduler_dest *d, int64_t now_ms,
			 int64_t not_before_ms, bool manual, const char *why);
/* scheduler_dest_up - it answered: whoever waited for it is due now. */
void scheduler_dest_up(struct scheduler_dest *d, int64_t now_ms);

#endif
