/*
 * Fair queueing by rounds: who comes takes the round after the last one that
 * its party has here, or the current round when it has none; the lowest round
 * is served first, and within it who came first.  A party with a hundred in
 * line holds a hundred rounds, and a newcomer joins the current one.  Looking
 * through the line costs microseconds, what it waits for milliseconds.
 */
#include "auth/turns.h"

#include <errno.h>
#include <stdlib.h>

struct turns {
	pthread_mutex_t lock;
	struct turn *first; /* running and waiting, in no order */
	unsigned running, waiting, at_once;
	uint64_t round, arrivals;
};

int
turns_new(struct turns **out, unsigned at_once, struct err *e)
{
	struct turns *t = calloc(1, sizeof(*t));

	*out = t;
	if (t == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "turns");
	(void)pthread_mutex_init(&t->lock, NULL);
	t->at_once = at_once < 1 ? 1 : at_once;
	return 0;
}

void
turns_free(struct turns **tp)
{
	struct turns *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Whose turn it is: of those who wait, the lowest round. */
static struct turn *
next_turn(const struct turns *t)
{
	struct turn *best = NULL;

	for (struct turn *i = t->first; i != NULL; i = i->next) {
		if (i->running)
			continue;
		if (best == NULL || i->round < best->round ||
		    (i->round == best->round && i->arrival < best->arrival))
			best = i;
	}
	return best;
}

/* Join the line. */
static void
join(struct turns *t, struct turn *turn)
{
	turn->round = t->round;
	turn->arrival = t->arrivals++;
	turn->running = false;
	for (const struct turn *i = t->first; i != NULL; i = i->next) {
		if (i->party == turn->party && i->round >= turn->round)
			turn->round = i->round + 1;
	}
	turn->next = t->first;
	t->first = turn;
	t->waiting++;
}

/* Give away what is free. */
static void
grant(struct turns *t)
{
	struct turn *turn;

	while (t->running < t->at_once && (turn = next_turn(t)) != NULL) {
		turn->running = true;
		t->waiting--;
		t->running++;
		if (turn->round > t->round)
			t->round = turn->round;
		(void)pthread_cond_signal(&turn->granted);
	}
}

void
turns_take(struct turns *t, struct turn *turn, uint64_t party)
{
	turn->party = party;
	(void)pthread_mutex_lock(&t->lock);
	join(t, turn);
	(void)pthread_cond_init(&turn->granted, NULL);
	grant(t);
	while (!turn->running)
		(void)pthread_cond_wait(&turn->granted, &t->lock);
	(void)pthread_mutex_unlock(&t->lock);
}

void
turns_give(struct turns *t, struct turn *turn)
{
	struct turn **i = &t->first;

	(void)pthread_mutex_lock(&t->lock);
	while (*i != turn)
		i = &(*i)->next;
	*i = turn->next;
	t->running--;
	grant(t);
	(void)pthread_mutex_unlock(&t->lock);
	(void)pthread_cond_destroy(&turn->granted);
}

unsigned
turns_waiting(struct turns *t)
{
	(void)pthread_mutex_lock(&t->lock);
	unsigned n = t->waiting;
	(void)pthread_mutex_unlock(&t->lock);
	return n;
}
