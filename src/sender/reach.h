#ifndef PP_SENDER_REACH_H
#define PP_SENDER_REACH_H

#include "base/err.h"
#include "sender/routes.h"
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
};

/* One try. */
struct reach_try {
	int64_t connect_timeout_ms, command_timeout_ms, data_timeout_ms;
	smtp_trace_fn *trace; /* may be NULL */
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
int reach_open(const struct reach *r, const char *key, struct reach_try *t,
	       struct smtp_client **c, struct err *e);

#endif
