#include "../test.h"

#include <stdlib.h>
#include <time.h>

#include "mail/dsn.h"

static int
utc(void **state)
{
	(void)state;
	if (setenv("TZ", "UTC0", 1) != 0)
		return -1;
	tzset();
	return 0;
}

static struct dsn_recipient
nobody(void)
{
	return (struct dsn_recipient){
		.address = "nobody@xyz.com",
		.orcpt = "rfc822;Nobody@xyz.com",
		.action = DSN_FAILED,
		.status = "5.1.1",
		.remote_host = "127.0.0.1",
		.diagnostic = "550 5.1.1 No such user",
		.last_attempt_s = 1795411681,
	};
}

static struct dsn_facts
facts(const struct dsn_recipient *r, size_t n)
{
	return (struct dsn_facts){
		.id = "d1",
		.host = "abc.com",
		.to = "alice@abc.com",
		.arrival_s = 1795411600,
		.now_s = 1795411681,
		.recipients = r,
		.n_recipients = n,
		.original_header =
		    span_of("From: alice@abc.com\r\nSubject: hi\r\n"),
	};
}

static char *
format(const struct dsn_facts *f, struct buf *out)
{
	struct err e;

	buf_init(out, 1024 * 1024);
	assert_int_equal(dsn_format(f, out, &e), 0);
	assert_int_equal(buf_add_char(out, '\0'), 0);
	return out->p;
}

static void
a_failure_report_of_rfc_3464(void **state)
{
	struct dsn_recipient r = nobody();
	struct dsn_facts f = facts(&r, 1);
	struct buf out;

	(void)state;
	assert_string_equal(
	    format(&f, &out),
	    "From: Mail Delivery System <MAILER-DAEMON@abc.com>\r\n"
	    "To: <alice@abc.com>\r\n"
	    "Subject: Your message was not delivered\r\n"
	    "Date: Mon, 23 Nov 2026 05:28:01 +0000\r\n"
	    "Message-ID: <d1@abc.com>\r\n"
	    "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"=_report_d1\"\r\n"
	    "\r\n"
	    "This is a delivery report in several parts (RFC 6522).\r\n"
	    "\r\n"
	    "--=_report_d1\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "\r\n"
	    "This is the mail server abc.com\r\n"
	    "\r\n"
	    "Here is what became of the message you sent.\r\n"
	    "\r\n"
	    "  nobody@xyz.com\r\n"
	    "    not delivered; no further attempt will be made\r\n"
	    "    The server asked was 127.0.0.1\r\n"
	    "    It said: 550 5.1.1 No such user\r\n"
	    "\r\n"
	    "--=_report_d1\r\n"
	    "Content-Type: message/delivery-status\r\n"
	    "\r\n"
	    "Reporting-MTA: dns; abc.com\r\n"
	    "Arrival-Date: Mon, 23 Nov 2026 05:26:40 +0000\r\n"
	    "\r\n"
	    "Original-Recipient: rfc822;Nobody@xyz.com\r\n"
	    "Final-Recipient: rfc822; nobody@xyz.com\r\n"
	    "Action: failed\r\n"
	    "Status: 5.1.1\r\n"
	    "Remote-MTA: dns; 127.0.0.1\r\n"
	    "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"
	    "Last-Attempt-Date: Mon, 23 Nov 2026 05:28:01 +0000\r\n"
	    "\r\n"
	    "--=_report_d1\r\n"
	    "Content-Type: text/rfc822-headers\r\n"
	    "\r\n"
	    "From: alice@abc.com\r\n"
	    "Subject: hi\r\n"
	    "\r\n"
	    "--=_report_d1--\r\n");
	buf_free(&out);
}

