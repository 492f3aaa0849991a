#ifndef PP_MILTER_MILTER_FILTER_H
#define PP_MILTER_MILTER_FILTER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "milter/milter_setup.h"
#include "smtp/smtp_server.h"

/*
 * struct milter_filter - milters between the SMTP engine and a policy.  It is a
 * policy itself (milter_filter_ops, ctx is the filter) that asks the one behind
 * it first and then the milters, so that nobody bothers a milter with mail that
 * is not wanted anyhow.
 *
 * A message is kept here until the milters have seen it (milter_body.h), then
 * given to the policy as it has become: to the transaction it has, or, when a
 * milter refused a recipient or changed the envelope, to a second one of the
 * same id after the first was reset.  The policy stores and syncs it as ever;
 * only its answer lets the client hear 250.
 *
 * Without milters every call goes straight through.  Thread: any.
 */
struct milter_filter;

struct milter_filter_options {
	const struct smtp_server_ops *policy;
	void *policy_ctx;
	const char *hostname; /* {j}, {daemon_name}; borrowed */
	int dirfd;            /* where large messages wait; borrowed */
	int64_t size_max;     /* of a message; 0: none */
	/*
	 * mend - may be NULL: what the policy will do to the header, before
	 * the milters see it, so that they sign what is sent.  Appends to *out,
	 * or fills in *refusal; may set txn->redirected.  -1 with *e: as
	 * on_header.
	 */
	int (*mend)(void *policy_ctx, struct smtp_txn *txn, struct span block,
		    struct buf *out, struct smtp_reply *refusal, struct err *e);
};

int milter_filter_new(struct milter_filter **f,
		      const struct milter_filter_options *o, struct err *e);
void milter_filter_free(struct milter_filter **f); /* after all sessions */

/* milter_filter_use - from the next session on: takes over *setup, which may be
 * NULL (no milters). */
void milter_filter_use(struct milter_filter *f, struct milter_setup **setup);

const struct smtp_server_ops *milter_filter_ops(const struct milter_filter *f);

#endif
