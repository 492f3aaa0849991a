#include "net/rate.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

/* What a party did in the window that runs, and in the one before. */
struct entry {
	uint64_t party;
	int64_t window; /* its number */
	int64_t now, before;
};

struct rate {
	int64_t limit, window_ms;
	pthread_mutex_t lock; /* guards the rest */
	struct entry set[RATE_SETS][RATE_WAYS];
};

int
rate_new(struct rate **out, int64_t limit, int64_t window_ms, struct err *e)
{
	*out = NULL;
	if (limit <= 0)
		return 0;
	struct rate *r = calloc(1, sizeof(*r));
	if (r == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "table of rates");
	r->limit = limit;
	r->window_ms = window_ms > 0 ? window_ms : 1;
	(void)pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void
rate_free(struct rate **out)
{
	struct rate *r = *out;

	if (r == NULL)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
	*out = NULL;
}

/* Bring an entry to window number w. */
static void
advance(struct entry *n, int64_t w)
{
	if (w == n->window)
		return;
	n->before = w == n->window + 1 ? n->now : 0;
	n->now = 0;
	n->window = w;
}

/* What counts at now_ms; the last part of a window before is left out. */
static int64_t
weight(const struct rate *r, const struct entry *n, int64_t now_ms)
{
	int64_t left = r->window_ms - now_ms % r->window_ms;

	/* limit and window are bounded by the options, far below 2^31 each */
	return n->now + n->before * left / r->window_ms;
}

/* The party's entry, or the one to give up for it. */
static struct entry *
entry_of(struct rate *r, uint64_t party, int64_t now_ms)
{
	struct entry *set = r->set[party % RATE_SETS], *least = NULL;
	int64_t w = now_ms / r->window_ms;

	for (size_t i = 0; i < RATE_WAYS; i++) {
		advance(&set[i], w);
		if (set[i].party == party)
			return &set[i];
		if (least == NULL ||
		    weight(r, &set[i], now_ms) < weight(r, least, now_ms))
			least = &set[i];
	}
	*least = (struct entry){ .party = party, .window = w };
	return least;
}

bool
rate_take(struct rate *r, uint64_t party, int64_t now_ms)
{
	if (r == NULL)
		return true;
	(void)pthread_mutex_lock(&r->lock);
	struct entry *n = entry_of(r, party, now_ms);
	bool ok = weight(r, n, now_ms) < r->limit;
	n->now += ok ? 1 : 0;
	(void)pthread_mutex_unlock(&r->lock);
	return ok;
}
