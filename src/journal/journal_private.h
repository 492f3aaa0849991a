#ifndef PP_JOURNAL_JOURNAL_PRIVATE_H
#define PP_JOURNAL_JOURNAL_PRIVATE_H

/* Shared by journal.c (records in, segments, start and end) and
 * journal_group.c (groups to the disk). */

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/thread.h"
#include "journal/journal.h"
#include "journal/journal_list.h"

enum {
	VOIDS_MAX = 64,
	SPARES_MAX = 2,
	FLIGHTS_MAX = 4,   /* groups on their way to the disk at once */
	RELEASES_KEPT = 8, /* room for so many at the end of a segment */
	GATES = 16,        /* more than groups that anybody waits for */
};

struct range {
	uint64_t from, to;
};

/* A group on its way to the disk. */
struct flight {
	struct buf bytes;
	uint64_t group; /* its number */
	uint64_t last;  /* the highest record in it */
	size_t offset;
	int fd;
	enum { FLIGHT_UP, FLIGHT_LANDED, FLIGHT_FAILED } state;
};

struct journal {
	struct journal_options o;
	pthread_mutex_t lock;     /* guards all but the atomic ones */
	struct segment_list list; /* oldest first; the last is the current */
	/* of the current segment, each opened by itself: the system tells of a
	 * failed write once for each opening, and every flight must hear it */
	int fd[FLIGHTS_MAX]; /* fd[0] < 0: no segment can be written */
	size_t offset;       /* where the open group will be written */
	struct buf group;    /* the open group */
	uint64_t n_groups;   /* its number */
	uint64_t next_seq;   /* of the next record */
	uint64_t released;
	struct flight flights[FLIGHTS_MAX]; /* a ring, in order of groups */
	unsigned first, n_flights;
	int64_t flush_us; /* how long one takes, smoothed */
	bool failing;     /* a flight failed, others are still up */
	bool marking;     /* the place behind the last group is written */
	int failure;      /* errno of the last failure */
	struct range voids[VOIDS_MAX];
	unsigned n_voids;
	unsigned n_voids_told; /* so many of them are in a segment */
	int64_t retry_ms;      /* no segment is begun before it; 0: at once */
	struct err no_room;    /* why the last one could not be */
	bool dead; /* more failures than can be told apart: no more mail */

	atomic_uint_least64_t durable; /* all up to it are, void ones apart */
	atomic_bool has_voids;         /* there was a failure, ever */
	struct gate gates[GATES];      /* by the number of a group */
};

/* journal_is_void - can this record never be in force?  Lock held. */
bool journal_is_void(const struct journal *j, uint64_t seq);

/* journal_group_wait - until the record is durable: 0; or void: -1. */
int journal_group_wait(struct journal *j, uint64_t seq, struct err *e);

/* journal_group_drain - until nothing is on its way and nothing waits.  Lock
 * held at entry and return, not between.  -1: the disk refused. */
int journal_group_drain(struct journal *j, struct err *e);

/* journal_group_close - the files of the current segment. */
void journal_group_close(struct journal *j);

#endif
