/*
 * Who may log in.  A refusal must not tell why: the time it takes is that of
 * the user whose credentials cost most, and what SCRAM sends before a proof is
 * the same for a name that exists and one that does not.
 */
#include <stdio.h>
#include <string.h>

#include "auth/password.h"
#include "auth/users_private.h"
#include "base/siphash.h"
#include "mail/address.h"

/* ---- passwords ------------------------------------------------------------
 */

struct login {
	struct users *users;
	struct users_table *table;
	const struct users_entry *entry; /* NULL: nobody's */
	uint64_t party;
};

void
users_canonical(struct span name, struct user *user)
{
	char canonical[ADDRESS_SIZE];
	struct address a;

	memset(user, 0, sizeof(*user));
	if (address_parse_mailbox(name, ADDRESS_ALLOW_UTF8, &a, NULL) == 0 &&
	    address_canonical(&a, canonical) == 0)
		(void)span_copy(span_of(canonical), user->address,
				sizeof(user->address));
}

/* The entry whose login name this is.  An alias is for mail: one user, one
 * login name. */
static const struct users_entry *
find_login(const struct users_table *t, const char *canonical)
{
	const struct users_entry *entry = users_table_find(t, canonical);

	return entry != NULL && strcmp(entry->address, canonical) == 0 ? entry
								       : NULL;
}

/* The entry that `name` logs in to, or none; what was tried is in *user. */
static void
find(struct login *l, struct users *u, struct span name, const char *peer,
     struct user *user)
{
	users_canonical(name, user);
	*l = (struct login){ .users = u,
			     .table = users_take(u),
			     .party = users_party(u, peer) };
	l->entry = find_login(l->table, user->address);
}

static int
matches_in_turn(const struct login *l, const char *stored, struct span password,
		struct err *e)
{
	struct turn turn;

	if (turns_take(users_turns(l->users), &turn, l->party, e) != 0)
		return -1;
	int rc = password_matches(stored, password, e);
	turns_give(users_turns(l->users), &turn);
	return rc;
}

static int
spend_in_turn(const struct login *l, unsigned rounds, struct err *e)
{
	struct turn turn;

	if (turns_take(users_turns(l->users), &turn, l->party, e) != 0)
		return -1;
	int rc = scram_key_spend(rounds, e);
	turns_give(users_turns(l->users), &turn);
	return rc;
}

/* Compute on until a refusal has cost what the costliest user costs. */
static int
spend_the_rest(const struct login *l, struct password_cost spent,
	       struct span password, struct err *e)
{
	struct password_cost most = users_table_cost(l->table);

	for (; spent.hashes < most.hashes; spent.hashes++) {
		const char *dummy = users_table_dummy(l->table);
		if (matches_in_turn(l, dummy, password, e) < 0)
			return -1;
	}
	if (spent.rounds >= most.rounds)
		return 0;
	return spend_in_turn(l, most.rounds - spent.rounds, e);
}

/* Try each credential. */
static int
check(const struct login *l, struct span password, struct err *e)
{
	const struct users_entry *entry = l->entry;
	unsigned n = entry == NULL ? 0 : entry->n_credentials;
	struct password_cost spent = { 0 };
	bool right = false;

	for (unsigned i = 0; i < n && !right; i++) {
		const char *stored = entry->credentials[i];
		struct password_cost cost = password_cost(stored);
		bool costs = cost.hashes > 0 || cost.rounds > 0;
		int rc = costs ? matches_in_turn(l, stored, password, e)
			       : password_matches(stored, password, e);
		if (rc < 0)
			return -1;
		spent.hashes += cost.hashes;
		spent.rounds += cost.rounds;
		right = rc > 0;
	}
	if (right && !entry->disabled)
		return 1;
	return spend_the_rest(l, spent, password, e);
}

int
users_check_password(struct users *u, struct span name, struct span password,
		     const char *peer, struct user *user, struct err *e)
{
	struct login l;

	find(&l, u, name, peer, user);
	int rc = check(&l, password, e);
	if (rc == 1 && l.entry != NULL)
		users_copy(l.entry, user);
	users_table_release(&l.table);
	return rc;
}

/* ---- SCRAM ----------------------------------------------------------------
 */

/*
 * n bytes that depend on `name` and on a secret of the file, and on nothing
 * else: they are the same after a restart and at another server that reads the
 * same file.  The secret is the first credential that serves for this hash;
 * when its owner changes the password, the salts of those who do not exist
 * change with it.
 */
