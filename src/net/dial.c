#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/resolve.h"

int
net_endpoint(struct span text, int default_port, char host[NET_HOST_SIZE],
	     uint16_t *port, struct err *e)
{
	struct span name = text, digits = { NULL, 0 };
	uint64_t value = (uint64_t)(default_port < 0 ? 0 : default_port);
	long close_at = -1, colon = -1;

	if (text.n > 0 && text.p[0] == '[') {
		close_at = span_find(text, ']', 1);
		if (close_at < 0)
			return err_set(e, ERR_PERM, 0, "missing ']' in '%.*s'",
				       SPAN_ARG(text));
		name = span_make(text.p + 1, (size_t)close_at - 1);
		if ((size_t)close_at + 1 < text.n) {
			colon = close_at + 1;
			if (text.p[colon] != ':')
				colon = -2;
		}
	} else {
		colon = span_find(text, ':', 0);
		if (colon >= 0)
			name = span_head(text, (size_t)colon);
	}
	if (colon >= 0)
		digits = span_skip(text, (size_t)colon + 1);
	bool bad_port =
	    colon == -2 ||
	    (colon >= 0 && (span_u64(digits, &value) != 0 || value > 65535)) ||
	    (colon == -1 && default_port < 0);
	if (bad_port || name.n == 0 ||
	    span_copy(name, host, NET_HOST_SIZE) != 0)
		return err_set(e, ERR_PERM, 0, "'%.*s' is not HOST:PORT",
			       SPAN_ARG(text));
	*port = (uint16_t)value;
	return 0;
}

/* Wait for a started connect(2); 0 connected, -1 with errno or TIMEOUT/STOP. */
static int
await_connect(int fd, int64_t deadline_ms, const struct wake *stop,
	      struct err *e)
{
	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLOUT },
				       { .fd =
					     stop == NULL ? -1 : wake_fd(stop),
					 .events = POLLIN } };
		int64_t left = deadline_ms - clock_mono_ms();
		if (deadline_ms >= 0 && left <= 0)
			return err_set(e, ERR_TIMEOUT, 0, "connect timed out");
		int n = poll(
		    p, 2, deadline_ms < 0 || left > 60000 ? 60000 : (int)left);
		if (n < 0 && errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "poll");
		if (n > 0 && p[1].revents != 0)
			return err_set(e, ERR_STOP, 0, "shutting down");
		if (n > 0 && p[0].revents != 0)
			break;
	}
	int sys = 0;
	socklen_t n = sizeof(sys);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &n) != 0)
		sys = errno;
	return sys == 0 ? 0 : err_set(e, ERR_TEMP, sys, "cannot connect");
}

static int
connect_one(const struct addrinfo *a, int64_t deadline_ms,
	    const struct wake *stop, struct err *e)
{
	int fd =
	    socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		   a->ai_protocol);
	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "socket");
	int rc = connect(fd, a->ai_addr, a->ai_addrlen);
	if (rc != 0 && errno == EINPROGRESS)
		rc = await_connect(fd, deadline_ms, stop, e);
	else if (rc != 0)
		(void)err_set(e, ERR_TEMP, errno, "cannot connect");
	if (rc != 0) {
		(void)close(fd);
		return -1;
	}
	int one = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* One address that answers nothing must not use up the time of those after it:
 * each gets an equal share of what is left. */
static int64_t
share_of(const struct addrinfo *a, int64_t deadline_ms)
{
	int64_t now = clock_mono_ms(), n = 0;

	if (deadline_ms < 0)
		return deadline_ms;
	for (; a != NULL; a = a->ai_next)
		n++;
	return now + (deadline_ms - now) / n;
}

int
net_dial(struct stream **s, const char *host, uint16_t port,
	 int64_t deadline_ms, const struct wake *stop, struct err *e)
{
	struct addrinfo *list = NULL;
	int fd = -1;

	if (resolve_host(&list, host, port, deadline_ms, stop, e) != 0)
		return -1;
	for (struct addrinfo *a = list; a != NULL; a = a->ai_next) {
		fd = connect_one(a, share_of(a, deadline_ms), stop, e);
		if (fd >= 0 || (e != NULL && e->class == ERR_STOP))
			break;
	}
	freeaddrinfo(list);
	if (fd < 0)
		return err_prefix(e, "%s:%u", host, (unsigned)port);
	if (stream_new(s, fd, e) != 0) {
		(void)close(fd);
		return -1;
	}
	stream_watch(*s, stop);
	return 0;
}

bool
net_is_local(int fd)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t n = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &n) != 0)
		return false;
	if (peer.ss_family == AF_INET) {
		const struct sockaddr_in *in =
		    (const struct sockaddr_in *)&peer;
		return ntohl(in->sin_addr.s_addr) >> IN_CLASSA_NSHIFT ==
		       IN_LOOPBACKNET;
	}
	if (peer.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in =
		    (const struct sockaddr_in6 *)&peer;
		return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
	}
	return peer.ss_family == AF_UNIX;
}

void
net_own_literal(int fd, char text[NET_LITERAL_SIZE])
{
	struct sockaddr_storage own = { 0 };
	const struct sockaddr_in *in = (const struct sockaddr_in *)&own;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&own;
	socklen_t n = sizeof(own);
	char address[INET6_ADDRSTRLEN] = "";

	if (getsockname(fd, (struct sockaddr *)&own, &n) != 0)
		own.ss_family = AF_UNSPEC;
	if (own.ss_family == AF_INET)
		(void)inet_ntop(AF_INET, &in->sin_addr, address,
				sizeof(address));
	else if (own.ss_family == AF_INET6 &&
		 IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		(void)inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], address,
				sizeof(address));
	else if (own.ss_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, address,
				sizeof(address));
	if (address[0] == '\0')
		(void)snprintf(text, NET_LITERAL_SIZE, "localhost");
	else
		(void)snprintf(text, NET_LITERAL_SIZE, "[%s%s]",
			       strchr(address, ':') != NULL ? "IPv6:" : "",
			       address);
}
