#ifndef PP_SENDER_REACH_PRIVATE_H
#define PP_SENDER_REACH_PRIVATE_H

#include "sender/dane.h"
#include "sender/mx.h"
#include "sender/reach.h"
#include "sender/route.h"

/* Shared by reach.c (one connection), reach_tls.c (what it must be) and
 * reach_mx.c (which of several). */

/* One server to connect to. */
struct reach_target {
	const char *host; /* to dial: name or address */
	const char *name; /* what it is called; "" for an address literal */
	uint16_t port;
	const char *path; /* of a local socket, or NULL */
	bool lmtp;
	/* what tls_memory calls the destination; "" for a local socket */
	char memory[TLS_MEMORY_NAME_SIZE];
};

/* What is demanded of the connection, and by whom. */
struct reach_demand {
	enum smtp_client_tls tls;
	enum tls_check check;
	const char *by;   /* "the route", "DANE", "MTA-STS" ... for people */
	bool promised;    /* by others than the message: there is TLS */
	bool remembered;  /* because of tls_memory */
	unsigned n_names; /* reference identifiers */
	const char *names[3];
	struct dane dane;
};

/* reach_failed - note the reply that tells a failure, unless something closer
 * has; returns -1. */
int reach_failed(struct reach_try *t, int code, const char *enhanced);

/* reach_remark - a line for the trail. */
void reach_remark(const struct reach_try *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* reach_demand_route - what the route and the message demand of any server. */
void reach_demand_route(const struct route *way, const struct reach_try *t,
			const struct reach_target *to, struct reach_demand *d);

/* reach_demand_dane - and DANE; the host's addresses are validated.  -1: the
 * host is not to be used now, *e says why. */
int reach_demand_dane(const struct reach *r, const struct reach_target *to,
		      const char *canonical, int64_t deadline_ms,
		      struct reach_demand *d, struct reach_try *t,
		      struct err *e);

/* reach_demand_level - is tls=dane, where there is none, in vain?  -1. */
int reach_demand_level(const struct route *way, const struct reach_demand *d,
		       struct reach_try *t, struct err *e);

/* reach_demand_memory - and what was reached before. */
void reach_demand_memory(const struct reach *r, const struct reach_try *t,
			 const struct reach_target *to, struct reach_demand *d);

/* reach_connect - one connection as demanded, ready for a transaction;
 * *hopeless when the server says that it takes no mail ever (521, RFC 7504), or
 * has no TLS, and nobody says it has, for a message that requires it (5.7.10,
 * RFC 8689 4.2.1). */
int reach_connect(const struct reach *r, const struct reach_target *to,
		  const struct reach_demand *d, struct reach_try *t,
		  struct smtp_client **c, bool *hopeless, struct err *e);

/* reach_mx - by MX records. */
int reach_mx(const struct reach *r, const struct route *way,
	     struct reach_try *t, struct smtp_client **c, struct err *e);

#endif
