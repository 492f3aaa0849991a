#ifndef PP_STORE_LEDGER_LATER_H
#define PP_STORE_LEDGER_LATER_H

#include "base/siphash.h"
#include "journal/journal.h"
#include "store/ledger_record.h"

/*
 * What the records of a journal say about earlier ones: gathered in a first
 * reading, asked in the second.  For ledger_recover alone; one thread.
 */
struct ledger_later {
	struct siphash_key key;
	char **gone; /* "mailbox unique", sorted; " unique": withdrawn */
	size_t n_gone, cap_gone;
	struct ledger_entered *entered; /* sorted, the newest of a pair first */
	size_t n_entered, cap_entered;
	uint64_t *named; /* hashes of the unique parts of messages, sorted */
	size_t n_named, cap_named;
	uint64_t doubt; /* newest record that a sync of the mailboxes failed; 0:
			   none */
};

void ledger_later_init(struct ledger_later *v);
void ledger_later_clear(struct ledger_later *v);
/* ledger_later_note - see one record; for journal_check. */
int ledger_later_note(void *later, const struct journal_record *r,
		      struct err *e);
/* ledger_later_ready - the first reading is over. */
void ledger_later_ready(struct ledger_later *v);

/* ledger_later_gone - did its owner delete it?  mailbox "": was it withdrawn?
 */
bool ledger_later_gone(const struct ledger_later *v, const char *mailbox,
		       const char *unique);
/* ledger_later_named - may a record name this unique part? */
bool ledger_later_named(const void *later, struct span unique);
/* ledger_later_superseded - was the id entered for this mailbox once more,
 * after record seq?  id "": no. */
bool ledger_later_superseded(const struct ledger_later *v, const char *id,
			     const char *mailbox, uint64_t seq);

#endif
