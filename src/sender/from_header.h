#ifndef PP_SENDER_FROM_HEADER_H
#define PP_SENDER_FROM_HEADER_H

#include <stdbool.h>

#include "base/span.h"
#include "mail/status.h"

/*
 * from_header - in whose name a submitted message speaks (RFC 6409 6.1, 8.1):
 * the addresses in its From field, which is what readers see and what DMARC and
 * DKIM go by, against those that the login owns.
 */
enum from_header_mode {
	FROM_HEADER_OWN,    /* a foreign one is refused */
	FROM_HEADER_SENDER, /* it is taken, with a Sender field of ours */
	FROM_HEADER_ANY,    /* nobody looks */
};

struct from_header {
	enum from_header_mode mode;
	const char *login; /* for the reply */
	/* owns - may it speak as this canonical address? */
	bool (*owns)(void *ctx, const char *canonical);
	void *ctx;
	/* What was found. */
	bool needs_sender; /* put our Sender field in, take others out */
	bool redirected;   /* somebody else's, sent on: Resent-From is own */
};

/*
 * from_header_check - look at the header `block`, up to what is no field.  0,
 * and what was found is in *f; -1: *r refuses it, 550 with 5.7.1 for an address
 * that is not owned, and 5.6.0 for a field that cannot be read for sure, two
 * From fields among them (RFC 5322 3.6).  Every reading of a field that a
 * program could make of it has to be owned: what has no clear one is refused.
 * Without a From field there is nothing to refuse: we add our own.
 */
int from_header_check(struct from_header *f, struct span block,
		      struct smtp_reply *r);

#endif
