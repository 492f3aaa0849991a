/*
 * Who may log in.  A refusal must not tell why: the time it takes is that of
 * the user whose credentials cost most, and what SCRAM sends before a proof is
 * the same for a name that exists and one that does not.
 */
#include <string.h>

#include "auth/password.h"
#include "auth/users_private.h"
#include "base/rand.h"
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

	turns_take(users_turns(l->users), &turn, l->party);
	int rc = password_matches(stored, password, e);
	turns_give(users_turns(l->users), &turn);
	return rc;
}

static int
spend_in_turn(const struct login *l, enum scram_hash hash, unsigned rounds,
	      struct span password, struct err *e)
{
	struct turn turn;

	turns_take(users_turns(l->users), &turn, l->party);
	int rc = password_spend(hash, rounds, password, e);
	turns_give(users_turns(l->users), &turn);
	return rc;
}

/*
 * Of SCRAM keys: as many as the user with most of them has, of one round each,
 * and then one with all rounds that are left.  There is always one: whoever has
 * all the keys pays for it like the others.
 */
static int
spend_keys(const struct login *l, enum scram_hash hash,
	   struct password_cost spent, struct span password, struct err *e)
{
	struct password_cost most = users_table_cost(l->table).scram;
	unsigned keys = spent.keys[hash], rounds = spent.rounds[hash];

	if (most.keys[hash] == 0)
		return 0;
	for (; keys < most.keys[hash]; keys++, rounds++) {
		if (spend_in_turn(l, hash, 1, password, e) != 0)
			return -1;
	}
	unsigned left =
	    most.rounds[hash] > rounds ? most.rounds[hash] - rounds : 0;
	return spend_in_turn(l, hash, left + 1, password, e);
}

/* Compute on until a refusal has cost what the costliest user costs. */
static int
spend_the_rest(const struct login *l, struct users_cost spent,
	       struct span password, struct err *e)
{
	struct users_cost most = users_table_cost(l->table);

	for (size_t i = 0; i < USERS_SETTINGS_MAX; i++) {
		for (; spent.hashes[i] < most.hashes[i]; spent.hashes[i]++) {
			if (matches_in_turn(l, users_table_dummy(l->table, i),
					    password, e) < 0)
				return -1;
		}
	}
	for (int i = 0; i < SCRAM_HASHES; i++) {
		if (spend_keys(l, (enum scram_hash)i, spent.scram, password,
			       e) != 0)
			return -1;
	}
	return 0;
}

/*
 * Try each credential.  Nobody has those of the costliest user: the same is
 * computed in the same order, since even the state that one computation leaves
 * to the next can be measured.
 */
static int
check(const struct login *l, struct span password, struct err *e)
{
	const struct users_entry *entry =
	    l->entry != NULL ? l->entry : users_table_costliest(l->table);
	unsigned n = entry == NULL ? 0 : entry->n_credentials;
	struct users_cost spent = { 0 };
	bool right = false;

	for (unsigned i = 0; i < n && !right; i++) {
		const char *stored = entry->credentials[i];
		int rc = password_plain(stored) == NULL
			     ? matches_in_turn(l, stored, password, e)
			     : password_matches(stored, password, e);
		if (rc < 0)
			return -1;
		users_table_cost_add(l->table, stored, &spent);
		right = rc > 0 && l->entry != NULL;
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

/* Compute a key of `password` in turn, which is spent time unless it counts. */
static int
derive_in_turn(const struct login *l, struct scram_key *key,
	       const char *password, struct err *e)
{
	struct turn turn;

	turns_take(users_turns(l->users), &turn, l->party);
	int rc = scram_key_derive(key, password, e);
	/* It cannot be prepared: nobody logs in with it, and nobody learns
	 * that from the time. */
	if (rc != 0 && e->class == ERR_PERM &&
	    scram_key_derive(key, "x", e) == 0)
		rc = 1;
	turns_give(users_turns(l->users), &turn);
	return rc;
}

enum { DUMMY_SIZE = 16 };

/* What stands for the password of somebody who has none: of a length that
 * passwords have, and the same each time, as a password takes the same. */
static int
dummy_password(const struct login_secret *secret, const char *name,
	       char text[DUMMY_SIZE], struct err *e)
{
	unsigned char bytes[DUMMY_SIZE];

	if (login_secret_derive(secret, "dummy password", name, bytes,
				sizeof(bytes), e) != 0)
		return -1;
	size_t n = DUMMY_SIZE / 2 + bytes[0] % (DUMMY_SIZE / 2);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + bytes[i] % 26);
	text[n] = '\0';
	return 0;
}

/*
 * The key of who may log in: 1.  Else 0, and a key that nothing proves: salt
 * and count as every new password gets them, and digests that are no digests. A
 * disabled user, and one who has nothing that serves for this hash, is nobody.
 * The same is computed for all of them.
 */
static int
take_key(const struct login *l, enum scram_hash hash, struct users_scram *out,
	 struct err *e)
{
	const struct users_entry *entry = l->entry;
	bool open = entry != NULL && !entry->disabled;
	const struct scram_key *own = open ? entry->scram[hash] : NULL;
	const char *plain = open && own == NULL ? entry->plain : NULL;
	struct login_secret secret;
	struct scram_key made;
	char dummy[DUMMY_SIZE];
	int rc = 0;

	users_secret(l->users, &secret);
	out->key =
	    (struct scram_key){ .hash = hash, .iterations = secret.iterations };
	const char *name = out->user.address;
	bool derived = login_secret_salt(&secret, name, &out->key, e) == 0 &&
		       dummy_password(&secret, name, dummy, e) == 0;
	explicit_bzero(&secret, sizeof(secret));
	if (!derived)
		return -1;
	rand_bytes(out->key.stored, sizeof(out->key.stored));
	rand_bytes(out->key.server, sizeof(out->key.server));
	made = out->key;
	/* Only when some have their key made is this time to be hidden. */
	if (users_table_scram(l->table, hash).made)
		rc = derive_in_turn(l, &made, plain != NULL ? plain : dummy, e);
	if (rc < 0)
		return -1;
	if (own != NULL)
		out->key = *own;
	else if (plain != NULL && rc == 0)
		out->key = made;
	explicit_bzero(&made, sizeof(made));
	return own != NULL || (plain != NULL && rc == 0);
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
