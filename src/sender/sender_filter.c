#include <stdlib.h>

#include "base/clock.h"
#include "mail/submit.h"
#include "sender/sender_private.h"

/* The milters that submitted mail goes through. */

static int
read_setup(struct milter_setup **setup, const char *path,
	   const struct sender_options *o, struct err *e)
{
	return milter_setup_new(setup, path, &o->milter_section, "submission",
				&o->milters, e);
}

int
sender_filter_check(const char *path, const struct sender_options *o,
		    struct err *e)
{
	struct milter_setup *setup = NULL;

	if (read_setup(&setup, path, o, e) != 0)
		return -1;
	milter_setup_drop(&setup);
	return 0;
}

/*
 * The policy mends the header (RFC 6409 8) when it stores the message.  That is
 * too late for a milter that signs it, so it is done here before, in the same
 * way; a mended header needs no mending.
 */
static int
mend(void *sender, struct smtp_txn *txn, struct span block, struct buf *out,
     struct smtp_reply *refusal, struct err *e)
{
	const struct sender *s = sender;
	struct from_header from;

	if (sender_author_check(s, txn, block, &from, refusal) != 0)
		return 0;
	txn->redirected = from.redirected;
	const struct submit_facts f = {
		.id = txn->id,
		.host = s->hostname,
		.reverse_path = txn->reverse_text,
		.sender = from.needs_sender ? from.login : NULL,
		.wall_s = clock_wall_s(),
	};
	return submit_fix_header(block, &f, out, e) == 0 ||
		       sender_header_refused(e, refusal)
		   ? 0
		   : -1;
}

int
sender_filter_open(struct sender *s, struct err *e)
{
	const struct milter_filter_options o = {
		.policy = sender_policy_ops(),
		.policy_ctx = s,
		.hostname = s->hostname,
		.dirfd = s->data_fd,
		.size_max = s->o->size_max,
		.mend = mend,
	};

	if (milter_filter_new(&s->filter, &o, e) != 0)
		return -1;
	return sender_filter_use(s, s->o, e);
}

int
sender_filter_use(struct sender *s, const struct sender_options *o,
		  struct err *e)
{
	struct milter_setup *setup = NULL;

	if (read_setup(&setup, "configuration", o, e) != 0)
		return -1;
	milter_filter_use(s->filter, &setup);
	return 0;
}
