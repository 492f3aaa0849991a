/*
 * A directory that cannot be read to its end is an error with its errno, for
 * everybody who reads one; and what is no file is no message.
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ids/ids.h"
#include "store/leftovers.h"
#include "store/listing.h"
#include "store/maildrop.h"

/* ---- faults ---------------------------------------------------------------
 */

static int readdir_after; /* so many names are read, then EIO; 0: none fails */
static bool type_unknown; /* as file systems that do not tell it */

struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

struct dirent *
__wrap_readdir(DIR *d)
{
	if (readdir_after == 1) {
		errno = EIO;
		return NULL;
	}
	if (readdir_after > 1)
		readdir_after--;
	struct dirent *at = __real_readdir(d);
	if (at != NULL && type_unknown)
		at->d_type = DT_UNKNOWN;
	return at;
}

static int
setup(void **state)
{
	readdir_after = 0;
	type_unknown = false;
	return tree_setup(state);
}

/* ---- an error is an error -------------------------------------------------
 */

static const char bob[] = "bob@xyz.com";
static const char name[] = "1795412881.M1P2Q3.mx.test,S=2,W=3";

/* new/ and cur/ have ten messages each. */
static void
fill(const struct tree *t)
{
	char at[64];

	for (int i = 0; i < 20; i++) {
		(void)snprintf(at, sizeof(at), "%d.M1P2Q3.h,S=2,W=3%s", i,
			       i < 10 ? "" : ":2,");
		tree_put(t, bob, i < 10 ? "new" : "cur", at, "x\n");
	}
}

