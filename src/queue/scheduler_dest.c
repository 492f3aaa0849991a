#include "queue/scheduler_dest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
hash_of(const char *text, uint32_t salt)
{
	uint32_t h = 2166136261u ^ salt;

	for (const char *p = text; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h;
}

struct scheduler_dest *
scheduler_dest_get(struct scheduler_dest **list, const char *key)
{
	uint32_t hash = hash_of(key, 0);
	struct scheduler_dest *d;

	for (d = *list; d != NULL; d = d->next) {
		if (d->hash == hash && strcmp(d->key, key) == 0)
			return d;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	(void)snprintf(d->key, sizeof(d->key), "%s", key);
	d->hash = hash;
	d->next = *list;
	*list = d;
	return d;
}

void
scheduler_dest_sweep(struct scheduler_dest **list, int64_t now_ms)
{
	while (*list != NULL) {
		struct scheduler_dest *d = *list;
		if (d->n > 0 || d->n_ready > 0 || d->active > 0 ||
		    (d->failures > 0 && d->not_before_ms > now_ms)) {
			list = &d->next;
			continue;
		}
		*list = d->next;
		free(d->heap);
		free(d->lanes);
		free(d);
	}
}

static int
before(const struct scheduler_job *a, const struct scheduler_job *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void
sift_down(struct scheduler_dest *d, size_t i)
{
	for (;;) {
		size_t least = i, kid = 2 * i + 1;
		if (kid < d->n && before(d->heap[kid], d->heap[least]))
			least = kid;
		if (kid + 1 < d->n && before(d->heap[kid + 1], d->heap[least]))
			least = kid + 1;
		if (least == i)
			return;
		struct scheduler_job *j = d->heap[i];
		d->heap[i] = d->heap[least];
		d->heap[least] = j;
		i = least;
	}
}

int
scheduler_dest_reserve(struct scheduler_dest *d)
{
	/* Those being delivered come back: they need their places too. */
	size_t need = d->n + d->n_ready + (size_t)d->active + 1;

	if (need <= d->cap)
		return 0;
	size_t cap = need < 16 ? 16 : need * 2;
	struct scheduler_job **heap =
	    reallocarray(d->heap, cap, sizeof(struct scheduler_job *));
	if (heap == NULL)
		return -1;
	d->heap = heap;
	d->cap = cap;
	return 0;
}

void
scheduler_dest_push(struct scheduler_dest *d, struct scheduler_job *j)
{
	size_t i = d->n++;

	j->d = d;
	d->heap[i] = j;
	while (i > 0 && before(d->heap[i], d->heap[(i - 1) / 2])) {
		struct scheduler_job *up = d->heap[(i - 1) / 2];
		d->heap[(i - 1) / 2] = d->heap[i];
		d->heap[i] = up;
		i = (i - 1) / 2;
	}
}

/* ---- lanes --------------------------------------------------------------
 */

enum { WINDOW = 512 }; /* jobs that enter the lanes at one time */

static struct scheduler_lane *
lane_of(struct scheduler_dest *d, const struct scheduler_job *j)
{
	uint32_t h = hash_of(j->m->reverse_path, d->salt);

	return &d->lanes[(h ^ h >> 16) % SCHEDULER_LANES];
}

static void
enter_lane(struct scheduler_dest *d, struct scheduler_job *j)
{
	struct scheduler_lane *lane = lane_of(d, j);

	j->next = NULL;
	if (lane->last != NULL)
		lane->last->next = j;
	else
		lane->first = j;
	lane->last = j;
	d->n_ready++;
}

/* The first of the next lane that has one. */
static struct scheduler_job *
leave_lane(struct scheduler_dest *d)
{
	while (d->lanes[d->lane].first == NULL)
		d->lane = (d->lane + 1) % SCHEDULER_LANES;
	struct scheduler_lane *lane = &d->lanes[d->lane];
	struct scheduler_job *j = lane->first;
	lane->first = j->next;
	if (lane->first == NULL)
		lane->last = NULL;
	j->next = NULL;
	d->lane = (d->lane + 1) % SCHEDULER_LANES;
	if (--d->n_ready == 0)
		d->salt++;
	return j;
}

/* All back into the heap, for what looks at every job. */
static void
gather(struct scheduler_dest *d)
{
	while (d->n_ready > 0)
		scheduler_dest_push(d, leave_lane(d));
}

static struct scheduler_job *
pop_heap(struct scheduler_dest *d)
{
	struct scheduler_job *j = d->heap[0];

	d->heap[0] = d->heap[--d->n];
	sift_down(d, 0);
	return j;
}

static bool
is_due(const struct scheduler_dest *d, int64_t now_ms)
{
	return d->n > 0 && d->heap[0]->due_ms <= now_ms;
}

struct scheduler_job *
scheduler_dest_next(struct scheduler_dest *d, int64_t now_ms)
{
	if (d->n_ready == 0) {
		if (!is_due(d, now_ms))
			return NULL;
		struct scheduler_job *j = pop_heap(d);
		if (!is_due(d, now_ms))
			return j; /* alone */
		if (d->lanes == NULL)
			d->lanes = calloc(SCHEDULER_LANES, sizeof(*d->lanes));
		if (d->lanes == NULL)
			return j; /* first come, first served */
		enter_lane(d, j);
	}
	for (int i = 0; i < WINDOW && is_due(d, now_ms); i++)
		enter_lane(d, pop_heap(d));
	return leave_lane(d);
}

int64_t
scheduler_dest_due_ms(const struct scheduler_dest *d)
{
	if (d->n_ready > 0)
		return INT64_MIN; /* long since */
	return d->n > 0 ? d->heap[0]->due_ms : SCHEDULER_NEVER;
}

/* ---- how many at once ---------------------------------------------------
 */

int
scheduler_dest_limit(const struct scheduler_dest *d, int max)
{
	int limit = d->limit > 0 ? d->limit : SCHEDULER_LIMIT_FIRST;

	if (d->failures > 0)
		return 1; /* a probe */
	return limit < max ? limit : max;
}

void
scheduler_dest_learn(struct scheduler_dest *d, bool ok, int max)
{
	int limit = d->limit > 0 ? d->limit : SCHEDULER_LIMIT_FIRST;

	if (!ok) {
		d->limit = limit > 1 ? limit / 2 : 1;
		d->good = 0;
		d->careful = true;
		return;
	}
	if (limit < max && ++d->good >= (d->careful ? limit : 1)) {
		d->limit = limit + 1;
		d->good = 0;
	}
}

/* ---- all of them --------------------------------------------------------
 */

struct scheduler_job *
scheduler_dest_pop(struct scheduler_dest *d)
{
	gather(d);
	if (d->n == 0)
		return NULL;
	return pop_heap(d);
}

void
scheduler_dest_each(struct scheduler_dest *d,
		    void (*fn)(void *ctx, struct scheduler_job *j), void *ctx)
{
	gather(d);
	for (size_t i = 0; i < d->n; i++)
		fn(ctx, d->heap[i]);
}

void
scheduler_dest_take_marked(struct scheduler_dest *d,
			   struct scheduler_job **list)
{
	size_t kept = 0;

	gather(d);
	for (size_t i = 0; i < d->n; i++) {
		struct scheduler_job *j = d->heap[i];
		if (j->m->mark == 0) {
			d->heap[kept++] = j;
			continue;
		}
		j->next = *list;
		*list = j;
	}
	if (kept == d->n)
		return;
	d->n = kept;
	scheduler_dest_reorder(d);
}

void
scheduler_dest_reorder(struct scheduler_dest *d)
{
	for (size_t i = d->n / 2; i-- > 0;)
		sift_down(d, i);
}

void
scheduler_dest_down(struct scheduler_dest *d, int64_t now_ms,
		    int64_t not_before_ms, bool manual, const char *why)
{
	if (!manual || d->failures == 0)
		d->failures++;
	d->answered = false;
	d->not_before_ms = not_before_ms;
	gather(d);
	(void)snprintf(d->why, sizeof(d->why), "%s", why);
	for (size_t i = 0; i < d->n; i++) {
		struct scheduler_job *j = d->heap[i];
		if (j->retry_ms <= now_ms && j->manual)
			j->retry_ms = j->planned_ms;
		else if (j->retry_ms <= now_ms)
			j->attempts++;
		j->manual = false;
		if (j->retry_ms < not_before_ms)
			j->retry_ms = not_before_ms;
		/* A late or expired one is seen to on time all the same. */
		scheduler_job_plan(j, now_ms);
	}
	scheduler_dest_reorder(d);
}

void
scheduler_dest_up(struct scheduler_dest *d, int64_t now_ms)
{
	if (d->failures == 0)
		return;
	gather(d);
	for (size_t i = 0; i < d->n; i++) {
		struct scheduler_job *j = d->heap[i];
		if (j->retry_ms <= d->not_before_ms)
			j->retry_ms =
			    now_ms > j->release_ms ? now_ms : j->release_ms;
		scheduler_job_plan(j, now_ms);
	}
	d->failures = 0;
	d->not_before_ms = 0;
	scheduler_dest_reorder(d);
}
