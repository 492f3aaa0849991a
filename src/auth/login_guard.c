/*
 * Who has to wait, and for how long.
 *
 * A failure fills a bucket of the address and one of the user by a share, and
 * time empties them: a limit of n failures is a full bucket.  While neither is
 * full nobody waits.  A bucket that was full is hot until it is half empty.
 * Then there are two ways:
 *
 * first  Parties that have tried less than QUICK times (in a day, where the
 * user is guessed at) go one at a time, and after FIRST_MS in any case.  What
 *        they fail goes into no hot bucket: a crowd of new parties cannot keep
 *        out those who have mistyped.
 * slow   All others go as the bucket leaks: one for each share of the window.
 *
 * Failures decide which way, and no more: within both, parties go in turns, and
 * whose last try is longest ago is next.  Whoever hangs up while waiting has
 * had the turn, or a crowd that never waits would stay as good as new.
 *
 * Logins under way count as failed until they end, so that a thousand at once
 * are not a thousand guesses.  The keys are hashes under a key that nobody
 * knows, so that nobody can choose names or addresses that push others out of
 * their place in a table.
 */
#include "auth/login_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "auth/login_known.h"
#include "auth/login_table.h"
#include "base/log.h"
#include "base/peer.h"
#include "base/rand.h"

enum {
	FAILED_SETS = 2048, /* of addresses and users; powers of two */
	PAIR_SETS = 8192,
	WRONG_SETS = 2048,   /* passwords */
	FAILURES_MAX = 1000, /* of a party, that are told apart */
	PAIR_FACTOR = 10,    /* an address that is known for a user may fail so
				many times more often */
	QUICK = 4,           /* tries of a party that go the first way */
};

static const int64_t DAY_MS = 24 * 3600 * 1000;

struct login_guard {
	struct login_guard_options o;
	int keep_dir; /* where what is known is kept, or -1 */

	pthread_mutex_t lock;      /* guards what follows */
	struct login_table failed; /* addresses, users */
	struct login_table pairs;
	struct login_table wrong; /* passwords, each of a party */
	struct login_table known; /* pairs */
	bool dirty, saving;       /* known, and its file */
	struct login_attempt *waiting, *running;
	uint64_t arrivals;
	int64_t alarm_ms; /* when the head of the line looks at the clock */
};

/* Attempts that run at this moment, as far as they matter to one. */
struct crowd {
	int64_t user, address, pair, first;
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
	g->keep_dir = -1;
	if (g->o.key.k0 == 0 && g->o.key.k1 == 0)
		rand_bytes(&g->o.key, sizeof(g->o.key));
	(void)pthread_mutex_init(&g->lock, NULL);
	if (login_table_init(&g->failed, FAILED_SETS) == 0 &&
	    login_table_init(&g->pairs, PAIR_SETS) == 0 &&
	    login_table_init(&g->wrong, WRONG_SETS) == 0 &&
	    login_table_init(&g->known, LOGIN_KNOWN_SETS) == 0)
		return 0;
	login_guard_free(out);
	return err_set(e, ERR_TEMP, ENOMEM, "logins");
}

void
login_guard_free(struct login_guard **gp)
{
	struct login_guard *g = *gp;

	*gp = NULL;
	if (g == NULL)
		return;
	login_table_clear(&g->failed);
	login_table_clear(&g->pairs);
	login_table_clear(&g->wrong);
	login_table_clear(&g->known);
	if (g->keep_dir >= 0)
		(void)close(g->keep_dir);
	(void)pthread_mutex_destroy(&g->lock);
	free(g);
}

/* ---- who it is ------------------------------------------------------------
 */

static uint64_t
hash_text(const struct login_guard *g, const char *kind, uint64_t number,
	  const char *user)
{
	char text[512];

	int n = snprintf(text, sizeof(text), "%s %016llx %.400s", kind,
			 (unsigned long long)number, user);
	return siphash(&g->o.key, text, (size_t)n) | 1;
}

static struct login_subject
identify(const struct login_guard *g, const struct login_try *t)
{
	uint64_t party = peer_party(&g->o.key, t->peer);
	struct login_subject s = {
		.address = hash_text(g, "address", party, ""),
		.user = hash_text(g, "user", 0, t->user),
		.pair = hash_text(g, "pair", party, t->user),
	};

	if (t->password.p != NULL) {
		const uint64_t guess[] = {
			s.pair,
			siphash(&g->o.key, t->password.p, t->password.n),
		};
		s.password = siphash(&g->o.key, guess, sizeof(guess)) | 1;
	}
	return s;
}

