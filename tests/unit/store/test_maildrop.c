#include "tree.h"

#include <dirent.h>
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

static int readings; /* of directories */
static bool
    no_birthdays; /* the file system does not keep when files were made */

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
int __real_statx(int dirfd, const char *name, int flags, unsigned mask,
		 struct statx *x);
int __wrap_statx(int dirfd, const char *name, int flags, unsigned mask,
		 struct statx *x);

DIR *
__wrap_fdopendir(int fd)
{
	readings++;
	return __real_fdopendir(fd);
}

int
__wrap_statx(int dirfd, const char *name, int flags, unsigned mask,
	     struct statx *x)
{
	int rc = __real_statx(dirfd, name, flags, mask, x);

	if (no_birthdays)
		x->stx_mask &= ~(unsigned)STATX_BTIME;
	return rc;
}

static struct maildrop *
open_drop(const struct tree *t)
{
	struct maildrop *d = NULL;
	struct err e = { 0 };

	if (maildrop_open(&d, t->t, bob, false, &e) != MAILDROP_OPEN)
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
	tree_put(t, bob, "new", "10.M1P1Q1.h,S=4,W=6", "b\nc\n");
	tree_put(t, bob, "new", ".ignored", "x");
	struct maildrop *d = open_drop(t);
	assert_int_equal(maildrop_count(d), 3);
	check_uidl(d, 0, "9.M2P1Q1.h");
	check_uidl(d, 1, "10.M1P1Q1.h");
	check_uidl(d, 2, "10.M2P1Q1.h");
	/* counted: CRLF for each line, and one for the last */
	assert_int_equal(maildrop_octets(d, 0), 17);
	assert_int_equal(maildrop_octets(d, 1), 6);
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
	assert_int_equal(maildrop_open(&second, t->t, bob, false, &e),
			 MAILDROP_IN_USE);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) /* another process, which shares our descriptors */
		_exit(maildrop_open(&second, t->t, bob, false, &e) ==
			      MAILDROP_IN_USE
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
	struct maildrop_text text;
	assert_int_equal(maildrop_read(d, 0, &text, &e), 0);
	(void)close(text.fd);
	check_uidl(d, 0, "1.a");
	assert_int_equal(maildrop_remove(d, 0, &e), 0);
	assert_int_equal(maildrop_sync(d, &e), 0);
	assert_int_equal(tree_count(t, bob, "cur"), 0);
	/* gone is gone, and no failure */
	assert_int_equal(maildrop_read(d, 0, &text, &e), -1);
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

/* ---- two files, one name --------------------------------------------------
 */

/* What the client reads as message i. */
static void
check_text(struct maildrop *d, uint32_t i, const char *want)
{
	struct maildrop_text text;
	char got[64];
	struct err e;

	if (maildrop_read(d, i, &text, &e) != 0)
		fail_msg("%s", e.msg);
	ssize_t n = read(text.fd, got, sizeof(got));
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, (size_t)n);
	(void)close(text.fd);
}

static uint32_t
index_of(struct maildrop *d, const char *text)
{
	for (uint32_t i = 0; i < maildrop_count(d); i++) {
		struct maildrop_text opened;
		char got[64];
		struct err e;
		assert_int_equal(maildrop_read(d, i, &opened, &e), 0);
		ssize_t n = read(opened.fd, got, sizeof(got));
		(void)close(opened.fd);
		if (n == (ssize_t)strlen(text) &&
		    memcmp(got, text, (size_t)n) == 0)
			return i;
	}
	fail_msg("%s is not there", text);
	return 0;
}

static void
quit(struct maildrop **d, bool seen)
{
	struct err e;

	for (uint32_t i = 0; seen && i < maildrop_count(*d); i++)
		assert_int_equal(maildrop_seen(*d, i, &e), 0);
	if (maildrop_sync(*d, &e) != 0)
		fail_msg("%s", e.msg);
	maildrop_close(d);
}

/* Whatever is read and marked, both files stay; whichever is deleted, the other
 * one's id was never its. */
