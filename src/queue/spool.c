#include "queue/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/log.h"
#include "base/thread.h"
#include "queue/spool_format.h"
#include "queue/spool_private.h"

/* ---- directories --------------------------------------------------------
 */

static int
empty_tmp(int tmp_fd, struct err *e)
{
	int fd = openat(tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int sys = errno;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return err_set(e, ERR_TEMP, sys, "queue/tmp");
	}
	do {
		errno = 0;
		/* A DIR of its own: no other thread reads it. */
		entry = readdir(d); // NOLINT(concurrency-mt-unsafe)
		sys = entry == NULL ? errno : 0;
		if (entry != NULL && entry->d_name[0] != '.')
			(void)unlinkat(tmp_fd, entry->d_name, 0);
	} while (entry != NULL);
	(void)closedir(d);
	return sys == 0 ? 0 : err_set(e, ERR_TEMP, sys, "queue/tmp");
}

void
spool_free(struct spool **out)
{
	struct spool *s = *out;

	if (s == NULL)
		return;
	while (s->kept != NULL) { /* never scanned */
		struct spool_msg *m = s->kept;
		s->kept = m->next;
		spool_msg_free(&m);
	}
	spool_checkpoint_stop(s);
	spool_stays_end(s);
	(void)journal_close(&s->journal, NULL);
	ids_free(&s->ids);
	const int fds[] = { s->queue_fd,   s->tmp_fd,     s->msg_fd,
			    s->damaged_fd, s->journal_fd, s->ids_fd };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	(void)pthread_mutex_destroy(&s->append);
	(void)pthread_mutex_destroy(&s->flushing);
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->wanted);
	free(s);
	*out = NULL;
}

int
spool_open(struct spool **out, int data_fd, struct err *e)
{
	static const struct spool_options strict = {
		.strict = true,
		.segment_bytes = SPOOL_SEGMENT_BYTES,
		.journal_bytes = (size_t)SPOOL_SEGMENT_BYTES * 32
	};

	return spool_open_with(out, data_fd, &strict, e);
}

static int
open_ids(struct spool *s, int data_fd, struct err *e)
{
	struct ids_options o = { .max = s->o.handed_max > 0 ? s->o.handed_max
							    : SPOOL_HANDED_MAX,
				 .days = SPOOL_HANDED_DAYS };

	s->ids_fd = durable_open_dir(data_fd, "ids", 1, e);
	if (s->ids_fd < 0)
		return -1;
	o.dirfd = s->ids_fd;
	return ids_open(&s->ids, &o, e);
}

int
spool_open_with(struct spool **out, int data_fd, const struct spool_options *o,
		struct err *e)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	s->o = *o;
	s->tmp_fd = s->msg_fd = s->damaged_fd = s->journal_fd = s->ids_fd = -1;
	(void)pthread_mutex_init(&s->append, NULL);
	(void)pthread_mutex_init(&s->flushing, NULL);
	(void)pthread_mutex_init(&s->stays.lock, NULL);
	mutex_init_short(&s->lock);
	cond_init_mono(&s->wanted);
	s->queue_fd = durable_open_dir(data_fd, "queue", 1, e);
	if (s->queue_fd < 0)
		goto fail;
	s->tmp_fd = durable_open_dir(s->queue_fd, "tmp", 1, e);
	s->msg_fd = durable_open_dir(s->queue_fd, "msg", 1, e);
	s->damaged_fd = durable_open_dir(s->queue_fd, "damaged", 1, e);
	if (s->tmp_fd < 0 || s->msg_fd < 0 || s->damaged_fd < 0 ||
	    empty_tmp(s->tmp_fd, e) != 0 || open_ids(s, data_fd, e) != 0 ||
	    spool_recover(s, data_fd, e) != 0)
		goto fail;
	if (s->journal != NULL && spool_checkpoint_start(s, e) != 0)
		goto fail;
	*out = s;
	return 0;
fail:
	spool_free(&s);
	return -1;
}

/* ---- hand-overs ---------------------------------------------------------
 * While a message with the id of its hand-over is in the journal or in a file,
 * that tells.  Before either goes the id is in a file of its own.
 */

struct ids *
spool_ids(struct spool *s)
{
	return s->ids;
}

