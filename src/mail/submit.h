#ifndef PP_MAIL_SUBMIT_H
#define PP_MAIL_SUBMIT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Duties of a server on the header block it accepts.  Pure; any thread.
 */

/* Facts for a Received field (RFC 5321 4.4, RFC 3848 for `with`). */
struct received_facts {
	const char *helo;     /* what the client called itself */
	const char *address;  /* "127.0.0.1" */
	const char *by;       /* our host name */
	const char *with;     /* "ESMTP", "ESMTPA", "SMTP", "UTF8SMTPA" ... */
	const char *id;       /* our message id */
	const char *for_rcpt; /* the only recipient, or NULL */
	int64_t wall_s;
	/* RFC 8314 4.3: as IANA has it registered; NULL: clear text */
	const char *tls_cipher;
};

/*
 * received_with - the name of the protocol (RFC 3848, RFC 6531 4.3, RFC 8314):
 * "SMTP" for HELO, else [UTF8]{ESMTP,SMTP,LMTP}[S][A].
 */
enum received_with {
	RECEIVED_ESMTP = 1,
	RECEIVED_LMTP = 2,
	RECEIVED_UTF8 = 4,
	RECEIVED_TLS = 8,
	RECEIVED_AUTH = 16,
};
const char *received_with(unsigned flags);

/* received_format - one folded field with its final CRLF, appended to *out;
 * every line <= 998 octets, no byte of `helo` can start a new field. */
int received_format(const struct received_facts *f, struct buf *out);

/*
 * submit_fix_header - RFC 6409 8, RFC 5322 3.6: copy `block` (CRLF lines, with
 * or without its final empty line) to *out without Bcc and Resent-Bcc fields,
 * adding From (from the reverse-path), Date and Message-ID ("<id@host>") where
 * they are missing, and, with `sender`, a Sender field instead of what there is
 * (8.1).  The ending empty line is always written.  A line that is
 * no field starts the body: it and what follows are put after that empty line.
 * A NUL is PERM; a block over HEADER_BLOCK_MAX or HEADER_FIELDS_MAX, or over
 * what *out may hold with what is added, is LIMIT; then *out is as before.
 */
struct submit_facts {
	const char *id;
	const char *host;
	const char *reverse_path;
	const char *sender; /* NULL: Sender fields are left as they are */
	int64_t wall_s;
};
int submit_fix_header(struct span block, const struct submit_facts *f,
		      struct buf *out, struct err *e);

#endif
