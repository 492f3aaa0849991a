#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mail/dot.h"
#include "store/maildrop.h"

static const char bob[] = "bob@xyz.com";

static struct maildrop *
open_drop(const struct tree *t)
{
	struct maildrop *d = NULL;
	struct err e = { 0 };

	if (maildrop_open(&d, t->t, bob, &e) != MAILDROP_OPEN)
		fail_msg("not opened: %s", e.msg);
	return d;
}

static void
check_uidl(const struct maildrop *d, uint32_t i, const char *want)
{
	char id[MAILDIR_UIDL_SIZE];

	maildrop_uidl(d, i, id);
	assert_string_equal(id, want);
}

static void
lists_new_and_cur_by_delivery(void **state)
{
	const struct tree *t = *state;

	tree_put(t, bob, "cur", "10.M2P1Q1.h,S=2,W=3:2,S", "a\n");
	tree_put(t, bob, "new", "9.M2P1Q1.h", "one\ntwo\r\nthree");
	tree_put(t, bob, "new", "10.M1P1Q1.h,W=7", "b\n");
	tree_put(t, bob, "new", ".ignored", "x");
	struct maildrop *d = open_drop(t);
	assert_int_equal(maildrop_count(d), 3);
	check_uidl(d, 0, "9.M2P1Q1.h");
	check_uidl(d, 1, "10.M1P1Q1.h");
	check_uidl(d, 2, "10.M2P1Q1.h");
	/* counted: CRLF for each line, and one for the last */
	assert_int_equal(maildrop_octets(d, 0), 17);
	assert_int_equal(maildrop_octets(d, 1), 7);
	assert_int_equal(maildrop_octets(d, 2), 3);
	maildrop_close(&d);
	/* the same again, from the cache; and a file that has grown */
	d = open_drop(t);
	assert_int_equal(maildrop_octets(d, 0), 17);
	maildrop_close(&d);
	tree_put(t, bob, "new", "9.M2P1Q1.h", "one\ntwo\r\nthree\n\n");
	d = open_drop(t);
	assert_int_equal(maildrop_octets(d, 0), 19);
	maildrop_close(&d);
}

/* What LIST says is what RETR sends. */
static void
octets_are_those_the_encoder_makes(void **state)
{
	static const char *const texts[] = {
		"",       "a",      "a\n",  "a\r\n",  "\r",       "a\rb\r",
		"\r\r\n", "\n\r\n", "\n\r", "a\r\rb", "\r\n\r\r",
	};
	const struct tree *t = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct dot_encoder enc = { 0 };
		struct buf out;
		buf_init(&out, 100);
		tree_put(t, bob, "new", "1.a", texts[i]);
		assert_int_equal(dot_encode(&enc, span_of(texts[i]), &out), 0);
		assert_int_equal(dot_encode_end(&enc, &out), 0);
		struct maildrop *d = open_drop(t);
		assert_int_equal(maildrop_octets(d, 0) + 3, out.n);
		maildrop_close(&d);
		buf_free(&out);
	}
}

static void
an_empty_mailbox_is_made(void **state)
{
	struct maildrop *d = open_drop(*state);

	assert_int_equal(maildrop_count(d), 0);
	maildrop_close(&d);
}

static void
one_session_at_a_time(void **state)
{
	const struct tree *t = *state;
	struct maildrop *second = NULL;
	struct err e;

	struct maildrop *d = open_drop(t);
	assert_int_equal(maildrop_open(&second, t->t, bob, &e),
			 MAILDROP_IN_USE);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) /* another process, which shares our descriptors */
		_exit(maildrop_open(&second, t->t, bob, &e) == MAILDROP_IN_USE
			  ? 0
			  : 1);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	maildrop_close(&d);
	d = open_drop(t);
	maildrop_close(&d);
}

static void
follows_a_message_another_reader_moved(void **state)
{
	const struct tree *t = *state;
	char from[1024], to[1024];
	struct err e = { 0 };

	tree_put(t, bob, "new", "1.a,S=2,W=3", "x\n");
	struct maildrop *d = open_drop(t);
	(void)snprintf(from, sizeof(from), "%s/xyz.com/bob/new/1.a,S=2,W=3",
		       t->path);
	(void)snprintf(to, sizeof(to), "%s/xyz.com/bob/cur/1.a,S=2,W=3:2,F",
		       t->path);
	assert_int_equal(rename(from, to), 0);
	int fd = maildrop_read(d, 0, &e);
	assert_true(fd >= 0);
	(void)close(fd);
	check_uidl(d, 0, "1.a");
	assert_int_equal(maildrop_remove(d, 0, &e), 0);
	assert_int_equal(maildrop_sync(d, &e), 0);
	assert_int_equal(tree_count(t, bob, "cur"), 0);
	/* gone is gone, and no failure */
	assert_int_equal(maildrop_read(d, 0, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_int_equal(maildrop_remove(d, 0, &e), 0);
	maildrop_close(&d);
}

static void
seen_moves_and_keeps_the_uidl(void **state)
{
	const struct tree *t = *state;
	char name[256];
	struct err e;

	tree_put(t, bob, "new", "1.a,S=2,W=3", "x\n");
	struct maildrop *d = open_drop(t);
	assert_int_equal(maildrop_seen(d, 0, &e), 0);
	assert_int_equal(maildrop_sync(d, &e), 0);
	maildrop_close(&d);
	tree_name(t, bob, "cur", name);
	assert_string_equal(name, "1.a,S=2,W=3:2,S");
	d = open_drop(t);
	check_uidl(d, 0, "1.a");
	assert_int_equal(maildrop_seen(d, 0, &e), 0);
	maildrop_close(&d);
	tree_name(t, bob, "cur", name);
}

static void
copies_get_a_uidl_of_their_own(void **state)
{
	const struct tree *t = *state;

	tree_put(t, bob, "cur", "1.a:2,S", "x\n");
	tree_put(t, bob, "new", "1.a", "x\n");
	tree_put(t, bob, "cur", "1.a,S=2:2,", "x\n");
	struct maildrop *d = open_drop(t);
	assert_int_equal(maildrop_count(d), 3);
	check_uidl(d, 0, "1.a");
	check_uidl(d, 1, "1.a.2");
	check_uidl(d, 2, "1.a.3");
	maildrop_close(&d);
}

static void
a_link_or_directory_is_no_message(void **state)
{
	const struct tree *t = *state;
	char path[1024];

	tree_put(t, bob, "new", "1.a", "x\n");
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/new/2.b,W=5",
		       t->path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/cur/3.c", t->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	struct maildrop *d = open_drop(t);
	assert_int_equal(maildrop_count(d), 1);
	maildrop_close(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, tree_setup, tree_teardown)
		T(lists_new_and_cur_by_delivery),
		T(octets_are_those_the_encoder_makes),
		T(an_empty_mailbox_is_made),
		T(one_session_at_a_time),
		T(follows_a_message_another_reader_moved),
		T(seen_moves_and_keeps_the_uidl),
		T(copies_get_a_uidl_of_their_own),
		T(a_link_or_directory_is_no_message),
#undef T
	};

	return cmocka_run_group_tests_name("store/maildrop", tests, NULL, NULL);
}
