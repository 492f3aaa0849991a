#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "receiver/receiver_alias.h"
#include "receiver/receiver_rules.h"

static const char users_text[] =
    "alice@abc.com {PLAIN}x\n"
    "bob@xyz.com {PLAIN}x alias=robert@xyz.com quota=1M\n"
    "carol@xyz.com {PLAIN}x disabled=yes\n";

static const char base_conf[] = "[domains]\nlocal = abc.com XYZ.com\n";

/* Rules of a configuration text, or NULL with *e. */
static struct receiver_rules *
rules_of(const char *more, struct err *e)
{
	struct receiver_options o = { 0 };
	struct receiver_rules *r = NULL;
	char path[] = "/tmp/rules-XXXXXX";

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(durable_write(fd, base_conf, strlen(base_conf), e), 0);
	assert_int_equal(durable_write(fd, more, strlen(more), e), 0);
	assert_int_equal(close(fd), 0);
	int rc = option_load(receiver_options_table(), path, &o, e);
	(void)unlink(path);
	if (rc == 0 && receiver_rules_new(&r, "r.conf", &o, e) != 0)
		r = NULL;
	if (rc == 0)
		option_free(receiver_options_table(), &o);
	return r;
}

static int
open_users(void **state)
{
	char path[] = "/tmp/users-XXXXXX";
	struct users *u = NULL;
	struct err e;

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(durable_write(fd, users_text, strlen(users_text), &e),
			 0);
	assert_int_equal(close(fd), 0);
	if (users_open(&u, path, &e) != 0)
		fail_msg("%s", e.msg);
	(void)unlink(path); /* what was read stays in force */
	*state = u;
	return 0;
}

static int
close_users(void **state)
{
	struct users *u = *state;

	users_free(&u);
	return 0;
}

/* Expand and compare with "a@b c@d", "" for unknown, "!" for a failure. */
static void
expand(struct users *u, const struct receiver_rules *r, const char *address,
       const char *want)
{
	struct receiver_targets *t = calloc(1, sizeof(*t));
	char got[1024] = "";
	struct err e;

	assert_non_null(t);
	int rc = receiver_rules_expand(r, u, address, t, &e);
	for (size_t i = 0; rc == 1 && i < t->n; i++) {
		size_t at = strlen(got);
		(void)snprintf(got + at, sizeof(got) - at, "%s%s",
			       i == 0 ? "" : " ", t->v[i].address);
	}
	assert_string_equal(rc < 0 ? "!" : got, want);
	free(t);
}

static void
users_tags_and_unknown(void **state)
{
	struct err e = { 0 };
	struct receiver_rules *r = rules_of("", &e);

	assert_non_null(r);
	assert_true(receiver_rules_is_local(r, span_of("xyz.com")));
	assert_false(receiver_rules_is_local(r, span_of("yz.com")));
	expand(*state, r, "bob@xyz.com", "bob@xyz.com");
	expand(*state, r, "robert@xyz.com", "bob@xyz.com");
	expand(*state, r, "bob+tag@xyz.com", "bob@xyz.com");
	expand(*state, r, "robert+a+b@xyz.com", "bob@xyz.com");
	expand(*state, r, "carol@xyz.com", "carol@xyz.com");
	expand(*state, r, "bob@abc.com", "");
	expand(*state, r, "nobody@xyz.com", "");
	expand(*state, r, "nobody+bob@xyz.com", "");
	receiver_rules_drop(&r);
}

static void
the_postmaster_is_somebody(void **state)
{
	struct err e = { 0 };
	struct receiver_rules *r = rules_of("", &e);

	/* a mailbox that nobody opens would swallow it */
	assert_non_null(r);
	expand(*state, r, "postmaster", "");
	expand(*state, r, "postmaster@xyz.com", "");
	receiver_rules_drop(&r);

	r = rules_of("[server]\npostmaster = bob@xyz.com\n", &e);
	assert_non_null(r);
	expand(*state, r, "postmaster", "bob@xyz.com");
	expand(*state, r, "postmaster@abc.com", "bob@xyz.com");
	receiver_rules_drop(&r);

	/* one who is no user (any more) */
	r = rules_of("[server]\npostmaster = gone@xyz.com\n", &e);
	assert_non_null(r);
	expand(*state, r, "postmaster", "");
	receiver_rules_drop(&r);

	r = rules_of("[aliases]\npostmaster@abc.com = bob@xyz.com\n", &e);
	assert_non_null(r);
	expand(*state, r, "postmaster", "bob@xyz.com");
	expand(*state, r, "postmaster@xyz.com", "bob@xyz.com");
	expand(*state, r, "postmaster+x@xyz.com", "bob@xyz.com");
	receiver_rules_drop(&r);

	r = rules_of("[server]\npostmaster = admins@xyz.com\n[aliases]\n"
		     "admins = bob@xyz.com alice@abc.com\n",
		     &e);
	assert_non_null(r);
	expand(*state, r, "postmaster", "bob@xyz.com alice@abc.com");
	receiver_rules_drop(&r);

	r = rules_of("[aliases]\npostmaster = alice@abc.com\n", &e);
	assert_non_null(r);
	expand(*state, r, "postmaster", "alice@abc.com");
	receiver_rules_drop(&r);
}

