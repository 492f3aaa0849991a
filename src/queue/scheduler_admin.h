#ifndef PP_QUEUE_SCHEDULER_ADMIN_H
#define PP_QUEUE_SCHEDULER_ADMIN_H

#include "queue/scheduler.h"

/*
 * What an administrator does with the queue of a running server.  All of it
 * goes through the messages in pages: the scheduler's lock is held for the
 * copying of one page, never while a client reads what was copied.  Who
 * changes something does so alone, others wait for their turn.
 */

/* Which messages; what is not set does not choose. */
struct scheduler_select {
	const char (*ids)[RAND_ID_SIZE]; /* sorted by strcmp() */
	unsigned n_ids;
	const char *sender;    /* reverse-path, "@domain", "<>" the null path */
	const char *recipient; /* one not done yet; or "@domain" */
	const char *destination; /* where one not done yet goes: the domain,
				    or the receiver as host:port */
	const char *login;       /* who handed it in */
	int64_t older_than_s;
};

/* A message as it stands. */
struct scheduler_item {
	const struct spool_msg *m;
	int64_t age_s;
	int64_t due_in_ms; /* < 0: no attempt is planned */
	bool scheduled;    /* its release time is still to come */
	unsigned attempts;
	const char *destination; /* of that attempt, or "" */
	const char *why;         /* it could not be reached, or "" */
};

enum scheduler_action {
	SCHEDULER_RETRY,   /* due at once */
	SCHEDULER_HOLD,    /* no delivery, also after a restart */
	SCHEDULER_RELEASE, /* from a hold or its release time: due at once */
	SCHEDULER_REMOVE,  /* gone, nobody is told */
	SCHEDULER_CANCEL,  /* the same, if it waits for its release time */
};

enum scheduler_did {
	SCHEDULER_DID,      /* as asked */
	SCHEDULER_DID_HELD, /* retry: it is held; hold: it was before */
	SCHEDULER_DID_NONE, /* release: it was not held; cancel: not scheduled
			     */
	SCHEDULER_DID_SCHEDULED, /* retry: it waits for its release time */
	SCHEDULER_DID_BUSY,      /* remove, retry: being delivered now */
	SCHEDULER_DID_FAIL,      /* the disk refused: *why */
};

struct scheduler_viewer {
	/* item - one message; the lock is held: copy, and return. */
	void (*item)(void *ctx, const struct scheduler_item *i);
	/* acted - what became of it; the lock is not held. */
	void (*acted)(void *ctx, const char *id, enum scheduler_did did,
		      const struct err *why);
	/* page - between two pages, the lock is not held.  -1: stop. */
	int (*page)(void *ctx);
	void *ctx;
};

/* scheduler_list - every message chosen, newest first.  -1: out of memory, or
 * page said so. */
int scheduler_list(struct scheduler *s, const struct scheduler_select *w,
		   const struct scheduler_viewer *v, struct err *e);

/* scheduler_act - do it to every message chosen. */
int scheduler_act(struct scheduler *s, enum scheduler_action a,
		  const struct scheduler_select *w,
		  const struct scheduler_viewer *v, struct err *e);

/* What is known about a destination. */
struct scheduler_destination {
	unsigned waiting, active; /* attempts */
	unsigned failures;        /* connections in a row */
	int64_t again_in_ms;      /* the next try of one that failed */
	char why[SPOOL_REPLY_MAX + 1];
};
/* scheduler_destination_get - false: nothing waits for it. */
bool scheduler_destination_get(struct scheduler *s, const char *key,
			       struct scheduler_destination *d);

#endif
