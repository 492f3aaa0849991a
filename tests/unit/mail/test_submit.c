#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mail/header.h"
#include "mail/submit.h"

static const struct submit_facts facts = { .id = "m1",
					   .host = "abc.com",
					   .reverse_path = "alice@abc.com",
					   .wall_s = 1795411681 };

static int
utc(void **state)
{
	(void)state;
	if (setenv("TZ", "UTC0", 1) != 0)
		return -1;
	tzset();
	return 0;
}

static void
assert_fixed(const char *block, const char *want)
{
	struct buf out;
	struct err e;

	buf_init(&out, 4000);
	assert_int_equal(submit_fix_header(span_of(block), &facts, &out, &e),
			 0);
	assert_int_equal(buf_add_char(&out, '\0'), 0);
	assert_string_equal(out.p, want);
	buf_free(&out);
}

static void
a_whole_header_is_left_alone(void **state)
{
	static const char whole[] =
	    "From: a@x\r\nDATE: whenever\r\nmessage-id: <1@x>\r\n"
	    "Subject: a\r\n  fold\r\n\r\n";

	(void)state;
	assert_fixed(whole, whole);
}

static void
missing_fields_are_added(void **state)
{
	static const char added[] = "From: <alice@abc.com>\r\n"
				    "Date: Mon, 23 Nov 2026 05:28:01 +0000\r\n"
				    "Message-ID: <m1@abc.com>\r\n\r\n";
	char want[300];

	(void)state;
	assert_fixed("", added);
	assert_fixed("\r\n", added);
	(void)snprintf(want, sizeof(want), "To: b@x\r\n%s", added);
	assert_fixed("To: b@x\r\n\r\n", want);
	assert_fixed("To: b@x", want); /* neither line end nor empty line */
	assert_fixed(
	    "From: a@x\r\nDate: d\r\n\r\n",
	    "From: a@x\r\nDate: d\r\nMessage-ID: <m1@abc.com>\r\n\r\n");
}

static void
blind_copies_stay_blind(void **state)
{
	(void)state;
	assert_fixed("From: a@x\r\nbCC: c@x,\r\n d@x\r\nResent-Bcc : e@x\r\n"
		     "Date: d\r\nMessage-ID: <1@x>\r\nX-Bcc: kept\r\n\r\n",
		     "From: a@x\r\nDate: d\r\nMessage-ID: <1@x>\r\n"
		     "X-Bcc: kept\r\n\r\n");
}

static void
a_line_that_is_no_field_starts_the_body(void **state)
{
	(void)state;
	assert_fixed("From: a@x\r\nDate: d\r\nMessage-ID: <1@x>\r\n"
		     "Hello there\r\nBcc: text now\r\n\r\n",
		     "From: a@x\r\nDate: d\r\nMessage-ID: <1@x>\r\n\r\n"
		     "Hello there\r\nBcc: text now\r\n\r\n");
}

static void
a_report_without_from_gets_our_own(void **state)
{
	const struct submit_facts null_path = {
		.id = "m1", .host = "abc.com", .reverse_path = "", .wall_s = 0
	};
	struct header_field f;
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 400);
	assert_int_equal(
	    submit_fix_header(span_of("\r\n"), &null_path, &out, &e), 0);
	assert_true(header_find(buf_span(&out), "From", &f));
	assert_span(f.value, "<MAILER-DAEMON@abc.com>");
	buf_free(&out);
}

