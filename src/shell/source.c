#include "shell/source.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "shell/lex.h"

void
source_from_fd(struct source *s, const char *name, int fd,
	       const struct wake *stop)
{
	*s = (struct source){ .name = name, .line = 1, .fd = fd, .stop = stop };
	buf_init(&s->in, SOURCE_LINE_MAX + 4096);
}

void
source_from_text(struct source *s, const char *name, struct span text)
{
	*s = (struct source){ .name = name, .line = 1, .fd = -1, .text = text };
	buf_init(&s->in, SOURCE_LINE_MAX);
	s->eof = true;
}

void
source_free(struct source *s)
{
	buf_free(&s->in);
}

/* Wait for input or ^C, then read once.  0 or -1. */
static int
fill(struct source *s, struct err *e)
{
	struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN },
			       { .fd = s->stop == NULL ? -1 : wake_fd(s->stop),
				 .events = POLLIN } };
	ssize_t got;

	if (poll(p, 2, -1) < 0 && errno != EINTR)
		return err_set(e, ERR_TEMP, errno, "poll");
	if ((p[1].revents & POLLIN) != 0)
		return err_set(e, ERR_STOP, 0, "interrupted");
	if (buf_reserve(&s->in, 4096) != 0)
		return err_set(e, ERR_LIMIT, 0, "a line is over %d bytes",
			       SOURCE_LINE_MAX);
	got = read(s->fd, s->in.p + s->in.n, 4096);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got < 0)
		return err_set(e, ERR_TEMP, errno, "cannot read commands");
	/* a terminal that hung up; what is none has another errno */
	if (got == 0 && isatty(s->fd) != 1 && errno == EIO)
		return err_set(e, ERR_TEMP, errno, "the terminal is gone");
	s->in.n += (size_t)got;
	s->eof = got == 0;
	return 0;
}

static int
give(struct source *s, struct span line, struct buf *out, struct err *e)
{
	if (buf_add_span(out, line) != 0 || buf_add_char(out, '\n') != 0)
		return err_set(e, ERR_LIMIT, 0,
			       "a command is over %d bytes or memory is short",
			       LEX_UNIT_MAX);
	s->line++;
	return 1;
}

static int
text_line(struct source *s, struct buf *out, struct err *e)
{
	long nl = span_find(s->text, '\n', 0);
	struct span line = span_head(s->text, nl < 0 ? s->text.n : (size_t)nl);

	if (s->text.n == 0)
		return 0;
	s->text = span_skip(s->text, line.n + (nl >= 0));
	return give(s, line, out, e);
}

int
source_line(struct source *s, bool more, struct buf *out, struct err *e)
{
	size_t looked = 0;

	if (s->typed != NULL) {
		int rc = s->typed(s->ctx, more, out, e);

		if (rc == 1 && buf_add_char(out, '\n') != 0)
			return err_set(e, ERR_LIMIT, 0, "the line is too long");
		s->line += rc == 1;
		return rc;
	}
	if (s->fd < 0)
		return text_line(s, out, e);
	for (;;) {
		long nl = span_find(buf_span(&s->in), '\n', looked);
		size_t n = nl >= 0 ? (size_t)nl : s->in.n;
		int rc;

		if (nl >= 0 || (s->eof && s->in.n > 0)) {
			rc = give(s, span_head(buf_span(&s->in), n), out, e);
			buf_consume(&s->in, n + (nl >= 0));
			return rc;
		}
		if (s->eof)
			return 0;
		looked = s->in.n;
		if (fill(s, e) != 0)
			return -1;
	}
}
