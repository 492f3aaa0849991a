/*
 * The input is a header block and what follows.  Its fields cut it without
 * loss; what a submission server makes of it has From, Date and Message-ID, no
 * Bcc, and does not change when it is treated again.
 */
#include "fuzz.h"

#include "mail/header.h"
#include "mail/submit.h"

static void
check_partition(struct span block)
{
	struct span rest = block;
	struct header_field f;
	const char *at = block.p;
	unsigned named = 0;

	while (header_next(&rest, &f)) {
		FUZZ_CHECK(f.whole.p == at && f.whole.n > 0);
		at += f.whole.n;
		FUZZ_CHECK(rest.p == at);
		FUZZ_CHECK(f.name.n == 0 || f.name.p == f.whole.p);
		FUZZ_CHECK(f.value.p >= f.whole.p &&
			   f.value.p + f.value.n <= at);
		if (f.name.n == 1 && span_lower(f.name.p[0]) == 'a')
			named++;
	}
	FUZZ_CHECK(rest.p + rest.n == block.p + block.n);
	long end = header_block_end(block);
	FUZZ_CHECK(end < 0 ? rest.n == 0 : rest.p == block.p + end);
	FUZZ_CHECK(header_count(block, "A") == named);
	FUZZ_CHECK(header_find(block, "a", &f) == (named > 0));
}

/* In pieces of any size the header ends at the same place. */
static void
check_pieces(struct span text)
{
	long end = header_block_end(text);

	for (size_t piece = 1; piece < 8; piece++) {
		struct header_end h = { 0 };
		size_t n = 0;
		for (size_t at = 0; at < text.n; at += piece)
			n += header_end_feed(
			    &h, span_head(span_skip(text, at), piece));
		FUZZ_CHECK(h.over == (end >= 0));
		FUZZ_CHECK(n == (end < 0 ? text.n : (size_t)end));
	}
}

static void
check_unfold(struct span block)
{
	struct header_field f;
	struct buf out;

	buf_init(&out, block.n + 1);
	while (header_next(&block, &f)) {
		buf_clear(&out);
		FUZZ_CHECK(header_unfold(f.value, &out) == 0);
		FUZZ_CHECK(out.n <= f.value.n);
		FUZZ_CHECK(span_find(buf_span(&out), '\r', 0) < 0);
		FUZZ_CHECK(span_find(buf_span(&out), '\n', 0) < 0);
		FUZZ_CHECK(span_find(buf_span(&out), '\0', 0) < 0);
	}
	buf_free(&out);
}

static void
check_submit(struct span block)
{
	static const struct submit_facts facts = { .id = "m1",
						   .host = "abc.com",
						   .reverse_path = "a@abc.com",
						   .wall_s = 1795411681 };
	struct buf once, twice;
	struct err e;

	buf_init(&once, block.n + 400);
	buf_init(&twice, block.n + 800);
	if (submit_fix_header(block, &facts, &once, &e) != 0) {
		FUZZ_CHECK(e.class == ERR_LIMIT || e.class == ERR_PERM);
		goto out;
	}
	struct span fixed = buf_span(&once);
	long end = header_block_end(fixed);
	FUZZ_CHECK(end > 0);
	FUZZ_CHECK(header_count(fixed, "From") >= 1);
	FUZZ_CHECK(header_count(fixed, "Date") >= 1);
	FUZZ_CHECK(header_count(fixed, "Message-ID") >= 1);
	FUZZ_CHECK(header_count(fixed, "Bcc") == 0);
	FUZZ_CHECK(header_count(fixed, "Resent-Bcc") == 0);
	struct span header = span_head(fixed, (size_t)end);
	if (header.n > HEADER_BLOCK_MAX)
		goto out;
	if (submit_fix_header(header, &facts, &twice, &e) != 0) {
		/* three fields more may be three too many */
		FUZZ_CHECK(e.class == ERR_LIMIT);
		goto out;
	}
	FUZZ_CHECK(span_eq(buf_span(&twice), header));
out:
	buf_free(&once);
	buf_free(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span block = span_make((const char *)data, size);

	check_partition(block);
	check_pieces(block);
	check_unfold(block);
	long end = header_block_end(block);
	check_submit(end < 0 ? block : span_head(block, (size_t)end));
	return 0;
}
