#include "../test.h"

#include <string.h>

#include "milter/milter_macro.h"
#include "milter/milter_packet.h"

/* The bytes of a literal, inner NULs included. */
#define BYTES(text) span_make(text, sizeof(text) - 1)

static void
assert_bytes(const struct buf *b, struct span want)
{
	assert_int_equal(b->n, want.n);
	assert_memory_equal(b->p, want.p, want.n);
}

/* ---- what we send ---------------------------------------------------------
 */

static void
a_command_is_length_letter_and_texts(void **state)
{
	const struct span text[] = { span_of("<a@b>"), span_of("SIZE=5") };
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(milter_put(&out, MILTER_MAIL, text, 2), 0);
	assert_bytes(&out, BYTES("\0\0\0\x0eM<a@b>\0SIZE=5\0"));
	buf_clear(&out);
	assert_int_equal(milter_put(&out, MILTER_EOM, NULL, 0), 0);
	assert_bytes(&out, BYTES("\0\0\0\x01"
				 "E"));
	buf_clear(&out);
	assert_int_equal(milter_put_bytes(&out, BYTES("a\0b")), 0);
	assert_bytes(&out, BYTES("\0\0\0\x04"
				 "Ba\0b"));
	buf_clear(&out);
	assert_int_equal(milter_put_optneg(&out, 6, 0x1ff, 0x1ff7ff), 0);
	assert_bytes(&out,
		     BYTES("\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xf7\xff"));
	buf_free(&out);
}

static void
an_address_is_of_its_family(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(milter_put_connect(&out, "h", "192.0.2.1", 258), 0);
	assert_bytes(&out, BYTES("\0\0\0\x10"
				 "Ch\0"
				 "4\x01\x02"
				 "192.0.2.1\0"));
	buf_clear(&out);
	assert_int_equal(milter_put_connect(&out, "h", "2001:db8::1", 25), 0);
	assert_bytes(&out, BYTES("\0\0\0\x12"
				 "Ch\0"
				 "6\0\x19"
				 "2001:db8::1\0"));
	buf_clear(&out);
	assert_int_equal(milter_put_connect(&out, "h", "unix", 0), 0);
	assert_bytes(&out, BYTES("\0\0\0\x04"
				 "Ch\0U"));
	buf_free(&out);
}

