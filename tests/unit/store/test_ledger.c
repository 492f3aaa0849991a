/*
 * The states a crash can leave: each is built on disk, then the ledger is
 * opened as at a start, then the mailboxes are looked at.
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/durable.h"
#include "base/log.h"
#include "ids/ids_day.h"
#include "journal/journal.h"
#include "store/ledger.h"
#include "store/ledger_record.h"
#include "store/maildrop.h"

/* ---- faults ---------------------------------------------------------------
 */

static atomic_int sync_errors;   /* so many next journal syncs fail with EIO */
static atomic_int syncfs_errors; /* likewise of the file system */
static atomic_int space_errors;  /* so many next segments have no room */
static atomic_int rename_errors; /* so many next renames have no room */
static atomic_int syncs_after;   /* so many syncs fail after such a rename */
static atomic_int syncfs_calls;
static void (*while_syncing)(void *); /* once, during the next syncfs */
static void *while_syncing_arg;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
int __real_posix_fallocate(int fd, off_t at, off_t n);
int __wrap_posix_fallocate(int fd, off_t at, off_t n);
int __real_renameat2(int from, const char *a, int to, const char *b,
		     unsigned flags);
int __wrap_renameat2(int from, const char *a, int to, const char *b,
		     unsigned flags);

static int
fails(atomic_int *times, int sys)
{
	if (atomic_load(times) == 0)
		return 0;
	(void)atomic_fetch_sub(times, 1);
	errno = sys;
	return 1;
}

int
__wrap_fdatasync(int fd)
{
	return fails(&sync_errors, EIO) ? -1 : __real_fdatasync(fd);
}

int
__wrap_syncfs(int fd)
{
	void (*meanwhile)(void *) = while_syncing;

	while_syncing = NULL;
	if (meanwhile != NULL)
		meanwhile(while_syncing_arg);
	(void)atomic_fetch_add(&syncfs_calls, 1);
	return fails(&syncfs_errors, EIO) ? -1 : __real_syncfs(fd);
}

int
__wrap_posix_fallocate(int fd, off_t at, off_t n)
{
	return fails(&space_errors, ENOSPC) ? ENOSPC
					    : __real_posix_fallocate(fd, at, n);
}

static struct tree *reader; /* who reads carol's mail before it fails */

static void
read_carols(const struct tree *t)
{
	char found[256], from[1024], to[1024];

	tree_name(t, "carol@xyz.com", "new", found);
	(void)snprintf(from, sizeof(from), "%s/xyz.com/carol/new/%s", t->path,
		       found);
	(void)snprintf(to, sizeof(to), "%s/xyz.com/carol/cur/%s:2,S", t->path,
		       found);
	assert_int_equal(rename(from, to), 0);
}

int
__wrap_renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
	if (rename_errors == 0)
		return __real_renameat2(from, a, to, b, flags);
	if (reader != NULL)
		read_carols(reader);
	sync_errors = syncs_after;
	(void)fails(&rename_errors, ENOSPC);
	return -1;
}

static atomic_int names_read; /* from directories */
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

struct dirent *
__wrap_readdir(DIR *d)
{
	(void)atomic_fetch_add(&names_read, 1);
	return __real_readdir(d);
}

/* ---- a server's data ------------------------------------------------------
 */

static const char *const bob[] = { "bob@xyz.com", NULL };
static const char *const both[] = { "bob@xyz.com", "carol@xyz.com", NULL };
static const char text[] = "A: b\r\n\r\nbody\r\n";
static const char stored[] = "A: b\n\nbody\n";

struct world {
	struct tree *tree;
	int dirfd; /* the data directory */
	struct ledger *ledger;
	struct ledger_report report;
	int64_t checkpoint_ms; /* of the next start; 0: an hour */
};

static void
start(struct world *w, bool keeps_messages)
{
	struct ledger_options o = { .tree = w->tree->t,
				    .dirfd = w->dirfd,
				    .keeps_messages = keeps_messages,
				    .message_max = 4096,
				    .id_days = 7,
				    .ids_max = 100000,
				    .checkpoint_bytes = 64 << 20,
				    .checkpoint_ms = w->checkpoint_ms > 0
							 ? w->checkpoint_ms
							 : 3600 * 1000 };
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
	sync_errors = syncfs_errors = space_errors = rename_errors = 0;
	syncs_after = 0;
	reader = NULL;
	while_syncing = NULL;
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
deliver(struct world *w, const char *id, const char *const *mailboxes,
	struct err *e)
{
	struct delivery *d = NULL;
	size_t n = 0;

	while (mailboxes[n] != NULL)
		n++;
	int rc = delivery_begin(&d, w->tree->t, mailboxes[0], e);
	if (rc == 0 && id != NULL)
		delivery_identify(d, id);
	if (rc == 0)
		rc = delivery_write(d, span_of(text), e);
	if (rc == 0)
		rc = delivery_commit(d, mailboxes, n, e);
	delivery_free(&d);
	return rc;
}

static int
count(const struct world *w, const char *mailbox, const char *folder)
{
	return tree_count(w->tree, mailbox, folder);
}

/* ---- crashes --------------------------------------------------------------
 */

enum boot { SAME, OTHER };
static const char unique[] = "1795412881.M1P2Q3.mx.test";
static const char name[] = "1795412881.M1P2Q3.mx.test,S=11,W=14";

static void
boot_id(char boot[LEDGER_BOOT_BYTES])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
	char at[64] = { 0 };
	unsigned v;
	int n = 0;

	assert_non_null(f);
	assert_non_null(fgets(at, sizeof(at), f));
	(void)fclose(f);
	for (const char *p = at; n < LEDGER_BOOT_BYTES; p += 2) {
		char hex[3] = { p[*p == '-'], p[(*p == '-') + 1], '\0' };
		p += *p == '-';
		v = (unsigned)strtoul(hex, NULL, 16);
		boot[n++] = (char)v;
	}
}

