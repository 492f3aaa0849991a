/*
 * Group commit.  Records gather in the open group.  Who waits for one of them
 * and finds that a flight may start takes the whole group along: writes it,
 * syncs, and wakes all whose records were in it.  Who comes meanwhile waits for
 * that flight to land or, where flushes are slow, starts the next one beside
 * it.  So a lone client never waits for a timer, and a crowd shares syncs.
 *
 * One flight at a time is best where a flush takes a millisecond or less:
 * what gathers meanwhile goes together, and a second flush would cost more than
 * it saves.  On a disk that takes longer a message that comes just after a
 * start would wait for two flushes; with several flights it waits for its own.
 * The system merges flushes that overlap when the device cannot do them side by
 * side, so nothing is lost there.
 *
 * Flights land in order: a record is durable when all before it are.  One that
 * fails voids all that is not yet durable (a second sync may lie), those behind
 * it too.
 *
 * After a landing with nobody waiting a mark says on the disk that the last
 * group is durable, which otherwise only the next one would tell.  The next one
 * is written over it.  It is not synced: it is evidence that a record found
 * broken later was whole once, and no promise.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "journal/journal_private.h"
#include "journal/segment.h"

enum {
	SLOW_FLUSH_US = 1500,
	KEEP_BYTES = 256 * 1024, /* of a buffer that was larger */
};

/* Gates to be woken once the lock is given back. */
struct wakes {
	struct gate *gate[FLIGHTS_MAX + 2];
	int threads[FLIGHTS_MAX + 2];
	unsigned n;
};

static struct gate *
gate_of(struct journal *j, uint64_t group)
{
	return &j->gates[group % GATES];
}

static void
add_wake(struct journal *j, struct wakes *w, uint64_t group, int threads)
{
	struct gate *g = gate_of(j, group);

	gate_move(g);
	w->gate[w->n] = g;
	w->threads[w->n++] = threads;
}

static void
wake(const struct wakes *w)
{
	for (unsigned i = 0; i < w->n; i++)
		gate_wake(w->gate[i], w->threads[i]);
}

static struct flight *
flight_at(struct journal *j, unsigned i)
{
	return &j->flights[(j->first + i) % FLIGHTS_MAX];
}

static unsigned
flights_allowed(const struct journal *j)
{
	unsigned n = 1;

	while (j->flush_us >= SLOW_FLUSH_US && n < FLIGHTS_MAX && j->fd[n] >= 0)
		n++;
	return n;
}

static bool
may_start(const struct journal *j)
{
	return j->group.n > 0 && !j->failing && !j->marking &&
	       j->n_flights < flights_allowed(j);
}

/* An opening that no flight uses; there are more than flights are allowed. */
static int
free_fd(struct journal *j)
{
	for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
		bool used = false;
		for (unsigned k = 0; k < j->n_flights; k++)
			used = used || flight_at(j, k)->fd == j->fd[i];
		if (!used)
			return j->fd[i];
	}
	return j->fd[0];
}

void
journal_group_close(struct journal *j)
{
	for (unsigned i = 0; i < FLIGHTS_MAX; i++) {
		if (j->fd[i] >= 0)
			(void)close(j->fd[i]);
		j->fd[i] = -1;
	}
}

/* ---- landing (lock held) --------------------------------------------------
 */

