#ifndef PP_JOURNAL_SEGMENT_H
#define PP_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "journal/journal.h"

/*
 * The file format of a segment, and reading it.  Private to the room.
 *
 * A file "segment-<20 decimal digits>", all numbers little-endian:
 *
 *   0  8  magic "PPJRNL1\n"        16  8  number of its first record
 *   8  8  index (as in the name)   24  4  CRC-32C of bytes 0..23 and 28..31
 *                                  28  4  tag, drawn by lot
 *   then, from byte 32 on, records, each at a multiple of 8:
 *   0  4  CRC-32C of the rest      16  8  highest number known durable when
 *   4  4  payload length                  this one was appended
 *   8  8  number                   24  4  type
 *                                  28  4  tag of the segment
 *   32 .. payload, zero bytes up to a multiple of 8
 *
 * A recycled file still holds older records; their tag gives them away.  It
 * also tells records from what looks like one inside a payload, which a client
 * may have written: where a record is torn or damaged the next one is looked
 * for, and a stranger cannot know the tag.  With tag 0 in the header (and so
 * not in its checksum) it is the low half of the index.
 *
 * Behind the last group may stand a mark: a record without payload that has the
 * number of the next one and says what is durable.  The next group is written
 * over it.
 */
enum {
	SEGMENT_HEADER_BYTES = 32,
	SEGMENT_RECORD_BYTES = 32,
	SEGMENT_NAME_SIZE = 48,
	SEGMENT_BYTES_MAX = 1 << 30,
};

/* Record types of the journal itself; the caller's are below. */
enum segment_type {
	SEGMENT_RELEASE = 0x7ffffff1, /* payload: u64, all up to it released */
	SEGMENT_VOID = 0x7ffffff2, /* payload: u64 from, u64 to: not in force */
	SEGMENT_MARK = 0x7ffffff3, /* not in sequence; never given out */
};

/* What a header says. */
struct segment_head {
	uint64_t index, first_seq;
	uint32_t tag;
};

struct segment_record {
	uint64_t seq, durable;
	uint32_t type;
	struct span payload;
};

/* What a scan met. */
struct segment_scan {
	uint64_t first_seq; /* by the header; 0 when it is unreadable */
	/* of the last readable record, or the last known to have been in force
	 * when a mark says more; 0: none */
	uint64_t last_seq;
	uint64_t torn_bytes; /* of writes that never ended */
	uint64_t torn_offset;
	/* holes that lost records in force, a file cut short, a bad header */
	uint64_t damaged;
	uint64_t damage_offset;
	uint32_t tag;
	size_t end;  /* behind the last readable record: the next one's place */
	size_t size; /* of the file */
};

void segment_name(uint64_t index, char name[SEGMENT_NAME_SIZE]);
/* segment_name_parse - 0 and *index when `name` is a segment's. */
int segment_name_parse(const char *name, uint64_t *index);

/* segment_create - a file of `bytes` zeros with its header, synced with the
 * directory; `old` (may be NULL) names a file to be recycled.  fd or -1. */
int segment_create(int dirfd, const char *old, const struct segment_head *h,
		   size_t bytes, struct err *e);

/* segment_open - one that is there, to be written to.  fd or -1. */
int segment_open(int dirfd, uint64_t index);

/* segment_record_size - bytes a record with such a payload takes. */
size_t segment_record_size(size_t payload);

/* segment_put - encode a record's header, payload and padding at `at`. */
void segment_put(char *at, uint32_t tag, const struct segment_record *r,
		 const struct span *parts, size_t n_parts);

/*
 * segment_scan_text - find the records in the bytes of a segment, which may be
 * damaged in any way, and call see for each; *found starts as zeros.  A record
 * is given out only when its checksum, segment and number fit.
 */
int segment_scan_text(struct span text, uint64_t index,
		      int (*see)(void *ctx, const struct segment_record *r,
				 struct err *e),
		      void *ctx, struct segment_scan *found, struct err *e);

/* segment_scan - read segment `name`, calling see for each readable record. */
int segment_scan(int dirfd, const char *name, uint64_t index,
		 int (*see)(void *ctx, const struct segment_record *r,
			    struct err *e),
		 void *ctx, struct segment_scan *found, struct err *e);

uint64_t segment_u64(const char *p);
void segment_put_u64(char *p, uint64_t v);

#endif
