#include "../test.h"

#include <stdio.h>
#include <string.h>

#include "auth/password.h"
#include "base/rand.h"

static void
check(const char *stored, const char *password, int want)
{
	struct err e = { 0 };

	assert_int_equal(password_matches(stored, span_of(password), &e), want);
}

static void
any_crypt_hash_is_understood(void **state)
{
	/* "secret" in yescrypt, scrypt, bcrypt, SHA-512, SHA-256, MD5, DES */
	static const char *const hashes[] = {
		"{CRYPT}$y$j75$abcdefgh$"
		"uMUXG79B2cFpoAYyDccUnsaH/aGTyBYMlnQidzyag01",
		"{CRYPT}$7$CU..../....abcdefgh$"
		"XWs9HxtpA2.6U5CDBBbcW.h3o9pYlC.MIIb8JqMgZx6",
		"{CRYPT}$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4U"
		"pFFP8WIrW",
		"{CRYPT}$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGS"
		"tk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
		"{CRYPT}$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16J"
		"VM.",
		"{CRYPT}$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
		"{crypt}abNANd1rDfiNc",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		struct err e;
		assert_int_equal(password_check_stored(hashes[i], &e), 0);
		check(hashes[i], "secret", 1);
		check(hashes[i], "secreT", 0);
	}
}

static void
new_hashes_match_their_password_only(void **state)
{
	char one[PASSWORD_STORED_SIZE], two[PASSWORD_STORED_SIZE];
	struct err e;

	(void)state;
	assert_int_equal(password_hash(span_of("gr\xc3\xbc\xc3\x9f e"), one,
				       sizeof(one), &e),
			 0);
	assert_int_equal(password_hash(span_of("gr\xc3\xbc\xc3\x9f e"), two,
				       sizeof(two), &e),
			 0);
	assert_memory_equal(one, "{CRYPT}$y$", 10);
	assert_string_not_equal(one, two);
	assert_int_equal(password_check_stored(one, &e), 0);
	check(one, "gr\xc3\xbc\xc3\x9f e", 1);
	check(one, "gr\xc3\xbc\xc3\x9f", 0);
	check(one, "", 0);
}

