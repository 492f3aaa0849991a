#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/dial.h"
#include "net/listener_private.h"
#include "net/unix_socket.h"

/* Without a new client for so long, freed memory goes back to the kernel. */
enum { QUIET_MS = 5000 };

static int
bind_unix(struct listener *l, const char *path, struct err *e)
{
	unsigned mode = l->o.socket_mode == 0 ? 0600 : l->o.socket_mode;
	struct unix_socket *u = &l->named[l->n];

	if (unix_socket_listen(u, path, (mode_t)mode, l->o.socket_group, e) !=
	    0)
		return -1;
	l->fd[l->n++] = u->fd;
	return 0;
}

static void
close_from(struct listener *l, size_t first)
{
	while (l->n > first) {
		l->n--;
		if (l->named[l->n].fd >= 0)
			unix_socket_close(&l->named[l->n]);
		else
			(void)close(l->fd[l->n]);
	}
}

/* The port of a bound socket. */
static uint16_t
port_of(int fd)
{
	/* all of it zeroed: the port is read through another type */
	struct sockaddr_storage got;
	memset(&got, 0, sizeof(got));
	socklen_t size = sizeof(got);

	if (getsockname(fd, (struct sockaddr *)&got, &size) != 0)
		return 0;
	return ntohs(got.ss_family == AF_INET6
			 ? ((const struct sockaddr_in6 *)&got)->sin6_port
			 : ((const struct sockaddr_in *)&got)->sin_port);
}

/* A socket that listens at this address, or -1 with errno. */
static int
listen_at(const struct addrinfo *at, uint16_t port)
{
	struct sockaddr_storage where;
	int one = 1;

	memset(&where, 0, sizeof(where));
	memcpy(&where, at->ai_addr, at->ai_addrlen);
	if (at->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&where)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&where)->sin_port = htons(port);
	int fd = socket(at->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* So that 0.0.0.0 and [::] can stand side by side on one port. */
	if (at->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
				 sizeof(one));
	if (bind(fd, (const struct sockaddr *)&where, at->ai_addrlen) == 0 &&
	    listen(fd, LISTENER_BACKLOG) == 0)
		return fd;
	int sys = errno;
	(void)close(fd);
	errno = sys;
	return -1;
}

/* The system's resolver may name an address twice. */
static bool
stands_before(const struct addrinfo *list, const struct addrinfo *at)
{
	for (; list != at; list = list->ai_next) {
		if (list->ai_addrlen == at->ai_addrlen &&
		    memcmp(list->ai_addr, at->ai_addr, at->ai_addrlen) == 0)
			return true;
	}
	return false;
}

/*
 * Every address of the list, all on one port: the first chooses where that is
 * 0.  A machine without IPv6 (or IPv4) still has names and "*" that stand for
 * both: what it cannot have at all is left out, as long as one is left.
 * *in_use: a port that the kernel chose is taken in the other family.
 */
static int
bind_list(struct listener *l, const struct addrinfo *list, uint16_t *port,
	  bool *in_use)
{
	const bool chosen = *port == 0;
	const size_t first = l->n;
	int sys = EADDRNOTAVAIL;

	*in_use = false;
	for (const struct addrinfo *at = list; at != NULL; at = at->ai_next) {
		if (stands_before(list, at))
			continue;
		int fd = -1;
		if (l->n == LISTENER_SOCKETS_MAX)
			errno = E2BIG;
		else
			fd = listen_at(at, *port);
		if (fd < 0) {
			sys = errno;
			if (sys == EAFNOSUPPORT || sys == EADDRNOTAVAIL)
				continue;
			*in_use = sys == EADDRINUSE && chosen && l->n > first;
			close_from(l, first);
			break;
		}
		if (*port == 0)
			*port = port_of(fd);
		l->named[l->n].fd = -1;
		l->fd[l->n++] = fd;
	}
	if (l->n > first)
		return 0;
	errno = sys;
	return -1;
}

