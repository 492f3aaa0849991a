#include "../test.h"

#include <crypt.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "auth/password.h"
#include "auth/users.h"
#include "auth/users_line.h"
#include "base/durable.h"
#include "base/log.h"

static char dir[] = "/tmp/test_users.XXXXXX";
static char path[64];

static void
write_file(const char *text)
{
	struct err e;

	if (durable_replace_path(path, span_of(text), 0600, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
write_in_place(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct users *
open_with(const char *text)
{
	struct users *u;
	struct err e;

	write_file(text);
	if (users_open(&u, path, &e) != 0)
		fail_msg("%s", e.msg);
	return u;
}

static int
login(struct users *u, const char *name, const char *password)
{
	static _Thread_local struct user user;
	static _Thread_local struct err e;

	return users_check_password(u, span_of(name), span_of(password),
				    "127.0.0.1", &user, &e);
}

static void
users_log_in_by_address(void **state)
{
	struct users *u = open_with("# people\n\n"
				    "alice@abc.com  {PLAIN}secret  quota=100M  "
				    "alias=a.smith@abc.com\r\n"
				    "bob@xyz.com {PLAIN}a%20b%25 {PLAIN}two\n"
				    "carol@xyz.com {PLAIN}c disabled=yes\n"
				    "list@xyz.com\n");
	struct user user;
	struct err e;

	(void)state;
	assert_int_equal(login(u, "alice@abc.com", "secret"), 1);
	assert_int_equal(login(u, "ALICE@Abc.Com", "secret"), 1);
	assert_int_equal(login(u, "alice@abc.com", "Secret"), 0);
	assert_int_equal(login(u, "bob@xyz.com", "a b%"), 1);
	assert_int_equal(login(u, "bob@xyz.com", "two"), 1);
	assert_int_equal(login(u, "bob@xyz.com", "three"), 0);
	assert_int_equal(login(u, "carol@xyz.com", "c"), 0);
	assert_int_equal(login(u, "list@xyz.com", ""), 0);
	assert_int_equal(login(u, "a.smith@abc.com", "secret"), 0);
	assert_int_equal(login(u, "alice", "secret"), 0);
	assert_int_equal(login(u, "", ""), 0);

	assert_int_equal(users_check_password(u, span_of("Alice@abc.com"),
					      span_of("secret"), "", &user, &e),
			 1);
	assert_string_equal(user.address, "alice@abc.com");
	assert_int_equal(user.quota_bytes, 100 << 20);
	assert_int_equal(users_check_password(u, span_of("No@xyz.com"),
					      span_of("x"), "", &user, &e),
			 0);
	assert_string_equal(user.address, "no@xyz.com");
	users_free(&u);
	users_free(&u);
}

static void
mail_finds_users_aliases_and_the_disabled(void **state)
{
	struct users *u =
	    open_with("alice@abc.com {PLAIN}s alias=a.smith@abc.com "
		      "alias=Postmaster@abc.com\n"
		      "carol@xyz.com {PLAIN}c disabled=yes\n");
	struct user user;
	struct err e;

	(void)state;
	assert_int_equal(users_find(u, "a.smith@abc.com", &user, &e), 1);
	assert_string_equal(user.address, "alice@abc.com");
	assert_int_equal(users_find(u, "postmaster@abc.com", &user, &e), 1);
	assert_int_equal(users_find(u, "carol@xyz.com", &user, &e), 1);
	assert_true(user.disabled);
	assert_int_equal(users_find(u, "nobody@xyz.com", &user, &e), 0);

	assert_true(users_owns(u, "alice@abc.com", "alice@abc.com"));
	assert_true(users_owns(u, "alice@abc.com", "alice+tag@abc.com"));
	assert_true(users_owns(u, "alice@abc.com", "a.smith@abc.com"));
	assert_true(users_owns(u, "alice@abc.com", "a.smith+x+y@abc.com"));
	assert_false(users_owns(u, "alice@abc.com", "carol@xyz.com"));
	assert_false(users_owns(u, "alice@abc.com", "alice@xyz.com"));
	assert_false(users_owns(u, "alice@abc.com", "+alice@abc.com"));
	assert_false(users_owns(u, "alice@abc.com", ""));
	users_free(&u);
}

static void
send_as_grants_what_it_names(void **state)
{
	struct users *u = open_with(
	    "alice@abc.com {PLAIN}s send-as=Info@abc.com send-as=@list.abc.com"
	    " send-as=bob@b\xc3\xbc"
	    "cher.example\n"
	    "root@abc.com {PLAIN}s send-as=*\n"
	    "bob@abc.com {PLAIN}s alias=info@abc.com\n");

	(void)state;
	assert_true(users_owns(u, "alice@abc.com", "info@abc.com"));
	assert_true(users_owns(u, "alice@abc.com", "info+x@abc.com"));
	assert_true(users_owns(u, "alice@abc.com", "any@list.abc.com"));
	assert_true(
	    users_owns(u, "alice@abc.com", "bob@xn--bcher-kva.example"));
	assert_false(users_owns(u, "alice@abc.com", "bob@abc.com"));
	assert_false(users_owns(u, "alice@abc.com", "x@sub.list.abc.com"));
	assert_false(users_owns(u, "alice@abc.com", "x@notlist.abc.com"));
	assert_false(users_owns(u, "alice@abc.com", ""));
	assert_true(users_owns(u, "root@abc.com", "any@where.example"));
	assert_false(users_owns(u, "root@abc.com", ""));
	assert_true(users_owns(u, "bob@abc.com", "info@abc.com"));
	/* an alias is no login */
	assert_false(users_owns(u, "info@abc.com", "bob@abc.com"));
	users_free(&u);
}

static void
expect_error(const char *text, const char *reason)
{
	struct users *u;
	struct err e;
	char want[500];

	write_file(text);
	assert_int_equal(users_open(&u, path, &e), -1);
	assert_null(u);
	(void)snprintf(want, sizeof(want), "%s:%s", path, reason);
	assert_string_equal(e.msg, want);
}

static void
mistakes_are_named_by_line(void **state)
{
	(void)state;
	expect_error("alice@abc.com {PLAN}x\n",
		     "1: unknown password scheme {PLAN}, did you mean "
		     "{PLAIN}?");
	expect_error("a@abc.com\nalice@abc.com qouta=1M\n",
		     "2: unknown attribute 'qouta', did you mean 'quota'?");
	expect_error("alice@abc.com shell=/bin/sh\n",
		     "1: unknown attribute 'shell': there are quota, alias, "
		     "disabled, certificate and send-as");
	expect_error("alice@abc.com send-as=lots\n",
		     "1: send-as: 'lots' is not an address: no '@' after the "
		     "local part");
	expect_error("alice@abc.com quota=lots\n",
		     "1: quota: 'lots' is not a size, such as 100M or 2G");
	expect_error("alice@abc.com quota=1 quota=2\n",
		     "1: quota: stands twice");
	expect_error("alice@abc.com disabled=1\n",
		     "1: disabled: '1' is not yes or no");
	expect_error("alice@abc.com secret\n",
		     "1: a word is neither {SCHEME}value nor name=value");
	expect_error("alice@abc.com # me\n",
		     "1: a comment stands on a line of its own");
	expect_error("a@b.c\n\nA@B.C\n",
		     "3: 'a@b.c' stands twice, first in line 1");
	expect_error("a@b.c alias=x@b.c\nx@b.c\n",
		     "2: 'x@b.c' stands twice, first as an alias in line 1");
	expect_error("a@b.c alias=a@b.c\n",
		     "1: alias: 'a@b.c' stands twice, first in line 1");
	expect_error("a@b.c {PLAIN}100%\n",
		     "1: '%' needs two hexadecimal digits (%25 is a '%')");
	expect_error("a@b.c {PLAIN}a%00b\n",
		     "1: '%' needs two hexadecimal digits (%25 is a '%')");
	expect_error("a+b@b.c\n", "1: 'a+b@b.c': what follows '+' is a tag, "
				  "every user has them all");
	expect_error("a@b.c\n\001@b.c\n", "2: a control byte (0x01)");
}

static void
bad_addresses_and_long_lines_are_refused(void **state)
{
	static char text[USERS_LINE_MAX + 20];
	struct users *u;
	struct err e;

	(void)state;
	write_file("alice\n");
	assert_int_equal(users_open(&u, path, &e), -1);
	assert_non_null(strstr(e.msg, ":1: 'alice' is not an address: "));
	(void)snprintf(text, sizeof(text), "a@b.c {PLAIN}%0*d\n",
		       USERS_LINE_MAX, 0);
	expect_error(text, "1: the line is longer than 4096 bytes");
	(void)snprintf(text, sizeof(text), "a@b.c {PLAIN}%0512d\n", 0);
	expect_error(text, "1: the password is longer than 511 bytes");
	expect_error("a@b.c {PLAIN}1 {PLAIN}1 {PLAIN}1 {PLAIN}1 {PLAIN}1 "
		     "{PLAIN}1 {PLAIN}1 {PLAIN}1 {PLAIN}1\n",
		     "1: more than 8 credentials");
	assert_int_equal(users_open(&u, "/proc/none/users", &e), -1);
	assert_int_equal(e.sys, ENOENT);
}

/* Two changes within one tick of the file system's clock included. */
static void
a_change_is_seen_at_the_next_login(void **state)
{
	struct users *u = open_with("a@b.c {PLAIN}0000\n");
	char text[64], password[16];

	(void)state;
	for (int i = 1; i < 300; i++) {
		(void)snprintf(password, sizeof(password), "%04d", i);
		(void)snprintf(text, sizeof(text), "a@b.c {PLAIN}%s\n",
			       password);
		if (i % 2)
			write_file(text);
		else
			write_in_place(text);
		assert_int_equal(login(u, "a@b.c", password), 1);
	}
	users_free(&u);
}

static void
a_bad_file_keeps_the_old_users(void **state)
{
	struct users *u = open_with("a@b.c {PLAIN}old\n");
	struct err e;

	(void)state;
	write_file("a@b.c {PLAIN}new\nnonsense\n");
	assert_int_equal(login(u, "a@b.c", "old"), 1);
	assert_int_equal(users_reload(u, &e), -1);
	assert_non_null(strstr(e.msg, ":2: "));
	assert_int_equal(login(u, "a@b.c", "new"), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(login(u, "a@b.c", "old"), 1);
	write_file("a@b.c {PLAIN}new\n");
	assert_int_equal(login(u, "a@b.c", "new"), 1);
	users_free(&u);
}

/* An editor or a full disk that leaves nothing does not take everybody away. */
static void
an_emptied_file_keeps_the_old_users(void **state)
{
	static const char *const nobody[] = { "", "# nobody\n\n" };
	struct users *u = open_with("a@b.c {PLAIN}old\n");
	struct user user;
	struct err e;

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (i & 1)
			write_file(nobody[i >> 1]);
		else
			write_in_place(nobody[i >> 1]);
		assert_int_equal(users_find(u, "a@b.c", &user, &e), 1);
		assert_int_equal(login(u, "a@b.c", "old"), 1);
		assert_int_equal(users_reload(u, &e), -1);
		assert_non_null(strstr(e.msg, "no user is left"));
		assert_int_equal(login(u, "a@b.c", "old"), 1);
		assert_false(users_none(u));
	}
	write_file("b@b.c {PLAIN}new\n");
	assert_int_equal(users_find(u, "a@b.c", &user, &e), 0);
	assert_int_equal(login(u, "b@b.c", "new"), 1);
	users_free(&u);
	/* where nobody was there from the start, the first one is seen */
	u = open_with("");
	assert_true(users_none(u));
	write_file("b@b.c {PLAIN}new\n");
	assert_false(users_none(u));
	users_free(&u);
}

static int
collect(void *ctx, const struct user *user)
{
	char *names = ctx;
	size_t n = strlen(names);

	(void)snprintf(names + n, 200 - n, "%s,", user->address);
	return strncmp(user->address, "stop", 4) == 0;
}

static void
users_are_listed_in_file_order(void **state)
{
	struct users *u = open_with("c@b.c\na@b.c\nstop@b.c\nlate@b.c\n");
	char names[200] = "";

	(void)state;
	assert_int_equal(users_each(u, collect, names), 1);
	assert_string_equal(names, "c@b.c,a@b.c,stop@b.c,");
	users_free(&u);
}

static void
many_users_are_found(void **state)
{
	enum { N = 20000 };
	char *text = malloc(N * 48);
	size_t n = 0;
	struct user user;
	struct err e;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < N; i++)
		n += (size_t)snprintf(text + n, 48,
				      "u%d@b.c {PLAIN}p%d alias=x%d@b.c\n", i,
				      i, i);
	struct users *u = open_with(text);
	free(text);
	for (int i = 0; i < N; i += 97) {
		char name[32], want[32];
		(void)snprintf(name, sizeof(name), "x%d@b.c", i);
		(void)snprintf(want, sizeof(want), "u%d@b.c", i);
		assert_int_equal(users_find(u, name, &user, &e), 1);
		assert_string_equal(user.address, want);
	}
	users_free(&u);
}

static void *
look_up_all_the_time(void *arg)
{
	for (int i = 0; i < 300; i++) {
		/* One of the two is always right, whatever is written. */
		if (login(arg, "a@b.c", "x") + login(arg, "b@b.c", "x") == 0)
			return arg;
	}
	return NULL;
}

static void
threads_look_up_while_the_file_changes(void **state)
{
	struct users *u = open_with("a@b.c {PLAIN}x\nb@b.c {PLAIN}x\n");
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, look_up_all_the_time, u), 0);
	for (int i = 0; i < 50; i++)
		write_file(i % 2 ? "a@b.c {PLAIN}x\nb@b.c {PLAIN}x\n"
				 : "b@b.c {PLAIN}x\na@b.c {PLAIN}x\n");
	for (int i = 0; i < 4; i++) {
		void *failed;
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	users_free(&u);
}

/* Processor time of one refused login, the best of some. */
static int64_t
cost_of(struct users *u, const char *name, const char *password)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		struct timespec from, to;
		assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from),
				 0);
		assert_int_equal(login(u, name, password), 0);
		assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to),
				 0);
		int64_t ns = (to.tv_sec - from.tv_sec) * 1000000000LL +
			     (to.tv_nsec - from.tv_nsec);
		if (ns < best)
			best = ns;
	}
	return best;
}

