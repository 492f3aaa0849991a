/*
 * A message becomes jobs: one for each destination of its recipients.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "queue/scheduler_private.h"

static uint64_t
party_of(const struct scheduler *s, const struct spool_msg *m)
{
	const char *name = spool_msg_party(m);

	return siphash(&s->party_key, name, strlen(name));
}

/* What has failed by the routes of before need not by these. */
static void
use_routes(struct scheduler *s, struct scheduler_dest *d)
{
	uint64_t routes = atomic_load(&s->routes);

	if (d->routes != routes && d->failures > 0)
		scheduler_dest_forget(&s->dests, d);
	d->routes = routes;
}

static void
link_to_message(struct scheduler_job *j, struct spool_msg *m)
{
	j->m = m;
	j->other = m->first_job;
	j->other_at = &m->first_job;
	if (j->other != NULL)
		j->other->other_at = &j->other;
	m->first_job = j;
	m->jobs++;
}

/* When it is next to be looked at; its line and recipients are set. */
static void
set_times(struct scheduler_job *j, const struct scheduler_job_start *start)
{
	const struct scheduler_dest *d = j->line->d;
	bool waits = start->due_ms < d->not_before_ms;

	j->release_ms = start->release_ms;
	j->manual = start->manual;
	j->planned_ms = start->planned_ms;
	if (j->manual && waits && j->planned_ms < d->not_before_ms)
		j->planned_ms = d->not_before_ms;
	j->retry_ms =
	    waits && !start->manual ? d->not_before_ms : start->due_ms;
	if (j->retry_ms < j->release_ms)
		j->retry_ms = j->release_ms;
	j->warn_ms =
	    scheduler_wants_warning(j) ? start->warn_ms : SCHEDULER_NEVER;
	j->expires_ms = start->expires_ms;
	scheduler_job_plan(j, start->due_ms);
	j->attempts = start->attempts;
}

/* One job for recipients that share a destination: 0, or -1 out of memory. */
static int
make_job(struct scheduler *s, struct spool_msg *m, const char *key,
	 const unsigned *list, unsigned n,
	 const struct scheduler_job_start *start)
{
	struct scheduler_job *j =
	    calloc(1, sizeof(*j) + n * sizeof(j->recipients[0]));
	struct scheduler_line *x =
	    j == NULL ? NULL
		      : scheduler_line_get(&s->dests, key, party_of(s, m),
					   start->due_ms);

	if (x == NULL) {
		free(j);
		return -1;
	}
	memcpy(j->recipients, list, n * sizeof(list[0]));
	j->n = n;
	j->seq = s->seq++;
	link_to_message(j, m);
	scheduler_job_join(j, x);
	use_routes(s, x->d);
	set_times(j, start);
	if (x->d->failures > 0)
		scheduler_wait_job(NULL, j);
	scheduler_place(s, j);
	return 0;
}

/* ---- routes -------------------------------------------------------------
 */

struct routed {
	unsigned recipient;
	char key[SCHEDULER_KEY_SIZE];
};

static int
by_key(const void *a, const void *b)
{
	const struct routed *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order != 0 ? order : (x->recipient > y->recipient) * 2 - 1;
}

/* In an order in which those stand together that share a destination. */
static void
route_list(struct scheduler *s, const struct spool_msg *m, const unsigned *list,
	   unsigned n, struct routed *v)
{
	for (unsigned i = 0; i < n; i++) {
		v[i].recipient = list[i];
		s->o.route(s->o.ctx, m->reverse_path,
			   m->recipients[list[i]].domain, v[i].key);
	}
	if (n > 1)
		qsort(v, n, sizeof(*v), by_key);
}

/* Jobs of those that are routed; how many recipients found no place, which are
 * first in list then.  Lock held. */
