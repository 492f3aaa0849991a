#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/downgrade.h"
#include "mail/utf8.h"

static void
check_field(const char *field, const char *want)
{
	struct buf out;

	buf_init(&out, DOWNGRADE_OUT_MAX);
	assert_int_equal(downgrade_field(span_of(field), &out), 0);
	assert_span(buf_span(&out), want);
	buf_free(&out);
}

#define NOBODY "<invalid@internationalized-address.invalid>"

/* RFC 6858 2.1: who it was can be read, and nobody is answered by mistake. */
static void
addresses_become_nobody(void **state)
{
	(void)state;
	check_field("From: j\xc3\xb6rg@b.example\r\n",
		    "From: =?utf-8?q?j=C3=B6rg=40b=2Eexample?=\n " NOBODY "\n");
	check_field("To: \"B\xc3\xb6\" <b@c.example>, carol@xyz.com,\n"
		    " D <\xc3\xa9@d.example>\n",
		    "To: =?utf-8?q?B=C3=B6?=\n <b@c.example>,\n"
		    " carol@xyz.com,\n"
		    " =?utf-8?q?D_=3C=C3=A9=40d=2Eexample=3E?=\n " NOBODY "\n");
	check_field("Cc: Fr\xc3\xa4nde: a@b.example, \xc3\xa9@c.example;\n",
		    "Cc: =?utf-8?q?Fr=C3=A4nde?=:\n a@b.example,\n"
		    " =?utf-8?q?=C3=A9=40c=2Eexample?=\n " NOBODY ";\n");
	/* no list at all: shown, and nobody's */
	check_field("Reply-To: <<<\xc3\xa9\n",
		    "Reply-To: =?utf-8?q?=3C=3C=3C=C3=A9?=\n " NOBODY "\n");
	check_field("Return-Path: <\xc3\xa9@b.example>\n",
		    "Return-Path: " NOBODY "\n");
	check_field("From: \"a, \xc3\xa9\" <a@b.example> (x, y)\n",
		    "From: =?utf-8?q?a=2C_=C3=A9?=\n <a@b.example>\n");
}

