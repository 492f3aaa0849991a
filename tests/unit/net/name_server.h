#ifndef PP_TESTS_UNIT_NET_NAME_SERVER_H
#define PP_TESTS_UNIT_NET_NAME_SERVER_H

/*
 * A name server on loopback, on a port of the kernel's choice: a thread that
 * answers each question by the function the test gives it.
 */
#include "../test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"

enum { NAME_SERVER_SILENT = -1 };

/* One answer being made. */
struct name_answer {
	unsigned char *p;
	size_t n;
	unsigned records;
};

/* The answer to a question of `type` for `name` (lower case, no last dot):
 * records by name_server_add, returns the rcode, or SILENT. */
typedef int name_server_fn(const char *name, int type, struct name_answer *a);

struct name_server {
	int fd;
	uint16_t port;
	pthread_t thread;
	struct wake stop;
	name_server_fn *answer;
};

/* One record for the name that was asked for. */
static inline void
name_server_add(struct name_answer *a, int type, const void *rdata, size_t n)
{
	unsigned char *p = a->p + a->n;
	const unsigned char head[] = { 0xc0, 0x0c, 0, (unsigned char)type,
				       0,    1,    0, 0,
				       0,    60,   0, (unsigned char)n };

	memcpy(p, head, sizeof(head));
	memcpy(p + sizeof(head), rdata, n);
	a->n += sizeof(head) + n;
	a->records++;
}

/* "mx.example" to the wire; returns its length. */
static inline size_t
name_server_wire(const char *name, unsigned char *out)
{
	size_t n = 0;

	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		out[n++] = (unsigned char)label;
		memcpy(out + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	out[n++] = 0;
	return n;
}

/* Not inline in fact: a sanitizer would give each call its own buffer. */
__attribute__((noinline, unused)) static void
name_server_add_mx(struct name_answer *a, int preference, const char *host)
{
	unsigned char data[260] = { (unsigned char)(preference >> 8),
				    (unsigned char)preference };

	name_server_add(a, 15, data, 2 + name_server_wire(host, data + 2));
}

static inline void
name_server_add_address(struct name_answer *a, const char *text)
{
	unsigned char data[16];

	if (inet_pton(AF_INET, text, data) == 1)
		name_server_add(a, 1, data, 4);
	else if (inet_pton(AF_INET6, text, data) == 1)
		name_server_add(a, 28, data, 16);
}

static inline void
name_server_reply(struct name_server *s, unsigned char *m, ssize_t n,
		  const struct sockaddr_in *to, socklen_t to_size)
{
	char name[256] = "";
	size_t at = 12, len = 0;

	while (at < (size_t)n && m[at] != 0 && len + m[at] + 1 < sizeof(name)) {
		if (len > 0)
			name[len++] = '.';
		for (unsigned i = 0; i < m[at]; i++) {
			char c = (char)m[at + 1 + i];
			name[len++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		}
		at += m[at] + 1u;
	}
	name[len] = '\0';
	if (at + 5 > (size_t)n)
		return;
	struct name_answer a = { .p = m, .n = at + 5 };
	int rcode = s->answer(name, m[at + 2], &a);
	if (rcode == NAME_SERVER_SILENT)
		return;
	m[2] = 0x81;
	m[3] = (unsigned char)(0x80 | rcode);
	m[7] = (unsigned char)a.records;
	memset(m + 8, 0, 4);
	(void)sendto(s->fd, m, a.n, 0, (const struct sockaddr *)to, to_size);
}

static inline void
name_server_run(void *arg)
{
	struct name_server *s = arg;
	unsigned char m[4096];

	for (;;) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN },
				       { .fd = wake_fd(&s->stop),
					 .events = POLLIN } };
		(void)poll(p, 2, -1);
		if (p[1].revents != 0)
			return;
		ssize_t n =
		    recvfrom(s->fd, m, 512, 0, (struct sockaddr *)&from, &size);
		if (n >= 17)
			name_server_reply(s, m, n, &from, size);
	}
}

static inline void
name_server_start(struct name_server *s, name_server_fn *answer)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(a);
	struct err e;

	s->answer = answer;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, size), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(wake_init(&s->stop, &e), 0);
	assert_int_equal(
	    thread_start_joinable(&s->thread, name_server_run, s, &e), 0);
}

static inline void
name_server_stop(struct name_server *s)
{
	wake_raise(&s->stop);
	(void)pthread_join(s->thread, NULL);
	wake_close(&s->stop);
	(void)close(s->fd);
}

#endif
