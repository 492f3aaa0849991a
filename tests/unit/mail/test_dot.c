#include "../test.h"

#include <stdlib.h>

#include "mail/dot.h"

#define S(text) span_make(text, sizeof(text) - 1)

/* Decode in pieces of `step` bytes. */
static enum dot_result
decode(struct span in, size_t step, bool lenient, struct buf *out,
       size_t *consumed)
{
	struct dot_decoder d = { .lenient = lenient };
	enum dot_result r = DOT_MORE;
	size_t at = 0, used;

	while (r == DOT_MORE && at < in.n) {
		r = dot_decode(&d, span_head(span_skip(in, at), step), &used,
			       out);
		at += used;
	}
	*consumed = at;
	return r;
}

static void
assert_decodes(struct span in, bool lenient, enum dot_result want,
	       struct span text, size_t want_used)
{
	for (size_t step = 1; step <= in.n; step++) {
		struct buf out;
		size_t used;

		buf_init(&out, 1000);
		assert_int_equal(decode(in, step, lenient, &out, &used), want);
		assert_int_equal(out.n, text.n);
		if (text.n > 0)
			assert_memory_equal(out.p, text.p, text.n);
		if (want == DOT_END)
			assert_int_equal(used, want_used);
		buf_free(&out);
	}
}

static void
messages_end_at_crlf_dot_crlf(void **state)
{
	(void)state;
	assert_decodes(S(".\r\n"), false, DOT_END, S(""), 3);
	assert_decodes(S("a\r\n.\r\nQUIT\r\n"), false, DOT_END, S("a\r\n"), 6);
	assert_decodes(S("\r\n.\r\n"), false, DOT_END, S("\r\n"), 5);
	assert_decodes(S("..\r\n.\r\n"), false, DOT_END, S(".\r\n"), 7);
	assert_decodes(S(".a\r\n...\r\n.\r\n"), false, DOT_END,
		       S("a\r\n..\r\n"), 12);
	assert_decodes(S("a.\r\n.\r\n"), false, DOT_END, S("a.\r\n"), 7);
	assert_decodes(S("a\r\n. \r\n.\r\n"), false, DOT_END, S("a\r\n \r\n"),
		       10);
	assert_decodes(S("\xff\x01\r\n.\r\n"), false, DOT_END,
		       S("\xff\x01\r\n"), 7);
	assert_decodes(S("a\r\n.\r"), false, DOT_MORE, S("a\r\n"), 0);
	assert_decodes(S("a\r\n."), false, DOT_MORE, S("a\r\n"), 0);
	assert_decodes(S("a\r"), false, DOT_MORE, S("a"), 0);
}

/* Every way a neighbour might see an end of data where we do not (or the
 * other way round): refused at its first wrong byte, never decoded past it. */
static void
smuggled_endings_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		enum dot_result want;
	} cases[] = {
#define CASE(text, want) { text, sizeof(text) - 1, (want) }
		CASE("x\n.\n", DOT_BARE_LF),
		CASE("x\n.\r\n", DOT_BARE_LF),
		CASE("x\r\n.\n", DOT_BARE_LF),
		CASE("x\r.\r", DOT_BARE_CR),
		CASE("x\r.\r\n", DOT_BARE_CR),
		CASE("x\r\n.\rx", DOT_BARE_CR),
		CASE("x\r\n.\r.\r\n", DOT_BARE_CR),
		CASE("x\n.\r", DOT_BARE_LF),
		CASE("x\r.\n", DOT_BARE_CR),
		CASE("x\r\r\n.\r\n", DOT_BARE_CR),
		CASE("x\r\n.\r\r\n", DOT_BARE_CR),
		CASE("x\r\n\0.\r\n", DOT_NUL),
		CASE("x\r\n.\0\r\n", DOT_NUL),
		CASE("x\r\0\n.\r\n", DOT_BARE_CR),
		CASE("x\r\n.\r\0\n", DOT_BARE_CR),
		CASE("x\n\n.\n\n", DOT_BARE_LF),
		CASE("\n", DOT_BARE_LF),
		CASE(".\n", DOT_BARE_LF),
		CASE("\0", DOT_NUL),
#undef CASE
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_make(cases[i].text, cases[i].n);
		for (size_t step = 1; step <= in.n; step++) {
			struct buf out;
			size_t used;

			buf_init(&out, 100);
			assert_int_equal(decode(in, step, false, &out, &used),
					 cases[i].want);
			assert_true(used < in.n);
			buf_free(&out);
		}
	}
}

static void
a_reading_client_keeps_odd_bytes(void **state)
{
	(void)state;
	assert_decodes(S("a\nb\rc\0d\r\n.\r\n"), true, DOT_END,
		       S("a\nb\rc\0d\r\n"), 12);
	assert_decodes(S("a\r\r\n.\r\n"), true, DOT_END, S("a\r\r\n"), 7);
	/* a dot that only a bare LF precedes is no end, and is not removed */
	assert_decodes(S("a\n.\r\n.\r\n"), true, DOT_END, S("a\n.\r\n"), 8);
	assert_decodes(S("a\r\n.\rb\r\n.\r\n"), true, DOT_END,
		       S("a\r\n\rb\r\n"), 11);
	assert_decodes(S(".\n.\r\n"), true, DOT_MORE, S("\n.\r\n"), 0);
}

