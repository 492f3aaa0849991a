#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "sender/from_header.h"

/* The login has these two, whatever the sender of the test may be called. */
static bool
owns(void *ctx, const char *canonical)
{
	(void)ctx;
	return strcmp(canonical, "alice@abc.com") == 0 ||
	       strcmp(canonical, "a@xn--bcher-kva.example") == 0;
}

static int
check(enum from_header_mode mode, const char *header, struct from_header *f,
      struct smtp_reply *r)
{
	*f = (struct from_header){ .mode = mode,
				   .login = "alice@abc.com",
				   .owns = owns };
	*r = (struct smtp_reply){ 0 };
	return from_header_check(f, span_of(header), r);
}

/* Values of a From field. */
static const char *const good[] = {
	"alice@abc.com",
	"<alice@abc.com>",
	"ALICE@Abc.COM",
	"Alice <alice@abc.com>",
	"\"Alice (x) <y>, \\\" z\" <alice@abc.com>",
	"=?utf-8?q?J=C3=BCrgen?= M\xc3\xbcller <alice@abc.com>",
	"J. Doe <alice@abc.com>",
	"alice@abc.com <alice@abc.com>",
	"\"boss@abc.com\" <alice@abc.com>",
	"alice@abc.com (boss@abc.com)",
	"(boss@abc.com) alice (x) @ (y) abc (z) . com",
	"\"alice\"@abc.com",
	"\"al\\ice\"@abc.com",
	"a@b\xc3\xbc"
	"cher.example",
	"a@xn--bcher-kva.example, alice@abc.com",
	"alice@abc.com, , <alice@abc.com>,",
	"Team: alice@abc.com, A <a@xn--BCHER-kva.example>;",
	"Alice\r\n <alice@abc.com>",
	"\"[Project]\" \"a\\\\b\" (\\[) <alice@abc.com>",
};
static const char *const foreign[] = {
	"boss@abc.com",
	"Alice <boss@abc.com>",
	"\"alice@abc.com\" <boss@abc.com>",
	"boss@abc.com (alice@abc.com)",
	"alice@abc.com, boss@abc.com",
	"Team: alice@abc.com, boss@abc.com;",
	"boss@abc.com <alice@abc.com>",
	"The boss@abc.com himself <alice@abc.com>",
	"boss@abc.com: alice@abc.com;",
	"\"boss\"@abc.com",
	"boss (x) @ abc.com",
	"=?utf-8?q?alice?=@abc.com",
	"alice@abc.com.evil.example",
	"alice@abc.com (x) .evil.example",
	"alice@[192.0.2.1]",
	"alice@a\xc3\xa4"
	"c.com",
};
static const char *const unclear[] = {
	"",
	/* no phrase: RFC 5322 3.2.5 */
	"[Project] <alice@abc.com>",
	"[boss@abc.com] <alice@abc.com>",
	"The \\Boss <alice@abc.com>",
	"=?us-ascii?q?boss=40abc.com?=\\ <alice@abc.com>",
	"\\=?us-ascii?q?boss=40abc.com?= <alice@abc.com>",
	"=?us-ascii?q?boss=40abc.com?=[x] <alice@abc.com>",
	"x.[boss@abc.com] <alice@abc.com>",
	"<alice\\@abc.com>",
	"Bob",
	"The Boss",
	"\"boss@abc.com\"",
	"=?utf-8?q?boss=40abc.com?=",
	"alice",
	"<>",
	"<alice>",
	"undisclosed:;",
	"Team: alice@abc.com",
	"alice@abc.com;",
	"a: b: alice@abc.com;;",
	"<alice@abc.com> <alice@abc.com>",
	"<alice@abc.com> x",
	"Doe, John <alice@abc.com>",
	"<@evil.example:alice@abc.com>",
	"<alice@abc.com",
	"alice@abc.com>",
	"<<alice@abc.com>>",
	"\"alice@abc.com",
	"(x alice@abc.com",
	"alice@abc.com)",
	"al ice@abc.com",
	"alice@abc.com alice@abc.com",
	"\"x\"alice@abc.com",
	"<\"x\"alice@abc.com>",
	"alice@abc..com",
	"alice@abc.com.",
	"@abc.com",
	"alice@abc.com\x01",
	"ali\xff"
	"ce@abc.com",
};

static void
each(const char *const *v, size_t n, int rc, const char *enhanced)
{
	for (size_t i = 0; i < n; i++) {
		struct from_header f;
		struct smtp_reply r;
		char header[600];
		(void)snprintf(header, sizeof(header),
			       "Subject: x\r\nfrom : %s\r\nTo: y\r\n\r\n",
			       v[i]);
		int got = check(FROM_HEADER_OWN, header, &f, &r);
		if (got != rc ||
		    (rc != 0 &&
		     (r.code != 550 || strcmp(r.enhanced, enhanced) != 0)))
			fail_msg("From: %s: %d %s %s", v[i], r.code, r.enhanced,
				 r.text);
		/* who looks at nothing takes it; a second From he does not */
		assert_int_equal(check(FROM_HEADER_ANY, header, &f, &r), 0);
	}
}

