#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/listener_private.h"
#include "net/proxy.h"
#include "net/tls.h"

/*
 * One client, from its arrival to the close: counted by its address, named by a
 * load balancer where one stands before us, encrypted where that is the rule,
 * served on a thread of its own.
 */

/*
 * Closing a socket with unread input resets the connection and can destroy the
 * last reply on its way.  So: say that we are done, then read (bounded in time
 * and bytes) until the peer closes too.
 */
static void
close_gently(struct stream *s, const struct wake *kill)
{
	struct span have;
	struct err e;
	int64_t deadline = clock_mono_ms() + 1000;

	if (stream_flush(s, deadline, &e) != 0 || stream_shutdown(s, &e) != 0)
		return;
	stream_watch(s, kill);
	for (int i = 0; i < 64; i++) {
		if (stream_fill(s, deadline, &have, &e) != 0)
			return;
		stream_consume(s, have.n);
	}
}

/* Tell a client that it cannot be served; the caller closes fd. */
void
listener_session_refuse(struct listener *l, int fd, bool tls,
			const char *address, const char *why)
{
	struct log_line line;

	/* clear text says nothing to who waits for a handshake */
	ssize_t ignored =
	    tls ? 0
		: send(fd, l->o.busy_reply, strlen(l->o.busy_reply),
		       MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)ignored;
	(void)shutdown(fd, SHUT_WR);
	log_begin(&line, LOG_WARN, "client-refused");
	log_str(&line, "service", l->o.service);
	log_str(&line, "client", address);
	log_str(&line, "reason", why);
	log_end(&line);
}

static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 ||
	       strcmp(address, "::1") == 0 ||
	       strncmp(address, "::ffff:127.", 11) == 0;
}

/* The client behind a load balancer is who that says, for the caps too. */
static bool
rename_client(struct listener *l, struct listener_session *c,
	      const struct proxy_header *h)
{
	(void)pthread_mutex_lock(&l->lock);
	c->is_nameless = h->local || h->unknown;
	if (!h->local) {
		/* Somebody we do not know is nobody of this machine; and what
		 * is loopback to a balancer elsewhere is not so to us. */
		bool here = c->pub.is_loopback;
		c->pub.is_loopback =
		    here && !h->unknown && is_loopback(h->address);
		c->pub.is_unix = false;
		c->pub.uid = (uid_t)-1;
	}
	if (!h->local && !h->unknown) {
		memcpy(c->pub.address, h->address, sizeof(h->address));
		c->pub.port = h->port;
	}
	(void)pthread_mutex_unlock(&l->lock);
	return listener_place_rename(l, c);
}

/* What a load balancer says before anything else. */
static __attribute__((noinline)) bool
take_proxy_header(struct listener *l, struct listener_session *c)
{
	struct proxy_header h;
	struct log_line line;
	struct err e;

	if (!c->proxied)
		return true;
	if (proxy_accept(stream_fd(c->pub.stream), &h,
			 clock_mono_ms() + LISTENER_PROXY_MS, &l->drain,
			 &e) == 0) {
		if (rename_client(l, c, &h))
			return true;
		listener_session_refuse(l, stream_fd(c->pub.stream),
					c->implicit_tls, c->pub.address,
					"too many clients");
		return false;
	}
	log_begin(&line, LOG_WARN, "proxy-header");
	log_str(&line, "service", l->o.service);
	log_str(&line, "proxy", c->pub.address);
	log_err(&line, &e);
	log_end(&line);
	return false;
}

/* TLS from the first byte, where that is the rule.  (Not inlined, as the frame
 * of serve_client lasts as long as the client stays.) */
static __attribute__((noinline)) bool
encrypt(struct listener *l, struct listener_session *c)
{
	struct log_line line;
	struct err e;

	if (!c->implicit_tls)
		return true;
	stream_watch(c->pub.stream, &l->drain);
	int rc = stream_accept_tls(c->pub.stream, l->o.tls,
				   clock_mono_ms() + LISTENER_HANDSHAKE_MS, &e);
	stream_watch(c->pub.stream, NULL);
	if (rc == 0)
		return true;
	log_begin(&line, LOG_INFO, "tls-failed");
	log_str(&line, "service", l->o.service);
	log_str(&line, "session", c->pub.session);
	log_str(&line, "client", c->pub.address);
	log_err(&line, &e);
	log_end(&line);
	return false;
}

/* The client has gone; or it had to, and is told so. */
static void
finish(struct listener *l, struct listener_session *c)
{
	if (listener_place_leave(l, c))
		listener_session_refuse(l, stream_fd(c->pub.stream),
					c->implicit_tls ||
					    stream_tls(c->pub.stream) != NULL,
					c->pub.address, "gave way to another");
	stream_free(&c->pub.stream);
	listener_place_free(l);
	free(c);
}

static void
serve_client(void *arg)
{
	struct listener_session *c = arg;
	struct listener *l = c->owner;

	if (take_proxy_header(l, c) && encrypt(l, c))
		l->o.serve(l->o.ctx, &c->pub);
	close_gently(c->pub.stream, &l->kill);
	finish(l, c);
}

static void
name_peer(const struct sockaddr *sa, socklen_t size, struct listener_client *c)
{
	char port[8] = "0";
	uint64_t value = 0;

	c->uid = (uid_t)-1;
	if (sa->sa_family == AF_UNIX) {
		memcpy(c->address, "unix", 5);
		c->is_unix = c->is_loopback =
		    unix_socket_peer(stream_fd(c->stream), &c->uid);
		return;
	}
	if (getnameinfo(sa, size, c->address, sizeof(c->address), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		memcpy(c->address, "unknown", 8);
	(void)span_u64(span_of(port), &value);
	c->port = (uint16_t)value;
	c->is_loopback = is_loopback(c->address);
}

/* Returns false when fd is still to be closed. */
bool
listener_session_start(struct listener *l, int fd, bool tls,
		       const struct sockaddr *sa, socklen_t size)
{
	struct listener_session *c = calloc(1, sizeof(*c));
	struct err e;
	int one = 1;

	if (c == NULL || stream_new(&c->pub.stream, fd, &e) != 0) {
		free(c);
		listener_session_refuse(l, fd, tls, "unknown", "out of memory");
		return false;
	}
	stream_pace(c->pub.stream, l->o.grace_ms);
	c->owner = l;
	c->pub.place = c;
	c->implicit_tls = tls;
	name_peer(sa, size, &c->pub);
	c->proxied = network_list_has(&l->proxies, c->pub.address);
	rand_id(c->pub.session);
	c->pub.drain = &l->drain;
	c->pub.kill = &l->kill;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!listener_place_take(l, c)) {
		listener_session_refuse(l, fd, tls, c->pub.address,
					"too many clients");
	} else if (thread_start(serve_client, c, &e) == 0) {
		return true;
	} else {
		listener_session_refuse(l, fd, tls, c->pub.address, e.msg);
		(void)listener_place_leave(l, c);
		listener_place_free(l);
	}
	stream_free(&c->pub.stream); /* closes fd */
	free(c);
	return true;
}
