#ifndef PP_STORE_LEDGER_PRIVATE_H
#define PP_STORE_LEDGER_PRIVATE_H

/* Shared by the files ledger*.c only. */

#include <pthread.h>

#include "journal/journal.h"
#include "store/ledger.h"
#include "store/ledger_record.h"

enum { LEDGER_UNTOLD_MAX = 64 };

struct ledger {
	struct ledger_options o;
	int journal_dir, ids_dir;
	struct journal *journal;
	struct ids *ids;

	/* Taken in this order: checkpointing, names, lock. */
	pthread_mutex_t checkpointing;
	pthread_rwlock_t names; /* see ledger_names_begin */
	pthread_mutex_t lock;   /* guards what follows */
	pthread_cond_t wake;
	struct ledger_entry *oldest, *newest; /* not yet placed, by seq */
	uint64_t last;                        /* newest number entered */
	uint64_t released;                    /* all up to it are */
	uint64_t removed;                     /* newest REMOVED */
	/* never release this one or later before it was mended; 0: none */
	uint64_t hold;
	uint64_t doubt; /* up to this one a failed sync may have taken files */
	char *untold[LEDGER_UNTOLD_MAX]; /* withdrawn, and no record says so */
	unsigned n_untold;
	size_t fresh; /* bytes entered since the last checkpoint */
	bool stop, has_thread;
	pthread_t thread;
};

/* ledger_gone - append REMOVED or WITHDRAWN. */
int ledger_gone(struct ledger *l, enum ledger_record_type type,
		const char *mailbox, const char *unique, uint64_t *seq,
		struct err *e);

/* ledger_checkpoint_start - the thread that makes them. */
int ledger_checkpoint_start(struct ledger *l, struct err *e);
void ledger_checkpoint_stop(struct ledger *l);
/* ledger_checkpoint_upto - every record up to this one has all its files.  Lock
 * held. */
uint64_t ledger_checkpoint_upto(const struct ledger *l);
/* ledger_checkpoint_doubt - the mailboxes could not be synced: *e. */
int ledger_checkpoint_doubt(struct ledger *l, int sys, struct err *e);

/* ledger_recover - place what the journal holds; before any session. */
int ledger_recover(struct ledger *l, const struct journal_options *o,
		   struct ledger_report *report, struct err *e);
/* ledger_recover_running - the same beside sessions, for what is placed.
 * checkpointing is held. */
int ledger_recover_running(struct ledger *l, struct err *e);

#endif
