/*
 * The journal: many threads append, one of those that wait writes for all.
 *
 * journal_append() copies a record into the open group, a memory buffer that
 * belongs to one place of one segment.  journal_sync() looks whether its record
 * is durable; if not and nobody is writing, the caller becomes the writer: it
 * takes the group, lets others begin a new one, writes, syncs, and wakes all.
 * A thread that comes meanwhile finds a writer at work, waits, and then either
 * is served already (its record was in that group) or writes the next group,
 * which holds whatever gathered during the last sync.  So a lone client never
 * waits for a timer and a crowd shares one sync.
 *
 * A failed write or sync is final (a second fsync may lie): every record not
 * yet durable becomes void, its waiters fail, the segment is left behind, and a
 * new one begins with a record that says which numbers are void.  While no new
 * segment can be made, appends fail, and each tries again: space that comes
 * back is found without help.
 *
 * Lock order: one lock, never held during I/O except where a segment is
 * changed (once in a segment's life).
 */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/durable.h"
#include "base/thread.h"
#include "journal/journal_list.h"
#include "journal/segment.h"

enum { VOIDS_MAX = 64, SPARES_MAX = 2 };

struct range {
	uint64_t from, to;
};

struct journal {
	struct journal_options o;
	pthread_mutex_t lock;
	pthread_cond_t progress;  /* durable moved, a write ended */
	struct segment_list list; /* oldest first; the last is the current */
	int fd;                   /* of the current segment, -1: none usable */
	size_t offset;            /* where the open group will be written */
	struct buf group;         /* the open group */
	struct buf writing;       /* the one being written */
	bool is_writing;
	uint64_t next_seq; /* of the next record */
	uint64_t durable;  /* all up to it are, void ones apart */
	uint64_t released;
	struct range voids[VOIDS_MAX];
	unsigned n_voids;
	unsigned n_voids_told; /* so many of them are in a segment */
	bool dead; /* more failures than can be told apart: no more mail */
};

static bool
is_void(const struct journal *j, uint64_t seq)
{
	for (unsigned i = 0; i < j->n_voids; i++) {
		if (seq >= j->voids[i].from && seq <= j->voids[i].to)
			return true;
	}
	return false;
}

static struct segment_entry *
current(struct journal *j)
{
	return &j->list.v[j->list.n - 1];
}

/* Put one record into the open group; room was made before. */
static int
put_record(struct journal *j, uint32_t type, const struct span *parts,
	   size_t n_parts, size_t payload, struct err *e)
{
	size_t size = segment_record_size(payload);
	struct segment_record r = { .seq = j->next_seq,
				    .durable = j->durable,
				    .type = type };

	if (buf_reserve(&j->group, size) != 0)
		return err_set(e, ERR_TEMP, errno, "journal");
	segment_put(j->group.p + j->group.n, current(j)->index, &r, parts,
		    n_parts);
	j->group.n += size;
	current(j)->last_seq = j->next_seq++;
	return 0;
}

/* How far a record may go over segments_max: a release must always fit, or a
 * full journal could never be emptied. */
static unsigned
segments_allowed(const struct journal *j, uint32_t type)
{
	return j->o.segments_max + (type == SEGMENT_RELEASE ? 2 : 0);
}

/* Records that say which numbers are not in force, ahead of any other. */
static int
put_voids(struct journal *j, struct err *e)
{
	char payload[16];
	struct span part = span_make(payload, sizeof(payload));

	for (; j->n_voids_told < j->n_voids; j->n_voids_told++) {
		segment_put_u64(payload, j->voids[j->n_voids_told].from);
		segment_put_u64(payload + 8, j->voids[j->n_voids_told].to);
		if (put_record(j, SEGMENT_VOID, &part, 1, part.n, e) != 0)
			return -1;
	}
	return 0;
}