static void
an_id_never_passes_to_another_message(void **state)
{
	static const struct {
		const char *one, *two; /* folder and name */
	} pairs[] = {
		{ "new/1.a", "cur/1.a:2,S" },
		{ "new/1.a", "cur/1.a:2," },
		{ "cur/1.a:2,S", "cur/1.a:2," },
		{ "new/1.a,S=4,W=5", "cur/1.a,S=4,W=5:2,S" },
		{ "new/1.a,S=4", "new/1.a,W=5" },
	};
	const struct tree *t = *state;
	char ids[2][MAILDIR_UIDL_SIZE], id[MAILDIR_UIDL_SIZE];
	struct err e;

	for (size_t i = 0; i < 2 * sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *one = pairs[i / 2].one, *two = pairs[i / 2].two;
		tree_put(t, bob, span_of(one).p[0] == 'n' ? "new" : "cur",
			 one + 4, "one\n");
		tree_put(t, bob, span_of(two).p[0] == 'n' ? "new" : "cur",
			 two + 4, "two\n");
		struct maildrop *d = open_drop(t);
		assert_int_equal(maildrop_count(d), 2);
		quit(&d, true);
		d = open_drop(t);
		assert_int_equal(maildrop_count(d), 2);
		maildrop_uidl(d, index_of(d, "one\n"), ids[0]);
		maildrop_uidl(d, index_of(d, "two\n"), ids[1]);
		assert_string_not_equal(ids[0], ids[1]);
		assert_int_equal(maildrop_remove(d, i % 2, &e), 0);
		quit(&d, true);
		d = open_drop(t);
		assert_int_equal(maildrop_count(d), 1);
		maildrop_uidl(d, 0, id);
		assert_string_equal(id,
				    strcmp(id, ids[0]) == 0 ? ids[0] : ids[1]);
		check_text(d, 0, strcmp(id, ids[0]) == 0 ? "one\n" : "two\n");
		assert_int_equal(maildrop_remove(d, 0, &e), 0);
		quit(&d, false);
	}
}

/* Until a file that is made now is younger than this one: the clock of a file
 * system ticks slowly.  false: it does not keep such times. */
static bool
wait_for_later_birth(const struct tree *t, const char *name)
{
	struct statx old, new;
	char path[1024];

	do {
		(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/tmp/probe",
			       t->path);
		(void)unlink(path);
		tree_put(t, bob, "tmp", "probe", "");
		assert_int_equal(
		    __real_statx(AT_FDCWD, path, 0, STATX_BTIME, &new), 0);
		(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/%s", t->path,
			       name);
		assert_int_equal(
		    __real_statx(AT_FDCWD, path, 0, STATX_BTIME, &old), 0);
		if ((old.stx_mask & new.stx_mask &STATX_BTIME) == 0)
			return false;
	} while (old.stx_btime.tv_sec == new.stx_btime.tv_sec &&
		 old.stx_btime.tv_nsec == new.stx_btime.tv_nsec);
	return true;
}

/* A client knows it by this id; what comes later is not it. */
static void
the_first_keeps_its_id(void **state)
{
	const struct tree *t = *state;
	struct maildrop *d;

	tree_put(t, bob, "cur", "1.a:2,S", "one\n");
	d = open_drop(t);
	check_uidl(d, 0, "1.a");
	maildrop_close(&d);
	if (!wait_for_later_birth(t, "cur/1.a:2,S"))
		leave_test("this file system knows no time of birth");
	tree_put(t, bob, "new", "1.a", "two\n");
	d = open_drop(t);
	assert_int_equal(maildrop_count(d), 2);
	check_uidl(d, index_of(d, "one\n"), "1.a");
	maildrop_close(&d);
	/* where that is not kept nobody has an id that another may have had */
	tree_put(t, bob, "new", "1.a", "three\n");
	no_birthdays = true;
	d = open_drop(t);
	no_birthdays = false;
	assert_int_equal(maildrop_count(d), 3);
	for (uint32_t i = 0; i < 3; i++) {
		char id[MAILDIR_UIDL_SIZE];
		maildrop_uidl(d, i, id);
		assert_string_not_equal(id, "1.a");
	}
	maildrop_close(&d);
}

