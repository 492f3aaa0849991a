#include "queue_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

#include "base/durable.h"
#include "base/log.h"
#include "queue/spool_format.h"

/*
 * The spool with its journal.  A crash is a copy of the data directory, made
 * while the spool is in use, on which another one is started: what was written
 * is there (as after kill -9), what was only in memory is not.
 */

static const struct spool_to two[] = {
	{ .address = "bob@xyz.com", .domain = "xyz.com" },
	{ .address = "carol@xyz.com", .domain = "xyz.com" }
};
static const char text[] = "Subject: hello\r\n\r\n.dot\r\nend\r\n";
static const char id[] = "0123456789abcdef";
static const char path[] = "queue/msg/0123456789abcdef";

static atomic_int sync_errors;  /* so many next syncs fail with EIO */
static atomic_int space_errors; /* so many next allocations: ENOSPC */

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_posix_fallocate(int fd, off_t at, off_t n);
int __wrap_posix_fallocate(int fd, off_t at, off_t n);

int
__wrap_fdatasync(int fd)
{
	if (sync_errors > 0) {
		sync_errors--;
		errno = EIO;
		return -1;
	}
	return __real_fdatasync(fd);
}

int
__wrap_posix_fallocate(int fd, off_t at, off_t n)
{
	if (space_errors > 0) {
		space_errors--;
		return ENOSPC;
	}
	return __real_posix_fallocate(fd, at, n);
}

static struct spool_options
usual(void)
{
	return (struct spool_options){ .message_max = 16 * 1024,
				       .memory_max = 1024 * 1024,
				       .journal_bytes = 1024 * 1024,
				       .segment_bytes = 64 * 1024,
				       .checkpoint_ms = 3600 * 1000 };
}

