#ifndef PP_STORE_LEDGER_PRIVATE_H
#define PP_STORE_LEDGER_PRIVATE_H

/* Shared by the files ledger*.c only. */

#include <pthread.h>

#include "journal/journal.h"
#include "store/ledger.h"
#include "store/ledger_record.h"

struct ledger {
	struct ledger_options o;
	char boot[LEDGER_BOOT_BYTES];
	int journal_dir, ids_dir;
	struct journal *journal;
	struct ids *ids;

	pthread_mutex_t checkpointing; /* taken before `lock` */
	pthread_mutex_t lock;          /* guards what follows */
	pthread_cond_t wake;
	struct ledger_entry *oldest, *newest; /* not yet placed, by seq */
	uint64_t last;                        /* newest number entered */
	uint64_t released;                    /* all up to it are */
	uint64_t removed;                     /* newest REMOVED */
	uint64_t hold; /* never release this one or later; 0: none */
	size_t fresh;  /* bytes entered since the last checkpoint */
	bool stop, has_thread;
	pthread_t thread;
};

/* ledger_recover - place what the journal holds; before any session. */
int ledger_recover(struct ledger *l, const struct journal_options *o,
		   struct ledger_report *report, struct err *e);

#endif
