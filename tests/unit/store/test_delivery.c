#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../synced.h"

static DIR *
opendir_at(int dirfd)
{
	DIR *d =
	    fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	assert_non_null(d);
	return d;
}

static const char *const bob[] = { "bob@xyz.com", NULL };
static const char *const both[] = { "bob@xyz.com", "carol@xyz.com", NULL };

static void
stores_lf_lines_and_says_both_sizes(void **state)
{
	const struct tree *t = *state;
	char name[256];
	struct err e;

	assert_int_equal(tree_deliver(t, "A: b\r\n\r\nx\ry\r\n.\r\n", bob, &e),
			 0);
	tree_name(t, "bob@xyz.com", "new", name);
	assert_non_null(strstr(name, ".mx.test,S=12,W=16"));
	char *text = tree_get(t, "bob@xyz.com", "new", name);
	assert_string_equal(text, "A: b\n\nx\ry\n.\n");
	free(text);
	assert_int_equal(tree_count(t, "bob@xyz.com", "tmp"), 0);
}

/* Its octets depend on who reads it. */
static void
an_internationalized_message_says_one_size(void **state)
{
	const struct tree *t = *state;
	struct delivery *d = NULL;
	char name[256];
	struct err e;

	assert_int_equal(delivery_begin(&d, t->t, bob[0], &e), 0);
	delivery_internationalize(d);
	assert_int_equal(delivery_write(d, span_of("A: b\r\n\r\n"), &e), 0);
	assert_int_equal(delivery_commit(d, bob, 1, &e), 0);
	delivery_free(&d);
	tree_name(t, "bob@xyz.com", "new", name);
	assert_non_null(strstr(name, ".mx.test,S=6"));
	assert_null(strstr(name, "W="));
}

/* First the file, then the entry of each mailbox: the entry must never name a
 * file whose bytes a power cut can take. */
static void
what_is_stored_was_synced_in_order(void **state)
{
	const struct tree *t = *state;
	struct err e;

	assert_int_equal(tree_deliver(t, "A: b\r\n\r\n", both, &e), 0);
	synced_forget();
	assert_int_equal(tree_deliver(t, "C: d\r\n\r\nx\r\n", both, &e), 0);
	for (int i = 0; i < 2; i++) {
		struct maildir m = MAILDIR_CLOSED;
		assert_int_equal(maildir_open(t->t, both[i], false, &m, &e), 0);
		int entry = synced_at(m.dir, "new");
		int file = 0;
		DIR *d = opendir_at(m.new);
		for (struct dirent *at; (at = readdir(d)) != NULL;) {
			if (strstr(at->d_name, ",S=8,") != NULL)
				file = synced_at(m.new, at->d_name);
		}
		(void)closedir(d);
		assert_true(file > 0);
		assert_true(entry > file);
		maildir_close(&m);
	}
}

static void
pieces_of_any_size_give_the_same_file(void **state)
{
	static const char text[] = "A: b\r\n\r\nx\r\r\ny\r\n";
	const struct tree *t = *state;
	char name[256];
	struct err e;

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct delivery *d = NULL;
		assert_int_equal(delivery_begin(&d, t->t, bob[0], &e), 0);
		struct span all = span_make(text, sizeof(text) - 1);
		assert_int_equal(delivery_write(d, span_head(all, cut), &e), 0);
		assert_int_equal(delivery_write(d, span_skip(all, cut), &e), 0);
		assert_int_equal(delivery_commit(d, bob, 1, &e), 0);
		delivery_free(&d);
		tree_name(t, "bob@xyz.com", "new", name);
		char *got = tree_get(t, "bob@xyz.com", "new", name);
		assert_string_equal(got, "A: b\n\nx\r\ny\n");
		free(got);
		struct maildir m = MAILDIR_CLOSED;
		assert_int_equal(maildir_open(t->t, bob[0], false, &m, &e), 0);
		assert_int_equal(unlinkat(m.new, name, 0), 0);
		maildir_close(&m);
	}
}

static void
one_file_for_all_recipients(void **state)
{
	const struct tree *t = *state;
	char a[256], b[256];
	struct err e;

	assert_int_equal(tree_deliver(t, "A: b\r\n", both, &e), 0);
	tree_name(t, "bob@xyz.com", "new", a);
	tree_name(t, "carol@xyz.com", "new", b);
	assert_string_equal(a, b);
}