static void
assert_refusals_cost_alike(struct users *u, const char *password)
{
	static const char *const refused[] = { "no@b.c", "hash@b.c", "key@b.c",
					       "other@b.c", "" };
	int64_t most = cost_of(u, "both@b.c", password);

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int64_t cost = cost_of(u, refused[i], password);
		if (cost < most * 6 / 10 || cost > most * 10 / 6)
			fail_msg("%s, %zu bytes: %lld ns, not %lld", refused[i],
				 strlen(password), (long long)cost,
				 (long long)most);
	}
}

/* Hashes of two methods, the quick one first: whoever has none computes both,
 * and so does whoever has one. */
static void
every_refusal_takes_as_long_with_two_methods(void **state)
{
	static const struct {
		const char *prefix;
		unsigned long count;
	} methods[2] = { { "$6$", 1000 }, { "$2b$", 7 } };
	static struct crypt_data data;
	char hash[2][CRYPT_OUTPUT_SIZE], text[2000];

	(void)state;
	for (int i = 0; i < 2; i++) {
		char setting[CRYPT_GENSALT_OUTPUT_SIZE];
		assert_non_null(crypt_gensalt_rn(methods[i].prefix,
						 methods[i].count, NULL, 0,
						 setting, sizeof(setting)));
		(void)snprintf(hash[i], sizeof(hash[i]), "%s",
			       crypt_r("x", setting, &data));
	}
	(void)snprintf(text, sizeof(text),
		       "hash@b.c {CRYPT}%s\nother@b.c {CRYPT}%s\n"
		       "key@b.c {PLAIN}x\nboth@b.c {CRYPT}%s {CRYPT}%s\n",
		       hash[0], hash[1], hash[1], hash[0]);
	struct users *u = open_with(text);
	assert_refusals_cost_alike(u, "wrong");
	users_free(&u);
}