static void
every_address_is_owned_or_it_is_refused(void **state)
{
	(void)state;
	each(good, sizeof(good) / sizeof(good[0]), 0, NULL);
	each(foreign, sizeof(foreign) / sizeof(foreign[0]), -1, "5.7.1");
	each(unclear, sizeof(unclear) / sizeof(unclear[0]), -1, "5.6.0");
}

static void
other_fields_speak_for_somebody_too(void **state)
{
	static const struct {
		const char *header;
		int rc;
		const char *enhanced;
	} cases[] = {
		{ "Subject: no From\r\n", 0, "" },
		{ "From: alice@abc.com\r\nFrom: alice@abc.com\r\n", -1,
		  "5.6.0" },
		{ "From: alice@abc.com\r\nFROM : boss@abc.com\r\n", -1,
		  "5.6.0" },
		{ "From: alice@abc.com\r\nSender: boss@abc.com\r\n", -1,
		  "5.7.1" },
		{ "From: alice@abc.com\r\nSender: alice@abc.com\r\n"
		  "Sender: alice@abc.com\r\n",
		  -1, "5.6.0" },
		{ "From: alice@abc.com\r\nSender: alice@abc.com\r\n", 0, "" },
		{ "From: alice@abc.com\r\nReply-To: boss@abc.com\r\n", 0, "" },
		{ "Resent-From: alice@abc.com\r\nFrom: boss@abc.com\r\n"
		  "Sender: boss@abc.com\r\n",
		  0, "" },
		{ "Resent-From: boss@abc.com\r\nFrom: alice@abc.com\r\n", -1,
		  "5.7.1" },
		{ "Resent-From: boss@abc.com\r\nResent-From: alice@abc.com\r\n"
		  "From: boss@abc.com\r\n",
		  -1, "5.7.1" },
		{ "Resent-From: Bob\r\nFrom: boss@abc.com\r\n", -1, "5.6.0" },
		{ "Resent-From: alice@abc.com\r\nResent-Sender: boss@abc.com\r"
		  "\nFrom: boss@abc.com\r\n",
		  -1, "5.7.1" },
		{ "Resent-From: alice@abc.com\r\nResent-Sender: alice@abc.com\r"
		  "\nFrom: boss@abc.com\r\n",
		  0, "" },
		{ "Resent-From: alice@abc.com\r\nFrom: (x)\r\n \r\n", -1,
		  "5.6.0" },
		{ "Resent-From: alice@abc.com\r\nSubject: x\r\n", 0, "" },
		{ "From: alice@abc.com\r\nResent-Sender: boss@abc.com\r\n", -1,
		  "5.7.1" },
		{ "From: alice@abc.com\r\nResent-Sender: Boss\r\n", -1,
		  "5.6.0" },
		{ "From: alice@abc.com\r\nResent-Sender: alice@abc.com\r\n", 0,
		  "" },
		/* behind the first line that is no field is the body */
		{ "From: alice@abc.com\r\nno field\r\nFrom: boss@abc.com\r\n",
		  0, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct from_header f;
		struct smtp_reply r;
		int rc = check(FROM_HEADER_OWN, cases[i].header, &f, &r);
		if (rc != cases[i].rc ||
		    strcmp(r.enhanced, cases[i].enhanced) != 0)
			fail_msg("%s: %d %s", cases[i].header, r.code, r.text);
		assert_int_equal(
		    f.redirected,
		    rc == 0 && strncmp(cases[i].header, "Resent", 6) == 0);
		assert_false(f.needs_sender);
	}
}

static void
with_sender_a_foreign_name_gets_ours(void **state)
{
	static const struct {
		const char *header;
		bool needs;
		int rc;
	} cases[] = {
		{ "From: alice@abc.com\r\n", false, 0 },
		{ "From: boss@abc.com\r\n", true, 0 },
		{ "From: boss@abc.com\r\nSender: alice@abc.com\r\n", true, 0 },
		{ "From: alice@abc.com\r\nSender: boss@abc.com\r\n", true, 0 },
		{ "From: alice@abc.com\r\nSender: x\r\nSender: y\r\n", true,
		  0 },
		{ "Resent-From: boss@abc.com\r\nFrom: a@b.c\r\n", true, 0 },
		{ "Resent-From: alice@abc.com\r\nFrom: a@b.c\r\n", false, 0 },
		{ "From: Bob\r\n", false, -1 },
		{ "From: a@b.c\r\nFrom: a@b.c\r\n", false, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct from_header f;
		struct smtp_reply r;
		assert_int_equal(
		    check(FROM_HEADER_SENDER, cases[i].header, &f, &r),
		    cases[i].rc);
		assert_int_equal(f.needs_sender, cases[i].needs);
	}
}

static void
two_from_fields_are_refused_whoever_looks(void **state)
{
	struct from_header f;
	struct smtp_reply r;

	(void)state;
	assert_int_equal(
	    check(FROM_HEADER_ANY, "From: a@b.c\r\nFrom: a@b.c\r\n", &f, &r),
	    -1);
	assert_string_equal(r.enhanced, "5.6.0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_address_is_owned_or_it_is_refused),
		cmocka_unit_test(other_fields_speak_for_somebody_too),
		cmocka_unit_test(with_sender_a_foreign_name_gets_ours),
		cmocka_unit_test(two_from_fields_are_refused_whoever_looks),
	};

	return cmocka_run_group_tests_name("sender/from_header", tests, NULL,
					   NULL);
}
