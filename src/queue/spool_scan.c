/*
 * The start: every file of msg/ becomes a message in memory.  Of most files one
 * read is needed, of their head.  They are read in the order of their inodes,
 * which is about that of the disk, by several threads: on a disk most of the
 * time is waiting, in memory most of it is the system's work for each file.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/log.h"
#include "base/thread.h"
#include "queue/spool_format.h"
#include "queue/spool_private.h"

enum {
	RECORDS_MAX = 16 * 1024 * 1024, /* bytes of results of one file */
	HEAD_BYTES = 4096,              /* read at first */
	CHUNK = 8192,                   /* names held at a time */
	THREADS_MAX = 8,
	FILES_A_THREAD = 64, /* fewer are not worth one more */
};

/* ---- one file -----------------------------------------------------------
 */

static int
read_at(int fd, int64_t at, size_t n, char *p, struct err *e)
{
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, ERR_TEMP, errno, "read");
		if (got == 0)
			return err_set(e, ERR_PERM, 0, "file too short");
		p += got;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

/* The first line and the envelope, of which `have` is what was read first. */
static int
parse_head(int fd, struct span have, struct spool_msg **m, struct err *e)
{
	struct span first = span_head(have, SPOOL_FIRST_SIZE);
	struct span rest = span_skip(have, SPOOL_FIRST_SIZE);
	struct spool_first f;

	if (have.n < SPOOL_FIRST_SIZE)
		return err_set(e, ERR_PERM, 0, "file too short");
	if (spool_parse_first(first, &f, e) != 0)
		return -1;
	if (f.envelope_bytes <= rest.n)
		return spool_parse_head(
		    first, span_head(rest, f.envelope_bytes), m, e);
	char *text = malloc(f.envelope_bytes);
	if (text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	int rc = read_at(fd, SPOOL_FIRST_SIZE, f.envelope_bytes, text, e);
	if (rc == 0)
		rc = spool_parse_head(first, span_make(text, f.envelope_bytes),
				      m, e);
	free(text);
	return rc;
}

static int
read_head(int fd, struct spool_msg **m, struct err *e)
{
	char head[HEAD_BYTES];
	ssize_t got;

	while ((got = pread(fd, head, sizeof(head), 0)) < 0 && errno == EINTR)
		;
	if (got < 0)
		return err_set(e, ERR_TEMP, errno, "read");
	return parse_head(fd, span_make(head, (size_t)got), m, e);
}

/* Apply the result records; what does not check out at the end is cut off. */
static int
read_records(int fd, int64_t at, int64_t end, struct spool_msg *m,
	     struct err *e)
{
	int64_t n = end - at;
	struct log_line l;

	if (n <= 0)
		return 0;
	if (n > RECORDS_MAX)
		return err_set(e, ERR_PERM, 0, "%lld bytes of results",
			       (long long)n);
	char *text = malloc((size_t)n);
	if (text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	if (read_at(fd, at, (size_t)n, text, e) != 0) {
		free(text);
		return -1;
	}
	struct span rest = span_make(text, (size_t)n);
	int rc;
	while ((rc = spool_parse_record(&rest, m)) == 1)
		;
	if (rc < 0) {
		log_begin(&l, LOG_WARN, "queue-record-cut");
		log_str(&l, "file", m->id);
		log_num(&l, "offset", end - (int64_t)rest.n);
		log_str(&l, "reason", "not a whole record");
		log_end(&l);
		if (ftruncate(fd, (off_t)(end - (int64_t)rest.n)) != 0)
			rc = err_set(e, ERR_TEMP, errno, "truncate");
		else
			rc = 0;
	}
	free(text);
	return rc;
}

/* One file of msg/.  PERM in *e: it is not a message; *offset tells where. */
static int
load(struct spool *s, const char *name, struct spool_msg **out, int64_t *offset,
     struct err *e)
{
	struct spool_msg *m = NULL;
	struct stat st;
	int rc = -1;

	*offset = 0;
	int fd = durable_open_file(s->msg_fd, name, O_RDWR, e);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "stat");
		goto out;
	}
	if (read_head(fd, &m, e) != 0)
		goto out;
	if (strcmp(m->id, name) != 0) {
		*offset = SPOOL_FIRST_SIZE;
		(void)err_set(e, ERR_PERM, 0, "holds another id: %s", m->id);
		goto out;
	}
	*offset = m->message_at + m->size;
	if (st.st_size < *offset) {
		*offset = st.st_size;
		(void)err_set(e, ERR_PERM, 0, "message cut short");
		goto out;
	}
	rc = read_records(fd, *offset, st.st_size, m, e);
out:
	(void)close(fd);
	if (rc != 0)
		spool_msg_free(&m);
	*out = m;
	return rc;
}

