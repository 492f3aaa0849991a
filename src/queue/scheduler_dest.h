#ifndef PP_QUEUE_SCHEDULER_DEST_H
#define PP_QUEUE_SCHEDULER_DEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/siphash.h"
#include "queue/scheduler.h"

/*
 * The plain data under the scheduler: jobs, lines, destinations, parties.  No
 * locks, no clock: the scheduler has both.
 *
 * There may be a hundred thousand destinations, and whatever is done here keeps
 * all others waiting.  So nothing walks through them, and nothing that grows is
 * copied: tables have all their places from the start, heaps are trees of the
 * things themselves (base/heap.h).
 *
 *   party        a login or sender, found by its hash; counts its workers
 *     line       its jobs at one destination: those that are due, in a row
 *     waiting    heaps of the lines with a due job, by turn
 *   destination  found by its key
 *     lines      those with a due job
 *     later      a heap of the jobs that are not due yet
 *
 * What is found by the names of strangers is found by a keyed hash: whoever
 * does not know the key cannot make a thousand names fall together.
 *
 * A destination stands by time, when a job of it will be due (or, dead and
 * without jobs, when it is to be forgotten).  What is due stands by turn, at
 * its party (scheduler_turn.c).  Line, party and destination go with their last
 * job.
 */
enum scheduler_where {
	SCHEDULER_AWAY,   /* under way, or in no place */
	SCHEDULER_LATER,  /* in the heap of its destination */
	SCHEDULER_DUE,    /* in its line */
	SCHEDULER_PARKED, /* beside its message, which is held */
};

struct scheduler_job {
	struct heap_node node;             /* LATER */
	struct scheduler_job *next, *prev; /* DUE */
	struct scheduler_job *other;       /* the next of the same message */
	struct scheduler_job **other_at;   /* what points here, of these */
	enum scheduler_where where;
	/* Somebody wants it tried now: when it fails, it counts no attempt and
	 * waits until the time that was planned before. */
	bool manual;
	bool doubtful; /* under way to a destination that has not answered */
	bool dead;     /* and failed when it was last tried */
	struct spool_msg *m;
	struct scheduler_line *line; /* NULL: it is PARKED */
	int64_t due_ms;              /* see scheduler_job_plan */
	int64_t retry_ms, warn_ms, expires_ms;
	int64_t release_ms; /* retry_ms is never before it (RFC 4865) */
	int64_t planned_ms; /* see `manual` */
	uint64_t seq;       /* ties: first come, first served */
	unsigned attempts;
	unsigned n;
	unsigned recipients[]; /* indices in m */
};

enum { SCHEDULER_LIMIT_FIRST = 4 };
#define SCHEDULER_NEVER INT64_MAX

/* What is known of a destination, the best first. */
enum scheduler_class {
	SCHEDULER_ANSWERED, /* somebody was there, the last time */
	SCHEDULER_NEW,      /* not tried yet */
	SCHEDULER_DEAD,     /* nobody was there, the last time */
	SCHEDULER_CLASSES
};

/* Jobs of one party at one destination. */
struct scheduler_line {
	struct scheduler_line *chain;       /* in its bucket */
	struct scheduler_line *next, *prev; /* of d, those with due jobs */
	struct scheduler_dest *d;
	struct scheduler_party *party;
	struct scheduler_job *first, *last; /* due */
	uint64_t turn;            /* who was served last, or is new, is last */
	struct heap_node by_turn; /* in `waiting` of its party */
	struct heap_node stuck;   /* in `stuck` of d, if its seat is STUCK */
	size_t jobs;              /* due or not, or under way */
};

/* Where a party without a worker stands, for one class. */
enum scheduler_place {
	SCHEDULER_NOWHERE, /* it has a worker, or nothing waits */
	SCHEDULER_RESTED,  /* in `rested` */
	SCHEDULER_STUCK,   /* each of its lines in `stuck` of its destination */
};

