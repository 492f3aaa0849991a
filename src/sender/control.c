#include "sender/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "net/unix_socket.h"
#include "sender/control_private.h"

enum { CLIENTS_MAX = 4, BACKLOG = 16, PAUSE_MS = 200 };

struct control {
	struct control_options o;
	int dir_fd, fd;
	struct wake stop;
	pthread_t acceptor;
	bool accepting;
	pthread_mutex_t lock; /* guards clients */
	pthread_cond_t left;
	int clients;
};

/* What the thread of one client takes over. */
struct arrival {
	struct control *control;
	int fd;
	uid_t uid;
};

/* ---- one client ---------------------------------------------------------
 */

int
control_session_flush(struct control_session *s, struct err *e)
{
	int64_t until_ms = clock_mono_ms() + CONTROL_WAIT_MS;

	int rc = stream_write(s->stream, s->out.p, s->out.n, until_ms, e);
	if (rc == 0)
		rc = stream_flush(s->stream, until_ms, e);
	buf_clear(&s->out);
	return rc;
}

/* The last object: all of it went well, or why not. */
static void
put_end(struct control_session *s, const struct err *why)
{
	struct control_json j;

	control_json_begin(&j, &s->out);
	control_json_bool(&j, "end", true);
	control_json_bool(&j, "ok", why == NULL);
	control_json_number(&j, "count", s->count);
	control_json_number(&j, "failed", s->failed);
	if (s->cut)
		control_json_bool(&j, "cut", true);
	if (why != NULL) {
		control_json_text(&j, "class", err_class_name(why->class));
		control_json_text(&j, "reason", why->msg);
	}
	(void)control_json_end(&j);
}

static void
log_request(const struct control_session *s, uid_t uid, const struct err *why)
{
	struct log_line l;

	log_begin(&l, LOG_INFO, "control");
	log_num(&l, "uid", (int64_t)uid);
	log_str(&l, "request", control_request_verb(s->r.verb));
	log_num(&l, "count", s->count);
	log_num(&l, "failed", s->failed);
	if (why != NULL)
		log_err(&l, why);
	log_end(&l);
}

static int
read_request(struct control_session *s, struct err *e)
{
	struct line line;

	if (stream_read_line(s->stream, CONTROL_LINE_MAX,
			     clock_mono_ms() + CONTROL_WAIT_MS, &line, e) != 0)
		return -1;
	if ((line.flags & LINE_LONG) != 0)
		return err_set(e, ERR_PERM, 0, "request over %d bytes",
			       CONTROL_LINE_MAX);
	return control_request_parse(&s->r, line.text, e);
}

static int
answer(struct control_session *s, struct err *e)
{
	switch (s->r.verb) {
	case CONTROL_TRAIL:
		return control_trail_answer(s, e);
	case CONTROL_WHY:
		return control_why_answer(s, e);
	case CONTROL_TLS_LIST:
		return control_tls_list(s, e);
	case CONTROL_TLS_FORGET:
		return control_tls_forget(s, e);
	case CONTROL_LIST:
	case CONTROL_SHOW:
	case CONTROL_HOLD:
	case CONTROL_RELEASE:
	case CONTROL_RETRY:
	case CONTROL_REMOVE:
	case CONTROL_CANCEL:
	case CONTROL_FLUSH:
		return control_queue_answer(s, e);
	}
	return err_set(e, ERR_BUG, 0, "a request without an answer");
}

static void
serve(struct control *c, struct stream *stream, uid_t uid)
{
	struct control_session *s = calloc(1, sizeof(*s));
	struct err e = { 0 };

	if (s == NULL)
		return; /* the client sees an answer without an end */
	s->o = c->o;
	s->stream = stream;
	buf_init(&s->out, CONTROL_PAGE_MAX);
	s->stop = &c->stop;
	stream_watch(stream, &c->stop);
	int rc = read_request(s, &e);
	if (rc == 0) {
		rc = answer(s, &e);
		log_request(s, uid, rc == 0 ? NULL : &e);
	}
	put_end(s, rc == 0 ? NULL : &e);
	(void)control_session_flush(s, NULL);
	buf_free(&s->out);
	free(s);
}

static void
client_thread(void *arg)
{
	struct arrival *a = arg;
	struct control *c = a->control;
	struct stream *stream = NULL;

	if (stream_new(&stream, a->fd, NULL) == 0)
		serve(c, stream, a->uid);
	else
		(void)close(a->fd);
	stream_free(&stream);
	free(a);
	(void)pthread_mutex_lock(&c->lock);
	c->clients--;
	(void)pthread_cond_broadcast(&c->left);
	(void)pthread_mutex_unlock(&c->lock);
}

/* ---- coming in ----------------------------------------------------------
 */

