#ifndef PP_NET_RATE_H
#define PP_NET_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * struct rate - how much a party (a client's address, as a number that nobody
 * can aim at: base/peer.h) has done lately, and no more than a limit.
 *
 * The window slides: what was done in the last whole window counts by the part
 * of it that is still within reach, as if spread evenly.  So nobody gets twice
 * the limit by starting at the end of a window.
 *
 * The table is bounded.  When it is full, who has done least is forgotten
 * first: a crowd of new addresses makes a heavy one no freer.  Thread: any.
 */
struct rate;

enum { RATE_SETS = 4096, RATE_WAYS = 4 };

/* rate_new - limit <= 0: everything is allowed, nothing is counted. */
int rate_new(struct rate **r, int64_t limit, int64_t window_ms, struct err *e);
void rate_free(struct rate **r); /* NULL-safe */

/* rate_take - count one more at now_ms (clock_mono_ms); false, and not counted,
 * when that would be over the limit. */
bool rate_take(struct rate *r, uint64_t party, int64_t now_ms);

#endif