/* Begin a new segment, recycling a spare file.  Called with the lock held. */
static int
begin_segment(struct journal *j, uint32_t type, struct err *e)
{
	char spare[SEGMENT_NAME_SIZE];
	uint64_t index = j->list.next_index;

	if (segment_list_live(&j->list) >= segments_allowed(j, type))
		return err_set(
		    e, ERR_LIMIT, ENOSPC,
		    "journal is full (%u segments wait to be released)",
		    j->o.segments_max);
	if (segment_list_reserve(&j->list, e) != 0)
		return -1;
	bool have = segment_list_take_spare(&j->list, spare);
	int fd = segment_create(j->o.dirfd, have ? spare : NULL, index,
				j->next_seq, j->o.segment_bytes, e);
	j->list.next_index++;
	if (fd < 0)
		return -1;
	if (j->fd >= 0)
		(void)close(j->fd);
	j->fd = fd;
	j->offset = SEGMENT_HEADER_BYTES;
	segment_list_add(&j->list, index, j->next_seq);
	return put_voids(j, e);
}

/* Nothing that is not yet durable ever will be: void it. */
static void
void_pending(struct journal *j)
{
	buf_clear(&j->group);
	(void)close(j->fd);
	j->fd = -1;
	current(j)->damaged = true;
	if (j->n_voids == VOIDS_MAX) {
		j->dead = true;
		return;
	}
	j->voids[j->n_voids++] =
	    (struct range){ j->durable + 1, j->next_seq - 1 };
}

static int
write_whole(int fd, const struct buf *b, size_t offset)
{
	size_t done = 0;

	while (done < b->n) {
		ssize_t put = pwrite(fd, b->p + done, b->n - done,
				     (off_t)(offset + done));
		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0)
			done += (size_t)put;
	}
	return fdatasync(fd);
}

/* Write the open group for all.  Lock held at entry and exit, not between. */
static int
write_group(struct journal *j, struct err *e)
{
	struct buf taken = j->group;
	uint64_t last = j->next_seq - 1;
	size_t offset = j->offset;
	int fd = j->fd;

	j->group = j->writing;
	j->writing = taken;
	j->offset += taken.n;
	j->is_writing = true;
	(void)pthread_mutex_unlock(&j->lock);
	int rc = write_whole(fd, &taken, offset);
	int sys = errno;
	(void)pthread_mutex_lock(&j->lock);
	j->is_writing = false;
	buf_clear(&j->writing);
	if (rc == 0) {
		j->durable = last;
	} else {
		(void)err_set(e, ERR_TEMP, sys, "journal write");
		void_pending(j);
	}
	(void)pthread_cond_broadcast(&j->progress);
	return rc == 0 ? 0 : -1;
}

/* Wait until the open group is empty and nobody writes. */
static int
drain_groups(struct journal *j, struct err *e)
{
	while (j->is_writing || j->group.n > 0) {
		if (j->is_writing)
			(void)pthread_cond_wait(&j->progress, &j->lock);
		else if (write_group(j, e) != 0)
			return -1;
	}
	return 0;
}

/* Make room for a record of `size` bytes in the open group. */
static int
make_room(struct journal *j, uint32_t type, size_t size, struct err *e)
{
	for (;;) {
		if (j->dead)
			return err_set(e, ERR_TEMP, EIO,
				       "journal is out of use");
		if (j->fd < 0) {
			if (begin_segment(j, type, e) != 0)
				return -1;
			continue;
		}
		bool fits = j->offset + j->group.n + size <= j->o.segment_bytes;
		if (fits && j->group.n + size <= j->o.group_max_bytes)
			return 0;
		if (drain_groups(j, e) != 0)
			return -1;
		/* Others may have moved on while this thread waited. */
		fits = j->offset + j->group.n + size <= j->o.segment_bytes;
		if (!fits && begin_segment(j, type, e) != 0)
			return -1;
	}
}

static int
append(struct journal *j, uint32_t type, const struct span *parts,
       size_t n_parts, uint64_t *seq, struct err *e)
{
	size_t payload = 0;

	for (size_t i = 0; i < n_parts; i++)
		payload += parts[i].n;
	size_t size = segment_record_size(payload);
	if (n_parts > JOURNAL_PARTS_MAX || payload > JOURNAL_RECORD_MAX ||
	    size > j->o.segment_bytes - SEGMENT_HEADER_BYTES ||
	    size > j->o.group_max_bytes)
		return err_set(e, ERR_LIMIT, 0,
			       "journal record of %zu bytes is too large",
			       payload);
	if (make_room(j, type, size, e) != 0 ||
	    put_record(j, type, parts, n_parts, payload, e) != 0)
		return -1;
	*seq = j->next_seq - 1;
	return 0;
}

