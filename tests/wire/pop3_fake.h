#ifndef PP_TESTS_WIRE_POP3_FAKE_H
#define PP_TESTS_WIRE_POP3_FAKE_H

#include "base/buf.h"
#include "pop3/pop3_server.h"

/*
 * Users and maildrops for tests of the POP3 engine, in memory.
 *
 * Every login has the password "secret", but for: nobody (unknown), "down" (the
 * users cannot be asked now).  busy@ is in use, broken@ cannot be opened,
 * empty@ has no message, readonly@ cannot be changed.  Messages of the others:
 *
 *   1  a header, dots at line starts, LF lines
 *   2  a header and three lines, CRLF, no line end at the end
 *   3  UTF-8 in the header; of utf8@, internationalized (RFC 6532)
 *   4  somebody has removed it
 *   5  ISO 8859-1 in the header
 */
enum { POP3_FAKE_MESSAGES = 5 };

struct pop3_fake {
	int opens, closes; /* maildrops */
	struct buf events; /* lines: "open x", "remove 1", "seen 2", "sync",
			      "close" */
	bool empty, readonly, international;
	bool utf8;          /* the client said UTF8 */
	const char *broken; /* a broken promise of the engine, or NULL */
};

void pop3_fake_init(struct pop3_fake *f);
void pop3_fake_clear(struct pop3_fake *f);
extern const struct pop3_mailbox_ops pop3_fake_ops; /* ctx: the pop3_fake */

#endif
