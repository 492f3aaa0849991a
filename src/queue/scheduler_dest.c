#include "queue/scheduler_dest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

enum {
	DESTS = 65536, /* buckets: a power of two */
	LINES = 65536,
	PARTIES = 8192,
	BATCH = 16, /* jobs that a tick lines up */
};

/* Memory that no name has fallen into is never touched. */
struct scheduler_buckets {
	struct scheduler_dest *dest[DESTS];
	struct scheduler_line *line[LINES];
	struct scheduler_party *party[PARTIES];
};

static struct scheduler_job *
job_of(const struct heap_node *x)
{
	return x == NULL ? NULL : HEAP_THING(x, struct scheduler_job, node);
}

static bool
job_before(const struct heap_node *x, const struct heap_node *y)
{
	const struct scheduler_job *a = job_of(x), *b = job_of(y);

	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static struct scheduler_dest *
dest_by_time(const struct heap_node *x)
{
	return HEAP_THING(x, struct scheduler_dest, by_time);
}

static bool
look_before(const struct heap_node *x, const struct heap_node *y)
{
	const struct scheduler_dest *a = dest_by_time(x), *b = dest_by_time(y);

	return a->look_ms != b->look_ms ? a->look_ms < b->look_ms
					: a->look_turn < b->look_turn;
}

int
scheduler_dests_init(struct scheduler_dests *l, int per_destination,
		     struct err *e)
{
	*l = (struct scheduler_dests){ .per_destination = per_destination,
				       .by_time = { .before = look_before } };
	l->b = calloc(1, sizeof(*l->b));
	if (l->b == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	rand_bytes(&l->key, sizeof(l->key));
	scheduler_turn_init(l);
	return 0;
}

/* ---- by time ------------------------------------------------------------
 */

/* The first job that is not due yet has changed, or there are no more lines;
 * behind others with the same time. */
static void
time_seat(struct scheduler_dests *l, struct scheduler_dest *d, int64_t now_ms)
{
	const struct scheduler_job *j = job_of(d->later.top);

	if (d->timed)
		heap_take(&l->by_time, &d->by_time);
	d->timed = j != NULL || d->n_lines == 0;
	if (!d->timed)
		return;
	d->look_ms = j != NULL ? j->due_ms : d->not_before_ms;
	if (d->look_ms < now_ms)
		d->look_ms = now_ms;
	d->look_turn = ++l->turns;
	heap_push(&l->by_time, &d->by_time);
}

/* ---- coming and going ---------------------------------------------------
 */

static struct scheduler_dest **
dest_bucket(const struct scheduler_dests *l, uint64_t hash)
{
	return &l->b->dest[hash % DESTS];
}

static struct scheduler_line **
line_bucket(const struct scheduler_dests *l, const struct scheduler_dest *d,
	    const struct scheduler_party *p)
{
	return &l->b->line[(d->hash ^ p->id) % LINES];
}

static struct scheduler_party **
party_bucket(const struct scheduler_dests *l, uint64_t id)
{
	return &l->b->party[id % PARTIES];
}

static struct scheduler_dest *
find_hashed(const struct scheduler_dests *l, const char *key, uint64_t hash)
{
	struct scheduler_dest *d = *dest_bucket(l, hash);

	while (d != NULL && (d->hash != hash || strcmp(d->key, key) != 0))
		d = d->chain;
	return d;
}

struct scheduler_dest *
scheduler_dest_find(const struct scheduler_dests *l, const char *key)
{
	return find_hashed(l, key, siphash(&l->key, key, strlen(key)));
}

static struct scheduler_dest *
dest_get(struct scheduler_dests *l, const char *key)
{
	uint64_t hash = siphash(&l->key, key, strlen(key));
	struct scheduler_dest *d = find_hashed(l, key, hash);

	if (d != NULL)
		return d;
	d = calloc(1, sizeof(*d));
	if (d == NULL || (d->key = strdup(key)) == NULL) {
		free(d);
		return NULL;
	}
	d->hash = hash;
	d->later.before = job_before;
	scheduler_turn_init_dest(d);
	struct scheduler_dest **at = dest_bucket(l, hash);
	d->chain = *at;
	*at = d;
	return d;
}

static void
dest_free(struct scheduler_dests *l, struct scheduler_dest *d)
{
	struct scheduler_dest **at = dest_bucket(l, d->hash);

	while (*at != d)
		at = &(*at)->chain;
	*at = d->chain;
	if (d->timed)
		heap_take(&l->by_time, &d->by_time);
	free(d->why);
	free(d->key);
	free(d);
}

/* Nothing waits for it; that it is dead is remembered for its time. */
static void
dest_drop(struct scheduler_dests *l, struct scheduler_dest *d, int64_t now_ms)
{
	if (d->n_lines > 0)
		return;
	if (d->failures > 0 && d->not_before_ms > now_ms)
		time_seat(l, d, now_ms);
	else
		dest_free(l, d);
}

static struct scheduler_party *
party_get(struct scheduler_dests *l, uint64_t id)
{
	struct scheduler_party **at = party_bucket(l, id), *p = *at;

	while (p != NULL && p->id != id)
		p = p->chain;
	if (p != NULL)
		return p;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->id = id;
	scheduler_turn_init_party(l, p);
	p->chain = *at;
	*at = p;
	return p;
}

static void
party_drop(struct scheduler_dests *l, struct scheduler_party *p)
{
	struct scheduler_party **at = party_bucket(l, p->id);

	if (p->lines > 0)
		return;
	while (*at != p)
		at = &(*at)->chain;
	*at = p->chain;
	free(p);
}

struct scheduler_line *
scheduler_line_get(struct scheduler_dests *l, const char *key, uint64_t party,
		   int64_t now_ms)
{
	struct scheduler_dest *d = dest_get(l, key);
	struct scheduler_party *p = d == NULL ? NULL : party_get(l, party);
	struct scheduler_line *x = NULL;

	if (p != NULL) {
		struct scheduler_line **at = line_bucket(l, d, p);
		for (x = *at; x != NULL && (x->d != d || x->party != p);)
			x = x->chain;
		if (x != NULL)
			return x;
		x = calloc(1, sizeof(*x));
		if (x != NULL) {
			*x = (struct scheduler_line){ .chain = *at,
						      .d = d,
						      .party = p };
			scheduler_turn_init_line(l, x);
			*at = x;
			d->n_lines++;
			p->lines++;
		}
	}
	if (x == NULL && p != NULL)
		party_drop(l, p);
	if (x == NULL && d != NULL)
		dest_drop(l, d, now_ms);
	return x;
}

static void
line_drop(struct scheduler_dests *l, struct scheduler_line *x, int64_t now_ms)
{
	struct scheduler_line **at = line_bucket(l, x->d, x->party);

	if (x->jobs > 0)
		return;
	while (*at != x)
		at = &(*at)->chain;
	*at = x->chain;
	x->party->lines--;
	party_drop(l, x->party);
	x->d->n_lines--;
	dest_drop(l, x->d, now_ms);
	free(x);
}

void
scheduler_dests_clear(struct scheduler_dests *l)
{
	while (l->by_time.top != NULL) /* the dead that are remembered */
		dest_free(l, dest_by_time(l->by_time.top));
	free(l->b);
	l->b = NULL;
}

/* ---- jobs ---------------------------------------------------------------
 */

void
scheduler_job_join(struct scheduler_job *j, struct scheduler_line *x)
{
	j->line = x;
	x->jobs++;
}

void
scheduler_job_leave(struct scheduler_dests *l, struct scheduler_job *j,
		    int64_t now_ms)
{
	struct scheduler_line *x = j->line;

	if (x == NULL)
		return;
	j->line = NULL;
	x->jobs--;
	line_drop(l, x, now_ms);
}

void
scheduler_job_put(struct scheduler_dests *l, struct scheduler_job *j,
		  int64_t now_ms)
{
	struct scheduler_dest *d = j->line->d;

	if (j->due_ms <= now_ms) {
		scheduler_turn_enter(l, j);
		return;
	}
	j->where = SCHEDULER_LATER;
	heap_push(&d->later, &j->node);
	if (job_of(d->later.top) == j)
		time_seat(l, d, now_ms);
}

void
scheduler_job_take(struct scheduler_dests *l, struct scheduler_job *j,
		   int64_t now_ms)
{
	struct scheduler_dest *d;

	switch (j->where) {
	case SCHEDULER_AWAY:
	case SCHEDULER_PARKED:
		break;
	case SCHEDULER_DUE:
		scheduler_turn_leave(l, j);
		break;
	case SCHEDULER_LATER:
		d = j->line->d;
		bool first = job_of(d->later.top) == j;
		heap_take(&d->later, &j->node);
		if (first)
			time_seat(l, d, now_ms);
		break;
	}
	j->where = SCHEDULER_AWAY;
}

/* One job of d, which is first by time. */
static void
tick_once(struct scheduler_dests *l, struct scheduler_dest *d, int64_t now_ms)
{
	struct scheduler_job *j = job_of(d->later.top);

	if (j == NULL && d->n_lines == 0) {
		d->failures = 0; /* its wait is over */
		dest_drop(l, d, now_ms);
		return;
	}
	if (j != NULL && j->due_ms <= now_ms) {
		heap_take(&d->later, &j->node);
		scheduler_turn_enter(l, j);
	}
	time_seat(l, d, now_ms);
}

int64_t
scheduler_dests_tick(struct scheduler_dests *l, int64_t now_ms)
{
	for (int i = 0; i < BATCH && l->by_time.top != NULL; i++) {
		struct scheduler_dest *d = dest_by_time(l->by_time.top);
		if (d->look_ms > now_ms)
			break;
		tick_once(l, d, now_ms);
	}
	return l->by_time.top == NULL ? SCHEDULER_NEVER
				      : dest_by_time(l->by_time.top)->look_ms;
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

const char *
scheduler_dest_why(const struct scheduler_dest *d)
{
	return d->why != NULL ? d->why : "";
}

size_t
scheduler_dest_waiting(const struct scheduler_dest *d)
{
	return d->later.n + d->n_due;
}

static void
each_due(struct scheduler_dest *d,
	 void (*fn)(void *ctx, struct scheduler_job *j), void *ctx)
{
	for (struct scheduler_line *x = d->first; x != NULL; x = x->next)
		for (struct scheduler_job *j = x->first; j != NULL; j = j->next)
			fn(ctx, j);
}

static void
each_later(struct scheduler_dest *d,
	   void (*fn)(void *ctx, struct scheduler_job *j), void *ctx)
{
	for (struct heap_node *x = heap_first(&d->later); x != NULL;
	     x = heap_next(x))
		fn(ctx, job_of(x));
}

void
scheduler_dest_each(struct scheduler_dest *d,
		    void (*fn)(void *ctx, struct scheduler_job *j), void *ctx)
{
	each_due(d, fn, ctx);
	each_later(d, fn, ctx);
}

/* Why its text could not be kept is not worth a failure. */
static void
keep_why(struct scheduler_dest *d, const char *why)
{
	char *copy =
	    strcmp(scheduler_dest_why(d), why) == 0 ? NULL : strdup(why);

	if (copy == NULL)
		return;
	free(d->why);
	d->why = copy;
}

static void
put_off(void *ctx, struct scheduler_job *j)
{
	int64_t now_ms = *(const int64_t *)ctx;
	int64_t not_before_ms = j->line->d->not_before_ms;

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

void
scheduler_dest_down(struct scheduler_dests *l, struct scheduler_dest *d,
		    int64_t now_ms, int64_t not_before_ms, bool manual,
		    const char *why)
{
	if (!manual || d->failures == 0)
		d->failures++;
	d->answered = false;
	d->not_before_ms = not_before_ms;
	keep_why(d, why);
	while (d->first != NULL) {
		struct scheduler_job *j = d->first->first;
		scheduler_turn_leave(l, j);
		j->where = SCHEDULER_LATER;
		heap_push(&d->later, &j->node);
	}
	each_later(d, put_off, &now_ms);
	heap_reorder(&d->later);
	time_seat(l, d, now_ms);
}

static void
bring_forward(void *ctx, struct scheduler_job *j)
{
	int64_t now_ms = *(const int64_t *)ctx;

	if (j->retry_ms <= j->line->d->not_before_ms)
		j->retry_ms = now_ms > j->release_ms ? now_ms : j->release_ms;
	scheduler_job_plan(j, now_ms);
}

void
scheduler_dest_up(struct scheduler_dests *l, struct scheduler_dest *d,
		  int64_t now_ms)
{
	if (d->failures == 0)
		return;
	scheduler_dest_each(d, bring_forward, &now_ms);
	heap_reorder(&d->later);
	scheduler_dest_forget(l, d);
	time_seat(l, d, now_ms);
	dest_drop(l, d, now_ms);
}

void
scheduler_dest_forget(struct scheduler_dests *l, struct scheduler_dest *d)
{
	d->failures = 0;
	d->not_before_ms = 0;
	scheduler_turn_seat(l, d);
}
