/*
 * How many workers one party may have: as many as are free.  Alone that is half
 * of them, with a second one a third each, and so on; the last free ones are
 * for who has none.
 *
 * What a login sends may go to servers of its own that answer and then are
 * silent for as long as they may, or say a line now and then.  That is known
 * too late, when all workers wait there; so nobody may have them all.  The same
 * holds among the workers for destinations that have not answered yet, or did
 * not the last time: who names a thousand of these leaves some to others.
 */
#include "queue/scheduler_dest.h"

/* Those that have not answered may have half. */
static int
doubtful_max(const struct scheduler_workers *w)
{
	return w->threads > 1 ? w->threads / 2 : 1;
}

/* Those that did not the last time may have half of these. */
static int
dead_max(const struct scheduler_workers *w)
{
	return w->threads > 3 ? w->threads / 4 : 1;
}

static bool
is_within(const struct scheduler_workers *w, enum scheduler_class class,
	  int all, int doubtful, int dead)
{
	if (all >= w->threads - w->active)
		return false;
	switch (class) {
	case SCHEDULER_ANSWERED:
		return true;
	case SCHEDULER_NEW:
		return doubtful < doubtful_max(w) - w->doubtful;
	case SCHEDULER_DEAD:
		return doubtful < doubtful_max(w) - w->doubtful &&
		       dead < dead_max(w) - w->dead;
	case SCHEDULER_CLASSES:
		break;
	}
	return false;
}

bool
scheduler_share_allows(const struct scheduler_workers *w,
		       const struct scheduler_party *p,
		       enum scheduler_class class)
{
	return is_within(w, class, p->all, p->doubtful, p->dead);
}

/*
 * Servers that take a connection and say nothing hold a worker each until the
 * time for it is over.  What has not answered may have half of them, so that
 * the others get their mail; and what is known not to answer half of those, so
 * that new ones get a try.
 */
bool
scheduler_share_open(const struct scheduler_workers *w,
		     enum scheduler_class class)
{
	return is_within(w, class, 0, 0, 0);
}
