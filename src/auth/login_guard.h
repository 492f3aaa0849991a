#ifndef PP_AUTH_LOGIN_GUARD_H
#define PP_AUTH_LOGIN_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Failed logins, remembered for a while: by the address they come from (an IPv6
 * one by its /64), by the user they were for, and by the two together. Guessing
 * gets slower with each failure and is refused over a limit, before a password
 * is looked at.  A user who has logged in well from an address is not kept out
 * from there by what others do, from elsewhere or from there; only that address
 * itself, failing ten times as often for that user, loses the privilege.
 *
 * The memory is a table of fixed size.  When it is full the failure that would
 * be forgotten first is forgotten; failures never push out who logged in well.
 * Nothing is kept over a restart.  Thread: any.
 */
struct login_guard;

struct login_guard_options {
	int64_t window_ms; /* a failure is forgotten after this time */
	int64_t address_failures, user_failures; /* so many in it; >= 1 */
	int64_t delay_ms, delay_max_ms; /* after the first; it doubles */
};

int login_guard_new(struct login_guard **g, const struct login_guard_options *o,
		    struct err *e);
void login_guard_free(struct login_guard **g);

/* login_guard_allows - may this login be tried at all?  `user` is a canonical
 * address, "" for a name that cannot be one.  now_ms: clock_mono_ms(). */
bool login_guard_allows(struct login_guard *g, const char *peer,
			const char *user, int64_t now_ms);

/* login_guard_failed - it was wrong: the time to wait before saying so. */
int64_t login_guard_failed(struct login_guard *g, const char *peer,
			   const char *user, int64_t now_ms);

/* login_guard_pause - it was not tried: the time to wait before saying so. */
int64_t login_guard_pause(const struct login_guard *g);

/* login_guard_passed - it was right. */
void login_guard_passed(struct login_guard *g, const char *peer,
			const char *user, int64_t now_ms);

#endif
