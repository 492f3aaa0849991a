#ifndef PP_SENDER_REACH_H
#define PP_SENDER_REACH_H

#include "base/err.h"
#include "net/dns.h"
#include "net/tls.h"
#include "sender/mx.h"
#include "sender/route.h"
#include "sender/routes.h"
#include "sender/sts.h"
#include "sender/tls_memory.h"
#include "smtp/smtp_client.h"

/*
 * reach - a connection to a destination, whichever way its route says: one
 * server or, by MX records, one of several, encrypted and logged in as the
 * route asks.  Used for deliveries and for questions about recipients.
 * Thread: any.
 */
struct reach {
	struct routes *routes; /* for credentials; NULL: there are none */
	const char *helo;
	const struct wake *stop;
	struct tls_client *tls;    /* NULL: everything in the clear */
	struct tls_memory *memory; /* NULL: nothing is remembered */
	struct dns *dns;           /* NULL: neither MX nor DANE */
	struct sts *sts;           /* NULL: no MTA-STS */
	uint16_t mx_port;          /* 25 */
	const char *const *own;    /* names and addresses that are ours too */
	size_t n_own;
	bool literals;               /* mail to user@[192.0.2.1] by MX routes */
	int64_t dns_timeout_ms;      /* for the MX records and addresses */
	int64_t greeting_timeout_ms; /* of a server; 0: as a command */
	bool loopback_mx;            /* an MX record may lead to this machine */
	int64_t search_timeout_ms;   /* until one of several servers is found */
};

/* One try. */
struct reach_try {
	int64_t connect_timeout_ms, command_timeout_ms, data_timeout_ms;
	int64_t final_timeout_ms; /* 0: as data_timeout_ms */
	enum spool_tls need;      /* of the message: REQUIRETLS, TLS-Required */
	smtp_trace_fn *trace;     /* may be NULL */
	void *trace_ctx;
	/* out: who was talked to last, host:port */
	char peer[SCHEDULER_PEER_SIZE];
	/* out, of a failure: basic and enhanced code of the reply that tells
	 * it; 5xx exactly when the class is PERM */
	int code;
	char enhanced[REPLY_ENHANCED_SIZE];
};

/*
 * reach_open - 0 with *c ready for a transaction; -1: PERM when the destination
 * will never take mail, STOP, TIMEOUT when (each of) it was silent, TEMP and
 * others to be tried later.
 */
int reach_open(const struct reach *r, const struct route *way,
	       struct reach_try *t, struct smtp_client **c, struct err *e);

/* reach_memory_name - what tls_memory calls the destination of a route; "" for
 * a local socket. */
void reach_memory_name(const struct route *way,
		       char name[TLS_MEMORY_NAME_SIZE]);

/* reach_mx_options - how r looks for servers. */
void reach_mx_options(const struct reach *r, struct mx_options *o);

#endif