static void
what_does_not_fit_leaves_nothing_behind(void **state)
{
	static char large[MILTER_DATA_MAX + 1];
	const struct span text[] = { span_make(large, sizeof(large) - 1) };
	struct buf out;

	(void)state;
	buf_init(&out, 2 * MILTER_DATA_MAX);
	assert_int_equal(buf_add_char(&out, 'x'), 0);
	/* its NUL is one too many */
	assert_int_equal(milter_put(&out, MILTER_HELO, text, 1), -1);
	assert_int_equal(
	    milter_put_bytes(&out, span_make(large, sizeof(large))), -1);
	assert_int_equal(out.n, 1);
	assert_int_equal(
	    milter_put_bytes(&out, span_make(large, MILTER_DATA_MAX)), 0);
	buf_free(&out);
	buf_init(&out, 5);
	assert_int_equal(milter_put_optneg(&out, 6, 0, 0), -1);
	assert_int_equal(milter_put_connect(&out, "h", "192.0.2.1", 1), -1);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static void
macros_are_those_that_are_known(void **state)
{
	const struct milter_facts f = { .hostname = "mx",
					.id = "1",
					.mail_addr = "" };
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(milter_macro_put(&out, &f, MILTER_AT_CONNECT,
					  MILTER_CONNECT, span_make(NULL, 0)),
			 0);
	assert_bytes(&out, BYTES("\0\0\0\x07"
				 "DCj\0mx\0"));
	buf_clear(&out);
	assert_int_equal(milter_macro_put(&out, &f, MILTER_AT_MAIL, MILTER_MAIL,
					  span_of(" {i} {mail_addr}\t{nix} j")),
			 0);
	assert_bytes(&out, BYTES("\0\0\0\x0d"
				 "DM{i}\0001\0j\0mx\0"));
	buf_clear(&out);
	assert_int_equal(milter_macro_put(&out, &f, MILTER_AT_MAIL, MILTER_MAIL,
					  span_of("")),
			 0);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

/* ---- what we read ---------------------------------------------------------
 */

static void
packets_are_taken_whole(void **state)
{
	struct span in = BYTES("\0\0\0\x02yz\0\0\0\x01"
			       "c\0\0");
	struct span packet;
	struct err e;

	(void)state;
	for (size_t n = 0; n < 6; n++) {
		struct span part = span_head(in, n);
		assert_int_equal(milter_packet_take(&part, &packet, &e), 0);
		assert_int_equal(part.n, n);
	}
	assert_int_equal(milter_packet_take(&in, &packet, &e), 1);
	assert_span(packet, "yz");
	assert_int_equal(milter_packet_take(&in, &packet, &e), 1);
	assert_span(packet, "c");
	assert_int_equal(milter_packet_take(&in, &packet, &e), 0);
	assert_int_equal(in.n, 2);
	in = BYTES("\0\0\0\0");
	assert_int_equal(milter_packet_take(&in, &packet, &e), -1);
	assert_int_equal(e.class, ERR_PROTO);
	in = BYTES("\0\x04\0\x01x");
	assert_int_equal(milter_packet_take(&in, &packet, &e), -1);
	in = BYTES("\0\x04\0\0x");
	assert_int_equal(milter_packet_take(&in, &packet, &e), 0);
}

static int
options(struct span packet, struct milter_options *o)
{
	struct err e = { 0 };
	int rc = milter_options_parse(packet, o, &e);

	if (rc != 0)
		assert_int_equal(e.class, ERR_PROTO);
	return rc;
}

static void
options_are_what_was_offered(void **state)
{
	struct milter_options o;

	(void)state;
	assert_int_equal(
	    options(BYTES("O\0\0\0\x06\0\0\x01\xff\0\x1f\xf7\xff"), &o), 0);
	assert_int_equal(o.version, 6);
	assert_int_equal(o.actions, 0x1ff);
	assert_int_equal(o.steps, 0x1ff7ff);
	assert_null(o.symbols[0].p);
	/* version, an action, a step too many; version 2 has fewer */
	assert_int_equal(options(BYTES("O\0\0\0\x07\0\0\0\0\0\0\0\0"), &o), -1);
	assert_int_equal(options(BYTES("O\0\0\0\x01\0\0\0\0\0\0\0\0"), &o), -1);
	assert_int_equal(options(BYTES("O\0\0\0\x06\0\0\x02\0\0\0\0\0"), &o),
			 -1);
	assert_int_equal(options(BYTES("O\0\0\0\x06\0\0\0\0\0\0\x08\0"), &o),
			 -1);
	assert_int_equal(options(BYTES("O\0\0\0\x02\0\0\0\x40\0\0\0\0"), &o),
			 -1);
	assert_int_equal(options(BYTES("O\0\0\0\x02\0\0\0\0\0\0\0\x80"), &o),
			 -1);
	assert_int_equal(options(BYTES("O\0\0\0\x02\0\0\0\x3f\0\0\0\x7f"), &o),
			 0);
	/* cut, another letter */
	assert_int_equal(options(BYTES("O\0\0\0\x06\0\0\0\0\0\0\0"), &o), -1);
	assert_int_equal(options(BYTES("c\0\0\0\x06\0\0\0\0\0\0\0\0"), &o), -1);
	assert_int_equal(options(BYTES(""), &o), -1);
}

static void
a_list_of_macros_names_its_stage(void **state)
{
	struct milter_options o;

	(void)state;
	assert_int_equal(options(BYTES("O\0\0\0\x06\0\0\x01\0\0\0\0\0"
				       "\0\0\0\x02i j\0\0\0\0\x05\0"),
				 &o),
			 0);
	assert_span(o.symbols[MILTER_AT_MAIL], "i j");
	assert_non_null(o.symbols[MILTER_AT_EOM].p);
	assert_int_equal(o.symbols[MILTER_AT_EOM].n, 0);
	assert_null(o.symbols[MILTER_AT_RCPT].p);
	/* no such stage; without its end; the action was not chosen */
	assert_int_equal(options(BYTES("O\0\0\0\x06\0\0\x01\0\0\0\0\0"
				       "\0\0\0\x07i\0"),
				 &o),
			 -1);
	assert_int_equal(options(BYTES("O\0\0\0\x06\0\0\x01\0\0\0\0\0"
				       "\0\0\0\x02i"),
				 &o),
			 -1);
	assert_int_equal(options(BYTES("O\0\0\0\x06\0\0\0\0\0\0\0\0"
				       "\0\0\0\x02i\0"),
				 &o),
			 -1);
}

static int
parse(struct span packet, struct milter_reply *r)
{
	struct err e = { 0 };
	int rc = milter_reply_parse(packet, r, &e);

	if (rc != 0)
		assert_int_equal(e.class, ERR_PROTO);
	return rc;
}

static void
replies_of_one_letter_have_nothing_behind_it(void **state)
{
	struct milter_reply r;

	(void)state;
	for (const char *c = "acdfprst4"; *c != '\0'; c++) {
		const char packet[2] = { *c, 'x' };
		assert_int_equal(parse(span_make(packet, 1), &r), 0);
		assert_int_equal(r.what, *c);
		assert_false(milter_answer_is_edit(r.what));
		assert_int_equal(parse(span_make(packet, 2), &r), -1);
	}
	assert_int_equal(parse(BYTES("Z"), &r), -1);
	assert_int_equal(parse(BYTES("\0"), &r), -1);
	assert_int_equal(parse(BYTES(""), &r), -1);
}

static void
changes_are_read(void **state)
{
	struct milter_reply r;

	(void)state;
	assert_int_equal(parse(BYTES("hX-A\0 v\n w\0"), &r), 0);
	assert_span(r.name, "X-A");
	assert_span(r.value, " v\n w");
	assert_int_equal(parse(BYTES("i\0\0\x01\x02X\0\0"), &r), 0);
	assert_int_equal(r.index, 258);
	assert_int_equal(r.value.n, 0);
	assert_int_equal(parse(BYTES("m\0\0\0\x01X\0v\0"), &r), 0);
	assert_int_equal(r.index, 1);
	assert_int_equal(parse(BYTES("+<a@b>\0"), &r), 0);
	assert_span(r.address, "<a@b>");
	assert_int_equal(parse(BYTES("2<a@b>\0NOTIFY=NEVER\0"), &r), 0);
	assert_span(r.arguments, "NOTIFY=NEVER");
	assert_int_equal(parse(BYTES("2<a@b>\0"), &r), 0);
	assert_int_equal(r.arguments.n, 0);
	assert_int_equal(parse(BYTES("e<>\0"), &r), 0);
	assert_span(r.address, "<>");
	assert_int_equal(parse(BYTES("-a@b\0"), &r), 0);
	assert_int_equal(parse(BYTES("bany\0thing"), &r), 0);
	assert_int_equal(r.text.n, 9);
	assert_int_equal(parse(BYTES("qwhy\0"), &r), 0);
	assert_span(r.text, "why");
	for (const char *c = "+-2behimq"; *c != '\0'; c++)
		assert_true(milter_answer_is_edit((enum milter_answer) * c));
}

static void
malformed_changes_are_not(void **state)
{
	static const struct span bad[] = {
		{ "hX-A\0v", 6 },       /* no end of the value */
		{ "hX-A\0", 5 },        /* no value */
		{ "hX-A\0v\0x", 8 },    /* something behind it */
		{ "h\0v\0", 4 },        /* no name */
		{ "hX A\0v\0", 7 },     /* a blank in the name */
		{ "hX:\0v\0", 6 },      /* a colon in the name */
		{ "hX\n\0v\0", 6 },     /* a line end in the name */
		{ "hX\x80\0v\0", 6 },   /* not ASCII */
		{ "m\0\0\0X\0v\0", 8 }, /* the index eats the name */
		{ "i\0\0", 3 },         /* half an index */
		{ "+a@b", 4 },          /* no end */
		{ "+a@b\0c\0", 7 },     /* parameters belong to '2' */
		{ "2a@b\0c\0d\0", 9 },  /* one text too many */
		{ "q", 1 },             /* no reason at all */
	};
	struct milter_reply r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &r), -1);
}