static void
refuse(int fd, const char *reason)
{
	char line[200];

	int n =
	    snprintf(line, sizeof(line),
		     "{\"end\":true,\"ok\":false,\"reason\":\"%s\"}\n", reason);
	/* One small write into an empty socket: it never waits. */
	ssize_t ignored =
	    send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)ignored;
	(void)close(fd);
}

/* Who is it?  The kernel knows. */
static bool
is_allowed(int fd, uid_t *uid)
{
	return unix_socket_peer(fd, uid) && (*uid == 0 || *uid == geteuid());
}

static void
welcome(struct control *c, int fd)
{
	uid_t uid = (uid_t)-1;
	struct err e;

	if (!is_allowed(fd, &uid)) {
		log_event(LOG_WARN, "control-refused", NULL, NULL);
		refuse(fd, "only the server's user and root may ask");
		return;
	}
	(void)pthread_mutex_lock(&c->lock);
	bool room = c->clients < CLIENTS_MAX;
	c->clients += room ? 1 : 0;
	(void)pthread_mutex_unlock(&c->lock);
	if (!room) {
		refuse(fd, "too many clients, try again");
		return;
	}
	struct arrival *a = calloc(1, sizeof(*a));
	if (a != NULL) {
		*a = (struct arrival){ c, fd, uid };
		if (thread_start(client_thread, a, &e) == 0)
			return;
	}
	free(a);
	refuse(fd, "out of memory, try again");
	(void)pthread_mutex_lock(&c->lock);
	c->clients--;
	(void)pthread_mutex_unlock(&c->lock);
}

static void
accept_all(void *arg)
{
	struct control *c = arg;

	while (!wake_is_raised(&c->stop)) {
		struct pollfd p[2] = {
			{ .fd = c->fd, .events = POLLIN },
			{ .fd = wake_fd(&c->stop), .events = POLLIN },
		};
		if (poll(p, 2, -1) < 0 || (p[1].revents & POLLIN) != 0)
			continue;
		int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			welcome(c, fd);
		else if (errno == EMFILE || errno == ENFILE ||
			 errno == ENOMEM || errno == ENOBUFS)
			(void)poll(&p[1], 1, PAUSE_MS); /* no busy loop */
	}
}

/* ---- life ---------------------------------------------------------------
 */

/*
 * The path of a socket is short (sun_path), that of a data directory may be
 * long: go through the descriptor.  Nobody can connect before listen(), and by
 * then the mode is right.
 */
static int
listen_at(struct control *c, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)snprintf(a.sun_path, sizeof(a.sun_path),
		       "/proc/self/fd/%d/" CONTROL_NAME, c->dir_fd);
	if (unlinkat(c->dir_fd, CONTROL_NAME, 0) != 0 && errno != ENOENT)
		return err_set(e, ERR_TEMP, errno, CONTROL_NAME);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 ||
	    bind(c->fd, (const struct sockaddr *)&a, sizeof(a)) != 0 ||
	    fchmodat(c->dir_fd, CONTROL_NAME, 0600, 0) != 0 ||
	    listen(c->fd, BACKLOG) != 0)
		return err_set(e, ERR_TEMP, errno, CONTROL_NAME);
	return 0;
}

int
control_new(struct control **out, const struct control_options *o,
	    struct err *e)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, CONTROL_NAME);
	c->o = *o;
	c->fd = c->stop.fd = -1;
	(void)pthread_mutex_init(&c->lock, NULL);
	cond_init_mono(&c->left);
	c->dir_fd = fcntl(o->data_fd, F_DUPFD_CLOEXEC, 0);
	if (c->dir_fd < 0) {
		(void)err_set(e, ERR_TEMP, errno, CONTROL_NAME);
		goto fail;
	}
	if (wake_init(&c->stop, e) != 0 || listen_at(c, e) != 0 ||
	    thread_start_joinable(&c->acceptor, accept_all, c, e) != 0)
		goto fail;
	c->accepting = true;
	*out = c;
	return 0;
fail:
	control_free(&c);
	return -1;
}

void
control_free(struct control **out)
{
	struct control *c = *out;

	if (c == NULL)
		return;
	if (c->accepting) {
		wake_raise(&c->stop);
		(void)pthread_join(c->acceptor, NULL);
		(void)unlinkat(c->dir_fd, CONTROL_NAME, 0);
	}
	(void)pthread_mutex_lock(&c->lock);
	while (c->clients > 0)
		(void)cond_wait_until(&c->left, &c->lock, -1);
	(void)pthread_mutex_unlock(&c->lock);
	if (c->fd >= 0)
		(void)close(c->fd);
	if (c->dir_fd >= 0)
		(void)close(c->dir_fd);
	wake_close(&c->stop);
	(void)pthread_cond_destroy(&c->left);
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
	*out = NULL;
}
