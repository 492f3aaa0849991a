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
	unsigned dests;                    /* that are used */
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

	*t = (struct table){ .w = { .threads = threads },
			     .now_ms = 1000,
			     .dests = DESTS };
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
may_go(const struct table *t, const struct scheduler_line *x)
{
	const struct scheduler_dest *d = x->d;
	enum scheduler_class class = d->answered       ? SCHEDULER_ANSWERED
				     : d->failures > 0 ? SCHEDULER_DEAD
						       : SCHEDULER_NEW;

	return d->active < scheduler_dest_limit(d, PER_DESTINATION) &&
	       scheduler_share_allows(&t->w, x->party, class);
}

static bool
is_before(const struct scheduler_line *a, const struct scheduler_line *b)
{
	if (a->party == b->party)
		return a->turn < b->turn;
	if (a->party->all != b->party->all)
		return a->party->all < b->party->all;
	return a->party->turn < b->party->turn;
}

static struct scheduler_line *
walk(const struct table *t)
{
	struct scheduler_line *best = NULL;

	for (unsigned i = 0; i < t->dests; i++) {
		const struct scheduler_dest *d = find(t, i);
		for (struct scheduler_line *x = d == NULL ? NULL : d->first;
		     x != NULL; x = x->next)
			if (may_go(t, x) &&
			    (best == NULL || is_before(x, best)))
				best = x;
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
	t->v[t->n++] = job_new(t, draw(t, t->dests), party, due_ms);
}

static void
step_choose(struct table *t)
{
	unsigned calls;

	tick(t); /* the walk sees lines only */
	const struct scheduler_line *expected = walk(t);
	struct scheduler_line *x = next(t, &calls);
	assert_ptr_equal(x, expected);
	if (x == NULL) {
		t->none++;
		return;
	}
	t->chosen++;
	uint64_t turn = t->l.turns;
	(void)scheduler_turn_take(&t->l, &t->w, x);
	/* who was served is last, and so is its line there */
	assert_true(x->turn > turn && x->party->turn > turn);
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
steps(struct table *t)
{
	for (unsigned i = 0; i < STEPS; i++) {
		switch (draw(t, 4)) {
		case 0:
			step_add(t);
			break;
		case 1:
			step_choose(t);
			break;
		case 2:
			step_any_job(t);
			break;
		default:
			t->now_ms += draw(t, 4);
			break;
		}
		if (i % 100 == 0)
			check_counts(t);
	}
	assert_in_range(t->chosen, 1000, STEPS);
	assert_in_range(t->none, 100, STEPS);
}

static void
table_close(struct table *t)
{
	while (t->n > 0) {
		struct scheduler_job *j = t->v[--t->n];
		if (is_away(j))
			scheduler_turn_rest(&t->l, &t->w, j);
		job_end(t, j);
	}
	t->now_ms += 100; /* over for the dead, too */
	tick(t);
	for (unsigned i = 0; i < DESTS; i++)
		assert_null(find(t, i));
	scheduler_dests_clear(&t->l);
}

/* With few destinations most of what waits is at a full one. */
static void
the_next_is_who_a_walk_would_find(void **state)
{
	static const unsigned dests[] = { DESTS, 6, 2 };
	static struct table t;

	(void)state;
	for (unsigned i = 0; i < sizeof(dests) / sizeof(dests[0]); i++) {
		for (int threads = 1; threads <= 16; threads *= 2) {
			table_open(&t, threads);
			t.seed = (unsigned)threads;
			t.dests = dests[i];
			steps(&t);
			table_close(&t);
		}
	}
}

/* ---- parties first ------------------------------------------------------
 */

enum { ALICE = 1, BOB = 2, ZOE = 3 };

/* One that answers. */
static struct scheduler_job *
add(struct table *t, unsigned dest, uint64_t party)
{
	struct scheduler_job *j = job_new(t, dest, party, t->now_ms);

	j->line->d->answered = true;
	scheduler_turn_seat(&t->l, j->line->d);
	t->v[t->n++] = j;
	return j;
}

static struct scheduler_job *
take(struct table *t)
{
	unsigned calls;
	struct scheduler_line *x = next(t, &calls);

	assert_non_null(x);
	return scheduler_turn_take(&t->l, &t->w, x);
}

/* One worker: who goes next, and is done at once. */
static uint64_t
serve(struct table *t)
{
	struct scheduler_job *j = take(t);
	uint64_t party = j->line->party->id;

	scheduler_turn_rest(&t->l, &t->w, j);
	for (unsigned i = 0; i < t->n; i++)
		if (t->v[i] == j)
			t->v[i] = t->v[--t->n];
	job_end(t, j);
	return party;
}

static void
one_of_many_destinations_goes_before_one_of_another(void **state)
{
	static struct table t;

	(void)state;
	table_open(&t, 1);
	for (unsigned i = 0; i < 300; i++)
		(void)add(&t, i, ALICE);
	(void)add(&t, 300, ZOE);
	assert_int_equal(serve(&t), ALICE);
	assert_int_equal(serve(&t), ZOE);
	/* at a destination of the other's, the last in turn */
	(void)add(&t, 299, ZOE);
	assert_int_equal(serve(&t), ALICE);
	assert_int_equal(serve(&t), ZOE);
	for (unsigned i = 2; i < 300; i++)
		assert_int_equal(serve(&t), ALICE);
	table_close(&t);
}

static void
parties_with_many_destinations_alternate(void **state)
{
	static struct table t;

	(void)state;
	table_open(&t, 1);
	for (unsigned i = 0; i < 150; i++)
		(void)add(&t, i, ALICE);
	for (unsigned i = 100; i < 250; i++)
		(void)add(&t, i, BOB);
	for (unsigned i = 0; i < 150; i++) {
		assert_int_equal(serve(&t), ALICE);
		assert_int_equal(serve(&t), BOB);
	}
	table_close(&t);
}

/* A turn lasts as long as the delivery. */
static void
who_comes_while_another_is_served_is_next(void **state)
{
	static struct table t;

	(void)state;
	table_open(&t, 2);
	for (unsigned i = 0; i < 100; i++)
		(void)add(&t, i, ALICE);
	for (unsigned i = 0; i < 100; i++)
		(void)add(&t, 100 + i, BOB);
	struct scheduler_job *j = take(&t), *k = take(&t);
	assert_int_equal(j->line->party->id, ALICE);
	assert_int_equal(k->line->party->id, BOB);
	(void)add(&t, 200, ZOE);
	scheduler_turn_rest(&t.l, &t.w, j);
	assert_int_equal(take(&t)->line->party->id, ZOE);
	scheduler_turn_rest(&t.l, &t.w, k);
	assert_int_equal(take(&t)->line->party->id, ALICE);
	table_close(&t);
}

static void
who_has_fewest_workers_is_next(void **state)
{
	static struct table t;
	static const uint64_t order[] = { ALICE, BOB, ALICE, BOB };

	(void)state;
	table_open(&t, 8);
	for (unsigned i = 0; i < 10; i++)
		(void)add(&t, i, ALICE);
	struct scheduler_job *first = take(&t);
	(void)take(&t);
	for (unsigned i = 0; i < 10; i++)
		(void)add(&t, 10 + i, BOB);
	assert_int_equal(take(&t)->line->party->id, BOB);
	assert_int_equal(take(&t)->line->party->id, BOB);
	/* two each; one of alice's ends */
	scheduler_turn_rest(&t.l, &t.w, first);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(take(&t)->line->party->id, order[i]);
	table_close(&t);
}

/* In a party the destinations take turns, and a new one is the last. */
static void
destinations_of_a_party_take_turns(void **state)
{
	static struct table t;
	struct scheduler_job *j[6];

	(void)state;
	table_open(&t, 1);
	for (unsigned i = 0; i < 6; i++)
		j[i] = add(&t, i % 3, ALICE);
	for (unsigned i = 0; i < 6; i++) {
		struct scheduler_job *x = take(&t);
		assert_ptr_equal(x, j[i]);
		scheduler_turn_rest(&t.l, &t.w, x);
		x->due_ms = t.now_ms + 1; /* it stays known */
		scheduler_job_put(&t.l, x, t.now_ms);
		if (i == 3)
			(void)add(&t, 3, ALICE);
	}
	assert_int_equal(serve(&t), ALICE);
	table_close(&t);
}

/* ---- a mailing list -----------------------------------------------------
 */

static void
what_may_not_go_is_not_met(void **state)
{
	enum { N = 300 };
	static struct table t;
	struct scheduler_job *gone[2];
	unsigned calls;

	(void)state;
	table_open(&t, 4);
	for (unsigned i = 0; i < N; i++)
		(void)add(&t, i, ALICE);
	for (unsigned i = 0; i < 2; i++) {
		gone[i] = take(&t);
		assert_ptr_equal(gone[i], t.v[i]);
	}
	/* two are free, and two it has */
	assert_null(next(&t, &calls));
	assert_int_equal(calls, 1);
	/* the last in turn, and the only one that may go */
	const struct scheduler_job *j = add(&t, N - 1, ZOE);
	assert_ptr_equal(next_job(&t, &calls), j);
	assert_int_equal(calls, 1);
	/* one worker more for the list: it goes on where it was */
	(void)take(&t);
	for (unsigned i = 0; i < 2; i++) {
		scheduler_turn_rest(&t.l, &t.w, gone[i]);
		assert_ptr_equal(next_job(&t, &calls), t.v[2]);
		assert_int_equal(calls, 1);
	}
	for (unsigned i = 0; i < 2; i++)
		scheduler_job_put(&t.l, gone[i], t.now_ms);
	table_close(&t);
}

/* Many parties, and one destination that takes no more. */
static void
who_is_stuck_is_met_once(void **state)
{
	enum { N = 300, OTHER = 1000 };
	static struct table t;
	struct scheduler_job *gone[PER_DESTINATION];
	unsigned calls;

	(void)state;
	table_open(&t, 8);
	for (unsigned i = 0; i < N; i++)
		(void)add(&t, 0, 1 + i);
	for (unsigned i = 0; i < PER_DESTINATION; i++) {
		gone[i] = take(&t);
		assert_ptr_equal(gone[i], t.v[i]);
	}
	assert_null(next(&t, &calls));
	assert_true(calls > 1 && calls < N);
	assert_null(next(&t, &calls));
	assert_int_equal(calls, 1);
	/* one more may go: the first of those that are stuck */
	scheduler_turn_rest(&t.l, &t.w, gone[0]);
	scheduler_job_put(&t.l, gone[0], t.now_ms);
	assert_ptr_equal(next_job(&t, &calls), t.v[PER_DESTINATION]);
	assert_int_equal(calls, 1);
	/* and when it has gone elsewhere, the one behind it */
	(void)add(&t, 1, t.v[PER_DESTINATION]->line->party->id);
	scheduler_job_take(&t.l, t.v[PER_DESTINATION], t.now_ms);
	t.v[PER_DESTINATION]->due_ms = t.now_ms + 1;
	scheduler_job_put(&t.l, t.v[PER_DESTINATION], t.now_ms);
	assert_ptr_equal(take(&t), t.v[N]);
	assert_ptr_equal(next_job(&t, &calls), t.v[PER_DESTINATION + 1]);
	/* others go by */
	(void)add(&t, 2, OTHER);
	(void)take(&t);
	assert_ptr_equal(next_job(&t, &calls), t.v[N + 1]);
	table_close(&t);
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
		cmocka_unit_test(
		    one_of_many_destinations_goes_before_one_of_another),
		cmocka_unit_test(parties_with_many_destinations_alternate),
		cmocka_unit_test(who_comes_while_another_is_served_is_next),
		cmocka_unit_test(who_has_fewest_workers_is_next),
		cmocka_unit_test(destinations_of_a_party_take_turns),
		cmocka_unit_test(what_may_not_go_is_not_met),
		cmocka_unit_test(who_is_stuck_is_met_once),
		cmocka_unit_test(what_is_due_comes_in_turns),
	};

	return cmocka_run_group_tests_name("queue/turns", tests, NULL, NULL);
}
