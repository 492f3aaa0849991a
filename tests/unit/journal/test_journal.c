#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../synced.h"
#include "base/buf.h"
#include "base/durable.h"
#include "base/thread.h"
#include "journal/crc32c.h"
#include "journal/journal.h"
#include "journal/segment.h"

/* ---- the disk, with faults to order ----------------------------------------
 */

static int sync_errors; /* so many next fdatasync calls fail with EIO */
static int fail_every;  /* each so manieth fails, too */
static int sync_ms;     /* how long one takes */
static int syncing, most_syncing; /* at once */
static int space_errors; /* so many next allocations fail with ENOSPC */
static int allocations;
static int syncs;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_posix_fallocate(int fd, off_t at, off_t n);
int __wrap_posix_fallocate(int fd, off_t at, off_t n);

int
__wrap_fdatasync(int fd)
{
	struct timespec t = { .tv_nsec = (long)sync_ms * 1000000 };

	int count = __atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED);
	int now = __atomic_add_fetch(&syncing, 1, __ATOMIC_SEQ_CST);
	int most = __atomic_load_n(&most_syncing, __ATOMIC_SEQ_CST);
	while (now > most &&
	       !__atomic_compare_exchange_n(&most_syncing, &most, now, 0,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	if (sync_ms > 0)
		(void)nanosleep(&t, NULL);
	(void)__atomic_sub_fetch(&syncing, 1, __ATOMIC_SEQ_CST);
	if (fail_every > 0 && count % fail_every == 0) {
		errno = EIO;
		return -1;
	}
	if (sync_errors > 0) {
		sync_errors--;
		errno = EIO;
		return -1;
	}
	return __real_fdatasync(fd);
}

ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	/* Short writes are legal: give one now and then. */
	return __real_pwrite(fd, p, n > 5000 ? n / 2 : n, at);
}

int
__wrap_posix_fallocate(int fd, off_t at, off_t n)
{
	allocations++;
	if (space_errors > 0) {
		space_errors--;
		return ENOSPC;
	}
	return __real_posix_fallocate(fd, at, n);
}

/* ---- a journal in a fresh directory -----------------------------------------
 */

struct world {
	char path[64];
	int dirfd;
	struct buf seen; /* payloads replayed, a line each */
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	(void)snprintf(w->path, sizeof(w->path), "/tmp/pp-journal-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	w->dirfd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->dirfd >= 0);
	buf_init(&w->seen, 1 << 24);
	*state = w;
	sync_errors = space_errors = sync_ms = fail_every = 0;
	return 0;
}

static void
remove_all(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	struct dirent *entry;

	assert_non_null(d);
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] != '.' &&
		    unlinkat(dirfd, entry->d_name, 0) != 0) {
			int sub = openat(dirfd, entry->d_name,
					 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			remove_all(sub);
			(void)close(sub);
			(void)unlinkat(dirfd, entry->d_name, AT_REMOVEDIR);
		}
	}
	(void)closedir(d);
}

static int
teardown(void **state)
{
	struct world *w = *state;

	remove_all(w->dirfd);
	(void)close(w->dirfd);
	(void)rmdir(w->path);
	buf_free(&w->seen);
	free(w);
	return 0;
}

static int
see(void *ctx, const struct journal_record *r, struct err *e)
{
	struct world *w = ctx;

	(void)e;
	assert_int_equal(buf_add_span(&w->seen, r->payload), 0);
	assert_int_equal(buf_add_char(&w->seen, '\n'), 0);
	return 0;
}

static struct journal *
open_journal(struct world *w, unsigned segments, struct journal_report *report)
{
	struct journal_options o = { .dirfd = w->dirfd,
				     .segment_bytes = JOURNAL_SEGMENT_MIN,
				     .segments_max = segments,
				     .group_max_bytes = JOURNAL_SEGMENT_MIN };
	struct journal_report ignored;
	struct journal *j = NULL;
	struct err e = { 0 };

	buf_clear(&w->seen);
	if (journal_open(&j, &o, see, w, report == NULL ? &ignored : report,
			 &e) != 0)
		fail_msg("%s", e.msg);
	return j;
}

