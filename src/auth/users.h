#ifndef PP_AUTH_USERS_H
#define PP_AUTH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/scram_key.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Who exists and who may log in.  One text file, one line a user:
 *
 *   # comment
 *   alice@abc.com  {SCRAM-SHA-256}10000,...  quota=100M  alias=a.smith@abc.com
 *   bob@xyz.com    {PLAIN}secret {CRYPT}$y$...    disabled=yes
 *
 * i.e. address, then credentials ("{SCHEME}value", several are tried in turn)
 * and attributes ("name=value") in any order, separated by blanks; %XX stands
 * for a byte that a word cannot hold.  See postpair-users(5).
 *
 * struct users watches the file: a change (by rename or in place) is picked up
 * at the next look-up, a file with a bad line, or in which no user is left, is
 * logged and the last good content stays in force.  Thread: any; look-ups take
 * a snapshot reference.
 */
struct users;

enum { USERS_FILE_MAX = 64 * 1024 * 1024, USERS_LINE_MAX = 4096 };

/* users_open - read `path` for the first time: -1 with "file:line: reason". */
int users_open(struct users **u, const char *path, struct err *e);
void users_free(struct users **u);

/*
 * users_use_secret - make salts of the secret beside the file
 * (login_secret.h), which is made when missing; also after users_reload.
 * Without, they are made of one that ends with this process.
 */
int users_use_secret(struct users *u, struct err *e);

/* users_derive - n bytes that follow from that secret and `use`. */
int users_derive(struct users *u, const char *use, void *out, size_t n,
		 struct err *e);

/*
 * users_check - what `--check` says of file `path`: -1 as users_open, or when
 * its secret cannot be used (there need be none yet); else users whose SCRAM
 * keys show another count of iterations, or another length of salt, than
 * unknown names do are named, each a line, in the log.
 */
int users_check(const char *path, struct err *e);

/* users_reload - read again now (SIGHUP); on -1 the old content stays. */
int users_reload(struct users *u, struct err *e);

/* What is known of a user, copied out: no pointer into the snapshot. */
struct user {
	char address[330];   /* canonical login name: alice@abc.com */
	int64_t quota_bytes; /* 0: none set */
	bool disabled;       /* no login; mail is still accepted */
};

/*
 * users_find - the user who owns canonical address `address`, by its login name
 * or an alias, without a +tag (the caller strips it).  1 found, 0 not,
 * -1 (TEMP).
 */
int users_find(struct users *u, const char *address, struct user *user,
	       struct err *e);

/* users_none - is there nobody (since the start)?  Then who is not found may
 * well exist. */
bool users_none(struct users *u);

/*
 * users_owns - may `login` send as canonical address `address`: its own name,
 * one of its aliases, or what send-as= grants it, each with a +tag.
 */
bool users_owns(struct users *u, const char *login, const char *address);

/* users_canonical - user->address: `name` as it would be looked up, "" when it
 * cannot be a login; the rest of *user is zeroed. */
void users_canonical(struct span name, struct user *user);

/* users_named - the user whose login name this is (no alias).  1, 0, -1. */
int users_named(struct users *u, struct span name, struct user *user,
		struct err *e);

/*
 * users_check_password - 1 when login's password is right (*user filled), 0
 * when not, -1 (TEMP).  Unknown, disabled and wrong
 * take the same time: dummy hashes are computed.  login is canonicalised by the
 * callee; an alias is no login.  When it is refused user->address is what was
 * tried, for the log, or "".  Waits its turn when all processors are busy with
 * hashes; `peer`, the client's address, is whose turn it is.
 */
int users_check_password(struct users *u, struct span login,
			 struct span password, const char *peer,
			 struct user *user, struct err *e);

/*
 * users_scram_key - what SCRAM needs of `login`: its first key for `hash`, or
 * one made of its {PLAIN} password.  1: key->user may log in with it.  0: there
 * is no such login, or it is disabled, or has nothing that serves; *key then
 * looks like one, its salt and count always the same for that name, and nobody
 * knows its password (RFC 5802 5.1 sends salt and count before anything is
 * proved).  -1 as above.
 */
struct users_scram {
	struct scram_key key;
	struct user user; /* of a 0: address is what was tried, or "" */
};
int users_scram_key(struct users *u, struct span login, enum scram_hash hash,
		    const char *peer, struct users_scram *key, struct err *e);

/* users_scram_offered - can everybody who has a password log in by SCRAM with
 * `hash`?  Clients take the strongest that is offered, and do not come back
 * with another when it fails. */
bool users_scram_offered(struct users *u, enum scram_hash hash);

/*
 * users_certificate - the user who may log in with a client certificate whose
 * public key has this SHA-256 digest (of its SubjectPublicKeyInfo, 64 lower
 * case hexadecimal digits), by the attribute certificate=.  1, 0, -1 (TEMP).
 */
int users_certificate(struct users *u, const char *digest, struct user *user,
		      struct err *e);

/* users_each - call fn for every user in file order; stops when it is not 0. */
int users_each(struct users *u, int (*fn)(void *ctx, const struct user *user),
	       void *ctx);

#endif
