/*
 * Mailboxes on another file system than the root's: no sync of the root speaks
 * of them.  carol's is one here: what is below her directory says that it is of
 * another device, links do not lead there, and each sync is noted.
 */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "store/ledger.h"
#include "store/leftovers.h"
#include "store/mounts.h"

static const char *const bob[] = { "bob@xyz.com", NULL };
static const char *const carol[] = { "carol@xyz.com", NULL };
static const char *const both[] = { "bob@xyz.com", "carol@xyz.com", NULL };
static const char *const turned[] = { "carol@xyz.com", "bob@xyz.com", NULL };
static const char text[] = "A: b\r\n\r\nbody\r\n";

/* ---- another file system --------------------------------------------------
 */

static bool file_synced, name_synced; /* of a message in carol's mailbox */
static bool foreign_name; /* in tmp/, which would stay there for 36 hours */
static bool volume_synced;
static bool mounted;    /* her mailbox is another file system now */
static int sync_errors; /* so many syncs of her directories fail */
static int syncfs_errors;

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __real_fstatat(int dir, const char *path, struct stat *st, int flags);
int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags);
int __real_linkat(int ad, const char *a, int bd, const char *b, int flags);
int __wrap_linkat(int ad, const char *a, int bd, const char *b, int flags);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);

/* Below carol's directory: what follows its name; NULL: elsewhere. */
static const char *
below_carol(int fd, char path[4096])
{
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, 4095);
	if (n < 0 || !mounted)
		return NULL;
	path[n] = '\0';
	const char *at = strstr(path, "/xyz.com/carol");
	return at == NULL ? NULL : at + strlen("/xyz.com/carol");
}

int
__wrap_fstat(int fd, struct stat *st)
{
	char path[4096];
	int rc = __real_fstat(fd, st);

	if (rc == 0 && below_carol(fd, path) != NULL)
		st->st_dev++;
	return rc;
}

int
__wrap_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	char path[4096];
	int rc = __real_fstatat(dir, name, st, flags);

	if (rc == 0 && ((mounted && strstr(name, "xyz.com/carol") != NULL) ||
			below_carol(dir, path) != NULL))
		st->st_dev++;
	return rc;
}

int
__wrap_linkat(int ad, const char *a, int bd, const char *b, int flags)
{
	char path[4096];

	if ((below_carol(ad, path) == NULL) !=
	    (below_carol(bd, path) == NULL)) {
		errno = EXDEV;
		return -1;
	}
	return __real_linkat(ad, a, bd, b, flags);
}

int
__wrap_fsync(int fd)
{
	char path[4096];
	const char *below = below_carol(fd, path);

	if (below != NULL && strcmp(below, "/new") == 0) {
		if (sync_errors > 0) {
			sync_errors--;
			errno = EIO;
			return -1;
		}
		name_synced = true;
	}
	if (below != NULL && strncmp(below, "/tmp/", 5) == 0) {
		file_synced = true;
		foreign_name = foreign_name || strchr(below, ',') != NULL;
	}
	return __real_fsync(fd);
}

int
__wrap_syncfs(int fd)
{
	char path[4096];

	if (below_carol(fd, path) != NULL) {
		if (syncfs_errors > 0) {
			syncfs_errors--;
			errno = EIO;
			return -1;
		}
		volume_synced = true;
	}
	return __real_syncfs(fd);
}

/* ---- a server's data ------------------------------------------------------
 */

struct world {
	struct tree *tree;
	int dirfd;
	struct ledger *ledger;
	struct ledger_report report;
};

static void
start(struct world *w, bool keeps_messages)
{
	struct ledger_options o = { .tree = w->tree->t,
				    .dirfd = w->dirfd,
				    .keeps_messages = keeps_messages,
				    .message_max = 4096,
				    .id_days = 7,
				    .checkpoint_bytes = 64 << 20,
				    .checkpoint_ms = 3600 * 1000 };
	struct err e;

	if (ledger_open(&w->ledger, &o, &w->report, &e) != 0)
		fail_msg("%s", e.msg);
	maildir_tree_set_ledger(w->tree->t, w->ledger);
}