/* The same when some have a hash and some a SCRAM key: a round with a password
 * that is longer than a block of the hash takes longer. */
static void
every_refusal_takes_as_long_with_scram_keys(void **state)
{
	char long_one[PASSWORD_MAX + 1];
	static char hash[PASSWORD_STORED_SIZE], key[PASSWORD_STORED_SIZE],
	    text[9000];
	struct err e;

	(void)state;
	assert_int_equal(password_hash(span_of("x"), hash, sizeof(hash), &e),
			 0);
	struct scram_key made = { .hash = SCRAM_SHA_256,
				  .iterations = 20000,
				  .salt_n = SCRAM_SALT_SIZE };
	assert_int_equal(
	    password_scram(&made, span_of("x"), key, sizeof(key), &e), 0);
	(void)snprintf(text, sizeof(text),
		       "hash@b.c %s\nkey@b.c %s\nother@b.c %s\n"
		       "both@b.c %s %s\n",
		       hash, key, key, hash, key);
	struct users *u = open_with(text);
	assert_refusals_cost_alike(u, "wrong");
	memset(long_one, 'w', PASSWORD_MAX);
	long_one[PASSWORD_MAX] = '\0';
	assert_refusals_cost_alike(u, long_one);
	users_free(&u);
}

static void
every_refusal_takes_as_long(void **state)
{
	static const char *const refused[] = {
		"unknown@b.c",
		"one@b.c",
		"disabled@b.c",
		"none@b.c",
		"plain@b.c",
		"not an address",
		"",
	};
	static char stored[PASSWORD_STORED_SIZE], text[8000];
	struct err e;

	(void)state;
	assert_int_equal(
	    password_hash(span_of("right"), stored, sizeof(stored), &e), 0);
	(void)snprintf(text, sizeof(text),
		       "none@b.c\nplain@b.c {PLAIN}x\none@b.c %s\n"
		       "two@b.c %s %s\ndisabled@b.c disabled=yes %s\n",
		       stored, stored, stored, stored);
	struct users *u = open_with(text);
	assert_int_equal(login(u, "two@b.c", "right"), 1);
	int64_t most = cost_of(u, "two@b.c", "wrong");
	assert_true(most > 1000000);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *password =
		    strcmp(refused[i], "disabled@b.c") == 0 ? "right" : "wrong";
		int64_t cost = cost_of(u, refused[i], password);
		if (cost < most * 6 / 10 || cost > most * 10 / 6)
			fail_msg("%s: %lld ns, not %lld", refused[i],
				 (long long)cost, (long long)most);
	}
	assert_true(cost_of(u, "unknown@b.c", "") > most * 6 / 10);
	users_free(&u);
}