static void
each_recipient_has_a_group_and_the_worst_a_say(void **state)
{
	struct dsn_recipient r[3] = { nobody(), nobody(), nobody() };
	struct dsn_facts f = facts(r, 3);
	struct buf out;

	(void)state;
	r[0] = (struct dsn_recipient){ .address = "a@x",
				       .action = DSN_DELIVERED,
				       .status = "2.0.0" };
	r[1].action = DSN_RELAYED;
	r[2].action = DSN_DELAYED;
	f.envid = "QQ314159";
	const char *text = format(&f, &out);
	assert_non_null(strstr(text, "Subject: Your message is delayed\r\n"));
	assert_non_null(strstr(text, "Original-Envelope-Id: QQ314159\r\n"));
	assert_non_null(
	    strstr(text, "\r\n\r\nFinal-Recipient: rfc822; a@x\r\nAction: "
			 "delivered\r\nStatus: 2.0.0\r\n\r\n"));
	assert_non_null(strstr(text, "Action: relayed\r\n"));
	assert_non_null(strstr(text, "Action: delayed\r\n"));
	buf_free(&out);
	f.n_recipients = 1;
	text = format(&f, &out);
	assert_non_null(strstr(text, "Subject: Your message was delivered"));
	buf_free(&out);
}

/* Every byte of a peer's reply can be chosen by an attacker. */
static void
foreign_text_starts_no_line_of_its_own(void **state)
{
	struct dsn_recipient r = nobody();
	struct dsn_facts f = facts(&r, 1);
	char large[5000];
	struct buf out;

	(void)state;
	r.diagnostic = "550 x\r\nAction: delivered\r\n\r\n--=_report_d1";
	r.remote_host = "h\nStatus: 2.0.0";
	r.orcpt = "no type";
	f.envid = "\r\n\r\nFinal-Recipient: rfc822; x";
	f.to = "a\r\nBcc: b@x";
	const char *text = format(&f, &out);
	assert_null(strstr(text, "\nAction: delivered"));
	assert_null(strstr(text, "\nStatus: 2.0.0"));
	assert_null(strstr(text, "\nFinal-Recipient: rfc822; x\r\n"));
	assert_null(strstr(text, "\nBcc:"));
	assert_null(strstr(text, "Original-Recipient"));
	buf_free(&out);

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	for (size_t i = 1000; i < 1200; i += 10)
		large[i] = ' ';
	r.diagnostic = large;
	text = format(&f, &out);
	for (const char *p = text; *p != '\0';) {
		const char *end = strchr(p, '\n');
		assert_non_null(end);
		assert_true(end - p < 999);
		assert_true(end > text && end[-1] == '\r');
		p = end + 1;
	}
	buf_free(&out);
}

static void
utf8_addresses_use_the_forms_of_rfc_6533(void **state)
{
	struct dsn_recipient r[2] = { nobody(), nobody() };
	struct dsn_facts f = facts(r, 2);
	struct buf out;

	(void)state;
	r[0].address = "b\xc3\xbc@xyz.com";
	r[0].diagnostic = "550 nicht f\xc3\xbcr uns";
	f.original_header = span_of("Subject: gr\xc3\xbc\xc3\x9f\r\n");
	const char *text = format(&f, &out);
	assert_non_null(strstr(text, "report-type=global-delivery-status"));
	assert_non_null(
	    strstr(text, "Content-Type: message/global-delivery-status\r\n"
			 "Content-Transfer-Encoding: 8bit\r\n"));
	assert_non_null(
	    strstr(text, "\nFinal-Recipient: utf-8; b\xc3\xbc@xyz.com\r\n"));
	assert_non_null(
	    strstr(text, "\nFinal-Recipient: rfc822; nobody@xyz.com\r\n"));
	assert_non_null(strstr(text, "message/global-headers\r\n"));
	assert_non_null(strstr(text, "smtp; 550 nicht f\xc3\xbcr uns\r\n"));
	buf_free(&out);

	/* an ASCII report stays ASCII, whatever the peer wrote */
	r[0].address = "b@xyz.com";
	f.original_header = span_of("Subject: x\r\n");
	text = format(&f, &out);
	for (const char *p = text; *p != '\0'; p++)
		assert_true((unsigned char)*p < 0x80);
	assert_non_null(strstr(text, "smtp; 550 nicht f\\x{FC}r uns\r\n"));
	/* and says it all the same: to a person as it was said */
	assert_non_null(
	    strstr(text, "Content-Type: text/plain; charset=utf-8\r\n"
			 "Content-Transfer-Encoding: quoted-printable\r\n"));
	assert_non_null(strstr(text, "It said: 550 nicht f=C3=BCr uns\r\n"));
	buf_free(&out);
}