static uint64_t
add(struct journal *j, const char *text)
{
	struct span part = span_of(text);
	struct err e;
	uint64_t seq = 0;

	if (journal_append(j, 1, &part, 1, &seq, &e) != 0)
		fail_msg("%s", e.msg);
	return seq;
}

static void
sync_ok(struct journal *j, uint64_t seq)
{
	struct err e;

	if (journal_sync(j, seq, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
close_ok(struct journal **j)
{
	struct err e;

	assert_int_equal(journal_close(j, &e), 0);
}

static unsigned
count_files(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

static void
assert_seen(struct world *w, const char *text)
{
	assert_int_equal(w->seen.n, strlen(text));
	assert_memory_equal(w->seen.p, text, w->seen.n);
}

/* ---- tests
 * -------------------------------------------------------------------- */

static void
crc32c_knows_the_published_values(void **state)
{
	unsigned char zeros[32] = { 0 };

	(void)state; /* RFC 3720 B.4 */
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c_portable(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(crc32c(0, "12345", 5), "6789", 4), 0xe3069283);
}

/* A sync for whoever waits, and none for whom nothing is left to do. */
static void
a_waiter_returns_after_a_sync(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);

	sync_ok(j, add(j, "zero")); /* with its segment */
	synced_forget();
	uint64_t one = add(j, "one"), two = add(j, "two");
	assert_int_equal(synced_n, 0);
	sync_ok(j, two);
	assert_int_equal(synced_n, 1);
	sync_ok(j, one);
	assert_int_equal(synced_n, 1);
	sync_ok(j, add(j, "three"));
	assert_int_equal(synced_n, 2);
	close_ok(&j);
}

static void
records_come_back_in_order(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);
	struct span parts[3] = { span_of("one"), span_of(""), span_of(" two") };
	struct err e;
	uint64_t seq;

	assert_int_equal(journal_append(j, 7, parts, 3, &seq, &e), 0);
	assert_int_equal(seq, 1);
	sync_ok(j, add(j, "three"));
	close_ok(&j);
	j = open_journal(w, 4, NULL);
	assert_seen(w, "one two\nthree\n");
	assert_int_equal(add(j, "four"), 3);
	close_ok(&j);
	j = open_journal(w, 4, NULL);
	assert_seen(w, "one two\nthree\nfour\n");
	close_ok(&j);
}

static void
released_records_stay_away_and_their_files_are_used_again(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);
	static char big[20000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int round = 0; round < 50; round++) {
		uint64_t seq = add(j, big);
		sync_ok(j, seq);
		journal_release(j, seq, &(struct err){ 0 });
	}
	uint64_t last = add(j, "kept");
	sync_ok(j, last);
	assert_true(journal_live_bytes(j) <= 2 * JOURNAL_SEGMENT_MIN);
	close_ok(&j);
	j = open_journal(w, 4, NULL);
	assert_seen(w, "kept\n");
	close_ok(&j);
}

static void
a_full_journal_refuses_and_recovers_by_a_release(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 2, NULL);
	static char big[30000];
	struct span part = span_make(big, sizeof(big));
	struct err e;
	uint64_t seq = 0, last = 0;
	int rc = 0;

	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 10 && rc == 0; i++) {
		last = seq;
		rc = journal_append(j, 1, &part, 1, &seq, &e);
	}
	assert_int_equal(rc, -1);
	assert_int_equal(e.class, ERR_LIMIT);
	sync_ok(j, last);
	journal_release(j, last, &(struct err){ 0 });
	sync_ok(j, add(j, "again"));
	close_ok(&j);
	j = open_journal(w, 4, NULL);
	assert_non_null(strstr(w->seen.p, "again\n"));
	close_ok(&j);
}

static void
too_large_a_record_is_refused(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);
	struct span part = span_make(NULL, JOURNAL_SEGMENT_MIN);
	struct err e;
	uint64_t seq;

	assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), -1);
	assert_int_equal(e.class, ERR_LIMIT);
	close_ok(&j);
}

static void
cut_segment(struct world *w, size_t size)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(1, name);
	int fd = openat(w->dirfd, name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	/* What was not written is zeros, as in a fresh segment. */
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(ftruncate(fd, JOURNAL_SEGMENT_MIN), 0);
	(void)close(fd);
}

static void
remove_segment(struct world *w, uint64_t index)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(index, name);
	(void)unlinkat(w->dirfd, name, 0);
}

