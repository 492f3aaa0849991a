#ifndef PP_STORE_MAILDIR_NAME_H
#define PP_STORE_MAILDIR_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Names of files in a Maildir:
 *
 *   1795412881.M123456P4711Q9.mx.xyz.com,S=1204,W=1240:2,S
 *   '------------- unique --------------' size  CRLF   flags
 *
 * S= is the file's size and W= its size with CRLF line ends, as Dovecot and
 * Courier write them.  The unique part never changes in a message's life; flags
 * come and go.  Names written by other programs are read with the same care as
 * a peer's words.  Pure; any thread.
 */
enum {
	MAILDIR_NAME_SIZE = 256, /* a file name and its NUL */
	MAILDIR_UIDL_MAX = 70,   /* RFC 1939 7: 1..70 of 0x21..0x7E */
	MAILDIR_UIDL_SIZE = MAILDIR_UIDL_MAX + 1,
};

/* A parsed name; spans borrow from it. */
struct maildir_name {
	struct span unique; /* before the first ',' or ':' */
	struct span base;   /* before the first ':' */
	struct span flags;  /* after ":2,"; empty without them */
	int64_t size;       /* S=, or -1 */
	int64_t vsize;      /* W=, or -1 */
	uint64_t seconds;   /* when it was delivered; 0 when not said */
	uint64_t micros;    /* and the M part */
};

/* maildir_name_parse - false when it cannot be a message: empty, begins with a
 * dot, over-long. */
bool maildir_name_parse(const char *name, struct maildir_name *n);

/* maildir_name_unique - a new unique part (<= MAILDIR_UIDL_MAX bytes, fit to be
 * a UIDL as it is) from the wall clock, this process, `count` and host. */
void maildir_name_unique(char buf[MAILDIR_NAME_SIZE], const char *host,
			 uint32_t count);

/* maildir_name_order - as qsort wants it: by time of delivery, then by name. */
int maildir_name_order(const struct maildir_name *a,
		       const struct maildir_name *b);

/* maildir_name_seen - `name` with flag S, and with or without what it says of
 * sizes, into buf; -1 when it does not fit. */
int maildir_name_seen(const char *name, bool sizes,
		      char buf[MAILDIR_NAME_SIZE]);

/* maildir_name_apart - `name` with another unique part, made of its seconds and
 * `fresh`, a new one; -1 when it does not fit. */
int maildir_name_apart(const char *name, const char *fresh,
		       char buf[MAILDIR_NAME_SIZE]);

/*
 * maildir_name_uidl - the UIDL of the copy-th message (0 for the first) with
 * this unique part: the part itself when RFC 1939 allows it, else a hash of it.
 */
void maildir_name_uidl(struct span unique, unsigned copy,
		       char buf[MAILDIR_UIDL_SIZE]);

#endif
