#ifndef PP_SENDER_VERIFY_H
#define PP_SENDER_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/thread.h"
#include "mail/status.h"
#include "sender/pool.h"
#include "sender/reach.h"

/*
 * verify - is a recipient known to its receiver?  Asked with MAIL FROM:<> and
 * RCPT TO at the one server that a route names, never a stranger's.
 *
 * Answers are remembered in a table of bounded size (the least recently used
 * goes first), a yes longer than a no.  Only a reply to RCPT about the address
 * is remembered: a receiver that refuses us, or whose reply is temporary, has
 * said nothing about the address.  However many sessions ask about one address
 * at a time, the receiver is asked once (single flight).
 *
 * A receiver that let a question time out is not asked again for half a minute.
 *
 * Only this module's own question writes the table.  Thread: any.
 */
struct verify;

struct verify_options {
	const struct reach *reach; /* lives on */
	struct pool *pool;         /* lives on */
	int64_t timeout_ms;        /* for one answer, all steps together */
	int64_t yes_ttl_ms, no_ttl_ms;
	int cache_max;
	int connections_max; /* questions at once */
	/* asked - called when a receiver has answered anything at all. */
	void (*answered)(void *ctx, const char *key);
	void *ctx;
};

int verify_new(struct verify **v, const struct verify_options *o,
	       struct err *e);
void verify_free(struct verify **v); /* when nobody asks any more */

/* verify_forget - routes changed: what was remembered may be wrong. */
void verify_forget(struct verify *v);

enum verify_answer {
	VERIFY_YES,         /* 2xx, in *r */
	VERIFY_NO,          /* 5xx, in *r: the receiver's own words */
	VERIFY_LATER,       /* 4xx to RCPT, in *r */
	VERIFY_UNREACHABLE, /* could not be asked; *r says why */
};

/*
 * verify_ask - about `address` (as the client wrote it; `canonical` is what the
 * table is keyed by) at the receiver that the way leads to.
 */
enum verify_answer verify_ask(struct verify *v, const struct way *way,
			      const char *address, const char *canonical,
			      struct smtp_reply *r);

/* verify_known - what is remembered of the address, without asking; false:
 * nothing.  *left_ms: for how long still. */
bool verify_known(struct verify *v, const char *key, const char *canonical,
		  enum verify_answer *answer, struct smtp_reply *r,
		  int64_t *left_ms);

#endif