static int
pass_over(void *ctx, const struct journal_record *r, struct err *e)
{
	(void)ctx;
	(void)r;
	(void)e;
	return 0;
}

static struct journal *
open_journal(struct world *w, int *dir)
{
	struct journal_options o = { .segment_bytes = 1 << 20,
				     .segments_max = 4,
				     .group_max_bytes = 1 << 20 };
	struct journal_report report;
	struct journal *j = NULL;
	struct err e;

	*dir = o.dirfd = durable_open_dir(w->dirfd, "journal", 1, &e);
	assert_true(o.dirfd >= 0);
	/* earlier records stay: they are not released */
	if (journal_open(&j, &o, pass_over, NULL, &report, &e) != 0)
		fail_msg("%s", e.msg);
	return j;
}

static void
add_record(struct world *w, uint32_t type, struct span head, struct span bytes)
{
	struct span parts[] = { head, bytes };
	uint64_t seq;
	struct err e;
	int dir;

	struct journal *j = open_journal(w, &dir);
	assert_int_equal(journal_append(j, type, parts, 2, &seq, &e), 0);
	assert_int_equal(journal_sync(j, seq, &e), 0);
	assert_int_equal(journal_close(&j, &e), 0);
	(void)close(dir);
}

/* The last server entered a message in this journal, and died. */
static void
accepted(struct world *w, enum boot boot, bool has_bytes, const char *id,
	 const char *const *mailboxes)
{
	struct ledger_accept a = { .id = span_of(id == NULL ? "" : id),
				   .name = span_of(name),
				   .holder = span_of(mailboxes[0]),
				   .size = sizeof(stored) - 1,
				   .has_bytes = has_bytes };
	struct buf head;
	size_t n = 0;

	while (mailboxes[n] != NULL)
		n++;
	buf_init(&head, 65536);
	if (boot == SAME)
		boot_id(a.boot);
	assert_int_equal(ledger_record_accept(&a, mailboxes, n, &head), 0);
	add_record(w, LEDGER_ACCEPT, buf_span(&head),
		   has_bytes ? span_of(stored) : span_of(""));
	buf_free(&head);
}

static void
gone(struct world *w, enum ledger_record_type type, const char *mailbox)
{
	struct buf head;

	buf_init(&head, 4096);
	assert_int_equal(ledger_record_gone(mailbox, unique, &head), 0);
	add_record(w, (uint32_t)type, buf_span(&head), span_of(""));
	buf_free(&head);
}

static void
assert_stored(const struct world *w, const char *mailbox, const char *folder)
{
	char found[256];

	tree_name(w->tree, mailbox, folder, found);
	char *got = tree_get(w->tree, mailbox, folder, found);
	assert_string_equal(got, stored);
	free(got);
	assert_int_equal(count(w, mailbox, "tmp"), 0);
}

/* Killed before the first link. */
static void
a_file_in_tmp_is_placed(void **state)
{
	struct world *w = *state;

	accepted(w, SAME, true, NULL, both);
	tree_put(w->tree, both[0], "tmp", unique, stored);
	start(w, true);
	assert_stored(w, both[0], "new");
	assert_stored(w, both[1], "new");
	assert_int_equal(w->report.placed, 2);
	stop(w);
	start(w, true); /* and that was that */
	assert_int_equal(w->report.accepted, 0);
}

/* Killed between two links; the second recipient has moved his. */
static void
what_is_placed_is_not_placed_again(void **state)
{
	struct world *w = *state;
	char seen[300];

	accepted(w, SAME, true, NULL, both);
	tree_put(w->tree, both[0], "tmp", unique, stored);
	(void)snprintf(seen, sizeof(seen), "%s:2,S", name);
	tree_put(w->tree, both[1], "cur", seen, stored);
	start(w, true);
	assert_stored(w, both[0], "new");
	assert_stored(w, both[1], "cur");
	assert_int_equal(count(w, both[1], "new"), 0);
}

/* Placed, and not to be found: the file system may have gone down and come back
 * within this boot, without what was not synced. */