static void
bounds_and_nul_are_refused_and_leave_no_trace(void **state)
{
	static char large[HEADER_BLOCK_MAX + 1];
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 2 * HEADER_BLOCK_MAX);
	assert_int_equal(buf_add_str(&out, "kept"), 0);
	memset(large, 'x', sizeof(large));
	assert_int_equal(submit_fix_header(span_make(large, sizeof(large)),
					   &facts, &out, &e),
			 -1);
	assert_int_equal(e.class, ERR_LIMIT);
	for (size_t i = 0; i + 3 < sizeof(large); i += 4)
		memcpy(large + i, "a:\r\n", 4);
	assert_int_equal(
	    submit_fix_header(span_make(large, (HEADER_FIELDS_MAX + 1) * 4),
			      &facts, &out, &e),
	    -1);
	assert_int_equal(e.class, ERR_LIMIT);
	assert_int_equal(
	    submit_fix_header(span_make(large, HEADER_FIELDS_MAX * 4), &facts,
			      &out, &e),
	    0);
	out.n = 4;
	assert_int_equal(
	    submit_fix_header(span_make("A: \0b\r\n", 7), &facts, &out, &e),
	    -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_span(buf_span(&out), "kept");
	buf_free(&out);
	buf_init(&out, 60);
	assert_int_equal(
	    submit_fix_header(span_of("A: b\r\n"), &facts, &out, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static struct received_facts
received(const char *helo)
{
	return (struct received_facts){
		.helo = helo,
		.address = "127.0.0.1",
		.by = "abc.com",
		.with = "ESMTPA",
		.id = "m1",
		.wall_s = 1795411681,
	};
}

static void
assert_received(const struct received_facts *f, const char *want)
{
	struct buf out;

	buf_init(&out, 2000);
	assert_int_equal(received_format(f, &out), 0);
	assert_int_equal(buf_add_char(&out, '\0'), 0);
	assert_string_equal(out.p, want);
	buf_free(&out);
}

static void
received_lines_of_rfc_5321_4_4(void **state)
{
	struct received_facts f = received("client.example");

	(void)state;
	assert_received(&f, "Received: from client.example ([127.0.0.1])\r\n"
			    "\tby abc.com with ESMTPA id m1\r\n"
			    "\t; Mon, 23 Nov 2026 05:28:01 +0000\r\n");
	f = received("[127.0.0.1]");
	f.address = "::1";
	f.for_rcpt = "bob@xyz.com";
	assert_received(&f, "Received: from [127.0.0.1] ([IPv6:::1])\r\n"
			    "\tby abc.com with ESMTPA id m1\r\n"
			    "\tfor <bob@xyz.com>; "
			    "Mon, 23 Nov 2026 05:28:01 +0000\r\n");
}

/* RFC 8314 4.3 */
static void
the_cipher_of_a_connection_is_told(void **state)
{
	struct received_facts f = received("client.example");

	(void)state;
	f.tls_cipher = "TLS_AES_256_GCM_SHA384";
	assert_received(&f, "Received: from client.example ([127.0.0.1])\r\n"
			    "\tby abc.com with ESMTPA id m1\r\n"
			    "\ttls TLS_AES_256_GCM_SHA384; "
			    "Mon, 23 Nov 2026 05:28:01 +0000\r\n");
	f.for_rcpt = "bob@xyz.com";
	assert_received(&f, "Received: from client.example ([127.0.0.1])\r\n"
			    "\tby abc.com with ESMTPA id m1\r\n"
			    "\tfor <bob@xyz.com>\r\n"
			    "\ttls TLS_AES_256_GCM_SHA384; "
			    "Mon, 23 Nov 2026 05:28:01 +0000\r\n");
}

/* RFC 3848; RFC 6531 4.3 */
static void
the_protocol_has_a_registered_name(void **state)
{
	static const struct {
		unsigned flags;
		const char *name;
	} all[] = {
		{ 0, "SMTP" },
		{ RECEIVED_TLS, "SMTP" },
		{ RECEIVED_ESMTP, "ESMTP" },
		{ RECEIVED_ESMTP | RECEIVED_AUTH, "ESMTPA" },
		{ RECEIVED_ESMTP | RECEIVED_TLS, "ESMTPS" },
		{ RECEIVED_ESMTP | RECEIVED_TLS | RECEIVED_AUTH, "ESMTPSA" },
		{ RECEIVED_ESMTP | RECEIVED_UTF8, "UTF8SMTP" },
		{ RECEIVED_ESMTP | RECEIVED_UTF8 | RECEIVED_AUTH, "UTF8SMTPA" },
		{ RECEIVED_ESMTP | RECEIVED_UTF8 | RECEIVED_TLS, "UTF8SMTPS" },
		{ RECEIVED_ESMTP | RECEIVED_UTF8 | RECEIVED_TLS | RECEIVED_AUTH,
		  "UTF8SMTPSA" },
		{ RECEIVED_ESMTP | RECEIVED_LMTP, "LMTP" },
		{ RECEIVED_ESMTP | RECEIVED_LMTP | RECEIVED_TLS, "LMTPS" },
		{ RECEIVED_ESMTP | RECEIVED_LMTP | RECEIVED_UTF8 |
		      RECEIVED_TLS | RECEIVED_AUTH,
		  "UTF8LMTPSA" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		assert_string_equal(received_with(all[i].flags), all[i].name);
}

static void
a_hostile_helo_stays_one_word(void **state)
{
	static const char *const names[] = {
		"a\r\nBcc: x",      "a by b; (",        "a)(\\", "",
		"\xc3\xa9.example", "[not.an.address]",
	};
	char large[2000];

	(void)state;
	memset(large, '(', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		bool is_last = i == sizeof(names) / sizeof(names[0]);
		struct received_facts f = received(is_last ? large : names[i]);
		struct header_field field;
		struct span rest;
		struct buf out;

		buf_init(&out, 2000);
		assert_int_equal(received_format(&f, &out), 0);
		rest = buf_span(&out);
		assert_true(header_next(&rest, &field));
		assert_span(field.name, "Received");
		assert_false(header_next(&rest, &field));
		/* one '(': ours; every line within RFC 5322 2.1.1 */
		long open = span_find(buf_span(&out), '(', 0);
		assert_true(open > 0 && open < HEADER_LINE_MAX - 30);
		assert_int_equal(
		    span_find(buf_span(&out), '(', (size_t)open + 1), -1);
		assert_true(memmem(out.p, out.n, " ([127.0.0.1])\r\n", 16) !=
			    NULL);
		buf_free(&out);
	}
}

static void
a_utf8_helo_shows_where_the_protocol_is_utf8(void **state)
{
	struct received_facts f = received("b\xc3\xbc"
					   "cher.de");
	struct buf out;

	(void)state;
	f.with = "UTF8SMTPA";
	buf_init(&out, 400);
	assert_int_equal(received_format(&f, &out), 0);
	assert_non_null(memmem(out.p, out.n, "\xc3\xbc", 2));
	buf_free(&out);
	buf_init(&out, 50);
	assert_int_equal(received_format(&f, &out), -1);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

/* Room or memory may end at every byte: then nothing is left behind. */
static void
a_field_is_whole_or_not_there(void **state)
{
	struct received_facts f = received("client.example");
	struct buf out;
	struct err e;
	size_t room = 0;
	int rc = -1;

	(void)state;
	f.for_rcpt = "bob@xyz.com";
	for (; rc != 0; room++) {
		buf_init(&out, room);
		rc = received_format(&f, &out);
		assert_int_equal(out.n, rc == 0 ? room : 0);
		buf_free(&out);
	}
	assert_true(room > 100);
	rc = -1;
	for (room = 0; rc != 0; room++) {
		buf_init(&out, room);
		rc = submit_fix_header(span_of("To: a@x\r\nBcc: b@x"), &facts,
				       &out, &e);
		assert_int_equal(out.n, rc == 0 ? room : 0);
		assert_true(rc == 0 || e.class == ERR_LIMIT);
		buf_free(&out);
	}
	assert_true(room > 90);
}

static void
a_sender_of_ours_replaces_others(void **state)
{
	const struct submit_facts f = { .id = "m1",
					.host = "abc.com",
					.reverse_path = "",
					.sender = "alice@abc.com" };
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(
	    submit_fix_header(
		span_of("sender : x@y.z\r\nFrom: b@c.d\r\n"
			"Date: x\r\nMessage-ID: y\r\nSender: q\r\n"),
		&f, &out, &e),
	    0);
	assert_span(buf_span(&out),
		    "From: b@c.d\r\nDate: x\r\nMessage-ID: y\r\n"
		    "Sender: <alice@abc.com>\r\n\r\n");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_of_ours_replaces_others),
		cmocka_unit_test(a_whole_header_is_left_alone),
		cmocka_unit_test(missing_fields_are_added),
		cmocka_unit_test(blind_copies_stay_blind),
		cmocka_unit_test(a_line_that_is_no_field_starts_the_body),
		cmocka_unit_test(a_report_without_from_gets_our_own),
		cmocka_unit_test(bounds_and_nul_are_refused_and_leave_no_trace),
		cmocka_unit_test(received_lines_of_rfc_5321_4_4),
		cmocka_unit_test(the_cipher_of_a_connection_is_told),
		cmocka_unit_test(the_protocol_has_a_registered_name),
		cmocka_unit_test(a_hostile_helo_stays_one_word),
		cmocka_unit_test(a_utf8_helo_shows_where_the_protocol_is_utf8),
		cmocka_unit_test(a_field_is_whole_or_not_there),
	};

	return cmocka_run_group_tests_name("mail/submit", tests, utc, NULL);
}