static void
a_tail_torn_at_any_byte_loses_only_itself(void **state)
{
	struct world *w = *state;
	struct journal_report report;
	struct journal *j = open_journal(w, 4, NULL);

	sync_ok(j, add(j, "first"));
	sync_ok(j, add(j, "second"));
	close_ok(&j);
	size_t second = SEGMENT_HEADER_BYTES + segment_record_size(5);
	for (size_t cut = second + SEGMENT_RECORD_BYTES + 6; cut-- > second;) {
		cut_segment(w, cut);
		j = open_journal(w, 4, &report);
		assert_int_equal(report.damaged, 0);
		if (cut < second + SEGMENT_RECORD_BYTES + 6)
			assert_seen(w, "first\n");
		close_ok(&j);
		remove_segment(w, 2);
	}
}

static void
a_flipped_bit_loses_one_record_and_is_reported(void **state)
{
	struct world *w = *state;
	struct journal_report report;
	struct journal *j = open_journal(w, 4, NULL);
	char name[SEGMENT_NAME_SIZE], byte;

	sync_ok(j, add(j, "first"));
	sync_ok(j, add(j, "second"));
	sync_ok(j, add(j, "third"));
	close_ok(&j);
	segment_name(1, name);
	int fd = openat(w->dirfd, name, O_RDWR | O_CLOEXEC);
	off_t at = (off_t)(SEGMENT_HEADER_BYTES + segment_record_size(5) +
			   SEGMENT_RECORD_BYTES + 2);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte = (char)(byte ^ 4);
	assert_int_equal(__real_pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
	j = open_journal(w, 4, &report);
	assert_seen(w, "first\nthird\n");
	assert_int_equal(report.damaged, 1);
	assert_non_null(strstr(report.where, "offset 72"));
	/* Once released it is kept aside for a person to look at. */
	uint64_t seq = add(j, "new");
	sync_ok(j, seq);
	journal_release(j, seq, &(struct err){ 0 });
	assert_int_equal(faccessat(w->dirfd, "damaged", F_OK, 0), 0);
	close_ok(&j);
}

/* One byte of the first segment. */
static void
spoil(struct world *w, size_t at, char mask)
{
	char name[SEGMENT_NAME_SIZE], byte;

	segment_name(1, name);
	int fd = openat(w->dirfd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte = (char)(byte ^ mask);
	assert_int_equal(__real_pwrite(fd, &byte, 1, (off_t)at), 1);
	(void)close(fd);
}

/* A journal of another life, in which the numbers began anew. */
static void
a_damaged_segment_replaces_no_other(void **state)
{
	struct world *w = *state;
	char name[SEGMENT_NAME_SIZE], earlier[SEGMENT_NAME_SIZE + 16];
	char second[SEGMENT_NAME_SIZE + 24], *text = NULL;
	struct journal *j = open_journal(w, 4, NULL);
	size_t n = 0;
	struct err e;

	segment_name(1, name);
	(void)snprintf(earlier, sizeof(earlier), "damaged/%s", name);
	(void)snprintf(second, sizeof(second), "%s.2", earlier);
	sync_ok(j, add(j, "first"));
	sync_ok(j, add(j, "second"));
	close_ok(&j);
	spoil(w, SEGMENT_HEADER_BYTES + SEGMENT_RECORD_BYTES + 2, 4);
	assert_int_equal(mkdirat(w->dirfd, "damaged", 0700), 0);
	assert_int_equal(
	    durable_replace(w->dirfd, earlier, span_of("earlier"), 0600, &e),
	    0);
	j = open_journal(w, 4, NULL);
	sync_ok(j, add(j, "third"));
	assert_int_equal(
	    journal_release(j, journal_last(j), &(struct err){ 0 }), 0);
	close_ok(&j);
	assert_int_equal(
	    durable_read_file(w->dirfd, earlier, 100, &text, &n, &e), 0);
	assert_string_equal(text, "earlier");
	free(text);
	assert_int_equal(faccessat(w->dirfd, second, F_OK, 0), 0);
	assert_int_equal(faccessat(w->dirfd, name, F_OK, 0), -1);
}

/* Nothing came after it, but the mark says that it was whole. */
static void
a_flipped_bit_in_the_newest_record_is_damage(void **state)
{
	struct world *w = *state;
	struct journal_report report;

	for (size_t at = 0; at < SEGMENT_RECORD_BYTES + 6; at++) {
		struct journal *j = open_journal(w, 4, NULL);
		sync_ok(j, add(j, "first"));
		sync_ok(j, add(j, "second"));
		close_ok(&j);
		spoil(w, SEGMENT_HEADER_BYTES + segment_record_size(5) + at,
		      16);
		j = open_journal(w, 4, &report);
		assert_seen(w, "first\n");
		assert_int_equal(report.damaged, 1);
		assert_int_equal(report.torn_bytes, 0);
		assert_non_null(strstr(report.where, "offset 72"));
		/* the lost number is not given again */
		assert_int_equal(add(j, "third"), 3);
		close_ok(&j);
		remove_all(w->dirfd);
	}
}

static void
a_file_cut_within_a_record_is_damage(void **state)
{
	struct world *w = *state;
	struct journal_report report;
	char name[SEGMENT_NAME_SIZE];

	struct journal *j = open_journal(w, 4, NULL);
	sync_ok(j, add(j, "first"));
	sync_ok(j, add(j, "second"));
	close_ok(&j);
	segment_name(1, name);
	int fd = openat(w->dirfd, name, O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, SEGMENT_HEADER_BYTES +
					   (off_t)segment_record_size(5) + 35),
			 0);
	(void)close(fd);
	j = open_journal(w, 4, &report);
	assert_seen(w, "first\n");
	assert_int_equal(report.damaged, 1);
	sync_ok(j, add(j, "third"));
	assert_int_equal(
	    journal_release(j, journal_last(j), &(struct err){ 0 }), 0);
	assert_int_equal(faccessat(w->dirfd, "damaged", F_OK, 0), 0);
	close_ok(&j);
}

/* Killed while a segment was made: its header is written last. */
static void
a_segment_not_yet_begun_is_no_damage(void **state)
{
	struct world *w = *state;
	struct journal_report report;
	char name[SEGMENT_NAME_SIZE];
	struct err e;

	segment_name(1, name);
	int fd = durable_create(w->dirfd, name, &e);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 5000), 0);
	(void)close(fd);
	struct journal *j = open_journal(w, 4, &report);
	assert_int_equal(report.damaged, 0);
	sync_ok(j, add(j, "one"));
	close_ok(&j);
	j = open_journal(w, 4, &report);
	assert_seen(w, "one\n");
	assert_int_equal(report.damaged, 0);
	close_ok(&j);
}

