#ifndef PP_IDS_IDS_DAY_H
#define PP_IDS_IDS_DAY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The files of delivery ids: "20261123", lines
 *
 *   9ad02f31 <id> <recipient>
 *
 * with the CRC-32 of what follows its blank.  A line that is torn or damaged is
 * passed over: its pair is not known, which may double a message, never lose
 * one.  Private to ids.c and its tests.
 */
enum { IDS_DAY_RECIPIENT_MAX = 512 };

/* ids_day_number - 20261123, so many days before that time (UTC). */
uint32_t ids_day_number(int64_t wall_s, unsigned days_ago);

/* ids_day_format - add a line; 0, or -1 as buf_add. */
int ids_day_format(struct buf *out, struct span id, struct span recipient);

/* ids_day_load - every pair in all files, in order. */
int ids_day_load(int dirfd,
		 void (*see)(void *ctx, uint32_t day, const char *id,
			     const char *recipient),
		 void *ctx, struct err *e);

/* ids_day_remove - the first file, when it is of before `oldest` and at least
 * `keep` others are there.  *removed: its day, or 0. */
int ids_day_remove(int dirfd, uint32_t oldest, unsigned keep, uint32_t *removed,
		   struct err *e);

/* ids_day_append - lines to the file of `day`, durable. */
int ids_day_append(int dirfd, uint32_t day, struct span lines, struct err *e);

#endif
