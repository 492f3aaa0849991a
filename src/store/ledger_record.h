#ifndef PP_STORE_LEDGER_RECORD_H
#define PP_STORE_LEDGER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "store/maildir_name.h"

/*
 * What the receiver writes into its journal; the bytes are in doc/formats.md.
 * A record that was read may hold anything: what does not parse is refused
 * whole.  Pure; any thread.
 */
enum ledger_record_type {
	LEDGER_ACCEPT = 1,    /* a message, into these mailboxes */
	LEDGER_REMOVED = 2,   /* its owner deleted it from one mailbox */
	LEDGER_WITHDRAWN = 3, /* it could not be placed: refused after all */
	LEDGER_DOUBT = 4,     /* the disk failed: trust no file, look inside */
};

enum {
	LEDGER_BOOT_BYTES = 16,
	LEDGER_MAILBOXES_MAX = 1000,
	LEDGER_MAILBOX_SIZE = 512,
	LEDGER_HEAD_MAX = 640 * 1024, /* a record without the message */
};

struct ledger_accept {
	char boot[LEDGER_BOOT_BYTES]; /* zeros; of older versions' systems */
	struct span id;               /* delivery id; empty: none */
	struct span name;             /* the file in new/, without flags */
	struct span holder; /* mailbox whose tmp/ has the file first */
	unsigned n_mailboxes;
	struct span mailboxes; /* for ledger_record_mailbox */
	uint64_t size;         /* of the file */
	bool has_bytes;
	struct span bytes; /* as stored: LF line ends */
};

/* ledger_record_accept - all but the bytes and mailboxes themselves, which
 * are given as C strings; 0, or -1 as buf_add. */
int ledger_record_accept(const struct ledger_accept *a,
			 const char *const *mailboxes, size_t n,
			 struct buf *out);
/* ledger_record_parse_accept - spans borrow from the payload.  0 or -1. */
int ledger_record_parse_accept(struct span payload, struct ledger_accept *a);

/* ledger_record_mailbox - take the next one from a->mailboxes (a copy of it);
 * false at the end. */
bool ledger_record_mailbox(struct span *rest, char buf[LEDGER_MAILBOX_SIZE]);

/* ledger_record_gone - REMOVED (a mailbox) or WITHDRAWN (mailbox ""). */
int ledger_record_gone(const char *mailbox, const char *unique,
		       struct buf *out);
int ledger_record_parse_gone(struct span payload, struct span *mailbox,
			     struct span *unique);

#endif