static void
aliases_expand_once_and_within_bounds(void **state)
{
	struct err e = { 0 };
	struct receiver_rules *r = rules_of(
	    "[aliases]\n"
	    "sales = bob@xyz.com, carol@xyz.com\n"
	    "team@xyz.com = sales@xyz.com alice@abc.com bob+x@xyz.com\n"
	    "bob@xyz.com = bob@xyz.com alice@abc.com\n"
	    "nowhere = gone@xyz.com\n",
	    &e);

	if (r == NULL)
		fail_msg("%s", e.msg);
	/* bob keeps a copy of what is also for alice */
	expand(*state, r, "bob@xyz.com", "bob@xyz.com alice@abc.com");
	expand(*state, r, "sales@abc.com",
	       "carol@xyz.com bob@xyz.com alice@abc.com");
	expand(*state, r, "sales+tag@xyz.com",
	       "carol@xyz.com bob@xyz.com alice@abc.com");
	expand(*state, r, "nowhere@xyz.com", "");
	expand(*state, r, "team@abc.com", "");
	receiver_rules_drop(&r);
}

/* A chain of n aliases, the last of them for bob. */
static struct receiver_rules *
chain_of(int n, struct err *e)
{
	char text[2048] = "[aliases]\n";

	for (int i = 1; i <= n; i++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at,
			       i < n ? "a%d = a%d@xyz.com\n"
				     : "a%d = bob@xyz.com\n",
			       i, i + 1);
	}
	return rules_of(text, e);
}

static void
aliases_of_aliases_have_a_bound(void **state)
{
	struct err e = { 0 };

	struct receiver_rules *r = chain_of(RECEIVER_ALIAS_DEPTH, &e);
	assert_non_null(r);
	expand(*state, r, "a1@xyz.com", "bob@xyz.com");
	receiver_rules_drop(&r);
	assert_null(chain_of(RECEIVER_ALIAS_DEPTH + 1, &e));
	assert_non_null(strstr(e.msg, "r.conf:4: a1: aliases of aliases over"));
}

static void
the_rest_of_a_domain_may_have_a_mailbox(void **state)
{
	struct err e = { 0 };
	struct receiver_rules *r =
	    rules_of("[aliases]\n"
		     "@xyz.com = bob@xyz.com alice@abc.com\n"
		     "@abc.com = gone@abc.com\n",
		     &e);

	if (r == NULL)
		fail_msg("%s", e.msg);
	expand(*state, r, "anybody@xyz.com", "bob@xyz.com alice@abc.com");
	expand(*state, r, "anybody+tag@xyz.com", "bob@xyz.com alice@abc.com");
	/* who is known is not of the rest */
	expand(*state, r, "carol@xyz.com", "carol@xyz.com");
	expand(*state, r, "carol+tag@xyz.com", "carol@xyz.com");
	expand(*state, r, "postmaster@xyz.com", "bob@xyz.com alice@abc.com");
	/* it names nobody, and not itself for ever */
	expand(*state, r, "anybody@abc.com", "");
	receiver_rules_drop(&r);
}

/* ---- the aliases file -----------------------------------------------------
 */