void
spool_keep_handed(struct spool *s, const struct spool_msg *m)
{
	for (unsigned i = 0; m->handed != NULL && i < m->n_recipients; i++)
		ids_keep(s->ids, m->handed, m->recipients[i].address);
}

int
spool_flush_handed(struct spool *s, struct err *e)
{
	(void)pthread_mutex_lock(&s->flushing);
	int rc = ids_flush(s->ids, e);
	(void)pthread_mutex_unlock(&s->flushing);
	return rc;
}

void
spool_set_aside(struct spool *s, const char *name, int64_t offset,
		const char *reason)
{
	char as[DURABLE_NAME_SIZE], moved[DURABLE_NAME_SIZE + 16];
	struct log_line l;
	struct err e;

	int rc =
	    durable_set_aside(s->msg_fd, name, s->damaged_fd, name, as, &e);
	(void)snprintf(moved, sizeof(moved), "queue/damaged/%s", as);
	log_begin(&l, LOG_ERROR, "queue-file-damaged");
	log_str(&l, "file", name);
	log_num(&l, "offset", offset);
	log_str(&l, "reason", reason);
	log_str(&l, "moved", rc == 0 ? moved : e.msg);
	log_end(&l);
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
spool_append_file(struct spool *s, const char *id, struct span lines, bool sync,
		  struct err *e)
{
	int fd = durable_open_file(s->msg_fd, id, O_WRONLY | O_APPEND, e);

	if (fd < 0)
		return err_prefix(e, "queue/msg");
	int rc = append(s, fd, lines, e);
	if (rc == 0 && sync && fdatasync(fd) != 0)
		rc = err_set(e, ERR_TEMP, errno, "sync queue/msg/%s", id);
	(void)close(fd);
	return rc;
}

/* The records, durable on return when `sync`. */
static int
add_records(struct spool *s, const struct spool_msg *m, struct span text,
	    bool sync, struct err *e)
{
	int rc = m->entry == NULL
		     ? 1
		     : spool_journal_results(s, m->entry, text, sync, e);

	return rc == 1 ? spool_append_file(s, m->id, text, sync, e) : rc;
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
		final = final || v[i].state != SPOOL_WAITING || v[i].warned;
	}
	if (rc != 0) {
		(void)err_set(e, ERR_TEMP, errno, "result record");
		goto out;
	}
	/* In the journal the next sync takes it along: a second at most. */
	rc = add_records(s, m, buf_span(&text), m->entry == NULL && final, e);
out:
	buf_free(&text);
	return rc;
}

int
spool_hold(struct spool *s, const struct spool_msg *m, bool hold,
	   int64_t wall_s, struct err *e)
{
	struct buf text;

	buf_init(&text, SPOOL_RECORD_MAX);
	int rc = spool_format_hold(hold, wall_s, &text) != 0
		     ? err_set(e, ERR_TEMP, errno, "hold record")
		     : add_records(s, m, buf_span(&text), true, e);
	buf_free(&text);
	return rc;
}

static int
remove_file(struct spool *s, const struct spool_msg *m, struct err *e)
{
	struct err why;

	/* Not written: known until a crash.  That is better than a message
	 * that stays and is sent again. */
	if (m->handed != NULL && spool_flush_handed(s, &why) != 0)
		log_failure(LOG_ERROR, "queue-ids", "id", m->id, &why);
	if (unlinkat(s->msg_fd, m->id, 0) != 0 && errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, "cannot remove queue/msg/%s",
			       m->id);
	return 0;
}

int
spool_remove(struct spool *s, const struct spool_msg *m, struct err *e)
{
	struct err why;

	if (m->entry != NULL && spool_journal_done(s, m->entry))
		return 0;
	if (remove_file(s, m, &why) != 0) {
		spool_stays_add(s, m->id, &why);
		if (e != NULL)
			*e = why;
		return -1;
	}
	spool_stays_retry(s);
	return 0;
}

int
spool_discard(struct spool *s, const struct spool_msg *m, struct err *e)
{
	int rc = m->entry == NULL ? 1 : spool_journal_discard(s, m->entry, e);

	return rc == 1 ? remove_file(s, m, e) : rc;
}

int
spool_sync_removals(struct spool *s, struct err *e)
{
	if (s->journal != NULL && spool_journal_flush(s, e) != 0)
		return -1;
	return durable_sync(s->msg_fd, e);
}