/* ---- buckets --------------------------------------------------------------
 */

/* What one failure adds, so that `limit` of them fill the window. */
static int64_t
share_of(const struct login_guard *g, int64_t limit)
{
	int64_t ms = g->o.window_ms / limit;

	return ms < 1 ? 1 : ms;
}

/* Failures that count now, rounded up. */
static int64_t
level_of(const struct login_guard *g, const struct login_entry *i,
	 int64_t limit, int64_t now_ms)
{
	int64_t part = share_of(g, limit);

	if (i == NULL || i->level_ms <= now_ms)
		return 0;
	return (i->level_ms - now_ms + part - 1) / part;
}

static int64_t
level(const struct login_guard *g, uint64_t key, int64_t limit, int64_t now_ms)
{
	return level_of(g, login_table_find(&g->failed, key, now_ms), limit,
			now_ms);
}

/* When one failure less counts than `limit`. */
static int64_t
leak_ms(const struct login_guard *g, uint64_t key, int64_t limit,
	int64_t now_ms)
{
	const struct login_entry *i = login_table_find(&g->failed, key, now_ms);

	return i == NULL ? now_ms
			 : i->level_ms - (limit - 1) * share_of(g, limit);
}

static bool
is_hot(const struct login_guard *g, uint64_t key, int64_t limit, int64_t now_ms)
{
	struct login_entry *i = login_table_find(&g->failed, key, now_ms);

	if (i != NULL && i->hot && level_of(g, i, limit, now_ms) <= limit / 2)
		i->hot = false;
	return i != NULL && i->hot;
}

static void
fill(struct login_guard *g, struct login_entry *i, int64_t limit,
     int64_t now_ms)
{
	int64_t most = now_ms + g->o.window_ms;

	if (i->level_ms < now_ms)
		i->level_ms = now_ms;
	i->level_ms += share_of(g, limit);
	if (i->level_ms > most)
		i->level_ms = most;
	if (level_of(g, i, limit, now_ms) >= limit)
		i->hot = true;
	if (i->until_ms < i->level_ms)
		i->until_ms = i->level_ms;
}

static int64_t
pair_limit(const struct login_guard *g)
{
	return g->o.address_failures * PAIR_FACTOR;
}

/* How often has this party failed?  It is remembered for a day, and one less
 * with each window. */
static int64_t
failures_of(const struct login_guard *g, uint64_t pair, int64_t now_ms)
{
	const struct login_entry *i = login_table_find(&g->pairs, pair, now_ms);

	if (i == NULL || i->n == 0)
		return 0;
	int64_t n = i->n - (now_ms - i->last_ms) / g->o.window_ms;
	return n < 1 ? 1 : n;
}

/* May this party go the first way?  Where the user is guessed at no try is
 * forgiven before a day without one, or each window would bring every party a
 * guess. */
static bool
is_quick(const struct login_guard *g, const struct login_attempt *a, bool user,
	 int64_t now_ms)
{
	const struct login_entry *i =
	    login_table_find(&g->pairs, a->who.pair, now_ms);

	return i == NULL || (user ? i->tries : a->failures) < QUICK;
}

