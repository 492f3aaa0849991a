#ifndef PP_MAIL_DATE_H
#define PP_MAIL_DATE_H

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum { DATE_SIZE = 40 };

/* date_format - "Mon, 23 Nov 2026 05:28:01 +0000" (RFC 5322 3.3), UTC offset of
 * this machine; buf >= DATE_SIZE. Any thread. */
void date_format(int64_t wall_s, char buf[DATE_SIZE]);

/* date_parse - RFC 5322 3.3 and its obsolete forms (4.3): comments, two-digit
 * years, zone names.  0 with seconds since 1970 and the zone's offset in
 * minutes (may be NULL), or -1 (PERM). */
int date_parse(struct span text, int64_t *wall_s, int *zone_minutes,
	       struct err *e);

#endif