static void
a_reply_code_is_a_refusal(void **state)
{
	struct milter_reply r;

	(void)state;
	assert_int_equal(parse(BYTES("y550 5.7.1 No\0"), &r), 0);
	assert_int_equal(r.reply.code, 550);
	assert_string_equal(r.reply.enhanced, "5.7.1");
	assert_string_equal(r.reply.text, "No");
	assert_int_equal(parse(BYTES("y451\0"), &r), 0);
	assert_string_equal(r.reply.enhanced, "4.7.1");
	assert_string_equal(r.reply.text, "");
	/* the code again with each line, or not */
	assert_int_equal(
	    parse(BYTES("y554-5.7.1 one\r\n554-5.7.1 two\r\n554 5.7.1 3\0"),
		  &r),
	    0);
	assert_string_equal(r.reply.text, "one\ntwo\n3");
	assert_int_equal(parse(BYTES("y554 one\r\ntwo\0"), &r), 0);
	assert_string_equal(r.reply.text, "one\ntwo");
	assert_int_equal(parse(BYTES("y571 5.7.1 seen\0"), &r), 0);
}

static void
what_is_no_refusal_is_not(void **state)
{
	static char text[3000] = "y550 ";
	struct milter_reply r;

	(void)state;
	assert_int_equal(parse(BYTES("y250 2.0.0 fine\0"), &r), -1);
	assert_int_equal(parse(BYTES("y354 go\0"), &r), -1);
	assert_int_equal(parse(BYTES("y600 x\0"), &r), -1);
	assert_int_equal(parse(BYTES("y55 x\0"), &r), -1);
	assert_int_equal(parse(BYTES("yno\0"), &r), -1);
	assert_int_equal(parse(BYTES("y\0"), &r), -1);
	assert_int_equal(parse(BYTES("y550 x"), &r), -1);
	assert_int_equal(parse(BYTES("y550 x\0y\0"), &r), -1);
	assert_int_equal(parse(BYTES("y550 a\r\n451 b\0"), &r), -1);
	assert_int_equal(parse(BYTES("y550 a\x1b\0"), &r), -1);
	assert_int_equal(parse(BYTES("y550 a\rb\0"), &r), -1);
	memset(text + 5, 'x', sizeof(text) - 6);
	assert_int_equal(parse(span_make(text, sizeof(text)), &r), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_length_letter_and_texts),
		cmocka_unit_test(an_address_is_of_its_family),
		cmocka_unit_test(what_does_not_fit_leaves_nothing_behind),
		cmocka_unit_test(macros_are_those_that_are_known),
		cmocka_unit_test(packets_are_taken_whole),
		cmocka_unit_test(options_are_what_was_offered),
		cmocka_unit_test(a_list_of_macros_names_its_stage),
		cmocka_unit_test(replies_of_one_letter_have_nothing_behind_it),
		cmocka_unit_test(changes_are_read),
		cmocka_unit_test(malformed_changes_are_not),
		cmocka_unit_test(a_reply_code_is_a_refusal),
		cmocka_unit_test(what_is_no_refusal_is_not),
	};

	return cmocka_run_group_tests_name("milter/milter_packet", tests, NULL,
					   NULL);
}