struct scheduler_seat {
	struct heap_node node; /* RESTED */
	struct scheduler_party *party;
	enum scheduler_class class;
	enum scheduler_place place;
};

struct scheduler_party {
	struct scheduler_party *chain;
	uint64_t id; /* a hash of its name */
	size_t lines;
	uint64_t turn;           /* as of a line; it lasts until it is served */
	int all, doubtful, dead; /* workers that it has */
	struct scheduler_party *next, *prev; /* of those that have one */
	/* Lines with due jobs, by the class of their destination. */
	struct heap waiting[SCHEDULER_CLASSES];
	struct scheduler_seat seat[SCHEDULER_CLASSES];
};

struct scheduler_dest {
	struct scheduler_dest *chain;
	uint64_t hash; /* of the key */
	char *key;
	size_t n_lines; /* all of them */
	struct heap later;
	struct scheduler_line *first, *last; /* with due jobs */
	size_t n_due;
	struct heap_node by_time; /* when `timed` */
	int64_t look_ms;
	uint64_t look_turn;         /* ties */
	struct heap stuck;          /* lines, by the turn of their party */
	struct heap_node by_stuck;  /* when `opened` */
	enum scheduler_class class; /* as its lines wait */
	bool timed;
	bool opened;       /* not full, and lines are stuck here */
	bool careful;      /* failed before: grows slowly */
	bool answered;     /* somebody was there, the last time */
	int active;        /* deliveries under way */
	int limit;         /* so many at once; 0: not yet known */
	int good;          /* successes since it last changed */
	uint64_t routes;   /* its failures are of these (struct scheduler) */
	unsigned failures; /* in a row; > 0: only one probe at a time */
	int64_t not_before_ms;
	char *why; /* the last failure; see scheduler_dest_why */
};

/* All of them. */
struct scheduler_dests {
	struct scheduler_buckets *b;
	struct siphash_key key;
	int per_destination;
	uint64_t turns; /* given out */
	struct heap by_time;
	/* Parties without a worker, by their turn; destinations where such a
	 * one is stuck and may go now, by the turn of the first; and all
	 * parties that have a worker. */
	struct heap rested[SCHEDULER_CLASSES];
	struct heap opened[SCHEDULER_CLASSES];
	struct scheduler_party *working;
};

int scheduler_dests_init(struct scheduler_dests *l, int per_destination,
			 struct err *e);
/* scheduler_dests_clear - no job is left. */
void scheduler_dests_clear(struct scheduler_dests *l);

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

/* scheduler_dest_find - NULL: nothing is known of it. */
struct scheduler_dest *scheduler_dest_find(const struct scheduler_dests *l,
					   const char *key);

/* scheduler_line_get - find or make it, with its destination and party; NULL:
 * out of memory.  It goes with its last job, and so do these, the dead ones
 * when their wait is over. */
struct scheduler_line *scheduler_line_get(struct scheduler_dests *l,
					  const char *key, uint64_t party,
					  int64_t now_ms);

/* scheduler_job_join, scheduler_job_leave - it is one of the line's, or no
 * more; in no place of it.  Join first, then put. */
void scheduler_job_join(struct scheduler_job *j, struct scheduler_line *x);
void scheduler_job_leave(struct scheduler_dests *l, struct scheduler_job *j,
			 int64_t now_ms);
/* scheduler_job_put - by its due time; scheduler_job_take - out of its place,
 * if it has one. */
void scheduler_job_put(struct scheduler_dests *l, struct scheduler_job *j,
		       int64_t now_ms);
void scheduler_job_take(struct scheduler_dests *l, struct scheduler_job *j,
			int64_t now_ms);

/* scheduler_dests_tick - what is due now goes into its line; some of it, and
 * fairly, if it is much.  Returns when to call again, or NEVER. */
int64_t scheduler_dests_tick(struct scheduler_dests *l, int64_t now_ms);

/* scheduler_dest_limit - how many deliveries at once, of at most max;
 * scheduler_dest_learn - one went well, or not: additive growth,
 * multiplicative decrease. */