/* Has this user logged in well from here, and not lost that? */
static bool
is_known(struct login_guard *g, const struct login_subject *who,
	 const struct crowd *c, int64_t now_ms)
{
	return login_table_find(&g->known, who->pair, now_ms) != NULL &&
	       level_of(g, login_table_find(&g->pairs, who->pair, now_ms),
			pair_limit(g), now_ms) +
		       c->pair <
		   pair_limit(g);
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

/* ---- whose turn it is -----------------------------------------------------
 */

static struct crowd
crowd_of(const struct login_guard *g, const struct login_attempt *a)
{
	struct crowd c = { 0 };

	for (const struct login_attempt *i = g->running; i != NULL;
	     i = i->next) {
		c.user += i->who.user == a->who.user;
		c.address += i->who.address == a->who.address;
		c.pair += i->who.pair == a->who.pair;
		c.first += i->lane == LOGIN_FIRST;
	}
	return c;
}

/* May one of the first go? */
static bool
first_may_go(const struct login_guard *g, struct login_attempt *a,
	     const struct crowd *c, int64_t now_ms)
{
	int64_t from = a->begun_ms;

	a->lane = LOGIN_FIRST;
	if (c->pair > 0) /* of one party only one */
		return false;
	if (a->failures > 0 && from < a->last_ms + delay(g, a->failures))
		from = a->last_ms + delay(g, a->failures);
	a->not_before_ms = from;
	if (now_ms < from)
		return false;
	if (c->first == 0 || now_ms >= from + LOGIN_GUARD_FIRST_MS)
		return true;
	a->look_ms = from + LOGIN_GUARD_FIRST_MS;
	return false;
}

/* May one of the others go?  `user`, `address`: which is over its limit. */
static bool
slow_may_go(const struct login_guard *g, struct login_attempt *a,
	    const struct crowd *c, bool user, bool address, int64_t now_ms)
{
	int64_t most_u = g->o.user_failures, most_a = g->o.address_failures;
	bool full = false;

	a->lane = LOGIN_SLOW;
	if (user && level(g, a->who.user, most_u, now_ms) + c->user >= most_u) {
		full = true;
		a->not_before_ms = leak_ms(g, a->who.user, most_u, now_ms);
	}
	if (address &&
	    level(g, a->who.address, most_a, now_ms) + c->address >= most_a) {
		int64_t leak = leak_ms(g, a->who.address, most_a, now_ms);
		full = true;
		if (leak > a->not_before_ms)
			a->not_before_ms = leak;
	}
	return !full;
}

/* May it go now?  Else a->not_before_ms and a->look_ms say when to look again,
 * if it is a matter of time. */
static bool
may_go(struct login_guard *g, struct login_attempt *a, int64_t now_ms)
{
	struct crowd c = crowd_of(g, a);
	int64_t most_u = g->o.user_failures, most_a = g->o.address_failures;

	a->not_before_ms = a->look_ms = 0;
	a->lane = LOGIN_FREE;
	if (is_known(g, &a->who, &c, now_ms))
		return true;
	bool user = is_hot(g, a->who.user, most_u, now_ms) ||
		    level(g, a->who.user, most_u, now_ms) + c.user >= most_u;
	bool address =
	    !a->exempt &&
	    (is_hot(g, a->who.address, most_a, now_ms) ||
	     level(g, a->who.address, most_a, now_ms) + c.address >= most_a);
	if (!user && !address)
		return true;
	const struct login_entry *own =
	    login_table_find(&g->pairs, a->who.pair, now_ms);
	a->failures = failures_of(g, a->who.pair, now_ms);
	a->last_ms = own == NULL ? INT64_MIN : own->last_ms;
	if (is_quick(g, a, user, now_ms))
		return first_may_go(g, a, &c, now_ms);
	return slow_may_go(g, a, &c, user, address, now_ms);
}

static void
unlink_from(struct login_attempt **list, const struct login_attempt *a)
{
	while (*list != NULL && *list != a)
		list = &(*list)->next;
	if (*list != NULL)
		*list = a->next;
}

static void
ring(const struct login_attempt *a)
{
	uint64_t one = 1;

	if (a != NULL && a->event >= 0)
		(void)!write(a->event, &one, sizeof(one));
}

/* Off the line; who is at its head looks at the clock for all. */
static void
leave_line(struct login_guard *g, struct login_attempt *a)
{
	bool head = g->waiting == a;

	unlink_from(&g->waiting, a);
	if (head)
		ring(g->waiting);
}

static void
let_go(struct login_guard *g, struct login_attempt *a)
{
	a->state = LOGIN_RUNS;
	a->next = g->running;
	g->running = a;
}

/* Whose party tried longest ago, or from an address that failed less, or who
 * came first. */
static bool
goes_before(const struct login_guard *g, const struct login_attempt *a,
	    const struct login_attempt *b, int64_t now_ms)
{
	if (a->last_ms != b->last_ms)
		return a->last_ms < b->last_ms;
	int64_t x = level(g, a->who.address, g->o.address_failures, now_ms);
	int64_t y = level(g, b->who.address, g->o.address_failures, now_ms);
	return x != y ? x < y : a->arrival < b->arrival;
}

/* Let all go that may; returns when the next might, by time alone. */
static int64_t
let_all_go(struct login_guard *g, int64_t now_ms)
{
	struct login_attempt *best;
	int64_t next;

	do {
		best = NULL;
		next = INT64_MAX;
		for (struct login_attempt *a = g->waiting; a != NULL;
		     a = a->next) {
			if (a->state == LOGIN_WAITS &&
			    a->not_before_ms <= now_ms &&
			    may_go(g, a, now_ms) &&
			    (best == NULL || goes_before(g, a, best, now_ms)))
				best = a;
			if (a->not_before_ms > now_ms &&
			    a->not_before_ms < next)
				next = a->not_before_ms;
			if (a->look_ms > now_ms && a->look_ms < next)
				next = a->look_ms;
		}
		if (best != NULL) {
			leave_line(g, best);
			let_go(g, best);
			ring(best);
		}
	} while (best != NULL);
	return next;
}

bool
login_guard_begin(struct login_guard *g, struct login_attempt *a,
		  const struct login_try *t, int64_t now_ms)
{
	*a = (struct login_attempt){ .who = identify(g, t),
				     .exempt = t->exempt,
				     .begun_ms = now_ms,
				     .event = -1 };
	(void)pthread_mutex_lock(&g->lock);
	a->arrival = g->arrivals++;
	bool now = may_go(g, a, now_ms);
	if (now && a->lane != LOGIN_SLOW) {
		let_go(g, a);
	} else {
		/* not before those who wait for the same drop of a bucket */
		a->next = g->waiting;
		g->waiting = a;
		if (now)
			(void)let_all_go(g, now_ms);
	}
	if (a->state == LOGIN_WAITS)
		a->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->seen = a->state;
	now = a->state == LOGIN_RUNS;
	(void)pthread_mutex_unlock(&g->lock);
	return now;
}

int64_t
login_guard_look(struct login_guard *g, struct login_attempt *a, int64_t now_ms)
{
	int64_t until = a->begun_ms + LOGIN_GUARD_WAIT_MS;

	(void)pthread_mutex_lock(&g->lock);
	bool head = g->waiting == a;
	int64_t next = let_all_go(g, now_ms);
	if (head)
		g->alarm_ms = next;
	else if (next < g->alarm_ms)
		ring(g->waiting);
	if (a->state == LOGIN_WAITS && now_ms >= until) {
		a->state = LOGIN_GIVEN_UP;
		leave_line(g, a);
	}
	a->seen = a->state;
	(void)pthread_mutex_unlock(&g->lock);
	if (a->seen != LOGIN_WAITS)
		return 0;
	if (head && next < until)
		until = next;
	return until > now_ms ? until - now_ms : 1;
}

/* ---- the end --------------------------------------------------------------
 */

static void
remember_right(struct login_guard *g, const struct login_subject *who,
	       int64_t now_ms)
{
	struct login_entry *good =
	    login_table_place(&g->known, who->pair, now_ms);
	struct login_entry *own =
	    login_table_find(&g->pairs, who->pair, now_ms);
	int64_t until = now_ms + LOGIN_KNOWN_DAYS * DAY_MS;

	g->dirty |= good->until_ms < until - DAY_MS;
	good->until_ms = until;
	if (own != NULL)
		own->until_ms = now_ms;
	for (struct login_attempt *i = g->waiting; i != NULL; i = i->next) {
		if (i->who.pair == who->pair)
			i->not_before_ms = 0;
	}
}

/* Has this party said this wrong password before?  Then it learns nothing.  It
 * would if that were asked of others: what somebody else has mistyped. */
static bool
is_repeated(struct login_guard *g, const struct login_subject *who,
	    int64_t now_ms)
{
	if (who->password == 0)
		return false;
	bool before =
	    login_table_find(&g->wrong, who->password, now_ms) != NULL;
	login_table_place(&g->wrong, who->password, now_ms)->until_ms =
	    now_ms + DAY_MS;
	return before;
}

/* One more try of this party, its n-th failure. */
static struct login_entry *
remember_try(struct login_guard *g, const struct login_subject *who,
	     bool repeated, int64_t now_ms, int64_t *n)
{
	struct login_entry *own =
	    login_table_place(&g->pairs, who->pair, now_ms);

	*n = failures_of(g, who->pair, now_ms);
	if ((*n == 0 || !repeated) && *n < FAILURES_MAX)
		++*n;
	own->n = (unsigned)*n;
	own->tries += !repeated && own->tries < FAILURES_MAX;
	own->last_ms = now_ms;
	own->until_ms = now_ms + DAY_MS;
	return own;
}

static int64_t
remember_wrong(struct login_guard *g, const struct login_attempt *a,
	       int64_t now_ms)
{
	const struct login_subject *who = &a->who;
	bool first = a->lane == LOGIN_FIRST;
	bool repeated = is_repeated(g, who, now_ms);
	int64_t n;

	struct login_entry *own = remember_try(g, who, repeated, now_ms, &n);
	if (!repeated) {
		fill(g, own, pair_limit(g), now_ms);
		if (!first || !is_hot(g, who->user, g->o.user_failures, now_ms))
			fill(g,
			     login_table_place(&g->failed, who->user, now_ms),
			     g->o.user_failures, now_ms);
		if (!a->exempt &&
		    (!first ||
		     !is_hot(g, who->address, g->o.address_failures, now_ms)))
			fill(
			    g,
			    login_table_place(&g->failed, who->address, now_ms),
			    g->o.address_failures, now_ms);
	}
	return delay(g, n);
}

void
login_guard_leave(struct login_guard *g, struct login_attempt *a,
		  int64_t now_ms)
{
	int64_t n;

	(void)pthread_mutex_lock(&g->lock);
	if (a->state == LOGIN_WAITS) {
		a->state = LOGIN_GIVEN_UP;
		leave_line(g, a);
		(void)remember_try(g, &a->who, false, now_ms, &n);
	}
	(void)pthread_mutex_unlock(&g->lock);
}

/* Write what is known, unless another thread is at it: then it writes again. */
static void
save_known(struct login_guard *g, int64_t now_ms)
{
	(void)pthread_mutex_lock(&g->lock);
	bool mine = !g->saving && g->keep_dir >= 0;
	g->saving |= mine;
	while (mine && g->dirty) {
		struct buf b;
		struct err e;
		g->dirty = false;
		int rc = login_known_write(&g->known, now_ms, &b, &e);
		(void)pthread_mutex_unlock(&g->lock);
		if (rc == 0)
			rc = login_known_save(g->keep_dir, &b, &e);
		buf_free(&b);
		if (rc != 0)
			log_failure(LOG_ERROR, "known-logins-not-kept", NULL,
				    NULL, &e);
		(void)pthread_mutex_lock(&g->lock);
	}
	if (mine)
		g->saving = false;
	(void)pthread_mutex_unlock(&g->lock);
}

int64_t
login_guard_end(struct login_guard *g, struct login_attempt *a,
		enum login_outcome outcome, int64_t now_ms)
{
	int64_t wait = 0;

	(void)pthread_mutex_lock(&g->lock);
	if (a->state == LOGIN_WAITS)
		leave_line(g, a);
	else if (a->state == LOGIN_RUNS)
		unlink_from(&g->running, a);
	if (outcome == LOGIN_WRONG)
		wait = remember_wrong(g, a, now_ms);
	else if (outcome == LOGIN_RIGHT)
		remember_right(g, &a->who, now_ms);
	if (let_all_go(g, now_ms) < g->alarm_ms)
		ring(g->waiting);
	bool dirty = g->dirty;
	(void)pthread_mutex_unlock(&g->lock);
	if (a->event >= 0)
		(void)close(a->event);
	a->event = -1;
	a->state = LOGIN_GIVEN_UP;
	if (dirty)
		save_known(g, now_ms);
	return wait;
}

int64_t
login_guard_pause(const struct login_guard *g)
{
	return g->o.delay_ms;
}

void
login_guard_keep(struct login_guard *g, int dirfd, int64_t now_ms)
{
	struct err e;

	(void)pthread_mutex_lock(&g->lock);
	int rc = login_known_load(&g->known, dirfd, now_ms, &e);
	g->keep_dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	(void)pthread_mutex_unlock(&g->lock);
	if (rc != 0)
		log_failure(LOG_ERROR, "known-logins-unreadable", NULL, NULL,
			    &e);
}
