#include "queue/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/durable.h"
#include "base/log.h"
#include "queue/spool_format.h"

enum { RECORDS_MAX = 16 * 1024 * 1024 }; /* bytes of results read at start */

struct spool {
	int queue_fd, tmp_fd, msg_fd, damaged_fd;
	pthread_mutex_t append; /* one record at a time (no torn middle) */
};

/* ---- directories --------------------------------------------------------
 */

static int
empty_tmp(int tmp_fd, struct err *e)
{
	int fd = openat(tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (d == NULL) {
		int sys = errno;
		if (fd >= 0)
			(void)close(fd);
		return err_set(e, ERR_TEMP, sys, "queue/tmp");
	}
	/* A DIR of its own: no other thread reads it. */
	while ((entry = readdir(d)) != NULL) { // NOLINT(concurrency-mt-unsafe)
		if (entry->d_name[0] != '.')
			(void)unlinkat(tmp_fd, entry->d_name, 0);
	}
	(void)closedir(d);
	return 0;
}

void
spool_free(struct spool **out)
{
	struct spool *s = *out;

	if (s == NULL)
		return;
	const int fds[] = { s->queue_fd, s->tmp_fd, s->msg_fd, s->damaged_fd };
	for (size_t i = 0; i < 4; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	(void)pthread_mutex_destroy(&s->append);
	free(s);
	*out = NULL;
}

int
spool_open(struct spool **out, int data_fd, struct err *e)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	s->tmp_fd = s->msg_fd = s->damaged_fd = -1;
	(void)pthread_mutex_init(&s->append, NULL);
	s->queue_fd = durable_open_dir(data_fd, "queue", 1, e);
	if (s->queue_fd < 0)
		goto fail;
	s->tmp_fd = durable_open_dir(s->queue_fd, "tmp", 1, e);
	s->msg_fd = durable_open_dir(s->queue_fd, "msg", 1, e);
	s->damaged_fd = durable_open_dir(s->queue_fd, "damaged", 1, e);
	if (s->tmp_fd < 0 || s->msg_fd < 0 || s->damaged_fd < 0 ||
	    empty_tmp(s->tmp_fd, e) != 0)
		goto fail;
	*out = s;
	return 0;
fail:
	spool_free(&s);
	return -1;
}

void
spool_set_aside(struct spool *s, const char *name, int64_t offset,
		const char *reason)
{
	struct log_line l;

	int rc = renameat(s->msg_fd, name, s->damaged_fd, name);
	log_begin(&l, LOG_ERROR, "queue-file-damaged");
	log_str(&l, "file", name);
	log_num(&l, "offset", offset);
	log_str(&l, "reason", reason);
	log_str(&l, "moved", rc == 0 ? "queue/damaged" : "no");
	log_end(&l);
}

/* ---- start --------------------------------------------------------------
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

static int
read_head(int fd, struct spool_msg **m, struct err *e)
{
	char first[SPOOL_FIRST_SIZE];
	struct spool_first f;

	if (read_at(fd, 0, sizeof(first), first, e) != 0 ||
	    spool_parse_first(span_make(first, sizeof(first)), &f, e) != 0)
		return -1;
	char *text = malloc(f.envelope_bytes);
	if (text == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	int rc = read_at(fd, SPOOL_FIRST_SIZE, f.envelope_bytes, text, e);
	if (rc == 0)
		rc = spool_parse_head(span_make(first, sizeof(first)),
				      span_make(text, f.envelope_bytes), m, e);
	free(text);
	return rc;
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
	int fd = openat(s->msg_fd, name,
			O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(
		    e, errno == ELOOP || errno == EISDIR ? ERR_PERM : ERR_TEMP,
		    errno, "open");
	if (fstat(fd, &st) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "stat");
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)err_set(e, ERR_PERM, 0, "not a regular file");
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

static int
scan_one(struct spool *s, const char *name,
	 int (*fn)(void *ctx, struct spool_msg *m, struct err *e), void *ctx,
	 struct err *e)
{
	struct spool_msg *m = NULL;
	int64_t offset;

	if (load(s, name, &m, &offset, e) != 0) {
		if (e->class == ERR_PERM)
			spool_set_aside(s, name, offset, e->msg);
		else
			log_failure(LOG_ERROR, "queue-file-unreadable", "file",
				    name, e);
		return 0; /* one bad file never stops a server */
	}
	return fn(ctx, m, e);
}

int
spool_scan(struct spool *s,
	   int (*fn)(void *ctx, struct spool_msg *m, struct err *e), void *ctx,
	   struct err *e)
{
	struct dirent *entry;
	int rc = 0;

