#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "auth/login_guard.h"
#include "base/clock.h"

/* Without a descriptor left for the event, look that often. */
enum { BLIND_MS = 200 };

/* false: the client is gone, or has to make room for another one. */
static bool
sleep_for(const struct login_attempt *a, const struct wake *stop, int fd,
	  int64_t ms)
{
	struct pollfd p[3] = {
		{ .fd = a->event, .events = POLLIN },
		{ .fd = stop == NULL ? -1 : wake_fd(stop), .events = POLLIN },
		{ .fd = fd > 0 ? fd : -1, .events = POLLRDHUP },
	};
	uint64_t n;

	if (a->event < 0 && ms > BLIND_MS)
		ms = BLIND_MS;
	(void)poll(p, 3, (int)ms);
	if (a->event >= 0)
		(void)!read(a->event, &n, sizeof(n));
	return p[2].revents == 0;
}

bool
login_guard_wait(struct login_guard *g, struct login_attempt *a,
		 const struct login_try *t, const struct wake *stop, int fd)
{
	int64_t ms;

	if (login_guard_begin(g, a, t, clock_mono_ms()))
		return true;
	do {
		ms = login_guard_look(g, a, clock_mono_ms());
		if (a->seen != LOGIN_WAITS)
			return a->seen == LOGIN_RUNS;
		if (stop != NULL && wake_is_raised(stop))
			return false;
	} while (sleep_for(a, stop, fd, ms));
	login_guard_leave(g, a, clock_mono_ms());
	return false;
}