/* A client may send what looks like records, of whatever segment: where its
 * own record breaks, they are not taken for the next ones. */
static void
records_within_a_payload_are_not_taken(void **state)
{
	struct world *w = *state;
	struct journal_report report;
	static char payload[64 * SEGMENT_RECORD_BYTES];
	struct span part = span_make(payload, sizeof(payload)), none = { 0 };
	struct err e;
	uint64_t seq;

	for (uint32_t i = 0; i < 64; i++) {
		struct segment_record r = { .seq = 1000,
					    .durable = 999,
					    .type = 1 };
		segment_put(payload + (size_t)i * SEGMENT_RECORD_BYTES, i, &r,
			    &none, 1);
	}
	struct journal *j = open_journal(w, 4, NULL);
	sync_ok(j, add(j, "before"));
	assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), 0);
	sync_ok(j, seq);
	sync_ok(j, add(j, "after"));
	close_ok(&j);
	spoil(w, SEGMENT_HEADER_BYTES + segment_record_size(6) + 5, 1);
	j = open_journal(w, 4, &report);
	assert_seen(w, "before\nafter\n");
	assert_int_equal(report.damaged, 1);
	close_ok(&j);
}

static void
a_lost_segment_is_reported(void **state)
{
	struct world *w = *state;
	struct journal_report report;

	for (int i = 0; i < 3; i++) {
		struct journal *j = open_journal(w, 8, NULL);
		sync_ok(j, add(j, "x"));
		close_ok(&j);
	}
	remove_segment(w, 2);
	struct journal *j = open_journal(w, 8, &report);
	assert_seen(w, "x\nx\n");
	assert_int_equal(report.damaged, 1);
	assert_non_null(strstr(report.where, "records 2 to 2"));
	close_ok(&j);
}

