#include "store/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/directory.h"
#include "store/maildir.h"
#include "store/maildir_name.h"

/*
 * The cache is one array: an address has one slot, and another one that falls
 * on it takes its place.  The worst a collision costs is a count.
 */
struct slot {
	char *address; /* NULL: free */
	int64_t bytes;
	int64_t counted_ms; /* monotonic */
	struct timespec new_changed, cur_changed;
};

struct quota {
	pthread_mutex_t lock; /* guards all; never held while reading disk */
	struct slot slot[QUOTA_SLOTS];
};

int
quota_new(struct quota **q, struct err *e)
{
	struct quota *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "quota cache");
	(void)pthread_mutex_init(&n->lock, NULL);
	*q = n;
	return 0;
}

void
quota_free(struct quota **q)
{
	struct quota *n = *q;

	if (n == NULL)
		return;
	for (size_t i = 0; i < QUOTA_SLOTS; i++)
		free(n->slot[i].address);
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
	*q = NULL;
}

static struct slot *
slot_of(struct quota *q, const char *address)
{
	uint32_t h = 2166136261u;

	for (const char *p = address; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return &q->slot[h % QUOTA_SLOTS];
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static int
directory_times(const struct maildir *m, struct timespec *n, struct timespec *c)
{
	struct stat st;

	if (fstat(m->new, &st) != 0)
		return -1;
	*n = st.st_mtim;
	if (fstat(m->cur, &st) != 0)
		return -1;
	*c = st.st_mtim;
	return 0;
}

/* A directory being added up. */
struct counting {
	int dirfd;
	int64_t *bytes;
};

static int
add(void *ctx, const char *name, struct err *e)
{
	const struct counting *c = ctx;
	struct maildir_name n;
	struct stat st;

	if (!maildir_name_parse(name, &n))
		return 0;
	if (n.size >= 0) {
		*c->bytes += n.size;
		return 0;
	}
	if (fstatat(c->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*c->bytes += st.st_size;
	else if (errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, "cannot count %s", name);
	return 0;
}

static int
count(int dirfd, int64_t *bytes, struct err *e)
{
	struct counting c = { dirfd, bytes };

	return directory_scan_files(dirfd, add, &c, e);
}

int
quota_used(struct quota *q, const char *address, const struct maildir *m,
	   int64_t *bytes, struct err *e)
{
	struct timespec n, c;
	struct slot *s = slot_of(q, address);
	int64_t now = clock_mono_ms();

	/* The times are read before the count: what comes in between makes the
	 * next look count again. */
	if (directory_times(m, &n, &c) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot stat a mailbox");
	(void)pthread_mutex_lock(&q->lock);
	bool known = s->address != NULL && strcmp(s->address, address) == 0 &&
		     now - s->counted_ms < QUOTA_TRUST_MS &&
		     same_time(s->new_changed, n) &&
		     same_time(s->cur_changed, c);
	if (known)
		*bytes = s->bytes;
	(void)pthread_mutex_unlock(&q->lock);
	if (known)
		return 0;

	*bytes = 0;
	if (count(m->new, bytes, e) != 0 || count(m->cur, bytes, e) != 0)
		return -1;
	char *name = strdup(address);
	if (name == NULL)
		return 0; /* not remembered, still right */
	(void)pthread_mutex_lock(&q->lock);
	free(s->address);
	*s = (struct slot){ .address = name,
			    .bytes = *bytes,
			    .counted_ms = now,
			    .new_changed = n,
			    .cur_changed = c };
	(void)pthread_mutex_unlock(&q->lock);
	return 0;
}

void
quota_changed(struct quota *q, const char *address, const struct maildir *m,
	      int64_t delta)
{
	struct timespec n, c;
	struct slot *s = slot_of(q, address);

	(void)pthread_mutex_lock(&q->lock);
	bool known = s->address != NULL && strcmp(s->address, address) == 0;
	(void)pthread_mutex_unlock(&q->lock);
	/* Most mailboxes have no limit and were never counted. */
	if (!known || directory_times(m, &n, &c) != 0)
		return;
	(void)pthread_mutex_lock(&q->lock);
	if (s->address != NULL && strcmp(s->address, address) == 0) {
		s->bytes += delta;
		s->new_changed = n;
		s->cur_changed = c;
	}
	(void)pthread_mutex_unlock(&q->lock);
}