static void
what_is_missing_comes_back_whatever_boot_it_was(void **state)
{
	struct world *w = *state;

	accepted(w, SAME, true, "a1", both);
	tree_put(w->tree, both[1], "new", name, "");
	start(w, true);
	assert_int_equal(w->report.accepted, 1);
	assert_int_equal(w->report.placed, 1);
	assert_int_equal(w->report.repaired, 1);
	assert_stored(w, both[0], "new");
	assert_stored(w, both[1], "new");
	stop(w);
	start(w, true);
	assert_int_equal(w->report.accepted, 0);
}

/* However it was renamed, it is the same message. */
static void
what_was_read_is_not_missing(void **state)
{
	struct world *w = *state;
	char seen[300];

	accepted(w, SAME, true, NULL, both);
	(void)snprintf(seen, sizeof(seen), "%s:2,FRS", name);
	tree_put(w->tree, both[0], "cur", seen, stored);
	tree_put(w->tree, both[1], "new", seen, stored);
	start(w, true);
	assert_int_equal(w->report.placed + w->report.repaired, 0);
	assert_int_equal(count(w, both[0], "new"), 0);
	assert_int_equal(count(w, both[1], "new"), 1);
}

static void
what_a_client_deleted_stays_deleted_whatever_boot_it_was(void **state)
{
	struct world *w = *state;

	accepted(w, SAME, true, NULL, both);
	gone(w, LEDGER_REMOVED, both[0]);
	start(w, true);
	assert_int_equal(count(w, both[0], "new"), 0);
	assert_stored(w, both[1], "new");
}

/* An orderly stop leaves nothing to be restored: what other programs took away
 * meanwhile stays away. */
static void
an_ordinary_restart_restores_nothing(void **state)
{
	struct world *w = *state;
	char found[256], path[1024];
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, "a1", bob, &e), 0);
	tree_name(w->tree, bob[0], "new", found);
	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/new/%s",
		       w->tree->path, found);
	assert_int_equal(unlink(path), 0);
	stop(w);
	start(w, true);
	assert_int_equal(w->report.accepted, 0);
	assert_int_equal(count(w, bob[0], "new"), 0);
}

/* The power went: nothing of it is on disk, or an empty name, or half. */
static void
after_a_power_cut_it_comes_from_the_journal(void **state)
{
	struct world *w = *state;
	char seen[300];

	accepted(w, OTHER, true, NULL, both);
	(void)snprintf(seen, sizeof(seen), "%s:2,S", name);
	tree_put(w->tree, both[0], "tmp", unique, "");
	tree_put(w->tree, both[1], "cur", seen, "A: b\n\nbo");
	start(w, true);
	assert_stored(w, both[0], "new");
	assert_stored(w, both[1], "cur");
	assert_int_equal(w->report.placed, 1);
	assert_int_equal(w->report.repaired, 1);
}

static void
a_whole_file_is_left_alone(void **state)
{
	struct world *w = *state;

	accepted(w, OTHER, true, NULL, bob);
	tree_put(w->tree, bob[0], "new", name, stored);
	start(w, true);
	assert_stored(w, bob[0], "new");
	assert_int_equal(w->report.placed + w->report.repaired, 0);
}

static void
a_deletion_over_pop3_survives_a_power_cut(void **state)
{
	struct world *w = *state;

	accepted(w, OTHER, true, "a1", both);
	gone(w, LEDGER_REMOVED, both[0]);
	tree_put(w->tree, both[0], "new", name, ""); /* came back, torn */
	start(w, true);
	assert_int_equal(count(w, both[0], "new"), 0);
	assert_stored(w, both[1], "new");
	struct err e;
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	assert_int_equal(count(w, both[0], "new"), 0);
	assert_int_equal(count(w, both[1], "new"), 1);
}

static void
what_was_refused_is_not_placed(void **state)
{
	struct world *w = *state;
	struct err e;

	accepted(w, OTHER, true, "a1", both);
	gone(w, LEDGER_WITHDRAWN, "");
	tree_put(w->tree, both[1], "new", name, stored);
	start(w, true);
	assert_int_equal(count(w, both[0], "new"), 0);
	assert_int_equal(count(w, both[1], "new"), 0);
	/* and the client's next try is a first one */
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	assert_int_equal(count(w, both[0], "new"), 1);
}

/* A large message: its record has no bytes, its file was synced. */
static void
a_synced_file_is_placed_after_a_power_cut(void **state)
{
	struct world *w = *state;
	struct err e;

	accepted(w, OTHER, false, "a1", both);
	tree_put(w->tree, both[0], "tmp", unique, stored);
	start(w, false);
	assert_stored(w, both[0], "new");
	assert_stored(w, both[1], "new");
	assert_int_equal(deliver(w, "a1", both, &e), 0); /* again: known */
	assert_int_equal(count(w, both[0], "new"), 1);
}