static void
open_with(struct queue_dir *d, const struct spool_options *o)
{
	struct err e;

	if (spool_open_with(&d->spool, d->fd, o, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
make(struct queue_dir *d, const struct spool_options *o)
{
	queue_dir_make(d);
	spool_free(&d->spool);
	open_with(d, o);
}

/* Copy every file below from to below to. */
static void
copy_tree(int from, int to)
{
	int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	struct stat st;
	struct err e;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;
		if (name[0] == '.')
			continue;
		assert_int_equal(fstatat(from, name, &st, 0), 0);
		if (S_ISDIR(st.st_mode)) {
			int a = openat(from, name, O_RDONLY | O_DIRECTORY);
			int b = durable_open_dir(to, name, 1, &e);
			copy_tree(a, b);
			(void)close(a);
			(void)close(b);
			continue;
		}
		char *p = NULL;
		size_t n = 0;
		assert_int_equal(
		    durable_read_file(from, name, 1 << 26, &p, &n, &e), 0);
		int out = durable_create(to, name, &e);
		assert_int_equal(durable_write(out, p, n, &e), 0);
		(void)close(out);
		free(p);
	}
	(void)closedir(dir);
}

/* The machine as it would be found after a crash of d now. */
static void
crash(const struct queue_dir *d, struct queue_dir *after,
      const struct spool_options *o)
{
	queue_dir_make(after);
	spool_free(&after->spool);
	(void)nftw(after->path, queue_dir_remove_entry, 16,
		   FTW_DEPTH | FTW_PHYS);
	assert_int_equal(mkdir(after->path, 0700), 0);
	(void)close(after->fd);
	after->fd = open(after->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(after->fd >= 0);
	copy_tree(d->fd, after->fd);
	open_with(after, o);
}

struct found {
	unsigned n;
	struct spool_msg *v[64];
};

static int
take(void *ctx, struct spool_msg *m, struct err *e)
{
	struct found *f = ctx;

	(void)e;
	assert_true(f->n < 64);
	f->v[f->n++] = m;
	return 0;
}

static void
scan(struct queue_dir *d, struct found *f)
{
	struct err e;

	*f = (struct found){ 0 };
	if (spool_scan(d->spool, take, f, &e) != 0)
		fail_msg("%s", e.msg);
}

static void
let_go(struct found *f)
{
	for (unsigned i = 0; i < f->n; i++)
		spool_msg_free(&f->v[i]);
}

static void
assert_text(struct queue_dir *d, const struct spool_msg *m, const char *want)
{
	struct spool_reader *r = NULL;
	char got[256];
	struct err e;
	size_t n = 0;
	long part;

	assert_int_equal(spool_read_open(&r, d->spool, m, &e), 0);
	while ((part = spool_read(r, got + n, 5, &e)) > 0)
		n += (size_t)part;
	assert_int_equal(part, 0);
	spool_read_close(&r);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
}

static void
a_message_is_safe_without_a_file(void **state)
{
	struct spool_options o = usual();
	struct queue_dir d, after;
	struct found f;

	(void)state;
	make(&d, &o);
	struct spool_msg *m =
	    queue_dir_put(&d, id, "alice@abc.com", two, 2, text);
	assert_false(queue_dir_has(&d, path));
	assert_text(&d, m, text);
	crash(&d, &after, &o);
	scan(&after, &f);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.v[0]->id, id);
	assert_string_equal(f.v[0]->reverse_path, "alice@abc.com");
	assert_int_equal(f.v[0]->n_recipients, 2);
	assert_text(&after, f.v[0], text);
	let_go(&f);
	queue_dir_remove(&after);
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static struct spool_msg *
put_handed(struct queue_dir *d, const char *one, const char *handed)
{
	struct spool_envelope env = { .id = one,
				      .arrival_s = 1795000000,
				      .reverse_path = "a@abc.com",
				      .handed = handed,
				      .to = two,
				      .n_to = 2 };

	return queue_dir_put_envelope(d, &env, text);
}

static bool
has_taken(struct queue_dir *d, const char *handed)
{
	return ids_is_known(spool_ids(d->spool), handed, two[0].address) &&
	       ids_is_known(spool_ids(d->spool), handed, two[1].address);
}

/* As soon as its commit is over, after a crash at any moment, and when the
 * message has long gone out. */
static void
check_handed(const struct spool_options *o)
{
	struct queue_dir d, after;
	struct found f;
	struct err e;

	make(&d, o);
	assert_false(has_taken(&d, "h1:0"));
	struct spool_msg *m = put_handed(&d, id, "h1:0");
	assert_true(has_taken(&d, "h1:0"));
	assert_false(has_taken(&d, "h2:0"));
	crash(&d, &after, o);
	scan(&after, &f);
	assert_true(has_taken(&after, "h1:0"));
	assert_int_equal(f.n, 1);
	assert_string_equal(f.v[0]->handed, "h1:0");
	/* it goes out after that crash; another one */
	assert_int_equal(spool_remove(after.spool, f.v[0], &e), 0);
	let_go(&f);
	assert_int_equal(spool_sync_removals(after.spool, &e), 0);
	struct queue_dir again;
	crash(&after, &again, o);
	scan(&again, &f);
	assert_int_equal(f.n, 0);
	assert_true(has_taken(&again, "h1:0"));
	queue_dir_remove(&again);
	queue_dir_remove(&after);
	/* it goes out before any crash */
	assert_int_equal(spool_remove(d.spool, m, &e), 0);
	spool_msg_free(&m);
	assert_int_equal(spool_sync_removals(d.spool, &e), 0);
	crash(&d, &after, o);
	assert_true(has_taken(&after, "h1:0"));
	queue_dir_remove(&after);
	/* a stop lets the journal go */
	spool_free(&d.spool);
	open_with(&d, o);
	assert_true(has_taken(&d, "h1:0"));
	queue_dir_remove(&d);
}

static void
a_hand_over_is_known_whatever_became_of_the_message(void **state)
{
	struct spool_options o = usual();

	(void)state;
	check_handed(&o);
	o.strict = true;
	check_handed(&o);
}

/* Drawn by lot, and the same after every crash. */
static void
a_delivery_id_is_the_messages_own(void **state)
{
	static const char old[] = "id 0123456789abcdef\narrival 1795000000\n"
				  "from a@abc.com\nbody 7bit\nsmtputf8 no\n"
				  "login alice@abc.com\ntls require\n"
				  "to bob@xyz.com xyz.com\n\n";
	char first[SPOOL_DELIVERY_SIZE], other[SPOOL_DELIVERY_SIZE];
	struct spool_options o = usual();
	struct queue_dir d, after;
	struct found f;
	struct err e;

	(void)state;
	make(&d, &o);
	struct spool_msg *m = put_handed(&d, id, NULL);
	struct spool_msg *n = put_handed(&d, "0123456789abcdeg", "h:1");
	assert_true(spool_delivery_id(m, first));
	assert_true(spool_delivery_id(n, other));
	assert_int_equal(strlen(first), 32);
	assert_string_not_equal(first, other);
	crash(&d, &after, &o);
	scan(&after, &f);
	assert_int_equal(f.n, 2);
	for (unsigned i = 0; i < f.n; i++) {
		char now[SPOOL_DELIVERY_SIZE];
		assert_true(spool_delivery_id(f.v[i], now));
		assert_string_equal(now, strcmp(f.v[i]->id, id) == 0 ? first
								     : other);
	}
	let_go(&f);
	queue_dir_remove(&after);
	spool_msg_free(&m);
	spool_msg_free(&n);
	queue_dir_remove(&d);
	/* a file of before there were any */
	assert_int_equal(spool_parse_envelope(span_of(old), &m, &e), 0);
	assert_false(spool_delivery_id(m, first));
	assert_null(m->handed);
	spool_msg_free(&m);
}

static void
an_unfinished_message_leaves_nothing(void **state)
{
	struct spool_options o = usual();
	struct spool_envelope env = {
		.id = id, .reverse_path = "a@abc.com", .to = two, .n_to = 2
	};
	struct queue_dir d, after;
	struct spool_writer *w = NULL;
	struct found f;
	struct err e;

	(void)state;
	make(&d, &o);
	assert_int_equal(spool_begin(&w, d.spool, &env, &e), 0);
	assert_int_equal(spool_write(w, span_of(text), &e), 0);
	crash(&d, &after, &o);
	scan(&after, &f);
	assert_int_equal(f.n, 0);
	queue_dir_remove(&after);
	spool_abort(&w);
	queue_dir_remove(&d);
}

static void
what_became_of_recipients_is_known_after_a_stop(void **state)
{
	const struct spool_result got = { .recipient = 1,
					  .state = SPOOL_DELIVERED,
					  .wall_s = 1795000010,
					  .reply = "250 2.0.0 ok" };
	struct spool_options o = usual();
	struct queue_dir d;
	struct found f;
	struct err e;

	(void)state;
	make(&d, &o);
	struct spool_msg *m =
	    queue_dir_put(&d, id, "alice@abc.com", two, 2, text);
	struct spool_msg *done = queue_dir_put(&d, "done0123456789ab",
					       "alice@abc.com", two, 1, text);
	assert_int_equal(spool_results(d.spool, m, &got, 1, &e), 0);
	assert_int_equal(spool_remove(d.spool, done, &e), 0);
	spool_msg_free(&m);
	spool_msg_free(&done);
	spool_free(&d.spool);
	/* and the queue can be read with cat */
	assert_true(queue_dir_has(&d, path));
	assert_false(queue_dir_has(&d, "queue/msg/done0123456789ab"));
	open_with(&d, &o);
	scan(&d, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0]->recipients[0].state, SPOOL_WAITING);
	assert_int_equal(f.v[0]->recipients[1].state, SPOOL_DELIVERED);
	assert_string_equal(f.v[0]->recipients[1].reply, "250 2.0.0 ok");
	let_go(&f);
	queue_dir_remove(&d);
}

/* The next record that somebody waits for takes those before it along. */
static void
results_in_the_journal_survive_a_crash(void **state)
{
	const struct spool_result got = { .recipient = 0,
					  .state = SPOOL_DELIVERED,
					  .wall_s = 1795000010,
					  .reply = "250 2.0.0 ok" };
	struct spool_options o = usual();
	struct queue_dir d, after;
	struct found f;
	struct err e;

	(void)state;
	make(&d, &o);
	struct spool_msg *m =
	    queue_dir_put(&d, id, "alice@abc.com", two, 2, text);
	struct spool_msg *done = queue_dir_put(&d, "done0123456789ab",
					       "alice@abc.com", two, 1, text);
	assert_int_equal(spool_results(d.spool, m, &got, 1, &e), 0);
	assert_int_equal(spool_remove(d.spool, done, &e), 0);
	struct spool_msg *later = queue_dir_put(&d, "later123456789ab",
						"alice@abc.com", two, 1, text);
	crash(&d, &after, &o);
	scan(&after, &f);
	assert_int_equal(f.n, 2);
	unsigned i = strcmp(f.v[0]->id, id) == 0 ? 0 : 1;
	assert_string_equal(f.v[i]->id, id);
	assert_int_equal(f.v[i]->recipients[0].state, SPOOL_DELIVERED);
	assert_int_equal(f.v[i]->recipients[1].state, SPOOL_WAITING);
	assert_string_equal(f.v[1 - i]->id, "later123456789ab");
	let_go(&f);
	queue_dir_remove(&after);
	spool_msg_free(&m);
	spool_msg_free(&done);
	spool_msg_free(&later);
	queue_dir_remove(&d);
}

static int
is_there(const struct queue_dir *d, const char *name)
{
	/* The thread of checkpoints works on its own: ask until it has. */
	for (int i = 0; i < 3000 && !queue_dir_has(d, name); i++) {
		struct timespec ms = { 0, 10 * 1000 * 1000 };
		(void)nanosleep(&ms, NULL);
	}
	return queue_dir_has(d, name);
}

static void
what_waits_gets_its_file_and_leaves_the_journal(void **state)
{
	const struct spool_result late = { .recipient = 1,
					   .state = SPOOL_FAILED,
					   .wall_s = 1795000010,
					   .reply = "550 5.1.1 no" };
	struct spool_options o = usual();
	struct queue_dir d, after;
	struct spool_reader *r = NULL;
	struct found f;
	struct err e;

	(void)state;
	o.checkpoint_ms = 1;
	make(&d, &o);
	struct spool_msg *m =
	    queue_dir_put(&d, id, "alice@abc.com", two, 2, text);
	/* one who reads from memory is not disturbed */
	assert_int_equal(spool_read_open(&r, d.spool, m, &e), 0);
	assert_true(is_there(&d, path));
	char piece[8];
	assert_int_equal(spool_read(r, piece, 8, &e), 8);
	assert_memory_equal(piece, text, 8);
	spool_read_close(&r);
	assert_int_equal(spool_results(d.spool, m, &late, 1, &e), 0);
	/* in the journal still, when the checkpoint is not done with it */
	assert_int_equal(spool_sync_removals(d.spool, &e), 0);
	assert_text(&d, m, text);
	crash(&d, &after, &o);
	scan(&after, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0]->recipients[0].state, SPOOL_WAITING);
	assert_int_equal(f.v[0]->recipients[1].state, SPOOL_FAILED);
	let_go(&f);
	queue_dir_remove(&after);
	assert_int_equal(spool_remove(d.spool, m, &e), 0);
	assert_false(queue_dir_has(&d, path));
	spool_msg_free(&m);
	spool_free(&d.spool);
	open_with(&d, &o);
	scan(&d, &f);
	assert_int_equal(f.n, 0);
	queue_dir_remove(&d);
}

static void
large_messages_and_full_memory_go_to_files(void **state)
{
	struct spool_options o = usual();
	struct queue_dir d;
	struct found f;
	char *large = calloc(1, 20 * 1024);
	struct spool_msg *v[40];

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 20 * 1024 - 1);
	o.memory_max = 256 * 1024;
	make(&d, &o);
	struct spool_msg *m = queue_dir_put(&d, id, "", two, 1, large);
	assert_true(queue_dir_has(&d, path));
	spool_msg_free(&m);
	large[15 * 1024] = '\0';
	for (unsigned i = 0; i < 40; i++) {
		char one[RAND_ID_SIZE];
		(void)snprintf(one, sizeof(one), "message-%08u", i);
		v[i] = queue_dir_put(&d, one, "", two, 1, large);
	}
	/* memory is short: the oldest got their files */
	assert_true(is_there(&d, "queue/msg/message-00000000"));
	for (unsigned i = 0; i < 40; i++)
		spool_msg_free(&v[i]);
	spool_free(&d.spool);
	open_with(&d, &o);
	scan(&d, &f);
	assert_int_equal(f.n, 41);
	let_go(&f);
	/* no memory at all: a file at once */
	spool_free(&d.spool);
	o.memory_max = 1;
	open_with(&d, &o);
	m = queue_dir_put(&d, "tight0123456789a", "", two, 1, "x\r\n");
	assert_true(queue_dir_has(&d, "queue/msg/tight0123456789a"));
	spool_msg_free(&m);
	queue_dir_remove(&d);
	free(large);
}

