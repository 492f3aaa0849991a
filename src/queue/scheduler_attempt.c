#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/bounce.h"
#include "queue/scheduler_private.h"
#include "queue/spool_format.h"

static void
log_verdict(const struct scheduler_job *j, const struct scheduler_verdict *v,
	    int64_t age_s)
{
	static const char *const names[] = { "untried", "delivered", "deferred",
					     "failed" };
	struct log_line l;

	log_begin(&l, v->outcome == SCHEDULER_DELIVERED ? LOG_INFO : LOG_WARN,
		  "delivery");
	log_str(&l, "id", j->m->id);
	log_str(&l, "from", j->m->reverse_path);
	log_str(&l, "rcpt", j->m->recipients[v->recipient].address);
	log_str(&l, "result", names[v->outcome]);
	log_str(&l, "to", j->line->d->key);
	log_str(&l, "reply", v->reply);
	log_num(&l, "age", age_s);
	log_end(&l);
}

/* Too old: every recipient fails, in the words of the last try. */
static void
expire(const struct scheduler *s, const struct scheduler_job *j,
       struct scheduler_batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct scheduler_verdict *v = &b->verdicts[i];
		const char *last = j->m->recipients[v->recipient].reply;
		if (last == NULL)
			last = b->why;
		v->outcome = SCHEDULER_FAILED;
		(void)snprintf(v->reply, sizeof(v->reply),
			       "554 4.4.7 Not delivered within %lld hours; "
			       "last: %.*s",
			       (long long)(s->o.expiry_ms / 3600000),
			       SPOOL_REPLY_MAX - 80, last);
	}
}

static void
log_report(const struct spool_msg *m, const struct spool_msg *report,
	   const struct bounce_event *v, size_t n)
{
	struct log_line l;
	bool failed = false;

	for (size_t i = 0; i < n; i++)
		failed = failed || v[i].action == DSN_FAILED;
	log_begin(&l, LOG_INFO, "bounce");
	log_str(&l, "id", report->id);
	log_str(&l, "of", m->id);
	log_str(&l, "rcpt", report->recipients[0].address);
	log_str(&l, "action",
		failed                       ? "failed"
		: v[0].action == DSN_DELAYED ? "delayed"
					     : "relayed");
	log_end(&l);
}

/* Tell who is to know.  -1: a report is due, but could not be stored. */
static int
report(struct scheduler *s, const struct spool_msg *m,
       const struct bounce_event *v, size_t n)
{
	const struct bounce_options o = { .spool = s->o.spool,
					  .hostname = s->o.hostname,
					  .postmaster = s->o.postmaster };
	struct spool_msg *dsn = NULL;
	struct err e;

	int rc = bounce_make(&o, m, v, n, scheduler_wall_s(s), &dsn, &e);
	if (rc < 0)
		log_failure(LOG_ERROR, "bounce-not-stored", "id", m->id, &e);
	if (rc <= 0)
		return rc;
	log_report(m, dsn, v, n);
	if (scheduler_add(s, &dsn, &e) != 0) /* on disk: next start finds it */
		spool_msg_free(&dsn);
	return 0;
}

/* Whose words the replies are. */
static const char *
peer_of(const struct scheduler_job *j, const struct scheduler_batch *b)
{
	return b->peer[0] != '\0' ? b->peer : j->line->d->key;
}

/*
 * What was settled now: failures, and successes that nobody else reports.
 * -1: could not be stored; the failures then wait with the rest, while a
 * success cannot be taken back and its report is lost.
 */
static int
report_settled(struct scheduler *s, const struct scheduler_job *j,
	       const struct scheduler_batch *b)
{
	struct bounce_event *v = calloc(b->n, sizeof(*v));
	size_t n = 0;

	if (v == NULL) {
		log_event(LOG_ERROR, "queue-out-of-memory", "id", j->m->id);
		return -1;
	}
	for (unsigned i = 0; i < b->n; i++) {
		const struct scheduler_verdict *r = &b->verdicts[i];
		bool failed = r->outcome == SCHEDULER_FAILED;
		if (!failed &&
		    (r->outcome != SCHEDULER_DELIVERED || r->peer_reports))
			continue;
		v[n++] = (struct bounce_event){
			.recipient = r->recipient,
			.action = failed ? DSN_FAILED : DSN_RELAYED,
			.reply = r->reply,
			.peer = r->peer_said ? peer_of(j, b) : NULL,
		};
	}
	int rc = n == 0 ? 0 : report(s, j->m, v, n);
	free(v);
	return rc;
}

/* ---- warning ------------------------------------------------------------
 */

static bool
is_to_warn(const struct spool_msg *m, unsigned recipient)
{
	return !m->recipients[recipient].warned &&
	       bounce_is_wanted(m, recipient, DSN_DELAYED);
}

bool
scheduler_wants_warning(const struct scheduler_job *j)
{
	for (unsigned i = 0; i < j->n; i++) {
		if (is_to_warn(j->m, j->recipients[i]))
			return true;
	}
	return false;
}

/* The records say so too, or a restart would warn again. */
static void
note_warned(struct scheduler *s, struct scheduler_job *j,
	    const struct bounce_event *v, size_t n)
{
	struct spool_result *r = calloc(n, sizeof(*r));
	struct err e;

	for (size_t i = 0; i < n; i++) {
		struct spool_rcpt *to = &j->m->recipients[v[i].recipient];
		to->warned = true;
		if (r != NULL)
			r[i] = (struct spool_result){
				.recipient = v[i].recipient,
				.state = SPOOL_WAITING,
				.warned = true,
				.wall_s = to->attempt_s,
				.reply = v[i].reply,
			};
	}
	if (r == NULL || spool_results(s->o.spool, j->m, r, n, &e) != 0)
		log_event(LOG_ERROR, "queue-result-not-stored", "id", j->m->id);
	free(r);
}