/* No release says that the first one could go. */
static void
a_lost_first_segment_is_reported(void **state)
{
	struct world *w = *state;
	struct journal_report report;

	for (int i = 0; i < 3; i++) {
		struct journal *j = open_journal(w, 8, NULL);
		sync_ok(j, add(j, "x"));
		close_ok(&j);
	}
	remove_segment(w, 1);
	struct journal *j = open_journal(w, 8, &report);
	assert_seen(w, "x\nx\n");
	assert_int_equal(report.damaged, 1);
	assert_non_null(strstr(report.where, "records 1 to 1 are missing"));
	/* what was told is released, and then no more of it */
	struct err e;
	assert_int_equal(journal_release(j, 3, &e), 0);
	close_ok(&j);
	j = open_journal(w, 8, &report);
	assert_seen(w, "");
	assert_int_equal(report.damaged, 0);
	close_ok(&j);
}

static void
a_failed_sync_voids_the_record_for_ever(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);
	struct err e;

	sync_ok(j, add(j, "before"));
	uint64_t bad = add(j, "never");
	sync_errors = 1;
	assert_int_equal(journal_sync(j, bad, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	assert_int_equal(journal_sync(j, bad, &e),
			 -1); /* not by asking twice */
	sync_ok(j, add(j, "after"));
	close_ok(&j);
	j = open_journal(w, 4, NULL);
	assert_seen(w, "before\nafter\n");
	close_ok(&j);
}

static void
no_space_fails_the_append_and_heals_by_itself(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);
	struct span part = span_of("x");
	struct err e;
	uint64_t seq;

	space_errors = 2;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), -1);
		assert_int_equal(e.sys, ENOSPC);
	}
	sync_ok(j, add(j, "space"));
	close_ok(&j);
	j = open_journal(w, 4, NULL);
	assert_seen(w, "space\n");
	close_ok(&j);
}

/* A full disk is not kept busy: one try for many appends; and what the journal
 * has already can be used again. */
static void
no_room_is_not_asked_for_again_and_again(void **state)
{
	struct world *w = *state;
	struct journal_options o = { .dirfd = w->dirfd,
				     .segment_bytes = JOURNAL_SEGMENT_MIN,
				     .segments_max = 8,
				     .group_max_bytes = JOURNAL_SEGMENT_MIN,
				     .retry_ms = 3600 * 1000 };
	static char big[20000];
	struct span part = span_make(big, sizeof(big));
	struct journal_report report;
	struct journal *j = NULL;
	uint64_t seq = 0, last = 0;
	struct err e;
	int rc = 0;

	memset(big, 'x', sizeof(big));
	assert_int_equal(journal_open(&j, &o, see, w, &report, &e), 0);
	for (int i = 0; i < 6; i++) /* two segments */
		assert_int_equal(journal_append(j, 1, &part, 1, &last, &e), 0);
	sync_ok(j, last);
	allocations = 0;
	space_errors = 1000;
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = journal_append(j, 1, &part, 1, &seq, &e);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), -1);
		assert_int_equal(e.sys, ENOSPC);
	}
	assert_int_equal(allocations, 1);
	/* no room is needed to give back what is there */
	assert_int_equal(journal_release(j, last, &(struct err){ 0 }), 0);
	assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), 0);
	sync_ok(j, seq);
	assert_int_equal(allocations, 1);
	close_ok(&j);
}

/* Or a power cut would leave a synced record in a file without a name. */
static void
the_name_of_a_segment_is_durable_before_its_records(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);
	static char big[30000];
	struct span part = span_make(big, sizeof(big));
	struct err e;
	uint64_t seq;

	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 12; i++) {
		unsigned before = count_files(w->dirfd);
		synced_forget();
		assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), 0);
		sync_ok(j, seq);
		/* every second begins one; new, and then used again */
		int at = synced_at(w->dirfd, ".");
		assert_int_equal(at > 0, i % 2 == 0);
		assert_int_equal(count_files(w->dirfd) > before,
				 i % 2 == 0 && i < 6);
		if (i % 2 == 1 && i >= 5)
			assert_int_equal(
			    journal_release(j, seq, &(struct err){ 0 }), 0);
	}
	close_ok(&j);
}

