#include "admin/admin_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ANSWER_MAX = 8 * 1024 * 1024, /* bytes of one object */
	WAIT_MS = 120000,             /* for the next bytes of an answer */
};

int
admin_ask_add(struct buf *request, const char *key, const char *value)
{
	int rc = buf_addf(request, " %s=", key);

	for (; *value != '\0' && rc == 0; value++) {
		unsigned char c = (unsigned char)*value;
		rc = c <= ' ' || c == '%' || c == 0x7f
			 ? buf_addf(request, "%%%02x", c)
			 : buf_add_char(request, *value);
	}
	return rc;
}

/* Through the directory: the path of a socket has to be short. */
static int
connect_to(const char *dir, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(e, ERR_TEMP, errno, "cannot open %s", dir);
	(void)snprintf(a.sun_path, sizeof(a.sun_path),
		       "/proc/self/fd/%d/control", at);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
		int sys = errno;
		(void)close(at);
		if (fd >= 0)
			(void)close(fd);
		if (sys == ENOENT || sys == ECONNREFUSED) {
			(void)err_set(e, ERR_TEMP, 0,
				      "postpair-sender does not run on %s",
				      dir);
			e->sys = sys;
			return -1;
		}
		return err_set(e, ERR_TEMP, sys, "cannot ask the server on %s",
			       dir);
	}
	(void)close(at);
	return fd;
}

static int
send_all(int fd, struct span s, struct err *e)
{
	while (s.n > 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_TEMP, errno, "the server");
		s = span_skip(s, (size_t)n);
	}
	return 0;
}

/* More bytes.  -1 at the end: an answer says itself where it ends. */
static int
read_more(int fd, struct buf *in, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char piece[4096];

	int ready = poll(&p, 1, WAIT_MS);
	if (ready < 0 && errno == EINTR)
		return 0;
	if (ready == 0)
		return err_set(e, ERR_TIMEOUT, 0, "the server does not answer");
	ssize_t n = recv(fd, piece, sizeof(piece), 0);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return err_set(e, ERR_CLOSED, n < 0 ? errno : 0,
			       "the server's answer is cut short");
	if (buf_add(in, piece, (size_t)n) != 0)
		return err_set(e, ERR_LIMIT, errno, "answer");
	return 0;
}

/* The last object: did all go well? */
static int
take_end(const struct admin_row *row, int64_t *failed, struct err *e)
{
	*failed = admin_row_number(row, "failed");
	if (admin_row_bool(row, "cut"))
		(void)fprintf(stderr, "postpair-admin: the answer was too "
				      "long, some of it is missing\n");
	if (admin_row_bool(row, "ok"))
		return 0;
	const char *class = admin_row_text(row, "class");
	return err_set(e,
		       span_eq(span_of(class), span_of("permanent")) ? ERR_PERM
								     : ERR_TEMP,
		       0, "%s", admin_row_text(row, "reason"));
}

/* Every whole line in `in`.  1: the last object was there. */
static int
take_lines(struct buf *in, admin_see_fn *see, void *ctx, int64_t *failed,
	   struct err *e)
{
	struct span rest = buf_span(in);
	struct admin_row *row = NULL;
	int rc = 0;
	long lf;

	while (rc == 0 && (lf = span_find(rest, '\n', 0)) >= 0) {
		struct span line = span_head(rest, (size_t)lf);
		rest = span_skip(rest, (size_t)lf + 1);
		if (admin_row_parse(&row, line, e) != 0)
			return -1;
		if (!admin_row_bool(row, "end"))
			see(ctx, row, line);
		else
			rc = take_end(row, failed, e) != 0 ? -1 : 1;
		admin_row_free(&row);
	}
	buf_consume(in, in->n - rest.n);
	return rc;
}

int
admin_ask(const char *dir, struct span request, admin_see_fn *see, void *ctx,
	  int64_t *failed, struct err *e)
{
	struct buf in;
	int rc = 0;

	int fd = connect_to(dir, e);
	if (fd < 0)
		return -1;
	buf_init(&in, ANSWER_MAX);
	if (send_all(fd, request, e) != 0 ||
	    send_all(fd, span_of("\n"), e) != 0)
		/* refused before it was read: the answer says why */
		rc = e->sys == EPIPE || e->sys == ECONNRESET ? 0 : -1;
	while (rc == 0) {
		rc = take_lines(&in, see, ctx, failed, e);
		if (rc == 0)
			rc = read_more(fd, &in, e);
	}
	buf_free(&in);
	(void)close(fd);
	return rc < 0 ? -1 : 0;
}
