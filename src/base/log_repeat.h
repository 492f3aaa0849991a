#ifndef PP_BASE_LOG_REPEAT_H
#define PP_BASE_LOG_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A failure that is met again and again, as often as it is tried, is said at
 * once, after a second, and then at twice the time before, up to five minutes.
 * Starts as zeros; one thread.
 */
struct log_repeat {
	int64_t next_ms, wait_ms;
};

/* log_repeat_is_due - it failed at now_ms: is that to be said? */
bool log_repeat_is_due(struct log_repeat *r, int64_t now_ms);

/* log_repeat_end - it went well: the next failure is said at once. */
void log_repeat_end(struct log_repeat *r);

#endif
