/*
 * The start.  What the journal still holds is put together again by id, and
 * every message that is not done becomes a file like any other; then the
 * journal is released whole.  A message that has a file already (a checkpoint
 * was cut off before its release) gets the results that are not in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rand.h"
#include "queue/spool_format.h"
#include "queue/spool_private.h"

enum {
	BUCKETS = 16384,
	GROUP_BYTES = 4 * 1024 * 1024,
};

struct found {
	struct found *next;
	struct buf bytes; /* results too; empty when it is in a file */
	char id[RAND_ID_SIZE];
	bool in_file;
};

struct recovery {
	struct spool *spool;
	struct found **buckets;
	size_t memory;
	uint64_t messages, placed;
};

/* ---- table --------------------------------------------------------------
 */

static struct found **
slot(struct recovery *r, struct span id)
{
	struct found **at = &r->buckets[hash_span(id) % BUCKETS];

	while (*at != NULL && !span_eq(span_of((*at)->id), id))
		at = &(*at)->next;
	return at;
}

static void
drop(struct recovery *r, struct found **at)
{
	struct found *f = *at;

	*at = f->next;
	r->memory -= f->bytes.n;
	buf_free(&f->bytes);
	free(f);
}

static void
free_table(struct recovery *r)
{
	for (size_t i = 0; r->buckets != NULL && i < BUCKETS; i++) {
		while (r->buckets[i] != NULL)
			drop(r, &r->buckets[i]);
	}
	free(r->buckets);
}

/* ---- files --------------------------------------------------------------
 */

/* Under its name in tmp/, the results it had with it. */
static int
write_tmp(struct recovery *r, struct found *f, bool sync, struct err *e)
{
	struct spool *s = r->spool;

	int fd = durable_create(s->tmp_fd, f->id, e);
	if (fd < 0)
		return -1;
	int rc = durable_write(fd, f->bytes.p, f->bytes.n, e);
	if (rc == 0 && sync && fdatasync(fd) != 0)
		rc = err_set(e, ERR_TEMP, errno, "sync");
	(void)close(fd);
	if (rc != 0) /* what room it took may do for another */
		(void)unlinkat(s->tmp_fd, f->id, 0);
	return rc == 0 ? 0 : err_prefix(e, "queue/tmp/%s", f->id);
}

/* Its bytes are durable: under its name in msg/ it is a message. */
static int
place(struct recovery *r, struct found *f, struct err *e)
{
	struct spool *s = r->spool;

	if (renameat(s->tmp_fd, f->id, s->msg_fd, f->id) != 0)
		return err_set(e, ERR_TEMP, errno, "queue/msg/%s", f->id);
	r->placed++;
	r->memory -= f->bytes.n;
	buf_free(&f->bytes);
	f->in_file = true;
	return 0;
}

static int
to_file(struct recovery *r, struct found *f, struct err *e)
{
	return write_tmp(r, f, true, e) == 0 ? place(r, f, e) : -1;
}

static bool
is_full_disk(const struct err *e)
{
	return e->sys == ENOSPC || e->sys == EDQUOT;
}

