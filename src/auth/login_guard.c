/*
 * A failure moves one number, `until`, ahead by its share of the window: limit
 * failures fill a window, and time empties it again.  So an entry is a key and
 * a time, and an empty one is one whose time has come.  Logins that are under
 * way at the same time are all allowed, whatever becomes of the others: the
 * number moves on beyond the window for them, so that they are paid for later.
 *
 * The keys are hashes of who is meant under a random key, so that nobody can
 * choose names or addresses that push others out of their place in the table.
 */
#include "auth/login_guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/peer.h"
#include "base/rand.h"

enum {
	SETS = 2048, /* of failures; a power of two */
	WAYS = 8,    /* entries of a set, 16 bytes each: 256 KiB in all */
	KNOWN_SETS = 512,
	KNOWN_DAYS = 30,  /* a good login from an address counts for so long */
	PAIR_FACTOR = 10, /* an address that is known for a user may fail so
			     many times more often */
	DEBT_WINDOWS = 4, /* what many failures at once are remembered for */
};

static const int64_t DAY_MS = 24 * 3600 * 1000;

struct entry {
	uint64_t key; /* 0: free */
	int64_t until_ms;
};

struct login_guard {
	struct login_guard_options o;
	struct siphash_key key;
	pthread_mutex_t lock; /* guards what follows */
	struct entry failed[SETS][WAYS];
	struct entry known[KNOWN_SETS][WAYS];
};

/* Who is meant: an address, a user, or both together. */
struct subject {
	uint64_t address, user, pair;
};

int
login_guard_new(struct login_guard **out, const struct login_guard_options *o,
		struct err *e)
{
	struct login_guard *g = calloc(1, sizeof(*g));

	*out = g;
	if (g == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "logins");
	g->o = *o;
	rand_bytes(&g->key, sizeof(g->key));
	(void)pthread_mutex_init(&g->lock, NULL);
	return 0;
}

void
login_guard_free(struct login_guard **gp)
{
	struct login_guard *g = *gp;

	*gp = NULL;
	if (g == NULL)
		return;
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

static struct subject
identify(const struct login_guard *g, const char *peer, const char *user)
{
	uint64_t party = peer_party(&g->key, peer);
	char text[512];
	struct subject s;

	int n = snprintf(text, sizeof(text), "address %016llx",
			 (unsigned long long)party);
	s.address = siphash(&g->key, text, (size_t)n) | 1;
	n = snprintf(text, sizeof(text), "user %.400s", user);
	s.user = siphash(&g->key, text, (size_t)n) | 1;
	n = snprintf(text, sizeof(text), "pair %016llx %.400s",
		     (unsigned long long)party, user);
	s.pair = siphash(&g->key, text, (size_t)n) | 1;
	return s;
}

/* The entry of `key` in its set, or NULL. */
static struct entry *
look(struct entry *set, uint64_t key)
{
	for (int i = 0; i < WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
	}
	return NULL;
}

/* The same, made in place of the one that would be forgotten first. */
static struct entry *
place(struct entry *set, uint64_t key)
{
	struct entry *found = look(set, key), *least = &set[0];

	if (found != NULL)
		return found;
	for (int i = 1; i < WAYS; i++) {
		if (set[i].until_ms < least->until_ms)
			least = &set[i];
	}
	*least = (struct entry){ .key = key };
	return least;
}

static struct entry *
failed_set(struct login_guard *g, uint64_t key)
{
	return g->failed[(key >> 8) % SETS];
}

static struct entry *
known_set(struct login_guard *g, uint64_t key)
{
	return g->known[(key >> 8) % KNOWN_SETS];
}

/* What one failure adds, so that `limit` of them fill the window. */
static int64_t
share(const struct login_guard *g, int64_t limit)
{
	int64_t ms = g->o.window_ms / limit;

	return ms < 1 ? 1 : ms;
}

/* Failures that count now, rounded up. */
static int64_t
count(struct login_guard *g, uint64_t key, int64_t limit, int64_t now_ms)
{
	const struct entry *i = look(failed_set(g, key), key);
	int64_t part = share(g, limit);

	if (i == NULL || i->until_ms <= now_ms)
		return 0;
	return (i->until_ms - now_ms + part - 1) / part;
}

static void
add(struct login_guard *g, uint64_t key, int64_t limit, int64_t now_ms)
{
	struct entry *i = place(failed_set(g, key), key);
	int64_t most = now_ms + DEBT_WINDOWS * g->o.window_ms;

	if (i->until_ms < now_ms)
		i->until_ms = now_ms;
	i->until_ms += share(g, limit);
	if (i->until_ms > most)
		i->until_ms = most;
}

static int64_t
pair_limit(const struct login_guard *g)
{
	return g->o.address_failures * PAIR_FACTOR;
}

/* Has this user logged in well from here, and not lost that? */
static bool
is_known(struct login_guard *g, const struct subject *s, int64_t now_ms)
{
	const struct entry *i = look(known_set(g, s->pair), s->pair);

	return i != NULL && i->until_ms > now_ms &&
	       count(g, s->pair, pair_limit(g), now_ms) < pair_limit(g);
}

bool
login_guard_allows(struct login_guard *g, const char *peer, const char *user,
		   int64_t now_ms)
{
	struct subject s = identify(g, peer, user);

	(void)pthread_mutex_lock(&g->lock);
	bool allowed =
	    is_known(g, &s, now_ms) ||
	    (count(g, s.address, g->o.address_failures, now_ms) <
		 g->o.address_failures &&
	     count(g, s.user, g->o.user_failures, now_ms) < g->o.user_failures);
	(void)pthread_mutex_unlock(&g->lock);
	return allowed;
}

/* The delay after the n-th failure, n >= 1. */
static int64_t
delay(const struct login_guard *g, int64_t n)
{
	int64_t ms = g->o.delay_ms;

	for (; n > 1 && ms < g->o.delay_max_ms; n--)
		ms *= 2;
	return ms < g->o.delay_max_ms ? ms : g->o.delay_max_ms;
}

int64_t
login_guard_failed(struct login_guard *g, const char *peer, const char *user,
		   int64_t now_ms)
{
	struct subject s = identify(g, peer, user);
	int64_t n;

	(void)pthread_mutex_lock(&g->lock);
	bool known = is_known(g, &s, now_ms);
	add(g, s.address, g->o.address_failures, now_ms);
	add(g, s.user, g->o.user_failures, now_ms);
	add(g, s.pair, pair_limit(g), now_ms);
	n = known ? count(g, s.pair, pair_limit(g), now_ms)
		  : count(g, s.address, g->o.address_failures, now_ms);
	(void)pthread_mutex_unlock(&g->lock);
	return delay(g, n);
}

int64_t
login_guard_pause(const struct login_guard *g)
{
	return g->o.delay_ms;
}

void
login_guard_passed(struct login_guard *g, const char *peer, const char *user,
		   int64_t now_ms)
{
	struct subject s = identify(g, peer, user);

	(void)pthread_mutex_lock(&g->lock);
	place(known_set(g, s.pair), s.pair)->until_ms =
	    now_ms + KNOWN_DAYS * DAY_MS;
	struct entry *own = look(failed_set(g, s.pair), s.pair);
	if (own != NULL)
		own->until_ms = now_ms;
	(void)pthread_mutex_unlock(&g->lock);
}
