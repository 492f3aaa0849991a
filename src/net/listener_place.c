#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/peer.h"
#include "net/listener_private.h"

/*
 * Who may have how many of a service's places.  A place is a thread and a
 * descriptor, and holding one costs a client a few bytes now and then, so:
 *
 *  - Before a login, a party (an IPv4 address, or the /64 that one customer has
 *    of IPv6) has max_per_address places; after it, a user has max_per_user,
 *    wherever from, and they are no longer his address's: a house with two
 *    hundred users behind one address is served.
 *    At its cap a party's newcomer gets the place of a silent session of the
 *    same party that has no login.
 *  - Clients of this machine have no such caps: nobody from outside counts as
 *    one.  For what follows they are one party.
 *  - With all places taken, a newcomer gets that of a session that is silent,
 *    or that has neither a login nor a message under way: of the party that has
 *    most of them, if that has more than the newcomer's own would then;
 *    otherwise the one that is silent, or has done nothing, for longest, if
 *    that is grace_ms or more.  So a crowd of silent sessions keeps nobody out,
 *    and one that has just come has ten seconds to log in or to begin a
 *    message.  A client of this machine, a message under way, and, when there
 *    is nobody else, a login give way only when they are silent.
 *
 * Silent (stream_pace.c) is who sends nothing for grace_ms while we wait for
 * it, whatever its protocol makes of that, or only a trickle for three times as
 * long.  A message that moves, and a client that waits for us, are not.
 *
 * A session that gives way is on its own thread, which may be waiting for
 * anything.  Its socket is shut for reading: it ends as if the client had left.
 * Until it has it is counted as leaving, and they are bounded, too.
 *
 * All of one key stand in one bucket; each has its number among them, 1 and up,
 * so that the fullest key is seen in one pass.
 */
enum { LEAVING_SHARE = 8 }; /* one in eight places more, for who leaves */

/* ---- keys -----------------------------------------------------------------
 */

static uint64_t
key_of_user(const struct listener *l, const char *user)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "user %.380s", user);

	return siphash(&l->key, text, n < 0 ? 0 : (size_t)n);
}

static uint64_t
key_of_address(const struct listener *l, const struct listener_session *c)
{
	/* this machine has many addresses, and is one party */
	return peer_party(&l->key, c->pub.is_loopback && !c->proxied
				       ? "127.0.0.1"
				       : c->pub.address);
}

static struct listener_session **
bucket_of(struct listener *l, uint64_t key)
{
	return &l->bucket[key % LISTENER_BUCKETS];
}

/* How many places has this key? */
static int
count_key(struct listener *l, uint64_t key)
{
	int n = 0;

	for (const struct listener_session *i = *bucket_of(l, key); i != NULL;
	     i = i->next)
		n += i->key == key;
	return n;
}

static void
enlist(struct listener *l, struct listener_session *c, uint64_t key)
{
	struct listener_session **b = bucket_of(l, key);

	c->key = key;
	c->number = count_key(l, key) + 1;
	c->next = *b;
	*b = c;
}