static void
open_bob(const struct tree *t, struct maildir *m)
{
	struct err e = { 0 };

	*m = (struct maildir)MAILDIR_CLOSED;
	if (maildir_open(t->t, bob, true, m, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
a_maildrop_is_whole_or_not_opened(void **state)
{
	const struct tree *t = *state;
	struct maildrop *d = NULL;

	fill(t);
	for (int after = 1; after < 20; after += 4) {
		struct err e = { 0 };
		readdir_after = after;
		assert_int_equal(maildrop_open(&d, t->t, bob, false, &e),
				 MAILDROP_FAILED);
		assert_int_equal(e.class, ERR_TEMP);
		assert_int_equal(e.sys, EIO);
	}
}

/* Its reader hears of an error, not that it is gone; nor is it taken for
 * deleted. */
static void
a_renamed_message_is_not_called_gone(void **state)
{
	const struct tree *t = *state;
	struct maildrop *d = NULL;
	struct maildrop_text text;
	struct err e = { 0 };
	char from[1024], to[1024];

	tree_put(t, bob, "new", name, "x\n");
	assert_int_equal(maildrop_open(&d, t->t, bob, false, &e),
			 MAILDROP_OPEN);
	(void)snprintf(from, sizeof(from), "%s/xyz.com/bob/new/%s", t->path,
		       name);
	(void)snprintf(to, sizeof(to), "%s/xyz.com/bob/cur/%s:2,S", t->path,
		       name);
	assert_int_equal(rename(from, to), 0);
	readdir_after = 1;
	assert_int_equal(maildrop_read(d, 0, &text, &e), -1);
	assert_int_equal(e.sys, EIO);
	e.sys = 0;
	assert_int_equal(maildrop_remove(d, 0, &e), 0);
	assert_int_equal(maildrop_sync(d, &e), -1);
	assert_int_equal(e.sys, EIO);
	readdir_after = 0;
	assert_int_equal(maildrop_sync(d, &e), 0);
	assert_int_equal(tree_count(t, bob, "cur"), 0);
	maildrop_close(&d);
}

static bool
all_of_them(const void *ctx, struct span unique)
{
	return ctx == NULL && unique.n > 0;
}

static void
recovery_does_not_take_a_message_for_missing(void **state)
{
	const struct tree *t = *state;
	struct listings *l = NULL;
	struct maildir m;
	struct err e = { 0 };
	const char *found;
	bool in_cur;

	fill(t);
	open_bob(t, &m);
	assert_int_equal(listings_new(&l, all_of_them, NULL, &e), 0);
	readdir_after = 15;
	assert_int_equal(listings_find(l, bob, &m, span_of("19.M1P2Q3.h"),
				       &found, &in_cur, &e),
			 -1);
	assert_int_equal(e.sys, EIO);
	readdir_after = 0;
	assert_int_equal(listings_find(l, bob, &m, span_of("19.M1P2Q3.h"),
				       &found, &in_cur, &e),
			 1);
	listings_free(&l);
	maildir_close(&m);
}

static void
a_quota_is_not_counted_in_part(void **state)
{
	const struct tree *t = *state;
	struct maildir m;
	struct err e = { 0 };
	int64_t bytes;

	fill(t);
	open_bob(t, &m);
	readdir_after = 15;
	assert_int_equal(
	    quota_used(maildir_tree_quota(t->t), bob, &m, &bytes, &e), -1);
	assert_int_equal(e.sys, EIO);
	readdir_after = 0;
	assert_int_equal(
	    quota_used(maildir_tree_quota(t->t), bob, &m, &bytes, &e), 0);
	assert_int_equal(bytes, 40);
	maildir_close(&m);
}

static void
delivery_ids_are_all_read(void **state)
{
	const struct tree *t = *state;
	struct ids_options o = { .max = 10, .days = 7 };
	struct ids *ids = NULL;
	struct err e = { 0 };

	o.dirfd = maildir_tree_root(t->t);
	readdir_after = 1;
	assert_int_equal(ids_open(&ids, &o, &e), -1);
	assert_int_equal(e.sys, EIO);
	assert_null(ids);
}

static void
leftovers_of_an_unread_root_are_an_error(void **state)
{
	const struct tree *t = *state;
	struct err e = { 0 };

	readdir_after = 1;
	assert_int_equal(leftovers_remove(t->t, &e), -1);
	assert_int_equal(e.sys, EIO);
	/* one unreadable mailbox does not hide the others */
	tree_put(t, bob, "tmp", "1.M1P2Q3.mx.test", "x");
	readdir_after = 0;
	assert_int_equal(leftovers_remove(t->t, &e), 1);
}

/* ---- what is no file ------------------------------------------------------
 */

static void
make_strays(const struct tree *t, const char *folder)
{
	char path[1024];
	struct maildir m;

	open_bob(t, &m);
	maildir_close(&m);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/%s/1.d,S=7,W=7",
		       t->path, folder);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/%s/2.p,S=7,W=7",
		       t->path, folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/%s/3.l,S=7,W=7",
		       t->path, folder);
	assert_int_equal(symlink("/etc/passwd", path), 0);
}

static void
no_message_whatever_its_name_says(void **state)
{
	const struct tree *t = *state;
	struct maildrop *d = NULL;
	struct listings *l = NULL;
	struct maildir m;
	struct err e = { 0 };
	const char *found;
	bool in_cur;
	struct quota_use change;
	int64_t bytes;

	make_strays(t, "new");
	make_strays(t, "cur");
	tree_put(t, bob, "new", name, "x\n");
	open_bob(t, &m);
	for (int i = 0; i < 2; i++) {
		type_unknown = i == 1;
		assert_int_equal(maildrop_open(&d, t->t, bob, false, &e),
				 MAILDROP_OPEN);
		assert_int_equal(maildrop_count(d), 1);
		maildrop_close(&d);
		assert_int_equal(listings_new(&l, all_of_them, NULL, &e), 0);
		assert_int_equal(listings_find(l, bob, &m, span_of("1.d"),
					       &found, &in_cur, &e),
				 0);
		listings_free(&l);
		assert_int_equal(
		    quota_used(maildir_tree_quota(t->t), bob, &m, &bytes, &e),
		    0);
		assert_int_equal(bytes, 2);
		quota_change_begin(maildir_tree_quota(t->t), bob, &change);
		quota_change_end(maildir_tree_quota(t->t), &change, &m, 0,
				 NULL);
	}
	maildir_close(&m);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, tree_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_maildrop_is_whole_or_not_opened),
		T(a_renamed_message_is_not_called_gone),
		T(recovery_does_not_take_a_message_for_missing),
		T(a_quota_is_not_counted_in_part),
		T(delivery_ids_are_all_read),
		T(leftovers_of_an_unread_root_are_an_error),
		T(no_message_whatever_its_name_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
