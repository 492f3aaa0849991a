#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/stream_private.h"

int
stream_new(struct stream **s, int fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	struct stream *n = calloc(1, sizeof(*n));
	if (n == NULL || flags < 0 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
		int sys = n == NULL ? ENOMEM : errno;
		free(n);
		return err_set(e, ERR_TEMP, sys, "cannot set up a connection");
	}
	n->fd = fd;
	*s = n;
	return 0;
}

void
stream_free(struct stream **s)
{
	struct stream *n = *s;

	if (n == NULL)
		return;
	if (n->tls != NULL) /* also when the peer ended it: RFC 8446 6.1 */
		tls_session_close(n->tls);
	tls_session_free(&n->tls);
	tls_session_free(&n->prepared);
	(void)close(n->fd);
	free(n->in);
	free(n->out);
	free(n);
	*s = NULL;
}

int
stream_fd(const struct stream *s)
{
	return s->fd;
}

void
stream_watch(struct stream *s, const struct wake *w)
{
	s->watch = w;
}

int
stream_die(struct stream *s, const struct err *why, struct err *e)
{
	s->dead = true;
	if (why != &s->why_dead)
		s->why_dead = *why;
	if (e != NULL && e != why)
		*e = s->why_dead;
	return -1;
}

static int
die(struct stream *s, enum err_class class, int sys, const char *what,
    struct err *e)
{
	struct err why;

	(void)err_set(&why, class, sys, "%s", what);
	return stream_die(s, &why, e);
}

static int
system_error(struct stream *s, const char *what, struct err *e)
{
	if (errno == ECONNRESET || errno == EPIPE || errno == ENOTCONN)
		return die(s, ERR_CLOSED, 0, "connection closed by the peer",
			   e);
	return die(s, ERR_TEMP, errno, what, e);
}

static int
wait_for(struct stream *s, short events, int64_t deadline_ms, struct err *e)
{
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = s->fd, .events = events },
			{ .fd = s->watch == NULL ? -1 : wake_fd(s->watch),
			  .events = POLLIN }
		};
		int wait_ms = -1;
		if (deadline_ms >= 0) {
			int64_t left = deadline_ms - clock_mono_ms();
			if (left <= 0)
				return err_set(e, ERR_TIMEOUT, 0, "timed out");
			wait_ms = left > 60000 ? 60000 : (int)left;
		}
		int n = poll(p, 2, wait_ms);
		if (n < 0 && errno != EINTR)
			return system_error(s, "poll", e);
		if (n > 0 && p[0].revents != 0)
			return 0;
		if (n > 0 && p[1].revents != 0)
			return err_set(e, ERR_STOP, 0, "shutting down");
	}
}

int
stream_wait(struct stream *s, short events, int64_t deadline_ms, struct err *e)
{
	if (s->quiet_ms == 0)
		return wait_for(s, events, deadline_ms, e);
	int64_t since = stream_pace_wait(s);
	int rc = wait_for(s, events, deadline_ms, e);
	stream_pace_waited(s, since);
	return rc;
}

/* Nobody speaks: give back what a conversation needs. */
static void
release(struct stream *s)
{
	if (s->end == 0) {
		free(s->in);
		s->in = NULL;
	}
	if (s->out_n == 0) {
		free(s->out);
		s->out = NULL;
	}
	memory_release_stack();
}

/* Wait for input; after a while, without the memory for it. */
static int
wait_idle(struct stream *s, short events, int64_t deadline_ms, struct err *e)
{
	int64_t soon = clock_mono_ms() + STREAM_IDLE_MS;
	struct err why;

	if (deadline_ms >= 0 && deadline_ms <= soon)
		return stream_wait(s, events, deadline_ms, e);
	if (stream_wait(s, events, soon, &why) == 0)
		return 0;
	if (why.class != ERR_TIMEOUT) {
		if (e != NULL)
			*e = why;
		return -1;
	}
	release(s);
	return stream_wait(s, events, deadline_ms, e);
}

