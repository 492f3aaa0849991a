#ifndef PP_AUTH_SCRAM_KEY_H
#define PP_AUTH_SCRAM_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * What a server keeps of a password for SCRAM (RFC 5802 3, RFC 7677): salt,
 * count, StoredKey and ServerKey.  Neither the password nor what a client
 * sends can be made of it without guessing.  Written
 *   {SCRAM-SHA-256}4096,salt,StoredKey,ServerKey
 * as Dovecot does, the last three in base64; ':' or '$' may stand for a ','
 * (RFC 5803 2: 4096:salt$StoredKey:ServerKey).
 */
enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };

enum {
	SCRAM_HASHES = 2,
	SCRAM_ITERATIONS_MIN = 4096, /* RFC 5802 5.1, RFC 7677 4 */
	SCRAM_ITERATIONS = 10000,    /* of a key made here */
	/* One check takes 2 us a round: a stored count, or one that a server
	 * asks a client for, must not stop anybody. */
	SCRAM_ITERATIONS_MAX = 1000000,
	SCRAM_SALT_SIZE = 16, /* of a key made here */
	SCRAM_SALT_MAX = 64,
	SCRAM_DIGEST_MAX = 32,
	SCRAM_STORED_SIZE = 320, /* scram_key_write's text with its NUL */
};

struct scram_key {
	enum scram_hash hash;
	unsigned iterations;
	size_t salt_n;
	unsigned char salt[SCRAM_SALT_MAX];
	unsigned char stored[SCRAM_DIGEST_MAX];
	unsigned char server[SCRAM_DIGEST_MAX];
};

/* scram_key_scheme - "SCRAM-SHA-1", "SCRAM-SHA-256": scheme and mechanism. */
const char *scram_key_scheme(enum scram_hash hash);
size_t scram_key_digest_size(enum scram_hash hash);

/* scram_key_parse - what follows "{SCRAM-...}"; -1 (PERM) with a reason that
 * names the scheme and the part, never its value. */
int scram_key_parse(struct scram_key *key, enum scram_hash hash,
		    struct span value, struct err *e);

/* scram_key_write - "{SCRAM-...}..." into buf (>= SCRAM_STORED_SIZE). */
int scram_key_write(const struct scram_key *key, char *buf, size_t size,
		    struct err *e);

/*
 * scram_key_derive - fill the two keys from hash, iterations and salt of *key
 * and `password`, which is prepared first (RFC 4013).  0; -1 with PERM when it
 * cannot be prepared or holds a NUL, TEMP when it could not be computed.
 */
int scram_key_derive(struct scram_key *key, const char *password,
		     struct err *e);

/*
 * scram_key_matches - 1 when `password` is the one behind *key, 0 when not, -1
 * (TEMP).  Takes as long for one that cannot be prepared.
 */
int scram_key_matches(const struct scram_key *key, const char *password,
		      struct err *e);

#endif
