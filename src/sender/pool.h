#ifndef PP_SENDER_POOL_H
#define PP_SENDER_POOL_H

#include <stdint.h>

#include "base/err.h"
#include "base/thread.h"
#include "queue/scheduler.h"
#include "smtp/smtp_client.h"

/*
 * pool - connections to receivers that wait a few seconds for the next use.
 * What is in the pool has finished its last transaction.  A thread of its own
 * says goodbye to those that waited long enough.  Thread: any.
 */
struct pool;

enum { POOL_MAX = 128 }; /* waiting connections; more are closed at once */

int pool_new(struct pool **p, int64_t idle_ms, struct err *e);
void pool_free(struct pool **p); /* closes all */

/* pool_take - a usable connection to `key` and whose it is (host:port), or
 * NULL. */
struct smtp_client *pool_take(struct pool *p, const char *key,
			      char peer[SCHEDULER_PEER_SIZE]);

/* pool_give - put *c back (closed when it cannot be used again). */
void pool_give(struct pool *p, const char *key, const char *peer,
	       struct smtp_client **c);

#endif
