#include "queue/scheduler_wait.h"

#include <stdio.h>

#include "queue/scheduler_private.h"

void
scheduler_wait_note(struct spool_msg *m, unsigned recipient,
		    enum scheduler_outcome outcome, const char *reply)
{
	struct scheduler_waiter *w = m->waiter;

	if (w == NULL || outcome == SCHEDULER_UNTRIED ||
	    w->v[recipient].outcome != SCHEDULER_UNTRIED)
		return;
	w->v[recipient].outcome = outcome;
	(void)snprintf(w->v[recipient].reply, sizeof(w->v[recipient].reply),
		       "%s", reply);
	if (--w->pending == 0)
		scheduler_wait_end(m);
}

void
scheduler_wait_job(void *ctx, struct scheduler_job *j)
{
	(void)ctx;
	for (unsigned i = 0; i < j->n && j->m->waiter != NULL; i++)
		scheduler_wait_note(j->m, j->recipients[i], SCHEDULER_DEFERRED,
				    scheduler_dest_why(j->line->d));
}

void
scheduler_wait_end(struct spool_msg *m)
{
	struct scheduler_waiter *w = m->waiter;

	if (w == NULL)
		return;
	w->m = NULL;
	m->waiter = NULL;
	(void)pthread_cond_signal(&w->changed);
}

int
scheduler_wait_add(struct scheduler *s, struct spool_msg **m, int64_t wait_ms,
		   struct scheduler_first *v, struct err *e)
{
	struct scheduler_waiter w = { .v = v };

	for (unsigned i = 0; i < (*m)->n_recipients; i++) {
		v[i].outcome = SCHEDULER_UNTRIED;
		v[i].reply[0] = '\0';
		w.pending += (*m)->recipients[i].state == SPOOL_WAITING;
	}
	cond_init_mono(&w.changed);
	w.m = *m;
	(*m)->waiter = &w;
	int64_t until_ms = scheduler_now_ms(s) + wait_ms;
	int rc = scheduler_add(s, m, e);
	if (rc != 0)
		(*m)->waiter = NULL;
	(void)pthread_mutex_lock(&s->lock);
	while (rc == 0 && w.m != NULL && !s->stopping &&
	       scheduler_now_ms(s) < until_ms)
		s->o.clock.wait(s->o.clock.ctx, &w.changed, &s->lock, until_ms);
	if (rc == 0 && w.m != NULL)
		scheduler_wait_end(w.m);
	(void)pthread_mutex_unlock(&s->lock);
	(void)pthread_cond_destroy(&w.changed);
	return rc;
}
