/*
 * getaddrinfo(3) knows no deadline: with a dead name server it takes as long as
 * resolv.conf says, often half a minute, and cannot be interrupted.  So a name
 * is asked for on a thread of its own, and who waits for it waits on an eventfd
 * with the deadline and the stop.  One that gives up leaves the question
 * behind; its thread ends by the resolver's own time limits and throws the
 * answer away.  Such threads are no more than the callers can start within that
 * limit, each of whom waited until its own deadline first.
 *
 * Numeric addresses and localhost, which a pair on one machine lives on, need
 * no thread.
 */
#include "net/resolve.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/span.h"

enum { SERVICE_SIZE = 8 };

/* A name being asked for; belongs to two, the last of them frees it. */
struct question {
	char *host;
	char service[SERVICE_SIZE];
	struct wake answered;
	pthread_mutex_t lock; /* guards the rest */
	int holders;
	int rc; /* of getaddrinfo */
	struct addrinfo *list;
};

static int
look_up(const char *host, const char *service, int flags,
	struct addrinfo **list)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV | flags };

	*list = NULL;
	return getaddrinfo(host, service, &hints, list);
}

static int
no_host(const char *host, int rc, struct err *e)
{
	return err_set(e, ERR_TEMP, 0, "cannot find host %s: %s", host,
		       gai_strerror(rc));
}

static void
question_drop(struct question *q)
{
	(void)pthread_mutex_lock(&q->lock);
	bool last = --q->holders == 0;
	(void)pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	if (q->list != NULL)
		freeaddrinfo(q->list);
	wake_close(&q->answered);
	(void)pthread_mutex_destroy(&q->lock);
	free(q->host);
	free(q);
}

static void
ask(void *arg)
{
	struct question *q = arg;
	struct addrinfo *list = NULL;

	int rc = look_up(q->host, q->service, 0, &list);
	(void)pthread_mutex_lock(&q->lock);
	q->rc = rc;
	q->list = rc == 0 ? list : NULL;
	(void)pthread_mutex_unlock(&q->lock);
	wake_raise(&q->answered);
	question_drop(q);
}

static struct question *
question_new(const char *host, const char *service, struct err *e)
{
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL || (q->host = strdup(host)) == NULL) {
		free(q);
		(void)err_set(e, ERR_TEMP, ENOMEM, "cannot find host");
		return NULL;
	}
	if (wake_init(&q->answered, e) != 0) {
		free(q->host);
		free(q);
		return NULL;
	}
	memcpy(q->service, service, SERVICE_SIZE);
	(void)pthread_mutex_init(&q->lock, NULL);
	return q;
}

static int
await_answer(const struct question *q, int64_t deadline_ms,
	     const struct wake *stop, struct err *e)
{
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = wake_fd(&q->answered), .events = POLLIN },
			{ .fd = stop == NULL ? -1 : wake_fd(stop),
			  .events = POLLIN }
		};
		int64_t left = deadline_ms - clock_mono_ms();
		if (deadline_ms >= 0 && left <= 0)
			return err_set(e, ERR_TIMEOUT, 0,
				       "no answer from the name server");
		int n = poll(
		    p, 2, deadline_ms < 0 || left > 60000 ? 60000 : (int)left);
		if (n < 0 && errno != EINTR)
			return err_set(e, ERR_TEMP, errno, "poll");
		if (n > 0 && p[0].revents != 0)
			return 0;
		if (n > 0 && p[1].revents != 0)
			return err_set(e, ERR_STOP, 0, "shutting down");
	}
}

static int
ask_aside(struct addrinfo **list, const char *host, const char *service,
	  int64_t deadline_ms, const struct wake *stop, struct err *e)
{
	struct question *q = question_new(host, service, e);

	if (q == NULL)
		return -1;
	q->holders = 2;
	int rc = thread_start(ask, q, e);
	if (rc != 0) {
		q->holders = 1;
	} else if ((rc = await_answer(q, deadline_ms, stop, e)) == 0) {
		(void)pthread_mutex_lock(&q->lock);
		int found = q->rc;
		*list = q->list;
		q->list = NULL;
		(void)pthread_mutex_unlock(&q->lock);
		if (found != 0)
			rc = no_host(host, found, e);
	}
	question_drop(q);
	return rc;
}

/*
 * RFC 6761 6.3: "localhost" and the names below it are the loopback addresses,
 * and no server is asked about them.  A bare system may have no /etc/hosts.
 */
static bool
is_localhost(const char *host)
{
	struct span name = span_of(host), tail = span_of("localhost");

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n > tail.n && name.p[name.n - tail.n - 1] == '.')
		name = span_skip(name, name.n - tail.n);
	return span_eq_nocase(name, tail);
}

int
resolve_host(struct addrinfo **list, const char *host, uint16_t port,
	     int64_t deadline_ms, const struct wake *stop, struct err *e)
{
	char service[SERVICE_SIZE];

	(void)snprintf(service, sizeof(service), "%u", (unsigned)port);
	/* Without a name, getaddrinfo means the loopback addresses. */
	if (is_localhost(host)) {
		int rc = look_up(NULL, service, 0, list);
		return rc == 0 ? 0 : no_host(host, rc, e);
	}
	if (look_up(host, service, AI_NUMERICHOST, list) == 0)
		return 0;
	return ask_aside(list, host, service, deadline_ms, stop, e);
}
