/*
 * Whose turn it is.
 *
 * Destinations take turns: each has a number, and who is served gets a new one,
 * higher than all others.  Of those where a job may go the one with the least
 * number is next.  Within a destination its lines take turns, so that no party
 * keeps the others waiting.
 *
 * What may not go must not be walked past at each choice, since it may be
 * nearly everything: a mailing list has jobs for fifty thousand destinations,
 * and its party has half of the workers already.  So everything stands where it
 * is only met when it may go:
 *
 * - A destination with nothing due, or with as many deliveries as it may have,
 *   stands nowhere.  Each of these changes with an event of its own.
 * - The others stand in a heap for their class, `ready`.  Where nobody has
 *   answered yet only so many workers may go: when they are there, that heap is
 *   not looked at.
 * - When the first of a heap has lines only of parties that have their share of
 *   workers, it leaves the heap, and each line goes into the heap `waiting` of
 *   its party.  These are few: such a party has a worker at least.  When a
 * party may have one more its first waiting line takes part in the choice with
 * the rest.  A line that is new there makes the destination ready again.
 * - A choice looks at each party that has a worker, at most as many as there
 *   are workers.  A party that has none any more, and still has waiting lines,
 *   may always have one; those stand in a heap, `rested`, by the turn of their
 *   first line.
 *
 * Thus a destination moves to the waiting ones once for each time that a party
 * comes there anew, and a choice costs O(log n).  If many have to move at once,
 * a choice ends after LOOKS of them, and the lock is let go before the next.
 */
#include "queue/scheduler_dest.h"

enum { LOOKS = 8 };

/* Of a node; there is one. */
static struct scheduler_dest *
dest_of(const struct heap_node *x)
{
	return HEAP_THING(x, struct scheduler_dest, by_turn);
}

static struct scheduler_line *
line_of(const struct heap_node *x)
{
	return HEAP_THING(x, struct scheduler_line, node);
}

static bool
dest_before(const struct heap_node *a, const struct heap_node *b)
{
	return dest_of(a)->turn < dest_of(b)->turn;
}

static bool
line_before(const struct heap_node *a, const struct heap_node *b)
{
	return line_of(a)->d->turn < line_of(b)->d->turn;
}

/* Where the first waiting line of the party is. */
static struct scheduler_dest *
dest_of_seat(const struct heap_node *x)
{
	const struct scheduler_seat *t =
	    HEAP_THING(x, const struct scheduler_seat, node);

	return line_of(t->party->waiting[t->class].top)->d;
}

static bool
seat_before(const struct heap_node *a, const struct heap_node *b)
{
	return dest_of_seat(a)->turn < dest_of_seat(b)->turn;
}

void
scheduler_turn_init(struct scheduler_dests *l)
{
	for (int c = 0; c < SCHEDULER_CLASSES; c++) {
		l->ready[c].before = dest_before;
		l->rested[c].before = seat_before;
	}
}

void
scheduler_turn_init_party(struct scheduler_party *p)
{
	for (int c = 0; c < SCHEDULER_CLASSES; c++) {
		p->waiting[c].before = line_before;
		p->seat[c].party = p;
		p->seat[c].class = (enum scheduler_class)c;
	}
}

/* ---- places -------------------------------------------------------------
 */

static enum scheduler_class
class_of(const struct scheduler_dest *d)
{
	return d->answered       ? SCHEDULER_ANSWERED
	       : d->failures > 0 ? SCHEDULER_DEAD
				 : SCHEDULER_NEW;
}

/* Its workers or its waiting lines of that class have changed. */
static void
seat_party(struct scheduler_dests *l, struct scheduler_party *p,
	   enum scheduler_class class)
{
	struct scheduler_seat *t = &p->seat[class];

	if (t->taken)
		heap_take(&l->rested[class], &t->node);
	t->taken = p->all == 0 && p->waiting[class].n > 0;
	if (t->taken)
		heap_push(&l->rested[class], &t->node);
}

