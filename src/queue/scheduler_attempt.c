#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	log_str(&l, "to", j->d->key);
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
			last = j->d->why;
		v->outcome = SCHEDULER_FAILED;
		(void)snprintf(v->reply, sizeof(v->reply),
			       "554 4.4.7 Not delivered within %lld hours; "
			       "last: %.*s",
			       (long long)(s->o.expiry_ms / 3600000),
			       SPOOL_REPLY_MAX - 80, last);
	}
}

/* Tell the sender.  -1: could not be stored; the failures wait with the rest.
 */
static int
bounce_failed(struct scheduler *s, struct scheduler_job *j,
	      struct scheduler_batch *b)
{
	unsigned *failed = calloc(b->n, sizeof(*failed)), n = 0;
	struct spool_msg *dsn = NULL;
	struct err e;

	for (unsigned i = 0; failed != NULL && i < b->n; i++) {
		if (b->verdicts[i].outcome == SCHEDULER_FAILED)
			failed[n++] = b->verdicts[i].recipient;
	}
	int rc =
	    failed == NULL
		? err_set(&e, ERR_TEMP, ENOMEM, "bounce")
		: (n == 0 ? 0
			  : bounce_make(s->o.spool, s->o.hostname, j->m, failed,
					n, scheduler_wall_s(s), &dsn, &e));
	free(failed);
	if (rc < 0) {
		log_failure(LOG_ERROR, "bounce-not-stored", "id", j->m->id, &e);
		return -1;
	}
	if (rc == 0)
		return 0;
	struct log_line l;
	log_begin(&l, LOG_INFO, "bounce");
	log_str(&l, "id", dsn->id);
	log_str(&l, "of", j->m->id);
	log_str(&l, "rcpt", j->m->reverse_path);
	log_end(&l);
	if (scheduler_add(s, &dsn, &e) != 0) /* on disk: next start finds it */
		spool_msg_free(&dsn);
	return 0;
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
		log_verdict(j, r, now - j->m->arrival_s);
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

void
scheduler_attempt(struct scheduler *s, struct scheduler_job *j,
		  struct scheduler_batch *b)
{
	if (j->attempts > 0 && scheduler_now_ms(s) >= j->expires_ms)
		expire(s, j, b);
	else
		s->o.deliver(s->o.ctx, j->d->key, b);
	note_replies(s, j, b);
	if (bounce_failed(s, j, b) != 0) {
		for (unsigned i = 0; i < b->n; i++) {
			if (b->verdicts[i].outcome == SCHEDULER_FAILED)
				b->verdicts[i].outcome = SCHEDULER_DEFERRED;
		}
	}
}
