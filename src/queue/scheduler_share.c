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
#include <string.h>

#include "queue/scheduler_private.h"

uint64_t
scheduler_share_party(const struct scheduler *s, const struct spool_msg *m)
{
	const char *name = spool_msg_party(m);

	return siphash(&s->party_key, name, strlen(name));
}

int
scheduler_share_doubtful(const struct scheduler *s)
{
	return s->o.threads > 1 ? s->o.threads / 2 : 1;
}

int
scheduler_share_dead(const struct scheduler *s)
{
	return s->o.threads > 3 ? s->o.threads / 4 : 1;
}

static void
count_party(struct scheduler_share *c, uint64_t party)
{
	*c = (struct scheduler_share){ .s = c->s,
				       .counted = true,
				       .party = party };
	for (int i = 0; i < c->s->active; i++) {
		const struct scheduler_job *j = c->s->running[i];
		if (j->party != party)
			continue;
		c->all++;
		c->doubtful += j->doubtful ? 1 : 0;
		c->dead += j->dead ? 1 : 0;
	}
}

bool
scheduler_share_allows(void *ctx, const struct scheduler_job *j)
{
	struct scheduler_share *c = ctx;
	const struct scheduler *s = c->s;

	if (!c->counted || c->party != j->party)
		count_party(c, j->party);
	if (c->all >= s->o.threads - s->active)
		return false;
	if (j->d->answered)
		return true;
	return c->doubtful < scheduler_share_doubtful(s) - s->doubtful &&
	       (j->d->failures == 0 ||
		c->dead < scheduler_share_dead(s) - s->dead);
}
