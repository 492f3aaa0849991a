#ifndef PP_STORE_IDS_H
#define PP_STORE_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Which deliveries were stored already: pairs of a delivery id and a mailbox's
 * owner (maildir_mailbox_owner): a message that is junk at the second try and
 * was none at the first is the same message all the same.
 * In memory a bounded set of keyed hashes, on disk a file a day, "20261123",
 * with a line for each pair (doc/formats.md).  A pair is claimed before its
 * message is stored, so that two sessions never store the same one, and then
 * kept or dropped.  Any thread; ids_flush by one at a time.
 */
struct ids;

enum {
	IDS_MAX = 1000000,  /* pairs; then the oldest is forgotten */
	IDS_TEXT_MAX = 160, /* bytes of an id; no blank, no control byte */
};

struct ids_options {
	int dirfd;     /* of the day files; borrowed */
	size_t max;    /* pairs */
	unsigned days; /* how long they are kept */
};

/* ids_open - load the day files; older ones are removed. */
int ids_open(struct ids **ids, const struct ids_options *o, struct err *e);
void ids_free(struct ids **ids); /* NULL-safe; does not flush */

enum ids_state {
	IDS_CLAIMED, /* new, and the caller's until ids_keep or ids_drop */
	IDS_KNOWN,   /* stored before */
	IDS_BUSY,    /* another session is storing it */
};
enum ids_state ids_claim(struct ids *ids, const char *id, const char *mailbox);

/* ids_is_known - was it stored before?  Nothing is claimed. */
bool ids_is_known(struct ids *ids, const char *id, const char *mailbox);

/* ids_keep - it is stored (claimed before or not); written by ids_flush. */
void ids_keep(struct ids *ids, const char *id, const char *mailbox);
void ids_drop(struct ids *ids, const char *id, const char *mailbox);

/* ids_flush - what was kept so far is durable; on -1 it stays to be written. */
int ids_flush(struct ids *ids, struct err *e);

#endif
