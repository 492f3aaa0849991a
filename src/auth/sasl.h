#ifndef PP_AUTH_SASL_H
#define PP_AUTH_SASL_H

#include <stdbool.h>

#include "auth/users.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/*
 * SASL server side (RFC 4422) over GNU SASL: PLAIN (RFC 4616) and LOGIN.
 * struct sasl is shared by all sessions of a server; struct sasl_exchange is
 * one AUTH command.
 */
struct sasl;
struct sasl_exchange;

enum { SASL_LINE_MAX = 12288 }; /* RFC 4954 4: base64 of one step */

int sasl_new(struct sasl **s, struct users *users, struct err *e);
void sasl_free(struct sasl **s);

/* sasl_mechanisms - "PLAIN LOGIN": what EHLO and CAPA announce. */
const char *sasl_mechanisms(const struct sasl *s);

enum sasl_result {
	SASL_CONTINUE,  /* send *challenge (base64), read a line, step again */
	SASL_OK,        /* *user is who logged in */
	SASL_REFUSED,   /* wrong credentials: 535 5.7.8 */
	SASL_MALFORMED, /* not base64 or not the mechanism's form: 501 5.5.2 */
	SASL_UNKNOWN,   /* no such mechanism: 504 5.5.4 */
	SASL_UNAVAILABLE, /* temporary failure, *e says why: 454 4.7.0 */
};

/*
 * sasl_start - begin with `mechanism` (any case); initial: base64 of the
 * initial response, "=" for an empty one, p == NULL for none.  *x is set for
 * CONTINUE only and must be given to sasl_step or sasl_cancel.
 */
enum sasl_result sasl_start(struct sasl *s, struct span mechanism,
			    struct span initial, struct sasl_exchange **x,
			    struct buf *challenge, struct user *user,
			    struct err *e);

/* sasl_step - the client's next base64 line; frees *x unless CONTINUE. */
enum sasl_result sasl_step(struct sasl_exchange **x, struct span line,
			   struct buf *challenge, struct user *user,
			   struct err *e);

void sasl_cancel(struct sasl_exchange **x); /* NULL-safe; the client sent "*" */

#endif
