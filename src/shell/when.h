#ifndef PP_SHELL_WHEN_H
#define PP_SHELL_WHEN_H

#include <stdint.h>

#include "base/span.h"

/*
 * Times as a user writes them.  Pure but for the time zone; any thread.
 */

/* when_parse_in - "90s", "10m", "2h30m", "3d": 0 and 1 to 999999999 seconds, or
 * -1. */
int when_parse_in(struct span text, int64_t *seconds);

/*
 * when_parse_at - "18:30" (today, or tomorrow when that is over), "2026-11-26
 * 18:30", "2026-11-26" (its midnight), local time; or a date-time of RFC 3339
 * with its offset.  0 and seconds since 1970, or -1.
 */
int when_parse_at(struct span text, int64_t now_s, int64_t *wall_s);

/* when_format - "2026-11-26 18:30" of local time. */
enum { WHEN_SIZE = 20 };
void when_format(int64_t wall_s, char buf[WHEN_SIZE]);

#endif
