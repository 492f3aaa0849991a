#include "base/log_repeat.h"

enum { WAIT_MIN_MS = 1000, WAIT_MAX_MS = 5 * 60 * 1000 };

bool
log_repeat_is_due(struct log_repeat *r, int64_t now_ms)
{
	if (r->wait_ms > 0 && now_ms < r->next_ms)
		return false;
	r->wait_ms = r->wait_ms == 0 ? WAIT_MIN_MS : r->wait_ms * 2;
	if (r->wait_ms > WAIT_MAX_MS)
		r->wait_ms = WAIT_MAX_MS;
	r->next_ms = now_ms + r->wait_ms;
	return true;
}

void
log_repeat_end(struct log_repeat *r)
{
	*r = (struct log_repeat){ 0 };
}