static void
derive_salt(const char *secret, const char *name, unsigned char *salt, size_t n)
{
	static const struct siphash_key left = { 0, 1 }, right = { 0, 2 };
	struct siphash_key key = {
		siphash(&left, secret, strlen(secret)),
		siphash(&right, secret, strlen(secret)),
	};
	char text[ADDRESS_SIZE + 8];

	for (size_t at = 0; at < n; at += sizeof(uint64_t)) {
		int len = snprintf(text, sizeof(text), "%zu:%s", at, name);
		uint64_t v = siphash(&key, text, (size_t)len);
		size_t some = n - at < sizeof(v) ? n - at : sizeof(v);
		memcpy(salt + at, &v, some);
	}
}

/* A key of somebody's, made of a password that stands in the file or that
 * nobody has. */
static int
make_key(const struct login *l, const struct users_table_scram *scram,
	 const char *name, const char *password, struct scram_key *key,
	 struct err *e)
{
	struct turn turn;

	key->iterations = scram->iterations;
	key->salt_n = scram->salt_n;
	derive_salt(scram->secret, name, key->salt, key->salt_n);
	/* Only when some have their key made is this time to be hidden. */
	if (!scram->made)
		return 0;
	if (turns_take(users_turns(l->users), &turn, l->party, e) != 0)
		return -1;
	int rc = scram_key_derive(key, password, e);
	turns_give(users_turns(l->users), &turn);
	return rc;
}

/* The credential of the entry that serves for `hash`: its key, or a password
 * to make one of. */
static bool
find_key(const struct users_entry *entry, enum scram_hash hash,
	 struct scram_key *key, const char **password)
{
	*password = NULL;
	for (unsigned i = 0; entry != NULL && i < entry->n_credentials; i++) {
		if (password_scram_key(entry->credentials[i], hash, key)) {
			*password = NULL;
			return true;
		}
		if (*password == NULL)
			*password = password_plain(entry->credentials[i]);
	}
	return *password != NULL;
}

static int
take_key(const struct login *l, enum scram_hash hash, struct users_scram *out,
	 struct err *e)
{
	struct users_table_scram scram = users_table_scram(l->table, hash);
	const struct users_entry *entry = l->entry;
	struct scram_key unused = { .hash = hash };
	const char *password;

	bool real =
	    find_key(entry, hash, &out->key, &password) && !entry->disabled;
	if (real && password == NULL)
		return make_key(l, &scram, "", "x", &unused, e) < 0 ? -1 : 1;
	memset(&out->key, 0, sizeof(out->key));
	out->key.hash = hash;
	if (make_key(l, &scram, out->user.address, real ? password : "x",
		     &out->key, e) != 0)
		return e->class == ERR_PERM ? 0 : -1;
	if (real)
		return 1;
	/* A key that nothing proves. */
	derive_salt(scram.secret, "stored", out->key.stored,
		    sizeof(out->key.stored));
	derive_salt(scram.secret, "server", out->key.server,
		    sizeof(out->key.server));
	return 0;
}

int
users_scram_key(struct users *u, struct span name, enum scram_hash hash,
		const char *peer, struct users_scram *out, struct err *e)
{
	struct login l;

	memset(out, 0, sizeof(*out));
	find(&l, u, name, peer, &out->user);
	int rc = take_key(&l, hash, out, e);
	if (rc == 1 && l.entry != NULL)
		users_copy(l.entry, &out->user);
	users_table_release(&l.table);
	return rc;
}

bool
users_scram_offered(struct users *u, enum scram_hash hash)
{
	struct users_table *t = users_take(u);
	bool offered = users_table_scram(t, hash).everybody;

	users_table_release(&t);
	return offered;
}

int
users_named(struct users *u, struct span name, struct user *user, struct err *e)
{
	struct users_table *t = users_take(u);

	(void)e; /* a back end over a network can fail; a table cannot */
	users_canonical(name, user);
	const struct users_entry *entry = find_login(t, user->address);
	if (entry != NULL)
		users_copy(entry, user);
	users_table_release(&t);
	return entry != NULL;
}

/* ---- certificates ---------------------------------------------------------
 */

int
users_certificate(struct users *u, const char *digest, struct user *user,
		  struct err *e)
{
	struct users_table *t = users_take(u);

	(void)e; /* a back end over a network can fail; a table cannot */
	memset(user, 0, sizeof(*user));
	const struct users_entry *entry =
	    users_table_find_certificate(t, digest);
	if (entry != NULL)
		users_copy(entry, user);
	users_table_release(&t);
	return entry != NULL;
}
