#include "../test.h"

#include <string.h>

#include "sendmail/sendmail.h"

enum { TEXT_MAX = 4096 };

static char domain[] = "abc.com", short_name[] = "web1",
	    long_name[] = "web1.lan";
static char *own_domains[] = { short_name, long_name };
static const struct sendmail_options options = {
	.domain = domain, .own_domains = { own_domains, 2 }
};

static void
begin_with(struct buf *text, const char *s)
{
	buf_init(text, TEXT_MAX);
	assert_int_equal(buf_add_str(text, s), 0);
}

/* `given` in a field becomes `want`. */
static void
completes(const char *name, const char *given, const char *want)
{
	struct buf text, expected;
	struct err e;

	buf_init(&text, TEXT_MAX);
	buf_init(&expected, TEXT_MAX);
	(void)buf_addf(&text, "X-Other: root\n%s%s\n\nTo: root\n", name, given);
	(void)buf_addf(&expected, "X-Other: root\n%s%s\n\nTo: root\n", name,
		       want);
	assert_int_equal(sendmail_header_complete(&text, &options, NULL, &e),
			 0);
	if (!span_eq(buf_span(&text), buf_span(&expected)))
		fail_msg("%s%s: %.*s", name, given, SPAN_ARG(buf_span(&text)));
	buf_free(&text);
	buf_free(&expected);
}

