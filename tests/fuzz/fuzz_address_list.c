/*
 * The input is an address list as typed.  Either it is refused, or every
 * address in it is valid and the list, written out, reads back the same.
 */
#include "fuzz.h"

#include <string.h>

#include "mail/address.h"
#include "shell/mime.h"

static void
check_again(const struct mime_address *list, unsigned n)
{
	struct mime_address *again;
	struct arena arena;
	struct buf text;
	struct err e;
	unsigned n_again;

	arena_init(&arena, 4 * 1024 * 1024);
	buf_init(&text, 4 * 1024 * 1024);
	for (unsigned i = 0; i < n; i++) {
		struct address a;
		FUZZ_CHECK(address_parse_mailbox(span_of(list[i].address),
						 ADDRESS_ALLOW_UTF8, &a,
						 &e) == 0);
		if (i > 0)
			FUZZ_CHECK(buf_add_str(&text, ", ") == 0);
		FUZZ_CHECK(mime_address_text(&list[i], &text) == 0);
	}
	if (text.n < MIME_HEADER_MAX) {
		FUZZ_CHECK(mime_addresses(buf_span(&text), &arena, &again,
					  &n_again, &e) == 0);
		FUZZ_CHECK(n_again == n);
		for (unsigned i = 0; i < n; i++) {
			FUZZ_CHECK(strcmp(again[i].address, list[i].address) ==
				   0);
			FUZZ_CHECK(strcmp(again[i].name, list[i].name) == 0);
		}
	}
	buf_free(&text);
	arena_reset(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_address *list;
	struct arena arena;
	struct err e = { .msg = "" };
	unsigned n;

	arena_init(&arena, 4 * 1024 * 1024);
	if (mime_addresses(span_make((const char *)data, size), &arena, &list,
			   &n, &e) == 0)
		check_again(list, n);
	else
		FUZZ_CHECK(e.msg[0] != '\0');
	arena_reset(&arena);
	return 0;
}