static int
bind_tcp(struct listener *l, const char *text, uint16_t *port, struct err *e)
{
	enum { TRIES = 20 }; /* of ports that the kernel chooses */
	char host[NET_HOST_SIZE];
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	uint16_t wanted;
	bool in_use = true;

	if (net_endpoint(span_of(text), -1, host, &wanted, e) != 0)
		return -1;
	/* "*" is 0.0.0.0 and [::]; a name is all that it stands for, and
	 * "localhost" is 127.0.0.1 and [::1] whatever a resolver thinks (RFC
	 * 6761 6.3): without a name getaddrinfo means the one or the other. */
	bool local = span_eq_nocase(span_of(host), span_of("localhost"));
	if (local)
		hints.ai_flags &= ~AI_PASSIVE;
	int rc = getaddrinfo(local || strcmp(host, "*") == 0 ? NULL : host, "0",
			     &hints, &list);
	if (rc != 0)
		return err_set(e, ERR_PERM, 0, "cannot listen on %s: %s", text,
			       gai_strerror(rc));
	rc = -1;
	for (int i = 0; rc != 0 && in_use && i < TRIES; i++) {
		*port = wanted;
		rc = bind_list(l, list, port, &in_use);
	}
	int sys = errno;
	freeaddrinfo(list);
	return rc == 0 ? 0
		       : err_set(e, ERR_PERM, sys, "cannot listen on %s", text);
}

static int
bind_all(struct listener *l, const char *const *addresses, size_t n,
	 struct err *e)
{
	for (size_t i = 0; i < n; i++, l->n_ports++) {
		const char *at = addresses[i];
		if (l->n == LISTENER_SOCKETS_MAX)
			return err_set(e, ERR_PERM, 0,
				       "more than %d sockets for %s",
				       LISTENER_SOCKETS_MAX, l->o.service);
		if ((unix_socket_is_path(at)
			 ? bind_unix(l, at, e)
			 : bind_tcp(l, at, &l->port[l->n_ports], e)) != 0)
			return -1;
	}
	return 0;
}

int
listener_new(struct listener **out, const struct listener_options *o,
	     struct err *e)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "listener");
	l->o = *o;
	l->o.addresses = l->o.tls_addresses = NULL;
	l->drain.fd = l->kill.fd = -1;
	(void)pthread_mutex_init(&l->lock, NULL);
	cond_init_mono(&l->left);
	l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (o->n_addresses + o->n_tls_addresses > LISTENER_ADDRESSES_MAX) {
		(void)err_set(e, ERR_PERM, 0, "more than %d addresses for %s",
			      LISTENER_ADDRESSES_MAX, o->service);
		goto fail;
	}
	if (wake_init(&l->drain, e) != 0 || wake_init(&l->kill, e) != 0)
		goto fail;
	if (l->o.grace_ms <= 0)
		l->o.grace_ms = LISTENER_GRACE_MS;
	rand_bytes(&l->key, sizeof(l->key));
	if (network_list_new(&l->proxies, o->proxy_from, o->n_proxy_from, e) !=
		0 ||
	    network_list_new(&l->free, o->free_from, o->n_free_from, e) != 0 ||
	    network_list_new(&l->exempt, o->exempt_from, o->n_exempt_from, e) !=
		0)
		goto fail;
	if (bind_all(l, o->addresses, o->n_addresses, e) != 0)
		goto fail;
	l->n_clear = l->n;
	if (bind_all(l, o->tls_addresses, o->n_tls_addresses, e) != 0)
		goto fail;
	*out = l;
	return 0;
fail:
	listener_free(&l);
	return -1;
}

/* Nothing to be had now: give others time, but wake up for the drain. */
static void
pause_accept(struct listener *l)
{
	struct pollfd p = { .fd = wake_fd(&l->drain), .events = POLLIN };

	(void)poll(&p, 1, 100);
}

