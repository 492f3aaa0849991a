#ifndef PP_MILTER_MILTER_MESSAGE_H
#define PP_MILTER_MILTER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "mail/address.h"
#include "milter/milter_body.h"
#include "milter/milter_header.h"
#include "milter/milter_packet.h"

/*
 * A message on its way through milters: envelope, header and body, each as the
 * milters so far have made it.  What a milter changes is collected first
 * (struct milter_edits) and done only when it has said its last word, so that
 * one that dies half-way has changed nothing.  One thread at a time.
 */
enum {
	MILTER_RECIPIENTS_MAX = 1000,       /* added ones included */
	MILTER_EDITS_MAX = 1024 * 1024,     /* bytes of changes by one milter */
	MILTER_MESSAGE_ARENA = 1024 * 1024, /* bytes of envelope texts */
	MILTER_REASON_MAX = 200,            /* bytes of a quarantine's reason */
};

struct milter_rcpt {
	const char *canonical, *text; /* as in struct smtp_txn_rcpt */
	unsigned notify;
	const char *orcpt; /* or NULL */
	int from;          /* index among the client's recipients, or -1 */
	int slot;          /* where milter_filter_pass put it, or -1 */
	bool gone;
};

struct milter_message {
	const char *sender_canonical, *sender_text; /* "" for the null path */
	struct milter_rcpt *rcpt;
	unsigned n_rcpt, cap;
	bool envelope_changed;
	struct buf block; /* the header as it came; header borrows from it */
	struct milter_header header;
	struct milter_body body;
	bool utf8;                              /* SMTPUTF8 was asked for */
	char quarantine[MILTER_REASON_MAX + 1]; /* why, or "" */
	struct arena arena;
};

/* milter_message_init - the strings of the sender are borrowed. */
void milter_message_init(struct milter_message *m, int dirfd, int64_t size_max);
void milter_message_clear(struct milter_message *m);

/* milter_message_add_rcpt - one of the client's; strings are borrowed. */
int milter_message_add_rcpt(struct milter_message *m,
			    const struct milter_rcpt *r, struct err *e);
unsigned milter_message_recipients(const struct milter_message *m);

/* What one milter wants changed, in its order. */
struct milter_edits {
	struct buf packets; /* each with its length before it */
	unsigned n;         /* so many of them */
	struct milter_body body;
	bool has_body;
};
void milter_edits_init(struct milter_edits *x, int dirfd, int64_t size_max);
void milter_edits_clear(struct milter_edits *x);

/* milter_edits_add - `packet` is what r was parsed from.  -1: TEMP or LIMIT. */
int milter_edits_add(struct milter_edits *x, struct span packet,
		     const struct milter_reply *r, struct err *e);

/*
 * milter_message_apply - do them.  spaced: MILTER_LEADING_SPACE was agreed on.
 * The new body, when there is one, is taken out of *x.  -1: PROTO (an address
 * that is none), TEMP, LIMIT, or PERM when the header has no room for them; the
 * message is then half changed and must not be accepted.
 */
int milter_message_apply(struct milter_message *m, struct milter_edits *x,
			 bool spaced, struct err *e);

#endif
