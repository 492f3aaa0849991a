/*
 * The journal: many threads append, some of those that wait write for all.
 *
 * journal_append() copies a record into the open group, a memory buffer that
 * belongs to one place of one segment; journal_sync() waits until its group is
 * on the disk, and takes it there itself when nobody else does
 * (journal_group.c).
 *
 * A failed write or sync is final (a second fsync may lie): every record not
 * yet durable becomes void, its waiters fail, the segment is left behind, and a
 * new one begins with a record that says which numbers are void.  While no new
 * segment can be made, appends fail, and now and then one tries again: space
 * that comes back is found without help, and a full disk is not kept busy with
 * files that are made and removed.
 *
 * Lock order: one lock, never held during I/O except where a segment is
 * changed (once in a segment's life).
 */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "journal/journal_private.h"
#include "journal/segment.h"

bool
journal_is_void(const struct journal *j, uint64_t seq)
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
				    .durable = atomic_load(&j->durable),
				    .type = type };

	if (buf_reserve(&j->group, size) != 0)
		return err_set(e, ERR_TEMP, errno, "journal");
	segment_put(j->group.p + j->group.n, current(j)->tag, &r, parts,
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

/* More openings of the current segment, as many as there can be. */
static void
open_again(struct journal *j, uint64_t index)
{
	for (unsigned i = 1; i < FLIGHTS_MAX; i++) {
		j->fd[i] = segment_open(j->o.dirfd, index);
		if (j->fd[i] < 0)
			return;
	}
}

/* Was there no room a moment ago?  A file that waits to be used again needs
 * none. */
static bool
is_hopeless(const struct journal *j)
{
	return j->list.n_spare == 0 && j->retry_ms > 0 &&
	       clock_mono_ms() < j->retry_ms;
}

static int
create_segment(struct journal *j, const struct segment_head *h, struct err *e)
{
	char spare[SEGMENT_NAME_SIZE];

	if (is_hopeless(j)) {
		*e = j->no_room;
		return -1;
	}
	bool have = segment_list_take_spare(&j->list, spare);
	int fd = segment_create(j->o.dirfd, have ? spare : NULL, h,
				j->o.segment_bytes, e);
	j->list.next_index++;
	j->retry_ms = 0;
	if (fd < 0 && j->o.retry_ms > 0) {
		j->retry_ms = clock_mono_ms() + j->o.retry_ms;
		j->no_room = *e;
	}
	return fd;
}

/*
 * After a start, where no segment can be begun, the newest that was found goes
 * on: behind its last record nothing in force follows, and what is written
 * there is synced together with all before it.  So the journal can be given
 * back without any room on the disk.
 */
static bool
go_on(struct journal *j)
{
	if (j->fd[0] >= 0 || j->list.n == 0)
		return false;
	const struct segment_entry *s = current(j);
	if (s->damaged || s->end == 0 || s->size != j->o.segment_bytes ||
	    s->last_seq != j->next_seq - 1)
		return false;
	j->fd[0] = segment_open(j->o.dirfd, s->index);
	if (j->fd[0] < 0)
		return false;
	open_again(j, s->index);
	j->offset = s->end;
	return true;
}

/* Begin a new segment, recycling a spare file.  Called with the lock held. */
static int
begin_new(struct journal *j, uint32_t type, struct err *e)
{
	struct segment_head h = { .index = j->list.next_index,
				  .first_seq = j->next_seq,
				  .tag = (uint32_t)rand_u64() | 1 };

	if (segment_list_live(&j->list) >= segments_allowed(j, type))
		return err_set(
		    e, ERR_LIMIT, ENOSPC,
		    "journal is full (%u segments wait to be released)",
		    j->o.segments_max);
	if (segment_list_reserve(&j->list, e) != 0)
		return -1;
	int fd = create_segment(j, &h, e);
	if (fd < 0)
		return -1;
	journal_group_close(j);
	j->fd[0] = fd;
	open_again(j, h.index);
	j->offset = SEGMENT_HEADER_BYTES;
	segment_list_add(&j->list, &h);
	return put_voids(j, e);
}

static int
begin_segment(struct journal *j, uint32_t type, struct err *e)
{
	return begin_new(j, type, e) == 0 || go_on(j) ? 0 : -1;
}

/*
 * Bytes of a segment that a record of this type leaves alone.  Where the disk
 * has no room for one more segment a release still fits, and with it the others
 * can be used again.
 */
static size_t
kept_bytes(uint32_t type)
{
	return type == SEGMENT_RELEASE ? 0
				       : RELEASES_KEPT * segment_record_size(8);
}

/* Make room for a record of `size` bytes in the open group. */
static int
make_room(struct journal *j, uint32_t type, size_t size, struct err *e)
{
	for (;;) {
		if (j->dead)
			return err_set(e, ERR_TEMP, EIO,
				       "journal is out of use");
		if (j->fd[0] < 0) {
			if (begin_segment(j, type, e) != 0)
				return -1;
			continue;
		}
		size_t room = j->o.segment_bytes - kept_bytes(type);
		bool fits = j->offset + j->group.n + size <= room;
		if (fits && j->group.n + size <= j->o.group_max_bytes)
			return 0;
		if (journal_group_drain(j, e) != 0)
			return -1;
		/* Others may have moved on while this thread waited. */
		fits = j->offset + j->group.n + size <= room;
		if (!fits && j->fd[0] >= 0 && begin_segment(j, type, e) != 0)
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
	    size >
		j->o.segment_bytes - SEGMENT_HEADER_BYTES - kept_bytes(type) ||
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
	return journal_group_wait(j, seq, e);
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

/* Voids that nobody can ask for any more, here or after a restart.  Told ones
 * come first. */
static void
forget_voids(struct journal *j)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < j->n_voids; i++) {
		if (i < j->n_voids_told && j->voids[i].to <= j->released)
			continue;
		j->voids[kept++] = j->voids[i];
	}
	j->n_voids_told -= j->n_voids - kept;
	j->n_voids = kept;
}

/*
 * The release is itself a record, so that a restart does not bring back what
 * was done with.  Files go only after that record is durable.
 */
int
journal_release(struct journal *j, uint64_t seq, struct err *e)
{
	char payload[8];
	uint64_t mine;

	segment_put_u64(payload, seq);
	struct span part = span_make(payload, sizeof(payload));
	(void)pthread_mutex_lock(&j->lock);
	bool news = seq > j->released;
	int rc = news ? append(j, SEGMENT_RELEASE, &part, 1, &mine, e) : 0;
	(void)pthread_mutex_unlock(&j->lock);
	if (rc != 0 || (news && journal_sync(j, mine, e) != 0))
		return err_prefix(e, "the journal is not released");
	(void)pthread_mutex_lock(&j->lock);
	if (seq > j->released)
		j->released = seq;
	forget_voids(j);
	segment_list_release(&j->list, j->o.dirfd, j->released, SPARES_MAX);
	(void)pthread_mutex_unlock(&j->lock);
	return 0;
}

static void
destroy(struct journal *j)
{
	journal_group_close(j);
	buf_free(&j->group);
	for (unsigned i = 0; i < FLIGHTS_MAX; i++)
		buf_free(&j->flights[i].bytes);
	segment_list_free(&j->list);
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
	buf_init(&j->group, o->group_max_bytes);
	for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
		j->fd[i] = -1;
		buf_init(&j->flights[i].bytes, o->group_max_bytes);
	}
	mutex_init_short(&j->lock);
	if (segment_list_replay(&j->list, o->dirfd, replay, ctx, report, e) !=
	    0) {
		destroy(j);
		return -1;
	}
	j->next_seq = j->list.last_seq + 1;
	atomic_store(&j->durable, j->list.last_seq);
	j->released = j->list.released;
	segment_list_find_spares(&j->list, o->dirfd, o->segment_bytes,
				 SPARES_MAX);
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
	int rc = j->fd[0] >= 0 ? journal_group_drain(j, e) : 0;
	(void)pthread_mutex_unlock(&j->lock);
	destroy(j);
	*out = NULL;
	return rc;
}