static int
write_at(int fd, const char *p, size_t n, size_t offset)
{
	while (n > 0) {
		ssize_t put = pwrite(fd, p, n, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		p += put;
		n -= (size_t)put;
		offset += (size_t)put;
	}
	return 0;
}

/* Bytes that nobody may find whole: a restart before a new segment says that
 * they are void would take them for records.  As well as can be. */
static void
erase(struct flight *f)
{
	memset(f->bytes.p, 0, f->bytes.n);
	(void)write_at(f->fd, f->bytes.p, f->bytes.n, f->offset);
}

static void
note_void(struct journal *j, uint64_t from, uint64_t to)
{
	atomic_store(&j->has_voids, true);
	/* Nothing was durable in between: the same range, grown. */
	if (j->n_voids > 0 && j->voids[j->n_voids - 1].from == from) {
		j->voids[j->n_voids - 1].to = to;
		if (j->n_voids_told == j->n_voids)
			j->n_voids_told--;
		return;
	}
	if (j->n_voids == VOIDS_MAX) {
		j->dead = true;
		return;
	}
	j->voids[j->n_voids++] = (struct range){ from, to };
}

/* Nothing that is not yet durable ever will be. */
static void
void_pending(struct journal *j, struct wakes *w)
{
	for (unsigned i = 0; i < j->n_flights; i++) {
		erase(flight_at(j, i));
		buf_clear(&flight_at(j, i)->bytes);
		add_wake(j, w, flight_at(j, i)->group, INT_MAX);
	}
	j->n_flights = 0;
	buf_clear(&j->group);
	add_wake(j, w, j->n_groups++, INT_MAX);
	journal_group_close(j);
	j->list.v[j->list.n - 1].damaged = true;
	note_void(j, atomic_load(&j->durable) + 1, j->next_seq - 1);
	j->failing = false;
}

static bool
is_any_up(struct journal *j)
{
	for (unsigned i = 0; i < j->n_flights; i++) {
		if (flight_at(j, i)->state == FLIGHT_UP)
			return true;
	}
	return false;
}

static void
land(struct journal *j, struct wakes *w)
{
	while (j->n_flights > 0 && flight_at(j, 0)->state == FLIGHT_LANDED) {
		struct flight *f = flight_at(j, 0);
		atomic_store(&j->durable, f->last);
		add_wake(j, w, f->group, INT_MAX);
		if (f->bytes.cap > KEEP_BYTES)
			buf_free(&f->bytes);
		buf_clear(&f->bytes);
		j->first = (j->first + 1) % FLIGHTS_MAX;
		j->n_flights--;
	}
	if (j->failing && !is_any_up(j))
		void_pending(j, w);
	else if (may_start(j))
		add_wake(j, w, j->n_groups, 1);
}

/* ---- flying -----------------------------------------------------------------
 */

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The lock is held on entry and return.  Nothing starts meanwhile: the next
 * flight writes to the same place. */
static void
put_mark(struct journal *j, const struct flight *f)
{
	char mark[SEGMENT_RECORD_BYTES];
	struct segment_record r = { .seq = f->last + 1,
				    .durable = f->last,
				    .type = SEGMENT_MARK };
	size_t offset = j->offset;

	if (j->group.n > 0 || j->n_flights > 1 || j->failing ||
	    offset + sizeof(mark) > j->o.segment_bytes)
		return;
	segment_put(mark, j->list.v[j->list.n - 1].tag, &r, NULL, 0);
	j->marking = true;
	(void)pthread_mutex_unlock(&j->lock);
	(void)write_at(f->fd, mark, sizeof(mark), offset);
	(void)pthread_mutex_lock(&j->lock);
	j->marking = false;
}

/* Take the open group to the disk.  The lock is held on entry and given back.
 */
static void
fly(struct journal *j)
{
	struct flight *f = flight_at(j, j->n_flights);
	struct buf empty = f->bytes;
	struct wakes w = { .n = 0 };

	f->bytes = j->group;
	j->group = empty;
	f->fd = free_fd(j);
	f->group = j->n_groups++;
	f->last = j->next_seq - 1;
	f->offset = j->offset;
	f->state = FLIGHT_UP;
	j->offset += f->bytes.n;
	j->n_flights++;
	(void)pthread_mutex_unlock(&j->lock);
	int64_t begin = now_us();
	int rc = write_at(f->fd, f->bytes.p, f->bytes.n, f->offset);
	if (rc == 0)
		rc = fdatasync(f->fd);
	int sys = errno;
	int64_t took = now_us() - begin;
	(void)pthread_mutex_lock(&j->lock);
	/* a busy machine has slow ones now and then: the fast ones count more
	 */
	j->flush_us += (took - j->flush_us) / (took > j->flush_us ? 16 : 4);
	if (rc == 0) {
		put_mark(j, f);
		f->state = FLIGHT_LANDED;
	} else {
		f->state = FLIGHT_FAILED;
		j->failing = true;
		j->failure = sys;
	}
	land(j, &w);
	(void)pthread_mutex_unlock(&j->lock);
	wake(&w);
}

/* ---- waiting ----------------------------------------------------------------
 */

/* The group that a record is in, which is not durable yet.  Lock held. */
static uint64_t
group_of(struct journal *j, uint64_t seq)
{
	for (unsigned i = 0; i < j->n_flights; i++) {
		if (seq <= flight_at(j, i)->last)
			return flight_at(j, i)->group;
	}
	return j->n_groups;
}

static int
failed(const struct journal *j, struct err *e)
{
	return err_set(e, ERR_TEMP, j->failure != 0 ? j->failure : EIO,
		       "journal write");
}

int
journal_group_wait(struct journal *j, uint64_t seq, struct err *e)
{
	for (;;) {
		/* Most find on waking that it is done. */
		if (atomic_load(&j->durable) >= seq &&
		    !atomic_load(&j->has_voids))
			return 0;
		(void)pthread_mutex_lock(&j->lock);
		int rc = 1;
		bool is_durable = atomic_load(&j->durable) >= seq;
		if (journal_is_void(j, seq) || (!is_durable && j->dead))
			rc = failed(j, e);
		else if (is_durable)
			rc = 0;
		else if (seq >= j->next_seq)
			rc = err_set(e, ERR_BUG, 0, "sync of no record");
		if (rc <= 0) {
			(void)pthread_mutex_unlock(&j->lock);
			return rc;
		}
		uint64_t group = group_of(j, seq);
		if (group == j->n_groups && may_start(j)) {
			fly(j);
			continue;
		}
		struct gate *g = gate_of(j, group);
		unsigned seen = gate_seen(g);
		(void)pthread_mutex_unlock(&j->lock);
		gate_sleep(g, seen);
	}
}

int
journal_group_drain(struct journal *j, struct err *e)
{
	uint64_t last = j->next_seq - 1;

	while (j->n_flights > 0 || j->group.n > 0) {
		if (may_start(j)) {
			fly(j);
		} else {
			uint64_t group = j->n_flights > 0
					     ? flight_at(j, 0)->group
					     : j->n_groups;
			struct gate *g = gate_of(j, group);
			unsigned seen = gate_seen(g);
			(void)pthread_mutex_unlock(&j->lock);
			gate_sleep(g, seen);
		}
		(void)pthread_mutex_lock(&j->lock);
	}
	return j->dead || journal_is_void(j, last) ? failed(j, e) : 0;
}
