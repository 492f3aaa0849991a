#ifndef PP_MAIL_DSN_PARAM_H
#define PP_MAIL_DSN_PARAM_H

#include <stdbool.h>

#include "base/span.h"

/*
 * The values a client may ask for reports with: RET and ENVID of MAIL, NOTIFY
 * and ORCPT of RCPT (RFC 3461 4), internationalized by RFC 6533.  ENVID and
 * ORCPT are kept as they were written (xtext), so that they are passed on
 * unchanged; dsn_xtext_decode gives what a report shows.  Pure; any thread.
 */
enum dsn_ret { DSN_RET_NONE, DSN_RET_FULL, DSN_RET_HDRS };

/* What NOTIFY asked for; 0: it was not given. */
enum dsn_notify {
	DSN_NOTIFY_SUCCESS = 1,
	DSN_NOTIFY_FAILURE = 2,
	DSN_NOTIFY_DELAY = 4,
	DSN_NOTIFY_NEVER = 8, /* alone */
};

enum {
	DSN_ENVID_MAX = 100, /* RFC 3461 3 (5) */
	DSN_ORCPT_MAX = 500, /* RFC 3461 3 (6); type, ';' and xtext */
	DSN_NOTIFY_SIZE = sizeof("SUCCESS,FAILURE,DELAY"),
};

/* dsn_xtext_is_valid - xtext (RFC 3461 4): printable ASCII without '=' and
 * blanks, '+' only before two upper-case hexadecimal digits. */
bool dsn_xtext_is_valid(struct span s);

/*
 * dsn_xtext_decode - what valid xtext stands for, as a C string into dst, of
 * size bytes; what is no printable ASCII after decoding becomes '?'.  Bytes
 * over 127 stay.  0, or -1 when it is not xtext or does not fit.
 */
int dsn_xtext_decode(struct span s, char *dst, unsigned long size);

/* dsn_ret_parse - "FULL" or "HDRS"; 0 or -1.  dsn_ret_text - the same back;
 * NULL for NONE. */
int dsn_ret_parse(struct span s, enum dsn_ret *ret);
const char *dsn_ret_text(enum dsn_ret ret);

/* dsn_notify_parse - "NEVER", or a list of SUCCESS, FAILURE and DELAY; 0 or -1.
 * dsn_notify_text - the same back, "" for 0. */
int dsn_notify_parse(struct span s, unsigned *notify);
void dsn_notify_text(unsigned notify, char text[DSN_NOTIFY_SIZE]);

/* dsn_envid_is_valid - xtext of printable ASCII, at most DSN_ENVID_MAX. */
bool dsn_envid_is_valid(struct span s);

/* dsn_orcpt_is_valid - addr-type ";" xtext, at most DSN_ORCPT_MAX; with utf8
 * the address may be UTF-8 when its type is "utf-8" (RFC 6533 3). */
bool dsn_orcpt_is_valid(struct span s, bool utf8);

#endif
