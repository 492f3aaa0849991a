#ifndef PP_MAIL_DROP_H
#define PP_MAIL_DROP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "mail/dsn_param.h"

/*
 * The head of a file in the maildrop directory, in which postpair-sendmail
 * leaves a message for postpair-sender (doc/formats.md).  Lines that end in LF,
 * then an empty one, then the message:
 *
 *   postpair-maildrop 1
 *   from <alice@abc.com>
 *   ret HDRS                      not always
 *   envid QQ314159                not always
 *   notify FAILURE,DELAY          not always
 *   to <bob@xyz.com>              1 to DROP_RECIPIENTS_MAX times
 *   message 1234 89abcdef         its bytes, and their CRC-32
 *
 * All recipients are in one file: it has one name, so it is there for all of
 * them or for none.  Everybody may write such a file: it is as hostile as what
 * a peer sends.  Pure; any thread.
 */
enum {
	DROP_RECIPIENTS_MAX = 1000,
	DROP_HEAD_MAX = 288 * 1024, /* with its empty line */
};

/* Too large for the stack of a thread. */
struct drop {
	struct span reverse_path; /* without <>; empty: the null path */
	struct span to[DROP_RECIPIENTS_MAX];
	unsigned n_to;
	enum dsn_ret ret;
	struct span envid;  /* p is NULL: none */
	unsigned notify;    /* of each recipient; 0: not given */
	int64_t size_bytes; /* of the message */
	uint32_t crc;
	bool smtputf8; /* an address is not ASCII */
};

/*
 * drop_parse - the head at the start of `text`; spans borrow from it.  *size is
 * that of the head.  -1 (PERM): it is not of this form, or not whole.
 */
int drop_parse(struct span text, struct drop *d, size_t *size, struct err *e);

/* drop_format - the head, appended to *out; -1 (PERM or TEMP): an address or
 * value is not valid, or there is no room. */
int drop_format(const struct drop *d, struct buf *out, struct err *e);

#endif