static unsigned
place_routed(struct scheduler *s, struct spool_msg *m, const struct routed *v,
	     unsigned n, unsigned *list,
	     const struct scheduler_job_start *start)
{
	unsigned lost = 0;

	for (unsigned i = 0, same; i < n; i += same) {
		unsigned *these = list + lost;
		for (same = 0;
		     i + same < n && strcmp(v[i].key, v[i + same].key) == 0;
		     same++)
			these[same] = v[i + same].recipient;
		if (make_job(s, m, v[i].key, these, same, start) != 0)
			lost += same;
	}
	return lost;
}

unsigned
scheduler_make_jobs(struct scheduler *s, struct spool_msg *m, unsigned *list,
		    unsigned n, const struct scheduler_job_start *start)
{
	struct routed *v = reallocarray(NULL, n, sizeof(*v));

	if (v == NULL)
		return n;
	route_list(s, m, list, n, v);
	unsigned lost = place_routed(s, m, v, n, list, start);
	free(v);
	return lost;
}

/* ---- a new message ------------------------------------------------------
 * Where its recipients go is looked up without the lock: a message for a
 * thousand domains must not keep all others waiting.
 */

static unsigned
waiting_of(const struct spool_msg *m, unsigned *list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->n_recipients; i++) {
		if (m->recipients[i].state == SPOOL_WAITING)
			list[n++] = i;
	}
	return n;
}

int64_t
scheduler_age_ms(const struct scheduler *s, const struct spool_msg *m)
{
	/* What waits for its time is as old as the time since then. */
	int64_t born_s =
	    m->release_s > m->arrival_s ? m->release_s : m->arrival_s;
	int64_t age_ms = (scheduler_wall_s(s) - born_s) * 1000;

	return age_ms > 0 ? age_ms : 0;
}

/* When it is tried, and how old it is.  Lock held. */
static void
start_times(const struct scheduler *s, const struct spool_msg *m,
	    struct scheduler_job_start *start)
{
	int64_t wall_s = scheduler_wall_s(s);
	int64_t age_ms = scheduler_age_ms(s, m);
	int64_t from_ms = scheduler_now_ms(s);

	start->due_ms = from_ms;
	if (m->release_s > wall_s)
		start->release_ms = from_ms += (m->release_s - wall_s) * 1000;
	start->expires_ms = from_ms + s->o.expiry_ms - age_ms;
	start->warn_ms = s->o.delay_warning_ms == 0
			     ? SCHEDULER_NEVER
			     : from_ms + s->o.delay_warning_ms - age_ms;
}

int
scheduler_add(struct scheduler *s, struct spool_msg **m, struct err *e)
{
	unsigned max = (*m)->n_recipients, n, lost;
	struct routed *v = reallocarray(NULL, max, sizeof(*v));
	unsigned *list = calloc(max, sizeof(*list));
	struct scheduler_job_start start = { 0 };

	if (v == NULL || list == NULL) {
		free(v);
		free(list);
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	}
	for (;;) {
		uint64_t routes = atomic_load(&s->routes);
		n = waiting_of(*m, list);
		route_list(s, *m, list, n, v);
		(void)pthread_mutex_lock(&s->lock);
		if (routes == atomic_load(&s->routes))
			break;
		/* they have changed meanwhile */
		(void)pthread_mutex_unlock(&s->lock);
	}
	start_times(s, *m, &start);
	lost = place_routed(s, *m, v, n, list, &start);
	bool taken = (*m)->jobs > 0;
	if (taken)
		scheduler_link(s, *m);
	(void)pthread_mutex_unlock(&s->lock);
	/* without the lock: whoever wakes wants it at once */
	(void)pthread_cond_signal(&s->work);
	free(v);
	free(list);
	if (lost > 0)
		log_event(LOG_ERROR, "queue-out-of-memory", "id", (*m)->id);
	if (!taken && lost > 0)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (!taken) { /* stopped between the last result and the unlink */
		(void)spool_remove(s->o.spool, *m, NULL);
		spool_msg_free(m);
	}
	*m = NULL;
	return 0;
}
