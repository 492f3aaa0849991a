/*
 * The set is a ring of entries in the order they came, chained by hash.  The
 * hash is keyed with a secret of this process and 128 bits wide, so a peer
 * cannot make its id fall on somebody else's.
 */
#include "ids/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/siphash.h"
#include "base/thread.h"
#include "ids/ids_day.h"

enum {
	PENDING_MAX = 64 * 1024 * 1024,
	DAY_MS = 24 * 3600 * 1000,
};

enum state { FREE, CLAIMED, KEPT };

struct entry {
	uint64_t hash[2];
	uint32_t next; /* in its chain, plus one; 0: the last */
	uint32_t day;
	enum state state;
};

_Static_assert(sizeof(struct entry) <= IDS_ENTRY_BYTES, "as documented");

struct ids {
	struct ids_options o;
	struct siphash_key key[2];
	pthread_mutex_t lock; /* guards what follows, but `writing` */
	uint32_t *bucket;     /* plus one; 0: empty */
	size_t n_buckets;
	struct entry *ring;
	size_t first, n;
	uint32_t today;
	uint64_t forgotten; /* before their time, since the last flush */
	int64_t tidy_ms;    /* ids_flush may remove a day again then */
	bool warned;        /* that it is filling, since that day */
	struct buf pending; /* lines not yet handed to ids_flush */
	struct buf writing; /* lines not yet durable */
};

/* The id without what earlier versions put behind it. */
static struct span
plain_id(const char *id)
{
	return span_make(id, strcspn(id, "/"));
}

static struct span
owner_of(const struct ids *s, const char *recipient)
{
	return s->o.owner != NULL ? s->o.owner(recipient) : span_of(recipient);
}

static void
hash_pair(const struct ids *s, const char *id, const char *recipient,
	  uint64_t hash[2])
{
	char text[IDS_TEXT_MAX + IDS_DAY_RECIPIENT_MAX + 2];

	int n =
	    snprintf(text, sizeof(text), "%.*s %.*s", SPAN_ARG(plain_id(id)),
		     SPAN_ARG(owner_of(s, recipient)));
	size_t used = n < 0 ? 0 : (size_t)n;
	if (used >= sizeof(text))
		used = sizeof(text) - 1;
	hash[0] = siphash(&s->key[0], text, used);
	hash[1] = siphash(&s->key[1], text, used);
}

static struct entry *
find(const struct ids *s, const uint64_t hash[2])
{
	uint32_t at = s->bucket[hash[0] % s->n_buckets];

	while (at != 0) {
		struct entry *x = &s->ring[at - 1];
		if (x->hash[0] == hash[0] && x->hash[1] == hash[1])
			return x;
		at = x->next;
	}
	return NULL;
}

static void
unchain(struct ids *s, struct entry *x)
{
	uint32_t *at = &s->bucket[x->hash[0] % s->n_buckets];
	uint32_t me = (uint32_t)(x - s->ring) + 1;

	if (x->state == FREE)
		return;
	while (*at != me)
		at = &s->ring[*at - 1].next;
	*at = x->next;
	x->state = FREE;
}

static void
drop_oldest(struct ids *s)
{
	unchain(s, &s->ring[s->first]);
	s->first = (s->first + 1) % s->o.max;
	s->n--;
}

static struct entry *
add(struct ids *s, const uint64_t hash[2], uint32_t day, enum state state)
{
	uint32_t *bucket = &s->bucket[hash[0] % s->n_buckets];

	if (s->n == s->o.max) {
		s->forgotten += s->ring[s->first].state == KEPT;
		drop_oldest(s);
	}
	size_t at = (s->first + s->n++) % s->o.max;
	struct entry *x = &s->ring[at];
	*x = (struct entry){ .hash = { hash[0], hash[1] },
			     .next = *bucket,
			     .day = day,
			     .state = state };
	*bucket = (uint32_t)at + 1;
	return x;
}

enum ids_state
ids_claim(struct ids *s, const char *id, const char *recipient)
{
	enum ids_state result = IDS_CLAIMED;
	uint64_t hash[2];

	hash_pair(s, id, recipient, hash);
	(void)pthread_mutex_lock(&s->lock);
	const struct entry *x = find(s, hash);
	if (x == NULL)
		(void)add(s, hash, s->today, CLAIMED);
	else
		result = x->state == KEPT ? IDS_KNOWN : IDS_BUSY;
	(void)pthread_mutex_unlock(&s->lock);
	return result;
}

bool
ids_is_known(struct ids *s, const char *id, const char *recipient)
{
	uint64_t hash[2];

	hash_pair(s, id, recipient, hash);
	(void)pthread_mutex_lock(&s->lock);
	const struct entry *x = find(s, hash);
	bool known = x != NULL && x->state == KEPT;
	(void)pthread_mutex_unlock(&s->lock);
	return known;
}

void
ids_keep(struct ids *s, const char *id, const char *recipient)
{
	uint64_t hash[2];

	hash_pair(s, id, recipient, hash);
	(void)pthread_mutex_lock(&s->lock);
	struct entry *x = find(s, hash);
	if (x == NULL)
		x = add(s, hash, s->today, CLAIMED);
	/* No memory for the line: known until the end of this process. */
	if (x->state != KEPT && ids_day_format(&s->pending, plain_id(id),
					       owner_of(s, recipient)) != 0)
		s->forgotten++;
	x->state = KEPT;
	(void)pthread_mutex_unlock(&s->lock);
}

