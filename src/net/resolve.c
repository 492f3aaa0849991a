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

/* What is being asked for; belongs to two, the last of them frees it. */
struct question {
	char *host; /* or an address, whose name is asked for */
	bool reverse;
	char service[SERVICE_SIZE];
	struct wake answered;
	pthread_mutex_t lock; /* guards the rest */
	int holders;
	int rc; /* of getaddrinfo, or getnameinfo */
	struct addrinfo *list;
	char name[RESOLVE_NAME_SIZE];
	bool confirmed;
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

/* ---- the name of an address -----------------------------------------------
 */

static bool
name_is_plain(const char *name)
{
	const char *p = name;

	for (; *p != '\0'; p++) {
		char c = (char)span_lower(*p);
		if (!(c >= 'a' && c <= 'z') && !span_is_digit(c) && c != '.' &&
		    c != '-' && c != '_')
			return false;
	}
	return p > name;
}

/* The address alone, as text; a link-local one with its interface. */
static bool
is_at(const struct addrinfo *a, const char *address)
{
	char text[NI_MAXHOST];

	return getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL,
			   0, NI_NUMERICHOST) == 0 &&
	       strcmp(text, address) == 0;
}

static int
look_up_name(const char *address, char name[RESOLVE_NAME_SIZE], bool *confirmed)
{
	struct addrinfo *list = NULL;

	int rc = look_up(address, "0", AI_NUMERICHOST, &list);
	if (rc != 0)
		return rc;
	rc = getnameinfo(list->ai_addr, list->ai_addrlen, name,
			 RESOLVE_NAME_SIZE, NULL, 0, NI_NAMEREQD);
	freeaddrinfo(list);
	if (rc == 0 && !name_is_plain(name))
		rc = EAI_NONAME;
	if (rc != 0 || look_up(name, "0", 0, &list) != 0)
		return rc;
	for (const struct addrinfo *a = list; a != NULL && !*confirmed;
	     a = a->ai_next)
		*confirmed = is_at(a, address);
	freeaddrinfo(list);
	return 0;
}

/* ---- asking aside ---------------------------------------------------------
 */

static void
ask(void *arg)
{
	struct question *q = arg;
	struct addrinfo *list = NULL;
	char name[RESOLVE_NAME_SIZE] = "";
	bool confirmed = false;

	int rc = q->reverse ? look_up_name(q->host, name, &confirmed)
			    : look_up(q->host, q->service, 0, &list);
	(void)pthread_mutex_lock(&q->lock);
	memcpy(q->name, name, sizeof(q->name));
	q->confirmed = confirmed;
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
	(void)snprintf(q->service, sizeof(q->service), "%s", service);
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

/* Put the question and wait; at 0 it is answered and still the caller's. */
static int
put_question(struct question *q, int64_t deadline_ms, const struct wake *stop,
	     struct err *e)
{
	q->holders = 2;
	if (thread_start(ask, q, e) != 0) {
		q->holders = 1;
		return -1;
	}
	return await_answer(q, deadline_ms, stop, e);
}

static int
ask_aside(struct addrinfo **list, const char *host, const char *service,
	  int64_t deadline_ms, const struct wake *stop, struct err *e)
{
	struct question *q = question_new(host, service, e);

	if (q == NULL)
		return -1;
	int rc = put_question(q, deadline_ms, stop, e);
	if (rc == 0) {
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

int
resolve_address(const char *address, int64_t deadline_ms,
		const struct wake *stop, char name[RESOLVE_NAME_SIZE],
		bool *confirmed, struct err *e)
{
	struct question *q = question_new(address, "0", e);

	if (q == NULL)
		return -1;
	q->reverse = true;
	int rc = put_question(q, deadline_ms, stop, e);
	if (rc == 0) {
		(void)pthread_mutex_lock(&q->lock);
		int found = q->rc;
		memcpy(name, q->name, RESOLVE_NAME_SIZE);
		*confirmed = q->confirmed;
		(void)pthread_mutex_unlock(&q->lock);
		if (found != 0)
			rc = no_host(address, found, e);
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
