#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "queue/scheduler_dest.h"

enum {
	DESTS = 40,
	PARTIES = 12,
	JOBS_MAX = 400,
	STEPS = 60000,
	PER_DESTINATION = 3,
};

/* The data under a scheduler, and everything that a plain walk needs. */
struct table {
	struct scheduler_dests l;
	struct scheduler_workers w;
	int64_t now_ms;
	unsigned seed;
	struct scheduler_job *v[JOBS_MAX]; /* all */
	unsigned n;
	uint64_t jobs; /* ever made */
	unsigned chosen, none;
};

/* The same numbers at each run. */
static unsigned
draw(struct table *t, unsigned below)
{
	t->seed = t->seed * 1103515245u + 12345u;
	return (t->seed >> 16) % below;
}

static void
table_open(struct table *t, int threads)
{
	struct err e;

	*t = (struct table){ .w = { .threads = threads }, .now_ms = 1000 };
	assert_int_equal(scheduler_dests_init(&t->l, PER_DESTINATION, &e), 0);
}

static const char *
key_of(unsigned i, char key[16])
{
	(void)snprintf(key, 16, "d%u", i);
	return key;
}

static struct scheduler_dest *
find(const struct table *t, unsigned i)
{
	char key[16];

	return scheduler_dest_find(&t->l, key_of(i, key));
}

static struct scheduler_job *
job_new(struct table *t, unsigned dest, uint64_t party, int64_t due_ms)
{
	struct scheduler_job *j = calloc(1, sizeof(*j));
	char key[16];

	assert_non_null(j);
	struct scheduler_line *x =
	    scheduler_line_get(&t->l, key_of(dest, key), party, t->now_ms);
	assert_non_null(x);
	j->seq = t->jobs++;
	j->due_ms = j->retry_ms = due_ms;
	j->warn_ms = j->expires_ms = SCHEDULER_NEVER;
	scheduler_job_join(j, x);
	scheduler_job_put(&t->l, j, t->now_ms);
	return j;
}

static void
job_end(struct table *t, struct scheduler_job *j)
{
	scheduler_job_take(&t->l, j, t->now_ms);
	scheduler_job_leave(&t->l, j, t->now_ms);
	free(j);
}

/* Until all that is due has its turn. */
static void
tick(struct table *t)
{
	while (scheduler_dests_tick(&t->l, t->now_ms) <= t->now_ms)
		;
}

/* The line that goes next, and how many calls that took. */
static struct scheduler_line *
next(struct table *t, unsigned *calls)
{
	struct scheduler_line *x;
	bool over;

	for (*calls = 1;; ++*calls) {
		x = scheduler_turn_next(&t->l, &t->w, &over);
		if (x != NULL || over)
			return x;
	}
}

static const struct scheduler_job *
next_job(struct table *t, unsigned *calls)
{
	const struct scheduler_line *x = next(t, calls);

	return x == NULL ? NULL : x->first;
}

/* ---- beside a plain walk ------------------------------------------------
 */

static bool
may_go(const struct table *t, const struct scheduler_dest *d)
{
	enum scheduler_class class = d->answered       ? SCHEDULER_ANSWERED
				     : d->failures > 0 ? SCHEDULER_DEAD
						       : SCHEDULER_NEW;

	if (d->active >= scheduler_dest_limit(d, PER_DESTINATION))
		return false;
	for (const struct scheduler_line *x = d->first; x != NULL; x = x->next)
		if (scheduler_share_allows(&t->w, x->party, class))
			return true;
	return false;
}

static const struct scheduler_dest *
walk(const struct table *t)
{
	const struct scheduler_dest *best = NULL;

	for (unsigned i = 0; i < DESTS; i++) {
		const struct scheduler_dest *d = find(t, i);
		if (d != NULL && may_go(t, d) &&
		    (best == NULL || d->turn < best->turn))
			best = d;
	}
	return best;
}

static bool
is_away(const struct scheduler_job *j)
{
	return j->where == SCHEDULER_AWAY;
}