/* RFC 5802 5 and RFC 7677 3: user "user", password "pencil" */
#define KEY_1                                 \
	"{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92," \
	"6dlGYMOdZcOPutkcNY8U2g7vK9Y=,"       \
	"D+CSWLOshSulAsxiupA+qs2/fTE="
#define KEY_256                                         \
	"{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==," \
	"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static struct users_scram
scram(struct users *u, const char *name, enum scram_hash hash, int want)
{
	struct users_scram out;
	struct err e;

	assert_int_equal(
	    users_scram_key(u, span_of(name), hash, "::1", &out, &e), want);
	return out;
}

static void
a_scram_key_serves_for_passwords_too(void **state)
{
	struct users *u = open_with("user@a.b " KEY_1 " " KEY_256 "\n");

	(void)state;
	assert_int_equal(login(u, "user@a.b", "pencil"), 1);
	assert_int_equal(login(u, "user@a.b", "pen"), 0);
	struct users_scram s = scram(u, "USER@a.b", SCRAM_SHA_256, 1);
	assert_string_equal(s.user.address, "user@a.b");
	assert_int_equal(s.key.iterations, 4096);
	assert_int_equal(s.key.salt_n, 16);
	s = scram(u, "user@a.b", SCRAM_SHA_1, 1);
	assert_int_equal(s.key.salt_n, 12);
	users_free(&u);
}

