#ifndef PP_STORE_OCTETS_H
#define PP_STORE_OCTETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/*
 * What a message has on the wire, CRLF line ends: counted in the file, because
 * a name may lie, and because a client that does not know UTF-8 in headers gets
 * an internationalized message in another form (mail/downgrade.h).  Counting
 * reads the whole file, so what was counted is remembered, by the file and not
 * by its name: message files never change, and if one does, its size or time
 * does too. Bounded; any thread.
 */
struct octets;

enum { OCTETS_SLOTS = 32768 };

struct octets_count {
	uint64_t named;  /* as a name counts it: CRLF for each LF, no more */
	uint64_t stored; /* as it is stored; a last line without end gets one */
	uint64_t plain;  /* for a client that does not know UTF-8 */
	bool downgraded; /* these two are not the same text */
};

/* octets_new - host: whose Received lines are ours; borrowed. */
int octets_new(struct octets **o, const char *host, struct err *e);
void octets_free(struct octets **o);

/* octets_are_known - without a look at the file, if it was counted. */
bool octets_are_known(struct octets *o, const struct stat *st,
		      struct octets_count *n);

/* octets_of - of the regular file behind fd, which st describes; 0 or -1 with
 * errno. */
int octets_of(struct octets *o, int fd, const struct stat *st,
	      struct octets_count *n);

#endif