/* Entered, never placed, and its file lost: the client tries again. */
static void
an_id_without_a_message_is_not_known(void **state)
{
	struct world *w = *state;
	struct err e;

	accepted(w, SAME, false, "a1", bob);
	start(w, false);
	assert_int_equal(deliver(w, "a1", bob, &e), 0);
	assert_stored(w, bob[0], "new");
}

static void
a_damaged_record_does_not_stop_the_start(void **state)
{
	struct world *w = *state;

	add_record(w, LEDGER_ACCEPT, span_of("\001\001garbage"), span_of(""));
	accepted(w, OTHER, true, NULL, bob);
	start(w, true);
	assert_stored(w, bob[0], "new");
}

/* ---- running --------------------------------------------------------------
 */

static void
delivers_through_the_journal(void **state)
{
	struct world *w = *state;
	struct err e;

	start(w, true);
	assert_int_equal(deliver(w, NULL, both, &e), 0);
	assert_stored(w, both[0], "new");
	assert_stored(w, both[1], "new");
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	stop(w);
	start(w, true);
	assert_int_equal(w->report.accepted, 0);
	assert_int_equal(count(w, both[0], "new"), 1);
}

static void
a_large_message_goes_to_a_file(void **state)
{
	struct world *w = *state;
	struct delivery *d = NULL;
	char found[256], line[101];
	struct err e;

	start(w, true);
	memset(line, 'x', 98);
	memcpy(line + 98, "\r\n", 3);
	assert_int_equal(delivery_begin(&d, w->tree->t, bob[0], &e), 0);
	assert_int_equal(count(w, bob[0], "tmp"), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(delivery_write(d, span_of(line), &e), 0);
	assert_int_equal(count(w, bob[0], "tmp"), 1);
	assert_int_equal(delivery_commit(d, bob, 1, &e), 0);
	delivery_free(&d);
	tree_name(w->tree, bob[0], "new", found);
	assert_non_null(strstr(found, ",S=99000,W=100000"));
	char *got = tree_get(w->tree, bob[0], "new", found);
	assert_int_equal(strlen(got), 99000);
	free(got);
	assert_int_equal(count(w, bob[0], "tmp"), 0);
}

static void
an_id_is_stored_once_in_each_mailbox(void **state)
{
	struct world *w = *state;
	struct err e;

	for (int keeps = 0; keeps < 2; keeps++) {
		const char *id = keeps ? "a1" : "b1";
		int n = keeps + 1;
		start(w, keeps);
		assert_int_equal(deliver(w, id, bob, &e), 0);
		assert_int_equal(deliver(w, id, both, &e), 0);
		assert_int_equal(deliver(w, id, both, &e), 0);
		assert_int_equal(count(w, both[0], "new"), n);
		assert_int_equal(count(w, both[1], "new"), n);
		stop(w);
		start(w, keeps); /* known for longer than a run */
		assert_int_equal(deliver(w, id, both, &e), 0);
		assert_int_equal(count(w, both[0], "new"), n);
		assert_int_equal(count(w, both[1], "new"), n);
		stop(w);
	}
}

static void
refused_while_the_disk_refuses_and_then_not(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	space_errors = 1;
	assert_int_equal(deliver(w, "a1", both, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(e.sys, ENOSPC);
	assert_int_equal(count(w, both[0], "new") + count(w, both[0], "tmp"),
			 0);
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	sync_errors = 1;
	assert_int_equal(deliver(w, "a2", both, &e), -1);
	assert_int_equal(e.sys, EIO);
	assert_int_equal(count(w, both[0], "new"), 1);
	assert_int_equal(count(w, both[0], "tmp"), 0);
	assert_int_equal(deliver(w, "a2", both, &e), 0);
	assert_int_equal(count(w, both[0], "new"), 2);
	stop(w);
	start(w, true);
	assert_int_equal(count(w, both[0], "new"), 2);
	assert_int_equal(count(w, both[1], "new"), 2);
}

/* The mailbox may lie on a disk that works while that of the journal does not:
 * stored without its id, the message would come twice after a restart. */
static void
a_synced_message_whose_id_is_not_entered_is_refused(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, false);
	sync_errors = 1;
	assert_int_equal(deliver(w, "a1", both, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(count(w, both[i], "new"), 0);
		assert_int_equal(count(w, both[i], "tmp"), 0);
	}
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	stop(w);
	start(w, false);
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	assert_int_equal(count(w, both[0], "new"), 1);
	assert_int_equal(count(w, both[1], "new"), 1);
}

/* How many messages a start would find. */
static int
count_accepted(void *ctx, const struct journal_record *r, struct err *e)
{
	int *n = ctx;

	(void)e;
	*n += r->type == LEDGER_ACCEPT;
	return 0;
}

static int
in_journal(struct world *w)
{
	struct journal_report report;
	struct err e;
	int n = 0;

	int dir = durable_open_dir(w->dirfd, "journal", 0, &e);
	assert_true(dir >= 0);
	assert_int_equal(journal_check(dir, count_accepted, &n, &report, &e),
			 0);
	(void)close(dir);
	return n;
}

/* Entered, but no room for the name: taken back, refused, and not replayed. */
static void
what_cannot_be_placed_is_withdrawn(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	rename_errors = 1;
	assert_int_equal(deliver(w, "a1", both, &e), -1);
	assert_int_equal(e.sys, ENOSPC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(count(w, both[i], "new"), 0);
		assert_int_equal(count(w, both[i], "tmp"), 0);
	}
	/* nothing of it keeps the journal from being released */
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	assert_int_equal(count(w, both[1], "new"), 1);
}

/* A reader was quick: the message is in cur/ already when it is taken back. */
static void
what_was_read_meanwhile_is_taken_back_too(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	rename_errors = 1;
	reader = w->tree;
	assert_int_equal(deliver(w, "a1", both, &e), -1);
	reader = NULL;
	assert_int_equal(count(w, both[1], "new"), 0);
	assert_int_equal(count(w, both[1], "cur"), 0);
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	assert_int_equal(count(w, both[1], "new"), 1);
}

/* As above, and the record of it is refused as well: the file stays in tmp/ for
 * the next start.  The client gave it again meanwhile: it is there once. */
static void
what_was_given_again_is_not_placed_again(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	rename_errors = 1;
	syncs_after = 1;
	assert_int_equal(deliver(w, "a1", both, &e), -1);
	assert_int_equal(count(w, both[0], "tmp"), 1);
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	stop(w);
	start(w, true);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(count(w, both[i], "new"), 1);
		assert_int_equal(count(w, both[i], "tmp"), 0);
	}
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	assert_int_equal(count(w, both[0], "new"), 1);
}

/* The same where the second time left no record. */
static void
what_is_known_is_not_placed_again(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, false);
	assert_int_equal(deliver(w, "a1", bob, &e), 0);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	stop(w);
	accepted(w, SAME, false, "a1", bob);
	tree_put(w->tree, bob[0], "tmp", unique, stored);
	start(w, false);
	assert_int_equal(count(w, bob[0], "new"), 1);
	assert_int_equal(count(w, bob[0], "tmp"), 0);
}

/* Placed and answered, but its file could not leave tmp/: what stands in the
 * mailbox may be the only copy. */
static void
what_is_known_and_placed_stays(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, false);
	assert_int_equal(deliver(w, "a1", bob, &e), 0);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	stop(w);
	accepted(w, SAME, false, "a1", bob);
	tree_put(w->tree, bob[0], "tmp", unique, stored);
	tree_put(w->tree, bob[0], "new", name, stored);
	start(w, false);
	assert_int_equal(count(w, bob[0], "new"), 2);
	assert_int_equal(count(w, bob[0], "tmp"), 0);
}