/* It is late: tell so once (RFC 3461 4.1).  Only of those that still wait. */
static void
warn(struct scheduler *s, struct scheduler_job *j,
     const struct scheduler_batch *b)
{
	struct bounce_event *v = calloc(b->n, sizeof(*v));
	size_t n = 0;

	for (unsigned i = 0; v != NULL && i < b->n; i++) {
		const struct scheduler_verdict *r = &b->verdicts[i];
		const char *reply = j->m->recipients[r->recipient].reply;
		if ((r->outcome == SCHEDULER_UNTRIED ||
		     r->outcome == SCHEDULER_DEFERRED) &&
		    is_to_warn(j->m, r->recipient))
			v[n++] = (struct bounce_event){
				.recipient = r->recipient,
				.action = DSN_DELAYED,
				.reply = reply != NULL ? reply : b->why,
				.peer = r->peer_said ? peer_of(j, b) : NULL,
			};
	}
	if (v == NULL || (n > 0 && report(s, j->m, v, n) != 0)) {
		j->warn_ms = scheduler_now_ms(s) + s->o.retry_min_ms;
	} else {
		j->warn_ms = SCHEDULER_NEVER;
		if (n > 0)
			note_warned(s, j, v, n);
	}
	free(v);
}

static enum spool_state
state_of(enum scheduler_outcome o)
{
	switch (o) {
	case SCHEDULER_DELIVERED:
		return SPOOL_DELIVERED;
	case SCHEDULER_FAILED:
		return SPOOL_FAILED;
	case SCHEDULER_UNTRIED:
	case SCHEDULER_DEFERRED:
		return SPOOL_WAITING;
	}
	return SPOOL_WAITING;
}

/* Keep the results: records in the file, unless the file is about to go. */
void
scheduler_record(struct scheduler *s, struct scheduler_job *j,
		 struct scheduler_batch *b, bool last_job)
{
	struct spool_result *v = calloc(b->n, sizeof(*v));
	unsigned n = 0, waiting = 0;
	int64_t now = scheduler_wall_s(s);
	struct err e;

	for (unsigned i = 0; i < b->n; i++) {
		const struct scheduler_verdict *r = &b->verdicts[i];
		struct spool_rcpt *to = &j->m->recipients[r->recipient];
		enum spool_state state = state_of(r->outcome);
		waiting += state == SPOOL_WAITING;
		if (r->outcome == SCHEDULER_UNTRIED)
			continue;
		if (v != NULL)
			v[n++] = (struct spool_result){
				.recipient = r->recipient,
				.state = state,
				.wall_s = now,
				.reply = r->reply,
			};
		to->state = state;
		log_verdict(j, r, clock_age_s(now, j->m->arrival_s));
	}
	if (n > 0 && (waiting > 0 || !last_job) &&
	    spool_results(s->o.spool, j->m, v, n, &e) != 0)
		/* In memory it is known; after a crash it would be sent again.
		 */
		log_failure(LOG_ERROR, "queue-result-not-stored", "id",
			    j->m->id, &e);
	free(v);
}

static void
note_replies(struct scheduler *s, struct scheduler_job *j,
	     struct scheduler_batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct scheduler_verdict *v = &b->verdicts[i];
		if (v->outcome == SCHEDULER_UNTRIED && b->destination_failed) {
			v->outcome = SCHEDULER_DEFERRED;
			memcpy(v->reply, b->why, sizeof(v->reply));
		}
		if (v->outcome != SCHEDULER_UNTRIED)
			spool_msg_note(&j->m->recipients[v->recipient],
				       span_of(v->reply), scheduler_wall_s(s));
	}
}

static bool
was_tried(const struct scheduler_batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (b->verdicts[i].outcome != SCHEDULER_UNTRIED)
			return true;
	}
	return false;
}

bool
scheduler_is_expired(const struct scheduler *s, struct scheduler_job *j)
{
	int64_t now = scheduler_now_ms(s);

	if (j->attempts == 0 || now < j->expires_ms)
		return false;
	int64_t left = s->o.expiry_ms - scheduler_age_ms(s, j->m);
	if (left > 0)
		j->expires_ms = now + left;
	return left <= 0;
}

void
scheduler_attempt(struct scheduler *s, struct scheduler_job *j,
		  struct scheduler_batch *b)
{
	bool expired = scheduler_is_expired(s, j);
	int64_t now = scheduler_now_ms(s);
	bool only_warn = !expired && now < j->retry_ms && now >= j->warn_ms;

	if (only_warn) {
		warn(s, j, b);
		return;
	}
	if (expired)
		expire(s, j, b);
	else
		s->o.deliver(s->o.ctx, j->line->d->key, b);
	note_replies(s, j, b);
	if (report_settled(s, j, b) != 0) {
		for (unsigned i = 0; i < b->n; i++) {
			if (b->verdicts[i].outcome == SCHEDULER_FAILED)
				b->verdicts[i].outcome = SCHEDULER_DEFERRED;
		}
	}
	if (scheduler_now_ms(s) >= j->warn_ms && was_tried(b))
		warn(s, j, b);
}
