#ifndef PP_STORE_LEDGER_H
#define PP_STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "ids/ids.h"
#include "store/maildir.h"

/*
 * struct ledger - what the receiver accepted and the file system does not yet
 * hold for certain.  A message is entered into the journal before it is placed
 * in its mailboxes; a thread of its own makes the mailboxes durable now and
 * then (a checkpoint) and releases what the journal held until then.  At the
 * start what a crash left in between is finished.
 *
 * doc/durability.md has the states and the argument.  Thread: any, but open and
 * close.
 */
struct ledger;

struct ledger_options {
	struct maildir_tree *tree; /* borrowed */
	int dirfd;                 /* data directory: journal/ and ids/ */
	/* true: messages lie in the journal first.  false: each is synced into
	 * its mailboxes, and only delivery ids are entered. */
	bool keeps_messages;
	size_t message_max; /* larger messages are synced themselves */
	int64_t retry_ms;   /* of a journal without room (journal/journal.h) */
	unsigned id_days;
	size_t ids_max;          /* delivery ids in memory (ids/ids.h) */
	size_t checkpoint_bytes; /* entered since the last one */
	int64_t checkpoint_ms;   /* at the latest, when there is news */
};

/* What the start found. */
struct ledger_report {
	uint64_t accepted; /* messages still in the journal */
	uint64_t placed;   /* copies put into mailboxes */
	uint64_t repaired; /* files that were there, but not whole */
	uint64_t removed;  /* files whose owner had deleted them */
	uint64_t failed;   /* could not be placed now; stay in the journal */
};

/* ledger_open - recover, then start the checkpoints.  To be called before
 * leftovers_remove. */
int ledger_open(struct ledger **l, const struct ledger_options *o,
		struct ledger_report *report, struct err *e);
/* ledger_close - a last checkpoint; nobody else may use it any more. */
void ledger_close(struct ledger **l); /* NULL-safe */

/* ledger_message_max - messages up to so many bytes lie in the journal first;
 * 0 when none do. */
size_t ledger_message_max(const struct ledger *l);
struct ids *ledger_ids(struct ledger *l);

/* A message between its acceptance and its last mailbox. */
struct ledger_entry {
	struct ledger_entry *prev, *next;
	uint64_t seq; /* 0: not entered */
	size_t size;
};

struct ledger_message {
	const char *id;     /* delivery id, "" for none */
	const char *name;   /* of the file in new/ */
	const char *holder; /* mailbox whose tmp/ holds it */
	const char *const *mailboxes;
	size_t n_mailboxes;
	uint64_t size;
	bool has_bytes;
	struct span bytes;
};

/*
 * ledger_accept - enter it; at 0 it is durable, and its file is to be placed,
 * which ledger_placed ends.  The file stands in tmp/ of the holder already.
 * -1: nothing is entered, *e is TEMP or LIMIT.
 */
int ledger_accept(struct ledger *l, struct ledger_entry *entry,
		  const struct ledger_message *m, struct err *e);
void ledger_placed(struct ledger *l, struct ledger_entry *entry);

/* ledger_withdraw - it could not be placed and will be refused; not clean: a
 * copy is in a mailbox, which is removed as soon as can be.  At -1 the file
 * must stay in tmp/: no record says that it was refused, and a start would
 * place it.  ledger_placed ends this, too. */
int ledger_withdraw(struct ledger *l, const struct ledger_entry *entry,
		    const char *unique, bool clean, struct err *e);

/* ledger_removed - its owner deleted a file; durable after ledger_sync. */
int ledger_removed(struct ledger *l, const char *mailbox, struct span unique,
		   struct err *e);
int ledger_sync(struct ledger *l, struct err *e);

/*
 * ledger_names_begin, _end - around each change of a name in new/ or cur/ by a
 * session: a deletion with its ledger_removed, a renaming.  Many at a time; but
 * none while files are restored, which would take the message for missing.
 */
void ledger_names_begin(struct ledger *l);
void ledger_names_end(struct ledger *l);

/* ledger_checkpoint - now; what went wrong before is mended first.  For tests
 * and the last one. */
int ledger_checkpoint(struct ledger *l, struct err *e);

#endif
