#ifndef PP_JOURNAL_JOURNAL_H
#define PP_JOURNAL_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * struct journal - an append-only log of records that many threads make
 * durable together (group commit).  It knows bytes, not mail.
 *
 * A record has a sequence number, one higher than the record before.  It is in
 * force once journal_sync() for its number returned 0; after a crash exactly
 * the records in force are certain to be replayed (a few later ones may be too,
 * when their bytes reached the disk before the crash).
 *
 * The format is in doc/formats.md; the crash argument in doc/durability.md.
 * Thread: any, unless said otherwise.  No function holds a lock during a disk
 * write except the one that does the writing for all.
 */
struct journal;

struct journal_options {
	int dirfd;             /* directory of the segments; borrowed */
	size_t segment_bytes;  /* >= JOURNAL_SEGMENT_MIN; size of a segment */
	unsigned segments_max; /* live segments; over it appends fail (LIMIT) */
	size_t group_max_bytes; /* bytes that wait for one write */
	/* how long no other segment is begun after one could not be (a full
	 * disk); 0: each append tries */
	int64_t retry_ms;
};

enum {
	JOURNAL_SEGMENT_MIN = 64 * 1024,
	JOURNAL_RECORD_MAX = 64 * 1024 * 1024,
	JOURNAL_PARTS_MAX = 8,
};

struct journal_record {
	uint64_t seq;
	uint32_t type;       /* the caller's, 1 .. 0x7fffff00 */
	struct span payload; /* lives for the call */
};

/* What was found at the start. */
struct journal_report {
	uint64_t records;    /* replayed */
	uint64_t segments;   /* read */
	uint64_t torn_bytes; /* of writes that nobody was told had ended */
	char torn[64];       /* "segment-000000000007 offset 8192", the first */
	uint64_t damaged;    /* places where records in force were lost */
	char where[256];     /* the first */
};

/*
 * journal_open - read every segment in order, call replay for each record still
 * there, then be ready to append.  A damaged segment is read past its damage
 * and reported, and goes to damaged/ when it is released; it never stops the
 * start.
 * replay returning -1 stops with its *e.  0 or -1.
 */
int journal_open(struct journal **j, const struct journal_options *o,
		 int (*replay)(void *ctx, const struct journal_record *r,
			       struct err *e),
		 void *ctx, struct journal_report *report, struct err *e);

/*
 * journal_append - add a record made of n_parts pieces put together.  The bytes
 * are copied; *seq is its number.  Nothing is durable yet.  -1: LIMIT (record
 * or journal full), TEMP with ENOSPC/EDQUOT/EIO/ENOMEM: nothing was added.  The
 * end of each segment is kept for a release, so that one always fits.
 */
int journal_append(struct journal *j, uint32_t type, const struct span *parts,
		   size_t n_parts, uint64_t *seq, struct err *e);

/*
 * journal_sync - return when record `seq` and all before it are durable.  A
 * thread that comes writes and syncs for all that wait; no timer.  -1 (TEMP):
 * the disk refused; the record is void, now and after a restart.
 */
int journal_sync(struct journal *j, uint64_t seq, struct err *e);

/*
 * journal_release - records up to and including seq are needed no more:
 * segments that hold only such ones are recycled.  Nobody may ask for the sync
 * of one any more, but who no longer cares whether it is in force.  -1: the
 * disk refused, they stay and would be replayed.
 */
int journal_release(struct journal *j, uint64_t seq, struct err *e);

/* journal_last - number of the newest record (0: none yet). */
uint64_t journal_last(struct journal *j);

/* journal_live_bytes - how much a restart would have to read. */
uint64_t journal_live_bytes(struct journal *j);

/* journal_close - sync what was appended and free; 0 or -1. */
int journal_close(struct journal **j, struct err *e);

/*
 * journal_check - read-only: the same reading as journal_open without changing
 * anything, also beside a running server.
 */
int journal_check(int dirfd,
		  int (*see)(void *ctx, const struct journal_record *r,
			     struct err *e),
		  void *ctx, struct journal_report *report, struct err *e);

#endif
