#ifndef PP_MAIL_DOWNGRADE_H
#define PP_MAIL_DOWNGRADE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * An internationalized message (RFC 6532) as a client sees it that does not
 * know UTF-8 in headers: the synthetic message of RFC 6858.  Its header fields,
 * those of its MIME parts and of messages in it are ASCII; the text is as it
 * was.  Pure, incremental: bytes may come in pieces of any size, with LF or
 * CRLF; lines that are made have LF.
 *
 *   addresses     one that is not ASCII becomes invalid@internationalized-
 *                 address.invalid, and is shown in the display name (2.1)
 *   parameters    of Content-Type and Content-Disposition: RFC 2231, so that
 *                 file names stay (2.2 lets a server drop them)
 *   Subject, Comments, Content-Description: encoded words (2.3)
 *   all others    that are not ASCII are left out (2.4)
 */

/*
 * downgrade_is_wanted - does the topmost Received field of a message that
 * begins with `head` say that server `host` took it by SMTPUTF8 (RFC 6531 4.3)?
 * 1, 0; -1: `head` is too short to tell.  What was taken without SMTPUTF8 is no
 * internationalized message, whatever bytes stand in its header.
 */
int downgrade_is_wanted(struct span head, const char *host);

enum {
	DOWNGRADE_FIELD_MAX =
	    64 * 1024, /* over it: '?' for what is not ASCII */
	DOWNGRADE_PIECE_MAX = 4096,
	DOWNGRADE_OUT_MAX = 1024 * 1024, /* room for what comes of a piece */
	DOWNGRADE_DEPTH_MAX = 32,        /* multiparts in multiparts */
	DOWNGRADE_BOUNDARY_MAX = 70,     /* RFC 2046 5.1.1 */
};

struct downgrade_boundary {
	char text[DOWNGRADE_BOUNDARY_MAX + 1];
	bool digest; /* what is in it is message/rfc822 (RFC 2046 5.1.5) */
};

struct downgrade { /* private */
	int where;
	bool mid_line;    /* of the body */
	bool message;     /* what follows this header is a message */
	struct buf field; /* whole lines of a field, and the one at hand */
	size_t line;      /* where that one begins */
	struct downgrade_boundary boundary[DOWNGRADE_DEPTH_MAX];
	size_t n;
};

void downgrade_init(struct downgrade *d);
void downgrade_clear(struct downgrade *d);

/* downgrade_add - the next bytes; what comes of them is appended to *out, which
 * the caller empties after each call (in: DOWNGRADE_PIECE_MAX bytes at most;
 * *out: born with DOWNGRADE_OUT_MAX).  downgrade_end - there are no more.  -1:
 * no memory. */
int downgrade_add(struct downgrade *d, struct span in, struct buf *out);
int downgrade_end(struct downgrade *d, struct buf *out);

/* downgrade_field - one header field of at most DOWNGRADE_FIELD_MAX bytes, line
 * ends included; nothing is added for one that is left out, or that would take
 * DOWNGRADE_OUT_MAX / 2. */
int downgrade_field(struct span field, struct buf *out);

/* downgrade_param - take the next parameter off *rest (";name=value" ...):
 * false at the end.  value: a quoted string without its quotes, its escapes
 * still in it. */
bool downgrade_param(struct span *rest, struct span *name, struct span *value);

#endif
