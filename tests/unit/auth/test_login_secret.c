#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/login_secret.h"
#include "base/durable.h"

static char directory[] = "/tmp/test_login_secret.XXXXXX";
static char users[64], secret[80];

static void
write_secret(const char *text, mode_t mode)
{
	struct err e;

	assert_int_equal(durable_replace_path(secret, span_of(text), mode, &e),
			 0);
	assert_int_equal(chmod(secret, mode), 0);
}

static void
one_is_made_and_kept(void **state)
{
	struct login_secret one, two;
	struct err e;
	struct stat st;

	(void)state;
	(void)unlink(secret);
	assert_int_equal(login_secret_read(&one, users, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	assert_int_equal(login_secret_read(&one, users, &e), 0);
	assert_int_equal(one.iterations, 10000);
	assert_int_equal(strlen(one.key), LOGIN_SECRET_TEXT);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	/* a second time nothing happens */
	assert_int_equal(login_secret_make(users, 20000, &e), 0);
	assert_int_equal(login_secret_read(&two, users, &e), 0);
	assert_string_equal(one.key, two.key);
	assert_int_equal(two.iterations, 10000);
	/* another count, the same secret */
	assert_int_equal(login_secret_set_iterations(users, 20000, &e), 0);
	assert_int_equal(login_secret_read(&two, users, &e), 0);
	assert_string_equal(one.key, two.key);
	assert_int_equal(two.iterations, 20000);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	assert_int_equal(login_secret_read(&two, users, &e), 0);
	assert_string_not_equal(one.key, two.key);
}

static void
expect_reader(uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 07777, mode);
}

/* Root makes it for whoever reads the users file, and nobody else. */
static void
what_root_makes_the_server_can_read(void **state)
{
	enum { SOMEBODY = 12345 };
	char other[96];
	struct err e;

	(void)state;
	if (geteuid() != 0)
		leave_test("needs root");
	(void)unlink(secret);
	assert_int_equal(chown(users, SOMEBODY, SOMEBODY), 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	expect_reader(SOMEBODY, SOMEBODY, 0600);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(chown(users, 0, SOMEBODY), 0);
	assert_int_equal(chmod(users, 0640), 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	expect_reader(0, SOMEBODY, 0640);
	/* made first, and the users file given away later */
	assert_int_equal(chown(secret, 0, 0), 0);
	assert_int_equal(chmod(secret, 0600), 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	expect_reader(0, SOMEBODY, 0640);
	/* not what has another name, nor what is somebody's */
	assert_int_equal(chown(secret, 0, 0), 0);
	assert_int_equal(chmod(secret, 0600), 0);
	(void)snprintf(other, sizeof(other), "%s/other", directory);
	assert_int_equal(link(secret, other), 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	expect_reader(0, 0, 0600);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(chown(secret, SOMEBODY, SOMEBODY), 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	expect_reader(SOMEBODY, SOMEBODY, 0600);
	/* nor a file that is none */
	assert_int_equal(unlink(secret), 0);
	write_secret("root:x:0:0\n", 0600);
	assert_int_equal(chown(secret, 0, 0), 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	expect_reader(0, 0, 0600);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(chown(users, 0, 0), 0);
	assert_int_equal(chmod(users, 0600), 0);
}

/* Who may write to the directory links a secret to this name: it is neither
 * given away nor copied into a file that he can read. */
static void
a_secret_of_elsewhere_is_not_given_away(void **state)
{
	enum { SOMEBODY = 12345 };
	struct login_secret s;
	char other[96], held[256];
	struct stat st, now;
	struct err e;

	(void)state;
	if (geteuid() != 0)
		leave_test("needs root");
	(void)snprintf(other, sizeof(other), "%s/other", directory);
	(void)unlink(secret);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	assert_int_equal(chown(users, SOMEBODY, SOMEBODY), 0);
	/* a file that is there never changes hands: a new one takes its place
	 */
	int fd = open(secret, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(login_secret_make(users, 10000, &e), 0);
	expect_reader(SOMEBODY, SOMEBODY, 0600);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, 0);
	ssize_t n = read(fd, held, sizeof(held) - 1);
	assert_true(n > 0);
	held[n] = '\0';
	(void)close(fd);
	assert_int_equal(login_secret_read(&s, users, &e), 0);
	assert_non_null(strstr(held, s.key));
	/* by a link of either kind */
	for (int way = 0; way < 2; way++) {
		assert_int_equal(unlink(secret), 0);
		assert_int_equal(
		    durable_replace_path(other, span_of(held), 0600, &e), 0);
		assert_int_equal(
		    way == 0 ? symlink(other, secret) : link(other, secret), 0);
		assert_int_equal(lstat(secret, &st), 0);
		assert_int_equal(login_secret_make(users, 10000, &e), 0);
		assert_int_equal(login_secret_set_iterations(users, 20000, &e),
				 -1);
		assert_int_equal(e.class, ERR_PERM);
		assert_int_equal(lstat(secret, &now), 0);
		assert_int_equal(now.st_ino, st.st_ino);
		assert_int_equal(stat(other, &now), 0);
		assert_int_equal(now.st_uid, 0);
		assert_int_equal(unlink(other), 0);
	}
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(chown(users, 0, 0), 0);
}

static void
it_stands_beside_the_file_behind_a_link(void **state)
{
	struct login_secret one, two;
	char name[96];
	struct err e;

	(void)state;
	(void)snprintf(name, sizeof(name), "%s/link", directory);
	assert_int_equal(symlink(users, name), 0);
	assert_int_equal(login_secret_make(name, 10000, &e), 0);
	assert_int_equal(login_secret_read(&one, name, &e), 0);
	assert_int_equal(login_secret_read(&two, users, &e), 0);
	assert_string_equal(one.key, two.key);
	assert_int_equal(unlink(name), 0);
}

static void
what_is_no_secret_is_refused(void **state)
{
#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"
	static const char *const bad[] = {
		"",
		"\n",
		"postpair-secret 1 10000 " DIGITS "f",
		"postpair-secret 2 10000 " DIGITS "f\n",
		"postpair-secret 1 4095 " DIGITS "f\n",
		"postpair-secret 1 1000001 " DIGITS "f\n",
		"postpair-secret 1 10000 " DIGITS "\n",
		"postpair-secret 1 10000 " DIGITS "F\n",
		"postpair-secret 1 10000 " DIGITS "ff\n",
		"postpair-secret 1 10000 " DIGITS "f x\n",
		"postpair-secret 1 " DIGITS "f 10000\n",
	};
	static const char good[] = "postpair-secret 1 10000 " DIGITS "f\n";
	struct login_secret s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_secret(bad[i], 0600);
		assert_int_equal(login_secret_read(&s, users, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
		assert_non_null(strstr(e.msg, secret));
		/* it is not made anew over what somebody wrote */
		assert_int_equal(login_secret_make(users, 10000, &e), 0);
		assert_int_equal(login_secret_read(&s, users, &e), -1);
		assert_int_equal(login_secret_set_iterations(users, 20000, &e),
				 -1);
	}
	write_secret(good, 0600);
	assert_int_equal(login_secret_read(&s, users, &e), 0);
	write_secret(good, 0640);
	assert_int_equal(login_secret_read(&s, users, &e), 0);
	static const mode_t open[] = { 0604, 0602, 0601, 0660 };
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
		write_secret(good, open[i]);
		assert_int_equal(login_secret_read(&s, users, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
	}
}

/* What is made depends on the secret, the use and the name, by HMAC-SHA-256
 * (RFC 2104): computed with Python's hmac of the same text and 00000001. */
static void
what_is_derived(void **state)
{
	struct login_secret s = { .iterations = 10000 };
	struct scram_key key = { .hash = SCRAM_SHA_256, .iterations = 10000 };
	unsigned char one[LOGIN_SECRET_BYTES], two[LOGIN_SECRET_BYTES];
	static const unsigned char want[LOGIN_SECRET_BYTES] = {
		0xca, 0x52, 0x7d, 0x17, 0xd5, 0xaa, 0x3d, 0x6d,
		0xc2, 0xd9, 0xc7, 0x45, 0x1a, 0xc5, 0x71, 0x90,
		0x8c, 0xe1, 0x25, 0x99, 0x41, 0x03, 0x1b, 0xb4,
		0x71, 0xba, 0xd2, 0xbb, 0xf1, 0x6d, 0xb8, 0x36,
	};
	struct err e;

	(void)state;
	memcpy(s.key, DIGITS "f", LOGIN_SECRET_TEXT + 1);
	assert_int_equal(login_secret_derive(&s, "salt:SCRAM-SHA-256:10000",
					     "a@b.c", one, sizeof(one), &e),
			 0);
	assert_memory_equal(one, want, sizeof(want));
	assert_int_equal(login_secret_salt(&s, "a@b.c", &key, &e), 0);
	assert_int_equal(key.salt_n, SCRAM_SALT_SIZE);
	assert_memory_equal(key.salt, want, SCRAM_SALT_SIZE);
	/* another hash, another count, another name, another secret */
	key.hash = SCRAM_SHA_1;
	assert_int_equal(login_secret_salt(&s, "a@b.c", &key, &e), 0);
	assert_memory_not_equal(key.salt, want, SCRAM_SALT_SIZE);
	key.hash = SCRAM_SHA_256;
	key.iterations = 10001;
	assert_int_equal(login_secret_salt(&s, "a@b.c", &key, &e), 0);
	assert_memory_not_equal(key.salt, want, SCRAM_SALT_SIZE);
	key.iterations = 10000;
	assert_int_equal(login_secret_salt(&s, "a@b.d", &key, &e), 0);
	assert_memory_not_equal(key.salt, want, SCRAM_SALT_SIZE);
	login_secret_random(&s, 10000);
	assert_int_equal(login_secret_derive(&s, "salt:SCRAM-SHA-256:10000",
					     "a@b.c", two, sizeof(two), &e),
			 0);
	assert_memory_not_equal(two, want, sizeof(want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_made_and_kept),
		cmocka_unit_test(what_root_makes_the_server_can_read),
		cmocka_unit_test(a_secret_of_elsewhere_is_not_given_away),
		cmocka_unit_test(it_stands_beside_the_file_behind_a_link),
		cmocka_unit_test(what_is_no_secret_is_refused),
		cmocka_unit_test(what_is_derived),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(directory) == NULL)
		return 1;
	(void)snprintf(users, sizeof(users), "%s/users", directory);
	(void)snprintf(secret, sizeof(secret), "%s.secret", users);
	FILE *f = fopen(users, "we");
	if (f == NULL || fclose(f) != 0)
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(secret);
	(void)unlink(users);
	return rmdir(directory) != 0 ? 1 : rc;
}
