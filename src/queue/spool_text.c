#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32.h"
#include "base/durable.h"
#include "queue/spool.h"
#include "queue/spool_format.h"
#include "queue/spool_private.h"

/* ---- writing ------------------------------------------------------------
 */

/*
 * With a journal the file is put together in memory; when it grows over
 * message_max, or all that is held over memory_max, it goes on as a real one.
 */
struct spool_writer {
	struct spool *spool;
	struct spool_msg *m;
	struct buf envelope;
	struct buf held; /* the file so far, while fd < 0 */
	int fd;
	bool eight_bit;
};

/* Set what the writer holds, and so is charged for, to nothing. */
static void
let_go(struct spool_writer *w)
{
	atomic_fetch_sub(&w->spool->memory, w->held.cap);
	buf_free(&w->held);
}

static void
writer_free(struct spool_writer **out)
{
	struct spool_writer *w = *out;

	if (w->fd >= 0)
		(void)close(w->fd);
	let_go(w);
	buf_free(&w->envelope);
	spool_msg_free(&w->m);
	free(w);
	*out = NULL;
}

void
spool_abort(struct spool_writer **out)
{
	struct spool_writer *w = *out;

	if (w == NULL)
		return;
	if (w->fd >= 0)
		(void)unlinkat(w->spool->tmp_fd, w->m->id, 0);
	writer_free(out);
}

/* From memory to a file in tmp/. */
static int
go_to_file(struct spool_writer *w, struct err *e)
{
	w->fd = durable_create(w->spool->tmp_fd, w->m->id, e);
	if (w->fd < 0 || durable_write(w->fd, w->held.p, w->held.n, e) != 0)
		return -1;
	let_go(w);
	return 0;
}

/* More of the file, wherever it is. */
static int
put(struct spool_writer *w, struct span bytes, struct err *e)
{
	struct spool *s = w->spool;
	size_t cap = w->held.cap;

	if (w->fd >= 0)
		return durable_write(w->fd, bytes.p, bytes.n, e);
	if (bytes.n <= s->o.message_max - w->held.n &&
	    atomic_load(&s->memory) < s->o.memory_max &&
	    buf_add_span(&w->held, bytes) == 0) {
		atomic_fetch_add(&s->memory, w->held.cap - cap);
		return 0;
	}
	if (go_to_file(w, e) != 0)
		return -1;
	return durable_write(w->fd, bytes.p, bytes.n, e);
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
	buf_init(&w->held, s->o.message_max);
	struct spool_envelope own = *env;
	rand_bytes(own.delivery, sizeof(own.delivery));
	if (spool_msg_new(&w->m, &own, e) != 0)
		goto fail;
	/* "7bit" and "8bit" are as long: the commit knows which it was. */
	if (spool_format_envelope(&own, false, &w->envelope) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "envelope");
		goto fail;
	}
	w->m->message_at = (int64_t)(SPOOL_FIRST_SIZE + w->envelope.n);
	w->m->held = env->held;
	spool_format_first(first, buf_span(&w->envelope), 0, 0);
	/* One that is held waits long: the journal is not for it. */
	if (((s->journal == NULL || env->held) && go_to_file(w, e) != 0) ||
	    put(w, span_make(first, SPOOL_FIRST_SIZE), e) != 0 ||
	    put(w, buf_span(&w->envelope), e) != 0) {
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
	return put(w, bytes, e);
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
	if (w->fd < 0) {
		memcpy(w->held.p, first, SPOOL_FIRST_SIZE);
		memcpy(w->held.p + SPOOL_FIRST_SIZE, w->envelope.p,
		       w->envelope.n);
		return 0;
	}
	if (pwrite(w->fd, first, SPOOL_FIRST_SIZE, 0) != SPOOL_FIRST_SIZE ||
	    pwrite(w->fd, w->envelope.p, w->envelope.n, SPOOL_FIRST_SIZE) !=
		(ssize_t)w->envelope.n)
		return err_set(e, ERR_TEMP, errno, "write");
	return 0;
}

/* Behind the message, as if it had been held by hand. */
static int
write_hold(struct spool_writer *w, struct err *e)
{
	struct buf text;

	buf_init(&text, SPOOL_RECORD_MAX);
	int rc = spool_format_hold(true, w->m->arrival_s, &text) != 0
		     ? err_set(e, ERR_TEMP, errno, "hold record")
		     : durable_write(w->fd, text.p, text.n, e);
	buf_free(&text);
	return rc;
}

/* 0: durable in the journal; 1: to be a file after all. */
static int
commit_to_journal(struct spool_writer *w, struct err *e)
{
	int rc = spool_journal_commit(w->spool, w->m, &w->held, e);

	if (rc != 1)
		return rc;
	return go_to_file(w, e) == 0 ? 1 : -1;
}

int
spool_commit(struct spool_writer **out, struct spool_msg **m, struct err *e)
{
	struct spool_writer *w = *out;
	struct spool *s = w->spool;
	int rc = 1;

	if (finish_head(w, e) != 0)
		goto fail;
	if (w->fd < 0)
		rc = commit_to_journal(w, e);
	if (rc < 0)
		goto fail;
	if (rc == 0)
		goto done;
	if (w->m->held && write_hold(w, e) != 0)
		goto fail;
	if (durable_sync(w->fd, e) != 0)
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
done:
	spool_keep_handed(s, w->m);
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
	struct spool_entry *entry; /* in memory: `text` is what is left */
	struct span text;
	int fd;
	uint32_t crc, want;
	int64_t left;
};

int
spool_read_open(struct spool_reader **out, struct spool *s,
		const struct spool_msg *m, struct err *e)
{
	struct spool_reader *r = calloc(1, sizeof(*r));
	struct span whole;

	if (r == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "queue/msg/%s", m->id);
	if (m->entry != NULL && spool_journal_hold(m->entry, &whole)) {
		r->entry = m->entry;
		r->text = span_skip(whole, (size_t)m->message_at);
		r->fd = -1;
		*out = r;
		return 0;
	}
	int fd = durable_open_file(s->msg_fd, m->id, O_RDONLY, e);
	if (fd < 0) {
		free(r);
		if (e->sys == ENOENT)
			e->class = ERR_PERM;
		return err_prefix(e, "queue/msg");
	}
	if (lseek(fd, (off_t)m->message_at, SEEK_SET) < 0) {
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

	if (r->entry != NULL) {
		struct span piece = span_head(r->text, size);
		if (piece.n > 0)
			memcpy(p, piece.p, piece.n);
		r->text = span_skip(r->text, piece.n);
		return (long)piece.n;
	}
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
	if ((*r)->entry != NULL)
		spool_journal_drop_reader((*r)->entry);
	else
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

int
spool_read_all(struct spool *s, const struct spool_msg *m, struct buf *out,
	       struct err *e)
{
	struct spool_reader *r = NULL;
	char piece[4096];
	long n;

	if (spool_read_open(&r, s, m, e) != 0)
		return -1;
	while ((n = spool_read(r, piece, sizeof(piece), e)) > 0) {
		if (buf_add(out, piece, (size_t)n) != 0) {
			n = err_set(e, ERR_TEMP, errno, "reading a message");
			break;
		}
	}
	spool_read_close(&r);
	return n < 0 ? -1 : 0;
}
