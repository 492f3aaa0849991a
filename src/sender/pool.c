#include "sender/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct waiting {
	char key[SCHEDULER_KEY_SIZE];
	char peer[SCHEDULER_PEER_SIZE];
	struct smtp_client *client;
	int64_t until_ms;
};

struct pool {
	int64_t idle_ms;
	pthread_t reaper;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	bool stopping;
	int64_t watch_ms; /* the reaper looks again then; -1: when woken */
	int n;
	struct waiting v[POOL_MAX]; /* oldest first */
};

static struct smtp_client *
remove_at(struct pool *p, int i)
{
	struct smtp_client *c = p->v[i].client;

	p->n--;
	memmove(&p->v[i], &p->v[i + 1], (size_t)(p->n - i) * sizeof(p->v[0]));
	return c;
}

static void
reap(void *arg)
{
	struct pool *p = arg;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->stopping || p->n > 0) {
		bool due = p->n > 0 &&
			   (p->stopping || p->v[0].until_ms <= clock_mono_ms());
		if (!due) {
			p->watch_ms = p->n > 0 ? p->v[0].until_ms : -1;
			(void)cond_wait_until(&p->changed, &p->lock,
					      p->watch_ms);
			continue;
		}
		struct smtp_client *c = remove_at(p, 0);
		bool politely = !p->stopping;
		(void)pthread_mutex_unlock(&p->lock);
		smtp_client_close(&c, politely);
		(void)pthread_mutex_lock(&p->lock);
	}
	(void)pthread_mutex_unlock(&p->lock);
}

int
pool_new(struct pool **out, int64_t idle_ms, struct err *e)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "connections");
	p->idle_ms = idle_ms;
	mutex_init_short(&p->lock);
	cond_init_mono(&p->changed);
	if (thread_start_joinable(&p->reaper, reap, p, e) != 0) {
		free(p);
		return -1;
	}
	*out = p;
	return 0;
}

void
pool_free(struct pool **out)
{
	struct pool *p = *out;

	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stopping = true;
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_join(p->reaper, NULL);
	(void)pthread_cond_destroy(&p->changed);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
	*out = NULL;
}

struct smtp_client *
pool_take(struct pool *p, const char *key, char peer[SCHEDULER_PEER_SIZE])
{
	struct smtp_client *found = NULL;

	(void)pthread_mutex_lock(&p->lock);
	/* The newest first: the others may then grow old and go. */
	for (int i = p->n - 1; i >= 0 && found == NULL; i--) {
		if (strcmp(p->v[i].key, key) != 0)
			continue;
		memcpy(peer, p->v[i].peer, SCHEDULER_PEER_SIZE);
		found = remove_at(p, i);
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (found != NULL && !smtp_client_is_idle(found))
		smtp_client_close(&found, false); /* the peer hung up */
	return found;
}

void
pool_give(struct pool *p, const char *key, const char *peer,
	  struct smtp_client **c)
{
	if (!smtp_client_is_idle(*c)) {
		smtp_client_close(c, false);
		return;
	}
	(void)pthread_mutex_lock(&p->lock);
	if (p->n < POOL_MAX && !p->stopping && p->idle_ms > 0) {
		struct waiting *w = &p->v[p->n++];
		(void)snprintf(w->key, sizeof(w->key), "%s", key);
		(void)snprintf(w->peer, sizeof(w->peer), "%s", peer);
		w->client = *c;
		w->until_ms = clock_mono_ms() + p->idle_ms;
		*c = NULL;
		/* it looks by itself no later than this one is due */
		if (p->watch_ms < 0)
			(void)pthread_cond_signal(&p->changed);
	}
	(void)pthread_mutex_unlock(&p->lock);
	smtp_client_close(c, true);
}