static ino_t
inode_of(const struct world *w, const char *found)
{
	char path[1024];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/xyz.com/bob/new/%s",
		       w->tree->path, found);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* The file system lost something, and what is read may be what it has in memory
 * only: every file is written anew before the journal lets go of it. */
static void
a_failed_sync_of_the_mailboxes_is_mended(void **state)
{
	struct world *w = *state;
	char found[256];
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	syncfs_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	assert_int_equal(e.sys, EIO);
	assert_int_equal(in_journal(w), 1);
	tree_name(w->tree, bob[0], "new", found);
	ino_t before = inode_of(w, found);
	tree_put(w->tree, both[1], "new", found, ""); /* what was lost */
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_stored(w, both[0], "new");
	assert_stored(w, both[1], "new");
	assert_true(inode_of(w, found) != before);
	assert_int_equal(deliver(w, "a1", both, &e), 0);
	assert_int_equal(count(w, bob[0], "new"), 1);
}

/* The same by itself, and more than once. */
static void
failed_syncs_do_not_fill_the_journal(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	w->checkpoint_ms = 10;
	start(w, true);
	syncfs_errors = 3;
	assert_int_equal(deliver(w, NULL, bob, &e), 0);
	for (int i = 0; i < 6000 && (syncfs_errors > 0 || in_journal(w) > 0);
	     i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(syncfs_errors, 0);
	assert_int_equal(in_journal(w), 0);
	assert_int_equal(count(w, bob[0], "new"), 1);
}

/* How often the log has a word. */
static unsigned
times_in(const char *path, const char *word)
{
	char *log = NULL;
	size_t size;
	unsigned n = 0;

	assert_int_equal(
	    durable_read_file(AT_FDCWD, path, 1 << 20, &log, &size, NULL), 0);
	for (const char *p = log; (p = strstr(p, word)) != NULL; p++)
		n++;
	free(log);
	return n;
}

static void
a_checkpoint_that_fails_again_is_not_said_each_time(void **state)
{
	enum { MANY = 1000000, TRIES = 40 };
	struct world *w = *state;
	char path[] = "/tmp/pp-ledger-XXXXXX";
	struct err e;

	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(log_open(path, LOG_ERROR, NULL), 0);
	w->checkpoint_ms = 10;
	start(w, true);
	assert_int_equal(deliver(w, NULL, bob, &e), 0);
	/* the mailboxes can be synced, the journal cannot let go of them */
	sync_errors = MANY;
	syncfs_calls = 0;
	for (int i = 0; i < 6000 && syncfs_calls < TRIES; i++)
		(void)poll(NULL, 0, 10);
	assert_true(syncfs_calls >= TRIES);
	sync_errors = 0;
	stop(w);
	unsigned n = times_in(path, "checkpoint-failed");
	assert_true(n > 0);
	assert_true(n < TRIES / 2);
	(void)log_open("/dev/null", LOG_ERROR, NULL);
	(void)close(fd);
	(void)unlink(path);
}

/* The server went down before it could mend: the next start trusts no file that
 * is older than the failure, whatever the system shows of it. */
static void
a_failed_sync_is_mended_by_the_next_start(void **state)
{
	struct world *w = *state;
	char found[256];
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, NULL, bob, &e), 0);
	syncfs_errors = 100;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	stop(w);
	syncfs_errors = 0;
	tree_name(w->tree, bob[0], "new", found);
	ino_t before = inode_of(w, found);
	start(w, true);
	assert_int_equal(w->report.repaired, 1);
	assert_true(inode_of(w, found) != before);
	assert_stored(w, bob[0], "new");
	assert_int_equal(in_journal(w), 0);
}

