#ifndef PP_MAIL_AUTH_RESULTS_H
#define PP_MAIL_AUTH_RESULTS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Takes out of a header that streams past the Authentication-Results fields
 * that claim to be ours (RFC 8601 5): whoever reads the message later believes
 * those, so a stranger must not bring them along.  Nor a version of the field
 * other than 1, whosever it is.
 *
 * A field is held back only until it is known whose it is: its name, and the
 * blanks and comments before its authserv-id and version (2.2).  One that holds
 * out for more than AUTH_RESULTS_HELD_MAX bytes, or ends without an id, is
 * taken out too: it says nothing that a reader could trust, and readers differ
 * in what they make of it.  Folds, comments in comments, quoted ids, a blank
 * before the colon and letters of either case are followed, and an id that only
 * looks like ours (a last dot, blanks or comments in it, a byte order mark,
 * "/1" behind it) counts as ours.  Work: O(1) a byte.  Pure; one thread at a
 * time.
 */
enum { AUTH_RESULTS_HELD_MAX = 1024 };

struct auth_results {
	const char *id;   /* ours; borrowed */
	struct buf held;  /* of a field that nothing is known of yet */
	unsigned removed; /* fields taken out */
	int state;        /* the rest is private */
	bool at_line;
	int place;
	size_t matched;
	bool dot; /* behind what has matched */
	unsigned mark, depth;
	bool escaped, foreign;
	bool equals;  /* the byte before was '=' */
	bool encoded; /* what the id says is not as it stands */
	unsigned version;
};

/* auth_results_init - at the start of a message. */
void auth_results_init(struct auth_results *a, const char *id);
void auth_results_free(struct auth_results *a); /* as after init */

/* auth_results_feed - the next bytes of the header, with CRLF or LF line ends,
 * in pieces of any size; what of them, and of what was held, is known to stay
 * is added to *out.  auth_results_end - the header is over: the last of it.
 * -1 (TEMP): no memory, or *out is full. */
int auth_results_feed(struct auth_results *a, struct span bytes,
		      struct buf *out, struct err *e);
int auth_results_end(struct auth_results *a, struct buf *out, struct err *e);

#endif