/* More goes through than the journal is long. */
static void
the_journal_is_used_again(void **state)
{
	struct spool_options o = usual();
	struct queue_dir d;
	struct found f;
	struct err e;
	char *large = calloc(1, 10 * 1024);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', 10 * 1024 - 1);
	o.journal_bytes = 4 * o.segment_bytes;
	make(&d, &o);
	for (unsigned i = 0; i < 200; i++) {
		char one[RAND_ID_SIZE];
		(void)snprintf(one, sizeof(one), "message-%08u", i);
		struct spool_msg *m = queue_dir_put(&d, one, "", two, 1, large);
		assert_int_equal(spool_remove(d.spool, m, &e), 0);
		spool_msg_free(&m);
	}
	spool_free(&d.spool);
	open_with(&d, &o);
	scan(&d, &f);
	assert_int_equal(f.n, 0);
	queue_dir_remove(&d);
	free(large);
}

static void
a_refused_sync_refuses_the_message_alone(void **state)
{
	struct spool_options o = usual();
	struct spool_envelope env = {
		.id = id, .reverse_path = "a@abc.com", .to = two, .n_to = 2
	};
	struct queue_dir d, after;
	struct spool_writer *w = NULL;
	struct spool_msg *m = NULL;
	struct found f;
	struct err e;

	(void)state;
	make(&d, &o);
	assert_int_equal(spool_begin(&w, d.spool, &env, &e), 0);
	assert_int_equal(spool_write(w, span_of(text), &e), 0);
	sync_errors = 1;
	assert_int_equal(spool_commit(&w, &m, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
	m = queue_dir_put(&d, "second0123456789", "", two, 1, text);
	crash(&d, &after, &o);
	scan(&after, &f);
	assert_int_equal(f.n, 1);
	assert_string_equal(f.v[0]->id, "second0123456789");
	let_go(&f);
	queue_dir_remove(&after);
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

/* What could not be recorded is not said to be done, and is not done. */
static void
a_hold_or_removal_without_a_record_fails(void **state)
{
	struct spool_options o = usual();
	struct queue_dir d, after;
	struct found f;
	struct err e = { 0 };

	(void)state;
	make(&d, &o);
	struct spool_msg *m = queue_dir_put(&d, id, "", two, 1, text);
	/* the record is void, its segment left behind; no new one can be made,
	 * whoever tries */
	sync_errors = space_errors = 1000000;
	assert_int_equal(spool_hold(d.spool, m, true, 1, &e), -1);
	assert_int_equal(e.sys, EIO);
	assert_int_equal(spool_hold(d.spool, m, true, 1, &e), -1);
	assert_int_equal(e.sys, ENOSPC);
	assert_int_equal(spool_discard(d.spool, m, &e), -1);
	assert_int_equal(e.sys, ENOSPC);
	sync_errors = space_errors = 0;
	crash(&d, &after, &o);
	scan(&after, &f);
	assert_int_equal(f.n, 1);
	assert_false(f.v[0]->held);
	let_go(&f);
	queue_dir_remove(&after);
	/* nor is the hold in the file it gets at a stop */
	spool_msg_free(&m);
	spool_free(&d.spool);
	assert_true(queue_dir_has(&d, path));
	open_with(&d, &o);
	scan(&d, &f);
	assert_int_equal(f.n, 1);
	assert_false(f.v[0]->held);
	assert_int_equal(spool_discard(d.spool, f.v[0], &e), 0);
	assert_false(queue_dir_has(&d, path));
	let_go(&f);
	queue_dir_remove(&d);
}

static void
no_room_for_a_segment_means_a_file(void **state)
{
	struct spool_options o = usual();
	struct queue_dir d;

	(void)state;
	queue_dir_make(&d);
	spool_free(&d.spool);
	space_errors = 2; /* at the start, and for the message */
	open_with(&d, &o);
	struct spool_msg *m = queue_dir_put(&d, id, "", two, 1, text);
	assert_true(queue_dir_has(&d, path));
	spool_msg_free(&m);
	/* space came back: the journal finds out by itself */
	m = queue_dir_put(&d, "second0123456789", "", two, 1, text);
	assert_false(queue_dir_has(&d, "queue/msg/second0123456789"));
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static void
a_change_to_strict_takes_the_journal_along(void **state)
{
	struct spool_options o = usual();
	struct queue_dir d, after;
	struct found f;

	(void)state;
	make(&d, &o);
	struct spool_msg *m = queue_dir_put(&d, id, "", two, 1, text);
	struct spool_options strict = o;
	strict.strict = true;
	crash(&d, &after, &strict);
	assert_true(queue_dir_has(&after, path));
	scan(&after, &f);
	assert_int_equal(f.n, 1);
	let_go(&f);
	queue_dir_remove(&after);
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_safe_without_a_file),
		cmocka_unit_test(
		    a_hand_over_is_known_whatever_became_of_the_message),
		cmocka_unit_test(a_delivery_id_is_the_messages_own),
		cmocka_unit_test(an_unfinished_message_leaves_nothing),
		cmocka_unit_test(
		    what_became_of_recipients_is_known_after_a_stop),
		cmocka_unit_test(results_in_the_journal_survive_a_crash),
		cmocka_unit_test(
		    what_waits_gets_its_file_and_leaves_the_journal),
		cmocka_unit_test(large_messages_and_full_memory_go_to_files),
		cmocka_unit_test(the_journal_is_used_again),
		cmocka_unit_test(a_refused_sync_refuses_the_message_alone),
		cmocka_unit_test(a_hold_or_removal_without_a_record_fails),
		cmocka_unit_test(no_room_for_a_segment_means_a_file),
		cmocka_unit_test(a_change_to_strict_takes_the_journal_along),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("queue/spool_journal", tests, NULL,
					   NULL);
}