/* A start whose sync fails serves, and does not let go. */
static void
a_start_that_cannot_sync_lets_nothing_go(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	accepted(w, SAME, true, NULL, bob);
	syncfs_errors = 1;
	start(w, true);
	assert_stored(w, bob[0], "new");
	assert_int_equal(in_journal(w), 1);
	assert_int_equal(deliver(w, NULL, bob, &e), 0);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_int_equal(count(w, bob[0], "new"), 2);
}

/* A start that cannot place a message serves, and keeps it for the next try,
 * which comes by itself. */
static void
a_start_that_cannot_place_lets_nothing_go(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	accepted(w, SAME, true, NULL, bob);
	rename_errors = 1;
	start(w, true);
	assert_int_equal(w->report.failed, 1);
	assert_int_equal(in_journal(w), 1);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_stored(w, bob[0], "new");
}

static void
what_a_start_could_not_place_is_placed_in_time(void **state)
{
	struct world *w = *state;

	accepted(w, SAME, true, NULL, bob);
	rename_errors = 1;
	w->checkpoint_ms = 10;
	start(w, true);
	for (int i = 0; i < 6000 && in_journal(w) > 0; i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(in_journal(w), 0);
	assert_stored(w, bob[0], "new");
}

/* Change the byte of the journal where the stored text begins. */
static void
set_journal_byte(const struct world *w, char from, char to)
{
	char bytes[4096], path[300], text_there[sizeof(stored)];
	struct dirent *entry;
	int changed = 0;

	memcpy(text_there, stored, sizeof(stored));
	text_there[0] = from;
	DIR *d = fdopendir(openat(w->dirfd, "journal", O_RDONLY | O_DIRECTORY));
	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "journal/%s", entry->d_name);
		int fd = openat(w->dirfd, path, O_RDWR);
		ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
		char *at = n <= 0 ? NULL
				  : memmem(bytes, (size_t)n, text_there,
					   sizeof(stored) - 1);
		if (at != NULL)
			changed += pwrite(fd, &to, 1, at - bytes) == 1;
		if (fd >= 0)
			(void)close(fd);
	}
	(void)closedir(d);
	assert_int_equal(changed, 1);
}

/* What cannot be read may be the only copy: a person can still look at it. */
static void
a_journal_found_damaged_lets_nothing_go(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, NULL, bob, &e), 0);
	syncfs_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	set_journal_byte(w, stored[0], 'x');
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	assert_non_null(strstr(e.msg, "the journal is damaged"));
	set_journal_byte(w, 'x', stored[0]);
	assert_int_equal(in_journal(w), 1);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
}

/* What was deleted before it was mended is not restored. */
static void
a_deletion_holds_while_it_is_mended(void **state)
{
	struct world *w = *state;
	struct maildrop *d = NULL;
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, NULL, both, &e), 0);
	syncfs_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	assert_int_equal(maildrop_open(&d, w->tree->t, bob[0], false, &e),
			 MAILDROP_OPEN);
	assert_int_equal(maildrop_remove(d, 0, &e), 0);
	/* nor when its session has not got to the sync yet */
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(count(w, bob[0], "new"), 0);
	assert_int_equal(maildrop_sync(d, &e), 0);
	maildrop_close(&d);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_int_equal(count(w, bob[0], "new"), 0);
	assert_int_equal(count(w, both[1], "new"), 1);
}

/* Refused, and the disk did not take the record of that: said later, so that no
 * start places it, and the journal is not held for ever. */
