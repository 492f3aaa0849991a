#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/proxy.h"

/* Until input (or the end of it) is there. */
static int
wait_input(int fd, int64_t deadline_ms, const struct wake *stop, struct err *e)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = stop == NULL ? -1 : wake_fd(stop), .events = POLLIN },
	};
	int64_t left = deadline_ms - clock_mono_ms();

	if (left <= 0)
		return err_set(e, ERR_TIMEOUT, 0, "no PROXY header came");
	int n = poll(p, 2, left > 60000 ? 60000 : (int)left);
	if (n < 0 && errno != EINTR)
		return err_set(e, ERR_TEMP, errno, "poll");
	if (n > 0 && p[0].revents == 0)
		return err_set(e, ERR_STOP, 0, "shutting down");
	return 0;
}

/*
 * Behind the header a TLS handshake may begin, which wants every byte of it: so
 * no more is read than surely belongs to the header.  Of a line nobody knows
 * how long it is; it is read byte by byte, a hundred at most.
 */
int
proxy_accept(int fd, struct proxy_header *h, int64_t deadline_ms,
	     const struct wake *stop, struct err *e)
{
	char in[PROXY_HEADER_MAX];
	size_t n = 0, used;
	int rc;

	while ((rc = proxy_parse(span_make(in, n), h, &used, e)) == 0) {
		ssize_t got =
		    recv(fd, in + n, proxy_wants(span_make(in, n)), 0);
		if (got > 0)
			n += (size_t)got;
		else if (got == 0)
			return err_set(e, ERR_CLOSED, 0,
				       "closed before a PROXY header");
		else if (errno != EAGAIN && errno != EINTR)
			return err_set(
			    e, errno == ECONNRESET ? ERR_CLOSED : ERR_TEMP,
			    errno, "read");
		else if (wait_input(fd, deadline_ms, stop, e) != 0)
			return -1;
	}
	return rc < 0 ? -1 : 0;
}
