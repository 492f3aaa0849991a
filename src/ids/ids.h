#ifndef PP_IDS_IDS_H
#define PP_IDS_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * Which deliveries were taken already: pairs of a delivery id and a recipient.
 * In memory a bounded set of keyed hashes, on disk a file a day, "20261123",
 * with a line for each pair (doc/formats.md).  A pair is claimed before its
 * message is stored, so that two sessions never store the same one, and then
 * kept or dropped.  Any thread; ids_flush by one at a time.
 *
 * What follows a slash in an id is not looked at: earlier versions wrote the
 * client's address there.
 */
struct ids;

enum {
	IDS_TEXT_MAX = 160, /* bytes of an id; no blank, no control byte */
	IDS_ENTRY_BYTES = 32,
};

struct ids_options {
	int dirfd;     /* of the day files; borrowed */
	size_t max;    /* pairs, IDS_ENTRY_BYTES each; then the oldest goes */
	unsigned days; /* how long they are kept */
	/* the part of a recipient that counts; NULL: all of it */
	struct span (*owner)(const char *recipient);
	/* the clocks; NULL: the system's */
	int64_t (*wall_s)(void);
	int64_t (*mono_ms)(void);
};

/*
 * ids_open - load the day files.  One whose day is over goes, when as many
 * later ones are there as days are kept, and at most one at the start and one a
 * day of running time: a clock that jumps takes no more ids with it than a day
 * that passes.
 */
int ids_open(struct ids **ids, const struct ids_options *o, struct err *e);
void ids_free(struct ids **ids); /* NULL-safe; does not flush */

enum ids_state {
	IDS_CLAIMED, /* new, and the caller's until ids_keep or ids_drop */
	IDS_KNOWN,   /* taken before */
	IDS_BUSY,    /* another session is taking it */
};
enum ids_state ids_claim(struct ids *ids, const char *id,
			 const char *recipient);

/* ids_is_known - was it taken before?  Nothing is claimed. */
bool ids_is_known(struct ids *ids, const char *id, const char *recipient);

/* ids_keep - it is taken (claimed before or not); written by ids_flush. */
void ids_keep(struct ids *ids, const char *id, const char *recipient);
void ids_drop(struct ids *ids, const char *id, const char *recipient);

/* ids_flush - what was kept so far is durable; on -1 it stays to be written.
 * Warns in the log, once a day, when three quarters of `max` are in use. */
int ids_flush(struct ids *ids, struct err *e);

#endif
