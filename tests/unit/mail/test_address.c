#include "../test.h"

#include "mail/address.h"

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10
#define UTF8_ROOT "\xc3\xbc" /* u with diaeresis */

struct path_case {
	const char *text;
	unsigned flags;
	int rc;
	const char *canonical;
	const char *rest;
};

static void
check_path(const struct path_case *c)
{
	struct address a;
	struct span rest = { NULL, 0 };
	struct err e = { .msg = "" };
	char buf[ADDRESS_SIZE];

	int rc = address_parse_path(span_of(c->text), c->flags, &a, &rest, &e);
	if (rc != c->rc)
		fail_msg("%s: got %d (%s)", c->text, rc, e.msg);
	if (rc != 0) {
		assert_int_equal(e.class, ERR_PERM);
		assert_true(e.msg[0] != '\0');
		return;
	}
	assert_int_equal(address_canonical(&a, buf), 0);
	assert_string_equal(buf, c->canonical);
	assert_span(rest, c->rest);
}

static void
paths_of_rfc_5321_4_1_2(void **state)
{
	static const struct path_case cases[] = {
		{ "<bob@xyz.com>", 0, 0, "bob@xyz.com", "" },
		{ "<Bob@XYZ.Com> SIZE=1", 0, 0, "bob@xyz.com", " SIZE=1" },
		{ "<a.b!#$%&'*+-/=?^_`{|}~@x>", 0, 0,
		  "a.b!#$%&'*+-/=?^_`{|}~@x", "" },
		{ "<>", ADDRESS_ALLOW_NULL, 0, "", "" },
		{ "<>", 0, -1, NULL, NULL },
		{ "<PostMaster>x", ADDRESS_ALLOW_POSTMASTER, 0, "postmaster",
		  "x" },
		{ "<postmaster>", 0, -1, NULL, NULL },
		{ "<postmasters>", ADDRESS_ALLOW_POSTMASTER, -1, NULL, NULL },
		{ "<postmaster@x>", ADDRESS_ALLOW_POSTMASTER, 0, "postmaster@x",
		  "" },
		/* source routes, 4.1.1.3 and appendix C */
		{ "<@a.org:bob@xyz.com>", 0, 0, "bob@xyz.com", "" },
		{ "<@a.org,@b.org:bob@xyz.com>", 0, 0, "bob@xyz.com", "" },
		{ "<@a.org,b.org:bob@xyz.com>", 0, -1, NULL, NULL },
		{ "<@a.org:@b.org:bob@xyz.com>", 0, -1, NULL, NULL },
		{ "<@:bob@xyz.com>", 0, -1, NULL, NULL },
		{ "<@a.org bob@xyz.com>", 0, -1, NULL, NULL },
		{ "<@a.org:>", ADDRESS_ALLOW_NULL, -1, NULL, NULL },
		/* quoted strings */
		{ "<\"bob\"@xyz.com>", 0, 0, "bob@xyz.com", "" },
		{ "<\"b\\ob\"@xyz.com>", 0, 0, "bob@xyz.com", "" },
		{ "<\"a b\"@x>", 0, 0, "\"a b\"@x", "" },
		{ "<\"a@b>\"@x>", 0, 0, "\"a@b>\"@x", "" },
		{ "<\"a\\\"\\\\b\"@x>", 0, 0, "\"a\\\"\\\\b\"@x", "" },
		{ "<\"\"@x>", 0, 0, "\"\"@x", "" },
		{ "<\".a\"@x>", 0, 0, "\".a\"@x", "" },
		{ "<\"a\"b@x>", 0, -1, NULL, NULL },
		{ "<\"a@x>", 0, -1, NULL, NULL },
		{ "<\"a\\\"@x>", 0, -1, NULL, NULL },
		{ "<\"a\tb\"@x>", 0, -1, NULL, NULL },
		{ "<\"a\\\tb\"@x>", 0, -1, NULL, NULL },
		/* what is no dot-string, no domain, no path */
		{ "", 0, -1, NULL, NULL },
		{ "<", 0, -1, NULL, NULL },
		{ "bob@xyz.com", 0, -1, NULL, NULL },
		{ " <bob@xyz.com>", 0, -1, NULL, NULL },
		{ "<bob@xyz.com", 0, -1, NULL, NULL },
		{ "<bob@>", 0, -1, NULL, NULL },
		{ "<bob>", 0, -1, NULL, NULL },
		{ "<@xyz.com>", 0, -1, NULL, NULL },
		{ "<.bob@xyz.com>", 0, -1, NULL, NULL },
		{ "<bob.@xyz.com>", 0, -1, NULL, NULL },
		{ "<bo..b@xyz.com>", 0, -1, NULL, NULL },
		{ "<bo b@xyz.com>", 0, -1, NULL, NULL },
		{ "<bob@xyz.com >", 0, -1, NULL, NULL },
		{ "<bob@xyz..com>", 0, -1, NULL, NULL },
		{ "<bob@.com>", 0, -1, NULL, NULL },
		{ "<bob@xyz.com.>", 0, -1, NULL, NULL },
		{ "<bob@-xyz.com>", 0, -1, NULL, NULL },
		{ "<bob@xyz-.com>", 0, -1, NULL, NULL },
		{ "<bob@x_z.com>", 0, 0, "bob@x_z.com", "" },
		{ "<bob@xyz@com>", 0, -1, NULL, NULL },
		{ "<<bob@xyz.com>>", 0, -1, NULL, NULL },
		{ "<bob@xyz.com\r\nDATA>", 0, -1, NULL, NULL },
		{ "<bob(comment)@xyz.com>", 0, -1, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_path(&cases[i]);
}

static void
literals_of_rfc_5321_4_1_3(void **state)
{
	static const struct path_case cases[] = {
		{ "<a@[127.0.0.1]>", 0, 0, "a@[127.0.0.1]", "" },
		{ "<a@[IPv6:::1]>", 0, 0, "a@[ipv6:::1]", "" },
		{ "<a@[ipv6:2001:db8::1.2.3.4]>", 0, 0,
		  "a@[ipv6:2001:db8::1.2.3.4]", "" },
		{ "<a@[256.0.0.1]>", 0, -1, NULL, NULL },
		{ "<a@[1.2.3]>", 0, -1, NULL, NULL },
		{ "<a@[1.2.3.010]>", 0, -1, NULL, NULL },
		{ "<a@[::1]>", 0, -1, NULL, NULL },
		{ "<a@[IPv6:1]>", 0, -1, NULL, NULL },
		{ "<a@[IPv6:fe80::1%eth0]>", 0, -1, NULL, NULL },
		{ "<a@[x-tag:data]>", 0, -1, NULL, NULL },
		{ "<a@[]>", 0, -1, NULL, NULL },
		{ "<a@[1.2.3.4>", 0, -1, NULL, NULL },
		{ "<a@[1.2.3.4].com>", 0, -1, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_path(&cases[i]);
}

static void
utf8_of_rfc_6531_3_3(void **state)
{
	const unsigned on = ADDRESS_ALLOW_UTF8;
	const struct path_case cases[] = {
		{ "<b" UTF8_ROOT "b@x>", 0, -1, NULL, NULL },
		{ "<b" UTF8_ROOT "b@x>", on, 0, "b" UTF8_ROOT "b@x", "" },
		{ "<\"b" UTF8_ROOT " b\"@x>", on, 0, "\"b" UTF8_ROOT " b\"@x",
		  "" },
		{ "<\"" UTF8_ROOT "\"@x>", on, 0, UTF8_ROOT "@x", "" },
		{ "<bob@b" UTF8_ROOT "cher.de>", on, 0, "bob@xn--bcher-kva.de",
		  "" },
		{ "<bob@B" UTF8_ROOT "CHER.DE>", on, 0, "bob@xn--bcher-kva.de",
		  "" },
		{ "<bob@b" UTF8_ROOT "cher.de>", 0, -1, NULL, NULL },
		/* a full stop of another script is a dot only after mapping */
		{ "<bob@\xe3\x80\x82.de>", on, -1, NULL, NULL },
		/* a zero-width space maps to nothing at all */
		{ "<bob@\xe2\x80\x8b>", on, -1, NULL, NULL },
		/* malformed: cut, over-long, surrogate, above U+10FFFF */
		{ "<b\xc3@x>", on, -1, NULL, NULL },
		{ "<b\xc0\xaf@x>", on, -1, NULL, NULL },
		{ "<b\xed\xa0\x80@x>", on, -1, NULL, NULL },
		{ "<b\xf4\x90\x80\x80@x>", on, -1, NULL, NULL },
		{ "<b\xff@x>", on, -1, NULL, NULL },
	};
	struct address a;
	struct span rest;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_path(&cases[i]);
	assert_int_equal(
	    address_parse_path(span_of("<" UTF8_ROOT "@x>"), 0, &a, &rest, &e),
	    -1);
	assert_non_null(strstr(e.msg, "SMTPUTF8"));
	assert_int_equal(
	    address_parse_path(span_of("<" UTF8_ROOT "@x>"), on, &a, &rest, &e),
	    0);
	assert_true(a.is_utf8);
	assert_int_equal(
	    address_parse_path(span_of("<a@x>"), on, &a, &rest, &e), 0);
	assert_false(a.is_utf8);
}

static void
sizes_of_rfc_5321_4_5_3_1(void **state)
{
	struct address a;
	struct err e;
	char text[400];

	(void)state;
	/* local part: 64 is the last that fits */
	assert_int_equal(
	    address_parse_mailbox(span_of(X60 "xxxx@x"), 0, &a, &e), 0);
	assert_int_equal(
	    address_parse_mailbox(span_of(X60 "xxxxx@x"), 0, &a, &e), -1);
	/* a label: 63 */
	assert_true(address_domain_is_valid(span_of(X60 "xxx.de"), false));
	assert_false(address_domain_is_valid(span_of(X60 "xxxx.de"), false));
	/* a domain: 255; a path: 256 with its brackets */
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 == 0 ? 'x' : '.';
	assert_true(address_domain_is_valid(span_make(text, 255), false));
	assert_false(address_domain_is_valid(span_make(text, 257), false));
	text[0] = 'b';
	text[1] = '@';
	text[2] = 'x';
	text[3] = 'x';
	for (size_t i = 4; i < 254; i++)
		text[i] = i % 2 == 0 ? '.' : 'x';
	assert_int_equal(address_parse_mailbox(span_make(text, 254), 0, &a, &e),
			 0);
	for (size_t i = 3; i < 255; i++)
		text[i] = i % 2 == 0 ? 'x' : '.';
	assert_int_equal(address_parse_mailbox(span_make(text, 255), 0, &a, &e),
			 -1);
}

static void
mailboxes_end_where_the_text_ends(void **state)
{
	struct address a;
	struct err e;
	char buf[ADDRESS_SIZE];

	(void)state;
	assert_int_equal(
	    address_parse_mailbox(span_of("\"A\"@X.org"), 0, &a, &e), 0);
	assert_int_equal(address_text(&a, buf), 0);
	assert_string_equal(buf, "\"A\"@X.org");
	assert_int_equal(address_parse_mailbox(span_of("a@x>"), 0, &a, &e), -1);
	assert_int_equal(address_parse_mailbox(span_of("a@x "), 0, &a, &e), -1);
	assert_int_equal(address_parse_mailbox(span_of("<a@x>"), 0, &a, &e),
			 -1);
	assert_int_equal(address_parse_mailbox(span_of(""), 0, &a, &e), -1);
	assert_int_equal(
	    address_parse_mailbox(span_make("a@x\0", 4), 0, &a, &e), -1);
	assert_int_equal(a.local.n, 0);
}

static void
domains_for_ehlo_and_routes(void **state)
{
	(void)state;
	assert_true(address_domain_is_valid(span_of("localhost"), false));
	assert_true(address_domain_is_valid(span_of("[127.0.0.1]"), false));
	assert_true(address_domain_is_valid(span_of("3com.com"), false));
	assert_false(address_domain_is_valid(span_of(""), false));
	assert_false(address_domain_is_valid(span_of("a b"), false));
	assert_false(address_domain_is_valid(span_of("a."), false));
	assert_false(address_domain_is_valid(span_of("[127.0.0.1]x"), false));
	assert_false(
	    address_domain_is_valid(span_of("b" UTF8_ROOT ".de"), false));
	assert_true(
	    address_domain_is_valid(span_of("b" UTF8_ROOT ".de"), true));
}

static void
split_is_at_the_last_at(void **state)
{
	struct span local, domain;

	(void)state;
	address_split("\"a@b\"@x.org", &local, &domain);
	assert_span(local, "\"a@b\"");
	assert_span(domain, "x.org");
	address_split("postmaster", &local, &domain);
	assert_span(local, "postmaster");
	assert_int_equal(domain.n, 0);
	address_split("", &local, &domain);
	assert_int_equal(local.n, 0);
}

static void
tags_are_after_the_first_plus(void **state)
{
	struct span user, tag;

	(void)state;
	assert_true(address_tag(span_of("bob+a+b"), &user, &tag));
	assert_span(user, "bob");
	assert_span(tag, "a+b");
	assert_true(address_tag(span_of("bob+"), &user, &tag));
	assert_int_equal(tag.n, 0);
	assert_false(address_tag(span_of("bob"), &user, &tag));
	assert_false(address_tag(span_of("+a"), &user, &tag));
	assert_false(address_tag(span_of("\"b +a\""), &user, &tag));
	assert_false(address_tag(span_of(""), &user, &tag));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_of_rfc_5321_4_1_2),
		cmocka_unit_test(literals_of_rfc_5321_4_1_3),
		cmocka_unit_test(utf8_of_rfc_6531_3_3),
		cmocka_unit_test(sizes_of_rfc_5321_4_5_3_1),
		cmocka_unit_test(mailboxes_end_where_the_text_ends),
		cmocka_unit_test(domains_for_ehlo_and_routes),
		cmocka_unit_test(split_is_at_the_last_at),
		cmocka_unit_test(tags_are_after_the_first_plus),
	};

	return cmocka_run_group_tests_name("mail/address", tests, NULL, NULL);
}
