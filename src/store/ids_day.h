#ifndef PP_STORE_IDS_DAY_H
#define PP_STORE_IDS_DAY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * The files of delivery ids: "20261123", lines
 *
 *   9ad02f31 <id> <mailbox>
 *
 * with the CRC-32 of what follows its blank.  A line that is torn or damaged is
 * passed over: its pair is not known, which may double a message, never lose
 * one.  Private to ids.c and its tests.
 */
enum { IDS_DAY_MAILBOX_MAX = 512 };

/* ids_day_number - 20261123, so many days before today (UTC). */
uint32_t ids_day_number(unsigned days_ago);

/* ids_day_format - add a line; 0, or -1 as buf_add. */
int ids_day_format(struct buf *out, const char *id, const char *mailbox);

/* ids_day_load - every pair in files of `oldest` and later, in order; earlier
 * files are removed. */
int ids_day_load(int dirfd, uint32_t oldest,
		 void (*see)(void *ctx, uint32_t day, const char *id,
			     const char *mailbox),
		 void *ctx, struct err *e);

/* ids_day_remove - files before `oldest`. */
void ids_day_remove(int dirfd, uint32_t oldest);

/* ids_day_append - lines to the file of `day`, durable. */
int ids_day_append(int dirfd, uint32_t day, struct span lines, struct err *e);

#endif