enum { WRITERS = 8, EACH = 200, SOME = 20 };

static void
write_many(void *arg)
{
	struct journal *j = arg;

	for (int i = 0; i < EACH; i++) {
		struct span part = span_of("0123456789");
		struct err e;
		uint64_t seq;
		if (journal_append(j, 1, &part, 1, &seq, &e) != 0 ||
		    journal_sync(j, seq, &e) != 0)
			abort();
	}
}

static void
write_some(void *arg)
{
	struct journal *j = arg;

	for (int i = 0; i < SOME; i++) {
		struct span part = span_of("0123456789");
		struct err e;
		uint64_t seq;
		if (journal_append(j, 1, &part, 1, &seq, &e) != 0 ||
		    journal_sync(j, seq, &e) != 0)
			abort();
	}
}

static void
many_writers_share_syncs(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 64, NULL);
	pthread_t t[WRITERS];
	struct err e;

	syncs = 0;
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(
		    thread_start_joinable(&t[i], write_many, j, &e), 0);
	for (int i = 0; i < WRITERS; i++)
		(void)pthread_join(t[i], NULL);
	assert_true(syncs <= WRITERS * EACH);
	close_ok(&j);
	j = open_journal(w, 64, NULL);
	assert_int_equal(w->seen.n, WRITERS * EACH * 11);
	close_ok(&j);
}

/* Where a flush is slow nobody waits for that of others and then for one more:
 * several are under way at once, and all that was promised is there. */
static void
slow_flushes_overlap(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 64, NULL);
	pthread_t t[WRITERS];
	struct err e;

	most_syncing = 0;
	sync_ms = 3;
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(
		    thread_start_joinable(&t[i], write_some, j, &e), 0);
	for (int i = 0; i < WRITERS; i++)
		(void)pthread_join(t[i], NULL);
	assert_true(most_syncing > 1);
	sync_ms = 0;
	close_ok(&j);
	j = open_journal(w, 64, NULL);
	assert_int_equal(w->seen.n, WRITERS * SOME * 11);
	close_ok(&j);
}

static atomic_int said_yes;

static void
write_some_with_failures(void *arg)
{
	struct journal *j = arg;

	for (int i = 0; i < SOME; i++) {
		struct span part = span_of("0123456789");
		struct err e;
		uint64_t seq;
		if (journal_append(j, 1, &part, 1, &seq, &e) == 0 &&
		    journal_sync(j, seq, &e) == 0)
			atomic_fetch_add(&said_yes, 1);
	}
}

/* One of several fails: those behind it are void as well, though their own
 * flush went well, and what was promised is there. */
static void
a_failure_among_several_flushes_voids_what_follows(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 64, NULL);
	pthread_t t[WRITERS];
	struct err e;

	atomic_store(&said_yes, 0);
	sync_ms = 2;
	fail_every = 7;
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(thread_start_joinable(
				     &t[i], write_some_with_failures, j, &e),
				 0);
	for (int i = 0; i < WRITERS; i++)
		(void)pthread_join(t[i], NULL);
	sync_ms = fail_every = 0;
	int promised = atomic_load(&said_yes);
	assert_in_range(promised, 1, WRITERS * SOME - 1);
	sync_ok(j, add(j, "after"));
	close_ok(&j);
	j = open_journal(w, 64, NULL);
	assert_int_equal(w->seen.n, (size_t)promised * 11 + 6);
	close_ok(&j);
}

/* What a start finds released is used again, without room for a new file; and
 * no start adds one. */
static void
a_restart_uses_released_segments_again(void **state)
{
	struct world *w = *state;
	unsigned files = 0;

	for (int start = 0; start < 6; start++) {
		struct journal *j = open_journal(w, 4, NULL);
		assert_seen(w, "");
		space_errors = start < 2 ? 0 : 1000;
		uint64_t seq = add(j, "mail");
		sync_ok(j, seq);
		assert_int_equal(journal_release(j, seq, &(struct err){ 0 }),
				 0);
		close_ok(&j);
		if (start == 1)
			files = count_files(w->dirfd);
		if (start > 1)
			assert_int_equal(count_files(w->dirfd), files);
	}
}

/* Full, and the server was killed: what the start has placed is released behind
 * the last record, and the journal takes mail again. */
