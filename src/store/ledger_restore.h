#ifndef PP_STORE_LEDGER_RESTORE_H
#define PP_STORE_LEDGER_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/journal.h"
#include "store/devices.h"
#include "store/ledger.h"
#include "store/ledger_later.h"
#include "store/listing.h"

/*
 * One message of the journal, looked for in its mailboxes and put there where
 * it is missing.  For ledger_recover.c alone; one thread.
 */
struct ledger_restoring {
	const struct ledger_options *o;
	struct ids *ids;
	struct listings *listings;
	struct ledger_later later;
	struct devices devices;  /* written to, other than the root's */
	uint64_t after, upto;    /* only records between: > after, <= upto */
	uint64_t rewrite_before; /* files of earlier records are not trusted */
	uint64_t hold; /* first record that could not be placed; 0: none */
	struct ledger_report *report;
};

/* ledger_restore_record - for journal_open and journal_check; always 0: what
 * fails is logged, counted, and in hold. */
int ledger_restore_record(void *restoring, const struct journal_record *r,
			  struct err *e);

#endif