static void
a_full_buffer_loses_nothing(void **state)
{
	struct span in = S("hello\r\n..\r\n\r\nworld\r\n.\r\n");
	const char want[] = "hello\r\n.\r\n\r\nworld\r\n";

	(void)state;
	for (size_t room = 2; room < 30; room++) {
		struct dot_decoder d = { .lenient = false };
		struct buf out, all;
		enum dot_result r = DOT_FULL;
		size_t at = 0, used;

		buf_init(&out, room);
		buf_init(&all, 100);
		while (r == DOT_FULL) {
			r = dot_decode(&d, span_skip(in, at), &used, &out);
			at += used;
			assert_true(used > 0 || out.n > 0);
			assert_int_equal(buf_add_span(&all, buf_span(&out)), 0);
			buf_clear(&out);
		}
		assert_int_equal(r, DOT_END);
		assert_int_equal(at, in.n);
		assert_span(buf_span(&all), want);
		buf_free(&out);
		buf_free(&all);
	}
}

static void
assert_encodes(struct span in, struct span want)
{
	for (size_t step = 1; step <= in.n + 1; step++) {
		struct dot_encoder d = { 0 };
		struct buf out;

		buf_init(&out, 1000);
		for (size_t at = 0; at < in.n; at += step)
			assert_int_equal(
			    dot_encode(&d, span_head(span_skip(in, at), step),
				       &out),
			    0);
		assert_int_equal(dot_encode_end(&d, &out), 0);
		assert_int_equal(out.n, want.n);
		assert_memory_equal(out.p, want.p, want.n);
		buf_free(&out);
	}
}

static void
encoding_doubles_dots_and_mends_line_ends(void **state)
{
	(void)state;
	assert_encodes(S(""), S(".\r\n"));
	assert_encodes(S("a"), S("a\r\n.\r\n"));
	assert_encodes(S("a\r\n"), S("a\r\n.\r\n"));
	assert_encodes(S("a\n"), S("a\r\n.\r\n"));
	assert_encodes(S("\n\n"), S("\r\n\r\n.\r\n"));
	assert_encodes(S("."), S("..\r\n.\r\n"));
	assert_encodes(S(".\n..\na."), S("..\r\n...\r\na.\r\n.\r\n"));
	assert_encodes(S("a\rb"), S("a\r\nb\r\n.\r\n"));
	assert_encodes(S("a\r.\rb"), S("a\r\n..\r\nb\r\n.\r\n"));
	assert_encodes(S("a\r"), S("a\r\n.\r\n"));
	assert_encodes(S("a\r\r\nb"), S("a\r\n\r\nb\r\n.\r\n"));
}

static void
a_failed_encode_changes_nothing(void **state)
{
	struct dot_encoder d = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, 6);
	assert_int_equal(dot_encode(&d, S("a\r\n"), &out), 0);
	assert_int_equal(dot_encode(&d, S(".bcd\r\n"), &out), -1);
	assert_span(buf_span(&out), "a\r\n");
	buf_clear(&out);
	assert_int_equal(dot_encode(&d, S(".bcd"), &out), 0);
	assert_span(buf_span(&out), "..bcd");
	assert_int_equal(dot_encode_end(&d, &out), -1);
	buf_clear(&out);
	assert_int_equal(dot_encode_end(&d, &out), 0);
	assert_span(buf_span(&out), "\r\n.\r\n");
	buf_free(&out);
}

/* BDAT: decode all of `in`, in pieces of `step` bytes, and its end. */
static enum dot_result
decode_chunk(struct span in, size_t step, struct buf *out)
{
	struct dot_decoder d = { .no_dots = true };
	size_t used;

	while (in.n > 0) {
		enum dot_result r =
		    dot_decode(&d, span_head(in, step), &used, out);
		if (r != DOT_MORE)
			return r;
		in = span_skip(in, used);
	}
	return dot_decode_last(&d, out);
}

static void
assert_chunk(struct span in, enum dot_result want, struct span text)
{
	for (size_t step = 1; step <= in.n + 1; step++) {
		struct buf out;

		buf_init(&out, 1000);
		assert_int_equal(decode_chunk(in, step, &out), want);
		assert_int_equal(out.n, text.n);
		if (text.n > 0)
			assert_memory_equal(out.p, text.p, text.n);
		buf_free(&out);
	}
}

static void
without_dots_only_lines_matter(void **state)
{
	(void)state;
	assert_chunk(S(""), DOT_END, S(""));
	assert_chunk(S("a\r\n"), DOT_END, S("a\r\n"));
	assert_chunk(S(".\r\n..\r\na\r\n.\r\n"), DOT_END,
		     S(".\r\n..\r\na\r\n.\r\n"));
	assert_chunk(S("no end"), DOT_END, S("no end\r\n"));
	assert_chunk(S("."), DOT_END, S(".\r\n"));
	assert_chunk(S("\r\n"), DOT_END, S("\r\n"));
	assert_chunk(S("a\r"), DOT_BARE_CR, S("a"));
	assert_chunk(S("a\rb"), DOT_BARE_CR, S("a"));
	assert_chunk(S(".\n"), DOT_BARE_LF, S("."));
	assert_chunk(S("a\0"), DOT_NUL, S("a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_end_at_crlf_dot_crlf),
		cmocka_unit_test(without_dots_only_lines_matter),
		cmocka_unit_test(smuggled_endings_are_refused),
		cmocka_unit_test(a_reading_client_keeps_odd_bytes),
		cmocka_unit_test(a_full_buffer_loses_nothing),
		cmocka_unit_test(encoding_doubles_dots_and_mends_line_ends),
		cmocka_unit_test(a_failed_encode_changes_nothing),
	};

	return cmocka_run_group_tests_name("mail/dot", tests, NULL, NULL);
}