static bool
has_file(const struct spool *s, const char *id)
{
	return faccessat(s->msg_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- records ------------------------------------------------------------
 */

static void
log_odd(const struct journal_record *record, const char *reason)
{
	struct log_line l;

	log_begin(&l, LOG_ERROR, "queue-journal-record");
	log_num(&l, "seq", (int64_t)record->seq);
	log_num(&l, "type", record->type);
	log_str(&l, "reason", reason);
	log_end(&l);
}

/* The id in the text of a file, checked as at the reading of one.  A hand-over
 * is known for good, whatever became of the message. */
static int
id_of(struct spool *s, struct span text, char id[RAND_ID_SIZE], struct err *e)
{
	struct spool_msg *m = NULL;
	struct spool_first f;

	struct span first = span_head(text, SPOOL_FIRST_SIZE);
	struct span rest = span_skip(text, SPOOL_FIRST_SIZE);
	if (text.n < SPOOL_FIRST_SIZE || spool_parse_first(first, &f, e) != 0 ||
	    rest.n < f.envelope_bytes)
		return err_set(e, ERR_PERM, 0, "not the text of a message");
	if (spool_parse_head(first, span_head(rest, f.envelope_bytes), &m, e) !=
	    0)
		return -1;
	memcpy(id, m->id, RAND_ID_SIZE);
	bool whole = (int64_t)text.n == m->message_at + m->size;
	bool plain = strchr(id, '/') == NULL && id[0] != '.' && id[0] != '\0';
	if (whole && plain)
		spool_keep_handed(s, m);
	spool_msg_free(&m);
	return whole && plain ? 0 : err_set(e, ERR_PERM, 0, "cut short");
}

static int
on_enqueue(struct recovery *r, const struct journal_record *record,
	   struct err *e)
{
	char id[RAND_ID_SIZE];

	if (id_of(r->spool, record->payload, id, e) != 0) {
		if (e->class != ERR_PERM)
			return -1;
		log_odd(record, e->msg);
		return 0;
	}
	struct found **at = slot(r, span_of(id));
	if (*at != NULL) {
		log_odd(record, "the id was seen before");
		return 0;
	}
	struct found *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue");
	memcpy(f->id, id, sizeof(f->id));
	buf_init(&f->bytes, SIZE_MAX / 2);
	*at = f;
	r->messages++;
	f->in_file = has_file(r->spool, id);
	if (f->in_file)
		return 0;
	if (buf_add_span(&f->bytes, record->payload) != 0)
		return err_set(e, ERR_TEMP, errno, "queue");
	r->memory += f->bytes.n;
	if (r->memory <= r->spool->o.memory_max || to_file(r, f, e) == 0)
		return 0;
	return is_full_disk(e) ? 0 : -1; /* settled at the end */
}

static int
on_result(struct recovery *r, struct found *f, struct span lines, struct err *e)
{
	if (f->in_file) {
		if (spool_append_file(r->spool, f->id, lines, false, e) == 0)
			return 0;
		/* tried again, at worst, where it was a success */
		log_failure(LOG_ERROR, "queue-result-not-stored", "id", f->id,
			    e);
		return is_full_disk(e) ? 0 : -1;
	}
	if (buf_add_span(&f->bytes, lines) != 0)
		return err_set(e, ERR_TEMP, errno, "queue");
	r->memory += lines.n;
	return 0;
}

static int
replay(void *ctx, const struct journal_record *record, struct err *e)
{
	struct recovery *r = ctx;
	struct span p = record->payload;

	if (record->type == SPOOL_RECORD_ENQUEUE)
		return on_enqueue(r, record, e);
	if (record->type == SPOOL_RECORD_START)
		return 0;
	if ((record->type != SPOOL_RECORD_RESULT &&
	     record->type != SPOOL_RECORD_DONE) ||
	    p.n < RAND_ID_SIZE - 1) {
		log_odd(record, "unknown");
		return 0;
	}
	struct found **at = slot(r, span_head(p, RAND_ID_SIZE - 1));
	if (*at == NULL)
		return 0; /* its message was released before */
	if (record->type == SPOOL_RECORD_RESULT)
		return on_result(r, *at, span_skip(p, RAND_ID_SIZE - 1), e);
	if ((*at)->in_file)
		(void)unlinkat(r->spool->msg_fd, (*at)->id, 0);
	drop(r, at);
	return 0;
}

/* ---- start --------------------------------------------------------------
 */

static void
log_recovered(const struct recovery *r, const struct journal_report *report,
	      int64_t took_ms)
{
	struct log_line l;

	log_begin(&l, report->damaged > 0 ? LOG_ERROR : LOG_INFO,
		  "queue-journal");
	log_num(&l, "records", (int64_t)report->records);
	log_num(&l, "messages", (int64_t)r->messages);
	log_num(&l, "placed", (int64_t)r->placed);
	log_num(&l, "torn-bytes", (int64_t)report->torn_bytes);
	if (report->torn_bytes > 0)
		log_str(&l, "torn", report->torn);
	if (report->damaged > 0) {
		log_num(&l, "damaged", (int64_t)report->damaged);
		log_str(&l, "where", report->where);
	}
	log_num(&l, "ms", took_ms);
	log_end(&l);
}

/* fn for each message that has no file yet. */
static int
each_waiting(struct recovery *r,
	     int (*fn)(struct recovery *r, struct found *f, struct err *e),
	     struct err *e)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct found *f = r->buckets[i]; f != NULL; f = f->next) {
			if (!f->in_file && fn(r, f, e) != 0)
				return -1;
		}
	}
	return 0;
}

static int
write_one(struct recovery *r, struct found *f, struct err *e)
{
	return write_tmp(r, f, false, e);
}

/* Everything not done becomes a file, durable; then the journal is not needed.
 */
