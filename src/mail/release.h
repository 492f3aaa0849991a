#ifndef PP_MAIL_RELEASE_H
#define PP_MAIL_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/*
 * When a message is to be released for delivery (RFC 4865), as MAIL FROM and
 * reports write it.  Pure; any thread.
 */
enum {
	RELEASE_DATE_SIZE = 24,           /* "2026-11-26T10:00:00Z" and a NUL */
	RELEASE_REQUEST_MAX = 48,         /* "until;" and a date-time */
	RELEASE_INTERVAL_MAX = 999999999, /* seconds; 9 digits */
};

/* release_date_parse - date-time of RFC 3339 5.6, at most with nanoseconds,
 * which are dropped.  0 with seconds since 1970, or -1. */
int release_date_parse(struct span text, int64_t *wall_s);

/* release_date_format - the same, in UTC; years 1970 to 9999. */
void release_date_format(int64_t wall_s, char buf[RELEASE_DATE_SIZE]);

/* release_interval_parse - 1*9DIGIT, not 0.  0 or -1. */
int release_interval_parse(struct span text, int64_t *seconds);

/* release_request_is_valid - "for;" interval or "until;" date-time: what a
 * report calls Future-Release-Request. */
bool release_request_is_valid(struct span text);

#endif
