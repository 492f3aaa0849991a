/*
 * Whose turn it is.
 *
 * Parties take turns first, and then, within a party, its destinations.  Of the
 * parties that have something that may go, those with the fewest workers come
 * first, and of these the one that has waited longest since its last turn,
 * which ends when its worker does; one that is new has waited since it came.
 * Of its lines the one goes that was served longest ago.  So whoever sends to a
 * thousand destinations keeps another waiting for one delivery, also where all
 * workers are taken.
 *
 * What may not go must not be walked past at each choice, since it may be
 * nearly everything: a mailing list has jobs for fifty thousand destinations,
 * and its party has half of the workers already; or ten thousand parties wait
 * for one destination.  And no event may touch all that such a crowd has.  So:
 *
 * - Each line with due jobs stands in the heap `waiting` of its party, of the
 *   class of its destination.  Only what happens to the line itself moves it
 *   there.
 * - Where nobody has answered yet only so many workers may go: when they are
 *   there, no heap of that class is looked at.
 * - A destination is full with as many deliveries as it may have.  Its lines
 *   stay where they are, and a choice looks below them: there are fewer full
 *   destinations than workers.
 * - The parties without a worker stand in the heap `rested`, by their turn.
 *   They may always have one.  When all lines of the first one, of a class, are
 *   at full destinations, it leaves that heap, and each of these lines goes
 * into the heap `stuck` of its destination: there they stand by the turn of
 * their party, which stays as it is until it is served.  When one of these
 *   destinations is not full any more, it stands in the heap `opened`, by the
 *   first line that is stuck there, and takes part in the choice.  The others
 *   stay where they are.
 * - The parties that have a worker are looked at one by one if none of those
 *   without may go.  There are no more of them than there are workers.
 *
 * Thus a party gets stuck once for each turn, and for each line that is new to
 * it, and a choice costs O(log n) beside the workers.  If many get stuck at
 * once, a choice ends after LOOKS lines, and the lock is let go before the
 * next. Only when the class of a destination changes (it answers for the first
 * time) each party that waits there is touched.
 */
#include "queue/scheduler_dest.h"

enum { LOOKS = 8 };

/* Of a node; there is one. */
static struct scheduler_line *
line_by_turn(const struct heap_node *x)
{
	return HEAP_THING(x, struct scheduler_line, by_turn);
}

static struct scheduler_line *
line_stuck(const struct heap_node *x)
{
	return HEAP_THING(x, struct scheduler_line, stuck);
}

static struct scheduler_seat *
seat_of(const struct heap_node *x)
{
	return HEAP_THING(x, struct scheduler_seat, node);
}

/* The first line that is stuck at an opened destination. */
static struct scheduler_line *
first_stuck(const struct heap_node *x)
{
	return line_stuck(
	    HEAP_THING(x, struct scheduler_dest, by_stuck)->stuck.top);
}

static bool
line_before(const struct heap_node *a, const struct heap_node *b)
{
	return line_by_turn(a)->turn < line_by_turn(b)->turn;
}

static bool
seat_before(const struct heap_node *a, const struct heap_node *b)
{
	return seat_of(a)->party->turn < seat_of(b)->party->turn;
}

static bool
stuck_before(const struct heap_node *a, const struct heap_node *b)
{
	return line_stuck(a)->party->turn < line_stuck(b)->party->turn;
}

static bool
opened_before(const struct heap_node *a, const struct heap_node *b)
{
	return first_stuck(a)->party->turn < first_stuck(b)->party->turn;
}

void
scheduler_turn_init(struct scheduler_dests *l)
{
	for (int c = 0; c < SCHEDULER_CLASSES; c++) {
		l->rested[c].before = seat_before;
		l->opened[c].before = opened_before;
	}
}

void
scheduler_turn_init_dest(struct scheduler_dest *d)
{
	d->stuck.before = stuck_before;
}

void
scheduler_turn_init_party(struct scheduler_dests *l, struct scheduler_party *p)
{
	p->turn = ++l->turns;
	for (int c = 0; c < SCHEDULER_CLASSES; c++) {
		p->waiting[c].before = line_before;
		p->seat[c].party = p;
		p->seat[c].class = (enum scheduler_class)c;
	}
}

