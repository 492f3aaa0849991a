#include "../test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/option.h"

struct settings {
	bool flag;
	int64_t count, size, idle;
	char *name;
	char *must;
	struct option_list hosts;
	int mode;
	struct option_map routes;
};

static const char *const modes[] = { "queue", "cut-through", NULL };

#define AT(field) offsetof(struct settings, field)
static const struct option table[] = {
	{ "server", "flag", OPTION_BOOL, AT(flag), "no", 0, 0, NULL,
	  "A flag." },
	{ "server", "count", OPTION_INT, AT(count), "10", 1, 100, NULL,
	  "A count." },
	{ "server", "must", OPTION_STRING, AT(must), NULL, 0, 0, NULL,
	  "A name that has no default." },
	{ "limits", "size", OPTION_SIZE, AT(size), "25M", 1024, 1 << 30, NULL,
	  "A size." },
	{ "limits", "idle", OPTION_TIME, AT(idle), "5m", 0, 0, NULL,
	  "A time." },
	{ "server", "name", OPTION_STRING, AT(name), "", 0, 0, NULL, "Text." },
	{ "server", "hosts", OPTION_WORDS, AT(hosts), "a b", 0, 0, NULL,
	  "Words." },
	{ "server", "mode", OPTION_ENUM, AT(mode), "queue", 0, 0, modes,
	  "A mode." },
	{ "routes", NULL, OPTION_MAP, AT(routes), NULL, 0, 0, NULL,
	  "Where to." },
	{ .section = NULL },
};

static char path[] = "/tmp/test_option.XXXXXX";

static int
load(const char *text, struct settings *s, struct err *e)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	memset(s, 0, sizeof(*s));
	memset(e, 0, sizeof(*e));
	return option_load(table, path, s, e);
}

static void
expect_error(const char *text, const char *reason)
{
	struct settings s, empty = { 0 };
	struct err e;
	char want[500];

	assert_int_equal(load(text, &s, &e), -1);
	(void)snprintf(want, sizeof(want), "%s:%s", path, reason);
	assert_string_equal(e.msg, want);
	assert_ptr_equal(s.name, empty.name);
	assert_ptr_equal(s.hosts.v, empty.hosts.v);
}