static void
delist(struct listener *l, const struct listener_session *c)
{
	struct listener_session **at = bucket_of(l, c->key);

	for (struct listener_session *i = *at; i != NULL; i = i->next)
		i->number -= i->key == c->key && i->number > c->number;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

/* Has it a cap?  Not here, and not before a load balancer has named it. */
static bool
is_capped(const struct listener *l, const struct listener_session *c)
{
	return !c->pub.is_loopback && !c->proxied && !c->is_nameless &&
	       !network_list_has(&l->free, c->pub.address) &&
	       !network_list_has(&l->exempt, c->pub.address);
}

static void
stamp(struct listener *l, struct listener_session *c)
{
	c->since_ms = clock_mono_ms();
	c->order = l->orders++;
}

/* ---- giving way -----------------------------------------------------------
 */

/* Who may be looked for. */
struct wanted {
	bool silent, login;  /* nobody else than those */
	const uint64_t *key; /* NULL: of any party */
};

static bool
may_give_way(const struct listener_session *c, const struct wanted *w,
	     int64_t now_ms)
{
	if (c->proxied || c->has_login != w->login ||
	    (w->key != NULL && c->key != *w->key))
		return false;
	if (stream_is_silent(c->pub.stream, now_ms))
		return true;
	return !w->silent && !c->pub.is_loopback && !c->is_busy;
}

/* The one that has done nothing for longest. */
static struct listener_session *
oldest(struct listener *l, const struct wanted *w)
{
	const int64_t now = clock_mono_ms();
	struct listener_session *best = NULL;

	for (size_t b = 0; b < LISTENER_BUCKETS; b++) {
		for (struct listener_session *i = l->bucket[b]; i != NULL;
		     i = i->next) {
			if (may_give_way(i, w, now) &&
			    (best == NULL || i->order < best->order))
				best = i;
		}
	}
	return best;
}

/* One of the party that has most places. */
static struct listener_session *
fullest(struct listener *l, const struct wanted *w)
{
	const int64_t now = clock_mono_ms();
	struct listener_session *best = NULL;

	for (size_t b = 0; b < LISTENER_BUCKETS; b++) {
		for (struct listener_session *i = l->bucket[b]; i != NULL;
		     i = i->next) {
			if (may_give_way(i, w, now) &&
			    (best == NULL || i->number > best->number))
				best = i;
		}
	}
	return best;
}

/* Whose place a newcomer gets who has `own` already, or NULL. */
static struct listener_session *
choose(struct listener *l, int own)
{
	struct wanted w = { .silent = false };
	struct listener_session *c = fullest(l, &w);

	if (c != NULL && c->number > own + 1)
		w.key = &c->key;
	w.silent = true;
	struct listener_session *silent = oldest(l, &w);
	if (silent != NULL)
		return silent;
	w.silent = false;
	c = oldest(l, &w);
	if (c != NULL &&
	    (w.key != NULL || c->since_ms + l->o.grace_ms <= clock_mono_ms()))
		return c;
	w = (struct wanted){ .silent = true, .login = true };
	c = fullest(l, &w);
	if (c == NULL)
		return NULL;
	w.key = &c->key;
	return oldest(l, &w);
}

static bool
give_way(struct listener *l, struct listener_session *c)
{
	if (c == NULL || l->leaving > l->o.max_clients / LEAVING_SHARE)
		return false;
	delist(l, c);
	c->gives_way = true;
	l->leaving++;
	(void)shutdown(stream_fd(c->pub.stream), SHUT_RD);
	return true;
}

/* Is there a place for one more of this party, or a silent one's? */
static bool
has_room(struct listener *l, uint64_t key)
{
	const struct wanted own = { .silent = true, .key = &key };

	return count_key(l, key) < l->o.max_per_address ||
	       give_way(l, oldest(l, &own));
}

/* ---- for the rest of the listener -----------------------------------------
 */

bool
listener_place_take(struct listener *l, struct listener_session *c)
{
	(void)pthread_mutex_lock(&l->lock);
	uint64_t key = key_of_address(l, c);
	bool counts = is_capped(l, c);
	bool ok = !counts || has_room(l, key);
	if (ok && l->clients - l->leaving >= l->o.max_clients) {
		counts |= c->pub.is_loopback && !c->proxied;
		ok = give_way(l, choose(l, counts ? count_key(l, key) : 0));
	}
	if (ok) {
		stamp(l, c);
		enlist(l, c, key);
		l->clients++;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return ok;
}

bool
listener_place_rename(struct listener *l, struct listener_session *c)
{
	(void)pthread_mutex_lock(&l->lock);
	c->proxied = false;
	uint64_t key = key_of_address(l, c);
	bool ok = true;
	if (!c->gives_way) {
		delist(l, c);
		ok = !is_capped(l, c) || has_room(l, key);
		enlist(l, c, key);
	}
	(void)pthread_mutex_unlock(&l->lock);
	return ok;
}

bool
listener_place_leave(struct listener *l, struct listener_session *c)
{
	(void)pthread_mutex_lock(&l->lock);
	bool gave_way = c->gives_way;
	if (!gave_way) {
		delist(l, c);
		c->gives_way = true; /* nobody else can take it now */
		l->leaving++;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return gave_way;
}

void
listener_place_free(struct listener *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->leaving--;
	l->clients--;
	(void)pthread_cond_broadcast(&l->left);
	(void)pthread_mutex_unlock(&l->lock);
}

/* ---- for a protocol -------------------------------------------------------
 */

static void
note_full(const struct listener_session *c, const char *user)
{
	struct log_line line;

	log_begin(&line, LOG_WARN, "client-refused");
	log_str(&line, "service", c->owner->o.service);
	log_str(&line, "session", c->pub.session);
	log_str(&line, "client", c->pub.address);
	log_str(&line, "login", user);
	log_str(&line, "reason", "too many sessions of this user");
	log_end(&line);
}

int
listener_place_login(const struct listener_client *client, const char *user)
{
	struct listener_session *c = client->place;
	bool ok = true;

	if (c == NULL)
		return 0;
	struct listener *l = c->owner;
	(void)pthread_mutex_lock(&l->lock);
	if (!c->gives_way && !c->has_login) {
		uint64_t key = key_of_user(l, user);
		ok = c->pub.is_loopback || l->o.max_per_user <= 0 ||
		     count_key(l, key) < l->o.max_per_user;
		if (ok) {
			delist(l, c);
			/* who comes from here needs no place of the user's */
			enlist(l, c,
			       c->pub.is_loopback ? key_of_address(l, c) : key);
			c->has_login = true;
		}
	}
	(void)pthread_mutex_unlock(&l->lock);
	if (!ok)
		note_full(c, user);
	return ok ? 0 : -1;
}

void
listener_place_logout(const struct listener_client *client)
{
	struct listener_session *c = client->place;

	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->owner->lock);
	if (!c->gives_way && c->has_login) {
		delist(c->owner, c);
		enlist(c->owner, c, key_of_address(c->owner, c));
	}
	c->has_login = false;
	(void)pthread_mutex_unlock(&c->owner->lock);
}

void
listener_place_busy(const struct listener_client *client, bool busy)
{
	struct listener_session *c = client->place;

	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->owner->lock);
	c->is_busy = busy;
	stamp(c->owner, c);
	(void)pthread_mutex_unlock(&c->owner->lock);
}
