#ifndef PP_NET_LISTENER_PRIVATE_H
#define PP_NET_LISTENER_PRIVATE_H

#include <pthread.h>
#include <sys/socket.h>

#include "base/siphash.h"
#include "net/listener.h"
#include "net/network.h"
#include "net/unix_socket.h"

/* Shared by listener.c (sockets, and who comes), listener_session.c (one client
 * from arrival to close) and listener_place.c (who may have how many places).
 */
enum { LISTENER_BUCKETS = 256 };

/* One running session. */
struct listener_session {
	struct listener *owner;
	struct listener_session *next; /* in its bucket */
	bool implicit_tls;
	bool proxied;     /* a PROXY header is still to come */
	bool is_nameless; /* and it has named nobody */
	struct listener_client pub;

	/* Guarded by the owner's lock. */
	uint64_t key;     /* whose place it is */
	int number;       /* 1 and up, among those of this key */
	int64_t since_ms; /* it came then, or had its last message */
	uint64_t order;   /* the same, for two of one moment */
	bool has_login, is_busy;
	bool gives_way; /* or is leaving by itself: in no bucket */
};

struct listener {
	struct listener_options o;
	int fd[LISTENER_SOCKETS_MAX];
	uint16_t port[LISTENER_ADDRESSES_MAX]; /* of each configured address */
	size_t n_ports;
	struct unix_socket named[LISTENER_SOCKETS_MAX]; /* fd -1: TCP */
	size_t n;
	struct network_list proxies, free, exempt;
	struct siphash_key key;
	size_t n_clear; /* of these, the first ones: without TLS */
	int spare_fd;   /* given up to answer 421 when descriptors run out */
	pthread_t acceptor;
	bool running;
	struct wake drain, kill;

	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t left;  /* a session ended */
	int clients, leaving; /* the second are among the first */
	uint64_t orders;
	struct listener_session *bucket[LISTENER_BUCKETS]; /* by key */
};

/* listener_place_take - a place for a client that has come; false: there is
 * none.  listener_place_rename - a load balancer has said whose it is; false:
 * that address has too many.  listener_place_leave - before its stream goes;
 * true: it gave way to another client.  listener_place_free - it has gone. */
bool listener_place_take(struct listener *l, struct listener_session *c);
bool listener_place_rename(struct listener *l, struct listener_session *c);
bool listener_place_leave(struct listener *l, struct listener_session *c);
void listener_place_free(struct listener *l);

/*
 * listener_session_start - a client has arrived on fd: count it in, serve it on
 * a thread of its own.  false when fd is still to be closed.
 */
bool listener_session_start(struct listener *l, int fd, bool tls,
			    const struct sockaddr *sa, socklen_t size);

/* listener_session_refuse - tell a client that it cannot be served; the caller
 * closes fd. */
void listener_session_refuse(struct listener *l, int fd, bool tls,
			     const char *address, const char *why);

#endif
