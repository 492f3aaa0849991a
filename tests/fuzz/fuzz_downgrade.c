/*
 * Byte 0: size of the pieces; the rest is a message.  However it is cut, the
 * outcome is the same; its header is ASCII; and an ASCII message stays as it
 * is.
 */
#include "fuzz.h"

#include "mail/downgrade.h"
#include "mail/utf8.h"

static void
downgrade(struct span in, size_t step, struct buf *all)
{
	struct downgrade d;
	struct buf out;

	downgrade_init(&d);
	buf_init(&out, DOWNGRADE_OUT_MAX);
	while (in.n > 0) {
		FUZZ_CHECK(downgrade_add(&d, span_head(in, step), &out) == 0);
		FUZZ_CHECK(buf_add_span(all, buf_span(&out)) == 0);
		buf_clear(&out);
		in = span_skip(in, step);
	}
	FUZZ_CHECK(downgrade_end(&d, &out) == 0);
	FUZZ_CHECK(buf_add_span(all, buf_span(&out)) == 0);
	buf_free(&out);
	downgrade_clear(&d);
}

/* Up to the first line that is empty, or that may begin a part. */
static struct span
header_of(struct span all)
{
	for (size_t i = 0; i < all.n; i++) {
		bool starts = i == 0 || all.p[i - 1] == '\n';
		if (starts &&
		    (all.p[i] == '\n' || all.p[i] == '\r' || all.p[i] == '-'))
			return span_head(all, i);
	}
	return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct buf whole, pieces;

	if (size == 0)
		return 0;
	in = span_skip(in, 1);
	buf_init(&whole, 64 * in.n + DOWNGRADE_OUT_MAX);
	buf_init(&pieces, 64 * in.n + DOWNGRADE_OUT_MAX);
	downgrade(in, DOWNGRADE_PIECE_MAX, &whole);
	downgrade(in, 1 + data[0] % 64, &pieces);
	FUZZ_CHECK(span_eq(buf_span(&whole), buf_span(&pieces)));
	FUZZ_CHECK(utf8_is_ascii(header_of(buf_span(&whole))));
	if (utf8_is_ascii(in))
		FUZZ_CHECK(span_eq(in, buf_span(&whole)));
	(void)downgrade_is_wanted(in, "mx");
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
