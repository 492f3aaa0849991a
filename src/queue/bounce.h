#ifndef PP_QUEUE_BOUNCE_H
#define PP_QUEUE_BOUNCE_H

#include <stddef.h>

#include "base/err.h"
#include "mail/dsn.h"
#include "queue/spool.h"

/*
 * Delivery status notifications (RFC 3461, 3464) about messages of the spool,
 * which they enter as messages themselves, from the null path.  They go to the
 * reverse-path; about a message from the null path only a failure is told, and
 * to the postmaster; about a failure to reach the postmaster nothing is, so
 * that reports never loop (RFC 5321 6.1).
 */
struct bounce_options {
	struct spool *spool;
	const char *hostname;   /* the reporting MTA */
	const char *postmaster; /* local@domain; NULL: nobody */
};

/* bounce_is_wanted - is this to be reported of this recipient?  Without NOTIFY:
 * failures and delays (RFC 3461 4.1 leaves delays to us). */
bool bounce_is_wanted(const struct spool_msg *m, unsigned recipient,
		      enum dsn_action action);

struct bounce_event {
	unsigned recipient; /* index in the message */
	enum dsn_action action;
	const char *reply; /* the diagnostic; NULL: the recipient's last */
	const char *peer;  /* whose words that is, host:port; NULL: ours */
};

/*
 * bounce_make - put a notification about those of the n events that are wanted
 * into the spool.
 * 1: *out is the new message; 0: none is due; -1: could not be stored, *e says
 * why.  Thread: any, for different m.
 */
int bounce_make(const struct bounce_options *o, const struct spool_msg *m,
		const struct bounce_event *v, size_t n, int64_t now_s,
		struct spool_msg **out, struct err *e);

#endif
