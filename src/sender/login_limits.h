#ifndef PP_SENDER_LOGIN_LIMITS_H
#define PP_SENDER_LOGIN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * login_limits - how many messages and recipients a login hands in within an
 * hour: a stolen password, or a script that went wild, sends no more.  The
 * window slides as in net/rate.h.  What was counted survives a restart: it is
 * written into the file LOGIN_LIMITS_FILE of the data directory, soon after a
 * change and at the end.  The table is bounded; when it is full, whoever did
 * least is forgotten first.  Thread: any.
 */
struct login_limits;

#define LOGIN_LIMITS_FILE "login-limits"

enum { LOGIN_LIMITS_MAX = 4096, LOGIN_LIMITS_WINDOW_MS = 3600 * 1000 };

enum login_limit { LOGIN_MESSAGES, LOGIN_RECIPIENTS, LOGIN_LIMITS };

/* login_limits_open - most[] <= 0: no such limit.  A file that cannot be read
 * is none; dirfd is borrowed. */
int login_limits_open(struct login_limits **l, int dirfd,
		      const int64_t most[LOGIN_LIMITS], struct err *e);
void login_limits_free(struct login_limits **l); /* writes; NULL-safe */

/*
 * login_limits_take - one more, at now_ms (wall clock).  0; or the time in ms
 * after which there may be one more, and nothing was counted.  *first: nobody
 * was told so yet of this login and limit in this window.
 */
int64_t login_limits_take(struct login_limits *l, const char *login,
			  enum login_limit what, int64_t now_ms, bool *first);

/* login_limits_give - n of them were not used after all. */
void login_limits_give(struct login_limits *l, const char *login,
		       enum login_limit what, int64_t n, int64_t now_ms);

#endif