static void
seat_all_classes(struct scheduler_dests *l, struct scheduler_party *p)
{
	for (int c = 0; c < SCHEDULER_CLASSES; c++)
		seat_party(l, p, (enum scheduler_class)c);
}

/* Before anything changes by which d or its lines are ordered. */
static void
unseat(struct scheduler_dests *l, struct scheduler_dest *d)
{
	switch (d->place) {
	case SCHEDULER_NOWHERE:
		return;
	case SCHEDULER_READY:
		heap_take(&l->ready[d->class], &d->by_turn);
		break;
	case SCHEDULER_WAITS:
		for (struct scheduler_line *x = d->first; x != NULL;
		     x = x->next) {
			heap_take(&x->party->waiting[d->class], &x->node);
			seat_party(l, x->party, d->class);
		}
		break;
	}
	d->place = SCHEDULER_NOWHERE;
}

void
scheduler_turn_seat(struct scheduler_dests *l, struct scheduler_dest *d)
{
	unseat(l, d);
	if (d->first == NULL ||
	    d->active >= scheduler_dest_limit(d, l->per_destination))
		return;
	d->class = class_of(d);
	d->place = SCHEDULER_READY;
	heap_push(&l->ready[d->class], &d->by_turn);
}

/* From the ready ones: all its lines are of parties that have their share. */
static void
let_wait(struct scheduler_dests *l, struct scheduler_dest *d)
{
	unseat(l, d);
	d->place = SCHEDULER_WAITS;
	for (struct scheduler_line *x = d->first; x != NULL; x = x->next) {
		heap_push(&x->party->waiting[d->class], &x->node);
		seat_party(l, x->party, d->class);
	}
}

/* ---- lines --------------------------------------------------------------
 */

/* At the end of the lines of its destination. */
static void
line_up(struct scheduler_line *x)
{
	struct scheduler_dest *d = x->d;

	x->next = NULL;
	x->prev = d->last;
	if (d->last != NULL)
		d->last->next = x;
	else
		d->first = x;
	d->last = x;
}

static void
line_out(struct scheduler_line *x)
{
	struct scheduler_dest *d = x->d;

	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		d->first = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	else
		d->last = x->prev;
}

void
scheduler_turn_enter(struct scheduler_dests *l, struct scheduler_job *j)
{
	struct scheduler_line *x = j->line;

	j->where = SCHEDULER_DUE;
	j->next = NULL;
	j->prev = x->last;
	x->last = j;
	x->d->n_due++;
	if (j->prev != NULL) {
		j->prev->next = j;
		return;
	}
	x->first = j;
	unseat(l, x->d);
	line_up(x);
	scheduler_turn_seat(l, x->d);
}

static void
job_out(struct scheduler_job *j)
{
	struct scheduler_line *x = j->line;

	if (j->prev != NULL)
		j->prev->next = j->next;
	else
		x->first = j->next;
	if (j->next != NULL)
		j->next->prev = j->prev;
	else
		x->last = j->prev;
	j->where = SCHEDULER_AWAY;
	x->d->n_due--;
}

void
scheduler_turn_leave(struct scheduler_dests *l, struct scheduler_job *j)
{
	struct scheduler_line *x = j->line;

	job_out(j);
	if (x->first != NULL)
		return;
	unseat(l, x->d);
	line_out(x);
	scheduler_turn_seat(l, x->d);
}

/* ---- workers ------------------------------------------------------------
 */

static void
begin_work(struct scheduler_dests *l, struct scheduler_party *p)
{
	if (p->all++ > 0)
		return;
	p->prev = NULL;
	p->next = l->working;
	if (p->next != NULL)
		p->next->prev = p;
	l->working = p;
	seat_all_classes(l, p);
}