/* Of any length, in any script; what is no UTF-8 is shown as such. */
static void
a_reason_in_any_language_is_told(void **state)
{
	struct dsn_recipient r = nobody();
	struct dsn_facts f = facts(&r, 1);
	char large[1800] = "";
	struct buf out;

	(void)state;
	for (size_t i = 0; i + 4 < sizeof(large) - 1; i += 4)
		memcpy(large + i, "\xf0\x9f\x93\xab", 5);
	r.diagnostic = large;
	const char *text = format(&f, &out);
	assert_non_null(strstr(text, "\\x{1F4EB}"));
	assert_non_null(strstr(text, "=F0=9F=93=AB"));
	for (const char *p = text; *p != '\0';) {
		const char *end = strchr(p, '\n');
		assert_non_null(end);
		assert_true(end - p < 999);
		for (; p < end; p++)
			assert_true((unsigned char)*p < 0x80);
		p = end + 1;
	}
	buf_free(&out);
	r.diagnostic = "550 \xff\xfe";
	text = format(&f, &out);
	assert_non_null(strstr(text, "charset=us-ascii"));
	assert_non_null(strstr(text, "It said: 550 ??\r\n"));
	buf_free(&out);
}

static void
the_original_header_is_quoted_up_to_its_end(void **state)
{
	struct dsn_recipient r = nobody();
	struct dsn_facts f = facts(&r, 1);
	struct buf out;

	(void)state;
	f.original_header = span_of("A: 1\n\tfold\nB: \xff\r2\r\n\r\nbody\r\n");
	const char *text = format(&f, &out);
	assert_non_null(strstr(text, "Content-Type: text/rfc822-headers\r\n"
				     "Content-Transfer-Encoding: 8bit\r\n\r\n"
				     "A: 1\r\n\tfold\r\nB: \xff"
				     "2\r\n\r\n--"));
	assert_null(strstr(text, "\nbody"));
	buf_free(&out);
	f.original_header = span_of("A: no end");
	assert_non_null(strstr(format(&f, &out), "A: no end\r\n\r\n--"));
	buf_free(&out);
}

static void
what_cannot_be_reported_is_refused(void **state)
{
	struct dsn_recipient r = nobody();
	struct dsn_facts f = facts(&r, 0);
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 300);
	assert_int_equal(dsn_format(&f, &out, &e), -1);
	f.n_recipients = 1;
	f.to = "";
	assert_int_equal(dsn_format(&f, &out, &e), -1);
	assert_int_equal(e.class, ERR_BUG);
	f.to = "alice@abc.com";
	assert_int_equal(dsn_format(&f, &out, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

/* Room or memory may end at every byte: then nothing is left behind. */
static void
a_report_is_whole_or_not_there(void **state)
{
	struct dsn_recipient r = nobody();
	struct dsn_facts f = facts(&r, 1);
	struct buf whole, out;
	struct err e;

	(void)state;
	r.address = "b\xc3\xbc@xyz.com";
	size_t n = (format(&f, &whole), whole.n - 1);
	for (size_t room = 0; room < n; room++) {
		buf_init(&out, room);
		assert_int_equal(dsn_format(&f, &out, &e), -1);
		assert_int_equal(e.class, ERR_TEMP);
		assert_int_equal(out.n, 0);
		buf_free(&out);
	}
	buf_init(&out, n);
	assert_int_equal(dsn_format(&f, &out, &e), 0);
	assert_memory_equal(out.p, whole.p, n);
	buf_free(&out);
	buf_free(&whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_report_of_rfc_3464),
		cmocka_unit_test(
		    each_recipient_has_a_group_and_the_worst_a_say),
		cmocka_unit_test(foreign_text_starts_no_line_of_its_own),
		cmocka_unit_test(utf8_addresses_use_the_forms_of_rfc_6533),
		cmocka_unit_test(a_reason_in_any_language_is_told),
		cmocka_unit_test(the_original_header_is_quoted_up_to_its_end),
		cmocka_unit_test(what_cannot_be_reported_is_refused),
		cmocka_unit_test(a_report_is_whole_or_not_there),
	};

	return cmocka_run_group_tests_name("mail/dsn", tests, utc, NULL);
}