static void
bare_addresses_get_the_domain(void **state)
{
	static const char *const cases[][2] = {
		{ "root", "root@abc.com" },
		{ "root (Cron Daemon)", "root@abc.com (Cron Daemon)" },
		{ "(Cron Daemon) root", "(Cron Daemon) root@abc.com" },
		{ "\"(Cron Daemon)\" <root>",
		  "\"(Cron Daemon)\" <root@abc.com>" },
		{ "mdadm monitoring <root>",
		  "mdadm monitoring <root@abc.com>" },
		{ "<root>", "<root@abc.com>" },
		{ "< root (x) >", "< root@abc.com (x) >" },
		{ "root, bob@xyz.com ,\n\talice",
		  "root@abc.com, bob@xyz.com ,\n\talice@abc.com" },
		{ "Team: root, <alice>; bob",
		  "Team: root@abc.com, <alice@abc.com>; bob@abc.com" },
		{ "\"a b\"", "\"a b\"@abc.com" },
		{ "\"a@b\" <root>", "\"a@b\" <root@abc.com>" },
		{ "first.last (a (nested\\) one))",
		  "first.last@abc.com (a (nested\\) one))" },
		{ "Jos\xC3\xA9 <root>", "Jos\xC3\xA9 <root@abc.com>" },
		{ "root@localhost", "root@abc.com" },
		{ "root@WEB1, \"a b\"@web1.lan, x@web1.example",
		  "root@abc.com, \"a b\"@abc.com, x@web1.example" },
		{ "<root@LOCALHOST>, bob@xyz.com",
		  "<root@abc.com>, bob@xyz.com" },
		{ "root@localhost.localdomain (x)", "root@abc.com (x)" },
		{ "\"a@b\"@localhost", "\"a@b\"@abc.com" },
		{ "=?utf-8?q?J?= <root>", "=?utf-8?q?J?= <root@abc.com>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		completes("From: ", cases[i][0], cases[i][1]);
		completes("to:", cases[i][0], cases[i][1]);
		completes("Resent-Sender :", cases[i][0], cases[i][1]);
	}
	completes("Reply-To: ", "root", "root@abc.com");
	completes("Cc: ", "root", "root@abc.com");
	completes("Bcc: ", "root", "root@abc.com");
	completes("Resent-From: ", "root", "root@abc.com");
}

/* Cron: "From: root (Cron Daemon)" for every user's jobs. */
static void
a_user_who_says_root_is_the_user(void **state)
{
	static const char given[] = "From: root (Cron Daemon)\n"
				    "To: root, alice\n"
				    "Sender: \"Cron\" <root@localhost>\n"
				    "Reply-To: root\n\nFrom: root\n";
	static const char want[] = "From: alice@abc.com (Cron Daemon)\n"
				   "To: root@abc.com, alice@abc.com\n"
				   "Sender: \"Cron\" <alice@abc.com>\n"
				   "Reply-To: root@abc.com\n\nFrom: root\n";
	static const char others[] =
	    "From: roots, root@abc.com, chroot, \"root\" <bob@xyz.com>\n\n";
	static const char completed[] =
	    "From: roots@abc.com, root@abc.com, chroot@abc.com, "
	    "\"root\" <bob@xyz.com>\n\n";
	struct buf text;
	struct err e;

	(void)state;
	begin_with(&text, given);
	assert_int_equal(sendmail_header_complete(&text, &options, "alice", &e),
			 0);
	assert_true(span_eq(buf_span(&text), span_of(want)));
	buf_free(&text);
	begin_with(&text, others);
	assert_int_equal(sendmail_header_complete(&text, &options, "alice", &e),
			 0);
	assert_true(span_eq(buf_span(&text), span_of(completed)));
	buf_free(&text);
}

static void
all_else_stays_as_it_is(void **state)
{
	static const char *const cases[] = {
		"bob@xyz.com",
		"Bob <bob@xyz.com>",
		"<@a.example,@b.example:bob@xyz.com>",
		"<@a.example:bob@xyz.com>, Bob <bob@xyz.com>",
		"undisclosed-recipients:;",
		"",
		"<>",
		"bob@[127.0.0.1]",
		"bob@localhost.xyz.com",
		"bob@localhost@xyz.com",
		"<bob@localhostess>",
		"bob @ xyz.com",
		"=?utf-8?q?J=C3=B6rg?=",
		"J\xC3\xB6rg",
		"not an address",
		"\"no end <root>",
		"(no end <root>",
		"<root",
		"root>",
		"root, <alice",
		"a\\b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		completes("To: ", cases[i], cases[i]);
	completes("Subject: ", "root", "root");
	completes("Tomorrow: ", "root", "root");
}

static void
begins(const char *given, bool recipients_inside, const char *want)
{
	struct buf text;

	begin_with(&text, given);
	sendmail_header_begin(&text, recipients_inside);
	assert_span(buf_span(&text), want);
	buf_free(&text);
}

static void
what_stands_in_front_goes(void **state)
{
	(void)state;
	begins("From alice Mon Nov 30 10:00:00 2026\nSubject: x\n\ny\n", false,
	       "Subject: x\n\ny\n");
	begins("From 0123abc Mon Sep 17 00:00:00 2001\n\ny\n", false, "\ny\n");
	begins(">From alice Mon Nov 30 10:00:00 2026\nFrom b\nTo: x\n\n", false,
	       "To: x\n\n");
	/* words, not a line of an mbox file */
	begins("From here on all is well\nor not\n", false,
	       "From here on all is well\nor not\n");
	begins("from alice 10:00:00\nTo: x\n", false,
	       "from alice 10:00:00\nTo: x\n");
	begins("From:alice\nTo: x\n", false, "From:alice\nTo: x\n");
	begins("From alice 10:00:00", false, "From alice 10:00:00");
	/* with -t a field must come */
	begins("\n \n\nTo: x\n\ny\n", true, "To: x\n\ny\n");
	begins("\n\nTo: x\n\ny\n", false, "\n\nTo: x\n\ny\n");
	begins("\n\nno field\n", true, "\n\nno field\n");
	begins("\n", true, "\n");
	begins("", true, "");
}

static void
gets_a_from(const char *name, const char *given, const char *want)
{
	struct buf text;
	struct err e;

	begin_with(&text, given);
	assert_int_equal(sendmail_header_from(&text, name, "root@abc.com", &e),
			 0);
	assert_span(buf_span(&text), want);
	buf_free(&text);
}

static void
a_full_name_in_any_alphabet(void **state)
{
	(void)state;
	gets_a_from("A \"B\" \\", "To: x\n\n",
		    "From: \"A \\\"B\\\" \\\\\" <root@abc.com>\nTo: x\n\n");
	gets_a_from("A", "body\n", "From: \"A\" <root@abc.com>\n\nbody\n");
	gets_a_from(
	    "J\xC3\xB6rg M", "To: x\n\n",
	    "From: =?UTF-8?Q?J=C3=B6rg=20M?= <root@abc.com>\nTo: x\n\n");
	gets_a_from(
	    "\xC3\xB6 azAZ09", "To: x\n\n",
	    "From: =?UTF-8?Q?=C3=B6=20azAZ09?= <root@abc.com>\nTo: x\n\n");
	/* words of at most 75 characters, none inside a character */
	gets_a_from("\xE6\x97\xA5\xE6\x97\xA5\xE6\x97\xA5\xE6\x97\xA5"
		    "\xE6\x97\xA5\xE6\x97\xA5\xE6\x97\xA5",
		    "To: x\n\n",
		    "From: =?UTF-8?Q?=E6=97=A5=E6=97=A5=E6=97=A5=E6=97=A5=E6"
		    "=97=A5=E6=97=A5?=\n =?UTF-8?Q?=E6=97=A5?= <root@abc.com>\n"
		    "To: x\n\n");
	/* not for a name that is none, nor beside another From */
	gets_a_from("", "To: x\n\n", "To: x\n\n");
	gets_a_from("a\nBcc: b", "To: x\n\n", "To: x\n\n");
	gets_a_from("J\xF6rg", "To: x\n\n", "To: x\n\n");
	gets_a_from("A", "from: b@c.example\n\n", "from: b@c.example\n\n");
}

static void
line_ends_of_all_kinds(void **state)
{
	static const char raw[] = "a\r\nb\r\r\nc\r\r\r\n\r\r\nd\re\n\nf\0g\r";
	struct buf out;

	(void)state;
	buf_init(&out, TEXT_MAX);
	assert_int_equal(
	    sendmail_mail_normal(span_make(raw, sizeof(raw) - 1), true, &out),
	    0);
	assert_span(buf_span(&out), "a\nb\nc\n\nd\ne\n\nfg\n");
	buf_clear(&out);
	assert_int_equal(
	    sendmail_mail_normal(span_of("a\r\r\n.\r\r\nb\n"), false, &out), 0);
	assert_span(buf_span(&out), "a\n");
	buf_free(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_addresses_get_the_domain),
		cmocka_unit_test(a_user_who_says_root_is_the_user),
		cmocka_unit_test(all_else_stays_as_it_is),
		cmocka_unit_test(what_stands_in_front_goes),
		cmocka_unit_test(a_full_name_in_any_alphabet),
		cmocka_unit_test(line_ends_of_all_kinds),
	};

	return cmocka_run_group_tests_name("sendmail/header", tests, NULL,
					   NULL);
}