void
scheduler_turn_init_line(struct scheduler_dests *l, struct scheduler_line *x)
{
	x->turn = ++l->turns;
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

static bool
is_full(const struct scheduler_dests *l, const struct scheduler_dest *d)
{
	return d->active >= scheduler_dest_limit(d, l->per_destination);
}

/* Whether it is full, or what is stuck there, has changed. */
static void
seat_dest(struct scheduler_dests *l, struct scheduler_dest *d)
{
	if (d->opened)
		heap_take(&l->opened[d->class], &d->by_stuck);
	d->opened = d->stuck.n > 0 && !is_full(l, d);
	if (d->opened)
		heap_push(&l->opened[d->class], &d->by_stuck);
}

/* Before anything changes by which it stands where it does. */
static void
unseat(struct scheduler_dests *l, struct scheduler_seat *t)
{
	const struct heap *waiting = &t->party->waiting[t->class];

	switch (t->place) {
	case SCHEDULER_NOWHERE:
		break;
	case SCHEDULER_RESTED:
		heap_take(&l->rested[t->class], &t->node);
		break;
	case SCHEDULER_STUCK:
		for (struct heap_node *n = heap_first(waiting); n != NULL;
		     n = heap_next(n)) {
			struct scheduler_line *x = line_by_turn(n);
			heap_take(&x->d->stuck, &x->stuck);
			seat_dest(l, x->d);
		}
		break;
	}
	t->place = SCHEDULER_NOWHERE;
}

static void
seat(struct scheduler_dests *l, struct scheduler_seat *t)
{
	if (t->party->all > 0 || t->party->waiting[t->class].n == 0)
		return;
	t->place = SCHEDULER_RESTED;
	heap_push(&l->rested[t->class], &t->node);
}

/* From the rested ones: all its lines are at full destinations.  Returns how
 * many these are. */
static size_t
get_stuck(struct scheduler_dests *l, struct scheduler_seat *t)
{
	const struct heap *waiting = &t->party->waiting[t->class];

	unseat(l, t);
	t->place = SCHEDULER_STUCK;
	for (struct heap_node *n = heap_first(waiting); n != NULL;
	     n = heap_next(n)) {
		struct scheduler_line *x = line_by_turn(n);
		heap_push(&x->d->stuck, &x->stuck);
	}
	return waiting->n;
}

/* ---- lines --------------------------------------------------------------
 */

static void
begin_waiting(struct scheduler_dests *l, struct scheduler_line *x)
{
	struct scheduler_party *p = x->party;
	enum scheduler_class class = x->d->class;

	unseat(l, &p->seat[class]);
	heap_push(&p->waiting[class], &x->by_turn);
	seat(l, &p->seat[class]);
}

static void
end_waiting(struct scheduler_dests *l, struct scheduler_line *x)
{
	struct scheduler_party *p = x->party;
	enum scheduler_class class = x->d->class;

	unseat(l, &p->seat[class]);
	heap_take(&p->waiting[class], &x->by_turn);
	seat(l, &p->seat[class]);
}

void
scheduler_turn_seat(struct scheduler_dests *l, struct scheduler_dest *d)
{
	enum scheduler_class class = class_of(d);

	if (d->class != class) {
		for (struct scheduler_line *x = d->first; x != NULL;
		     x = x->next)
			end_waiting(l, x);
		d->class = class;
		for (struct scheduler_line *x = d->first; x != NULL;
		     x = x->next)
			begin_waiting(l, x);
	}
	seat_dest(l, d);
}

/* To those of its destination that have due jobs. */
static void
line_in(struct scheduler_line *x)
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
	scheduler_turn_seat(l, x->d); /* by the class that it has now */
	line_in(x);
	begin_waiting(l, x);
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
	end_waiting(l, x);
	line_out(x);
}

/* ---- workers ------------------------------------------------------------
 */

static void
begin_work(struct scheduler_dests *l, struct scheduler_party *p)
{
	p->turn = ++l->turns;
	if (p->all++ > 0)
		return;
	p->prev = NULL;
	p->next = l->working;
	if (p->next != NULL)
		p->next->prev = p;
	l->working = p;
}

