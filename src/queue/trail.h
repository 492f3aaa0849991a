#ifndef PP_QUEUE_TRAIL_H
#define PP_QUEUE_TRAIL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/rand.h"
#include "base/thread.h"

/*
 * trail - what was said on every hop of a message: the commands and replies of
 * the session that brought it and of each delivery, with the time of each line.
 * Never a secret, never content.  It is for reading, not for recovery: written
 * without a sync, into a ring of files below <data-dir>/trails, the oldest of
 * which is overwritten (doc/formats.md).  A damaged line is passed over.
 *
 * A hop is gathered in memory by the thread that has it; those that ended in
 * the last second are written with one write.  A hop keeps its first lines and
 * its last one when it says more than TRAIL_HOP_MAX; a message with more than
 * TRAIL_MESSAGE_MAX gets one line for each hop from then on.
 */
struct trail;

enum {
	TRAIL_FILES = 8,
	TRAIL_FILE_BYTES = 8 * 1024 * 1024,
	TRAIL_LINE_MAX = 512, /* bytes of one line's text */
	TRAIL_HOP_MAX = 8 * 1024,
	TRAIL_MESSAGE_MAX = 16 * 1024,
};

/* trail_open - data_fd is borrowed for the call.  file_bytes: the size of one
 * of TRAIL_FILES. */
int trail_open(struct trail **t, int data_fd, int64_t file_bytes,
	       struct err *e);
void trail_free(struct trail **t);

/* One hop, on one thread. */
struct trail_hop {
	struct buf lines;
	char last[TRAIL_LINE_MAX + 32]; /* when lines is full */
};

/* trail_hop_begin - in place; trail_hop_clear - forget it (twice is fine). */
void trail_hop_begin(struct trail_hop *h);
void trail_hop_clear(struct trail_hop *h);

/* trail_hop_line - direction '>' was said, '<' was heard, '=' is a note. */
void trail_hop_line(struct trail_hop *h, char direction, struct span text);
void trail_hop_linef(struct trail_hop *h, char direction, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* trail_write - the hop was one of message `id`; it is then empty.  A failure
 * is logged once and costs nothing but the trail.  t NULL: none is kept.
 * Thread: any. */
void trail_write(struct trail *t, const char *id, struct trail_hop *h);

/* trail_read - the lines of a message, oldest first.  Thread: any.  *damaged
 * lines that looked like its own were not right. */
int trail_read(struct trail *t, const char *id,
	       void (*see)(void *ctx, int64_t wall_ms, char direction,
			   struct span text),
	       void *ctx, unsigned *damaged, struct err *e);

#endif