static void
step_add(struct table *t)
{
	int64_t due_ms = t->now_ms;

	if (t->n == JOBS_MAX)
		return;
	if (draw(t, 3) == 0)
		due_ms += 1 + draw(t, 100);
	/* some have much to send, to few or to many */
	unsigned party = draw(t, 2) == 0 ? 0 : draw(t, PARTIES);
	t->v[t->n++] = job_new(t, draw(t, DESTS), party, due_ms);
}

static void
step_choose(struct table *t)
{
	unsigned calls;

	tick(t); /* the walk sees lines only */
	const struct scheduler_dest *expected = walk(t);
	struct scheduler_line *x = next(t, &calls);
	if (expected == NULL) {
		assert_null(x);
		t->none++;
		return;
	}
	assert_non_null(x);
	assert_ptr_equal(x->d, expected);
	assert_true(scheduler_share_allows(&t->w, x->party, expected->class));
	t->chosen++;
	(void)scheduler_turn_take(&t->l, &t->w, x);
	/* who was served is last, and so is its line there */
	assert_int_equal(expected->turn, t->l.turns);
	assert_true(x->first == NULL || expected->last == x);
}

/* A delivery ends: well, or not at all, or put off. */
static void
finish_job(struct table *t, unsigned i)
{
	struct scheduler_job *j = t->v[i];
	struct scheduler_dest *d = j->line->d;
	unsigned how = draw(t, 6);

	if (how > 1)
		scheduler_turn_sure(&t->l, &t->w, j);
	scheduler_turn_rest(&t->l, &t->w, j);
	if (how == 0)
		scheduler_dest_down(&t->l, d, t->now_ms,
				    t->now_ms + 1 + draw(t, 60), false, "no");
	else if (how > 1)
		scheduler_dest_up(&t->l, d, t->now_ms);
	scheduler_dest_learn(d, how > 1, PER_DESTINATION);
	scheduler_turn_seat(&t->l, d);
	if (how < 3) {
		j->due_ms = j->retry_ms = t->now_ms + draw(t, 50);
		scheduler_job_put(&t->l, j, t->now_ms);
		return;
	}
	job_end(t, j);
	t->v[i] = t->v[--t->n];
}

static void
step_any_job(struct table *t)
{
	if (t->n == 0)
		return;
	unsigned i = draw(t, t->n);
	if (draw(t, 2) == 0) { /* one under way, if there is one */
		for (unsigned k = 0; k < t->n && !is_away(t->v[i]); k++)
			i = (i + 1) % t->n;
	}
	struct scheduler_job *j = t->v[i];
	if (is_away(j) && draw(t, 2) == 0) {
		scheduler_turn_sure(&t->l, &t->w, j);
	} else if (is_away(j)) {
		finish_job(t, i);
	} else if (draw(t, 4) == 0) { /* an administrator's */
		job_end(t, j);
		t->v[i] = t->v[--t->n];
	} else if (draw(t, 4) == 0) {
		scheduler_job_take(&t->l, j, t->now_ms);
		j->due_ms = j->retry_ms = t->now_ms;
		scheduler_job_put(&t->l, j, t->now_ms);
	} else if (draw(t, 8) == 0) {
		scheduler_dest_forget(&t->l, j->line->d);
	}
}

/* What is counted is what there is. */
static void
check_counts(const struct table *t)
{
	int active = 0, doubtful = 0, dead = 0;
	size_t waiting = 0, seen = 0;

	for (unsigned i = 0; i < t->n; i++) {
		active += is_away(t->v[i]);
		waiting += !is_away(t->v[i]);
		doubtful += t->v[i]->doubtful;
		dead += t->v[i]->dead;
	}
	assert_int_equal(t->w.active, active);
	assert_int_equal(t->w.doubtful, doubtful);
	assert_int_equal(t->w.dead, dead);
	for (unsigned i = 0; i < DESTS; i++) {
		const struct scheduler_dest *d = find(t, i);
		seen += d == NULL ? 0 : scheduler_dest_waiting(d);
	}
	assert_int_equal(seen, waiting);
}