static void
a_plain_password_gives_a_lasting_scram_key(void **state)
{
	struct users *u = open_with("a@b.c {PLAIN}pencil\n");

	(void)state;
	struct users_scram one = scram(u, "a@b.c", SCRAM_SHA_256, 1);
	struct users_scram two = scram(u, "a@b.c", SCRAM_SHA_256, 1);
	assert_memory_equal(&one.key, &two.key, sizeof(one.key));
	struct err e;
	assert_int_equal(scram_key_matches(&one.key, "pencil", &e), 1);
	users_free(&u);
}

/* RFC 4013 forbids the password; 4 and 5 are others that can be prepared. */
static void
a_password_that_scram_cannot_take_is_nobodys(void **state)
{
	struct users *u = open_with("a@b.c {PLAIN}%07\nb@b.c {PLAIN}x\n");

	(void)state;
	struct users_scram s = scram(u, "a@b.c", SCRAM_SHA_256, 0);
	struct err e;
	assert_int_equal(scram_key_matches(&s.key, "x", &e), 0);
	assert_int_equal(s.key.iterations, SCRAM_ITERATIONS);
	assert_int_equal(login(u, "a@b.c", "\a"), 1);
	users_free(&u);
}

/* The key that stands in the file is what SCRAM takes, wherever it stands; by
 * password any of them opens. */