int scheduler_dest_limit(const struct scheduler_dest *d, int max);
void scheduler_dest_learn(struct scheduler_dest *d, bool ok, int max);

/* scheduler_dest_why - its last failure, or "". */
const char *scheduler_dest_why(const struct scheduler_dest *d);
/* scheduler_dest_waiting - jobs that wait here. */
size_t scheduler_dest_waiting(const struct scheduler_dest *d);
/* scheduler_dest_each - every job that waits here, in no order; fn changes no
 * times. */
void scheduler_dest_each(struct scheduler_dest *d,
			 void (*fn)(void *ctx, struct scheduler_job *j),
			 void *ctx);

/* scheduler_dest_down - no connection at now_ms: all due jobs count an attempt
 * and wait until not_before_ms or until they expire.  `manual`: somebody wanted
 * that try, and it counts for nothing. */
void scheduler_dest_down(struct scheduler_dests *l, struct scheduler_dest *d,
			 int64_t now_ms, int64_t not_before_ms, bool manual,
			 const char *why);
/* scheduler_dest_up - it answered: whoever waited for it is due now.
 * scheduler_dest_forget - it is as if it had never failed. */
void scheduler_dest_up(struct scheduler_dests *l, struct scheduler_dest *d,
		       int64_t now_ms);
void scheduler_dest_forget(struct scheduler_dests *l, struct scheduler_dest *d);

/* ---- turns (scheduler_turn.c) -------------------------------------------
 * scheduler_turn_enter, scheduler_turn_leave - j is due, to the end of its
 * line; and out of it.  scheduler_turn_seat - limit, class or deliveries of d
 * have changed: its lines to the places that they have now.
 */
void scheduler_turn_init(struct scheduler_dests *l);
void scheduler_turn_init_dest(struct scheduler_dest *d);
/* scheduler_turn_init_party, scheduler_turn_init_line - new, the last. */
void scheduler_turn_init_party(struct scheduler_dests *l,
			       struct scheduler_party *p);
void scheduler_turn_init_line(struct scheduler_dests *l,
			      struct scheduler_line *x);
void scheduler_turn_enter(struct scheduler_dests *l, struct scheduler_job *j);
void scheduler_turn_leave(struct scheduler_dests *l, struct scheduler_job *j);
void scheduler_turn_seat(struct scheduler_dests *l, struct scheduler_dest *d);

/* Those there are, and what they do. */
struct scheduler_workers {
	int threads, active;
	int doubtful; /* of them: nobody has answered yet */
	int dead;     /* of these: nor the last time */
};
/* scheduler_turn_sure - somebody answers where a worker is with j;
 * scheduler_turn_rest - that worker has ended. */
void scheduler_turn_sure(struct scheduler_dests *l, struct scheduler_workers *w,
			 struct scheduler_job *j);
void scheduler_turn_rest(struct scheduler_dests *l, struct scheduler_workers *w,
			 struct scheduler_job *j);

/*
 * scheduler_turn_next - the line whose first job goes next, or NULL; *over: all
 * were looked at.  It stays where it is.
 */
struct scheduler_line *scheduler_turn_next(struct scheduler_dests *l,
					   const struct scheduler_workers *w,
					   bool *over);
/* scheduler_turn_take - that job, for a worker.  Its party's next turn is the
 * last, and the line's is the last of the party's. */
struct scheduler_job *scheduler_turn_take(struct scheduler_dests *l,
					  struct scheduler_workers *w,
					  struct scheduler_line *x);

/* scheduler_share_allows - may the party have one more worker for a destination
 * of the class (scheduler_share.c)?  scheduler_share_open - may anybody? */
bool scheduler_share_allows(const struct scheduler_workers *w,
			    const struct scheduler_party *p,
			    enum scheduler_class class);
bool scheduler_share_open(const struct scheduler_workers *w,
			  enum scheduler_class class);

#endif
