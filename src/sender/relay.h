#ifndef PP_SENDER_RELAY_H
#define PP_SENDER_RELAY_H

#include "queue/scheduler.h"
#include "queue/trail.h"
#include "sender/pool.h"
#include "sender/reach.h"

/*
 * relay - one delivery of the scheduler done over SMTP: a kept connection or a
 * new one, up to SMTP_RECIPIENTS_MAX recipients a transaction, and the
 * receiver's replies as verdicts.  Thread: any.
 */
struct relay {
	struct spool *spool;
	struct pool *pool;
	struct trail *trail; /* NULL: none is kept */
	const struct reach *reach;
	int64_t connect_timeout_ms, command_timeout_ms, data_timeout_ms;
	int64_t final_timeout_ms;
};

/* relay_deliver - for struct scheduler_options, with a struct relay; the
 * destination is a key of routes_find(). */
void relay_deliver(struct relay *relay, const char *destination,
		   struct scheduler_batch *b);

#endif