static void
end_work(struct scheduler_dests *l, struct scheduler_party *p)
{
	if (--p->all > 0)
		return;
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		l->working = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	seat_all_classes(l, p);
}

static void
count_doubt(struct scheduler_workers *w, const struct scheduler_job *j, int by)
{
	struct scheduler_party *p = j->line->party;
	int doubtful = j->doubtful ? by : 0, dead = j->dead ? by : 0;

	w->doubtful += doubtful;
	p->doubtful += doubtful;
	w->dead += dead;
	p->dead += dead;
}

static void
end_doubt(struct scheduler_workers *w, struct scheduler_job *j)
{
	count_doubt(w, j, -1);
	j->doubtful = j->dead = false;
}

void
scheduler_turn_sure(struct scheduler_dests *l, struct scheduler_workers *w,
		    struct scheduler_job *j)
{
	struct scheduler_dest *d = j->line->d;

	end_doubt(w, j);
	if (d->answered)
		return;
	d->answered = true;
	scheduler_turn_seat(l, d);
}

void
scheduler_turn_rest(struct scheduler_dests *l, struct scheduler_workers *w,
		    struct scheduler_job *j)
{
	end_doubt(w, j);
	w->active--;
	end_work(l, j->line->party);
	j->line->d->active--;
	scheduler_turn_seat(l, j->line->d);
}

/* ---- the choice ---------------------------------------------------------
 */

static void
consider(struct scheduler_dest **best, struct scheduler_dest *d)
{
	if (*best == NULL || d->turn < (*best)->turn)
		*best = d;
}

/* The first that may go, as far as that is known. */
static struct scheduler_dest *
first_dest(const struct scheduler_dests *l, const struct scheduler_workers *w)
{
	struct scheduler_dest *best = NULL;

	for (int c = 0; c < SCHEDULER_CLASSES; c++) {
		enum scheduler_class class = (enum scheduler_class)c;
		if (!scheduler_share_open(w, class))
			continue;
		if (l->ready[c].top != NULL)
			consider(&best, dest_of(l->ready[c].top));
		if (l->rested[c].top != NULL)
			consider(&best, dest_of_seat(l->rested[c].top));
		for (const struct scheduler_party *p = l->working; p != NULL;
		     p = p->next) {
			if (p->waiting[c].n > 0 &&
			    scheduler_share_allows(w, p, class))
				consider(&best, line_of(p->waiting[c].top)->d);
		}
	}
	return best;
}

static struct scheduler_line *
allowed_line(const struct scheduler_dest *d, const struct scheduler_workers *w)
{
	struct scheduler_line *x = d->first;

	while (x != NULL && !scheduler_share_allows(w, x->party, d->class))
		x = x->next;
	return x;
}

struct scheduler_line *
scheduler_turn_next(struct scheduler_dests *l,
		    const struct scheduler_workers *w, bool *over)
{
	*over = true;
	if (w->active >= w->threads)
		return NULL; /* nor is there anybody to look */
	for (int i = 0; i < LOOKS; i++) {
		struct scheduler_dest *d = first_dest(l, w);
		if (d == NULL)
			return NULL;
		struct scheduler_line *x = allowed_line(d, w);
		if (x != NULL)
			return x;
		let_wait(l, d);
	}
	*over = false;
	return NULL;
}

struct scheduler_job *
scheduler_turn_take(struct scheduler_dests *l, struct scheduler_workers *w,
		    struct scheduler_line *x)
{
	struct scheduler_dest *d = x->d;
	struct scheduler_job *j = x->first;

	unseat(l, d);
	job_out(j);
	line_out(x);
	if (x->first != NULL)
		line_up(x);
	d->turn = ++l->turns;
	d->active++;
	scheduler_turn_seat(l, d);
	j->doubtful = !d->answered;
	j->dead = j->doubtful && d->failures > 0;
	w->active++;
	count_doubt(w, j, 1);
	begin_work(l, x->party);
	return j;
}