/* ---- all of them --------------------------------------------------------
 */

struct name {
	ino_t inode;
	char text[NAME_MAX + 1];
};

/* Some of the names, and who takes the messages. */
struct scan {
	struct spool *spool;
	int (*fn)(void *ctx, struct spool_msg *m, struct err *e);
	void *ctx;
	struct name *names;
	size_t n;
	pthread_mutex_t lock; /* guards the rest, and the calls of fn */
	size_t next;
	int rc;
	struct err *e;
};

static void
scan_one(struct scan *c, const char *name)
{
	struct spool_msg *m = NULL;
	struct err e;
	int64_t offset;

	if (load(c->spool, name, &m, &offset, &e) != 0) {
		if (e.class == ERR_PERM)
			spool_set_aside(c->spool, name, offset, e.msg);
		else
			log_failure(LOG_ERROR, "queue-file-unreadable", "file",
				    name, &e);
		return; /* one bad file never stops a server */
	}
	spool_keep_handed(c->spool, m);
	(void)pthread_mutex_lock(&c->lock);
	if (c->rc == 0)
		c->rc = c->fn(c->ctx, m, c->e);
	else
		spool_msg_free(&m);
	(void)pthread_mutex_unlock(&c->lock);
}

static void
scan_names(void *scan)
{
	struct scan *c = scan;

	for (;;) {
		(void)pthread_mutex_lock(&c->lock);
		size_t i = c->rc == 0 ? c->next++ : c->n;
		(void)pthread_mutex_unlock(&c->lock);
		if (i >= c->n)
			return;
		scan_one(c, c->names[i].text);
	}
}

static int
by_inode(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* The names in hand, by this thread and as many more as can be had. */
static void
scan_chunk(struct scan *c)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[THREADS_MAX];
	struct err ignored;
	unsigned n = 0;

	qsort(c->names, c->n, sizeof(*c->names), by_inode);
	c->next = 0;
	/* twice as many as can run: some wait for the disk */
	while (n < THREADS_MAX && n + 1 < 2 * processors &&
	       (size_t)(n + 1) * FILES_A_THREAD < c->n &&
	       thread_start_joinable(&threads[n], scan_names, c, &ignored) == 0)
		n++;
	scan_names(c);
	while (n > 0)
		(void)pthread_join(threads[--n], NULL);
}

/* The next names of the directory; none: its end, or an error. */
static int
next_names(struct scan *c, DIR *d, struct err *e)
{
	c->n = 0;
	while (c->n < CHUNK) {
		errno = 0;
		/* A DIR of its own: no other thread reads it. */
		struct dirent *entry =
		    readdir(d); // NOLINT(concurrency-mt-unsafe)
		if (entry == NULL)
			return errno == 0
				   ? 0
				   : err_set(e, ERR_TEMP, errno, "queue/msg");
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		struct name *at = &c->names[c->n++];
		at->inode = entry->d_ino;
		memcpy(at->text, entry->d_name, strlen(entry->d_name) + 1);
	}
	return 0;
}

int
spool_scan(struct spool *s,
	   int (*fn)(void *ctx, struct spool_msg *m, struct err *e), void *ctx,
	   struct err *e)
{
	struct scan c = { .spool = s, .fn = fn, .ctx = ctx, .e = e };

	int fd = openat(s->msg_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		int sys = errno;
		if (fd >= 0)
			(void)close(fd);
		return err_set(e, ERR_TEMP, sys, "queue/msg");
	}
	c.names = malloc(CHUNK * sizeof(*c.names));
	if (c.names == NULL)
		c.rc = err_set(e, ERR_TEMP, ENOMEM, "queue");
	(void)pthread_mutex_init(&c.lock, NULL);
	while (s->kept != NULL && c.rc == 0) {
		struct spool_msg *m = s->kept;
		s->kept = m->next;
		m->next = NULL;
		c.rc = fn(ctx, m, e);
	}
	while (c.rc == 0) {
		c.rc = next_names(&c, d, e);
		if (c.rc != 0 || c.n == 0)
			break;
		scan_chunk(&c);
	}
	(void)pthread_mutex_destroy(&c.lock);
	free(c.names);
	(void)closedir(d);
	return c.rc;
}
