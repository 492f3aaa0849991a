#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/durable.h"

static char dir[64];
static int dirfd_;

static ino_t last_synced; /* inode of what fsync was last called for */
static bool is_down;      /* the file system was shut down, as XFS shows it */

int
fstat(int fd, struct stat *st)
{
	if (is_down) {
		errno = EIO;
		return -1;
	}
	return fstatat(fd, "", st, AT_EMPTY_PATH);
}

/* In place of the C library's. */
int
fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0)
		last_synced = st.st_ino;
	return (int)syscall(SYS_fsync, fd);
}

static bool no_noreplace, no_links; /* what the file system cannot do */

int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
	  unsigned flags)
{
	if (no_noreplace && flags != 0) {
		errno = EINVAL; /* as NFS says it */
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	if (no_links) {
		errno = EPERM; /* as FAT says it */
		return -1;
	}
	return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

static void
assert_holds(const char *name, const char *bytes)
{
	char *text = NULL;
	size_t n = 0;
	struct err e;

	assert_int_equal(durable_read_file(dirfd_, name, 100, &text, &n, &e),
			 0);
	assert_span(span_make(text, n), bytes);
	assert_int_equal(text[n], '\0');
	free(text);
}

static void
a_file_is_replaced_whole(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(durable_replace(dirfd_, "f", span_of("one"), 0600, &e),
			 0);
	assert_holds("f", "one");
	/* What a crash may have left behind is no obstacle. */
	int fd = durable_create(dirfd_, "f.tmp", &e);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(durable_replace(dirfd_, "f", span_of(""), 0640, &e),
			 0);
	assert_holds("f", "");
	assert_int_equal(fstatat(dirfd_, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fstatat(dirfd_, "f.tmp", &st, 0), -1);
	assert_int_equal(unlinkat(dirfd_, "f", 0), 0);
}

static void
a_failed_replace_keeps_the_old_file(void **state)
{
	struct err e;

	(void)state;
	/* A directory cannot be renamed over. */
	assert_int_equal(mkdirat(dirfd_, "d", 0700), 0);
	assert_int_equal(durable_replace(dirfd_, "d", span_of("x"), 0600, &e),
			 -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(faccessat(dirfd_, "d.tmp", F_OK, 0), -1);
	assert_int_equal(unlinkat(dirfd_, "d", AT_REMOVEDIR), 0);
	char name[300];
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(durable_replace(dirfd_, name, span_of("x"), 0600, &e),
			 -1);
}

static void
create_takes_nothing_that_exists(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(symlinkat("nowhere", dirfd_, "link"), 0);
	assert_int_equal(durable_create(dirfd_, "link", &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_int_equal(faccessat(dirfd_, "nowhere", F_OK, 0), -1);
	assert_int_equal(unlinkat(dirfd_, "link", 0), 0);
}

static void
reading_has_a_limit(void **state)
{
	char *text = NULL, big[5000];
	size_t n = 0;
	struct err e;

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(durable_replace(dirfd_, "big",
					 span_make(big, sizeof(big)), 0600, &e),
			 0);
	assert_int_equal(
	    durable_read_file(dirfd_, "big", sizeof(big) - 1, &text, &n, &e),
	    -1);
	assert_int_equal(e.class, ERR_LIMIT);
	assert_int_equal(
	    durable_read_file(dirfd_, "big", sizeof(big), &text, &n, &e), 0);
	assert_int_equal(n, sizeof(big));
	free(text);
	assert_int_equal(unlinkat(dirfd_, "big", 0), 0);
	assert_int_equal(durable_read_file(dirfd_, "big", 10, &text, &n, &e),
			 -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(durable_read_file(dirfd_, ".", 10, &text, &n, &e), -1);
}

/* A pipe that nobody writes to must not pass for an empty file. */
static void
only_files_are_read(void **state)
{
	char *text = NULL;
	size_t n = 0;
	struct err e;

	(void)state;
	assert_int_equal(mkfifoat(dirfd_, "pipe", 0600), 0);
	assert_int_equal(durable_read_file(dirfd_, "pipe", 10, &text, &n, &e),
			 -1);
	assert_non_null(strstr(e.msg, "pipe: not a file"));
	assert_int_equal(unlinkat(dirfd_, "pipe", 0), 0);
	assert_int_equal(durable_read_file(dirfd_, ".", 10, &text, &n, &e), -1);
	assert_int_equal(e.sys, EISDIR);
}

static void
directories_are_made_when_asked(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(durable_open_dir(dirfd_, "sub", 0, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	/* The second finds what a crash may have left unsynced. */
	for (int i = 0; i < 2; i++) {
		last_synced = 0;
		int fd = durable_open_dir(dirfd_, "sub", 1, &e);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		(void)close(fd);
		assert_int_equal(fstat(dirfd_, &st), 0);
		assert_int_equal(last_synced, st.st_ino);
	}
	assert_int_equal(unlinkat(dirfd_, "sub", AT_REMOVEDIR), 0);
}

/* In each of the ways that file systems leave us. */
static void
a_rename_replaces_nothing(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	for (int way = 0; way < 3; way++) {
		no_noreplace = way > 0;
		no_links = way > 1;
		assert_int_equal(
		    durable_replace(dirfd_, "from", span_of("one"), 0600, &e),
		    0);
		assert_int_equal(
		    durable_replace(dirfd_, "to", span_of("two"), 0600, &e), 0);
		assert_int_equal(
		    durable_rename_new(dirfd_, "from", dirfd_, "to", &e), -1);
		assert_int_equal(e.sys, EEXIST);
		assert_holds("from", "one");
		assert_holds("to", "two");
		assert_int_equal(unlinkat(dirfd_, "to", 0), 0);
		assert_int_equal(
		    durable_rename_new(dirfd_, "from", dirfd_, "to", &e), 0);
		assert_holds("to", "one");
		assert_int_equal(fstatat(dirfd_, "from", &st, 0), -1);
		assert_int_equal(
		    durable_rename_new(dirfd_, "from", dirfd_, "x", &e), -1);
		assert_int_equal(e.sys, ENOENT);
		assert_int_equal(unlinkat(dirfd_, "to", 0), 0);
	}
	no_noreplace = no_links = false;
}

/* What a person is to look at replaces nothing that waits for that. */
static void
what_is_set_aside_gets_a_name_of_its_own(void **state)
{
	static const char *const names[] = { "to", "to.2", "to.3" };
	char as[DURABLE_NAME_SIZE], name[32];
	struct err e;

	(void)state;
	for (int way = 0; way < 3; way++) {
		no_noreplace = way > 0;
		no_links = way > 1;
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(durable_replace(dirfd_, "from",
							 span_of(names[i]),
							 0600, &e),
					 0);
			assert_int_equal(durable_set_aside(dirfd_, "from",
							   dirfd_, "to", as,
							   &e),
					 0);
			assert_string_equal(as, names[i]);
		}
		for (size_t i = 0; i < 3; i++) {
			assert_holds(names[i], names[i]);
			assert_int_equal(unlinkat(dirfd_, names[i], 0), 0);
		}
	}
	no_noreplace = no_links = false;
	assert_int_equal(
	    durable_set_aside(dirfd_, "from", dirfd_, "to", as, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	/* and it has an end */
	assert_int_equal(
	    durable_replace(dirfd_, "from", span_of("one"), 0600, &e), 0);
	int rc = linkat(dirfd_, "from", dirfd_, "to", 0);
	for (int i = 2; rc == 0 && i <= DURABLE_ASIDE_MAX + 1; i++) {
		(void)snprintf(name, sizeof(name), "to.%d", i);
		rc = linkat(dirfd_, "from", dirfd_, name, 0);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(
	    durable_set_aside(dirfd_, "from", dirfd_, "to", as, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	assert_holds("from", "one");
	assert_int_equal(unlinkat(dirfd_, "from", 0), 0);
	assert_int_equal(unlinkat(dirfd_, "to", 0), 0);
	for (int i = 2; i <= DURABLE_ASIDE_MAX + 1; i++) {
		(void)snprintf(name, sizeof(name), "to.%d", i);
		assert_int_equal(unlinkat(dirfd_, name, 0), 0);
	}
}

/* On XFS the sync of a directory succeeds all the same. */
static void
a_sync_on_a_file_system_that_is_down_is_none(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(durable_sync(dirfd_, &e), 0);
	is_down = true;
	assert_int_equal(durable_sync(dirfd_, &e), -1);
	assert_int_equal(e.sys, EIO);
	assert_int_equal(durable_open_dir(dirfd_, "down", 1, &e), -1);
	is_down = false;
	assert_int_equal(unlinkat(dirfd_, "down", AT_REMOVEDIR), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_replaced_whole),
		cmocka_unit_test(a_failed_replace_keeps_the_old_file),
		cmocka_unit_test(a_rename_replaces_nothing),
		cmocka_unit_test(what_is_set_aside_gets_a_name_of_its_own),
		cmocka_unit_test(create_takes_nothing_that_exists),
		cmocka_unit_test(reading_has_a_limit),
		cmocka_unit_test(only_files_are_read),
		cmocka_unit_test(directories_are_made_when_asked),
		cmocka_unit_test(a_sync_on_a_file_system_that_is_down_is_none),
	};

	(void)snprintf(dir, sizeof(dir), "test_durable-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = cmocka_run_group_tests_name("base/durable", tests, NULL, NULL);
	(void)close(dirfd_);
	(void)rmdir(dir);
	return rc;
}
