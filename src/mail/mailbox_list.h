#ifndef PP_MAIL_MAILBOX_LIST_H
#define PP_MAIL_MAILBOX_LIST_H

#include "base/err.h"
#include "base/span.h"

/*
 * The addresses of a header field (RFC 5322 3.4): "Bob <bob@xyz.com>, carol,
 * team: dave@xyz.com, eve@xyz.com;".  Display names, comments, groups and
 * source routes are passed over; a local part may be quoted; folds count as
 * blanks.  An address without a domain is given out as it is, for the caller to
 * complete.  Iterative and bounded; any thread.
 */
enum { MAILBOX_SIZE = 400 }; /* buffer for one, NUL included */

/* mailbox_list_next - take the next address off *rest, without blanks and
 * comments, into buf: 1, 0 at the end, -1 (PERM) for what is no list. */
int mailbox_list_next(struct span *rest, char buf[MAILBOX_SIZE], struct err *e);

#endif