	int fd = openat(s->msg_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		int sys = errno;
		if (fd >= 0)
			(void)close(fd);
		return err_set(e, ERR_TEMP, sys, "queue/msg");
	}
	while (rc == 0 &&
	       (entry = readdir(d)) != NULL) { // NOLINT(concurrency-mt-unsafe)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = scan_one(s, entry->d_name, fn, ctx, e);
	}
	(void)closedir(d);
	return rc;
}

/* ---- results ------------------------------------------------------------
 */

/* Append under the lock; a short write is taken back, so that a record never
 * follows a torn one. */
static int
append(struct spool *s, int fd, struct span text, struct err *e)
{
	struct stat st;
	int rc;

	(void)pthread_mutex_lock(&s->append);
	if (fstat(fd, &st) != 0) {
		rc = err_set(e, ERR_TEMP, errno, "stat");
	} else {
		rc = durable_write(fd, text.p, text.n, e);
		if (rc != 0 && ftruncate(fd, st.st_size) != 0)
			log_event(LOG_ERROR, "queue-record-torn", NULL, NULL);
	}
	(void)pthread_mutex_unlock(&s->append);
	return rc;
}

int
spool_results(struct spool *s, const struct spool_msg *m,
	      const struct spool_result *v, size_t n, struct err *e)
{
	struct buf text;
	bool final = false;
	int rc = 0;

	buf_init(&text, (size_t)SPOOL_RECIPIENTS_MAX * (SPOOL_RECORD_MAX + 16));
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = spool_format_record(&v[i], &text);
		final = final || v[i].state != SPOOL_WAITING;
	}
	if (rc != 0) {
		(void)err_set(e, ERR_TEMP, errno, "result record");
		goto out;
	}
	int fd = openat(s->msg_fd, m->id,
			O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		rc = err_set(e, ERR_TEMP, errno, "cannot open queue/msg/%s",
			     m->id);
		goto out;
	}
	rc = append(s, fd, buf_span(&text), e);
	if (rc == 0 && final && fdatasync(fd) != 0)
		rc = err_set(e, ERR_TEMP, errno, "sync queue/msg/%s", m->id);
	(void)close(fd);
out:
	buf_free(&text);
	return rc;
}

int
spool_remove(struct spool *s, const struct spool_msg *m, struct err *e)
{
	if (unlinkat(s->msg_fd, m->id, 0) != 0 && errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, "cannot remove queue/msg/%s",
			       m->id);
	return 0;
}

/* ---- writing ------------------------------------------------------------
 */

struct spool_writer {
	struct spool *spool;
	struct spool_msg *m;
	struct buf envelope;
	int fd;
	bool eight_bit;
};

static void
writer_free(struct spool_writer **out)
{
	struct spool_writer *w = *out;

	if (w->fd >= 0)
		(void)close(w->fd);
	buf_free(&w->envelope);
	spool_msg_free(&w->m);
	free(w);
	*out = NULL;
}

void
spool_abort(struct spool_writer **out)
{
	if (*out == NULL)
		return;
	(void)unlinkat((*out)->spool->tmp_fd, (*out)->m->id, 0);
	writer_free(out);
}

int
spool_begin(struct spool_writer **out, struct spool *s,
	    const struct spool_envelope *env, struct err *e)
{
	char first[SPOOL_FIRST_SIZE + 1];

	if (env->n_to == 0 || env->n_to > SPOOL_RECIPIENTS_MAX)
		return err_set(e, ERR_BUG, 0, "%u recipients", env->n_to);
	struct spool_writer *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	w->spool = s;
	w->fd = -1;
	buf_init(&w->envelope, SPOOL_ENVELOPE_MAX);
	if (spool_msg_new(&w->m, env, e) != 0)
		goto fail;
	/* "7bit" and "8bit" are as long: the commit knows which it was. */
	if (spool_format_envelope(env, false, &w->envelope) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "envelope");
		goto fail;
	}
	w->m->message_at = (int64_t)(SPOOL_FIRST_SIZE + w->envelope.n);
	w->fd = durable_create(s->tmp_fd, w->m->id, e);
	if (w->fd < 0)
		goto fail;
	spool_format_first(first, buf_span(&w->envelope), 0, 0);
	if (durable_write(w->fd, first, SPOOL_FIRST_SIZE, e) != 0 ||
	    durable_write(w->fd, w->envelope.p, w->envelope.n, e) != 0) {
		spool_abort(&w);
		return -1;
	}
	*out = w;
	return 0;
fail:
	writer_free(&w);
	return -1;
}

