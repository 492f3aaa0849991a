#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "milter/milter_header.h"

static const char three[] = "From: a\r\nX: 1\r\nX: 2\r\n";

static void
open_header(struct milter_header *h, const char *block)
{
	struct err e;

	*h = (struct milter_header){ 0 };
	assert_int_equal(milter_header_parse(h, span_of(block), &e), 0);
}

static void
assert_header(const struct milter_header *h, const char *above,
	      const char *below)
{
	struct buf out;

	buf_init(&out, HEADER_BLOCK_MAX);
	assert_int_equal(milter_header_write(h, true, &out), 0);
	assert_span(buf_span(&out), above);
	buf_clear(&out);
	assert_int_equal(milter_header_write(h, false, &out), 0);
	assert_span(buf_span(&out), below);
	assert_int_equal(h->bytes, strlen(above) + strlen(below));
	buf_free(&out);
}

static struct milter_value
field(const char *name, const char *value)
{
	return (struct milter_value){ span_of(name), span_of(value), false };
}

static void
add(struct milter_header *h, const char *name, const char *value)
{
	struct milter_value v = field(name, value);
	struct err e;

	assert_int_equal(milter_header_add(h, &v, &e), 0);
}

static void
insert(struct milter_header *h, uint32_t at, const char *name,
       const char *value)
{
	struct milter_value v = field(name, value);
	struct err e;

	assert_int_equal(milter_header_insert(h, at, &v, &e), 0);
}

static void
change(struct milter_header *h, uint32_t nth, const char *name,
       const char *value)
{
	struct milter_value v = field(name, value);
	struct err e;

	assert_int_equal(milter_header_change(h, nth, &v, &e), 0);
}

static void
fields_are_shown_as_they_are(void **state)
{
	struct milter_header h;

	(void)state;
	open_header(&h, "Subject:  two\r\n\tfolded \r\nX:\r\nno field\r\n\r\n");
	assert_int_equal(h.n, 3);
	assert_span(milter_field_name(&h.v[0]), "Subject");
	assert_span(milter_field_value(&h.v[0]), "  two\r\n\tfolded ");
	assert_span(milter_field_value(&h.v[1]), "");
	assert_int_equal(h.v[2].name_n, 0);
	milter_header_clear(&h);
}

static void
an_added_field_is_the_last(void **state)
{
	struct milter_header h;

	(void)state;
	open_header(&h, three);
	add(&h, "Y", "new");
	assert_header(&h, "", "From: a\r\nX: 1\r\nX: 2\r\nY: new\r\n");
	milter_header_clear(&h);
	/* but before a line that is no field */
	open_header(&h, "From: a\r\nnot a field\r\n");
	add(&h, "Y", "new");
	insert(&h, 9, "Z", "new");
	assert_header(&h, "", "From: a\r\nY: new\r\nZ: new\r\nnot a field\r\n");
	milter_header_clear(&h);
}

/* smfi_insheader: 0 is above our own Received field, 1 below it. */
static void
positions_count_our_received_field(void **state)
{
	struct milter_header h;

	(void)state;
	open_header(&h, three);
	insert(&h, 1, "B", "1");
	insert(&h, 0, "A", "0");
	assert_header(&h, "A: 0\r\n", "B: 1\r\nFrom: a\r\nX: 1\r\nX: 2\r\n");
	/* now A, Received, B, From, X, X: at 1 it comes before Received */
	insert(&h, 1, "C", "1");
	insert(&h, 4, "D", "4");
	insert(&h, 4000000000u, "E", "end");
	assert_header(&h, "A: 0\r\nC: 1\r\n",
		      "B: 1\r\nD: 4\r\nFrom: a\r\nX: 1\r\nX: 2\r\n"
		      "E: end\r\n");
	milter_header_clear(&h);
}

static void
a_change_is_of_the_nth_of_its_name(void **state)
{
	struct milter_header h;

	(void)state;
	open_header(&h, three);
	change(&h, 2, "x", "two");
	assert_header(&h, "", "From: a\r\nX: 1\r\nx: two\r\n");
	change(&h, 0, "X", "one");
	change(&h, 3, "X", "three"); /* none there: added */
	change(&h, 9, "Nix", "");    /* nothing there to be taken away */
	assert_header(&h, "", "From: a\r\nX: one\r\nx: two\r\nX: three\r\n");
	milter_header_clear(&h);
}