static void
a_plain_password_before_a_key(void **state)
{
	static const char *const texts[] = {
		"user@a.b {PLAIN}other " KEY_256 "\n",
		"user@a.b " KEY_256 " {PLAIN}other\n",
		"user@a.b {PLAIN}other {PLAIN}third " KEY_1 " " KEY_256 "\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct users *u = open_with(texts[i]);
		struct err e;
		struct users_scram s = scram(u, "user@a.b", SCRAM_SHA_256, 1);
		assert_int_equal(s.key.iterations, 4096);
		assert_int_equal(scram_key_matches(&s.key, "pencil", &e), 1);
		assert_int_equal(scram_key_matches(&s.key, "other", &e), 0);
		/* of the other hash it is made where there is no key */
		s = scram(u, "user@a.b", SCRAM_SHA_1, 1);
		assert_int_equal(
		    scram_key_matches(&s.key, i == 2 ? "pencil" : "other", &e),
		    1);
		assert_int_equal(login(u, "user@a.b", "pencil"), 1);
		assert_int_equal(login(u, "user@a.b", "other"), 1);
		assert_int_equal(login(u, "user@a.b", "wrong"), 0);
		users_free(&u);
	}
}

static struct users *
open_with_secret(const char *text)
{
	struct users *u = open_with(text);
	struct err e;

	assert_int_equal(users_use_secret(u, &e), 0);
	return u;
}

static void
forget_secret(void)
{
	char secret[80];

	(void)snprintf(secret, sizeof(secret), "%s.secret", path);
	(void)unlink(secret);
}

/* What a client sees before it proves anything: the salt and the count. */
static void
scram_looks_the_same_for_nobody(void **state)
{
	static const char text[] =
	    "user@a.b " KEY_256 "\n"
	    "off@a.b " KEY_256 " disabled=yes\n"
	    "plainoff@a.b {PLAIN}x disabled=yes\n"
	    "hash@a.b {CRYPT}abNANd1rDfiNc\n"
	    "one@a.b " KEY_1 "\n"
	    "none@a.b\nalias@a.b " KEY_256 " alias=other@a.b\n";
	/* The same file with another password and another first user. */
	static const char changed[] =
	    "first@a.b {PLAIN}another\nuser@a.b {PLAIN}another\n"
	    "none@a.b\nalias@a.b " KEY_256 " alias=other@a.b\n";
	static const char *const nobodies[] = { "no@a.b",       "off@a.b",
						"plainoff@a.b", "hash@a.b",
						"one@a.b",      "none@a.b",
						"other@a.b",    "user+tag@a.b",
						"no address",   "" };
	enum { N = sizeof(nobodies) / sizeof(nobodies[0]) };
	static struct users_scram seen[N], again, one;

	(void)state;
	struct users *u = open_with_secret(text);
	for (size_t i = 0; i < N; i++) {
		seen[i] = scram(u, nobodies[i], SCRAM_SHA_256, 0);
		again = scram(u, nobodies[i], SCRAM_SHA_256, 0);
		assert_int_equal(seen[i].key.iterations, SCRAM_ITERATIONS);
		assert_int_equal(seen[i].key.salt_n, SCRAM_SALT_SIZE);
		assert_memory_equal(seen[i].key.salt, again.key.salt, 16);
		/* no digests: what nobody has cannot be proved, nor guessed */
		assert_memory_not_equal(seen[i].key.stored, again.key.stored,
					32);
		for (size_t k = 0; k < i && i < N - 1; k++)
			assert_memory_not_equal(seen[i].key.salt,
						seen[k].key.salt, 16);
		one = scram(u, nobodies[i], SCRAM_SHA_1,
			    strcmp(nobodies[i], "one@a.b") == 0);
		if (strcmp(nobodies[i], "one@a.b") != 0)
			assert_memory_not_equal(one.key.salt, seen[i].key.salt,
						16);
	}
	users_free(&u);
	u = open_with_secret(changed); /* a restart, and other passwords */
	for (size_t i = 0; i < N; i++) {
		struct users_scram now =
		    scram(u, nobodies[i], SCRAM_SHA_256, 0);
		assert_memory_equal(now.key.salt, seen[i].key.salt, 16);
		assert_int_equal(now.key.iterations, seen[i].key.iterations);
	}
	users_free(&u);
	forget_secret(); /* another secret: other salts, as nothing else is */
	u = open_with_secret(text);
	struct users_scram now = scram(u, "no@a.b", SCRAM_SHA_256, 0);
	assert_memory_not_equal(now.key.salt, seen[0].key.salt, 16);
	users_free(&u);
	forget_secret();
}

