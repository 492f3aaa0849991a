#ifndef PP_QUEUE_BOUNCE_H
#define PP_QUEUE_BOUNCE_H

#include <stddef.h>

#include "base/err.h"
#include "queue/spool.h"

/*
 * bounce_make - put a delivery status notification (RFC 3464) about the
 * recipients of m whose indices are in `failed` into the spool, from the null
 * path to m's reverse-path.  Their `reply` is the diagnostic.
 * 1: *out is the new message; 0: none is due, since m came from the null path
 * itself (RFC 5321 6.1: logged, dropped); -1: could not be stored, *e says
 * why.  Thread: any, for different m.
 */
int bounce_make(struct spool *s, const char *hostname,
		const struct spool_msg *m, const unsigned *failed, size_t n,
		int64_t now_s, struct spool_msg **out, struct err *e);

#endif
