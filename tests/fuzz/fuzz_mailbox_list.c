/* The input is the value of an address field.  What is found in it, written as
 * a list, gives the same. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "mail/mailbox_list.h"

enum { TEXT_MAX = 8 * 1024 * 1024 };

/* The addresses, each with ", " behind it; false when it is no list. */
static bool
read_list(struct span text, struct buf *out)
{
	char one[MAILBOX_SIZE];
	struct span rest = text;
	struct err e = { 0 };
	int more;

	while ((more = mailbox_list_next(&rest, one, &e)) == 1) {
		size_t n = strlen(one);
		FUZZ_CHECK(n > 0 && n < MAILBOX_SIZE);
		FUZZ_CHECK(rest.p >= text.p && rest.n < text.n + 1);
		for (size_t i = 0; i < n; i++)
			FUZZ_CHECK((unsigned char)one[i] >= ' ' &&
				   one[i] != 0x7f);
		if (buf_addf(out, "%s, ", one) != 0)
			abort(); /* out of memory is no finding */
	}
	FUZZ_CHECK(more == 0 || e.class == ERR_PERM);
	return more == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;

	buf_init(&once, TEXT_MAX);
	buf_init(&twice, TEXT_MAX);
	if (read_list(span_make((const char *)data, size), &once)) {
		FUZZ_CHECK(read_list(buf_span(&once), &twice));
		FUZZ_CHECK(span_eq(buf_span(&once), buf_span(&twice)));
	}
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
