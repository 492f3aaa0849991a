#ifndef PP_BASE_CLOCK_H
#define PP_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * Two clocks.  Deadlines use the monotonic one (ms since some start, never
 * jumps); dates and retry times that survive a restart use the wall clock.
 * Thread: any.
 */
int64_t clock_mono_ms(void);
int64_t clock_wall_s(void);
int64_t clock_wall_us(void);

/* clock_age_s - from since_s to now_s of the wall clock; 0 when that was put
 * back meanwhile. */
int64_t clock_age_s(int64_t now_s, int64_t since_s);

/* clock_utc_text - "2026-11-23T05:28:01.123Z" of the wall clock; buf >= 32. */
void clock_utc_text(int64_t wall_us, char *buf, unsigned long size);

#endif