/* A milter counts in the header it was shown. */
static void
what_is_gone_still_counts_until_it_is_settled(void **state)
{
	struct milter_header h;

	(void)state;
	open_header(&h, "X: 1\r\nX: 2\r\nX: 3\r\n");
	change(&h, 1, "X", "");
	change(&h, 1, "X", ""); /* gone already */
	change(&h, 3, "X", "");
	assert_header(&h, "", "X: 2\r\n");
	milter_header_settle(&h);
	assert_int_equal(h.n, 1);
	change(&h, 1, "X", "");
	milter_header_settle(&h);
	assert_header(&h, "", "");
	milter_header_clear(&h);
	/* one that was inserted above can go, too */
	open_header(&h, three);
	insert(&h, 0, "A", "0");
	change(&h, 1, "A", "");
	milter_header_settle(&h);
	assert_int_equal(h.above, 0);
	assert_header(&h, "", three);
	milter_header_clear(&h);
}

static void
a_value_stays_in_its_field(void **state)
{
	static const char *const pairs[][2] = {
		{ "v", "X: v\r\n" },
		{ "", "X: \r\n" },
		{ "a\n\tb", "X: a\r\n\tb\r\n" },
		{ "a\r\n b\r\n", "X: a\r\n b\r\n" },
		{ "a\rb", "X: a\r\n\tb\r\n" },
		{ "a\n\n\nBcc: b", "X: a\r\n\tBcc: b\r\n" },
		{ "a\n \n\t\nb", "X: a\r\n\tb\r\n" },
		{ "a\x01\x7f\tb", "X: a??\tb\r\n" },
		{ "\nb", "X: \r\n\tb\r\n" },
	};
	struct milter_header h;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		open_header(&h, "");
		add(&h, "X", pairs[i][0]);
		assert_header(&h, "", pairs[i][1]);
		assert_int_equal(h.n, 1);
		milter_header_clear(&h);
	}
}

static void
a_spaced_value_brings_its_blank(void **state)
{
	struct milter_value v = field("X", "  v");
	struct milter_header h;
	struct err e;

	(void)state;
	v.spaced = true;
	open_header(&h, "");
	assert_int_equal(milter_header_add(&h, &v, &e), 0);
	v.text = span_of("w");
	assert_int_equal(milter_header_add(&h, &v, &e), 0);
	assert_header(&h, "", "X:  v\r\nX:w\r\n");
	milter_header_clear(&h);
}

static void
the_bounds_hold(void **state)
{
	const size_t large = HEADER_BLOCK_MAX / 2;
	char *text = malloc(large + 1);
	struct milter_header h;
	struct milter_value v;
	struct err e;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', large);
	text[large] = '\0';
	open_header(&h, three);
	v = field("L", text);
	assert_int_equal(milter_header_add(&h, &v, &e), 0);
	assert_int_equal(milter_header_add(&h, &v, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	/* as many bytes again in its place are no more */
	assert_int_equal(milter_header_change(&h, 1, &v, &e), 0);
	v.name = span_of("X");
	assert_int_equal(milter_header_change(&h, 1, &v, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(h.n, 4);
	v = field("N", "");
	while (h.n < HEADER_FIELDS_MAX)
		assert_int_equal(milter_header_add(&h, &v, &e), 0);
	assert_int_equal(milter_header_insert(&h, 0, &v, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	milter_header_clear(&h);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_shown_as_they_are),
		cmocka_unit_test(an_added_field_is_the_last),
		cmocka_unit_test(positions_count_our_received_field),
		cmocka_unit_test(a_change_is_of_the_nth_of_its_name),
		cmocka_unit_test(what_is_gone_still_counts_until_it_is_settled),
		cmocka_unit_test(a_value_stays_in_its_field),
		cmocka_unit_test(a_spaced_value_brings_its_blank),
		cmocka_unit_test(the_bounds_hold),
	};

	return cmocka_run_group_tests_name("milter/milter_header", tests, NULL,
					   NULL);
}
