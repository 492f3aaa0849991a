#ifndef PP_AUTH_USERS_LINE_H
#define PP_AUTH_USERS_LINE_H

#include <stdbool.h>

#include "auth/scram_key.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * The grammar of one line of the users file (postpair-users(5)):
 *   address ({SCHEME}value | name=value)...
 * with %XX for a byte that a word cannot hold.  No I/O.
 */
enum {
	USERS_CREDENTIALS_MAX = 8,
	USERS_ALIASES_MAX = 256,
	USERS_CERTIFICATES_MAX = 8,
	USERS_SEND_AS_MAX = 256,
	USERS_CERTIFICATE_SIZE = sizeof("certificate=") + 64,
};

struct users_entry {
	const char *address;      /* canonical */
	const char **credentials; /* decoded, checked */
	const char **aliases;     /* canonical */
	/* "certificate=<64 hexadecimal digits>": no address is like that. */
	const char **certificates;
	/* What SCRAM takes of them: the first key for a hash, and the first
	 * {PLAIN} password, of which one is made; NULL: none. */
	const struct scram_key *scram[SCRAM_HASHES];
	const char *plain;
	unsigned n_credentials;
	unsigned n_aliases;
	/* what it may send as besides: canonical addresses, "@domain", "*" */
	const char **send_as;
	unsigned n_certificates;
	unsigned n_send_as;
	unsigned line;
	bool disabled;
	int64_t quota_bytes; /* 0: none */
};

/*
 * users_line_parse - `line` without its line end.  1: *entry is filled, its
 * texts in `arena`; 0: blank or comment; -1 with a reason (PERM, or TEMP when
 * the arena is full).  The reason never quotes a credential.
 */
int users_line_parse(struct span line, struct arena *arena,
		     struct users_entry *entry, struct err *e);

/* users_line_odd_key - a key of the entry that shows clients another count than
 * `iterations`, or another length of salt than SCRAM_SALT_SIZE: they can tell
 * that such a user exists.  NULL: none. */
const struct scram_key *users_line_odd_key(const struct users_entry *entry,
					   unsigned iterations);

/* users_line_address - canonical form of a login or alias as an administrator
 * writes it, into the arena; NULL with a reason. */
const char *users_line_address(struct span text, struct arena *arena,
			       struct err *e);

/* users_line_is_credential - does this word of a line start with '{'? */
static inline bool
users_line_is_credential(struct span word)
{
	return word.n > 0 && word.p[0] == '{';
}

/* users_line_add_word - append `text` with %XX where a word needs it; buf's
 * return value. */
int users_line_add_word(struct buf *out, struct span text);

#endif
