/* The first byte says how the rest, a message, is cut into pieces.  What is
 * left does not depend on it, is a part of the message in its order, and holds
 * nothing more to be taken out. */
#include "fuzz.h"

#include <stdlib.h>

#include "mail/auth_results.h"
#include "mail/header.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

static unsigned
filter(struct span text, size_t piece, struct buf *out)
{
	struct header_end end = { 0 };
	struct auth_results a;
	struct err e;
	int rc = 0;

	auth_results_init(&a, "mx.test");
	while (rc == 0 && text.n > 0) {
		struct span part = span_head(text, piece);
		size_t n = header_end_feed(&end, part);
		rc = auth_results_feed(&a, span_head(part, n), out, &e);
		if (buf_add_span(out, span_skip(part, n)) != 0)
			abort();
		text = span_skip(text, piece);
	}
	if (rc != 0 || auth_results_end(&a, out, &e) != 0)
		abort(); /* out of memory is no finding */
	FUZZ_CHECK(a.held.n == 0);
	unsigned removed = a.removed;
	auth_results_free(&a);
	return removed;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, pieces, again;

	if (size == 0)
		return 0;
	struct span text = span_make((const char *)data + 1, size - 1);
	buf_init(&whole, TEXT_MAX);
	buf_init(&pieces, TEXT_MAX);
	buf_init(&again, TEXT_MAX);
	unsigned removed = filter(text, SIZE_MAX, &whole);
	FUZZ_CHECK(filter(text, data[0] + 1U, &pieces) == removed);
	FUZZ_CHECK(span_eq(buf_span(&whole), buf_span(&pieces)));
	if (removed == 0)
		FUZZ_CHECK(span_eq(buf_span(&whole), text));
	size_t at = 0;
	for (size_t i = 0; i < text.n && at < whole.n; i++)
		at += text.p[i] == whole.p[at];
	FUZZ_CHECK(at == whole.n);
	FUZZ_CHECK(filter(buf_span(&whole), 1, &again) == 0);
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&again);
	return 0;
}
