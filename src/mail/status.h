#ifndef PP_MAIL_STATUS_H
#define PP_MAIL_STATUS_H

#include "base/err.h"
#include "base/span.h"

/*
 * struct smtp_reply - one SMTP reply, ours or a peer's: code (RFC 5321 4.2),
 * enhanced code (RFC 3463; "" when there is none) and text.  A multi-line
 * text has its lines separated by '\n'.  Peers' text is bounded and printable.
 */
enum { REPLY_TEXT_SIZE = 1024, REPLY_ENHANCED_SIZE = 12 };
struct smtp_reply {
	int code;
	char enhanced[REPLY_ENHANCED_SIZE]; /* "5.1.1" */
	char text[REPLY_TEXT_SIZE];         /* without code and enhanced code */
};

/* reply_set - fill from a printf format; enhanced may be NULL. */
void reply_set(struct smtp_reply *r, int code, const char *enhanced,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* reply_from_err - the reply a failure deserves: PERM 554 5.3.0, LIMIT 452
 * 4.3.1, no space (ENOSPC, EDQUOT) 452 4.3.1, everything else 451 4.3.0. */
void reply_from_err(struct smtp_reply *r, const struct err *e);

/* reply_add_line - parse one reply line off the wire ("250-8BITMIME") and add
 * it to *r (zeroed before the first).  1 when it was the last line, 0 when more
 * follow, -1 (PROTO) for anything malformed or a changed code. */
int reply_add_line(struct smtp_reply *r, struct span line, struct err *e);

/* reply_one_line - "550 5.1.1 text" with lines joined by "; ", cut to size. */
void reply_one_line(const struct smtp_reply *r, char *buf, size_t size);

#endif
