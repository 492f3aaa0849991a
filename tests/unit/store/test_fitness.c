#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/fitness.h"

static const char bob[] = "bob@xyz.com";
static const char junk[] = "bob@xyz.com" MAILDIR_JUNK;

static off_t room = 1000000; /* on the disk */
static bool read_only;
static int tried; /* files made to see whether they can be */

int __wrap_posix_fallocate(int fd, off_t at, off_t n);
int __real_faccessat(int dirfd, const char *name, int mode, int flags);
int __wrap_faccessat(int dirfd, const char *name, int mode, int flags);

int
__wrap_posix_fallocate(int fd, off_t at, off_t n)
{
	(void)fd;
	(void)at;
	tried++;
	return n > room ? ENOSPC : 0;
}

int
__wrap_faccessat(int dirfd, const char *name, int mode, int flags)
{
	if (read_only && (mode & W_OK) != 0) {
		errno = EROFS;
		return -1;
	}
	return __real_faccessat(dirfd, name, mode, flags);
}

static struct fitness *
new_fitness(const struct tree *t)
{
	struct fitness *f = NULL;
	struct err e;

	assert_int_equal(fitness_new(&f, t->t, &e), 0);
	tried = 0;
	return f;
}

static void
who_has_no_mailbox_may_get_one(void **state)
{
	const struct tree *t = *state;
	struct fitness *f = new_fitness(t);
	char path[1024];
	struct stat st;
	struct err e;

	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	read_only = true;
	assert_int_equal(fitness_check(f, bob, 10, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(e.sys, EROFS);
	read_only = false;
	/* to ask makes nothing */
	(void)snprintf(path, sizeof(path), "%s/xyz.com", t->path);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob", t->path);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(close(fd), 0);
	assert_int_equal(fitness_check(f, bob, 10, &e), -1);
	assert_int_equal(e.sys, ENOTDIR);
	fitness_free(&f);
}

static void
where_nothing_may_be_put_no_mail_goes(void **state)
{
	const struct tree *t = *state;
	struct fitness *f = new_fitness(t);
	struct err e;

	tree_put(t, bob, "new", "1.a", "x\n");
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	read_only = true;
	assert_int_equal(fitness_check(f, bob, 10, &e), -1);
	assert_int_equal(e.sys, EROFS);
	read_only = false;
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	assert_int_equal(tried, 0);
	fitness_free(&f);
}

static void
what_failed_is_tried_out_until_it_works(void **state)
{
	const struct tree *t = *state;
	struct fitness *f = new_fitness(t);
	struct err e;

	tree_put(t, bob, "new", "1.a", "x\n");
	fitness_failed(f, bob);
	fitness_failed(f, bob);
	room = 5;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fitness_check(f, bob, 10, &e), -1);
		assert_int_equal(e.sys, ENOSPC);
		assert_int_equal(fitness_check(f, "carol@xyz.com", 10, &e), 0);
	}
	assert_int_equal(tried, 2);
	assert_int_equal(fitness_check(f, bob, 5, &e), 0);
	assert_int_equal(tried, 3);
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	assert_int_equal(tried, 3);
	assert_int_equal(tree_count(t, bob, "tmp"), 0);
	assert_int_equal(tree_count(t, bob, "new"), 1);
	room = 1000000;
	fitness_free(&f);
}

/* Where a filter sends what may not be wanted. */
static void
the_folder_counts_when_it_has_failed(void **state)
{
	const struct tree *t = *state;
	struct fitness *f = new_fitness(t);
	struct err e;

	tree_put(t, bob, "new", "1.a", "x\n");
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	fitness_failed(f, junk); /* and it is gone by now */
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	struct maildir m = MAILDIR_CLOSED;
	assert_int_equal(maildir_open(t->t, junk, true, &m, &e), 0);
	maildir_close(&m);
	room = 5;
	assert_int_equal(fitness_check(f, bob, 10, &e), -1);
	assert_int_equal(e.sys, ENOSPC);
	room = 1000000;
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	fitness_free(&f);
}

static void
the_latest_are_remembered(void **state)
{
	const struct tree *t = *state;
	struct fitness *f = new_fitness(t);
	char name[64];
	struct err e;

	tree_put(t, bob, "new", "1.a", "x\n");
	fitness_failed(f, bob);
	for (int i = 0; i < FITNESS_REMEMBERED; i++) {
		(void)snprintf(name, sizeof(name), "u%d@xyz.com", i);
		fitness_failed(f, name);
	}
	assert_int_equal(fitness_check(f, bob, 10, &e), 0);
	assert_int_equal(tried, 0);
	tree_put(t, name, "new", "1.a", "x\n");
	assert_int_equal(fitness_check(f, name, 10, &e), 0);
	assert_int_equal(tried, 1);
	fitness_free(&f);
	fitness_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)
		T(who_has_no_mailbox_may_get_one),
		T(where_nothing_may_be_put_no_mail_goes),
		T(what_failed_is_tried_out_until_it_works),
		T(the_folder_counts_when_it_has_failed),
		T(the_latest_are_remembered),
#undef T
	};

	return cmocka_run_group_tests_name("store/fitness", tests, NULL, NULL);
}
