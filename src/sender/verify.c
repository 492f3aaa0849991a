#include "sender/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "base/siphash.h"
#include "mail/address.h"
#include "queue/scheduler.h"
#include "sender/verify_private.h"

enum { BUCKETS = 4096, SILENT_MAX = 32, SILENT_MS = 30000 };

/*
 * One address at one receiver: being asked, or remembered.  The entry of a
 * question under way stays in the table until its asker and everyone who waits
 * for it has looked (`users`); the others may be evicted at any time.
 */
struct entry {
	struct entry *chain;         /* in its bucket */
	struct entry *newer, *older; /* by last use */
	char *name;                  /* key, a blank, canonical address */
	bool asking;
	bool keep; /* worth remembering */
	int users;
	int64_t until_ms;
	enum verify_answer answer;
	int code;
	char enhanced[REPLY_ENHANCED_SIZE];
	char *text;
};

/*
 * A receiver that let a question run into its timeout is not asked for a while:
 * else a message to a hundred recipients would wait a hundred times as long.
 * (One that refuses the connection answers at once and is always asked.)
 */
struct silent {
	char key[SCHEDULER_KEY_SIZE];
	int64_t until_ms;
};

struct verify {
	struct verify_options o;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t
	    answered; /* an entry stopped asking, or a place is free */
	int asking;
	int n;
	struct entry *newest, *oldest;
	struct siphash_key key; /* clients choose the addresses */
	struct entry *bucket[BUCKETS];
	struct silent silent[SILENT_MAX];
};

/* ---- the table (lock held) ----------------------------------------------
 */

static struct entry **
bucket_of(struct verify *v, const char *name)
{
	return &v->bucket[siphash(&v->key, name, strlen(name)) % BUCKETS];
}

static void
use_list_remove(struct verify *v, struct entry *i)
{
	*(i->newer != NULL ? &i->newer->older : &v->newest) = i->older;
	*(i->older != NULL ? &i->older->newer : &v->oldest) = i->newer;
}

static void
use_list_add(struct verify *v, struct entry *i)
{
	i->newer = NULL;
	i->older = v->newest;
	*(v->newest != NULL ? &v->newest->newer : &v->oldest) = i;
	v->newest = i;
}

static void
entry_free(struct entry *i)
{
	free(i->name);
	free(i->text);
	free(i);
}

static void
forget(struct verify *v, struct entry *i)
{
	struct entry **at = bucket_of(v, i->name);

	while (*at != i)
		at = &(*at)->chain;
	*at = i->chain;
	use_list_remove(v, i);
	v->n--;
	entry_free(i);
}

/* The remembered or asking entry; an outlived one is dropped on the way. */
static struct entry *
find(struct verify *v, const char *name)
{
	for (struct entry *i = *bucket_of(v, name); i != NULL; i = i->chain) {
		if (strcmp(i->name, name) != 0)
			continue;
		if (i->asking || (i->keep && i->until_ms > clock_mono_ms()))
			return i;
		if (i->users == 0) {
			forget(v, i);
			return NULL;
		}
	}
	return NULL;
}

static struct entry *
add(struct verify *v, const char *name)
{
	struct entry *i = calloc(1, sizeof(*i));

	if (i == NULL || (i->name = strdup(name)) == NULL) {
		free(i);
		return NULL;
	}
	/* Make room; those in use are not for us to drop. */
	for (struct entry *old = v->oldest;
	     old != NULL && v->n >= v->o.cache_max;) {
		struct entry *next = old->newer;
		if (old->users == 0)
			forget(v, old);
		old = next;
	}
	struct entry **b = bucket_of(v, name);
	i->chain = *b;
	*b = i;
	use_list_add(v, i);
	v->n++;
	return i;
}

static bool
is_silent(const struct verify *v, const char *key)
{
	for (int i = 0; i < SILENT_MAX; i++) {
		if (strcmp(v->silent[i].key, key) == 0)
			return v->silent[i].until_ms > clock_mono_ms();
	}
	return false;
}