void
ids_drop(struct ids *s, const char *id, const char *recipient)
{
	uint64_t hash[2];

	hash_pair(s, id, recipient, hash);
	(void)pthread_mutex_lock(&s->lock);
	struct entry *x = find(s, hash);
	if (x != NULL && x->state == CLAIMED)
		unchain(s, x);
	(void)pthread_mutex_unlock(&s->lock);
}

/* ---- the day files --------------------------------------------------------
 */

/* One pair read from the file of `day`. */
static void
load_pair(void *ctx, uint32_t day, const char *id, const char *recipient)
{
	struct ids *s = ctx;
	uint64_t hash[2];

	hash_pair(s, id, recipient, hash);
	if (find(s, hash) == NULL)
		(void)add(s, hash, day, KEPT);
}

static int64_t
wall_s(const struct ids *s)
{
	return s->o.wall_s != NULL ? s->o.wall_s() : clock_wall_s();
}

static int64_t
mono_ms(const struct ids *s)
{
	return s->o.mono_ms != NULL ? s->o.mono_ms() : clock_mono_ms();
}

/* One day's file, if its time is over; which day went, or 0. */
static uint32_t
tidy(struct ids *s)
{
	uint32_t gone, oldest = ids_day_number(wall_s(s), s->o.days);
	struct err e;

	s->tidy_ms = mono_ms(s) + DAY_MS;
	if (ids_day_remove(s->o.dirfd, oldest, s->o.days, &gone, &e) != 0)
		log_failure(LOG_WARN, "delivery-ids-not-tidied", NULL, NULL,
			    &e);
	return gone;
}

/* Pairs of that day and before; the ring is in order of age. */
static void
expire(struct ids *s, uint32_t day)
{
	while (s->n > 0 && (s->ring[s->first].state == FREE ||
			    (s->ring[s->first].state == KEPT &&
			     s->ring[s->first].day <= day)))
		drop_oldest(s);
}

int
ids_open(struct ids **out, const struct ids_options *o, struct err *e)
{
	struct ids *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "delivery ids");
	s->o = *o;
	mutex_init_short(&s->lock);
	buf_init(&s->pending, PENDING_MAX);
	buf_init(&s->writing, 2 * (size_t)PENDING_MAX);
	rand_bytes(s->key, sizeof(s->key));
	/* pages that nothing is written to cost nothing */
	s->n_buckets = o->max / 4 + 1;
	s->bucket = calloc(s->n_buckets, sizeof(*s->bucket));
	s->ring = calloc(o->max, sizeof(*s->ring));
	s->today = ids_day_number(wall_s(s), 0);
	if (s->bucket == NULL || s->ring == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "delivery ids");
		goto fail;
	}
	if (ids_day_load(o->dirfd, load_pair, s, e) != 0)
		goto fail;
	expire(s, tidy(s));
	*out = s;
	return 0;
fail:
	ids_free(&s);
	return -1;
}

void
ids_free(struct ids **out)
{
	struct ids *s = *out;

	if (s == NULL)
		return;
	buf_free(&s->pending);
	buf_free(&s->writing);
	free(s->bucket);
	free(s->ring);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	*out = NULL;
}

static void
log_ids(const struct ids *s, const char *event, uint64_t n)
{
	struct log_line l;

	log_begin(&l, LOG_WARN, event);
	log_num(&l, "ids", (int64_t)n);
	log_num(&l, "most", (int64_t)s->o.max);
	log_end(&l);
}

/* Lines that wait go to `writing`; says in the log what is to be known of the
 * room there is. */
static int
collect(struct ids *s, uint32_t gone)
{
	(void)pthread_mutex_lock(&s->lock);
	s->today = ids_day_number(wall_s(s), 0);
	expire(s, gone);
	uint64_t forgotten = s->forgotten;
	size_t n = s->n;
	s->forgotten = 0;
	int rc = s->pending.n == 0
		     ? 0
		     : buf_add(&s->writing, s->pending.p, s->pending.n);
	if (rc == 0)
		buf_clear(&s->pending);
	(void)pthread_mutex_unlock(&s->lock);
	if (forgotten > 0)
		log_ids(s, "delivery-ids-forgotten", forgotten);
	if (!s->warned && n >= s->o.max / 4 * 3) {
		s->warned = true;
		log_ids(s, "delivery-ids-filling", n);
	}
	return rc;
}

int
ids_flush(struct ids *s, struct err *e)
{
	uint32_t gone = 0;

	if (mono_ms(s) >= s->tidy_ms) {
		gone = tidy(s);
		s->warned = false;
	}
	if (collect(s, gone) != 0)
		return err_set(e, ERR_TEMP, ENOMEM, "delivery ids");
	if (s->writing.n == 0)
		return 0;
	if (ids_day_append(s->o.dirfd, s->today, buf_span(&s->writing), e) != 0)
		return -1;
	buf_clear(&s->writing);
	return 0;
}