static int
settle(struct recovery *r, struct journal *j, struct err *e)
{
	if (each_waiting(r, write_one, e) != 0)
		return -1;
	/* One sync for all, before the first name appears. */
	if (syncfs(r->spool->msg_fd) != 0)
		return err_set(e, ERR_TEMP, errno, "syncfs");
	if (each_waiting(r, place, e) != 0 ||
	    durable_sync(r->spool->msg_fd, e) != 0)
		return -1;
	if (spool_flush_handed(r->spool, e) != 0)
		return -1;
	if (journal_release(j, journal_last(j), e) == 0)
		return 0;
	if (r->spool->o.strict)
		return -1;
	/* A full disk: the next checkpoint tries again. */
	log_failure(LOG_ERROR, "queue-journal-not-released", NULL, NULL, e);
	r->spool->unsynced = true;
	return 0;
}

/* ---- without room ---------------------------------------------------------
 * Where the disk has no room for the files, what the journal holds stays there,
 * and in memory as if it had just come in, until a checkpoint finds room.
 */

/* Its text and results, taken apart; *m is the message. */
static int
parse_found(struct found *f, struct spool_msg **m, struct err *e)
{
	struct span text = buf_span(&f->bytes);
	struct span first = span_head(text, SPOOL_FIRST_SIZE);
	struct spool_first head;

	if (spool_parse_first(first, &head, e) != 0 ||
	    spool_parse_head(first,
			     span_head(span_skip(text, SPOOL_FIRST_SIZE),
				       head.envelope_bytes),
			     m, e) != 0)
		return -1;
	struct span rest =
	    span_skip(text, (size_t)((*m)->message_at + (*m)->size));
	while (spool_parse_record(&rest, *m) == 1)
		;
	return 0;
}

static int
keep_in_memory(struct recovery *r, struct found *f, struct err *e)
{
	struct spool_msg *m = NULL;

	if (parse_found(f, &m, e) != 0)
		return -1;
	size_t message = (size_t)(m->message_at + m->size);
	struct span results = span_skip(buf_span(&f->bytes), message);
	if (spool_journal_keep(r->spool, m, &f->bytes, results, e) != 0) {
		spool_msg_free(&m);
		return -1;
	}
	(void)unlinkat(r->spool->tmp_fd, f->id,
		       0); /* it was one of the first */
	m->next = r->spool->kept;
	r->spool->kept = m;
	return 0;
}

/* settle, or the same in memory where there is no room. */
static int
settle_somewhere(struct recovery *r, struct journal *j, struct err *e)
{
	if (settle(r, j, e) == 0)
		return 0;
	if (r->spool->o.strict || !is_full_disk(e))
		return -1;
	log_failure(LOG_ERROR, "queue-no-room", NULL, NULL, e);
	return each_waiting(r, keep_in_memory, e);
}

int
spool_recover(struct spool *s, int data_fd, struct err *e)
{
	struct recovery r = { .spool = s };
	struct journal_report report;
	int64_t began = clock_mono_ms();
	struct err ignored;
	uint64_t seq;
	int rc = -1;

	if (s->o.strict && faccessat(data_fd, "journal", F_OK, 0) != 0)
		return 0; /* there never was one */
	s->journal_fd = durable_open_dir(data_fd, "journal", 1, e);
	if (s->journal_fd < 0)
		return -1;
	struct journal_options o = {
		.dirfd = s->journal_fd,
		.segment_bytes = s->o.segment_bytes,
		.segments_max =
		    (unsigned)(s->o.journal_bytes / s->o.segment_bytes),
		.group_max_bytes = s->o.segment_bytes < GROUP_BYTES
				       ? s->o.segment_bytes
				       : GROUP_BYTES,
		.retry_ms = s->o.retry_ms,
	};
	r.buckets = calloc(BUCKETS, sizeof(struct found *));
	if (r.buckets == NULL) {
		rc = err_set(e, ERR_TEMP, ENOMEM, "queue");
		goto out;
	}
	if (journal_open(&s->journal, &o, replay, &r, &report, e) != 0)
		goto out;
	/* A damaged segment is put aside by the release. */
	if ((report.records > 0 || report.damaged > 0) &&
	    settle_somewhere(&r, s->journal, e) != 0)
		goto out;
	if (report.segments > 0)
		log_recovered(&r, &report, clock_mono_ms() - began);
	rc = 0;
	/* The first segment is made now, not while the first client waits. */
	if (!s->o.strict && journal_append(s->journal, SPOOL_RECORD_START, NULL,
					   0, &seq, &ignored) == 0)
		(void)journal_sync(s->journal, seq, &ignored);
out:
	free_table(&r);
	if (rc != 0 || s->o.strict)
		(void)journal_close(&s->journal, NULL);
	return rc;
}