static void
end_work(struct scheduler_dests *l, struct scheduler_party *p)
{
	p->turn = ++l->turns;
	if (--p->all > 0)
		return;
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		l->working = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	for (int c = 0; c < SCHEDULER_CLASSES; c++)
		seat(l, &p->seat[c]);
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
consider(struct scheduler_seat **best, struct scheduler_seat *t)
{
	if (*best == NULL || t->party->turn < (*best)->party->turn)
		*best = t;
}

/* Of the parties without a worker that may have one: the first, as far as that
 * is known. */
static struct scheduler_seat *
first_rested(const struct scheduler_dests *l, const struct scheduler_workers *w)
{
	struct scheduler_seat *best = NULL;

	for (int c = 0; c < SCHEDULER_CLASSES; c++) {
		if (!scheduler_share_open(w, (enum scheduler_class)c))
			continue;
		if (l->rested[c].top != NULL)
			consider(&best, seat_of(l->rested[c].top));
		if (l->opened[c].top != NULL)
			consider(
			    &best,
			    &first_stuck(l->opened[c].top)->party->seat[c]);
	}
	return best;
}

static bool
has_room(const void *ctx, const struct heap_node *x)
{
	return !is_full(ctx, line_by_turn(x)->d);
}

/* The first of the party's lines that may go, or NULL. */
static struct scheduler_line *
first_line(const struct scheduler_dests *l, const struct scheduler_workers *w,
	   const struct scheduler_party *p)
{
	struct heap_node *best = NULL;

	for (int c = 0; c < SCHEDULER_CLASSES; c++) {
		if (!scheduler_share_allows(w, p, (enum scheduler_class)c))
			continue;
		struct heap_node *x = heap_least(&p->waiting[c], has_room, l);
		if (x != NULL && (best == NULL || line_before(x, best)))
			best = x;
	}
	return best == NULL ? NULL : line_by_turn(best);
}

static bool
party_before(const struct scheduler_party *a, const struct scheduler_party *b)
{
	return a->all != b->all ? a->all < b->all : a->turn < b->turn;
}

/* Of the parties that have a worker. */
static struct scheduler_line *
first_working(const struct scheduler_dests *l,
	      const struct scheduler_workers *w)
{
	struct scheduler_line *best = NULL;

	for (const struct scheduler_party *p = l->working; p != NULL;
	     p = p->next) {
		if (best != NULL && !party_before(p, best->party))
			continue;
		struct scheduler_line *x = first_line(l, w, p);
		if (x != NULL)
			best = x;
	}
	return best;
}

struct scheduler_line *
scheduler_turn_next(struct scheduler_dests *l,
		    const struct scheduler_workers *w, bool *over)
{
	*over = true;
	if (w->active >= w->threads)
		return NULL; /* nor is there anybody to look */
	for (size_t looks = 0; looks < LOOKS;) {
		struct scheduler_seat *t = first_rested(l, w);
		if (t == NULL)
			return first_working(l, w);
		struct scheduler_line *x = first_line(l, w, t->party);
		if (x != NULL)
			return x;
		looks += get_stuck(l, t);
	}
	*over = false;
	return NULL;
}

struct scheduler_job *
scheduler_turn_take(struct scheduler_dests *l, struct scheduler_workers *w,
		    struct scheduler_line *x)
{
	struct scheduler_dest *d = x->d;
	struct scheduler_party *p = x->party;
	struct scheduler_job *j = x->first;

	for (int c = 0; c < SCHEDULER_CLASSES; c++)
		unseat(l, &p->seat[c]);
	begin_work(l, p);
	heap_take(&p->waiting[d->class], &x->by_turn);
	x->turn = ++l->turns;
	job_out(j);
	if (x->first != NULL)
		heap_push(&p->waiting[d->class], &x->by_turn);
	else
		line_out(x);
	d->active++;
	seat_dest(l, d);
	j->doubtful = !d->answered;
	j->dead = j->doubtful && d->failures > 0;
	w->active++;
	count_doubt(w, j, 1);
	return j;
}
