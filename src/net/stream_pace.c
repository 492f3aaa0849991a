#include <stdint.h>

#include "base/clock.h"
#include "net/stream_private.h"

/*
 * Does the peer move at all?  Only the time in which we wait for it counts, and
 * two stores of it are used up then: one that any octet fills again, and one,
 * three times as large, into which each octet puts a little.  So a peer is
 * silent that sends and takes nothing for quiet_ms, and so is one that moves
 * fewer than 200 octets a second for 3 * quiet_ms or somewhat longer.
 */
enum { MS_FOR_AN_OCTET = 5, PACE_SHARE = 3 };

void
stream_pace(struct stream *s, int64_t quiet_ms)
{
	s->quiet_ms = s->quiet_left = quiet_ms;
	s->pace_left = quiet_ms * PACE_SHARE;
	atomic_store(&s->silent_from_ms, INT64_MAX);
}

bool
stream_is_silent(const struct stream *s, int64_t now_ms)
{
	return s->quiet_ms > 0 && now_ms >= atomic_load(&s->silent_from_ms);
}

void
stream_pace_moved(struct stream *s, size_t n)
{
	const int64_t most = s->quiet_ms * PACE_SHARE;

	s->quiet_left = s->quiet_ms;
	if ((int64_t)n > (most - s->pace_left) / MS_FOR_AN_OCTET)
		s->pace_left = most;
	else
		s->pace_left += (int64_t)n * MS_FOR_AN_OCTET;
}

int64_t
stream_pace_wait(struct stream *s)
{
	const int64_t now = clock_mono_ms();

	atomic_store(&s->silent_from_ms,
		     now + (s->quiet_left < s->pace_left ? s->quiet_left
							 : s->pace_left));
	return now;
}

void
stream_pace_waited(struct stream *s, int64_t since_ms)
{
	const int64_t waited = clock_mono_ms() - since_ms;

	atomic_store(&s->silent_from_ms, INT64_MAX);
	s->quiet_left -= waited < s->quiet_left ? waited : s->quiet_left;
	s->pace_left -= waited < s->pace_left ? waited : s->pace_left;
}
