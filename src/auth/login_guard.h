#ifndef PP_AUTH_LOGIN_GUARD_H
#define PP_AUTH_LOGIN_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/siphash.h"
#include "base/span.h"
#include "base/thread.h"

/*
 * Failed logins, remembered for a while: by the address they come from (an IPv6
 * one by its /64), by the user they were for, and by the two together, a party.
 * Over a limit a login waits for its turn before the password is looked at; it
 * is not refused because of what others did.  Parties go in turns, whose last
 * try is longest ago first, and their first four tries wait FIRST_MS at most.
 * Whoever hangs up while waiting has had a turn.
 * A user who has logged in well from an address does not wait there at all,
 * until failing ten times as often as an address may.
 *
 * A wrong password counts once for a party: a telephone that goes on with an
 * old one takes nothing from anybody.  All memory is tables of fixed size,
 * keyed by hashes that nobody can aim at.  What is known of good logins can be
 * kept in a file.
 *
 * Times are clock_mono_ms() and come from the caller.  Thread: any.
 */
struct login_guard;

enum {
	LOGIN_GUARD_FIRST_MS = 10000, /* a party's first tries wait so long */
	LOGIN_GUARD_WAIT_MS = 240000, /* and any other: then it is given up */
};

struct login_guard_options {
	int64_t window_ms; /* a failure is forgotten after this time */
	int64_t address_failures, user_failures; /* so many in it; >= 1 */
	int64_t delay_ms, delay_max_ms; /* after the first; it doubles */
	struct siphash_key key; /* the same after a restart; 0: a random one */
};

int login_guard_new(struct login_guard **g, const struct login_guard_options *o,
		    struct err *e);
void login_guard_free(struct login_guard **g);

/*
 * login_guard_keep - read from and write to the file "known-logins" in this
 * directory who has logged in well from where, as hashes.  A file that is not
 * right is named in the log and written anew.
 */
void login_guard_keep(struct login_guard *g, int dirfd, int64_t now_ms);

/* Who tries, from where: an address, a user, both together, and what. */
struct login_subject {
	uint64_t address, user, pair;
	uint64_t password; /* of this pair; 0: not to be seen (SCRAM) */
};

/* A login that is being tried; its memory is the caller's from begin to end. */
struct login_attempt {
	struct login_subject who;
	bool exempt; /* from the limit by address */
	enum login_state { LOGIN_WAITS, LOGIN_RUNS, LOGIN_GIVEN_UP } state;
	enum login_state seen; /* as the last look of its thread found it */
	enum { LOGIN_FREE, LOGIN_FIRST, LOGIN_SLOW } lane;
	int64_t begun_ms;
	int64_t not_before_ms, look_ms; /* when to look again; 0: any time */
	int64_t failures, last_ms;      /* of its party */
	uint64_t arrival;
	int event; /* an eventfd that tells of a change, or -1 */
	struct login_attempt *next;
};

/* What is said of it at the beginning. */
struct login_try {
	const char *peer;     /* its address */
	const char *user;     /* canonical, or "" for what cannot be one */
	struct span password; /* p NULL: SCRAM */
	bool exempt;
};

/* login_guard_begin - may it be tried now?  Else a->seen is LOGIN_WAITS, and
 * login_guard_look() says when.  End it in any case. */
bool login_guard_begin(struct login_guard *g, struct login_attempt *a,
		       const struct login_try *t, int64_t now_ms);

/* login_guard_wait - begin, and wait for the turn, until `stop` is raised
 * (NULL: never) or nothing more can come on the client's socket `fd` (<= 0:
 * none). True when it may be tried. */
bool login_guard_wait(struct login_guard *g, struct login_attempt *a,
		      const struct login_try *t, const struct wake *stop,
		      int fd);

/*
 * login_guard_look - let go whose turn has come, of all; a->seen tells of this
 * one.  Returns how long it has to wait before it looks again, in ms, unless
 * a->event is written to before; 0 when it does not wait any more.
 */
int64_t login_guard_look(struct login_guard *g, struct login_attempt *a,
			 int64_t now_ms);

/* login_guard_leave - its client hung up: if it waited, that was its turn. */
void login_guard_leave(struct login_guard *g, struct login_attempt *a,
		       int64_t now_ms);

enum login_outcome {
	LOGIN_NOT_TRIED,
	LOGIN_WRONG,
	LOGIN_RIGHT,
};
/* login_guard_end - how it ended; the time to wait before saying so. */
int64_t login_guard_end(struct login_guard *g, struct login_attempt *a,
			enum login_outcome outcome, int64_t now_ms);

/* login_guard_pause - what the first failure waits, for what is no guess. */
int64_t login_guard_pause(const struct login_guard *g);

#endif