static void
the_next_is_who_a_walk_would_find(void **state)
{
	static struct table t;

	(void)state;
	for (int threads = 1; threads <= 16; threads *= 2) {
		table_open(&t, threads);
		t.seed = (unsigned)threads;
		for (unsigned i = 0; i < STEPS; i++) {
			switch (draw(&t, 4)) {
			case 0:
				step_add(&t);
				break;
			case 1:
				step_choose(&t);
				break;
			case 2:
				step_any_job(&t);
				break;
			default:
				t.now_ms += draw(&t, 4);
				break;
			}
			if (i % 100 == 0)
				check_counts(&t);
		}
		assert_in_range(t.chosen, 1000, STEPS);
		assert_in_range(t.none, 100, STEPS);
		while (t.n > 0) {
			struct scheduler_job *j = t.v[--t.n];
			if (is_away(j))
				scheduler_turn_rest(&t.l, &t.w, j);
			job_end(&t, j);
		}
		t.now_ms += 100; /* over for the dead, too */
		tick(&t);
		for (unsigned i = 0; i < DESTS; i++)
			assert_null(find(&t, i));
		scheduler_dests_clear(&t.l);
	}
}

/* ---- a mailing list -----------------------------------------------------
 */

static void
what_may_not_go_is_met_once(void **state)
{
	enum { N = 1000, LIST = 1, ZOE = 2 };
	static struct table t;
	static struct scheduler_job *j[N + 1];
	struct scheduler_job *gone[2];
	unsigned calls;

	(void)state;
	table_open(&t, 4);
	for (unsigned i = 0; i < N; i++) {
		j[i] = job_new(&t, i, LIST, t.now_ms);
		j[i]->line->d->answered = true;
		scheduler_turn_seat(&t.l, j[i]->line->d);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct scheduler_line *x = next(&t, &calls);
		assert_int_equal(calls, 1);
		gone[i] = scheduler_turn_take(&t.l, &t.w, x);
		assert_ptr_equal(gone[i], j[i]);
	}
	/* two are free, and two it has */
	assert_null(next(&t, &calls));
	assert_true(calls > 1 && calls < N);
	assert_null(next(&t, &calls));
	assert_int_equal(calls, 1);
	/* the last in turn, and the only one that may go */
	j[N] = job_new(&t, N - 1, ZOE, t.now_ms);
	assert_ptr_equal(next_job(&t, &calls), j[N]);
	assert_int_equal(calls, 1);
	/* one worker more for the list: it goes on where it was */
	scheduler_turn_rest(&t.l, &t.w, gone[0]);
	assert_ptr_equal(next_job(&t, &calls), j[2]);
	assert_int_equal(calls, 1);
	scheduler_turn_rest(&t.l, &t.w, gone[1]);
	assert_ptr_equal(next_job(&t, &calls), j[2]);
	for (unsigned i = 0; i <= N; i++)
		job_end(&t, j[i]);
	scheduler_dests_clear(&t.l);
}

/* Much that becomes due at one destination keeps no other waiting. */
static void
what_is_due_comes_in_turns(void **state)
{
	enum { N = 1000 };
	static struct table t;
	static struct scheduler_job *j[N + 1];

	(void)state;
	table_open(&t, 4);
	for (unsigned i = 0; i < N; i++)
		j[i] = job_new(&t, 0, 1, t.now_ms + 1);
	j[N] = job_new(&t, 1, 2, t.now_ms + 2);
	t.now_ms += 10;
	assert_int_equal(scheduler_dests_tick(&t.l, t.now_ms), t.now_ms);
	assert_int_equal(j[N]->where, SCHEDULER_DUE);
	assert_int_equal(j[N - 1]->where, SCHEDULER_LATER);
	tick(&t);
	assert_int_equal(find(&t, 0)->n_due, N);
	for (unsigned i = 0; i <= N; i++)
		job_end(&t, j[i]);
	scheduler_dests_clear(&t.l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_is_who_a_walk_would_find),
		cmocka_unit_test(what_may_not_go_is_met_once),
		cmocka_unit_test(what_is_due_comes_in_turns),
	};

	return cmocka_run_group_tests_name("queue/turns", tests, NULL, NULL);
}
