#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
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
there_is_always_a_postmaster(void **state)
{
	struct err e = { 0 };
	struct receiver_rules *r = rules_of("", &e);

	assert_non_null(r);
	expand(*state, r, "postmaster", "postmaster@abc.com");
	expand(*state, r, "postmaster@xyz.com", "postmaster@abc.com");
	expand(*state, r, "postmaster+x@xyz.com", "postmaster@abc.com");
	receiver_rules_drop(&r);

	r = rules_of("[server]\npostmaster = bob@xyz.com\n", &e);
	assert_non_null(r);
	expand(*state, r, "postmaster", "bob@xyz.com");
	expand(*state, r, "postmaster@abc.com", "bob@xyz.com");
	receiver_rules_drop(&r);

	/* one who is no user (any more) must not make it bounce */
	r = rules_of("[server]\npostmaster = gone@xyz.com\n", &e);
	assert_non_null(r);
	expand(*state, r, "postmaster", "postmaster@abc.com");
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
	    "ring1 = ring2@xyz.com\n"
	    "ring2 = ring1@xyz.com\n"
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
	expand(*state, r, "ring1@xyz.com", "");
	expand(*state, r, "nowhere@xyz.com", "");
	expand(*state, r, "team@abc.com", "");
	receiver_rules_drop(&r);
}

static void
deep_aliases_are_a_temporary_failure(void **state)
{
	char text[2048] = "[aliases]\n";
	struct err e = { 0 };

	for (int i = 0; i < 12; i++) {
		size_t at = strlen(text);
		(void)snprintf(text + at, sizeof(text) - at,
			       "a%d = a%d@xyz.com\n", i, i + 1);
	}
	struct receiver_rules *r = rules_of(text, &e);
	assert_non_null(r);
	expand(*state, r, "a0@xyz.com", "!");
	receiver_rules_drop(&r);
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
		cmocka_unit_test(users_tags_and_unknown),
		cmocka_unit_test(there_is_always_a_postmaster),
		cmocka_unit_test(aliases_expand_once_and_within_bounds),
		cmocka_unit_test(deep_aliases_are_a_temporary_failure),
		cmocka_unit_test(
		    wrong_configurations_name_file_line_and_reason),
	};

	return cmocka_run_group_tests_name("receiver/receiver_rules", tests,
					   open_users, close_users);
}