static void
values_land_in_the_struct(void **state)
{
	struct settings s;
	struct err e;

	(void)state;
	if (load("[server]\nmust = x y\nflag = yes\ncount = 7\nmode = "
		 "cut-through\nhosts = one, two\nhosts = three\n"
		 "[limits]\nsize = 64K\nidle = 500ms\n"
		 "[routes]\nxyz.com = 127.0.0.1:2525\n",
		 &s, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(s.flag);
	assert_int_equal(s.count, 7);
	assert_string_equal(s.must, "x y");
	assert_string_equal(s.name, "");
	assert_int_equal(s.mode, 1);
	assert_int_equal(s.size, 65536);
	assert_int_equal(s.idle, 500);
	assert_int_equal(s.hosts.n, 3);
	assert_string_equal(s.hosts.v[0], "one");
	assert_string_equal(s.hosts.v[2], "three");
	assert_int_equal(s.routes.n, 1);
	assert_string_equal(s.routes.v[0].name, "xyz.com");
	assert_string_equal(s.routes.v[0].value, "127.0.0.1:2525");
	assert_int_equal(s.routes.v[0].line, 12);
	option_free(table, &s);
	option_free(table, &s);
}

static void
defaults_stand_where_nothing_is_said(void **state)
{
	struct settings s;
	struct err e;

	(void)state;
	assert_int_equal(load("[server]\nmust=x\n", &s, &e), 0);
	assert_int_equal(s.count, 10);
	assert_int_equal(s.size, 25 << 20);
	assert_int_equal(s.idle, 300000);
	assert_int_equal(s.hosts.n, 2);
	option_free(table, &s);
	memset(&s, 0, sizeof(s));
	assert_int_equal(option_defaults(table, &s, &e), 0);
	assert_null(s.must);
	assert_int_equal(s.count, 10);
	option_free(table, &s);
}

static void
mistakes_are_named(void **state)
{
	(void)state;
	expect_error("[server]\nfalg = yes\n",
		     "2: falg: unknown key in [server], did you mean 'flag'?");
	expect_error("[server]\nsize = 1M\n",
		     "2: size: unknown key in [server], it belongs in "
		     "[limits]");
	expect_error("[servr]\nflag = yes\n",
		     "2: flag: unknown section [servr], did you mean "
		     "'server'?");
	expect_error("[zzz]\nflag = yes\n", "2: flag: unknown section [zzz]");
	expect_error("flag = yes\n",
		     "1: flag: stands before the first [section]");
	expect_error("[server]\nflag = maybe\n",
		     "2: flag: 'maybe' is not yes or no");
	expect_error("[server]\ncount = ten\n",
		     "2: count: 'ten' is not a whole number");
	expect_error("[server]\ncount = 0\n",
		     "2: count: '0' is not in the range 1 to 100");
	expect_error("[limits]\nsize = 2G\n",
		     "2: size: '2G' is not in the range 1K to 1G");
	expect_error("[limits]\nsize = 5x\n",
		     "2: size: '5x' is not a size, such as 64K, 25M or 1G");
	expect_error("[limits]\nidle = 5\n",
		     "2: idle: '5' is not a time, such as 500ms, 30s, 5m, 4h "
		     "or 5d");
	expect_error("[server]\nmode = cut-trough\n",
		     "2: mode: 'cut-trough' is not one of queue, cut-through, "
		     "did you mean 'cut-through'?");
	expect_error("[server]\ncount = 1\ncount = 2\n",
		     "3: count: stands twice, first in line 2");
	expect_error("[routes]\na.b = 1\nA.B = 2\n",
		     "3: A.B: stands twice in [routes], first in line 2");
	expect_error("[server]\nmust =\n", "2: must: must not be empty");
	expect_error("[server]\nflag = yes\n",
		     " must: is missing, it must stand in [server]");
}

static void
a_dump_loads_again(void **state)
{
	struct settings s, t;
	struct err e;
	char text[4096] = "[server]\nmust = m\n";

	(void)state;
	for (int i = 0; i < 40; i++) {
		size_t n = strlen(text);
		(void)snprintf(text + n, sizeof(text) - n,
			       "hosts = host%d.example.com\n", i);
	}
	assert_int_equal(load(text, &s, &e), 0);
	FILE *f = fmemopen(text, sizeof(text), "w");
	assert_non_null(f);
	option_dump(table, &s, f);
	assert_int_equal(fclose(f), 0);
	if (load(text, &t, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(t.hosts.n, 40);
	assert_string_equal(t.hosts.v[39], "host39.example.com");
	assert_int_equal(t.idle, s.idle);
	assert_non_null(strstr(text, "[limits]\n\n# A size.  Range: 1K to "
				     "1G.\nsize = 25M\n\n# A time.\n"
				     "idle = 5m\n"));
	option_free(table, &s);
	option_free(table, &t);
}

static const char *
note_idle(const void *ctx, const struct option *o)
{
	return o->key != NULL && strcmp(o->key, "idle") == 0 ? ctx : NULL;
}

static void
a_note_ends_the_comment_of_its_key(void **state)
{
	struct settings s = { 0 };
	struct err e;
	char text[4096] = "";

	(void)state;
	assert_int_equal(option_defaults(table, &s, &e), 0);
	FILE *f = fmemopen(text, sizeof(text), "w");
	assert_non_null(f);
	option_dump_noted(table, &s, note_idle, "Mind it.", f);
	assert_int_equal(fclose(f), 0);
	assert_non_null(strstr(text, "\n# A time.  Mind it.\nidle = 5m\n"));
	const char *one = strstr(text, "Mind it.");
	assert_null(strstr(one + 1, "Mind it."));
	option_free(table, &s);
}

static void
units_refuse_overflow(void **state)
{
	int64_t v = 1;

	(void)state;
	assert_int_equal(option_parse_size(span_of("8388608T"), &v), -1);
	assert_int_equal(option_parse_size(span_of("8388607T"), &v), 0);
	assert_int_equal(option_parse_size(span_of("10"), &v), 0);
	assert_int_equal(v, 10);
	assert_int_equal(option_parse_size(span_of("-1"), &v), -1);
	assert_int_equal(option_parse_size(span_of(""), &v), -1);
	assert_int_equal(option_parse_size(span_of("K"), &v), -1);
	assert_int_equal(option_parse_time(span_of("5d"), &v), 0);
	assert_true(v == 5 * 86400000LL);
	assert_int_equal(option_parse_time(span_of("0"), &v), 0);
}

static void
a_key_that_has_changed_is_told_from_one_that_has_not(void **state)
{
	static const char *const other[] = {
		"flag = yes", "count = 11",         "must = y",     "name = n",
		"hosts = a",  "mode = cut-through", "hosts = a b c"
	};
	struct settings s, t;
	struct err e;
	char text[200];

	(void)state;
	assert_int_equal(
	    load("[server]\nmust = x\n[routes]\na.b = c\n", &s, &e), 0);
	/* said otherwise, or on another line, it is the same */
	assert_int_equal(load("\n[routes]\na.b = c\n[limits]\nsize = 25M\n"
			      "[server]\nhosts = a\nhosts = b\nmust = x\n",
			      &t, &e),
			 0);
	for (const struct option *o = table; o->section != NULL; o++)
		assert_true(option_is_same(o, &s, &t));
	option_free(table, &t);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		bool must = strncmp(other[i], "must", 4) == 0;
		int changed = 0;
		(void)snprintf(text, sizeof(text),
			       "[server]\n%s\n%s[routes]\na.b = c\n", other[i],
			       must ? "" : "must = x\n");
		assert_int_equal(load(text, &t, &e), 0);
		for (const struct option *o = table; o->section != NULL; o++)
			changed += !option_is_same(o, &s, &t);
		assert_int_equal(changed, 1);
		option_free(table, &t);
	}
	assert_int_equal(
	    load("[server]\nmust = x\n[routes]\na.b = d\n", &t, &e), 0);
	assert_false(option_is_same(&table[8], &s, &t));
	option_free(table, &t);
	option_free(table, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_key_that_has_changed_is_told_from_one_that_has_not),
		cmocka_unit_test(values_land_in_the_struct),
		cmocka_unit_test(defaults_stand_where_nothing_is_said),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_dump_loads_again),
		cmocka_unit_test(a_note_ends_the_comment_of_its_key),
		cmocka_unit_test(units_refuse_overflow),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	(void)close(fd);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	return rc;
}
