#include "milter/milter_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/rand.h"

void
milter_body_init(struct milter_body *b, int dirfd, int64_t size_max)
{
	*b = (struct milter_body){ .dirfd = dirfd,
				   .fd = -1,
				   .size_max = size_max };
	buf_init(&b->tail, MILTER_BODY_MEMORY);
}

void
milter_body_clear(struct milter_body *b)
{
	if (b->fd >= 0)
		(void)close(b->fd);
	buf_free(&b->tail);
	milter_body_init(b, b->dirfd, b->size_max);
}

int64_t
milter_body_size(const struct milter_body *b)
{
	return b->filed + (int64_t)b->tail.n;
}

/* Where the file system knows no files without a name, one is made and its name
 * taken away at once. */
static int
open_file(struct milter_body *b, struct err *e)
{
	char name[RAND_ID_SIZE + 8] = "milter-";

	b->fd = openat(b->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (b->fd >= 0)
		return 0;
	rand_id(name + strlen(name));
	b->fd =
	    openat(b->dirfd, name,
		   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (b->fd < 0 || unlinkat(b->dirfd, name, 0) != 0)
		return err_set(e, ERR_TEMP, errno, "temporary file");
	return 0;
}

static int
file_tail(struct milter_body *b, struct err *e)
{
	if (b->fd < 0 && open_file(b, e) != 0)
		return -1;
	if (durable_write(b->fd, b->tail.p, b->tail.n, e) != 0)
		return -1;
	b->filed += (int64_t)b->tail.n;
	buf_clear(&b->tail);
	return 0;
}

int
milter_body_add(struct milter_body *b, struct span bytes, struct err *e)
{
	if ((int64_t)bytes.n > b->size_max - milter_body_size(b))
		return err_set(e, ERR_LIMIT, 0, "message over %lld bytes",
			       (long long)b->size_max);
	while (bytes.n > 0) {
		if (b->tail.n == b->tail.max && file_tail(b, e) != 0)
			return -1;
		struct span part = span_head(bytes, b->tail.max - b->tail.n);
		if (buf_add_span(&b->tail, part) != 0)
			return err_set(e, ERR_TEMP, errno, "message");
		bytes = span_skip(bytes, part.n);
	}
	return 0;
}

int
milter_body_add_foreign(struct milter_body *b, struct span bytes, struct err *e)
{
	const struct span crlf = { "\r\n", 2 }, unknown = { "?", 1 };

	while (bytes.n > 0) {
		size_t n = 0;
		while (n < bytes.n && bytes.p[n] != '\r' &&
		       bytes.p[n] != '\n' && bytes.p[n] != '\0')
			n++;
		if (n > 0 && milter_body_add(b, span_head(bytes, n), e) != 0)
			return -1;
		bool after_cr = n == 0 && b->after_cr;
		b->after_cr = false;
		bytes = span_skip(bytes, n);
		if (bytes.n == 0)
			return 0;
		char c = bytes.p[0];
		bytes = span_skip(bytes, 1);
		if (c == '\n' && after_cr)
			continue;
		b->after_cr = c == '\r';
		if (milter_body_add(b, c == '\0' ? unknown : crlf, e) != 0)
			return -1;
	}
	return 0;
}

int
milter_body_end_foreign(struct milter_body *b, struct err *e)
{
	/* milter_body_add empties the tail only to put more there */
	char last = b->tail.n > 0 ? b->tail.p[b->tail.n - 1] : '\n';

	b->after_cr = false;
	return last == '\n' ? 0 : milter_body_add(b, span_make("\r\n", 2), e);
}

/* ---- reading --------------------------------------------------------------
 */

static int
each_filed(const struct milter_body *b, char *piece, milter_body_fn *fn,
	   void *ctx, struct err *e)
{
	int64_t at = 0;

	while (at < b->filed) {
		int64_t left = b->filed - at;
		size_t want = left < MILTER_BODY_PIECE
				  ? (size_t)left
				  : (size_t)MILTER_BODY_PIECE;
		ssize_t n = pread(b->fd, piece, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, ERR_TEMP, n < 0 ? errno : EIO,
				       "temporary file");
		int rc = fn(ctx, span_make(piece, (size_t)n), e);
		if (rc != 0)
			return rc;
		at += n;
	}
	return 0;
}

int
milter_body_each(const struct milter_body *b, milter_body_fn *fn, void *ctx,
		 struct err *e)
{
	struct span rest = buf_span(&b->tail);
	int rc = 0;

	if (b->filed > 0) {
		char *piece = malloc(MILTER_BODY_PIECE);
		if (piece == NULL)
			return err_set(e, ERR_TEMP, ENOMEM, "message");
		rc = each_filed(b, piece, fn, ctx, e);
		free(piece);
	}
	while (rc == 0 && rest.n > 0) {
		struct span part = span_head(rest, MILTER_BODY_PIECE);
		rc = fn(ctx, part, e);
		rest = span_skip(rest, part.n);
	}
	return rc;
}