int
spool_write(struct spool_writer *w, struct span bytes, struct err *e)
{
	if (!w->eight_bit) {
		for (size_t i = 0; i < bytes.n && !w->eight_bit; i++)
			w->eight_bit = (unsigned char)bytes.p[i] > 127;
	}
	w->m->message_crc = crc32_add(w->m->message_crc, bytes.p, bytes.n);
	w->m->size += (int64_t)bytes.n;
	return durable_write(w->fd, bytes.p, bytes.n, e);
}

/* Put the true first line and body type in the place kept for them. */
static int
finish_head(struct spool_writer *w, struct err *e)
{
	static const char seven[] = "\nbody 7bit\n";
	char first[SPOOL_FIRST_SIZE + 1];

	char *at =
	    memmem(w->envelope.p, w->envelope.n, seven, sizeof(seven) - 1);
	if (w->eight_bit && at != NULL)
		at[6] = '8';
	w->m->eight_bit = w->eight_bit;
	spool_format_first(first, buf_span(&w->envelope), w->m->size,
			   w->m->message_crc);
	if (pwrite(w->fd, first, SPOOL_FIRST_SIZE, 0) != SPOOL_FIRST_SIZE ||
	    pwrite(w->fd, w->envelope.p, w->envelope.n, SPOOL_FIRST_SIZE) !=
		(ssize_t)w->envelope.n)
		return err_set(e, ERR_TEMP, errno, "write");
	return 0;
}

int
spool_commit(struct spool_writer **out, struct spool_msg **m, struct err *e)
{
	struct spool_writer *w = *out;
	struct spool *s = w->spool;

	if (finish_head(w, e) != 0 || durable_sync(w->fd, e) != 0)
		goto fail;
	if (renameat(s->tmp_fd, w->m->id, s->msg_fd, w->m->id) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "rename");
		goto fail;
	}
	if (durable_sync(s->msg_fd, e) != 0) {
		(void)unlinkat(s->msg_fd, w->m->id, 0);
		writer_free(out);
		return err_prefix(e, "queue");
	}
	*m = w->m;
	w->m = NULL;
	writer_free(out);
	return 0;
fail:
	spool_abort(out);
	return err_prefix(e, "queue");
}

/* ---- reading ------------------------------------------------------------
 */

struct spool_reader {
	int fd;
	uint32_t crc, want;
	int64_t left;
};

int
spool_read_open(struct spool_reader **out, struct spool *s,
		const struct spool_msg *m, struct err *e)
{
	int fd = openat(s->msg_fd, m->id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno == ENOENT ? ERR_PERM : ERR_TEMP, errno,
			       "cannot open queue/msg/%s", m->id);
	struct spool_reader *r = calloc(1, sizeof(*r));
	if (r == NULL || lseek(fd, (off_t)m->message_at, SEEK_SET) < 0) {
		(void)err_set(e, ERR_TEMP, errno, "queue/msg/%s", m->id);
		free(r);
		(void)close(fd);
		return -1;
	}
	r->fd = fd;
	r->left = m->size;
	r->want = m->message_crc;
	*out = r;
	return 0;
}

long
spool_read(struct spool_reader *r, char *p, size_t size, struct err *e)
{
	ssize_t got;

	if (r->left == 0 || size == 0)
		return 0;
	if ((int64_t)size > r->left)
		size = (size_t)r->left;
	while ((got = read(r->fd, p, size)) < 0 && errno == EINTR)
		;
	if (got < 0)
		return err_set(e, ERR_TEMP, errno, "read");
	if (got == 0)
		return err_set(e, ERR_PERM, 0, "message cut short");
	r->left -= got;
	r->crc = crc32_add(r->crc, p, (size_t)got);
	if (r->left == 0 && r->crc != r->want)
		return err_set(e, ERR_PERM, 0, "message checksum differs");
	return (long)got;
}

void
spool_read_close(struct spool_reader **r)
{
	if (*r == NULL)
		return;
	(void)close((*r)->fd);
	free(*r);
	*r = NULL;
}

int
spool_read_header(struct spool *s, const struct spool_msg *m, struct buf *out,
		  struct err *e)
{
	struct spool_reader *r = NULL;
	char piece[2048];
	long n = 0;

	if (spool_read_open(&r, s, m, e) != 0)
		return -1;
	while (out->n < out->max) {
		size_t room = out->max - out->n;
		n = spool_read(r, piece,
			       room < sizeof(piece) ? room : sizeof(piece), e);
		if (n <= 0 || buf_add(out, piece, (size_t)n) != 0)
			break;
		char *end = memmem(out->p, out->n, "\r\n\r\n", 4);
		if (end != NULL) {
			out->n = (size_t)(end - out->p) + 2;
			break;
		}
	}
	spool_read_close(&r);
	return n < 0 ? -1 : 0;
}