/* One name in its many forms is one name: a guest must not learn by them which
 * exist. */
static void
forms_of_a_name_get_one_answer(void **state)
{
	static const char *const same[][2] = {
		{ "no@a.b", "NO@A.B" },
		{ "no@a.b", "\"no\"@a.b" },
		{ "no@b\xc3\xbc"
		  "cher.example",
		  "no@xn--bcher-kva.example" },
		{ "no@b\xc3\xbc"
		  "cher.example",
		  "no@B\xc3\x9c"
		  "CHER.example" },
		{ "user@a.b", "User@A.b" },
		{ "pass@a.b", "\"pass\"@A.B" },
	};

	(void)state;
	struct users *u =
	    open_with_secret("user@a.b " KEY_256 "\npass@a.b {PLAIN}x\n");
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		int want = i > 3;
		struct users_scram a =
		    scram(u, same[i][0], SCRAM_SHA_256, want);
		struct users_scram b =
		    scram(u, same[i][1], SCRAM_SHA_256, want);
		assert_string_equal(a.user.address, b.user.address);
		assert_memory_equal(a.key.salt, b.key.salt, SCRAM_SALT_MAX);
		assert_int_equal(a.key.iterations, b.key.iterations);
	}
	users_free(&u);
	forget_secret();
}

static void
scram_is_offered_when_it_serves_everybody(void **state)
{
	static const struct {
		const char *text;
		bool sha_1, sha_256;
	} rows[] = {
		{ "a@b.c {PLAIN}x\nlist@b.c\n", true, true },
		{ "a@b.c {PLAIN}x\nb@b.c " KEY_256 "\n", false, true },
		{ "a@b.c {PLAIN}x\nb@b.c {CRYPT}abNANd1rDfiNc\n", false,
		  false },
		{ "a@b.c {PLAIN}x\nb@b.c {CRYPT}abNANd1rDfiNc " KEY_1 "\n",
		  true, false },
		{ "a@b.c {PLAIN}x\nb@b.c {CRYPT}abNANd1rDfiNc disabled=yes\n",
		  true, true },
		{ "list@b.c\n", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct users *u = open_with(rows[i].text);
		assert_int_equal(users_scram_offered(u, SCRAM_SHA_1),
				 rows[i].sha_1);
		assert_int_equal(users_scram_offered(u, SCRAM_SHA_256),
				 rows[i].sha_256);
		users_free(&u);
	}
}

#define DIGEST \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
certificates_name_one_user(void **state)
{
	struct users *u = open_with("a@b.c certificate=" DIGEST "\nb@b.c\n");
	struct user user;
	struct err e;

	(void)state;
	assert_int_equal(users_certificate(u, DIGEST, &user, &e), 1);
	assert_string_equal(user.address, "a@b.c");
	assert_int_equal(users_certificate(u, "", &user, &e), 0);
	assert_int_equal(users_find(u, "a@b.c", &user, &e), 1);
	users_free(&u);
	expect_error("a@b.c certificate=" DIGEST "\nb@b.c certificate=" DIGEST
		     "\n",
		     "2: 'certificate=" DIGEST
		     "' stands twice, first as an alias in line 1");
	expect_error("a@b.c certificate=12\n",
		     "1: certificate: '12' is not a SHA-256 digest, as "
		     "sha256//BASE64 or 64 hexadecimal digits");
	expect_error("a@b.c certificate=sha256//AAAA\n",
		     "1: certificate: 'sha256//AAAA' is not a SHA-256 digest, "
		     "as sha256//BASE64 or 64 hexadecimal digits");
	/* The same key in the other form. */
	expect_error("a@b.c certificate=" DIGEST "\nb@b.c certificate="
		     "sha256//ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=\n",
		     "2: 'certificate=" DIGEST
		     "' stands twice, first as an alias in line 1");
}

/* ---- how many hashes at once ---- */

static pthread_mutex_t hash_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hash_moved = PTHREAD_COND_INITIALIZER;
static int hashing, hashing_most, hashing_waited_for; /* 0: nothing */

/* In place of libcrypt's: a hash lasts until one too many is under way, or for
 * a moment. */
char *
crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
	struct timespec until;

	(void)pthread_mutex_lock(&hash_lock);
	hashing++;
	if (hashing > hashing_most)
		hashing_most = hashing;
	(void)pthread_cond_broadcast(&hash_moved);
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 50 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (hashing_most < hashing_waited_for &&
	       pthread_cond_timedwait(&hash_moved, &hash_lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&hash_lock);
	char *hash = crypt_rn(phrase, setting, data, (int)sizeof(*data));
	(void)pthread_mutex_lock(&hash_lock);
	hashing--;
	(void)pthread_mutex_unlock(&hash_lock);
	return hash;
}

static void *
log_in_wrongly(void *arg)
{
	return login(arg, "a@b.c", "wrong") == 0 ? NULL : arg;
}

/* A hash takes 16 MiB and a processor: a flood of logins waits in line. */
static void
no_more_hashes_at_once_than_processors(void **state)
{
	enum { EXTRA = 3, MOST = 16 };
	char hash[200], text[300];
	pthread_t t[MOST + EXTRA];
	struct err e;

	(void)state;
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	n = n < 1 ? 1 : n > MOST ? MOST : n;
	assert_int_equal(
	    password_hash(span_of("right"), hash, sizeof(hash), &e), 0);
	(void)snprintf(text, sizeof(text), "a@b.c %s\n", hash);
	struct users *u = open_with(text);
	hashing_most = 0;
	hashing_waited_for = (int)n + 1;
	for (int i = 0; i < n + EXTRA; i++)
		assert_int_equal(pthread_create(&t[i], NULL, log_in_wrongly, u),
				 0);
	for (int i = 0; i < n + EXTRA; i++) {
		void *failed;
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	hashing_waited_for = 0;
	assert_in_range(hashing_most, 1, n);
	users_free(&u);
}

static void
words_survive_their_escapes(void **state)
{
	static const char password[] = "{PLAIN}a b\t%41=\xc3\xa9\x7f";
	struct users_entry entry;
	struct arena arena;
	struct buf line;
	struct err e;

	(void)state;
	buf_init(&line, 200);
	arena_init(&arena, 10000);
	assert_int_equal(users_line_add_word(&line, span_of("#a@b.c")), 0);
	assert_int_equal(buf_add_char(&line, ' '), 0);
	assert_int_equal(users_line_add_word(&line, span_of(password)), 0);
	assert_int_equal(users_line_parse(buf_span(&line), &arena, &entry, &e),
			 1);
	assert_string_equal(entry.address, "#a@b.c");
	assert_int_equal(entry.n_credentials, 1);
	assert_string_equal(entry.credentials[0], password);
	arena_reset(&arena);
	buf_free(&line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_log_in_by_address),
		cmocka_unit_test(mail_finds_users_aliases_and_the_disabled),
		cmocka_unit_test(send_as_grants_what_it_names),
		cmocka_unit_test(mistakes_are_named_by_line),
		cmocka_unit_test(bad_addresses_and_long_lines_are_refused),
		cmocka_unit_test(a_change_is_seen_at_the_next_login),
		cmocka_unit_test(a_bad_file_keeps_the_old_users),
		cmocka_unit_test(an_emptied_file_keeps_the_old_users),
		cmocka_unit_test(users_are_listed_in_file_order),
		cmocka_unit_test(many_users_are_found),
		cmocka_unit_test(threads_look_up_while_the_file_changes),
		cmocka_unit_test(every_refusal_takes_as_long_with_two_methods),
		cmocka_unit_test(every_refusal_takes_as_long_with_scram_keys),
		cmocka_unit_test(a_scram_key_serves_for_passwords_too),
		cmocka_unit_test(a_plain_password_gives_a_lasting_scram_key),
		cmocka_unit_test(a_password_that_scram_cannot_take_is_nobodys),
		cmocka_unit_test(a_plain_password_before_a_key),
		cmocka_unit_test(scram_looks_the_same_for_nobody),
		cmocka_unit_test(forms_of_a_name_get_one_answer),
		cmocka_unit_test(scram_is_offered_when_it_serves_everybody),
		cmocka_unit_test(certificates_name_one_user),
		cmocka_unit_test(every_refusal_takes_as_long),
		cmocka_unit_test(no_more_hashes_at_once_than_processors),
		cmocka_unit_test(words_survive_their_escapes),
	};
	struct err e;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(dir) == NULL || log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/users", dir);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)rmdir(dir);
	return rc;
}