/* A rename by link and unlink, seen between the two. */
static void
two_names_of_a_file_are_one_message(void **state)
{
	const struct tree *t = *state;
	char from[1024], to[1024];
	struct err e;

	tree_put(t, bob, "new", "1.a", "one\n");
	(void)snprintf(from, sizeof(from), "%s/xyz.com/bob/new/1.a", t->path);
	(void)snprintf(to, sizeof(to), "%s/xyz.com/bob/cur/1.a:2,S", t->path);
	assert_int_equal(link(from, to), 0);
	struct maildrop *d = open_drop(t);
	assert_int_equal(maildrop_count(d), 1);
	check_uidl(d, 0, "1.a");
	quit(&d, true);
	assert_int_equal(tree_count(t, bob, "new"), 1);
	assert_int_equal(tree_count(t, bob, "cur"), 1);
	d = open_drop(t);
	assert_int_equal(maildrop_count(d), 1);
	assert_int_equal(maildrop_remove(d, 0, &e), 0);
	quit(&d, false);
	assert_int_equal(tree_count(t, bob, "new"), 0);
	assert_int_equal(tree_count(t, bob, "cur"), 0);
}

/* ---- sizes ----------------------------------------------------------------
 */

static void
names_that_lie_about_sizes_are_mended(void **state)
{
	static const struct {
		const char *name, *text, *mended;
		uint64_t octets;
	} files[] = {
		{ "1.a,S=4,W=5:2,S", "a\nb\n", "1.a:2,S", 6 },
		{ "1.a,S=4,W=99999:2,", "a\nb\n", "1.a:2,S", 6 },
		{ "1.a,S=5,W=6:2,S", "a\nb\n", "1.a:2,S", 6 },
		{ "1.a,S=500:2,S", "a\nb\n", "1.a:2,S", 6 },
		{ "1.a,W=5:2,S", "a\nb\n", "1.a:2,S", 6 },
		{ "1.a,S=abc,W=-1:2,S", "a\nb\n", "1.a,S=abc,W=-1:2,S", 6 },
		/* right, as Dovecot counts, though we end the last line */
		{ "1.a,S=3,W=4:2,S", "a\nb", "1.a,S=3,W=4:2,S", 6 },
		{ "1.a,S=4,W=6:2,S", "a\nb\n", "1.a,S=4,W=6:2,S", 6 },
		{ "1.a,S=0,W=0:2,S", "", "1.a,S=0,W=0:2,S", 0 },
	};
	const struct tree *t = *state;
	struct maildrop_text text;
	char name[256];
	struct err e;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		tree_put(t, bob, "cur", files[i].name, files[i].text);
		for (int again = 0; again < 2; again++) {
			struct maildrop *d = open_drop(t);
			if (again)
				assert_int_equal(maildrop_octets(d, 0),
						 files[i].octets);
			assert_int_equal(maildrop_read(d, 0, &text, &e), 0);
			(void)close(text.fd);
			assert_int_equal(maildrop_octets(d, 0),
					 files[i].octets);
			check_uidl(d, 0, "1.a");
			quit(&d, true);
			tree_name(t, bob, "cur", name);
			assert_string_equal(name, files[i].mended);
		}
		struct maildrop *d = open_drop(t);
		assert_int_equal(maildrop_remove(d, 0, &e), 0);
		quit(&d, false);
	}
}

static const char international[] =
    "Return-Path: <\xc3\xa9@b.example>\n"
    "Received: from a.example by mx.test with UTF8SMTP id 1;\n"
    "\tMon, 30 Nov 2026 12:00:00 +0000\n"
    "Subject: \xc3\xa9\n\n\xc3\xa9\n";