/* Room after in[end). */
static int
make_room(struct stream *s)
{
	if (s->in == NULL) {
		s->in = malloc(STREAM_IN_BYTES);
		return s->in == NULL ? -1 : 0;
	}
	if (s->start > 0 && s->end == STREAM_IN_BYTES) {
		memmove(s->in, s->in + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
	}
	return 0;
}

/* What is there now: 1 and in[end) has grown, 0 and what to wait for, or -1. */
static int
read_some(struct stream *s, short *events, struct err *e)
{
	*events = POLLIN;
	if (s->dead)
		return stream_die(s, &s->why_dead, e);
	if (make_room(s) != 0)
		return die(s, ERR_TEMP, ENOMEM, "read", e);
	if (s->tls != NULL)
		return stream_tls_read(s, events, e);
	for (;;) {
		ssize_t got =
		    read(s->fd, s->in + s->end, STREAM_IN_BYTES - s->end);
		if (got > 0) {
			s->end += (size_t)got;
			return 1;
		}
		if (got == 0)
			return die(s, ERR_CLOSED, 0,
				   "connection closed by the peer", e);
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return system_error(s, "read", e);
	}
}

/* Read more bytes after in[end); there must be room. */
static int
read_more(struct stream *s, int64_t deadline_ms, struct err *e)
{
	for (;;) {
		short events;
		const size_t had = stream_buffered(s);
		int got = read_some(s, &events, e);
		if (got > 0)
			stream_pace_moved(s, stream_buffered(s) - had);
		if (got != 0)
			return got > 0 ? 0 : -1;
		if (wait_idle(s, events, deadline_ms, e) != 0)
			return -1;
	}
}

int
stream_fill(struct stream *s, int64_t deadline_ms, struct span *have,
	    struct err *e)
{
	if (s->in == NULL || s->start == s->end) {
		s->start = s->end = 0;
		if (read_more(s, deadline_ms, e) != 0)
			return -1;
	}
	*have = span_make(s->in + s->start, s->end - s->start);
	return 0;
}

void
stream_consume(struct stream *s, size_t n)
{
	size_t have = s->end - s->start;

	s->start += n < have ? n : have;
}

size_t
stream_buffered(const struct stream *s)
{
	return s->end - s->start;
}

void
stream_acknowledge(struct stream *s)
{
	int one = 1;

	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

bool
stream_peer_spoke(struct stream *s, int wait_ms)
{
	if (stream_buffered(s) > 0)
		return true;
	struct err e;
	struct span have;
	int64_t deadline = clock_mono_ms() + wait_ms;
	/* what makes a TLS socket readable may be no word of the peer's */
	if (s->tls != NULL)
		return stream_fill(s, deadline, &have, &e) == 0 || s->dead;
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	if (wait_ms > 0 && stream_wait(s, POLLIN, deadline, &e) != 0)
		return false;
	return poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0;
}

bool
stream_await_taken(struct stream *s, int64_t quiet_ms, int64_t deadline_ms)
{
	enum { LOOK_MS = 100 }; /* no event tells of an acknowledgement */
	int least = INT_MAX, left;
	int64_t until = 0;

	while (!s->dead && ioctl(s->fd, TIOCOUTQ, &left) == 0 && left > 0 &&
	       (s->watch == NULL || !wake_is_raised(s->watch))) {
		int64_t now = clock_mono_ms();
		if (left < least) {
			least = left;
			until = now + quiet_ms;
		}
		if (now >= until || now >= deadline_ms)
			return false;
		if (stream_peer_spoke(s, LOOK_MS))
			return true;
	}
	return true;
}

static unsigned
flags_of(struct span text, bool cr_before_lf)
{
	unsigned flags = cr_before_lf ? 0 : LINE_BARE_LF;

	if (text.n > 0 && memchr(text.p, '\r', text.n) != NULL)
		flags |= LINE_BARE_CR;
	if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL)
		flags |= LINE_NUL;
	return flags;
}

/* A peer that sends without a pause never makes us wait, so that wait_for
 * alone would let it escape the deadline and the wake. */
static int
still_allowed(const struct stream *s, int64_t deadline_ms, struct err *e)
{
	if (deadline_ms >= 0 && clock_mono_ms() > deadline_ms)
		return err_set(e, ERR_TIMEOUT, 0, "timed out");
	if (s->watch != NULL && wake_is_raised(s->watch))
		return err_set(e, ERR_STOP, 0, "shutting down");
	return 0;
}

/* The rest of a line that is too long: drop it, keep what its bytes say. */
static int
skip_line(struct stream *s, int64_t deadline_ms, unsigned *flags, struct err *e)
{
	bool last_was_cr = false;

	for (size_t skipped = 0; skipped < STREAM_SKIP_BYTES;) {
		struct span have = span_of("");
		if (still_allowed(s, deadline_ms, e) != 0 ||
		    stream_fill(s, deadline_ms, &have, e) != 0)
			return -1;
		for (size_t i = 0; i < have.n; i++) {
			char c = have.p[i];
			if (c == '\n') {
				if (!last_was_cr)
					*flags |= LINE_BARE_LF;
				stream_consume(s, i + 1);
				return 0;
			}
			if (last_was_cr)
				*flags |= LINE_BARE_CR;
			if (c == '\0')
				*flags |= LINE_NUL;
			last_was_cr = c == '\r';
		}
		skipped += have.n;
		stream_consume(s, have.n);
	}
	return die(s, ERR_CLOSED, 0, "line without an end", e);
}

static void
keep_head(struct line *line, struct span text)
{
	memset(line->head, 0, sizeof(line->head));
	memcpy(line->head, text.p, text.n < LINE_HEAD ? text.n : LINE_HEAD);
}

int
stream_read_line(struct stream *s, size_t max, int64_t deadline_ms,
		 struct line *line, struct err *e)
{
	size_t seen = 0; /* bytes known to hold no LF */

	for (;;) {
		struct span have = span_of("");
		if (s->in != NULL)
			have = span_make(s->in + s->start, s->end - s->start);
		long lf = span_find(have, '\n', seen);
		if (lf >= 0) {
			size_t n = (size_t)lf;
			bool cr = n > 0 && have.p[n - 1] == '\r';
			line->text = span_head(have, cr ? n - 1 : n);
			line->flags = flags_of(line->text, cr);
			if (line->text.n > max) {
				keep_head(line, line->text);
				line->text.n = 0;
				line->flags |= LINE_LONG;
			}
			stream_consume(s, n + 1);
			return 0;
		}
		if (have.n > max + 1) { /* more than text and its CR */
			line->flags = LINE_LONG;
			keep_head(line, have);
			if (skip_line(s, deadline_ms, &line->flags, e) != 0)
				return -1;
			line->text = span_make(s->in, 0);
			return 0;
		}
		seen = have.n;
		if (s->start == s->end)
			s->start = s->end = 0;
		if (read_more(s, deadline_ms, e) != 0)
			return -1;
	}
}

/* Send some of p[0..n), at least a byte. */
static int
send_some(struct stream *s, const char *p, size_t n, size_t *put,
	  int64_t deadline_ms, struct err *e)
{
	if (s->dead)
		return stream_die(s, &s->why_dead, e);
	if (s->tls != NULL)
		return stream_tls_write(s, p, n, put, deadline_ms, e);
	for (;;) {
		ssize_t sent = send(s->fd, p, n, MSG_NOSIGNAL);
		if (sent >= 0) {
			*put = (size_t)sent;
			return 0;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return system_error(s, "write", e);
		if (stream_wait(s, POLLOUT, deadline_ms, e) != 0)
			return -1;
	}
}

int
stream_flush(struct stream *s, int64_t deadline_ms, struct err *e)
{
	size_t done = 0, put = 0;

	while (done < s->out_n) {
		if (send_some(s, s->out + done, s->out_n - done, &put,
			      deadline_ms, e) != 0) {
			/* keep what is left, for a caller that tries again */
			memmove(s->out, s->out + done, s->out_n - done);
			s->out_n -= done;
			return -1;
		}
		done += put;
		stream_pace_moved(s, put);
	}
	s->out_n = 0;
	return 0;
}

void
stream_hear_out(struct stream *s)
{
	s->dead = false;
	s->out_n = 0;
}

int
stream_shutdown(struct stream *s, struct err *e)
{
	if (s->dead)
		return stream_die(s, &s->why_dead, e);
	if (s->tls != NULL)
		tls_session_close(s->tls);
	if (shutdown(s->fd, SHUT_WR) != 0)
		return system_error(s, "shutdown", e);
	return 0;
}

int
stream_write(struct stream *s, const void *p, size_t n, int64_t deadline_ms,
	     struct err *e)
{
	const char *at = p;

	if (s->dead)
		return stream_die(s, &s->why_dead, e);
	if (s->out == NULL) {
		s->out = malloc(STREAM_OUT_BYTES);
		if (s->out == NULL)
			return die(s, ERR_TEMP, ENOMEM, "write", e);
	}
	while (n > 0) {
		size_t room = STREAM_OUT_BYTES - s->out_n;
		size_t part = n < room ? n : room;
		memcpy(s->out + s->out_n, at, part);
		s->out_n += part;
		at += part;
		n -= part;
		if (s->out_n == STREAM_OUT_BYTES &&
		    stream_flush(s, deadline_ms, e) != 0)
			return -1;
	}
	return 0;
}

int
stream_writef(struct stream *s, int64_t deadline_ms, struct err *e,
	      const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return err_set(e, ERR_BUG, 0, "line to the peer too long");
	return stream_write(s, text, (size_t)n, deadline_ms, e);
}
