#ifndef PP_BASE_CLOCK_STEADY_H
#define PP_BASE_CLOCK_STEADY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How old is what is to be removed for its age?  A wall clock that jumps must
 * not remove everything at once.  So it counts no further than running time
 * bears it out since `wall_s`, and what a start finds is of no age for an hour:
 * a clock that is wrong at the start is set by then.
 */
struct clock_steady {
	int64_t wall_s, mono_ms;
};

/* clock_steady_begin - from now on. */
void clock_steady_begin(struct clock_steady *c);

/* clock_steady_is_past - has `wall_s` surely been age_s ago?  Thread: any. */
bool clock_steady_is_past(const struct clock_steady *c, int64_t wall_s,
			  int64_t age_s);

#endif
