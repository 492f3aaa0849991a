#ifndef PP_AUTH_LOGIN_SECRET_H
#define PP_AUTH_LOGIN_SECRET_H

#include "auth/scram_key.h"
#include "base/err.h"

/*
 * What SCRAM shows before a proof (RFC 5802 5.1: salt and count), for every
 * name, whether it exists or not, must not tell anything: of who exists, and
 * above all nothing that was made of a password, since a password can be
 * guessed from that without asking us again.  So there is a secret of its own,
 * random, beside the users file, as "<users file>.secret": the salt of a name
 * is HMAC-SHA-256 of the name under that secret, for who does not exist, for a
 * {PLAIN} password, and for a key that postpair-admin makes; so a new password
 * changes no salt.  With it stands the one count of iterations that all of them
 * get.
 *
 * Both servers read the same file.  Format: doc/formats.md.
 */
enum {
	LOGIN_SECRET_BYTES = 32,
	LOGIN_SECRET_TEXT = 2 * LOGIN_SECRET_BYTES, /* hexadecimal digits */
};

struct login_secret {
	char key[LOGIN_SECRET_TEXT + 1];
	unsigned iterations;
};

/* login_secret_random - a new one, kept nowhere. */
void login_secret_random(struct login_secret *s, unsigned iterations);

/*
 * login_secret_path - where the secret of `users_file` is, malloc'ed: beside
 * the file itself where that name is a link.  NULL when there is no memory.
 */
char *login_secret_path(const char *users_file);

/*
 * login_secret_read - of `users_file`.  -1: TEMP (sys = ENOENT when there is
 * none yet), PERM when the file is not one or others may read it.
 */
int login_secret_read(struct login_secret *s, const char *users_file,
		      struct err *e);

/*
 * login_secret_make - make one where there is none, with this count, synced,
 * mode 0600; what is there is left alone.  Two that make it at once get one
 * file.  What root makes can be read by whoever reads the users file: its
 * owner, or (0640) its group where root owns that; when that changes, a new
 * file takes the place of root's.
 */
int login_secret_make(const char *users_file, unsigned iterations,
		      struct err *e);

/* login_secret_set_iterations - the same secret with another count from now on;
 * made when missing.  PERM where it is a link, has another name, or belongs to
 * somebody who is neither root nor we nor whoever reads the users file. */
int login_secret_set_iterations(const char *users_file, unsigned iterations,
				struct err *e);

/* login_secret_derive - n <= LOGIN_SECRET_BYTES bytes that depend on the
 * secret, on `use` and on `name`, and on nothing else. */
int login_secret_derive(const struct login_secret *s, const char *use,
			const char *name, unsigned char *out, size_t n,
			struct err *e);

/* login_secret_salt - set key->salt, for key->hash and key->iterations, of a
 * canonical name. */
int login_secret_salt(const struct login_secret *s, const char *name,
		      struct scram_key *key, struct err *e);

#endif
