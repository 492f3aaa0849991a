#ifndef PP_SHELL_STATUS_H
#define PP_SHELL_STATUS_H

#include <stdbool.h>

#include "base/err.h"
#include "mail/status.h"

/*
 * What a command came to.  The number is the process's exit status in batch
 * mode and $? in the language; the set is closed and documented.
 */
enum shell_status {
	SHELL_OK = 0,
	SHELL_REFUSED = 1, /* 5xx, -ERR, no message matches */
	SHELL_USAGE = 2,   /* syntax, unknown command or option */
	SHELL_NO_LINK = 3, /* cannot connect, lost connection */
	SHELL_AUTH = 4,    /* 535, [AUTH], no password */
	SHELL_LATER = 5,   /* 4xx, [IN-USE], [SYS/TEMP] */
	SHELL_PARTIAL = 6, /* some recipients or messages failed */
	SHELL_ASSERT = 7,  /* `not` before a command that succeeded */
	SHELL_TIMEOUT = 8, /* a deadline passed */
	SHELL_LOCAL = 9,   /* files, memory, the editor */
	SHELL_INTERRUPTED = 130,
};

/* struct failure - why the last command failed; zero when it did not. */
struct failure {
	enum shell_status status;
	const char *symbol; /* $error; static text */
	int code;           /* SMTP code of the refusal, or 0 */
	char enhanced[REPLY_ENHANCED_SIZE];
	char text[1200]; /* one line, printable */
	char hint[300];  /* "" or what to do about it */
};

/* status_symbol - the usual $error of a status: "refused", "usage" ... */
const char *status_symbol(enum shell_status s);

/* failure_set - fill *f from a printf format and return the status.
 * failure_hint - add advice (ignored when *f is no failure). */
int failure_set(struct failure *f, enum shell_status s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void failure_hint(struct failure *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* failure_from_err - of a connection: a deadline is 8, ^C 130, all else 3.
 * failure_from_local - of a file or memory: always 9, but for ^C. */
int failure_from_err(struct failure *f, const struct err *e);
int failure_from_local(struct failure *f, const struct err *e);

/* status_of_code - the class of an SMTP reply: 2xx 0, 4xx 5, 530 534 535 538
 * 4, other 5xx 1. */
enum shell_status status_of_code(int code);

/* failure_from_reply - "<who> " before the words when who is not NULL. */
int failure_from_reply(struct failure *f, const char *who,
		       const struct smtp_reply *r);

#endif
