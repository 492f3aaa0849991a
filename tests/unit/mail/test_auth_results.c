#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "mail/auth_results.h"
#include "mail/header.h"

/* What is left of `text`, its header fed in pieces; "!" for a failure. */
static const char *
left_of(const char *text, size_t piece, unsigned *removed)
{
	static char kept[8192];
	struct auth_results a;
	struct span rest = span_of(text);
	struct buf out;
	struct header_end end = { 0 };
	struct err e;

	auth_results_init(&a, "mx.test");
	buf_init(&out, sizeof(kept) - 1);
	int rc = 0;
	while (rc == 0 && rest.n > 0) {
		struct span part = span_head(rest, piece);
		size_t n = header_end_feed(&end, part);
		rc = auth_results_feed(&a, span_head(part, n), &out, &e);
		(void)buf_add_span(&out, span_skip(part, n));
		rest = span_skip(rest, piece);
	}
	if (rc == 0)
		rc = auth_results_end(&a, &out, &e);
	(void)snprintf(kept, sizeof(kept), "%.*s", (int)out.n,
		       rc != 0     ? "!"
		       : out.n > 0 ? out.p
				   : "");
	*removed = a.removed;
	auth_results_free(&a);
	buf_free(&out);
	return kept;
}

/* Field texts that are, in this order, taken out or left. */
static const char *const ours[] = {
	"Authentication-Results: mx.test; spf=pass\r\n",
	"Authentication-Results:mx.test\r\n",
	"authentication-RESULTS: MX.Test; none\r\n",
	"Authentication-Results : mx.test; none\r\n",
	"Authentication-Results \t : mx.test; none\r\n",
	"Authentication-Results:\r\n mx.test;\r\n "
	"dkim=pass\r\n\theader.d=x\r\n",
	"Authentication-Results:\r\n \r\n\tmx.test\r\n",
	"Authentication-Results: (x (y) \\) z) mx.test (c); none\r\n",
	"Authentication-Results: (a)\r\n (b) mx.test(c)1; none\r\n",
	"Authentication-Results: \"mx.test\"; none\r\n",
	"Authentication-Results: \"m\\x.test\" 1; none\r\n",
	"Authentication-Results: \"mx.\r\n test\"; none\r\n",
	"Authentication-Results: mx.test 1; none\r\n",
	/* what a reader may take for ours */
	"Authentication-Results: mx.test.; spf=pass\r\n",
	"Authentication-Results: mx.test. 1; spf=pass\r\n",
	"Authentication-Results: \"mx.test.\"; spf=pass\r\n",
	"Authentication-Results: mx.test/1; spf=pass\r\n",
	"Authentication-Results: mx.test/2 x; spf=pass\r\n",
	"Authentication-Results: mx.test./1; spf=pass\r\n",
	"Authentication-Results: mx . test; spf=pass\r\n",
	"Authentication-Results: mx.\r\n test; spf=pass\r\n",
	"Authentication-Results: mx(a) . (b)\r\n (c)test ; spf=pass\r\n",
	"Authentication-Results: mx.te st; spf=pass\r\n",
	"Authentication-Results: m x . t e s t\r\n",
	"Authentication-Results: \"mx\".test; spf=pass\r\n",
	"Authentication-Results: \"mx\" . \"test\"; spf=pass\r\n",
	"Authentication-Results: mx.\"test\"; spf=pass\r\n",
	"Authentication-Results: \"mx . test \"; spf=pass\r\n",
	"Authentication-Results: \xef\xbb\xbfmx.test; spf=pass\r\n",
	"Authentication-Results: mx.te\xe2\x80\x8bst; spf=pass\r\n",
	"Authentication-Results:\xc2\xa0mx.test\xc2\xa0; spf=pass\r\n",
	"Authentication-Results: \x01mx.test\x7f; spf=pass\r\n",
	"Authentication-Results: <mx.test>; spf=pass\r\n",
	"Authentication-Results: mx.test, spf=pass\r\n",
	"Authentication-Results: mx.test spf=pass\r\n",
	"Authentication-Results: .mx..test; spf=pass\r\n",
	"\xef\xbb\xbf"
	"Authentication-Results: mx.test; spf=pass\r\n",
	"Authentication-Results\r\n : mx.test; spf=pass\r\n",
	/* what a reader may decode to ours */
	"Authentication-Results: =?us-ascii?q?mx.test?=; spf=pass\r\n",
	"Authentication-Results: =?us-ascii?b?bXgudGVzdA==?=; spf=pass\r\n",
	"Authentication-Results: =?utf-8?q?mx.test=3B_spf=3Dpass?=\r\n",
	"Authentication-Results: (c) mx.=?us-ascii?q?test?= 1; spf=pass\r\n",
	"Authentication-Results: \"=?us-ascii?q?mx.test?=\"; spf=pass\r\n",
	"Authentication-Results: m\xd1\x85.test; spf=pass\r\n",
	"Authentication-Results: \"mx.t\xd0\xb5st\" 1; spf=pass\r\n",
	/* RFC 8601 5: a version that we do not know */
	"Authentication-Results: mx.other 2; spf=pass\r\n",
	"Authentication-Results: mx.other (1) 10; spf=pass\r\n",
	"Authentication-Results: \"mx.other\"\r\n 0; spf=pass\r\n",
	"Authentication-Results: mx.other(c)4294967297;x=y\r\n",
	"Authentication-Results: mx.other 2\r\n",
	/* whose they are nobody can tell */
	"Authentication-Results:\r\n",
	"Authentication-Results: ; spf=pass\r\n",
	"Authentication-Results: (mx.other; spf=pass\r\n",
	"Authentication-Results: \"mx.other; spf=pass\r\n",
	"Authentication-Results:   \r\n  \r\n",
};
static const char *const others[] = {
	"Authentication-Results: mx.other; spf=pass\r\n",
	"Authentication-Results: mx.test.other; spf=pass\r\n",
	"Authentication-Results: xmx.test; spf=pass\r\n",
	"Authentication-Results: mx.tes; spf=pass\r\n",
	"Authentication-Results: mxtest; spf=pass\r\n",
	"Authentication-Results: mx-test; spf=pass\r\n",
	"Authentication-Results: m.x.test; spf=pass\r\n",
	"Authentication-Results: mx. other; spf=pass\r\n",
	"Authentication-Results: mx (c) 1; spf=pass\r\n",
	"Authentication-Results: mx.other/1; spf=pass\r\n",
	"Authentication-Results: mx.te; spf=pass\r\n",
	"Authentication-Results: (mx.test) mx.other; x=y (mx.test)\r\n "
	"mx.test\r\n",
	"Authentication-Results: mx.other 1; spf=pass\r\n",
	"Authentication-Results: mx.other (2) 01 ; spf=pass\r\n",
	"Authentication-Results: \"mx.other\"1\r\n",
	"Authentication-Results: mx.other\r\n",
	"Authentication-Results: mx.other (2); spf=pass\r\n",
	"Authentication-Results: (=?x?q?mx.test?= \xc3\xa4) mx.other; x=y\r\n",
	"Authentication-Results: mx.other; x=\"=?x?q?y?= \xc3\xa4\"\r\n",
	"Authentication-Results: mx=other?; spf=pass\r\n",
	"X-Authentication-Results: mx.test; spf=pass\r\n",
	"Authentication-Result: mx.test; spf=pass\r\n",
	"Authentication-Resultss: mx.test; spf=pass\r\n",
	"ARC-Authentication-Results: i=1; mx.test; spf=pass\r\n",
	"Subject: x\r\n Authentication-Results: mx.test\r\n",
	"Authentication-Results mx.test\r\n",
	"Authentication-Results\r\n",
	"Received: by mx.test\r\n",
	"no field at all\r\n",
};
enum {
	OURS = sizeof(ours) / sizeof(ours[0]),
	OTHERS = sizeof(others) / sizeof(others[0]),
};

