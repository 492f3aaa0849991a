#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire.h"

static void
run(void *arg)
{
	struct wire_session *w = arg;

	w->serve(w->service, &w->client);
	stream_free(&w->client.stream);
}

int
wire_open(struct wire_session *w, void *service,
	  void (*serve)(void *service, const struct listener_client *c),
	  void (*client)(void *service, struct listener_client *c))
{
	int pair[2];
	struct err e;

	*w = (struct wire_session){ .fd = -1,
				    .serve = serve,
				    .service = service };
	buf_init(&w->in, 1024 * 1024);
	buf_init(&w->line, 1024 * 1024);
	if (wake_init(&w->drain, &e) != 0 || wake_init(&w->kill, &e) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	w->fd = pair[0];
	if (stream_new(&w->client.stream, pair[1], &e) != 0)
		return -1;
	(void)snprintf(w->client.session, sizeof(w->client.session), "s1");
	(void)snprintf(w->client.address, sizeof(w->client.address),
		       "127.0.0.1");
	w->client.port = 40000;
	w->client.is_loopback = true;
	w->client.drain = &w->drain;
	w->client.kill = &w->kill;
	if (client != NULL)
		client(service, &w->client);
	return thread_start_joinable(&w->thread, run, w, &e);
}

void
wire_make_remote(struct listener_client *c)
{
	(void)snprintf(c->address, sizeof(c->address), "192.0.2.7");
	c->is_loopback = false;
}

int
wire_send(struct wire_session *w, struct span bytes)
{
	struct err e;

	if (w->tls != NULL) {
		int64_t deadline = clock_mono_ms() + WIRE_WAIT_MS;
		return stream_write(w->tls, bytes.p, bytes.n, deadline, &e) ==
				   0 &&
			       stream_flush(w->tls, deadline, &e) == 0
			   ? 0
			   : -1;
	}
	while (bytes.n > 0) {
		ssize_t n = send(w->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1; /* the server closed: reads will tell */
		bytes = span_skip(bytes, (size_t)n);
	}
	return 0;
}

/* More of the server's bytes into w->in. */
static int
read_some(struct wire_session *w, int64_t deadline_ms, struct err *e)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	int64_t left = deadline_ms - clock_mono_ms();
	struct span have;
	char part[4096];
	ssize_t n = 0;

	if (w->tls != NULL) {
		if (stream_fill(w->tls, deadline_ms, &have, e) != 0)
			return -1;
		int rc = buf_add_span(&w->in, have);
		stream_consume(w->tls, have.n);
		return rc;
	}
	/* a fuzzer's timer interrupts: that is no answer */
	int ready = left <= 0 ? 0 : poll(&p, 1, (int)left);
	if (ready < 0 && errno == EINTR)
		return 0;
	if (ready <= 0)
		return err_set(e, ERR_TIMEOUT, 0, "no line came");
	n = read(w->fd, part, sizeof(part));
	if (n <= 0)
		return err_set(e, ERR_CLOSED, 0, "%s",
			       w->in.n > 0 ? "closed within a line" : "closed");
	if (buf_add(&w->in, part, (size_t)n) != 0)
		return err_set(e, ERR_LIMIT, 0, "endless line");
	return 0;
}

int
wire_line(struct wire_session *w, struct span *line, struct err *e)
{
	int64_t deadline = clock_mono_ms() + WIRE_WAIT_MS;
	for (;;) {
		const char *start = w->in.p;
		const char *lf =
		    w->in.n > 0 ? memchr(start, '\n', w->in.n) : NULL;
		if (lf != NULL) {
			size_t n = (size_t)(lf - start) + 1;
			if (n < 2 || start[n - 2] != '\r')
				return err_set(e, ERR_PROTO, 0,
					       "a line not ended by CRLF");
			buf_clear(&w->line);
			if (buf_add(&w->line, start, n) != 0)
				return err_set(e, ERR_TEMP, ENOMEM, "line");
			*line = span_head(buf_span(&w->line), n - 2);
			buf_consume(&w->in, n);
			return 0;
		}
		if (read_some(w, deadline, e) != 0)
			return -1;
	}
}

void
wire_hang_up(struct wire_session *w)
{
	if (w->tls != NULL)
		stream_free(&w->tls);
	else if (w->fd >= 0)
		(void)close(w->fd);
	w->fd = -1;
}

void
wire_join(struct wire_session *w)
{
	wire_hang_up(w);
	(void)pthread_join(w->thread, NULL);
	buf_free(&w->in);
	buf_free(&w->line);
	wake_close(&w->drain);
	wake_close(&w->kill);
}
