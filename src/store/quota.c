#include "store/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"
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

enum { LISTS = 256 };

struct quota {
	pthread_mutex_t lock; /* guards all; never held while reading disk */
	pthread_cond_t moved; /* a change or a count has ended */
	struct slot slot[QUOTA_SLOTS];
	struct quota_use *use[LISTS]; /* by address */
};

int
quota_new(struct quota **q, struct err *e)
{
	struct quota *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "quota cache");
	(void)pthread_mutex_init(&n->lock, NULL);
	(void)pthread_cond_init(&n->moved, NULL);
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
	(void)pthread_cond_destroy(&n->moved);
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
	*q = NULL;
}

/* ---- claims; lock held ----------------------------------------------------
 */

static void
claim_add(struct quota *q, struct quota_use *u, enum quota_kind kind,
	  const char *address, int64_t bytes)
{
	struct quota_use **list = &q->use[hash_text(address) % LISTS];

	*u = (struct quota_use){
		.kind = kind, .next = *list, .address = address, .bytes = bytes
	};
	if (*list != NULL)
		(*list)->prev = u;
	*list = u;
}

static void
claim_remove(struct quota *q, struct quota_use *u)
{
	if (u->kind == QUOTA_NOTHING)
		return;
	*(u->prev == NULL ? &q->use[hash_text(u->address) % LISTS]
			  : &u->prev->next) = u->next;
	if (u->next != NULL)
		u->next->prev = u->prev;
	*u = (struct quota_use){ .kind = QUOTA_NOTHING };
}

/* How much of this kind there is; *n: how many. */
static int64_t
claims(const struct quota *q, const char *address, enum quota_kind kind,
       unsigned *n)
{
	int64_t bytes = 0;

	*n = 0;
	for (const struct quota_use *u = q->use[hash_text(address) % LISTS];
	     u != NULL; u = u->next) {
		if (u->kind != kind || strcmp(u->address, address) != 0)
			continue;
		bytes += u->bytes;
		(*n)++;
	}
	return bytes;
}

static bool
has_claim(const struct quota *q, const char *address, enum quota_kind kind)
{
	unsigned n;

	(void)claims(q, address, kind, &n);
	return n > 0;
}

/* ---- counting -------------------------------------------------------------
 */

