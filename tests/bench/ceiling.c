/*
 * The machine's own ceiling: what this disk gives to threads that do nothing
 * but the file work of a delivery.
 *
 *   ceiling DIR strict|journal THREADS MESSAGES SIZE
 *
 * strict:  create in tmp/, write, fsync, rename into new/, fsync new/
 * journal: append and sync a journal record, create in tmp/, write, rename
 * Prints messages per second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "base/thread.h"
#include "journal/journal.h"

struct work {
	int tmp, new;
	struct journal *journal; /* NULL: strict */
	char *text;
	size_t size;
	long messages;
	atomic_long next;
};

static int
one(struct work *w, long number, struct err *e)
{
	char name[32];
	uint64_t seq;
	struct span part = span_make(w->text, w->size);

	(void)snprintf(name, sizeof(name), "%ld", number);
	if (w->journal != NULL &&
	    (journal_append(w->journal, 1, &part, 1, &seq, e) != 0 ||
	     journal_sync(w->journal, seq, e) != 0))
		return -1;
	int fd = durable_create(w->tmp, name, e);
	if (fd < 0)
		return -1;
	int rc = durable_write(fd, w->text, w->size, e);
	if (rc == 0 && w->journal == NULL)
		rc = durable_sync(fd, e);
	(void)close(fd);
	if (rc == 0 && renameat(w->tmp, name, w->new, name) != 0)
		rc = err_set(e, ERR_TEMP, errno, "rename");
	if (rc == 0 && w->journal == NULL)
		rc = durable_sync(w->new, e);
	return rc;
}

static void
run(void *arg)
{
	struct work *w = arg;
	struct err e;

	for (;;) {
		long number = atomic_fetch_add(&w->next, 1);
		if (number >= w->messages)
			return;
		if (one(w, number, &e) != 0) {
			(void)fprintf(stderr, "ceiling: %s\n", e.msg);
			exit(1);
		}
	}
}

static int
ignore(void *ctx, const struct journal_record *r, struct err *e)
{
	(void)ctx;
	(void)r;
	(void)e;
	return 0;
}

int
main(int argc, char **argv)
{
	enum { THREADS_MAX = 256 };
	static struct work w;
	static pthread_t t[THREADS_MAX];
	struct journal_report report;
	struct err e = { 0 };

	if (argc != 6) {
		(void)fprintf(stderr, "usage: ceiling DIR strict|journal "
				      "THREADS MESSAGES SIZE\n");
		return 2;
	}
	long threads = strtol(argv[3], NULL, 10);
	w.messages = strtol(argv[4], NULL, 10);
	w.size = strtoul(argv[5], NULL, 10);
	w.text = malloc(w.size);
	int dir = durable_open_dir(AT_FDCWD, argv[1], 1, &e);
	int log = dir < 0 ? -1 : durable_open_dir(dir, "journal", 1, &e);
	w.tmp = dir < 0 ? -1 : durable_open_dir(dir, "tmp", 1, &e);
	w.new = dir < 0 ? -1 : durable_open_dir(dir, "new", 1, &e);
	if (threads < 1 || threads > THREADS_MAX || w.text == NULL || log < 0 ||
	    w.tmp < 0 || w.new < 0)
		goto fail;
	memset(w.text, 'x', w.size);
	struct journal_options o = { .dirfd = log,
				     .segment_bytes = 16 << 20,
				     .segments_max = 1024,
				     .group_max_bytes = 4 << 20 };
	if (strcmp(argv[2], "journal") == 0 &&
	    journal_open(&w.journal, &o, ignore, NULL, &report, &e) != 0)
		goto fail;
	int64_t begin = clock_mono_ms();
	for (long i = 0; i < threads; i++) {
		if (thread_start_joinable(&t[i], run, &w, &e) != 0)
			goto fail;
	}
	for (long i = 0; i < threads; i++)
		(void)pthread_join(t[i], NULL);
	int64_t took = clock_mono_ms() - begin;
	(void)printf("%lld\n",
		     (long long)(w.messages * 1000 / (took > 0 ? took : 1)));
	return 0;
fail:
	(void)fprintf(stderr, "ceiling: %s\n", e.msg);
	return 1;
}
