#ifndef PP_NET_LISTENER_PRIVATE_H
#define PP_NET_LISTENER_PRIVATE_H

#include <pthread.h>
#include <sys/socket.h>

#include "net/listener.h"
#include "net/network.h"
#include "net/unix_socket.h"

/* Shared by listener.c (sockets, and who comes) and listener_session.c (one
 * client from arrival to close). */
enum { LISTENER_BUCKETS = 256 };

/* One running session. */
struct listener_session {
	struct listener *owner;
	struct listener_session *next; /* in its bucket */
	bool implicit_tls;
	bool proxied; /* a PROXY header comes first */
	struct listener_client pub;
};

struct listener {
	struct listener_options o;
	int fd[LISTENER_SOCKETS_MAX];
	uint16_t port[LISTENER_ADDRESSES_MAX]; /* of each configured address */
	size_t n_ports;
	struct unix_socket named[LISTENER_SOCKETS_MAX]; /* fd -1: TCP */
	size_t n;
	struct network_list proxies;
	size_t n_clear; /* of these, the first ones: without TLS */
	int spare_fd;   /* given up to answer 421 when descriptors run out */
	pthread_t acceptor;
	bool running;
	struct wake drain, kill;

	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t left;  /* a session ended */
	int clients;
	struct listener_session *bucket[LISTENER_BUCKETS]; /* by address */
};

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
