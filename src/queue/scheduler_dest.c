#include "queue/scheduler_dest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
hash_of(const char *text)
{
	uint32_t h = 2166136261u;

	for (const char *p = text; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return h;
}

static void
append(struct scheduler_dests *list, struct scheduler_dest *d)
{
	d->next = NULL;
	if (list->last != NULL)
		list->last->next = d;
	else
		list->first = d;
	list->last = d;
}

struct scheduler_dest *
scheduler_dest_get(struct scheduler_dests *list, const char *key)
{
	uint32_t hash = hash_of(key);
	struct scheduler_dest *d;

	for (d = list->first; d != NULL; d = d->next) {
		if (d->hash == hash && strcmp(d->key, key) == 0)
			return d;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	(void)snprintf(d->key, sizeof(d->key), "%s", key);
	d->hash = hash;
	append(list, d);
	return d;
}

void
scheduler_dest_sweep(struct scheduler_dests *list, int64_t now_ms)
{
	struct scheduler_dest *d = list->first;

	*list = (struct scheduler_dests){ 0 };
	while (d != NULL) {
		struct scheduler_dest *next = d->next;
		if (d->n > 0 || d->n_ready > 0 || d->active > 0 ||
		    (d->failures > 0 && d->not_before_ms > now_ms)) {
			append(list, d);
		} else {
			free(d->heap);
			free(d->lanes);
			free(d);
		}
		d = next;
	}
}

struct scheduler_dest *
scheduler_dest_to_end(struct scheduler_dests *list, struct scheduler_dest **at)
{
	struct scheduler_dest *d = *at;

	if (d != list->last) {
		*at = d->next;
		append(list, d);
	}
	return d;
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

static struct scheduler_job **
end_of(struct scheduler_job **lane)
{
	while (*lane != NULL)
		lane = &(*lane)->others;
	return lane;
}

/* At the end of its party's line. */
static void
enter_lane(struct scheduler_dest *d, struct scheduler_job *j)
{
	unsigned lane = j->party % SCHEDULER_LANES;
	struct scheduler_job **at = &d->lanes[lane];

	while (*at != NULL && (*at)->party != j->party)
		at = &(*at)->others;
	j->next = j->others = NULL;
	if (*at != NULL) {
		(*at)->tail->next = j;
		(*at)->tail = j;
	} else {
		j->tail = j;
		*at = j;
	}
	d->used |= UINT64_C(1) << lane;
	d->n_ready++;
}

/* The next line in turn whose first job is allowed (may NULL: any), or NULL. */
static struct scheduler_job **
find_line(struct scheduler_dest *d, scheduler_may_fn *may, void *ctx)
{
	for (unsigned i = 0; d->used != 0 && i < SCHEDULER_LANES; i++) {
		unsigned lane = (d->lane + i) % SCHEDULER_LANES;
		if ((d->used >> lane & 1) == 0)
			continue;
		for (struct scheduler_job **at = &d->lanes[lane]; *at != NULL;
		     at = &(*at)->others) {
			if (may == NULL || may(ctx, *at))
				return at;
		}
	}
	return NULL;
}

/* The first of a line; the others of its lane go before the rest of it. */
static struct scheduler_job *
leave_line(struct scheduler_dest *d, struct scheduler_job **at)
{
	struct scheduler_job *j = *at, *rest = j->next;
	unsigned lane = j->party % SCHEDULER_LANES;

	*at = j->others;
	if (rest != NULL) {
		rest->tail = j->tail;
		rest->others = NULL;
		*end_of(at) = rest;
	}
	if (d->lanes[lane] == NULL)
		d->used &= ~(UINT64_C(1) << lane);
	j->next = j->others = j->tail = NULL;
	d->n_ready--;
	d->lane = (lane + 1) % SCHEDULER_LANES;
	return j;
}

/* All back into the heap, for what looks at every job. */
static void
gather(struct scheduler_dest *d)
{
	while (d->n_ready > 0)
		scheduler_dest_push(d, leave_line(d, find_line(d, NULL, NULL)));
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

/* Out of the heap into the lanes; -1: no memory for these. */
static int
line_up(struct scheduler_dest *d, int64_t now_ms)
{
	if (d->lanes == NULL)
		d->lanes =
		    calloc(SCHEDULER_LANES, sizeof(struct scheduler_job *));
	if (d->lanes == NULL)
		return -1;
	for (int i = 0; i < WINDOW && is_due(d, now_ms); i++)
		enter_lane(d, pop_heap(d));
	return 0;
}

/* When the second in the heap is due. */
static int64_t
second_due_ms(const struct scheduler_dest *d)
{
	int64_t a = d->n > 1 ? d->heap[1]->due_ms : SCHEDULER_NEVER;
	int64_t b = d->n > 2 ? d->heap[2]->due_ms : SCHEDULER_NEVER;

	return a < b ? a : b;
}

/* Is one job due, and no other?  It needs no line. */
static bool
is_alone(const struct scheduler_dest *d, int64_t now_ms)
{
	return d->n_ready == 0 && is_due(d, now_ms) &&
	       second_due_ms(d) > now_ms;
}

bool
scheduler_dest_ready(struct scheduler_dest *d, int64_t now_ms,
		     scheduler_may_fn *may, void *ctx)
{
	if (is_alone(d, now_ms))
		return may(ctx, d->heap[0]);
	if (is_due(d, now_ms) && line_up(d, now_ms) != 0)
		return true; /* first come, first served */
	return find_line(d, may, ctx) != NULL;
}

struct scheduler_job *
scheduler_dest_next(struct scheduler_dest *d, int64_t now_ms,
		    scheduler_may_fn *may, void *ctx)
{
	if (!scheduler_dest_ready(d, now_ms, may, ctx))
		return NULL;
	struct scheduler_job **at = find_line(d, may, ctx);
	return at != NULL ? leave_line(d, at) : pop_heap(d);
}

int64_t
scheduler_dest_later_ms(const struct scheduler_dest *d, int64_t now_ms)
{
	if (is_alone(d, now_ms))
		return second_due_ms(d);
	int64_t due = d->n > 0 ? d->heap[0]->due_ms : SCHEDULER_NEVER;
	return due > now_ms ? due : now_ms;
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