/* crypt(5): what decides how long a hash takes, and not its salt. */
static void
the_setting_of_a_hash_is_without_its_salt(void **state)
{
	static const struct {
		const char *hash, *setting;
	} all[] = {
		{ "$y$j9T$uK3rT$x", "$y$j9T$" },
		{ "$gy$j9T$uK3rT$x", "$gy$j9T$" },
		{ "$7$CU..../....salt$x", "$7$CU..../...." },
		{ "$2b$08$saltsaltsaltsaltsalt..x", "$2b$08$" },
		{ "$6$rounds=2000$salt$x", "$6$rounds=2000$" },
		{ "$6$salt$x", "$6$" },
		{ "$5$rounds=7$salt$x", "$5$rounds=7$" },
		{ "$sha1$24680$salt$x", "$sha1$24680$" },
		{ "$md5,rounds=5000$salt$$x", "$md5,rounds=5000$" },
		{ "$1$salt$x", "$1$" },
		{ "_J9..rasmBYk8r9AiWNc", "_J9.." },
		{ "abJnggxhB/yWI", "-" },
		{ "$y$", "$y$" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char stored[100];
		(void)snprintf(stored, sizeof(stored), "{CRYPT}%s",
			       all[i].hash);
		struct span got = password_setting(stored);
		if (!span_eq(got, span_of(all[i].setting)))
			fail_msg("%s: %.*s", all[i].hash, SPAN_ARG(got));
	}
}

static void
plain_passwords_match_byte_by_byte(void **state)
{
	(void)state;
	check("{PLAIN}secret", "secret", 1);
	check("{plain}secret", "secret", 1);
	check("{PLAIN}secret", "secreT", 0);
	check("{PLAIN}secret", "secre", 0);
	check("{PLAIN}secret", "secrets", 0);
	check("{PLAIN}x", "", 0);
	assert_int_equal(password_setting("{PLAIN}secret").n, 0);
}

/* A key with the least count and a salt of its own. */
static int
make_scram(enum scram_hash hash, const char *password, char *out, struct err *e)
{
	struct scram_key key = { .hash = hash,
				 .iterations = SCRAM_ITERATIONS_MIN,
				 .salt_n = SCRAM_SALT_SIZE };

	rand_bytes(key.salt, key.salt_n);
	return password_scram(&key, span_of(password), out,
			      PASSWORD_STORED_SIZE, e);
}

static void
scram_keys_match_their_password_only(void **state)
{
	static const enum scram_hash hashes[] = { SCRAM_SHA_1, SCRAM_SHA_256 };
	char one[PASSWORD_STORED_SIZE], two[PASSWORD_STORED_SIZE];
	struct scram_key key;
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    make_scram(hashes[i], "gr\xc3\xbc\xc3\x9f", one, &e), 0);
		assert_int_equal(
		    make_scram(hashes[i], "gr\xc3\xbc\xc3\x9f", two, &e), 0);
		assert_string_not_equal(one, two); /* salt */
		assert_int_equal(password_check_stored(one, &e), 0);
		check(one, "gr\xc3\xbc\xc3\x9f", 1);
		check(one, "grus", 0);
		check(one, "", 0);
		check(one, "gr\xfc\xdf", 0); /* not UTF-8 */
		assert_true(password_scram_key(one, hashes[i], &key));
		assert_false(password_scram_key(one, hashes[1 - i], &key));
		struct password_cost cost = { 0 };
		password_cost_add(&cost, one);
		assert_int_equal(cost.keys[hashes[i]], 1);
		assert_int_equal(cost.rounds[hashes[i]], 4096);
		assert_int_equal(cost.rounds[hashes[1 - i]], 0);
		assert_int_equal(password_setting(one).n, 0);
	}
	assert_int_equal(make_scram(SCRAM_SHA_256, "a\x07", one, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(make_scram(SCRAM_SHA_256, "", one, &e), -1);
	assert_string_equal(password_plain("{plain}secret"), "secret");
	assert_null(password_plain("{CRYPT}secret"));
}

static void
odd_passwords_are_wrong_not_fatal(void **state)
{
	static char big[100000];
	struct err e;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(
	    password_matches("{PLAIN}x", span_make(big, sizeof(big)), &e), 0);
	assert_int_equal(
	    password_matches("{PLAIN}secret", span_make("secret\0x", 8), &e),
	    0);
	assert_int_equal(password_matches("{PLAIN}x", span_make("x\0", 2), &e),
			 0);
	assert_int_equal(password_matches("{PLAIN}x", span_make(NULL, 0), &e),
			 0);
}

static void
expect_reason(const char *stored, const char *reason)
{
	struct err e;

	assert_int_equal(password_check_stored(stored, &e), -1);
	assert_string_equal(e.msg, reason);
}

static void
unusable_credentials_are_named(void **state)
{
	(void)state;
	expect_reason("{CRPT}$y$x",
		      "unknown password scheme {CRPT}, did you mean {CRYPT}?");
	expect_reason("{SHA256}abc",
		      "unknown password scheme {SHA256}: there are "
		      "{SCRAM-SHA-256}, {SCRAM-SHA-1}, {CRYPT} and {PLAIN}");
	expect_reason("{SCRAM-SHA-265}x", "unknown password scheme "
					  "{SCRAM-SHA-265}, did you mean "
					  "{SCRAM-SHA-256}?");
	expect_reason("{SCRAM-SHA-256}", "{SCRAM-SHA-256}: a number of "
					 "iterations comes first");
	expect_reason("{CRYPT}secret", "what follows {CRYPT} is not a hash "
				       "that crypt(3) knows");
	expect_reason("{CRYPT}$zz$x", "what follows {CRYPT} is not a hash "
				      "that crypt(3) knows");
	expect_reason("{CRYPT}*", "what follows {CRYPT} is not a hash that "
				  "crypt(3) knows");
	expect_reason("{PLAIN}", "{PLAIN} without a password");
	expect_reason("{PLAIN", "a credential is {SCHEME}value, such as "
				"{SCRAM-SHA-256}key or {CRYPT}hash");
}

static void
new_passwords_have_bounds(void **state)
{
	char big[PASSWORD_MAX + 1], out[PASSWORD_STORED_SIZE];
	struct err e;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(password_check_new(span_make(big, PASSWORD_MAX), &e),
			 0);
	assert_int_equal(
	    password_check_new(span_make(big, PASSWORD_MAX + 1), &e), -1);
	assert_int_equal(password_check_new(span_of(""), &e), -1);
	assert_int_equal(password_check_new(span_of("a\nb"), &e), -1);
	assert_int_equal(
	    password_hash(span_make("a\0b", 3), out, sizeof(out), &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_crypt_hash_is_understood),
		cmocka_unit_test(new_hashes_match_their_password_only),
		cmocka_unit_test(the_setting_of_a_hash_is_without_its_salt),
		cmocka_unit_test(plain_passwords_match_byte_by_byte),
		cmocka_unit_test(scram_keys_match_their_password_only),
		cmocka_unit_test(odd_passwords_are_wrong_not_fatal),
		cmocka_unit_test(unusable_credentials_are_named),
		cmocka_unit_test(new_passwords_have_bounds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
