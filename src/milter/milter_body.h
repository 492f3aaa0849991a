#ifndef PP_MILTER_MILTER_BODY_H
#define PP_MILTER_MILTER_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The body of a message while milters look at it: in memory up to
 * MILTER_BODY_MEMORY bytes, then in a file without a name in the directory
 * dirfd, which vanishes with the descriptor, whatever happens.  Nothing here is
 * durable: the message is stored afterwards.  One thread at a time.
 */
enum {
	MILTER_BODY_MEMORY = 128 * 1024,
	MILTER_BODY_PIECE = 32 * 1024,
};

struct milter_body {
	int dirfd, fd;
	struct buf tail; /* what is not in the file */
	int64_t filed;   /* bytes in the file */
	int64_t size_max;
	bool after_cr; /* of foreign bytes */
};

void milter_body_init(struct milter_body *b, int dirfd, int64_t size_max);
void milter_body_clear(struct milter_body *b); /* may be filled again */

int64_t milter_body_size(const struct milter_body *b);

/* milter_body_add - 0 or -1: TEMP, or LIMIT over size_max. */
int milter_body_add(struct milter_body *b, struct span bytes, struct err *e);

/*
 * milter_body_add_foreign - from a milter, in pieces cut anywhere: every CR, LF
 * or CR LF becomes CR LF and a NUL '?', for nothing else may be stored or sent
 * (RFC 5321 2.3.8).  milter_body_end_foreign ends the last line.
 */
int milter_body_add_foreign(struct milter_body *b, struct span bytes,
			    struct err *e);
int milter_body_end_foreign(struct milter_body *b, struct err *e);

/* milter_body_each - its bytes in order, in pieces of at most
 * MILTER_BODY_PIECE; stops when fn returns other than 0 and returns that. */
typedef int milter_body_fn(void *ctx, struct span piece, struct err *e);
int milter_body_each(const struct milter_body *b, milter_body_fn *fn, void *ctx,
		     struct err *e);

#endif