static void
a_full_journal_is_released_by_a_start_without_room(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 8, NULL);
	static char big[20000];
	struct span part = span_make(big, sizeof(big));
	uint64_t seq, last = 0;
	struct err e;

	memset(big, 'x', sizeof(big));
	for (int i = 0; i < 6; i++) /* two segments */
		assert_int_equal(journal_append(j, 1, &part, 1, &last, &e), 0);
	sync_ok(j, last);
	space_errors = 1000;
	assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), -1);
	close_ok(&j);
	j = open_journal(w, 8, NULL);
	assert_int_equal(w->seen.n, 6 * (sizeof(big) + 1));
	assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), -1);
	assert_int_equal(journal_release(j, last, &(struct err){ 0 }), 0);
	assert_int_equal(journal_append(j, 1, &part, 1, &seq, &e), 0);
	assert_int_equal(seq, last + 2);
	sync_ok(j, seq);
	close_ok(&j);
	j = open_journal(w, 8, NULL);
	assert_int_equal(w->seen.n, sizeof(big) + 1);
	close_ok(&j);
}

/* The place behind the last record may hold the rest of a torn one. */
static void
a_start_without_room_goes_on_over_a_torn_tail(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 8, NULL);
	struct journal_report report;
	char name[SEGMENT_NAME_SIZE];

	sync_ok(j, add(j, "kept"));
	sync_ok(j, add(j, "torn, and longer than a release"));
	close_ok(&j);
	segment_name(1, name);
	int fd = openat(w->dirfd, name, O_RDWR | O_CLOEXEC);
	static char zeros[4096]; /* some of it, and the mark, never arrived */
	off_t at = SEGMENT_HEADER_BYTES + (off_t)segment_record_size(4) +
		   SEGMENT_RECORD_BYTES + 8;
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), at), sizeof(zeros));
	(void)close(fd);
	space_errors = 1000;
	j = open_journal(w, 8, &report);
	assert_seen(w, "kept\n");
	assert_int_equal(report.damaged, 0);
	assert_int_equal(journal_release(j, 1, &(struct err){ 0 }), 0);
	sync_ok(j, add(j, "next"));
	close_ok(&j);
	j = open_journal(w, 8, &report);
	assert_seen(w, "next\n");
	assert_int_equal(report.damaged, 0);
	close_ok(&j);
}

static void
a_release_that_fails_says_why(void **state)
{
	struct world *w = *state;
	struct journal *j = open_journal(w, 4, NULL);
	struct err e = { 0 };
	uint64_t seq = add(j, "mail");

	sync_ok(j, seq);
	sync_errors = 1;
	assert_int_equal(journal_release(j, seq, &e), -1);
	assert_int_equal(e.sys, EIO);
	assert_non_null(strstr(e.msg, "not released"));
	close_ok(&j);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_knows_the_published_values),
		T(a_waiter_returns_after_a_sync),
		T(records_come_back_in_order),
		T(released_records_stay_away_and_their_files_are_used_again),
		T(a_full_journal_refuses_and_recovers_by_a_release),
		T(too_large_a_record_is_refused),
		T(a_tail_torn_at_any_byte_loses_only_itself),
		T(a_flipped_bit_loses_one_record_and_is_reported),
		T(a_damaged_segment_replaces_no_other),
		T(a_flipped_bit_in_the_newest_record_is_damage),
		T(a_file_cut_within_a_record_is_damage),
		T(a_segment_not_yet_begun_is_no_damage),
		T(records_within_a_payload_are_not_taken),
		T(a_lost_segment_is_reported),
		T(a_lost_first_segment_is_reported),
		T(a_failed_sync_voids_the_record_for_ever),
		T(no_space_fails_the_append_and_heals_by_itself),
		T(no_room_is_not_asked_for_again_and_again),
		T(the_name_of_a_segment_is_durable_before_its_records),
		T(many_writers_share_syncs),
		T(slow_flushes_overlap),
		T(a_failure_among_several_flushes_voids_what_follows),
		T(a_restart_uses_released_segments_again),
		T(a_full_journal_is_released_by_a_start_without_room),
		T(a_start_without_room_goes_on_over_a_torn_tail),
		T(a_release_that_fails_says_why),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
