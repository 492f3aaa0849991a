#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/spool_private.h"

/*
 * Files of messages that are done and could not be removed.  A disk that fails
 * there has often refused the record of the result as well: the next start
 * would take the message for one that waits, and send it once more.  So their
 * names are kept until the disk works again, which the next removal that
 * succeeds tells, or a stop tries.
 */
enum { STAYS_MAX = 10000, RETRIES = 100 /* for one who only wants his own */ };

static bool
keep(struct spool *s, const char *id)
{
	struct spool_stays *a = &s->stays;

	if (a->n == STAYS_MAX)
		return false;
	if (a->n == a->cap) {
		size_t cap = a->cap == 0 ? 16 : 2 * a->cap;
		void *grown = realloc(a->ids, cap * sizeof(*a->ids));
		if (grown == NULL)
			return false;
		a->ids = grown;
		a->cap = cap;
	}
	memcpy(a->ids[a->n], id, strlen(id) + 1);
	a->n++;
	return true;
}

void
spool_stays_add(struct spool *s, const char *id, const struct err *why)
{
	(void)pthread_mutex_lock(&s->stays.lock);
	bool kept = keep(s, id);
	(void)pthread_mutex_unlock(&s->stays.lock);
	log_failure(LOG_ERROR, kept ? "queue-file-stays" : "queue-file-left",
		    "id", id, why);
}

static void
retry(struct spool *s, size_t most)
{
	struct spool_stays *a = &s->stays;

	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = a->n, tried = 0; i > 0 && tried < most; i--, tried++) {
		char *id = a->ids[i - 1];
		if (unlinkat(s->msg_fd, id, 0) != 0 && errno != ENOENT)
			continue;
		log_event(LOG_INFO, "queue-file-removed", "id", id);
		a->n--;
		memmove(id, a->ids[a->n], sizeof(a->ids[a->n]));
	}
	(void)pthread_mutex_unlock(&a->lock);
}

void
spool_stays_retry(struct spool *s)
{
	retry(s, RETRIES);
}

void
spool_stays_end(struct spool *s)
{
	retry(s, STAYS_MAX);
	free(s->stays.ids);
	(void)pthread_mutex_destroy(&s->stays.lock);
}