/* Remember it in its own place, or in that of whoever is due first. */
static void
note_silent(struct verify *v, const char *key)
{
	struct silent *at = &v->silent[0];

	for (int i = 0; i < SILENT_MAX; i++) {
		if (strcmp(v->silent[i].key, key) == 0) {
			at = &v->silent[i];
			break;
		}
		if (v->silent[i].until_ms < at->until_ms)
			at = &v->silent[i];
	}
	(void)snprintf(at->key, sizeof(at->key), "%s", key);
	at->until_ms = clock_mono_ms() + SILENT_MS;
}

/* ---- asking -------------------------------------------------------------
 */

/* Does a 5xx to RCPT speak of the address, not of us or of today? */
static bool
is_about_address(const struct smtp_reply *r)
{
	return r->enhanced[0] == '\0'
		   ? r->code == 550 || r->code == 551 || r->code == 553
		   : strncmp(r->enhanced, "5.1.", 4) == 0;
}

static enum verify_answer
tell(const struct entry *i, struct smtp_reply *r)
{
	reply_set(r, i->code, i->enhanced[0] == '\0' ? NULL : i->enhanced, "%s",
		  i->text == NULL ? "" : i->text);
	return i->answer;
}

static void
note(struct verify *v, struct entry *i, enum verify_answer answer,
     const struct smtp_reply *r)
{
	int64_t ttl = answer == VERIFY_YES ? v->o.yes_ttl_ms : v->o.no_ttl_ms;

	i->answer = answer;
	i->code = r->code;
	memcpy(i->enhanced, r->enhanced, sizeof(i->enhanced));
	i->text = strdup(r->text);
	i->keep = ttl > 0 && i->text != NULL &&
		  (answer == VERIFY_YES ||
		   (answer == VERIFY_NO && is_about_address(r)));
	i->until_ms = clock_mono_ms() + ttl;
	i->asking = false;
}

static void
log_answer(const char *key, const char *canonical, enum verify_answer answer,
	   const struct smtp_reply *r, int64_t took_ms)
{
	static const char *const names[] = { "yes", "no", "later",
					     "unreachable" };
	char text[400];
	struct log_line l;

	reply_one_line(r, text, sizeof(text));
	log_begin(&l, LOG_INFO, "verify");
	log_str(&l, "rcpt", canonical);
	log_str(&l, "at", key);
	log_str(&l, "answer", names[answer]);
	log_str(&l, "reply", text);
	log_num(&l, "ms", took_ms);
	log_end(&l);
}

/* Our own question, with a place among the questions at once. */
static enum verify_answer
ask_in_turn(struct verify *v, const struct way *way, const char *address,
	    const char *canonical, struct smtp_reply *r)
{
	int64_t start_ms = clock_mono_ms();
	int64_t deadline_ms = start_ms + v->o.timeout_ms;
	bool timed_out = false;
	enum verify_answer answer;

	(void)pthread_mutex_lock(&v->lock);
	while (v->asking >= v->o.connections_max && !is_silent(v, way->key) &&
	       cond_wait_until(&v->answered, &v->lock, deadline_ms) == 0)
		;
	bool silent = is_silent(v, way->key);
	bool turn = !silent && v->asking < v->o.connections_max;
	v->asking += turn ? 1 : 0;
	(void)pthread_mutex_unlock(&v->lock);
	if (!turn)
		return verify_unreachable(
		    r, silent ? "no answer a moment ago"
			      : "too many questions at once");
	answer =
	    verify_question(&v->o, way, address, deadline_ms, r, &timed_out);
	(void)pthread_mutex_lock(&v->lock);
	v->asking--;
	if (timed_out)
		note_silent(v, way->key);
	(void)pthread_cond_broadcast(&v->answered);
	(void)pthread_mutex_unlock(&v->lock);
	log_answer(way->key, canonical, answer, r, clock_mono_ms() - start_ms);
	if (answer != VERIFY_UNREACHABLE && v->o.answered != NULL)
		v->o.answered(v->o.ctx, way->key);
	return answer;
}

