#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/users.h"
#include "auth/users_edit.h"
#include "base/durable.h"

static char dir[] = "/tmp/test_users_edit.XXXXXX";
static char path[64], lock_path[80], link_path[80];
static struct err e;

static void
write_file(const char *text, mode_t mode)
{
	if (durable_replace_path(path, span_of(text), mode, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
expect_file(const char *want)
{
	char *text = NULL;
	size_t n;

	assert_int_equal(
	    durable_read_file(AT_FDCWD, path, 100000, &text, &n, &e), 0);
	assert_string_equal(text, want);
	free(text);
}

static struct users_edit *
open_edit(void)
{
	struct users_edit *x;

	if (users_edit_open(&x, path, false, &e) != 0)
		fail_msg("%s", e.msg);
	return x;
}

static const char *const plain_x = "{PLAIN}x";

static int
set(struct users_edit *x, const char *address, const char *credential,
    struct err *error)
{
	return users_edit_set_credentials(x, address, &credential, 1, error);
}

static const char before[] = "# The users.\r\n"
			     "\n"
			     "alice@abc.com \t{PLAIN}a  quota=1M {PLAIN}b\r\n"
			     "  # Bob is away.\n"
			     "bob@xyz.com disabled=yes";

static void
users_are_added_at_the_end(void **state)
{
	static const char *const aliases[] = { "c@xyz.com", "\"c d\"@xyz.com" };
	static const char *const passwords[] = { "{PLAIN}se cret", "{PLAIN}x" };
	struct users_new user = { "Carol@XYZ.com", passwords, 2, "2G",
				  aliases,         2 };
	struct users_edit *x;
	char want[400];

	(void)state;
	write_file(before, 0600);
	x = open_edit();
	assert_int_equal(users_edit_add(x, &user, &e), 0);
	expect_file(before); /* not before it is saved */
	if (users_edit_save(x, &e) != 0)
		fail_msg("%s", e.msg);
	users_edit_close(&x);
	(void)snprintf(
	    want, sizeof(want),
	    "%s\ncarol@xyz.com  {PLAIN}se%%20cret  {PLAIN}x  quota=2G  "
	    "alias=c@xyz.com  alias=\"c%%20d\"@xyz.com\n",
	    before);
	expect_file(want);
}

static void
a_password_change_keeps_the_rest(void **state)
{
	struct users_edit *x;

	(void)state;
	write_file(before, 0600);
	x = open_edit();
	assert_int_equal(set(x, "ALICE@abc.com", "{PLAIN}new", &e), 0);
	assert_int_equal(set(x, "bob@xyz.com", "{PLAIN}b", &e), 0);
	assert_int_equal(users_edit_save(x, &e), 0);
	users_edit_close(&x);
	expect_file("# The users.\r\n"
		    "\n"
		    "alice@abc.com  {PLAIN}new  quota=1M\r\n"
		    "  # Bob is away.\n"
		    "bob@xyz.com  {PLAIN}b disabled=yes");
}

static void
a_removed_user_takes_one_line_along(void **state)
{
	struct users_edit *x;

	(void)state;
	write_file(before, 0600);
	x = open_edit();
	assert_int_equal(users_edit_remove(x, "alice@abc.com", &e), 0);
	assert_int_equal(users_edit_save(x, &e), 0);
	users_edit_close(&x);
	expect_file("# The users.\r\n\n  # Bob is away.\nbob@xyz.com "
		    "disabled=yes");
}

static void
expect_add(const char *address, const char *quota, const char *alias,
	   const char *reason)
{
	struct users_new user = { address, &plain_x, 1,
				  quota,   &alias,   alias != NULL };
	struct users_edit *x = open_edit();

	assert_int_equal(users_edit_add(x, &user, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_string_equal(e.msg, reason);
	users_edit_close(&x);
}

static void
what_makes_no_sense_is_refused(void **state)
{
	struct users_edit *x;

	(void)state;
	write_file("alice@abc.com {PLAIN}a alias=a@abc.com\n", 0600);
	expect_add("Alice@ABC.com", NULL, NULL,
		   "there is a user alice@abc.com already");
	expect_add("a@abc.com", NULL, NULL,
		   "a@abc.com is an alias of alice@abc.com already");
	expect_add("b@abc.com", NULL, "a@abc.com",
		   "alias: a@abc.com is an alias of alice@abc.com already");
	expect_add("b@abc.com", "lots", NULL,
		   "quota 'lots' is not a size, such as 100M or 2G");
	x = open_edit();
	assert_int_equal(users_edit_remove(x, "nobody@abc.com", &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_string_equal(e.msg, "there is no user nobody@abc.com");
	assert_int_equal(users_edit_remove(x, "a@abc.com", &e), -1);
	assert_string_equal(
	    e.msg, "a@abc.com is an alias: name the user, alice@abc.com");
	assert_int_equal(set(x, "alice@abc.com", "{PLAN}x", &e), -1);
	assert_int_equal(users_edit_remove(x, "alice", &e), -1);
	users_edit_close(&x);
	expect_file("alice@abc.com {PLAIN}a alias=a@abc.com\n");
}

static void
a_file_with_a_wrong_line_is_not_touched(void **state)
{
	struct users_edit *x;
	char want[200];

	(void)state;
	write_file("a@b.c\nnonsense here\n", 0600);
	assert_int_equal(users_edit_open(&x, path, true, &e), -1);
	(void)snprintf(want, sizeof(want), "%s:2: ", path);
	assert_memory_equal(e.msg, want, strlen(want));
	assert_int_equal(e.class, ERR_PERM);
	expect_file("a@b.c\nnonsense here\n");
}

static void
mode_and_links_stay(void **state)
{
	struct users_new user = { "b@b.c", NULL, 0, NULL, NULL, 0 };
	struct users_edit *x;
	struct stat st;

	(void)state;
	write_file("a@b.c\n", 0640);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(users_edit_open(&x, link_path, false, &e), 0);
	assert_int_equal(users_edit_add(x, &user, &e), 0);
	assert_int_equal(users_edit_save(x, &e), 0);
	users_edit_close(&x);
	expect_file("a@b.c\nb@b.c\n");
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	(void)unlink(link_path);
}

static void
a_new_file_is_for_its_owner_only(void **state)
{
	struct users_new user = { "a@b.c", &plain_x, 1, NULL, NULL, 0 };
	struct users_edit *x;
	struct stat st;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(users_edit_open(&x, path, false, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(users_edit_open(&x, path, true, &e), 0);
	assert_int_equal(users_edit_add(x, &user, &e), 0);
	assert_int_equal(users_edit_save(x, &e), 0);
	users_edit_close(&x);
	expect_file("a@b.c  {PLAIN}x\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void *
add_some(void *arg)
{
	char name[32];
	struct users_new user = { name, NULL, 0, NULL, NULL, 0 };
	const char *prefix = arg;
	struct err own;

	for (int i = 0; i < 20; i++) {
		struct users_edit *x;
		(void)snprintf(name, sizeof(name), "%s%d@b.c", prefix, i);
		if (users_edit_open(&x, path, true, &own) != 0)
			return arg;
		int rc = users_edit_add(x, &user, &own);
		if (rc == 0)
			rc = users_edit_save(x, &own);
		users_edit_close(&x);
		if (rc != 0)
			return arg;
	}
	return NULL;
}

static void
edits_at_once_all_count(void **state)
{
	char names[4][4] = { "a", "b", "c", "d" };
	pthread_t t[4];

	(void)state;
	write_file("", 0600);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, add_some, names[i]), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	struct users_edit *x = open_edit();
	assert_int_equal(users_table_size(users_edit_table(x)), 80);
	users_edit_close(&x);
}

enum { SOMEBODY = 12345, NOBODY_ELSE = 12346 };

static void
expect_owner(const char *name, uid_t uid, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void
expect_refused(void)
{
	struct users_edit *x;

	assert_int_equal(users_edit_open(&x, path, false, &e), -1);
	assert_null(x);
}

/* Whoever may write to the directory can call any file "users.lock"; root must
 * not give it away. */
static void
a_lock_is_ours_or_nothing_is_edited(void **state)
{
	char other[96];

	(void)state;
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	write_file("a@b.c\n", 0600);
	(void)unlink(lock_path);
	int fd = open(other, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	if (geteuid() == 0)
		assert_int_equal(chown(path, SOMEBODY, SOMEBODY), 0);
	/* another name of a file */
	assert_int_equal(link(other, lock_path), 0);
	expect_refused();
	assert_int_equal(e.class, ERR_PERM);
	expect_owner(other, geteuid(), 0600);
	assert_int_equal(unlink(lock_path), 0);
	/* a link, to what is there and to what would be made */
	assert_int_equal(symlink(other, lock_path), 0);
	expect_refused();
	expect_owner(other, geteuid(), 0600);
	assert_int_equal(unlink(other), 0);
	expect_refused();
	assert_int_equal(access(other, F_OK), -1);
	assert_int_equal(unlink(lock_path), 0);
	/* no file */
	assert_int_equal(mkfifo(lock_path, 0600), 0);
	expect_refused();
	assert_int_equal(unlink(lock_path), 0);
	/* a file of root's that was moved there: locked, and not given away */
	fd = open(lock_path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	struct users_edit *x = open_edit();
	users_edit_close(&x);
	expect_owner(lock_path, geteuid(), 0600);
	assert_int_equal(unlink(lock_path), 0);
}

static void
root_makes_the_lock_for_the_owner_of_the_file(void **state)
{
	(void)state;
	if (geteuid() != 0)
		leave_test("needs root");
	write_file("a@b.c\n", 0600);
	(void)unlink(lock_path);
	assert_int_equal(chown(path, SOMEBODY, SOMEBODY), 0);
	for (int i = 0; i < 2; i++) {
		struct users_edit *x = open_edit();
		users_edit_close(&x);
		expect_owner(lock_path, SOMEBODY, 0600);
	}
	/* one of somebody who has nothing to do with the file */
	assert_int_equal(chown(lock_path, NOBODY_ELSE, NOBODY_ELSE), 0);
	expect_refused();
	assert_int_equal(e.class, ERR_PERM);
	expect_owner(lock_path, NOBODY_ELSE, 0600);
	assert_int_equal(unlink(lock_path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_added_at_the_end),
		cmocka_unit_test(a_password_change_keeps_the_rest),
		cmocka_unit_test(a_removed_user_takes_one_line_along),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_file_with_a_wrong_line_is_not_touched),
		cmocka_unit_test(mode_and_links_stay),
		cmocka_unit_test(a_new_file_is_for_its_owner_only),
		cmocka_unit_test(edits_at_once_all_count),
		cmocka_unit_test(a_lock_is_ours_or_nothing_is_edited),
		cmocka_unit_test(root_makes_the_lock_for_the_owner_of_the_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/users", dir);
	(void)snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	(void)snprintf(link_path, sizeof(link_path), "%s/link", dir);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(path);
	(void)unlink(lock_path);
	(void)rmdir(dir);
	return rc;
}
