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
	for (unsigned i = 0; i < entry->n_credentials; i++)
		FUZZ_CHECK(password_check_stored(entry->credentials[i], &e) ==
			   0);
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
	FUZZ_CHECK((users_table_hashes(t) == 0) ==
		   (users_table_dummy(t) == NULL));
	users_table_release(&t);
	return 0;
}