/* The octets are those of what the client gets; two files, so that what was
 * counted for one client is not told to the other. */
static void
an_internationalized_message_has_two_sizes(void **state)
{
	const struct tree *t = *state;
	struct maildrop *d = NULL;
	struct maildrop_text text;
	struct err e;

	tree_put(t, bob, "new", "1.a", international);
	for (int utf8 = 0; utf8 < 2; utf8++) {
		assert_int_equal(maildrop_open(&d, t->t, bob, utf8, &e),
				 MAILDROP_OPEN);
		uint64_t want =
		    sizeof(international) - 1 + 6 +
		    (utf8
			 ? 0
			 : strlen("invalid@internationalized-address.invalid") -
			       strlen("\xc3\xa9@b.example") +
			       strlen("=?utf-8?q?=C3=A9?"
				      "=") -
			       strlen("\xc3\xa9"));
		assert_int_equal(maildrop_octets(d, 0), want);
		assert_int_equal(maildrop_read(d, 0, &text, &e), 0);
		assert_int_equal(maildrop_octets(d, 0), want);
		assert_int_equal(text.downgrade, !utf8);
		(void)close(text.fd);
		maildrop_close(&d);
	}
}

/* ---- other programs meanwhile ---------------------------------------------
 */

enum { MANY = 200 };

static void
rename_all(const struct tree *t, const char *from_folder, const char *from_end,
	   const char *to_folder, const char *to_end)
{
	char from[1024], to[1024];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(from, sizeof(from), "%s/xyz.com/bob/%s/%d.a%s",
			       t->path, from_folder, i + 1, from_end);
		(void)snprintf(to, sizeof(to), "%s/xyz.com/bob/%s/%d.a%s",
			       t->path, to_folder, i + 1, to_end);
		assert_int_equal(rename(from, to), 0);
	}
}

/* However many were renamed, the mailbox is read a few times, not once for each
 * of them. */
static void
many_that_moved_are_found_in_one_reading(void **state)
{
	const struct tree *t = *state;
	struct err e;

	for (int i = 0; i < MANY; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%d.a", i + 1);
		tree_put(t, bob, "new", name, "x\n");
	}
	struct maildrop *d = open_drop(t);
	rename_all(t, "new", "", "cur", ":2,F");
	readings = 0;
	for (uint32_t i = 0; i < MANY; i++)
		check_text(d, i, "x\n");
	assert_in_range(readings, 2, 4);
	rename_all(t, "cur", ":2,F", "cur", ":2,FS");
	readings = 0;
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(maildrop_remove(d, i, &e), 0);
	quit(&d, false);
	assert_in_range(readings, 2, 4);
	assert_int_equal(tree_count(t, bob, "cur"), 0);
}

/* The same for what is gone. */
static void
many_that_went_are_looked_for_together(void **state)
{
	const struct tree *t = *state;
	struct maildrop_text text;
	char path[1024];
	struct err e;

	for (int i = 0; i < MANY; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "%d.a", i + 1);
		tree_put(t, bob, "new", name, "x\n");
	}
	struct maildrop *d = open_drop(t);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/new/%d.a",
			       t->path, i + 1);
		assert_int_equal(unlink(path), 0);
	}
	readings = 0;
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(maildrop_read(d, i, &text, &e), -1);
		assert_int_equal(e.sys, ENOENT);
		assert_int_equal(maildrop_remove(d, i, &e), 0);
	}
	quit(&d, false);
	assert_in_range(readings, 2, 8);
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
		T(an_id_never_passes_to_another_message),
		T(the_first_keeps_its_id),
		T(two_names_of_a_file_are_one_message),
		T(names_that_lie_about_sizes_are_mended),
		T(an_internationalized_message_has_two_sizes),
		T(many_that_moved_are_found_in_one_reading),
		T(many_that_went_are_looked_for_together),
		T(a_link_or_directory_is_no_message),
#undef T
	};

	return cmocka_run_group_tests_name("store/maildrop", tests, NULL, NULL);
}