/* Rules of an aliases file, or NULL with *e. */
static struct receiver_rules *
rules_of_file(const char *text, const char *more, struct err *e, char *path)
{
	char conf[400];
	struct err ignored;

	(void)snprintf(path, 40, "%s", "/tmp/aliases-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(durable_write(fd, text, strlen(text), &ignored), 0);
	assert_int_equal(close(fd), 0);
	(void)snprintf(conf, sizeof(conf), "aliases-file = %s\n%s", path, more);
	struct receiver_rules *r = rules_of(conf, e);
	(void)unlink(path);
	return r;
}

static void
an_aliases_file_adds_to_the_configuration(void **state)
{
	char path[40];
	struct err e = { 0 };
	struct receiver_rules *r =
	    rules_of_file("# who is who\n"
			  "\n"
			  "team@xyz.com: bob@xyz.com, carol@xyz.com\r\n"
			  "\talice@abc.com # not a comment@xyz.com\n",
			  "", &e, path);

	assert_null(r); /* "#" in the middle of a line is a word */
	assert_non_null(strstr(e.msg, ":4: team@xyz.com: # has no domain"));
	r = rules_of_file("team@xyz.com : bob@xyz.com,,carol@xyz.com\r\n"
			  "# a comment, and the list goes on\n"
			  "  # here too\n"
			  "\n"
			  "\talice@abc.com\n"
			  "all: team@xyz.com bob@xyz.com\n"
			  "\"a:b, c\"@xyz.com: bob@xyz.com\n"
			  "@abc.com: alice@abc.com",
			  "[aliases]\nboss = bob@xyz.com\n", &e, path);
	if (r == NULL)
		fail_msg("%s", e.msg);
	expand(*state, r, "team@xyz.com",
	       "bob@xyz.com carol@xyz.com alice@abc.com");
	expand(*state, r, "all@abc.com",
	       "bob@xyz.com carol@xyz.com alice@abc.com");
	expand(*state, r, "\"a:b, c\"@xyz.com", "bob@xyz.com");
	expand(*state, r, "who@abc.com", "alice@abc.com");
	expand(*state, r, "boss@abc.com", "bob@xyz.com");
	receiver_rules_drop(&r);
}

static void
a_wrong_aliases_file_names_line_and_reason(void **state)
{
	static const struct {
		const char *text, *more, *want;
	} bad[] = {
		{ "a: bob@xyz.com\nsales bob@xyz.com\n", "", ":2: a line is" },
		{ " bob@xyz.com\n", "", ":1: a target before the first name" },
		{ ": bob@xyz.com\n", "", ":1: a line is" },
		{ "a:\nb: bob@xyz.com\n", "", ":1: a: no target" },
		{ "a: bob@xyz.com\n\n a@other.org\n", "",
		  ":3: a: a@other.org is not in a local domain" },
		{ "a: |/bin/sh\n", "", ":1: a: |/bin/sh: a target is" },
		{ "a: :include:/etc/x\n", "", "there are no" },
		{ "a: /var/mail/x\n", "", "there are no" },
		{ "a: bob\n", "", ":1: a: bob has no domain" },
		{ "a: \"b@xyz.com\n", "", ":1: '\"' is not closed" },
		{ "a: b\x01@xyz.com\n", "", ":1: control byte" },
		{ "x@other.org: bob@xyz.com\n", "", ":1: x@other.org: " },
		{ "@other.org: bob@xyz.com\n", "", ":1: @other.org: " },
		{ "a: bob@xyz.com\nA: alice@abc.com\n", "",
		  ":2: a: stands twice, first on line 1" },
		{ "a: bob@xyz.com\n", "[aliases]\na = bob@xyz.com\n",
		  ":1: a: stands twice, first on line 5 of the other file" },
		{ "a: b@xyz.com\nb: c+x@xyz.com\nc: a@xyz.com\n", "",
		  ":3: c: names itself over a@xyz.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = { 0 };
		char path[40];
		assert_null(rules_of_file(bad[i].text, bad[i].more, &e, path));
		assert_int_equal(e.class, ERR_PERM);
		assert_non_null(strstr(e.msg, path));
		if (strstr(e.msg, bad[i].want) == NULL)
			fail_msg("'%s' is not in '%s'", bad[i].want, e.msg);
	}
}

static void
a_long_alias_is_bounded(void **state)
{
	char text[4096] = "a:", path[40];
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i <= RECEIVER_ALIAS_TARGETS_MAX; i++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at, " u%d@xyz.com", i);
	}
	assert_null(rules_of_file(text, "", &e, path));
	assert_non_null(strstr(e.msg, ":1: a: over 100 targets"));
}

/* Nobody's copy gets lost: a list with one unknown member is no address. */
static void
an_unknown_member_is_named(void **state)
{
	static const char *const lists[][2] = {
		{ "team = alice@abc.com gone@abc.com", "gone@abc.com" },
		{ "team = gone+tag@abc.com alice@abc.com", "gone+tag@abc.com" },
		{ "team = sub@abc.com alice@abc.com\nsub = gone@xyz.com",
		  "gone@xyz.com" },
		{ "team = team@abc.com alice@abc.com", "team@abc.com" },
		{ "team = postmaster@abc.com alice@abc.com",
		  "postmaster@abc.com" },
		{ "@abc.com = gone@abc.com alice@abc.com", "gone@abc.com" },
		{ "team = gone@abc.com alice@abc.com\n@abc.com = x@abc.com "
		  "bob@xyz.com",
		  "x@abc.com" },
	};
	struct receiver_targets *t = calloc(1, sizeof(*t));
	char text[300];

	assert_non_null(t);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct err e = { 0 };
		(void)snprintf(text, sizeof(text), "[aliases]\n%s\n",
			       lists[i][0]);
		struct receiver_rules *r = rules_of(text, &e);
		if (r == NULL)
			fail_msg("%s", e.msg);
		assert_int_equal(
		    receiver_rules_expand(r, *state, "team@abc.com", t, &e), 0);
		assert_string_equal(t->missing, lists[i][1]);
		expand(*state, r, "alice@abc.com", "alice@abc.com");
		receiver_rules_drop(&r);
	}
	free(t);
}

