#include "auth/users_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/users.h"
#include "base/durable.h"
#include "base/hash.h"

enum {
	/* Decoded texts and pointers take a small multiple of the file. */
	BYTES_PER_BYTE = 32,
	BYTES_AT_LEAST = 1024 * 1024,
};

enum { HASH_ROUNDS = 50000 }; /* of SCRAM, as long as a hash of crypt(3) */

struct slot {
	const char *name;
	unsigned entry;
	unsigned hash;
};

struct users_table {
	atomic_uint references;
	struct arena arena;
	struct users_entry *entries;
	size_t n, cap;
	struct slot *slots; /* open addressing; a power of two of them */
	size_t n_names, n_slots;
	struct users_cost cost;
	const char *dummy[USERS_SETTINGS_MAX];
	size_t costliest;  /* entry */
	uint64_t costs;    /* what it costs, about */
	size_t n_settings; /* found; those over the maximum are not kept */
	struct users_table_scram scram[SCRAM_HASHES];
	unsigned passwords;                /* users who can log in with one */
	unsigned scrammable[SCRAM_HASHES]; /* of those, with SCRAM too */
};

/* The slot that holds `name`, or the free one where it belongs.  Only the
 * administrator adds names, so nobody can craft them. */
static struct slot *
probe(struct slot *slots, size_t n_slots, const char *name, unsigned hash)
{
	size_t i = hash & (n_slots - 1);

	while (slots[i].name != NULL &&
	       (slots[i].hash != hash || strcmp(slots[i].name, name) != 0))
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static int
grow_slots(struct users_table *t, struct err *e)
{
	size_t n = t->n_slots == 0 ? 64 : t->n_slots * 2;
	struct slot *slots = calloc(n, sizeof(*slots));

	if (slots == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "users");
	for (size_t i = 0; i < t->n_slots; i++) {
		const struct slot *old = &t->slots[i];
		if (old->name != NULL)
			*probe(slots, n, old->name, old->hash) = *old;
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

static int
add_name(struct users_table *t, const char *name, size_t entry, struct err *e)
{
	unsigned hash = hash_text(name);

	/* At most half full, so that a miss is found out soon. */
	if (2 * (t->n_names + 1) > t->n_slots && grow_slots(t, e) != 0)
		return -1;
	struct slot *slot = probe(t->slots, t->n_slots, name, hash);
	if (slot->name != NULL) {
		const struct users_entry *other = &t->entries[slot->entry];
		return err_set(
		    e, ERR_PERM, 0,
		    "'%s' stands twice, first %sin "
		    "line %u",
		    name,
		    strcmp(other->address, name) == 0 ? "" : "as an alias ",
		    other->line);
	}
	*slot = (struct slot){ name, (unsigned)entry, hash };
	t->n_names++;
	return 0;
}

/* Which setting of crypt(3) this is; n_settings when it is none of those kept.
 */
static size_t
setting_of(const struct users_table *t, struct span setting)
{
	size_t i = 0;

	while (i < t->n_settings && i < USERS_SETTINGS_MAX &&
	       !span_eq(password_setting(t->dummy[i]), setting))
		i++;
	return i < USERS_SETTINGS_MAX ? i : t->n_settings;
}

static void
note_setting(struct users_table *t, const char *stored)
{
	struct span setting = password_setting(stored);

	if (setting.n == 0 || setting_of(t, setting) < t->n_settings)
		return;
	if (t->n_settings < USERS_SETTINGS_MAX)
		t->dummy[t->n_settings] = stored;
	t->n_settings++;
}

void
users_table_cost_add(const struct users_table *t, const char *stored,
		     struct users_cost *sum)
{
	struct span setting = password_setting(stored);
	size_t i = setting.n == 0 ? t->n_settings : setting_of(t, setting);

	if (i < t->n_settings)
		sum->hashes[i]++;
	password_cost_add(&sum->scram, stored);
}

static void
raise_to(unsigned *most, unsigned one)
{
	if (one > *most)
		*most = one;
}

/* The most that a check of the last user's credentials can compute. */
static void
note_cost(struct users_table *t, const struct users_entry *entry)
{
	struct users_cost sum = { 0 };

	for (unsigned i = 0; i < entry->n_credentials; i++) {
		note_setting(t, entry->credentials[i]);
		users_table_cost_add(t, entry->credentials[i], &sum);
	}
	uint64_t costs = entry->n_credentials;
	for (size_t i = 0; i < USERS_SETTINGS_MAX; i++) {
		raise_to(&t->cost.hashes[i], sum.hashes[i]);
		costs += (uint64_t)sum.hashes[i] * HASH_ROUNDS;
	}
	for (int i = 0; i < SCRAM_HASHES; i++) {
		raise_to(&t->cost.scram.keys[i], sum.scram.keys[i]);
		raise_to(&t->cost.scram.rounds[i], sum.scram.rounds[i]);
		costs += sum.scram.rounds[i];
	}
	if (costs > t->costs) {
		t->costs = costs;
		t->costliest = t->n - 1;
	}
}

static void
note_logins(struct users_table *t, const struct users_entry *entry)
{
	if (entry->n_credentials == 0 || entry->disabled)
		return;
	t->passwords++;
	for (int i = 0; i < SCRAM_HASHES; i++) {
		bool own = entry->scram[i] != NULL;
		t->scrammable[i] += own || entry->plain != NULL;
		t->scram[i].made |= !own && entry->plain != NULL;
	}
}

static int
add_entry(struct users_table *t, const struct users_entry *entry, struct err *e)
{
	if (t->n == t->cap) {
		size_t cap = t->cap == 0 ? 16 : t->cap * 2;
		struct users_entry *bigger =
		    realloc(t->entries, cap * sizeof(*bigger));
		if (bigger == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "users");
		t->entries = bigger;
		t->cap = cap;
	}
	t->entries[t->n++] = *entry;
	if (add_name(t, entry->address, t->n - 1, e) != 0)
		return -1;
	for (unsigned i = 0; i < entry->n_aliases; i++) {
		if (add_name(t, entry->aliases[i], t->n - 1, e) != 0)
			return err_prefix(e, "alias");
	}
	for (unsigned i = 0; i < entry->n_certificates; i++) {
		if (add_name(t, entry->certificates[i], t->n - 1, e) != 0)
			return -1;
	}
	note_cost(t, entry);
	note_logins(t, entry);
	return 0;
}

static int
parse_lines(struct users_table *t, struct span text, const char *name,
	    struct err *e)
{
	unsigned line = 0;

	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = span_skip(text, 3); /* an editor's mark */
	while (text.n > 0) {
		struct users_entry entry;
		long end = span_find(text, '\n', 0);
		size_t n = end < 0 ? text.n : (size_t)end;
		line++;
		int rc =
		    users_line_parse(span_head(text, n), &t->arena, &entry, e);
		if (rc == 1) {
			entry.line = line;
			rc = add_entry(t, &entry, e);
		}
		if (rc < 0)
			return err_prefix(e, "%s:%u", name, line);
		text = span_skip(text, n + (end >= 0));
	}
	return 0;
}

int
users_table_parse(struct users_table **out, struct span text, const char *name,
		  struct err *e)
{
	struct users_table *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (t == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "users");
	atomic_init(&t->references, 1);
	arena_init(&t->arena, BYTES_AT_LEAST + BYTES_PER_BYTE * text.n);
	if (parse_lines(t, text, name, e) != 0) {
		users_table_release(&t);
		return -1;
	}
	*out = t;
	return 0;
}

int
users_table_read(struct users_table **t, const char *path, struct err *e)
{
	char *text = NULL;
	size_t n = 0;

	*t = NULL;
	int rc =
	    durable_read_file(AT_FDCWD, path, USERS_FILE_MAX, &text, &n, e);
	if (rc == 0)
		rc = users_table_parse(t, span_make(text, n), path, e);
	if (text != NULL)
		explicit_bzero(text, n);
	free(text);
	return rc;
}

struct users_table *
users_table_hold(struct users_table *t)
{
	atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
	return t;
}

void
users_table_release(struct users_table **tp)
{
	struct users_table *t = *tp;

	*tp = NULL;
	if (t == NULL || atomic_fetch_sub_explicit(&t->references, 1,
						   memory_order_acq_rel) != 1)
		return;
	arena_reset(&t->arena);
	free(t->entries);
	free(t->slots);
	free(t);
}

const struct users_entry *
users_table_find(const struct users_table *t, const char *address)
{
	if (t->n_slots == 0)
		return NULL;
	const struct slot *slot =
	    probe(t->slots, t->n_slots, address, hash_text(address));
	return slot->name == NULL ? NULL : &t->entries[slot->entry];
}

size_t
users_table_size(const struct users_table *t)
{
	return t->n;
}

const struct users_entry *
users_table_at(const struct users_table *t, size_t i)
{
	return &t->entries[i];
}

const struct users_entry *
users_table_costliest(const struct users_table *t)
{
	return t->costs == 0 ? NULL : &t->entries[t->costliest];
}

struct users_cost
users_table_cost(const struct users_table *t)
{
	return t->cost;
}

struct users_table_scram
users_table_scram(const struct users_table *t, enum scram_hash hash)
{
	struct users_table_scram scram = t->scram[hash];

	scram.everybody =
	    t->passwords > 0 && t->scrammable[hash] == t->passwords;
	return scram;
}

const struct users_entry *
users_table_find_certificate(const struct users_table *t, const char *digest)
{
	char name[USERS_CERTIFICATE_SIZE];

	int n = snprintf(name, sizeof(name), "certificate=%s", digest);
	return n > 0 && (size_t)n < sizeof(name) ? users_table_find(t, name)
						 : NULL;
}

size_t
users_table_settings(const struct users_table *t)
{
	return t->n_settings;
}

const char *
users_table_dummy(const struct users_table *t, size_t i)
{
	return t->dummy[i];
}