int
journal_append(struct journal *j, uint32_t type, const struct span *parts,
	       size_t n_parts, uint64_t *seq, struct err *e)
{
	(void)pthread_mutex_lock(&j->lock);
	int rc = append(j, type, parts, n_parts, seq, e);
	(void)pthread_mutex_unlock(&j->lock);
	return rc;
}

int
journal_sync(struct journal *j, uint64_t seq, struct err *e)
{
	int rc = 0;

	(void)pthread_mutex_lock(&j->lock);
	while (rc == 0 && j->durable < seq && !is_void(j, seq)) {
		if (j->is_writing)
			(void)pthread_cond_wait(&j->progress, &j->lock);
		else if (j->group.n > 0)
			rc = write_group(j, e);
		else
			rc =
			    err_set(e, ERR_BUG, 0, "sync of an unknown record");
	}
	if (rc == 0 && is_void(j, seq))
		rc = err_set(e, ERR_TEMP, EIO, "journal write");
	(void)pthread_mutex_unlock(&j->lock);
	return rc;
}

uint64_t
journal_last(struct journal *j)
{
	(void)pthread_mutex_lock(&j->lock);
	uint64_t last = j->next_seq - 1;
	(void)pthread_mutex_unlock(&j->lock);
	return last;
}

uint64_t
journal_live_bytes(struct journal *j)
{
	(void)pthread_mutex_lock(&j->lock);
	uint64_t n = (uint64_t)segment_list_live(&j->list) * j->o.segment_bytes;
	(void)pthread_mutex_unlock(&j->lock);
	return n;
}

/*
 * The release is itself a record, so that a restart does not bring back what
 * was done with.  Files go only after that record is durable.
 */
int
journal_release(struct journal *j, uint64_t seq)
{
	char payload[8];
	struct err e;
	uint64_t mine;

	segment_put_u64(payload, seq);
	struct span part = span_make(payload, sizeof(payload));
	(void)pthread_mutex_lock(&j->lock);
	bool news = seq > j->released;
	int rc = news ? append(j, SEGMENT_RELEASE, &part, 1, &mine, &e) : 0;
	(void)pthread_mutex_unlock(&j->lock);
	if (!news || rc != 0)
		return rc;
	if (journal_sync(j, mine, &e) != 0)
		return -1;
	(void)pthread_mutex_lock(&j->lock);
	if (seq > j->released)
		j->released = seq;
	segment_list_release(&j->list, j->o.dirfd, j->released, SPARES_MAX);
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}

static void
destroy(struct journal *j)
{
	if (j->fd >= 0)
		(void)close(j->fd);
	buf_free(&j->group);
	buf_free(&j->writing);
	segment_list_free(&j->list);
	(void)pthread_cond_destroy(&j->progress);
	(void)pthread_mutex_destroy(&j->lock);
	free(j);
}

int
journal_open(struct journal **out, const struct journal_options *o,
	     int (*replay)(void *ctx, const struct journal_record *r,
			   struct err *e),
	     void *ctx, struct journal_report *report, struct err *e)
{
	if (o->segment_bytes < JOURNAL_SEGMENT_MIN ||
	    o->segment_bytes > SEGMENT_BYTES_MAX || o->segments_max < 2)
		return err_set(e, ERR_BUG, 0, "journal options out of range");
	struct journal *j = calloc(1, sizeof(*j));
	if (j == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "journal");
	j->o = *o;
	j->fd = -1;
	buf_init(&j->group, o->group_max_bytes);
	buf_init(&j->writing, o->group_max_bytes);
	(void)pthread_mutex_init(&j->lock, NULL);
	cond_init_mono(&j->progress);
	if (segment_list_replay(&j->list, o->dirfd, replay, ctx, report, e) !=
	    0) {
		destroy(j);
		return -1;
	}
	j->next_seq = j->list.last_seq + 1;
	j->durable = j->list.last_seq;
	j->released = j->list.released;
	*out = j;
	return 0;
}

int
journal_close(struct journal **out, struct err *e)
{
	struct journal *j = *out;

	if (j == NULL)
		return 0;
	(void)pthread_mutex_lock(&j->lock);
	int rc = j->fd >= 0 ? drain_groups(j, e) : 0;
	(void)pthread_mutex_unlock(&j->lock);
	destroy(j);
	*out = NULL;
	return rc;
}