/* Out of descriptors: spend the spare one to tell the client so.  Another
 * thread may snatch it; then the client waits in the backlog, and we do not
 * spin. */
static void
refuse_without_descriptor(struct listener *l, int listen_fd, bool tls)
{
	if (l->spare_fd >= 0)
		(void)close(l->spare_fd);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		listener_session_refuse(l, fd, tls, "unknown",
					"no descriptor left");
		(void)close(fd);
	} else {
		pause_accept(l);
	}
	l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
accept_one(struct listener *l, int listen_fd, bool tls)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);

	int fd =
	    accept4(listen_fd, (struct sockaddr *)&sa, &size, SOCK_CLOEXEC);
	if (fd >= 0) {
		if (!listener_session_start(l, fd, tls,
					    (const struct sockaddr *)&sa, size))
			(void)close(fd);
		return;
	}
	if (errno == EMFILE || errno == ENFILE) {
		refuse_without_descriptor(l, listen_fd, tls);
	} else if (errno == ENOBUFS || errno == ENOMEM) {
		pause_accept(l);
	}
}

static void
accept_loop(void *arg)
{
	struct listener *l = arg;
	struct pollfd p[LISTENER_SOCKETS_MAX + 1];
	bool stirred = false; /* by a client, since memory was last released */

	for (size_t i = 0; i < l->n; i++)
		p[i] = (struct pollfd){ .fd = l->fd[i], .events = POLLIN };
	p[l->n] = (struct pollfd){ .fd = wake_fd(&l->drain), .events = POLLIN };
	for (;;) {
		int n = poll(p, (nfds_t)l->n + 1, stirred ? QUIET_MS : -1);
		if (n == 0) {
			memory_release_heap();
			stirred = false;
		}
		if (n <= 0)
			continue;
		stirred = true;
		if (p[l->n].revents != 0)
			return;
		for (size_t i = 0; i < l->n; i++) {
			if (p[i].revents != 0)
				accept_one(l, p[i].fd, i >= l->n_clear);
		}
	}
}

int
listener_start(struct listener *l, struct err *e)
{
	if (thread_start_joinable(&l->acceptor, accept_loop, l, e) != 0)
		return -1;
	l->running = true;
	return 0;
}

uint16_t
listener_port(const struct listener *l, size_t i)
{
	return i < l->n_ports ? l->port[i] : 0;
}

int
listener_clients(struct listener *l)
{
	(void)pthread_mutex_lock(&l->lock);
	int n = l->clients;
	(void)pthread_mutex_unlock(&l->lock);
	return n;
}

void
listener_drain(struct listener *l)
{
	wake_raise(&l->drain);
	if (!l->running)
		return;
	(void)pthread_join(l->acceptor, NULL);
	l->running = false;
	close_from(l, 0);
}

static bool
wait_empty(struct listener *l, int64_t deadline_ms)
{
	(void)pthread_mutex_lock(&l->lock);
	while (l->clients > 0 &&
	       cond_wait_until(&l->left, &l->lock, deadline_ms) == 0)
		;
	bool empty = l->clients == 0;
	(void)pthread_mutex_unlock(&l->lock);
	return empty;
}

void
listener_stop(struct listener *l, int64_t grace_ms)
{
	listener_drain(l);
	if (wait_empty(l, clock_mono_ms() + grace_ms))
		return;
	wake_raise(&l->kill);
	(void)wait_empty(l, -1);
}

void
listener_free(struct listener **out)
{
	struct listener *l = *out;

	if (l == NULL)
		return;
	close_from(l, 0);
	if (l->spare_fd >= 0)
		(void)close(l->spare_fd);
	network_list_free(&l->proxies);
	network_list_free(&l->free);
	network_list_free(&l->exempt);
	wake_close(&l->drain);
	wake_close(&l->kill);
	(void)pthread_cond_destroy(&l->left);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
	*out = NULL;
}
