#ifndef PP_AUTH_PASSWORD_H
#define PP_AUTH_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/scram_key.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Stored credentials, "{SCHEME}value":
 *   {SCRAM-SHA-256}10000,salt,StoredKey,ServerKey   (scram_key.h; also SHA-1)
 *   {CRYPT}$y$j9T$...   what crypt(3) makes, any of its methods
 *   {PLAIN}secret       the password itself, for a class room
 * A password can be checked against each of them; SCRAM (RFC 5802) needs the
 * first or the last.  The only user of crypt(3).  Thread: any.  A hash costs
 * tens of milliseconds and, for yescrypt, some 16 MiB for that time: callers
 * bound how many run.
 */
enum {
	PASSWORD_MAX = 511, /* crypt(3) takes no more, with the NUL */
	PASSWORD_STORED_SIZE =
	    1600, /* any credential made here, NUL included */
};

/*
 * password_check_stored - is `stored` a credential we can use?  0, or -1 with a
 * reason fit to follow "file:line: " (never with the value itself).
 */
int password_check_stored(const char *stored, struct err *e);

/*
 * password_cost_add - one more check against `stored`: how many SCRAM keys with
 * each hash are computed, and of how many rounds.  A hash of crypt(3) takes the
 * time of its setting, which is the method and what it costs, without the salt;
 * password_setting - that part of it, of no bytes when it is no such hash (the
 * old DES method, which has none, is "-").
 */
struct password_cost {
	unsigned keys[SCRAM_HASHES], rounds[SCRAM_HASHES];
};
void password_cost_add(struct password_cost *sum, const char *stored);
struct span password_setting(const char *stored);

/* password_scram_key - is `stored` a key for this hash?  Then *key is filled.
 */
bool password_scram_key(const char *stored, enum scram_hash hash,
			struct scram_key *key);

/* password_plain - the password itself, of a {PLAIN} one; else NULL. */
const char *password_plain(const char *stored);

/*
 * password_matches - 1 when `password` is the one behind `stored`, 0 when not,
 * -1 (TEMP) when it could not be computed.  The time does not depend on how
 * much of it is right.  An empty or over-long one, or one with a NUL, is wrong
 * but takes as long as any other.
 */
int password_matches(const char *stored, struct span password, struct err *e);

/*
 * password_spend - take the time that a SCRAM key of `password` takes with
 * these rounds (0: none), for nothing; -1 as password_matches().  The password
 * counts: how long it takes to be prepared, and each round with it, depends on
 * it.
 */
int password_spend(enum scram_hash hash, unsigned rounds, struct span password,
		   struct err *e);

/* password_check_new - may it be set: 1..PASSWORD_MAX bytes, no NUL, CR, LF. */
int password_check_new(struct span password, struct err *e);

/* password_scram - "{SCRAM-...}..." into buf, with hash, count and salt of
 * *key, whose digests are filled; PERM also for a password that cannot be
 * prepared (RFC 4013). */
int password_scram(struct scram_key *key, struct span password, char *buf,
		   size_t size, struct err *e);

/* password_hash - "{CRYPT}$y$..." with fresh salt (yescrypt) into buf. */
int password_hash(struct span password, char *buf, size_t size, struct err *e);

#endif