static void
stop(struct world *w)
{
	maildir_tree_set_ledger(w->tree->t, NULL);
	ledger_close(&w->ledger);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	void *tree = NULL;
	struct err e;

	assert_non_null(w);
	sync_errors = syncfs_errors = 0;
	mounted = true;
	assert_int_equal(tree_setup(&tree), 0);
	w->tree = tree;
	w->dirfd =
	    durable_open_dir(maildir_tree_root(w->tree->t), ".postpair", 1, &e);
	assert_true(w->dirfd >= 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	void *tree = w->tree;

	stop(w);
	(void)close(w->dirfd);
	assert_int_equal(tree_teardown(&tree), 0);
	free(w);
	return 0;
}

static int
count(const struct world *w, const char *mailbox, const char *folder)
{
	return tree_count(w->tree, mailbox, folder);
}

/* ---- tests ----------------------------------------------------------------
 */

static void
a_message_is_synced_before_it_is_answered(void **state)
{
	static const char *const *const lists[] = { carol, both, turned };
	struct world *w = *state;
	struct err e = { 0 };

	for (int keeps = 0; keeps < 2; keeps++) {
		start(w, keeps == 1);
		for (size_t i = 0; i < 3; i++) {
			file_synced = name_synced = false;
			if (tree_deliver(w->tree, text, lists[i], &e) != 0)
				fail_msg("%s", e.msg);
			assert_true(file_synced);
			assert_true(name_synced);
			assert_false(foreign_name);
			assert_int_equal(count(w, carol[0], "tmp"), 0);
		}
		stop(w);
	}
	assert_int_equal(count(w, carol[0], "new"), 6);
	assert_int_equal(count(w, bob[0], "new"), 4);
}

static void
what_cannot_be_synced_there_is_refused(void **state)
{
	static const char *const *const lists[] = { carol, both, turned };
	struct world *w = *state;

	start(w, true);
	for (size_t i = 0; i < 3; i++) {
		struct err e = { 0 };
		sync_errors = 1;
		assert_int_equal(tree_deliver(w->tree, text, lists[i], &e), -1);
		assert_int_equal(e.sys, EIO);
		assert_int_equal(count(w, carol[0], "new"), 0);
		assert_int_equal(count(w, carol[0], "tmp"), 0);
		assert_int_equal(count(w, bob[0], "new"), 0);
		assert_int_equal(count(w, bob[0], "tmp"), 0);
	}
	stop(w);
	start(w, true); /* nor does a start bring it back */
	assert_int_equal(count(w, carol[0], "new"), 0);
	assert_int_equal(count(w, bob[0], "new"), 0);
}

/* The last server died: what it placed there, or found, is synced before the
 * journal forgets it. */
static void
a_start_syncs_what_it_finds_there(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(tree_deliver(w->tree, text, both, &e), 0);
	/* dies before it lets go of it */
	struct ledger *dead = w->ledger;
	volume_synced = false;
	syncfs_errors = 1;
	w->ledger = NULL;
	start(w, true);
	assert_int_equal(w->report.accepted, 1);
	assert_int_equal(syncfs_errors, 0);
	assert_false(volume_synced);
	stop(w); /* it could not be synced: still there, and tried again */
	assert_true(volume_synced);
	start(w, true);
	assert_int_equal(w->report.accepted, 0);
	ledger_close(&dead);
}

/* Leftovers of a run that was killed: mailboxes it made, names it placed. */
static void
a_start_syncs_mailboxes_on_other_file_systems(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	tree_put(w->tree, bob[0], "new", "1.a", "x");
	volume_synced = false;
	assert_int_equal(leftovers_remove(w->tree->t, &e), 0);
	assert_false(volume_synced);
	tree_put(w->tree, carol[0], "new", "1.a", "x");
	assert_int_equal(leftovers_remove(w->tree->t, &e), 0);
	assert_true(volume_synced);
}

/* It was a file system of its own: what stands there now is not hers, whether
 * it looks like a mailbox or not; a restart knows it, too. */
static void
what_is_not_mounted_gets_no_mail(void **state)
{
	struct world *w = *state;
	struct mounts *mounts = NULL;
	char path[1024], away[1024];

	for (int i = 0; i < 3; i++) {
		struct err e = { 0 };
		assert_int_equal(mounts_open(&mounts, w->dirfd, &e), 0);
		maildir_tree_set_mounts(w->tree->t, mounts);
		start(w, true);
		mounted = i == 0;
		int rc = tree_deliver(w->tree, text, both, &e);
		assert_int_equal(rc, i == 0 ? 0 : -1);
		if (i > 0) {
			assert_int_equal(e.class, ERR_TEMP);
			assert_int_equal(e.sys, ENODEV);
		}
		assert_int_equal(tree_deliver(w->tree, text, bob, &e), 0);
		stop(w);
		maildir_tree_set_mounts(w->tree->t, NULL);
		mounts_free(&mounts);
		(void)snprintf(path, sizeof(path), "%s/xyz.com/carol",
			       w->tree->path);
		(void)snprintf(away, sizeof(away), "%s/away", w->tree->path);
		if (i == 1) /* not even the mount point is there */
			assert_int_equal(rename(path, away), 0);
	}
	assert_int_equal(count(w, carol[0], "new"), 0);
	assert_int_equal(count(w, bob[0], "new"), 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- the file mounts ------------------------------------------------------
 */

static void
write_mounts(struct world *w, struct span bytes)
{
	struct err e;

	assert_int_equal(durable_replace(w->dirfd, "mounts", bytes, 0600, &e),
			 0);
}

/* As a start would read it. */
static struct mounts *
read_mounts(struct world *w)
{
	struct mounts *m = NULL;
	struct err e;

	assert_int_equal(mounts_open(&m, w->dirfd, &e), 0);
	return m;
}

static void
assert_mounts(struct world *w, bool damaged)
{
	struct mounts *m = read_mounts(w);

	assert_int_equal(mounts_are_damaged(m), damaged);
	if (!damaged) {
		assert_true(mounts_knows(m, "xyz.com"));
		assert_true(mounts_knows(m, "abc.com/carol"));
		assert_false(mounts_knows(m, "abc.com"));
	}
	mounts_free(&m);
}

static char *
text_of_mounts(struct world *w, size_t *n)
{
	char *p = NULL;
	struct err e;

	assert_int_equal(
	    durable_read_file(w->dirfd, "mounts", 10000, &p, n, &e), 0);
	return p;
}

/* Cut anywhere, or with any byte changed. */
static void
damaged_mounts_are_known_as_such(void **state)
{
	struct world *w = *state;
	struct mounts *m = read_mounts(w);
	struct err e;
	size_t n;

	assert_int_equal(mounts_note(m, "xyz.com", &e), 0);
	assert_int_equal(mounts_note(m, "abc.com/carol", &e), 0);
	mounts_free(&m);
	assert_mounts(w, false);
	char *p = text_of_mounts(w, &n);
	for (size_t i = 0; i < n; i++) {
		write_mounts(w, span_make(p, i));
		assert_mounts(w, true);
		p[i] ^= 4;
		write_mounts(w, span_make(p, n));
		assert_mounts(w, true);
		p[i] ^= 4;
	}
	/* what is noted meanwhile does not make it whole */
	write_mounts(w, span_make(p, n / 2));
	m = read_mounts(w);
	assert_int_equal(mounts_note(m, "new.org", &e), 0);
	assert_true(mounts_knows(m, "new.org"));
	mounts_free(&m);
	assert_mounts(w, true);
	free(p);
}

/* The first form, and a file that somebody has edited, get a checksum. */
static void
mounts_without_a_checksum_are_read_once(void **state)
{
	struct world *w = *state;
	char edited[1000];
	size_t n;

	write_mounts(w, span_of("abc.com/carol\nxyz.com\n"));
	assert_mounts(w, false);
	char *p = text_of_mounts(w, &n);
	assert_true(n > 18 && memcmp(p + n - 18, "checksum ", 9) == 0);
	assert_mounts(w, false);
	(void)snprintf(edited, sizeof(edited), "%.*snew.org\nchecksum edited\n",
		       (int)n - 18, p);
	write_mounts(w, span_of(edited));
	assert_mounts(w, false);
	free(p);
	p = text_of_mounts(w, &n);
	assert_true(n > 18 && memcmp(p + n - 18, "checksum ", 9) == 0);
	free(p);
}

/* Where nobody knows what was mounted, nothing is made that is missing. */
static void
damaged_mounts_make_no_mailbox(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(tree_deliver(w->tree, text, bob, &e), 0);
	stop(w);
	write_mounts(w, span_of(""));
	struct mounts *m = read_mounts(w);
	maildir_tree_set_mounts(w->tree->t, m);
	start(w, true);
	assert_int_equal(tree_deliver(w->tree, text, both, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(e.sys, ENODEV);
	assert_int_equal(tree_deliver(w->tree, text, bob, &e), 0);
	stop(w);
	maildir_tree_set_mounts(w->tree->t, NULL);
	mounts_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_message_is_synced_before_it_is_answered),
		T(what_cannot_be_synced_there_is_refused),
		T(a_start_syncs_what_it_finds_there),
		T(a_start_syncs_mailboxes_on_other_file_systems),
		T(what_is_not_mounted_gets_no_mail),
		T(damaged_mounts_are_known_as_such),
		T(mounts_without_a_checksum_are_read_once),
		T(damaged_mounts_make_no_mailbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