static void
texts_become_encoded_words(void **state)
{
	struct buf field, out;

	(void)state;
	check_field("Subject: Gr\xc3\xbc\xc3\x9f"
		    "e\r\n an alle\r\n",
		    "Subject: =?utf-8?q?Gr=C3=BC=C3=9F"
		    "e_an_alle?=\n");
	check_field("subject: \xff\xc3\n", "subject: =?utf-8?q?=3F=3F?=\n");
	check_field("Subject: plain\n", "Subject: plain\n");
	/* each word at most 75 characters, each of whole characters */
	buf_init(&field, 400);
	assert_int_equal(buf_add_str(&field, "Subject: "), 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(buf_add_str(&field, "\xe6\x97\xa5"), 0);
	assert_int_equal(buf_add_str(&field, "\n"), 0);
	buf_init(&out, DOWNGRADE_OUT_MAX);
	assert_int_equal(downgrade_field(buf_span(&field), &out), 0);
	struct span rest = span_skip(buf_span(&out), strlen("Subject: "));
	int characters = 0;
	while (rest.n > 0) {
		long lf = span_find(rest, '\n', 0);
		struct span word = span_trim(span_head(rest, (size_t)lf));
		assert_true(word.n <= 75);
		assert_int_equal((word.n - strlen("=?utf-8?q??"
						  "=")) %
				     9,
				 0);
		characters += (int)(word.n - strlen("=?utf-8?q??"
						    "=")) /
			      9;
		rest = span_skip(rest, (size_t)lf + 1);
	}
	assert_int_equal(characters, 40);
	buf_free(&field);
	buf_free(&out);
}

static void
parameters_are_extended_and_the_rest_goes(void **state)
{
	(void)state;
	check_field("Content-Disposition: attachment; size=3;\n"
		    " filename=\"\xc3\xa9 \\\"1\\\".txt\"\n",
		    "Content-Disposition: attachment;\n size=\"3\";\n"
		    " filename*=utf-8''%C3%A9%20%221%22.txt\n");
	check_field("Content-Type: text/\xc3\xa9; charset=utf-8\n", "");
	check_field("X-Note: caf\xc3\xa9\n", "");
	check_field("Received: from \xc3\xa9 by mx\n", "");
	check_field("no field \xc3\xa9\n", "");
	check_field("X-Note: cafe\n", "X-Note: cafe\n");
}

/* ---- whole messages -------------------------------------------------------
 */

static const char message[] =
    "Return-Path: <a@b.example>\r\n"
    "Subject: \xc3\xa9\r\n"
    "Content-Type: multipart/mixed;\r\n boundary=\"one\"\r\n"
    "\r\n"
    "prea\xc3\xa9mble\r\n"
    "--one\r\n"
    "Content-Disposition: inline; filename=\xc3\xa9\r\n"
    "\r\n"
    "t\xc3\xa9xt\r\n"
    "--other\r\n"
    "Subject: \xc3\xa9 is text here\r\n"
    "--one\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: \xc3\xa9\r\n"
    "X-A: \xc3\xa9\r\n"
    "Content-Type: multipart/digest; boundary=two\r\n"
    "\r\n"
    "--two\r\n"
    "\r\n"
    "Subject: \xc3\xa9\r\n"
    "\r\n"
    "\xc3\xa9\r\n"
    "--two--\r\n"
    "X: \xc3\xa9\r\n"
    "--one--\r\n"
    "epilogue \xc3\xa9";
static const char wanted[] = "Return-Path: <a@b.example>\r\n"
			     "Subject: =?utf-8?q?=C3=A9?=\n"
			     "Content-Type: multipart/mixed;\r\n"
			     " boundary=\"one\"\r\n"
			     "\r\n"
			     "prea\xc3\xa9mble\r\n"
			     "--one\r\n"
			     "Content-Disposition: inline;\n"
			     " filename*=utf-8''%C3%A9\n"
			     "\r\n"
			     "t\xc3\xa9xt\r\n"
			     "--other\r\n"
			     "Subject: \xc3\xa9 is text here\r\n"
			     "--one\r\n"
			     "Content-Type: message/rfc822\r\n"
			     "\r\n"
			     "Subject: =?utf-8?q?=C3=A9?=\n"
			     "Content-Type: multipart/digest; boundary=two\r\n"
			     "\r\n"
			     "--two\r\n"
			     "\r\n"
			     "Subject: =?utf-8?q?=C3=A9?=\n"
			     "\r\n"
			     "\xc3\xa9\r\n"
			     "--two--\r\n"
			     "X: \xc3\xa9\r\n"
			     "--one--\r\n"
			     "epilogue \xc3\xa9";

static void
run(struct span text, size_t piece, struct buf *all)
{
	struct downgrade d;
	struct buf out;

	downgrade_init(&d);
	buf_init(&out, DOWNGRADE_OUT_MAX);
	buf_init(all, 4 * DOWNGRADE_OUT_MAX);
	while (text.n > 0) {
		assert_int_equal(
		    downgrade_add(&d, span_head(text, piece), &out), 0);
		assert_int_equal(buf_add_span(all, buf_span(&out)), 0);
		buf_clear(&out);
		text = span_skip(text, piece);
	}
	assert_int_equal(downgrade_end(&d, &out), 0);
	assert_int_equal(buf_add_span(all, buf_span(&out)), 0);
	buf_free(&out);
	downgrade_clear(&d);
}

static void
headers_of_parts_are_headers(void **state)
{
	struct buf all;

	(void)state;
	for (size_t piece = 1; piece < sizeof(message); piece++) {
		run(span_make(message, sizeof(message) - 1), piece, &all);
		assert_span(buf_span(&all), wanted);
		buf_free(&all);
	}
}

static void
a_header_without_an_end_is_given(void **state)
{
	struct buf all;

	(void)state;
	run(span_of("Subject: a\nX: b\n c"), 7, &all);
	assert_span(buf_span(&all), "Subject: a\nX: b\n c");
	buf_free(&all);
	run(span_of(""), 1, &all);
	assert_int_equal(all.n, 0);
	buf_free(&all);
	run(span_of("Subject: \xc3\xa9"), 3, &all);
	assert_span(buf_span(&all), "Subject: =?utf-8?q?=C3=A9?=\n");
	buf_free(&all);
}

/* Whatever a stranger's header is: bounded, ASCII, and the text behind it. */
static void
no_field_is_too_much(void **state)
{
	static const char *const repeated[] = { "\xc3\xa9", "\xc3\xa9,",
						"\xc3\xa9\n ", "x", "\xc3" };
	static const char *const names[] = { "To: ", "Subject: ", "X: ",
					     "Content-Type: " };
	struct buf text, all;

	(void)state;
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]);
		     i++) {
			for (size_t size = 60000; size < 400000; size *= 5) {
				buf_init(&text, 1 << 20);
				assert_int_equal(buf_add_str(&text, names[n]),
						 0);
				while (text.n < size)
					assert_int_equal(
					    buf_add_str(&text, repeated[i]), 0);
				assert_int_equal(
				    buf_add_str(&text, "\nA: b\n\nend"), 0);
				run(buf_span(&text), DOWNGRADE_PIECE_MAX, &all);
				struct span end =
				    span_skip(buf_span(&all),
					      all.n - strlen("A: b\n\nend"));
				assert_span(end, "A: b\n\nend");
				assert_true(utf8_is_ascii(buf_span(&all)));
				buf_free(&all);
				buf_free(&text);
			}
		}
	}
}

static void
only_our_own_word_counts(void **state)
{
	static const struct {
		const char *head;
		int want;
	} heads[] = {
		{ "Received: from a by mx.test with UTF8SMTP id 1\n\tfor x;\n"
		  "\n",
		  1 },
		{ "Return-Path: <>\r\nReceived: from a (by x with y [1])\r\n"
		  "\tby MX.test (Postpair) with UTF8LMTPSA id 1\r\n\r\n",
		  1 },
		{ "Received: from a by mx.test with ESMTP id 1\n"
		  "Received: from a by mx.test with UTF8SMTP id 1\n\n",
		  0 },
		{ "Received: from a by elsewhere with UTF8SMTP id 1\n\n", 0 },
		{ "Received: from by by with with UTF8SMTP id mx.test\n\n", 0 },
		{ "Received: by mx.test id UTF8SMTP\n\n", 0 },
		{ "Received: by mx.test\n\n", 0 },
		{ "Subject: x\n\nReceived: by mx.test with UTF8SMTP\n", 0 },
		{ "Received: by mx.test with UTF8SMTP", -1 },
		{ "Received: by mx.test with UTF8SMTP\n", -1 },
		{ "Subject: x\n", -1 },
		{ "\n", 0 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		int got =
		    downgrade_is_wanted(span_of(heads[i].head), "mx.test");
		if (got != heads[i].want)
			fail_msg("%s: %d", heads[i].head, got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_become_nobody),
		cmocka_unit_test(texts_become_encoded_words),
		cmocka_unit_test(parameters_are_extended_and_the_rest_goes),
		cmocka_unit_test(headers_of_parts_are_headers),
		cmocka_unit_test(a_header_without_an_end_is_given),
		cmocka_unit_test(no_field_is_too_much),
		cmocka_unit_test(only_our_own_word_counts),
	};

	return cmocka_run_group_tests_name("mail/downgrade", tests, NULL, NULL);
}
