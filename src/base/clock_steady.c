#include "base/clock_steady.h"

#include "base/clock.h"

enum { SETTLE_S = 3600 };

void
clock_steady_begin(struct clock_steady *c)
{
	*c = (struct clock_steady){ .wall_s = clock_wall_s(),
				    .mono_ms = clock_mono_ms() };
}

bool
clock_steady_is_past(const struct clock_steady *c, int64_t wall_s,
		     int64_t age_s)
{
	int64_t ran_s = (clock_mono_ms() - c->mono_ms) / 1000;
	int64_t now_s = clock_wall_s();

	if (ran_s < SETTLE_S)
		return false;
	if (now_s > c->wall_s + ran_s)
		now_s = c->wall_s + ran_s;
	return wall_s < now_s - age_s;
}
