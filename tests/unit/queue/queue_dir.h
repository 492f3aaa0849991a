#ifndef PP_TESTS_UNIT_QUEUE_QUEUE_DIR_H
#define PP_TESTS_UNIT_QUEUE_QUEUE_DIR_H

#include "../test.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "queue/spool.h"

/* A data directory of a test's own, with a spool in it. */
struct queue_dir {
	char path[64];
	int fd;
	struct spool *spool;
};

static int
queue_dir_remove_entry(const char *path, const struct stat *st, int type,
		       struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void
queue_dir_open_spool(struct queue_dir *d)
{
	struct err e;

	if (spool_open(&d->spool, d->fd, &e) != 0)
		fail_msg("%s", e.msg);
}

static inline void
queue_dir_make(struct queue_dir *d)
{
	(void)snprintf(d->path, sizeof(d->path), "/tmp/pp-queue-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(d->fd >= 0);
	queue_dir_open_spool(d);
}

static inline void
queue_dir_remove(struct queue_dir *d)
{
	spool_free(&d->spool);
	(void)close(d->fd);
	(void)nftw(d->path, queue_dir_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Put a message into the spool. */
static inline struct spool_msg *
queue_dir_put_envelope(struct queue_dir *d, const struct spool_envelope *env,
		       const char *text)
{
	struct spool_writer *w = NULL;
	struct spool_msg *m = NULL;
	struct err e;

	if (spool_begin(&w, d->spool, env, &e) != 0 ||
	    spool_write(w, span_of(text), &e) != 0 ||
	    spool_commit(&w, &m, &e) != 0)
		fail_msg("%s", e.msg);
	return m;
}

static inline struct spool_msg *
queue_dir_put(struct queue_dir *d, const char *id, const char *from,
	      const struct spool_to *to, unsigned n, const char *text)
{
	struct spool_envelope env = { .id = id,
				      .arrival_s = 1795000000,
				      .reverse_path = from,
				      .to = to,
				      .n_to = n };

	return queue_dir_put_envelope(d, &env, text);
}

/* Does a file exist below the data directory? */
static inline int
queue_dir_has(const struct queue_dir *d, const char *name)
{
	return faccessat(d->fd, name, F_OK, 0) == 0;
}

#endif