static void
try_all(size_t piece)
{
	char text[600], want[600];
	unsigned removed;

	for (size_t i = 0; i < OURS; i++) {
		(void)snprintf(text, sizeof(text), "A: b\r\n%sC: d\r\n\r\n%s",
			       ours[i], ours[0]);
		(void)snprintf(want, sizeof(want), "A: b\r\nC: d\r\n\r\n%s",
			       ours[0]); /* the body is not looked at */
		const char *left = left_of(text, piece, &removed);
		if (strcmp(left, want) != 0 || removed != 1)
			fail_msg("%zu: %s left %s", piece, ours[i], left);
	}
	for (size_t i = 0; i < OTHERS; i++) {
		(void)snprintf(text, sizeof(text), "%s%s%s\r\nbody\r\n",
			       others[i], ours[0], others[i]);
		(void)snprintf(want, sizeof(want), "%s%s\r\nbody\r\n",
			       others[i], others[i]);
		const char *left = left_of(text, piece, &removed);
		if (strcmp(left, want) != 0 || removed != 1)
			fail_msg("%zu: %s left %s", piece, others[i], left);
	}
}

static void
ours_go_and_all_else_stays(void **state)
{
	(void)state;
	try_all(SIZE_MAX);
	for (size_t piece = 1; piece < 40; piece++)
		try_all(piece);
}

static void
a_message_may_end_anywhere(void **state)
{
	static const char text[] =
	    "A: b\r\nAuthentication-Results: mx.test;\r\n"
	    " x\r\nAuthentication-Results: (c) mx.other"
	    "\r\n\r\nbody\r\n";
	char cut[sizeof(text)];
	unsigned removed;

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		(void)snprintf(cut, sizeof(cut), "%.*s", (int)n, text);
		const char *left = left_of(cut, 7, &removed);
		assert_null(strstr(left, "mx.test"));
		assert_true(n < 6 || strncmp(left, "A: b\r\n", 6) == 0);
	}
}

/* Who hides the id behind more than we hold has said nothing. */
static void
what_holds_out_for_too_long_goes(void **state)
{
	static char text[3 * AUTH_RESULTS_HELD_MAX];
	unsigned removed;
	int n = snprintf(text, sizeof(text), "Authentication-Results: (");

	(void)state;
	memset(text + n, 'x', AUTH_RESULTS_HELD_MAX);
	(void)snprintf(text + n + AUTH_RESULTS_HELD_MAX, 100,
		       "\r\n ) mx.other; none\r\n x\r\nB: c\r\n\r\n");
	assert_string_equal(left_of(text, 100, &removed), "B: c\r\n\r\n");
	assert_int_equal(removed, 1);
}

static void
no_room_is_a_failure(void **state)
{
	struct auth_results a;
	struct buf out;
	struct err e;

	(void)state;
	auth_results_init(&a, "mx.test");
	buf_init(&out, 10);
	assert_int_equal(
	    auth_results_feed(&a, span_of("Subject: hello\r\n"), &out, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	auth_results_free(&a);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours_go_and_all_else_stays),
		cmocka_unit_test(a_message_may_end_anywhere),
		cmocka_unit_test(what_holds_out_for_too_long_goes),
		cmocka_unit_test(no_room_is_a_failure),
	};

	return cmocka_run_group_tests_name("mail/auth_results", tests, NULL,
					   NULL);
}
