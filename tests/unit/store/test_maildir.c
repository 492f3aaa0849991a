#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/leftovers.h"

static void
age(const struct tree *t, const char *name, int hours)
{
	char path[1024];
	struct timespec when[2];

	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/tmp/%s", t->path,
		       name);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &when[0]), 0);
	when[0].tv_sec -= hours * 3600;
	when[1] = when[0];
	assert_int_equal(utimensat(AT_FDCWD, path, when, 0), 0);
}

static void
cleaning_takes_our_leftovers_and_old_ones(void **state)
{
	const struct tree *t = *state;
	struct err e;

	tree_put(t, "bob@xyz.com", "tmp", "1.M1P1Q1.mx.test", "ours");
	tree_put(t, "bob@xyz.com", "tmp", "1.M1P1Q1.elsewhere", "theirs");
	tree_put(t, "bob@xyz.com", "tmp", "1.P7.mx.test", "another's");
	tree_put(t, "bob@xyz.com", "tmp", "2.old", "old");
	tree_put(t, "bob@xyz.com", "new", "1.M1P1Q1.mx.test", "stays");
	age(t, "2.old", 37);
	assert_int_equal(leftovers_remove(t->t, &e), 2);
	assert_int_equal(tree_count(t, "bob@xyz.com", "tmp"), 2);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), 1);
	assert_int_equal(leftovers_remove(t->t, &e), 0);
}

/* A user's directory that is a link leads out of the tree: to /, and its tmp/
 * would be everybody's. */
static void
cleaning_follows_no_link(void **state)
{
	const struct tree *t = *state;
	char path[1024], away[1024];
	struct err e;

	tree_put(t, "bob@xyz.com", "tmp", "2.old", "old");
	age(t, "2.old", 37);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob", t->path);
	(void)snprintf(away, sizeof(away), "%s/.away", t->path);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(symlink("../.away", path), 0);
	assert_int_equal(leftovers_remove(t->t, &e), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(leftovers_remove(t->t, &e), 1);
}

static void
cleaning_leaves_a_running_delivery_alone(void **state)
{
	static const char *const bob[] = { "bob@xyz.com" };
	const struct tree *t = *state;
	struct delivery *d = NULL;
	struct err e;

	assert_int_equal(delivery_begin(&d, t->t, bob[0], &e), 0);
	assert_int_equal(leftovers_remove(t->t, &e), 0);
	assert_int_equal(delivery_commit(d, bob, 1, &e), 0);
	delivery_free(&d);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), 1);
}

