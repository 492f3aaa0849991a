/* The input is a users file.  What is accepted can be looked up by each of its
 * names, and a line written from it means the same. */
#include "fuzz.h"

#include "auth/password.h"
#include "auth/users.h"
#include "auth/users_table.h"

/* A line as the editor would write it. */
static void
check_line(const struct users_entry *entry)
{
	struct users_entry again;
	struct arena arena;
	struct buf line;
	struct err e;

	buf_init(&line, 4 * USERS_LINE_MAX);
	arena_init(&arena, 1024 * 1024);
	FUZZ_CHECK(users_line_add_word(&line, span_of(entry->address)) == 0);
	for (unsigned i = 0; i < entry->n_credentials; i++) {
		FUZZ_CHECK(buf_add_char(&line, ' ') == 0);
		FUZZ_CHECK(users_line_add_word(
			       &line, span_of(entry->credentials[i])) == 0);
	}
	if (line.n <= USERS_LINE_MAX) {
		FUZZ_CHECK(
		    users_line_parse(buf_span(&line), &arena, &again, &e) == 1);
		FUZZ_CHECK(strcmp(again.address, entry->address) == 0);
		FUZZ_CHECK(again.n_credentials == entry->n_credentials);
		for (unsigned i = 0; i < entry->n_credentials; i++)
			FUZZ_CHECK(strcmp(again.credentials[i],
					  entry->credentials[i]) == 0);
	}
	arena_reset(&arena);
	buf_free(&line);
}

/* A SCRAM key means the same in the form that we write. */
static void
check_key(const char *stored, enum scram_hash hash)
{
	char text[SCRAM_STORED_SIZE];
	struct scram_key key, again;

	if (!password_scram_key(stored, hash, &key))
		return;
	FUZZ_CHECK(key.iterations >= SCRAM_ITERATIONS_MIN &&
		   key.iterations <= SCRAM_ITERATIONS_MAX);
	FUZZ_CHECK(scram_key_write(&key, text, sizeof(text), NULL) == 0);
	FUZZ_CHECK(password_scram_key(text, hash, &again));
	FUZZ_CHECK(memcmp(&key, &again, sizeof(key)) == 0);
}

static void
check_entry(const struct users_table *t, const struct users_entry *entry)
{
	struct err e;

	FUZZ_CHECK(strlen(entry->address) <
		   sizeof(((struct user *)0)->address));
	FUZZ_CHECK(users_table_find(t, entry->address) == entry);
	FUZZ_CHECK(entry->quota_bytes >= 0);
	for (unsigned i = 0; i < entry->n_aliases; i++)
		FUZZ_CHECK(users_table_find(t, entry->aliases[i]) == entry);
	for (unsigned i = 0; i < entry->n_certificates; i++)
		FUZZ_CHECK(users_table_find(t, entry->certificates[i]) ==
			   entry);
	for (unsigned i = 0; i < entry->n_credentials; i++) {
		FUZZ_CHECK(password_check_stored(entry->credentials[i], &e) ==
			   0);
		check_key(entry->credentials[i], SCRAM_SHA_1);
		check_key(entry->credentials[i], SCRAM_SHA_256);
	}
	check_line(entry);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make((const char *)data, size);
	struct users_table *t;
	struct err e = { 0 };

	if (users_table_parse(&t, text, "users", &e) != 0) {
		FUZZ_CHECK(t == NULL);
		FUZZ_CHECK(strncmp(e.msg, "users:", 6) == 0);
		FUZZ_CHECK(e.class == ERR_PERM);
		return 0;
	}
	for (size_t i = 0; i < users_table_size(t); i++)
		check_entry(t, users_table_at(t, i));
	struct users_cost cost = users_table_cost(t);
	for (size_t i = 0; i < USERS_SETTINGS_MAX; i++)
		FUZZ_CHECK((cost.hashes[i] == 0) ==
			   (users_table_dummy(t, i) == NULL));
	users_table_release(&t);
	return 0;
}