static struct slot *
slot_of(struct quota *q, const char *address)
{
	return &q->slot[hash_text(address) % QUOTA_SLOTS];
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

/* Is it known, as the directories are now?  The lock is let go to look at them:
 * that may mean to wait for a server of files. */
static bool
is_known(struct quota *q, const char *address, const struct maildir *m,
	 int64_t *bytes)
{
	const struct slot *s = slot_of(q, address);
	struct timespec n, c;

	(void)pthread_mutex_unlock(&q->lock);
	int rc = directory_times(m, &n, &c);
	(void)pthread_mutex_lock(&q->lock);
	bool known =
	    rc == 0 && s->address != NULL && strcmp(s->address, address) == 0 &&
	    clock_mono_ms() - s->counted_ms < QUOTA_TRUST_MS &&
	    same_time(s->new_changed, n) && same_time(s->cur_changed, c);
	if (known)
		*bytes = s->bytes;
	return known;
}

static void
remember(struct quota *q, const char *address, int64_t bytes, struct timespec n,
	 struct timespec c)
{
	struct slot *s = slot_of(q, address);
	char *name = strdup(address);

	if (name == NULL) /* not remembered, still right */
		return;
	free(s->address);
	*s = (struct slot){ .address = name,
			    .bytes = bytes,
			    .counted_ms = clock_mono_ms(),
			    .new_changed = n,
			    .cur_changed = c };
}

/* Without the lock, while nobody of ours changes a name. */
static int
count_all(const struct maildir *m, int64_t *bytes, struct timespec *n,
	  struct timespec *c, struct err *e)
{
	/* The times are read before the count: what another program does in
	 * between makes the next look count again. */
	if (directory_times(m, n, c) != 0)
		return err_set(e, ERR_TEMP, errno, "cannot stat a mailbox");
	*bytes = 0;
	return count(m->new, bytes, e) != 0 || count(m->cur, bytes, e) != 0 ? -1
									    : 0;
}

/*
 * How much is in it.  The lock is held, and let go only to look and count; when
 * this returns nothing of ours has changed since.  A
 * name that is being put in when its directory is read may be counted or not:
 * so those who count wait for those who change, and these for them.
 */
static int
find_used(struct quota *q, const char *address, const struct maildir *m,
	  int64_t *bytes, struct err *e)
{
	struct quota_use counting = { .kind = QUOTA_NOTHING };
	struct timespec n = { 0 }, c = { 0 };
	int rc = 0;

	while (!is_known(q, address, m, bytes)) {
		if (has_claim(q, address, QUOTA_COUNTING)) {
			(void)pthread_cond_wait(&q->moved, &q->lock);
			continue;
		}
		claim_add(q, &counting, QUOTA_COUNTING, address, 0);
		while (has_claim(q, address, QUOTA_CHANGING))
			(void)pthread_cond_wait(&q->moved, &q->lock);
		bool known = is_known(q, address, m, bytes);
		if (!known) {
			(void)pthread_mutex_unlock(&q->lock);
			rc = count_all(m, bytes, &n, &c, e);
			(void)pthread_mutex_lock(&q->lock);
			if (rc == 0)
				remember(q, address, *bytes, n, c);
		}
		claim_remove(q, &counting);
		(void)pthread_cond_broadcast(&q->moved);
		break;
	}
	return rc;
}

int
quota_used(struct quota *q, const char *address, const struct maildir *m,
	   int64_t *bytes, struct err *e)
{
	(void)pthread_mutex_lock(&q->lock);
	int rc = find_used(q, address, m, bytes, e);
	(void)pthread_mutex_unlock(&q->lock);
	return rc;
}

/* ---- room -----------------------------------------------------------------
 */

int
quota_reserve(struct quota *q, const struct quota_claim *c,
	      struct quota_use *room, struct err *e)
{
	int64_t used = 0;
	unsigned n;

	quota_release(q, room);
	(void)pthread_mutex_lock(&q->lock);
	int rc = find_used(q, c->address, c->m, &used, e);
	if (rc == 0) {
		int64_t free_bytes =
		    c->limit - used - claims(q, c->address, QUOTA_ROOM, &n);
		int64_t need =
		    c->need == QUOTA_A_BYTE && c->bytes > 1 ? 1 : c->bytes;
		rc = need <= free_bytes;
	}
	if (rc == 1)
		claim_add(q, room, QUOTA_ROOM, c->address, c->bytes);
	(void)pthread_mutex_unlock(&q->lock);
	return rc;
}

void
quota_release(struct quota *q, struct quota_use *room)
{
	(void)pthread_mutex_lock(&q->lock);
	claim_remove(q, room);
	(void)pthread_mutex_unlock(&q->lock);
}

void
quota_change_begin(struct quota *q, const char *address,
		   struct quota_use *change)
{
	(void)pthread_mutex_lock(&q->lock);
	while (has_claim(q, address, QUOTA_COUNTING))
		(void)pthread_cond_wait(&q->moved, &q->lock);
	claim_add(q, change, QUOTA_CHANGING, address, 0);
	(void)pthread_mutex_unlock(&q->lock);
}

void
quota_change_end(struct quota *q, struct quota_use *change,
		 const struct maildir *m, int64_t delta, struct quota_use *room)
{
	struct slot *s = slot_of(q, change->address);
	struct timespec n, c;

	/* Where another change comes in between, the times will not be those of
	 * the directories, and the next look counts. */
	int rc = directory_times(m, &n, &c);
	(void)pthread_mutex_lock(&q->lock);
	/* Most mailboxes have no limit and were never counted. */
	if (rc == 0 && s->address != NULL &&
	    strcmp(s->address, change->address) == 0) {
		s->bytes += delta;
		s->new_changed = n;
		s->cur_changed = c;
	}
	if (room != NULL)
		room->bytes = 0;
	claim_remove(q, change);
	(void)pthread_cond_broadcast(&q->moved);
	(void)pthread_mutex_unlock(&q->lock);
}
