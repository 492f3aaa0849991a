#ifndef PP_QUEUE_SCHEDULER_WAIT_H
#define PP_QUEUE_SCHEDULER_WAIT_H

#include "queue/scheduler.h"

/* What the first attempt came to for one recipient. */
struct scheduler_first {
	enum scheduler_outcome outcome; /* UNTRIED: not known in time */
	char reply[SPOOL_REPLY_MAX + 1];
};

/*
 * scheduler_wait_add - scheduler_add, and wait until each recipient was tried
 * once (or its destination is known to be down), wait_ms passed, or the
 * scheduler stops.  v has a place for each of the message's recipients.
 */
int scheduler_wait_add(struct scheduler *s, struct spool_msg **m,
		       int64_t wait_ms, struct scheduler_first *v,
		       struct err *e);

#endif