/* Someone else asks already: wait for that answer (lock held). */
static enum verify_answer
wait_for(struct verify *v, struct entry *i, struct smtp_reply *r)
{
	/* The asker's own time is bounded by its turn and its question. */
	int64_t deadline_ms = clock_mono_ms() + 2 * v->o.timeout_ms;

	i->users++;
	while (i->asking &&
	       cond_wait_until(&v->answered, &v->lock, deadline_ms) == 0)
		;
	enum verify_answer answer =
	    i->asking ? verify_unreachable(r, "no answer in time") : tell(i, r);
	if (--i->users == 0 && !i->asking && !i->keep)
		forget(v, i);
	return answer;
}

enum verify_answer
verify_ask(struct verify *v, const struct way *way, const char *address,
	   const char *canonical, struct smtp_reply *r)
{
	char name[SCHEDULER_KEY_SIZE + ADDRESS_SIZE];
	enum verify_answer answer;

	(void)snprintf(name, sizeof(name), "%s %s", way->key, canonical);
	(void)pthread_mutex_lock(&v->lock);
	struct entry *i = find(v, name);
	if (i != NULL) {
		use_list_remove(v, i);
		use_list_add(v, i);
		answer = i->asking ? wait_for(v, i, r) : tell(i, r);
		(void)pthread_mutex_unlock(&v->lock);
		return answer;
	}
	i = add(v, name);
	if (i == NULL) {
		(void)pthread_mutex_unlock(&v->lock);
		return verify_unreachable(r, "out of memory");
	}
	i->asking = true;
	i->users = 1;
	(void)pthread_mutex_unlock(&v->lock);
	answer = ask_in_turn(v, way, address, canonical, r);
	(void)pthread_mutex_lock(&v->lock);
	note(v, i, answer, r);
	if (--i->users == 0 && !i->keep)
		forget(v, i);
	(void)pthread_cond_broadcast(&v->answered);
	(void)pthread_mutex_unlock(&v->lock);
	return answer;
}

bool
verify_known(struct verify *v, const char *key, const char *canonical,
	     enum verify_answer *answer, struct smtp_reply *r, int64_t *left_ms)
{
	char name[SCHEDULER_KEY_SIZE + ADDRESS_SIZE];

	(void)snprintf(name, sizeof(name), "%s %s", key, canonical);
	(void)pthread_mutex_lock(&v->lock);
	const struct entry *i = find(v, name);
	bool known = i != NULL && !i->asking;
	if (known) {
		*answer = tell(i, r);
		*left_ms = i->until_ms - clock_mono_ms();
	}
	(void)pthread_mutex_unlock(&v->lock);
	return known;
}

/* ---- life ---------------------------------------------------------------
 */

int
verify_new(struct verify **out, const struct verify_options *o, struct err *e)
{
	struct verify *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "verification");
	v->o = *o;
	rand_bytes(&v->key, sizeof(v->key));
	(void)pthread_mutex_init(&v->lock, NULL);
	cond_init_mono(&v->answered);
	*out = v;
	return 0;
}

void
verify_forget(struct verify *v)
{
	(void)pthread_mutex_lock(&v->lock);
	memset(v->silent, 0, sizeof(v->silent));
	for (struct entry *i = v->newest; i != NULL;) {
		struct entry *older = i->older;
		if (i->users == 0)
			forget(v, i);
		else
			i->until_ms = 0;
		i = older;
	}
	(void)pthread_mutex_unlock(&v->lock);
}

void
verify_free(struct verify **out)
{
	struct verify *v = *out;

	if (v == NULL)
		return;
	for (struct entry *i = v->newest, *older; i != NULL; i = older) {
		older = i->older;
		entry_free(i);
	}
	(void)pthread_cond_destroy(&v->answered);
	(void)pthread_mutex_destroy(&v->lock);
	free(v);
	*out = NULL;
}
