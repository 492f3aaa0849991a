/*
 * Byte 0: size of the pieces; the rest is what the peer sends, and also a file
 * to be sent.  However the bytes are cut, the outcome is the same; nothing but
 * CRLF.CRLF ends a message; and decode(encode(x)) is x.
 */
#include "fuzz.h"

#include "mail/dot.h"

static enum dot_result
decode(struct span in, size_t step, bool lenient, struct buf *out, size_t *used)
{
	struct dot_decoder d = { .lenient = lenient };
	enum dot_result r = DOT_MORE;
	size_t at = 0, n;

	while (r == DOT_MORE && at < in.n) {
		r = dot_decode(&d, span_head(span_skip(in, at), step), &n, out);
		at += n;
	}
	*used = at;
	return r;
}

/* Every CR is before a LF and every LF after a CR. */
static bool
has_only_crlf(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && (i + 1 == s.n || s.p[i + 1] != '\n'))
			return false;
		if (s.p[i] == '\n' && (i == 0 || s.p[i - 1] != '\r'))
			return false;
	}
	return true;
}

static void
check_decoder(struct span in, size_t step, bool lenient)
{
	struct buf whole, pieces;
	size_t used, used_pieces;

	buf_init(&whole, in.n + 2);
	buf_init(&pieces, in.n + 2);
	enum dot_result r = decode(in, in.n, lenient, &whole, &used);
	FUZZ_CHECK(decode(in, step, lenient, &pieces, &used_pieces) == r);
	FUZZ_CHECK(used == used_pieces);
	FUZZ_CHECK(span_eq(buf_span(&whole), buf_span(&pieces)));
	FUZZ_CHECK(r != DOT_FULL);
	if (lenient)
		FUZZ_CHECK(r == DOT_END || r == DOT_MORE);
	else
		FUZZ_CHECK(has_only_crlf(buf_span(&whole)));
	if (r == DOT_END) {
		FUZZ_CHECK(used >= 3 &&
			   memcmp(in.p + used - 3, ".\r\n", 3) == 0);
		FUZZ_CHECK(used == 3 ||
			   memcmp(in.p + used - 5, "\r\n.\r\n", 5) == 0);
		/* and not earlier */
		FUZZ_CHECK(memmem(in.p, used - 1, "\r\n.\r\n", 5) == NULL);
	}
	buf_free(&whole);
	buf_free(&pieces);
}

/* What a file is on the wire: CR, LF and CRLF are line ends, the last line has
 * one. */
static void
normalise(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\r' && in.p[i] != '\n') {
			FUZZ_CHECK(buf_add_char(out, in.p[i]) == 0);
			continue;
		}
		if (in.p[i] == '\r' && i + 1 < in.n && in.p[i + 1] == '\n')
			i++;
		FUZZ_CHECK(buf_add_str(out, "\r\n") == 0);
	}
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		FUZZ_CHECK(buf_add_str(out, "\r\n") == 0);
}

static void
check_encoder(struct span in, size_t step)
{
	struct dot_encoder one = { 0 }, many = { 0 };
	struct buf whole, pieces, back, want;
	size_t used;

	buf_init(&whole, 3 * in.n + 5);
	buf_init(&pieces, 3 * in.n + 5);
	buf_init(&back, 3 * in.n + 5);
	buf_init(&want, 3 * in.n + 5);
	FUZZ_CHECK(dot_encode(&one, in, &whole) == 0);
	FUZZ_CHECK(dot_encode_end(&one, &whole) == 0);
	for (size_t at = 0; at < in.n; at += step)
		FUZZ_CHECK(dot_encode(&many, span_head(span_skip(in, at), step),
				      &pieces) == 0);
	FUZZ_CHECK(dot_encode_end(&many, &pieces) == 0);
	FUZZ_CHECK(span_eq(buf_span(&whole), buf_span(&pieces)));
	FUZZ_CHECK(has_only_crlf(buf_span(&whole)));
	/* lenient only for the NULs a file may hold */
	FUZZ_CHECK(decode(buf_span(&whole), step, true, &back, &used) ==
		   DOT_END);
	FUZZ_CHECK(used == whole.n);
	normalise(in, &want);
	FUZZ_CHECK(span_eq(buf_span(&back), buf_span(&want)));
	buf_free(&whole);
	buf_free(&pieces);
	buf_free(&back);
	buf_free(&want);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t step = data[0] % 16U + 1;
	struct span in = span_make((const char *)data + 1, size - 1);

	check_decoder(in, step, false);
	check_decoder(in, step, true);
	check_encoder(in, step);
	return 0;
}