static void
a_refusal_is_entered_later(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	rename_errors = 1;
	syncs_after = 1;
	assert_int_equal(deliver(w, NULL, both, &e), -1);
	assert_int_equal(count(w, both[0], "tmp"), 1);
	sync_errors = 1; /* not yet: then it is not placed either */
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	assert_int_equal(count(w, both[0], "new"), 0);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(count(w, both[i], "tmp"), 0);
		assert_int_equal(count(w, both[i], "new"), 0);
	}
}

/* What could not be written anew is not let go of, though the sync went well.
 */
static void
what_is_not_mended_stays_in_the_journal(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };
	char found[256];

	start(w, true);
	assert_int_equal(deliver(w, NULL, both, &e), 0);
	syncfs_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	tree_name(w->tree, bob[0], "new", found);
	tree_put(w->tree, bob[0], "new", found, ""); /* what was lost */
	rename_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(rename_errors, 0);
	assert_int_equal(in_journal(w), 1);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_stored(w, bob[0], "new");
}

/* Of two reasons to hold messages the older one counts: here a refusal, and
 * then a failed sync of all before it, which a second sync would not repeat. */
static void
a_sync_that_fails_while_it_is_mended_holds_all(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };
	char found[256];

	start(w, true);
	assert_int_equal(deliver(w, NULL, both + 1, &e), 0);
	rename_errors = 1;
	syncs_after = 1;
	assert_int_equal(deliver(w, NULL, bob, &e), -1);
	syncfs_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	assert_int_equal(e.sys, EIO);
	assert_int_equal(in_journal(w), 2);
	tree_name(w->tree, both[1], "new", found);
	tree_put(w->tree, both[1], "new", found, ""); /* what was lost */
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_stored(w, both[1], "new");
	assert_int_equal(count(w, bob[0], "new"), 0);
}

static void
refuse_one(void *arg)
{
	struct world *w = arg;
	struct err e = { 0 };

	rename_errors = 1;
	syncs_after = 1;
	assert_int_equal(deliver(w, NULL, bob, &e), -1);
}

/* A message that is refused while others are mended waits for its turn. */
static void
a_refusal_while_it_is_mended_is_entered_later(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, NULL, both + 1, &e), 0);
	syncfs_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	while_syncing = refuse_one;
	while_syncing_arg = w;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 1);
	assert_int_equal(count(w, bob[0], "tmp"), 1);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(in_journal(w), 0);
	assert_int_equal(count(w, bob[0], "tmp"), 0);
	assert_int_equal(count(w, bob[0], "new"), 0);
	assert_stored(w, both[1], "new");
}

/* What is being placed is left to its session. */
static void
what_is_not_placed_yet_is_not_restored(void **state)
{
	struct world *w = *state;
	struct ledger_entry entry = { 0 };
	struct ledger_message m = { .id = "",
				    .name = name,
				    .holder = bob[0],
				    .mailboxes = bob,
				    .n_mailboxes = 1,
				    .size = sizeof(stored) - 1,
				    .has_bytes = true,
				    .bytes = span_of(stored) };
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, NULL, both + 1, &e), 0);
	assert_int_equal(ledger_accept(w->ledger, &entry, &m, &e), 0);
	syncfs_errors = 1;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_int_equal(count(w, bob[0], "new"), 0);
	assert_int_equal(in_journal(w), 1);
	tree_put(w->tree, bob[0], "new", name, stored);
	ledger_placed(w->ledger, &entry);
	/* it was in doubt as well: written anew */
	ino_t before = inode_of(w, name);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	assert_true(inode_of(w, name) != before);
	assert_stored(w, bob[0], "new");
	assert_int_equal(in_journal(w), 0);
}

/* Each mailbox is read once, however many there are. */
static void
recovery_reads_each_mailbox_once(void **state)
{
	enum { MAILBOXES = 150, ROUNDS = 3 };
	struct world *w = *state;
	char address[64];
	const char *one[] = { address, NULL };
	struct err e = { 0 };

	start(w, true);
	syncfs_errors = 1000;
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < MAILBOXES; i++) {
			(void)snprintf(address, sizeof(address), "u%d@xyz.com",
				       i);
			assert_int_equal(deliver(w, NULL, one, &e), 0);
		}
	}
	stop(w);
	syncfs_errors = 0;
	names_read = 0;
	start(w, true);
	assert_int_equal(w->report.accepted, MAILBOXES * ROUNDS);
	assert_int_equal(w->report.placed, 0);
	/* new/ and cur/ of each: what is in it, ".", ".." and its end */
	assert_true(names_read <= MAILBOXES * (ROUNDS + 6) + 1000);
}

/* A checkpoint that comes while a message is being placed cannot release it:
 * the next one does, also when nothing else comes. */
