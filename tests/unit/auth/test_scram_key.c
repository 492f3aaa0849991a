#include "../test.h"

#include <string.h>

#include "auth/scram_key.h"

/* RFC 5802 5 and RFC 7677 3: the password is "pencil".  The keys follow from
 * the proofs that stand there. */
static const char rfc5802[] = "4096,QSXCR+Q6sek8bf92,"
			      "6dlGYMOdZcOPutkcNY8U2g7vK9Y=,"
			      "D+CSWLOshSulAsxiupA+qs2/fTE=";
static const char rfc7677[] = "4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
			      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
			      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

static struct scram_key
parse(enum scram_hash hash, const char *value)
{
	struct scram_key key;
	struct err e = { 0 };

	if (scram_key_parse(&key, hash, span_of(value), &e) != 0)
		fail_msg("%s", e.msg);
	return key;
}

static void
the_keys_of_the_rfcs_are_derived(void **state)
{
	static const struct {
		enum scram_hash hash;
		const char *value;
	} rows[] = { { SCRAM_SHA_1, rfc5802 }, { SCRAM_SHA_256, rfc7677 } };
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct scram_key key = parse(rows[i].hash, rows[i].value);
		struct scram_key made = key;
		memset(made.stored, 0, sizeof(made.stored));
		memset(made.server, 0, sizeof(made.server));
		assert_int_equal(scram_key_derive(&made, "pencil", &e), 0);
		assert_memory_equal(&made, &key, sizeof(key));
		assert_int_equal(scram_key_matches(&key, "pencil", &e), 1);
		assert_int_equal(scram_key_matches(&key, "Pencil", &e), 0);
		assert_int_equal(scram_key_matches(&key, "", &e), 0);
	}
}

static void
keys_are_written_as_they_are_read(void **state)
{
	char text[SCRAM_STORED_SIZE];
	struct err e;

	(void)state;
	struct scram_key key = parse(SCRAM_SHA_256, rfc7677);
	assert_int_equal(scram_key_write(&key, text, sizeof(text), &e), 0);
	assert_memory_equal(text, "{SCRAM-SHA-256}", 15);
	assert_string_equal(text + 15, rfc7677);
	key = parse(SCRAM_SHA_1, rfc5802);
	assert_int_equal(scram_key_write(&key, text, sizeof(text), &e), 0);
	assert_memory_equal(text, "{SCRAM-SHA-1}", 13);
	assert_string_equal(text + 13, rfc5802);
	key.salt_n = SCRAM_SALT_MAX;
	key.hash = SCRAM_SHA_256;
	key.iterations = SCRAM_ITERATIONS_MAX;
	assert_int_equal(scram_key_write(&key, text, sizeof(text), &e), 0);
}

/* RFC 5803 2 and what PostgreSQL keeps. */
static void
other_separators_are_understood(void **state)
{
	static const char *const same[] = {
		"4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
		"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"4096,W22ZaJ0SNY7soEsUEjb6gQ==$"
		"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
		"4096:W22ZaJ0SNY7soEsUEjb6gQ==:"
		"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
		"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
	};

	(void)state;
	struct scram_key key = parse(SCRAM_SHA_256, rfc7677);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct scram_key got = parse(SCRAM_SHA_256, same[i]);
		assert_memory_equal(&got, &key, sizeof(key));
	}
}

static void
expect_reason(enum scram_hash hash, const char *value, const char *reason)
{
	struct scram_key key;
	struct err e;

	assert_int_equal(scram_key_parse(&key, hash, span_of(value), &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_string_equal(e.msg, reason);
}

static void
wrong_keys_are_explained_and_not_shown(void **state)
{
	static const char count[] =
	    "{SCRAM-SHA-256}: the iterations are not 4096 to 1000000";
	static const char salt[] =
	    "{SCRAM-SHA-256}: the salt is not 1 to 64 bytes in base64";

	(void)state;
	expect_reason(SCRAM_SHA_256, "",
		      "{SCRAM-SHA-256}: a number of iterations comes first");
	expect_reason(SCRAM_SHA_256, "x,QQ==,a,b",
		      "{SCRAM-SHA-256}: a number of iterations comes first");
	expect_reason(SCRAM_SHA_256, "4095,QQ==,a,b", count);
	expect_reason(SCRAM_SHA_256, "1000001,QQ==,a,b", count);
	expect_reason(SCRAM_SHA_256, "18446744073709551615,QQ==,a,b", count);
	expect_reason(SCRAM_SHA_256, "4096", salt);
	expect_reason(SCRAM_SHA_256, "4096,", salt);
	expect_reason(SCRAM_SHA_256, "4096,!!!!,a,b", salt);
	expect_reason(SCRAM_SHA_256, "4096,QQ==,AAAA,b",
		      "{SCRAM-SHA-256}: StoredKey is not a digest in base64");
	expect_reason(SCRAM_SHA_256, rfc5802,
		      "{SCRAM-SHA-256}: StoredKey is not a digest in base64");
	expect_reason(SCRAM_SHA_256,
		      "4096,W22ZaJ0SNY7soEsUEjb6gQ==,"
		      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
		      "{SCRAM-SHA-256}: ServerKey is not a digest in base64");
	expect_reason(SCRAM_SHA_1,
		      "4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,"
		      "D+CSWLOshSulAsxiupA+qs2/fTE=,",
		      "{SCRAM-SHA-1}: something follows ServerKey");
}

/* RFC 4013 3: the examples of SASLprep. */
static void
passwords_are_prepared(void **state)
{
	struct scram_key key = { .hash = SCRAM_SHA_256,
				 .iterations = SCRAM_ITERATIONS_MIN,
				 .salt_n = 1 };
	struct err e;

	(void)state;
	assert_int_equal(scram_key_derive(&key, "IX", &e), 0);
	assert_int_equal(scram_key_matches(&key, "I\xc2\xadX", &e), 1);
	assert_int_equal(scram_key_matches(&key, "\xe2\x85\xa8", &e), 1);
	assert_int_equal(scram_key_matches(&key, "ix", &e), 0);
	assert_int_equal(scram_key_matches(&key, "\x07", &e), 0);
	assert_int_equal(scram_key_derive(&key, "\x07", &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(scram_key_derive(&key, "\xd8\xa7\x31", &e), -1);
	assert_int_equal(scram_key_derive(&key, "\xff", &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_keys_of_the_rfcs_are_derived),
		cmocka_unit_test(keys_are_written_as_they_are_read),
		cmocka_unit_test(other_separators_are_understood),
		cmocka_unit_test(wrong_keys_are_explained_and_not_shown),
		cmocka_unit_test(passwords_are_prepared),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
