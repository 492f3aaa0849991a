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