static void
what_was_being_placed_is_released_in_time(void **state)
{
	struct world *w = *state;
	struct ledger_entry entry = { 0 };
	struct ledger_message m = { .id = "a1",
				    .name = name,
				    .holder = bob[0],
				    .mailboxes = bob,
				    .n_mailboxes = 1,
				    .size = sizeof(stored) - 1,
				    .has_bytes = true,
				    .bytes = span_of(stored) };
	struct stat st = { 0 };
	char day[64];
	struct err e = { 0 };

	w->checkpoint_ms = 20;
	start(w, true);
	assert_int_equal(ledger_accept(w->ledger, &entry, &m, &e), 0);
	assert_int_equal(ledger_checkpoint(w->ledger, &e), 0);
	tree_put(w->tree, bob[0], "new", name, stored);
	ids_keep(ledger_ids(w->ledger), "a1", bob[0]);
	ledger_placed(w->ledger, &entry);
	(void)snprintf(day, sizeof(day), "ids/%08u",
		       (unsigned)ids_day_number(clock_wall_s(), 0));
	for (int i = 0; i < 6000 && st.st_size == 0; i++) {
		(void)fstatat(w->dirfd, day, &st, 0);
		(void)poll(NULL, 0, 10);
	}
	assert_true(st.st_size > 0);
}

static void
pop3_deletions_are_entered(void **state)
{
	struct world *w = *state;
	struct maildrop *d = NULL;
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, NULL, both, &e), 0);
	assert_int_equal(maildrop_open(&d, w->tree->t, bob[0], false, &e),
			 MAILDROP_OPEN);
	assert_int_equal(maildrop_remove(d, 0, &e), 0);
	assert_int_equal(maildrop_sync(d, &e), 0);
	maildrop_close(&d);
	/* the file system is not to be trusted: all is looked at again */
	syncfs_errors = 100;
	assert_int_equal(ledger_checkpoint(w->ledger, &e), -1);
	stop(w);
	syncfs_errors = 0;
	start(w, true);
	assert_int_equal(w->report.accepted, 1);
	assert_int_equal(count(w, bob[0], "new"), 0);
	assert_int_equal(count(w, both[1], "new"), 1);
}

static void
a_mailbox_moved_away_is_made_anew(void **state)
{
	struct world *w = *state;
	char from[600], to[600];
	struct err e = { 0 };

	start(w, true);
	assert_int_equal(deliver(w, NULL, bob, &e), 0);
	(void)snprintf(from, sizeof(from), "%s/xyz.com/bob", w->tree->path);
	(void)snprintf(to, sizeof(to), "%s/xyz.com/old", w->tree->path);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(deliver(w, NULL, bob, &e), 0);
	assert_int_equal(count(w, "bob@xyz.com", "new"), 1);
	assert_int_equal(count(w, "old@xyz.com", "new"), 1);
}

static void
one_server_a_tree(void **state)
{
	struct world *w = *state;
	struct maildir_tree *second = NULL;
	struct err e = { 0 };

	assert_int_equal(
	    maildir_tree_open(&second, w->tree->path, "mx.test", true, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_file_in_tmp_is_placed),
		T(what_is_placed_is_not_placed_again),
		T(what_is_missing_comes_back_whatever_boot_it_was),
		T(what_was_read_is_not_missing),
		T(what_a_client_deleted_stays_deleted_whatever_boot_it_was),
		T(an_ordinary_restart_restores_nothing),
		T(after_a_power_cut_it_comes_from_the_journal),
		T(a_whole_file_is_left_alone),
		T(a_deletion_over_pop3_survives_a_power_cut),
		T(what_was_refused_is_not_placed),
		T(a_synced_file_is_placed_after_a_power_cut),
		T(an_id_without_a_message_is_not_known),
		T(a_damaged_record_does_not_stop_the_start),
		T(delivers_through_the_journal),
		T(a_large_message_goes_to_a_file),
		T(an_id_is_stored_once_in_each_mailbox),
		T(refused_while_the_disk_refuses_and_then_not),
		T(a_synced_message_whose_id_is_not_entered_is_refused),
		T(what_cannot_be_placed_is_withdrawn),
		T(what_was_read_meanwhile_is_taken_back_too),
		T(what_was_given_again_is_not_placed_again),
		T(what_is_known_is_not_placed_again),
		T(what_is_known_and_placed_stays),
		T(a_failed_sync_of_the_mailboxes_is_mended),
		T(failed_syncs_do_not_fill_the_journal),
		T(a_checkpoint_that_fails_again_is_not_said_each_time),
		T(a_failed_sync_is_mended_by_the_next_start),
		T(a_start_that_cannot_sync_lets_nothing_go),
		T(a_start_that_cannot_place_lets_nothing_go),
		T(what_a_start_could_not_place_is_placed_in_time),
		T(a_journal_found_damaged_lets_nothing_go),
		T(a_deletion_holds_while_it_is_mended),
		T(a_refusal_is_entered_later),
		T(what_is_not_mended_stays_in_the_journal),
		T(a_sync_that_fails_while_it_is_mended_holds_all),
		T(a_refusal_while_it_is_mended_is_entered_later),
		T(what_is_not_placed_yet_is_not_restored),
		T(recovery_reads_each_mailbox_once),
		T(what_was_being_placed_is_released_in_time),
		T(pop3_deletions_are_entered),
		T(a_mailbox_moved_away_is_made_anew),
		T(one_server_a_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
