#ifndef PP_JOURNAL_JOURNAL_LIST_H
#define PP_JOURNAL_JOURNAL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"
#include "journal/segment.h"

/*
 * The segments of a journal, oldest first, and the files waiting to be used
 * again.  Private to the room; the journal's lock guards it.
 */
struct segment_entry {
	uint64_t index;
	uint64_t first_seq, last_seq; /* last < first: empty */
	uint32_t tag;
	size_t end, size; /* of one found: behind its last record, the file */
	bool damaged;     /* kept under damaged/ when released */
};

struct segment_list {
	struct segment_entry *v;
	size_t n, cap;
	uint64_t next_index;
	uint64_t spare[8]; /* indexes of recyclable files */
	size_t n_spare;
	/* found by segment_list_replay */
	uint64_t last_seq;
	uint64_t released;
	struct segment_void {
		uint64_t from, to;
	} * voids;
	size_t n_voids;
};

int segment_list_reserve(struct segment_list *l, struct err *e);
void segment_list_add(struct segment_list *l, const struct segment_head *h);
unsigned segment_list_live(const struct segment_list *l);
bool segment_list_take_spare(struct segment_list *l,
			     char name[SEGMENT_NAME_SIZE]);

/* segment_list_release - drop segments (never the last) whose records are all
 * <= seq: recycled up to `spares`, moved to damaged/, or removed. */
void segment_list_release(struct segment_list *l, int dirfd, uint64_t seq,
			  size_t spares);

/* segment_list_find_spares - of the segments that were found, those of `size`
 * bytes that hold nothing any more wait to be used again. */
void segment_list_find_spares(struct segment_list *l, int dirfd, size_t size,
			      size_t spares);

/* segment_list_replay - fill an empty list from the directory and replay. */
int segment_list_replay(struct segment_list *l, int dirfd,
			int (*replay)(void *ctx, const struct journal_record *r,
				      struct err *e),
			void *ctx, struct journal_report *report,
			struct err *e);

void segment_list_free(struct segment_list *l);

#endif
