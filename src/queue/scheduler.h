#ifndef PP_QUEUE_SCHEDULER_H
#define PP_QUEUE_SCHEDULER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/thread.h"
#include "queue/spool.h"

/*
 * scheduler - who is delivered to, when, and by how many at once.
 *
 * A destination is a name the route function gives for a recipient's domain
 * (it may stand for many domains).  The recipients of a message that share a
 * destination are one job.  Jobs of a destination that are due go out in turns
 * of their parties (the login that handed them in, or the sender), so that none
 * keeps others waiting, and the destinations take turns too.  How many go to
 * one at once is found out: it grows with each success up to per_destination,
 * and is halved by each failure; at most `threads` overall, of which
 * destinations that have not answered yet have half, and those that did not the
 * last time a quarter.  A party has no more than are free: at most half of each
 * of these.
 *
 * A deferred job waits retry_min, then twice as long each time up to retry_max,
 * with a quarter of jitter.  When a destination itself fails (no connection),
 * all its jobs wait together by the same rule, then one goes ahead as a probe
 * and the others follow when it gets through.  A job older than `expiry` that
 * was tried at least once fails.  Failures, a delay over delay_warning (once a
 * recipient) and successes that no other server reports are told to the
 * reverse-path as far as its owner asked for it (queue/bounce.h).
 *
 * A message with a release time (RFC 4865) is not tried before it, whatever
 * happens to its destination; its age counts from then.
 *
 * It knows nothing of SMTP: `deliver` does the work.  Thread: any.
 */
struct scheduler;
struct scheduler_job;

enum {
	SCHEDULER_KEY_SIZE = 384,
	SCHEDULER_PEER_SIZE = 264,
	SCHEDULER_THREADS_MAX = 256
};

enum scheduler_outcome {
	SCHEDULER_UNTRIED, /* nothing happened (shutting down): keep as it was
			    */
	SCHEDULER_DELIVERED,
	SCHEDULER_DEFERRED,
	SCHEDULER_FAILED,
};

struct scheduler_verdict {
	unsigned recipient;             /* index in the message */
	enum scheduler_outcome outcome; /* UNTRIED when deliver is called */
	/* out: delivered to a peer that promises the reports that were asked
	 * for (RFC 3461 5.2.1); else a success is ours to report, as relayed */
	bool peer_reports;
	bool peer_said; /* out: the reply is the peer's, not our own words */
	char reply[SPOOL_REPLY_MAX + 1];
};

/* One call of deliver. */
struct scheduler_batch {
	const struct spool_msg *msg;
	struct scheduler_verdict *verdicts;
	unsigned n;
	/* out: the destination could not be talked to at all, and why; the
	 * verdicts left UNTRIED are then deferred.  in: why it could not
	 * before, or "". */
	bool destination_failed;
	char why[SPOOL_REPLY_MAX + 1];
	/* out: host:port that said what the peer said; "": the destination */
	char peer[SCHEDULER_PEER_SIZE];
	/* for scheduler_answered */
	struct scheduler *scheduler;
	struct scheduler_job *job;
};

/* Time, so that a test can run five days in a second. */
struct scheduler_clock {
	int64_t (*mono_ms)(void *ctx);
	int64_t (*wall_s)(void *ctx);
	/* wait - on *c with *m locked, until signalled or mono_ms() reaches
	 * until_ms (< 0: no limit). */
	void (*wait)(void *ctx, pthread_cond_t *c, pthread_mutex_t *m,
		     int64_t until_ms);
	void *ctx;
};
extern const struct scheduler_clock scheduler_real_clock;

struct scheduler_options {
	struct spool *spool;
	const char *hostname;   /* reporting MTA of bounces; lives on */
	const char *postmaster; /* gets those for the null path, or NULL */
	int threads, per_destination;
	int64_t retry_min_ms, retry_max_ms, expiry_ms;
	int64_t delay_warning_ms; /* 0: nobody is warned */
	int max_messages;         /* scheduler_has_room */
	struct scheduler_clock clock;
	/* route - destination key for mail from reverse_path to a domain;
	 * always gives one. */
	void (*route)(void *ctx, const char *reverse_path, const char *domain,
		      char key[SCHEDULER_KEY_SIZE]);
	/* deliver - try the batch now, fill in verdicts; runs on a worker. */
	void (*deliver)(void *ctx, const char *destination,
			struct scheduler_batch *b);
	void *ctx;
};

/* scheduler_answered - for deliver to call: somebody is there. */
void scheduler_answered(struct scheduler_batch *b);

int scheduler_new(struct scheduler **s, const struct scheduler_options *o,
		  struct err *e);

/* scheduler_start - start the workers. */
int scheduler_start(struct scheduler *s, struct err *e);

/*
 * scheduler_add - take over *m (from spool_commit or spool_scan): its waiting
 * recipients are due at once.  -1 (TEMP): *m is still the caller's; on disk it
 * is safe and is found at the next start.
 */
int scheduler_add(struct scheduler *s, struct spool_msg **m, struct err *e);

/* scheduler_has_room - may another message be accepted? */
bool scheduler_has_room(struct scheduler *s);

/* scheduler_count - messages in the queue. */
unsigned scheduler_count(struct scheduler *s);

/* scheduler_retry - routes changed, or someone wants it now: everything that
 * is not being delivered is routed anew and due at once. */
void scheduler_retry(struct scheduler *s);

/* scheduler_destination_up - someone has just talked to this destination: end
 * its wait, if it has one. */
void scheduler_destination_up(struct scheduler *s, const char *key);

/*
 * scheduler_stop - begin no more deliveries, give those under way grace_ms,
 * raise *kill (deliver watches it), wait for the workers to end.
 */
void scheduler_stop(struct scheduler *s, int64_t grace_ms, struct wake *kill);
void scheduler_free(struct scheduler **s); /* after stop, or never started */

#endif