static void
a_mailbox_has_one_folder_and_no_way_out(void **state)
{
	static const struct {
		const char *name, *owner;
		bool safe;
	} names[] = {
		{ "bob@xyz.com", "bob@xyz.com", true },
		{ "bob@xyz.com/.Junk", "bob@xyz.com", true },
		{ "bob@xyz.com/.junk", "bob@xyz.com/.junk", false },
		{ "bob@xyz.com/.Junk/.Junk", "bob@xyz.com/.Junk", false },
		{ "bob@xyz.com/../.Junk", "bob@xyz.com/..", false },
		{ "bob@xyz.com/", "bob@xyz.com/", false },
		{ "/.Junk", "/.Junk", false },
		{ "@/.Junk", "@", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_span(maildir_mailbox_owner(names[i].name),
			    names[i].owner);
		assert_int_equal(maildir_mailbox_is_safe(names[i].name),
				 names[i].safe);
	}
}

static void
the_folder_is_a_maildir_of_its_own(void **state)
{
	static const char *const junk[] = { "bob@xyz.com" MAILDIR_JUNK, NULL };
	const struct tree *t = *state;
	struct maildir m = MAILDIR_CLOSED;
	char path[1024];
	struct stat st;
	struct err e;

	assert_int_equal(maildir_open(t->t, junk[0], false, &m, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	for (int i = 0; i < 2; i++)
		assert_int_equal(tree_deliver(t, "x\r\n", junk, &e), 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", ".Junk/new"), 2);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/.Junk/maildirfolder",
		       t->path);
	assert_int_equal(stat(path, &st), 0); /* Maildir++ */
	assert_int_equal(st.st_size, 0);
	/* what a crash leaves in it goes too */
	tree_put(t, "bob@xyz.com", ".Junk/tmp", "1.M1P1Q1.mx.test", "ours");
	assert_int_equal(leftovers_remove(t->t, &e), 1);
}

/* A clean-up job, a restored backup: the mailbox stays open between messages,
 * its directories may not. */
static void
a_directory_that_went_is_made_again(void **state)
{
	static const char *const bob[] = { "bob@xyz.com", NULL };
	static const char *const parts[] = { "tmp", "new", "cur" };
	const struct tree *t = *state;
	char path[1024], aside[1100];
	struct err e;

	for (int moved = 0; moved < 2; moved++) {
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(tree_deliver(t, "x\r\n", bob, &e), 0);
			(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/%s",
				       t->path, parts[i]);
			(void)snprintf(aside, sizeof(aside), "%s/%s-%d",
				       t->path, parts[i], moved);
			/* only new/ holds something */
			if (moved || i == 1)
				assert_int_equal(rename(path, aside), 0);
			else
				assert_int_equal(rmdir(path), 0);
			/* the same name, another directory */
			if (moved)
				assert_int_equal(mkdir(path, 0700), 0);
			int n = tree_count(t, bob[0], "new");
			if (tree_deliver(t, "y\r\n", bob, &e) != 0)
				fail_msg("%s: %s", parts[i], e.msg);
			assert_int_equal(tree_count(t, bob[0], "new"), n + 1);
		}
	}
}

/* Its quota counts, and its mail can be read, though a part is missing. */
static void
a_mailbox_without_a_part_is_still_one(void **state)
{
	static const char *const parts[] = { "tmp", "new", "cur" };
	const struct tree *t = *state;
	struct maildir m = MAILDIR_CLOSED;
	char path[1024];
	struct err e;

	assert_int_equal(maildir_open(t->t, "bob@xyz.com", false, &m, &e), -1);
	assert_int_equal(maildir_open(t->t, "bob@xyz.com", true, &m, &e), 0);
	maildir_close(&m);
	for (int all = 0; all < 2; all++) {
		for (size_t i = 0; i < 3; i++) {
			(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/%s",
				       t->path, parts[i]);
			assert_int_equal(rmdir(path), 0);
			if (all)
				continue;
			if (maildir_open(t->t, "bob@xyz.com", false, &m, &e) !=
			    0)
				fail_msg("%s: %s", parts[i], e.msg);
			maildir_close(&m);
		}
	}
	assert_int_equal(maildir_open(t->t, "bob@xyz.com", false, &m, &e), -1);
	assert_int_equal(e.sys, ENOENT);
}

static int64_t
used(const struct tree *t)
{
	struct maildir m = MAILDIR_CLOSED;
	int64_t bytes = -1;
	struct err e;

	if (maildir_open(t->t, "bob@xyz.com", true, &m, &e) != 0 ||
	    quota_used(maildir_tree_quota(t->t), "bob@xyz.com", &m, &bytes,
		       &e) != 0)
		fail_msg("%s", e.msg);
	maildir_close(&m);
	return bytes;
}

static void
quota_follows_deliveries_and_other_programs(void **state)
{
	static const char *const bob[] = { "bob@xyz.com", NULL };
	const struct tree *t = *state;
	char name[256], path[1024];
	struct err e;

	assert_int_equal(used(t), 0);
	assert_int_equal(tree_deliver(t, "12345678\r\n", bob, &e), 0);
	assert_int_equal(used(t), 9);
	tree_put(t, "bob@xyz.com", "cur", "1.foreign:2,S", "1234");
	assert_int_equal(used(t), 13);
	tree_name(t, "bob@xyz.com", "new", name);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/new/%s", t->path,
		       name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(used(t), 4);
}

/* ---- room -----------------------------------------------------------------
 */

enum { SESSIONS = 40, FIT = 5, MESSAGE_BYTES = 1000 };

static int
claim(const struct tree *t, int64_t bytes, enum quota_need need,
      struct quota_use *room)
{
	struct maildir m = MAILDIR_CLOSED;
	struct quota_claim c = { .address = "bob@xyz.com",
				 .m = &m,
				 .bytes = bytes,
				 .limit = FIT * MESSAGE_BYTES,
				 .need = need };
	struct err e;

	if (maildir_open(t->t, c.address, true, &m, &e) != 0)
		fail_msg("%s", e.msg);
	int rc = quota_reserve(maildir_tree_quota(t->t), &c, room, &e);
	maildir_close(&m);
	return rc;
}

static void
room_is_kept_until_it_is_used_or_given_back(void **state)
{
	const struct tree *t = *state;
	struct quota *q = maildir_tree_quota(t->t);
	struct quota_use a = { .kind = QUOTA_NOTHING }, b = a, other = a;

	assert_int_equal(claim(t, 3 * MESSAGE_BYTES, QUOTA_ALL_OF_IT, &a), 1);
	assert_int_equal(claim(t, 2 * MESSAGE_BYTES + 1, QUOTA_ALL_OF_IT, &b),
			 0);
	assert_int_equal(claim(t, 2 * MESSAGE_BYTES, QUOTA_ALL_OF_IT, &b), 1);
	assert_int_equal(claim(t, 1, QUOTA_ALL_OF_IT, &other), 0);
	assert_int_equal(claim(t, 1, QUOTA_A_BYTE, &other), 0);
	assert_int_equal(claim(t, 0, QUOTA_ALL_OF_IT, &other), 1);
	quota_release(q, &other);
	assert_int_equal(claim(t, 0, QUOTA_A_BYTE, &other), 1);
	quota_release(q, &other);
	quota_release(q, &b);
	quota_release(q, &b);
	/* over the limit by one message, and by no second */
	assert_int_equal(claim(t, 9 * MESSAGE_BYTES, QUOTA_A_BYTE, &b), 1);
	assert_int_equal(claim(t, 1, QUOTA_A_BYTE, &other), 0);
	quota_release(q, &a);
	assert_int_equal(claim(t, 1, QUOTA_A_BYTE, &other), 0);
	quota_release(q, &b);
	assert_int_equal(used(t), 0);
}

/* What is stored is not reserved any more, though its session goes on. */
static void
room_that_is_used_is_not_counted_twice(void **state)
{
	static const char *const bob[] = { "bob@xyz.com" };
	const struct tree *t = *state;
	struct quota *q = maildir_tree_quota(t->t);
	struct quota_use room = { .kind = QUOTA_NOTHING }, other = room;
	struct quota_use *const rooms[] = { &room };
	struct delivery *d = NULL;
	char text[3 * MESSAGE_BYTES];
	struct err e;

	memset(text, 'x', sizeof(text));
	assert_int_equal(claim(t, sizeof(text), QUOTA_ALL_OF_IT, &room), 1);
	assert_int_equal(delivery_begin(&d, t->t, bob[0], &e), 0);
	assert_int_equal(delivery_write(d, span_make(text, sizeof(text)), &e),
			 0);
	delivery_use_room(d, rooms, 1);
	assert_int_equal(delivery_commit(d, bob, 1, &e), 0);
	assert_int_equal(claim(t, 2 * MESSAGE_BYTES, QUOTA_ALL_OF_IT, &other),
			 1);
	quota_release(q, &other);
	quota_release(q, &room);
	delivery_free(&d);
}

struct session {
	const struct tree *t;
	pthread_barrier_t *start;
	int got;
};

static void *
run_session(void *arg)
{
	static const char *const bob[] = { "bob@xyz.com" };
	char text[MESSAGE_BYTES + FIT];
	struct session *s = arg;
	struct quota_use room = { .kind = QUOTA_NOTHING };
	struct quota_use *const rooms[] = { &room };
	struct delivery *d = NULL;
	struct err e;

	memset(text, 'x', sizeof(text));
	(void)pthread_barrier_wait(s->start);
	s->got = claim(s->t, MESSAGE_BYTES, QUOTA_ALL_OF_IT, &room);
	if (s->got == 1 &&
	    (delivery_begin(&d, s->t->t, bob[0], &e) != 0 ||
	     delivery_write(d, span_make(text, MESSAGE_BYTES), &e) != 0))
		s->got = -1;
	if (s->got == 1) {
		delivery_use_room(d, rooms, 1);
		if (delivery_commit(d, bob, 1, &e) != 0)
			s->got = -1;
	}
	delivery_free(&d);
	quota_release(maildir_tree_quota(s->t->t), &room);
	return NULL;
}

/* As many as there is room for, no more and no fewer. */
static void
sessions_that_end_at_once_share_the_room(void **state)
{
	const struct tree *t = *state;
	struct session s[SESSIONS];
	pthread_t thread[SESSIONS];
	pthread_barrier_t start;
	int stored = 0;

	assert_int_equal(pthread_barrier_init(&start, NULL, SESSIONS), 0);
	for (int i = 0; i < SESSIONS; i++) {
		s[i] = (struct session){ .t = t, .start = &start };
		assert_int_equal(
		    pthread_create(&thread[i], NULL, run_session, &s[i]), 0);
	}
	for (int i = 0; i < SESSIONS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_in_range(s[i].got, 0, 1);
		stored += s[i].got;
	}
	assert_int_equal(stored, FIT);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), FIT);
	assert_int_equal(used(t), FIT * MESSAGE_BYTES);
	(void)pthread_barrier_destroy(&start);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)
		T(cleaning_takes_our_leftovers_and_old_ones),
		T(cleaning_follows_no_link),
		T(cleaning_leaves_a_running_delivery_alone),
		T(a_mailbox_has_one_folder_and_no_way_out),
		T(the_folder_is_a_maildir_of_its_own),
		T(a_directory_that_went_is_made_again),
		T(a_mailbox_without_a_part_is_still_one),
		T(quota_follows_deliveries_and_other_programs),
		T(room_is_kept_until_it_is_used_or_given_back),
		T(room_that_is_used_is_not_counted_twice),
		T(sessions_that_end_at_once_share_the_room),
#undef T
	};

	return cmocka_run_group_tests_name("store/maildir", tests, NULL, NULL);
}
