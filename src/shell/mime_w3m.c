#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "shell/mime_private.h"

/*
 * HTML mail for a terminal.  w3m lays out tables and lists far better than
 * anything small, so it is used where it is installed: as a child that has no
 * network (a network namespace of its own where the kernel allows, and a proxy
 * that is not there), gets the text on stdin, some seconds and some memory.  A
 * reader must not be able to tell a stranger that a message was opened.
 */
enum {
	W3M_SECONDS = 4,
	W3M_CPU_SECONDS = 1,
	/* Its tables grow with the square of what a stranger wrote: 1.1 MB of
	 * HTML took 1.26 GB.  It needs some 30 MB for what people write. */
	W3M_MEMORY_BYTES = 300 * 1024 * 1024,
	W3M_FILE_BYTES = 64 * 1024 * 1024, /* it keeps a copy of its input */
};

/* ---- w3m -------------------------------------------------------------------
 */

static void
set_limit(int what, rlim_t most)
{
	struct rlimit l;

	if (getrlimit(what, &l) != 0 || l.rlim_max < most)
		return; /* it has less already */
	l.rlim_cur = l.rlim_max = most;
	(void)setrlimit(what, &l);
}

static void
run_w3m(int in, int out, unsigned width)
{
	char columns[16];
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)snprintf(columns, sizeof(columns), "%u", width == 0 ? 80 : width);
	if (null < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(null, 2) < 0)
		_exit(127);
	set_limit(RLIMIT_AS, W3M_MEMORY_BYTES);
	set_limit(RLIMIT_CPU, W3M_CPU_SECONDS);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_FSIZE, W3M_FILE_BYTES);
	/* refused in some containers: then the options below must do */
	(void)unshare(CLONE_NEWUSER | CLONE_NEWNET);
	(void)execlp("w3m", "w3m", "-dump", "-T", "text/html", "-I", "UTF-8",
		     "-O", "UTF-8", "-cols", columns, "-o",
		     "display_link_number=1", "-o", "frame=0", "-o",
		     "auto_image=0", "-o", "use_cookie=0", "-o",
		     "meta_refresh=0", "-o", "use_proxy=1", "-o",
		     "http_proxy=http://127.0.0.1:1/", "-o",
		     "https_proxy=http://127.0.0.1:1/", "-o",
		     "ftp_proxy=http://127.0.0.1:1/", (char *)NULL);
	_exit(127);
}

/* One turn: give it text, take its output.  0 end of output, 1 go on, -1. */
static int
exchange(int *to, int from, struct span *rest, struct buf *out, int wait_ms)
{
	struct pollfd p[2] = { { .fd = *to, .events = POLLOUT },
			       { .fd = from, .events = POLLIN } };

	int n = poll(p, 2, wait_ms);
	if (n == 0 || (n < 0 && errno != EINTR))
		return -1;
	if (n > 0 && p[0].revents != 0) {
		ssize_t put = write(*to, rest->p, rest->n);
		if (put > 0)
			*rest = span_skip(*rest, (size_t)put);
		if (rest->n == 0 || (put < 0 && errno != EAGAIN)) {
			(void)close(*to);
			*to = -1;
		}
	}
	if (n > 0 && p[1].revents != 0) {
		if (buf_reserve(out, 4096) != 0)
			return -1;
		ssize_t got = read(from, out->p + out->n, 4096);
		if (got <= 0)
			return got == 0 ? 0 : -1;
		out->n += (size_t)got;
	}
	return 1;
}

static int
feed_w3m(int to, int from, struct span html, struct buf *out)
{
	int64_t until = clock_mono_ms() + INT64_C(1000) * W3M_SECONDS;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int rc = 1;

	(void)fcntl(to, F_SETFL, O_NONBLOCK);
	(void)sigaction(SIGPIPE, &ignore, &before);
	while (rc == 1) {
		int64_t left = until - clock_mono_ms();
		rc =
		    left <= 0 ? -1 : exchange(&to, from, &html, out, (int)left);
	}
	(void)sigaction(SIGPIPE, &before, NULL);
	if (to >= 0)
		(void)close(to);
	return rc;
}

static bool
have_w3m(void)
{
	const char *path = getenv("PATH");
	struct span rest = span_of(path == NULL ? "/usr/bin:/bin" : path);

	while (rest.n > 0) {
		char file[1024];
		long colon = span_find(rest, ':', 0);
		struct span dir =
		    colon < 0 ? rest : span_head(rest, (size_t)colon);
		rest = span_skip(rest, dir.n + 1);
		int n = snprintf(file, sizeof(file), "%.*s/w3m", SPAN_ARG(dir));
		if (dir.n > 0 && n > 0 && (size_t)n < sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
	}
	return false;
}

/* Start it; its standard input and output in *to and *from.  The child, or -1.
 */
static pid_t
start_w3m(unsigned width, int *to, int *from)
{
	int in[2], back[2];

	if (pipe2(in, O_CLOEXEC) != 0)
		return -1;
	if (pipe2(back, O_CLOEXEC) != 0) {
		(void)close(in[0]);
		(void)close(in[1]);
		return -1;
	}
	pid_t child = fork();
	if (child == 0)
		run_w3m(in[0], back[1], width);
	(void)close(in[0]);
	(void)close(back[1]);
	if (child < 0) {
		(void)close(in[1]);
		(void)close(back[0]);
	}
	*to = in[1];
	*from = back[0];
	return child;
}

int
mime_w3m_text(struct span html, unsigned width, struct buf *out)
{
	size_t start = out->n;
	int to, from, status = 0;

	if (!have_w3m())
		return -1;
	pid_t child = start_w3m(width, &to, &from);
	if (child < 0)
		return 1;
	int rc = feed_w3m(to, from, html, out);
	(void)close(from);
	if (rc != 0)
		(void)kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	out->n = start;
	return 1;
}
