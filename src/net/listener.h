#ifndef PP_NET_LISTENER_H
#define PP_NET_LISTENER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/rand.h"
#include "base/thread.h"
#include "net/stream.h"

/*
 * struct listener - one service (SMTP, POP3 ...): its sockets, one accept
 * thread, and a thread per client with caps.  A client over a cap, one for whom
 * no descriptor or thread is left, and one who has to give way to another
 * (listener_place.c) gets busy_reply and a close.
 */
struct listener;

enum { LISTENER_PEER_SIZE = 64 };

/* What a session gets; owned by the listener for the session's life. */
struct listener_client {
	struct stream *stream;            /* not to be freed by the session */
	char session[RAND_ID_SIZE];       /* id for logs and Received lines */
	char address[LISTENER_PEER_SIZE]; /* "127.0.0.1", "2001:db8::1" */
	uint16_t port;
	bool is_loopback; /* from this machine */
	bool is_unix;     /* over a unix socket: address is "unix", port 0 */
	uid_t uid;        /* then the system user at its other end */
	const struct wake *drain; /* raised: finish at the next good moment */
	const struct wake *kill;  /* raised: leave now */
	struct listener_session *place; /* for listener_place_; NULL: none */
};

struct listener_options {
	const char *service; /* for logs: "smtp" */
	/* "127.0.0.1:2525", "[::1]:0", "*:25" (IPv4 and IPv6), a name (all its
	 * addresses), or the path of a unix socket */
	const char *const *addresses;
	size_t n_addresses;
	/* The same with TLS from the first byte (RFC 8314 3.3); together
	 * <= LISTENER_ADDRESSES_MAX. */
	const char *const *tls_addresses;
	size_t n_tls_addresses;
	struct tls_server *tls; /* lives on */
	/* proxy_from - networks of load balancers (net/network.h): a connection
	 * from there begins with a PROXY header (net/proxy.h), before TLS, and
	 * the client is who that names; any other beginning is a close. */
	char *const *proxy_from;
	size_t n_proxy_from;
	/* free_from, exempt_from - networks whose clients have no
	 * max_per_address, as those of this machine have none: those who speak
	 * for others, and those without limits of any kind. */
	char *const *free_from, *const *exempt_from;
	size_t n_free_from, n_exempt_from;
	int max_clients;          /* >= 1 */
	int max_per_address;      /* >= 1; IPv6: of a /64 */
	int max_per_user;         /* once logged in; 0: no such limit */
	int64_t grace_ms;         /* <= 0: LISTENER_GRACE_MS */
	unsigned socket_mode;     /* of unix sockets; 0: 0600 */
	const char *socket_group; /* NULL or "": ours */
	const char *busy_reply;   /* whole line with CRLF */
	/* serve - the whole session, on its own thread. */
	void (*serve)(void *ctx, const struct listener_client *client);
	void *ctx;
};

enum {
	LISTENER_ADDRESSES_MAX = 16, /* in a configuration */
	LISTENER_SOCKETS_MAX = 64,   /* a name may have several addresses */
	LISTENER_BACKLOG = 1024,
	LISTENER_HANDSHAKE_MS = 30000,
	LISTENER_PROXY_MS = 10000, /* for a PROXY header */
	/* to log in, and to be silent, when all places are taken */
	LISTENER_GRACE_MS = 10000,
};

/* listener_new - bind and listen (options are copied; strings are borrowed for
 * the call, except service, busy_reply and ctx, which must live on).
 * 0 or -1 (PERM) naming the address. */
int listener_new(struct listener **l, const struct listener_options *o,
		 struct err *e);

/* listener_start - begin to accept. */
int listener_start(struct listener *l, struct err *e);

/* listener_port - port of the i-th address (as chosen by the kernel for 0, the
 * same for all that a name or "*" stands for; 0 for a path); tls_addresses come
 * after addresses. */
uint16_t listener_port(const struct listener *l, size_t i);

/*
 * What a protocol says of its session, which decides whose place it is and who
 * gives way when all are taken (listener_place.c).  Thread: the session's.
 *
 * listener_place_login - it has logged in as `user` (canonical).  -1: the user
 * has as many sessions as one may have; that was logged.
 * listener_place_logout - it is nobody's any more (STARTTLS).
 * listener_place_busy - a message is under way; or no more.  It holds a place
 * only as long as octets come (stream_is_silent).
 */
int listener_place_login(const struct listener_client *c, const char *user);
void listener_place_logout(const struct listener_client *c);
void listener_place_busy(const struct listener_client *c, bool busy);

/* listener_clients - sessions running now.  Thread: any. */
int listener_clients(struct listener *l);

/*
 * listener_stop - accept no more, raise drain, wait up to grace_ms for the
 * sessions to end, raise kill, wait for the rest.  To stop several listeners
 * under one grace, call listener_drain on each first.
 */
void listener_drain(struct listener *l);
void listener_stop(struct listener *l, int64_t grace_ms);
void listener_free(struct listener **l); /* after listener_stop */

#endif
