#include "../test.h"

#include "mail/header.h"

static void
fields_are_taken_in_turn(void **state)
{
	struct span rest = span_of("From: a@x\r\n"
				   "Subject : long\r\n"
				   "\tline\r\n"
				   "Empty:\r\n"
				   "no field here\r\n"
				   " its second line\r\n"
				   "X:y\n"
				   "\r\n"
				   "Body: text\r\n");
	struct header_field f;

	(void)state;
	assert_true(header_next(&rest, &f));
	assert_span(f.name, "From");
	assert_span(f.value, "a@x");
	assert_span(f.whole, "From: a@x\r\n");
	assert_true(header_next(&rest, &f));
	assert_span(f.name, "Subject"); /* RFC 5322 4.5.8: blank before ':' */
	assert_span(f.value, "long\r\n\tline");
	assert_true(header_next(&rest, &f));
	assert_span(f.name, "Empty");
	assert_int_equal(f.value.n, 0);
	assert_true(header_next(&rest, &f));
	assert_int_equal(f.name.n, 0);
	assert_span(f.whole, "no field here\r\n its second line\r\n");
	assert_span(f.value, "no field here\r\n its second line");
	assert_true(header_next(&rest, &f));
	assert_span(f.name, "X");
	assert_span(f.value, "y");
	assert_false(header_next(&rest, &f));
	assert_span(rest, "Body: text\r\n");
}

static void
blocks_without_an_end_end_with_the_text(void **state)
{
	struct span rest = span_of("A: b\r\n c");
	struct header_field f;

	(void)state;
	assert_true(header_next(&rest, &f));
	assert_span(f.value, "b\r\n c");
	assert_false(header_next(&rest, &f));
	assert_int_equal(rest.n, 0);
	rest = span_of("");
	assert_false(header_next(&rest, &f));
	rest = (struct span){ NULL, 0 };
	assert_false(header_next(&rest, &f));
}

/* RFC 5322 3.6.8: any printable character but a colon. */
static void
names_are_of_printable_characters(void **state)
{
	struct span rest = span_of("!~\t:: v\r\n");
	struct header_field f;

	(void)state;
	assert_true(header_next(&rest, &f));
	assert_span(f.name, "!~");
	assert_span(f.value, ": v");
}

static void
what_is_no_field_has_no_name(void **state)
{
	static const char *const lines[] = { ": x\r\n",      " A: b\r\n",
					     "A\x01: b\r\n", "\xc3\xa9: b\r\n",
					     "A b: c\r\n",   "word\r\n",
					     "A\x7f: b\r\n" };
	struct header_field f;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct span rest = span_of(lines[i]);
		assert_true(header_next(&rest, &f));
		assert_int_equal(f.name.n, 0);
		assert_span(f.whole, lines[i]);
		assert_true(span_eq(f.value, span_trim(span_of(lines[i]))));
	}
}

/* The same, whatever the pieces. */
static void
ends_there_in_pieces(struct span text, long end)
{
	for (size_t piece = 1; piece <= text.n; piece++) {
		struct header_end h = { 0 };
		size_t n = 0;
		for (size_t at = 0; at < text.n; at += piece)
			n += header_end_feed(
			    &h, span_head(span_skip(text, at), piece));
		assert_int_equal(h.over, end >= 0);
		assert_int_equal(n, end >= 0 ? (size_t)end : text.n);
	}
}

static void
the_end_is_the_first_empty_line(void **state)
{
	static const struct {
		const char *text;
		long end;
	} cases[] = {
		{ "", -1 },
		{ "\r\n", 2 },
		{ "\n", 1 },
		{ "\r", -1 },
		{ "A: b", -1 },
		{ "A: b\r\n", -1 },
		{ "A: b\r\n\r", -1 },
		{ "A: b\r\n\r\nbody", 8 },
		{ "A: b\n\nbody", 6 },
		{ "A: b\r\n \r\n\r\n", 11 }, /* blanks: a fold, not the end */
		{ "A: b\r\r\n\r\n", 9 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(header_block_end(span_of(cases[i].text)),
				 cases[i].end);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ends_there_in_pieces(span_of(cases[i].text), cases[i].end);
}

static void
fields_are_found_whatever_their_case(void **state)
{
	struct span block = span_of("Received: 1\r\nreceived: 2\r\n"
				    "X-Received: no\r\nRECEIVED : 3\r\n"
				    "\r\nReceived: body\r\n");
	struct header_field f;

	(void)state;
	assert_true(header_find(block, "rEceived", &f));
	assert_span(f.value, "1");
	assert_int_equal(header_count(block, "Received"), 3);
	assert_false(header_find(block, "Date", &f));
	assert_int_equal(f.whole.n, 0);
	assert_int_equal(header_count(block, "Date"), 0);
}

static void
folds_become_one_space(void **state)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "a\r\n b", "a b" },
		{ "a \r\n\t b", "a b" },
		{ "a\n b\r\n\r\n c", "a b c" },
		{ "a  b", "a  b" },
		{ "a\rb", "a b" },
		{ " a\r\n ", "a" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		assert_int_equal(header_unfold(span_of(cases[i].value), &out),
				 0);
		assert_int_equal(out.n, strlen(cases[i].want));
		if (out.n > 0)
			assert_memory_equal(out.p, cases[i].want, out.n);
	}
	buf_clear(&out);
	assert_int_equal(buf_add_str(&out, "kept"), 0);
	assert_int_equal(
	    header_unfold(span_of("fifteen\r\n or more\r\n letters"), &out),
	    -1);
	assert_span(buf_span(&out), "kept");
	buf_free(&out);
}

static void
received_fields_are_those_of_the_header(void **state)
{
	(void)state;
	assert_int_equal(
	    header_count(span_of("Received: a\r\n\tReceived: fold\r\n"
				 "RECEIVED : b\r\nX-Received: c\r\n"
				 "Received-SPF: d\r\nreceived:\r\n"
				 "Subject: Received: e\r\n\r\n"
				 "Received: body\r\n\r\nReceived: x"),
			 "Received"),
	    3);
	assert_int_equal(
	    header_count(span_of("\r\nReceived: a\r\n"), "Received"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_taken_in_turn),
		cmocka_unit_test(blocks_without_an_end_end_with_the_text),
		cmocka_unit_test(names_are_of_printable_characters),
		cmocka_unit_test(what_is_no_field_has_no_name),
		cmocka_unit_test(received_fields_are_those_of_the_header),
		cmocka_unit_test(the_end_is_the_first_empty_line),
		cmocka_unit_test(fields_are_found_whatever_their_case),
		cmocka_unit_test(folds_become_one_space),
	};

	return cmocka_run_group_tests_name("mail/header", tests, NULL, NULL);
}