static void
a_delivery_given_up_leaves_nothing(void **state)
{
	const struct tree *t = *state;
	struct delivery *d = NULL;
	struct err e;

	assert_int_equal(delivery_begin(&d, t->t, bob[0], &e), 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", "tmp"), 1);
	assert_int_equal(delivery_write(d, span_of("half\r\n"), &e), 0);
	delivery_free(&d);
	assert_int_equal(tree_count(t, "bob@xyz.com", "tmp"), 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), 0);
}

/* The second recipient's mailbox cannot be opened: new/ is a file. */
static void
all_recipients_or_none(void **state)
{
	const struct tree *t = *state;
	char path[512];
	struct err e = { 0 };

	tree_put(t, "carol@xyz.com", "new", "1.x", "old\n");
	(void)snprintf(path, sizeof(path), "%s/xyz.com/carol/new", t->path);
	char away[600];
	(void)snprintf(away, sizeof(away), "%s.away", path);
	assert_int_equal(rename(path, away), 0);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)close(fd);

	assert_int_equal(tree_deliver(t, "A: b\r\n", both, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", "tmp"), 0);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(tree_deliver(t, "A: b\r\n", both, &e), 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), 1);
	assert_int_equal(tree_count(t, "carol@xyz.com", "new"), 2);
}

/* In a child: the file size limit plays the full disk. */
static void
no_room_is_temporary_and_leaves_nothing(void **state)
{
	const struct tree *t = *state;

	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit small = { 4096, 4096 };
		struct err e = { 0 };
		char big[5000];
		memset(big, 'x', sizeof(big));
		big[sizeof(big) - 1] = '\0';
		(void)signal(SIGXFSZ, SIG_IGN);
		(void)setrlimit(RLIMIT_FSIZE, &small);
		int rc = tree_deliver(t, big, bob, &e);
		_exit(rc == -1 && e.class == ERR_TEMP && e.sys == EFBIG ? 0
									: 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", "tmp"), 0);
	assert_int_equal(tree_count(t, "bob@xyz.com", "new"), 0);
}

static void
names_cannot_leave_the_tree(void **state)
{
	static const char *const bad[] = {
		"..@xyz.com",   "bob@..",       "a/b@xyz.com", "bob@xyz/../..",
		".bob@xyz.com", "bob@.xyz.com", "@xyz.com",    "bob@",
		"bob",          "a\tb@xyz.com", "a\x7f@x",     "",
	};
	const struct tree *t = *state;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct maildir m = MAILDIR_CLOSED;
		if (maildir_open(t->t, bad[i], true, &m, &e) == 0)
			fail_msg("opened '%s'", bad[i]);
		assert_int_equal(e.class, ERR_PERM);
	}
}

static void
a_link_in_the_way_is_not_followed(void **state)
{
	const struct tree *t = *state;
	struct maildir m = MAILDIR_CLOSED;
	char path[512];
	struct err e;

	(void)snprintf(path, sizeof(path), "%s/evil.com", t->path);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(maildir_open(t->t, "x@evil.com", true, &m, &e), -1);
	assert_int_equal(unlink(path), 0);
}

static void
opening_does_not_make_what_was_not_asked_for(void **state)
{
	const struct tree *t = *state;
	struct maildir m = MAILDIR_CLOSED;
	struct err e;

	assert_int_equal(maildir_open(t->t, "bob@xyz.com", false, &m, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(maildir_open(t->t, "bob@xyz.com", true, &m, &e), 0);
	struct stat st;
	assert_int_equal(fstat(m.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	maildir_close(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)
		T(stores_lf_lines_and_says_both_sizes),
		T(an_internationalized_message_says_one_size),
		T(what_is_stored_was_synced_in_order),
		T(pieces_of_any_size_give_the_same_file),
		T(one_file_for_all_recipients),
		T(a_delivery_given_up_leaves_nothing),
		T(all_recipients_or_none),
		T(no_room_is_temporary_and_leaves_nothing),
		T(names_cannot_leave_the_tree),
		T(a_link_in_the_way_is_not_followed),
		T(opening_does_not_make_what_was_not_asked_for),
#undef T
	};

	return cmocka_run_group_tests_name("store/delivery", tests, NULL, NULL);
}