/* As many targets as the configuration takes are delivered to: in one alias, in
 * two, and over another. */
static void
a_hundred_targets_are_all_served(void **state)
{
	char users_path[] = "/tmp/users-XXXXXX", path[40], name[40];
	char text[4096] = "";
	struct receiver_targets *t = calloc(1, sizeof(*t));
	struct users *u = NULL;
	struct err e = { 0 };

	(void)state;
	assert_non_null(t);
	int fd = mkstemp(users_path);
	assert_true(fd >= 0);
	for (int i = 0; i < RECEIVER_ALIAS_TARGETS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "u%d@xyz.com\n", i);
		assert_int_equal(durable_write(fd, name, strlen(name), &e), 0);
	}
	assert_int_equal(close(fd), 0);
	assert_int_equal(users_open(&u, users_path, &e), 0);
	(void)unlink(users_path);
	for (int part = 0; part < 3; part++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at,
			       "%s%s:", part == 0 ? "" : "\n",
			       part == 0   ? "all"
			       : part == 1 ? "low"
					   : "high");
		for (int i = part == 2 ? 50 : 0; i < (part == 1 ? 50 : 100);
		     i++) {
			at = strlen(text);
			(void)snprintf(text + at, sizeof(text) - at,
				       " u%d@xyz.com", i);
		}
	}
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		       "\nboth: low@xyz.com high@xyz.com\nover: both@xyz.com "
		       "all@xyz.com\n");
	struct receiver_rules *r = rules_of_file(text, "", &e, path);
	if (r == NULL)
		fail_msg("%s", e.msg);
	static const char *const lists[] = { "all", "both", "over" };
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s@abc.com", lists[i]);
		assert_int_equal(receiver_rules_expand(r, u, name, t, &e), 1);
		assert_int_equal(t->n, RECEIVER_ALIAS_TARGETS_MAX);
	}
	receiver_rules_drop(&r);
	users_free(&u);
	free(t);
}

static void
wrong_configurations_name_file_line_and_reason(void **state)
{
	static const struct {
		const char *text, *want;
	} bad[] = {
		{ "[aliases]\nsales = bob@other.org\n",
		  "r.conf:4: sales: bob@other.org is not in a local domain" },
		{ "[aliases]\nsales = bob\n", "r.conf:4: sales: bob" },
		{ "[aliases]\nsales@other.org = bob@xyz.com\n",
		  "r.conf:4: sales@other.org" },
		{ "[aliases]\nsales = ,\n", "r.conf:4: sales: no target" },
		{ "[aliases]\na@abc.com = bob@xyz.com\nA@ABC.COM = "
		  "bob@xyz.com\n",
		  "stands twice" },
		{ "[server]\npostmaster = x@other.org\n",
		  "r.conf: server: postmaster: x@other.org" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = { 0 };
		assert_null(rules_of(bad[i].text, &e));
		if (strstr(e.msg, bad[i].want) == NULL)
			fail_msg("'%s' is not in '%s'", bad[i].want, e.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_member_is_named),
		cmocka_unit_test(a_hundred_targets_are_all_served),
		cmocka_unit_test(users_tags_and_unknown),
		cmocka_unit_test(the_postmaster_is_somebody),
		cmocka_unit_test(aliases_expand_once_and_within_bounds),
		cmocka_unit_test(aliases_of_aliases_have_a_bound),
		cmocka_unit_test(the_rest_of_a_domain_may_have_a_mailbox),
		cmocka_unit_test(an_aliases_file_adds_to_the_configuration),
		cmocka_unit_test(a_wrong_aliases_file_names_line_and_reason),
		cmocka_unit_test(a_long_alias_is_bounded),
		cmocka_unit_test(
		    wrong_configurations_name_file_line_and_reason),
	};

	return cmocka_run_group_tests_name("receiver/receiver_rules", tests,
					   open_users, close_users);
}
