#include "receiver/receiver_private.h"

/* The milters that mail from outside goes through.  What comes by LMTP has had
 * those of the server that brings it. */

static int
read_setup(struct milter_setup **setup, const char *path,
	   const struct receiver_options *o, struct err *e)
{
	return milter_setup_new(setup, path, &o->milter_section, "smtp",
				&o->smtp_milters, e);
}

int
receiver_filter_check(const char *path, const struct receiver_options *o,
		      struct err *e)
{
	struct milter_setup *setup = NULL;

	if (read_setup(&setup, path, o, e) != 0)
		return -1;
	milter_setup_drop(&setup);
	return 0;
}

int
receiver_filter_open(struct receiver *r, struct err *e)
{
	const struct milter_filter_options o = {
		.policy = receiver_policy_ops(),
		.policy_ctx = r,
		.hostname = r->hostname,
		.dirfd = r->data_dir,
		.size_max = r->o->smtp_size_max,
	};

	if (milter_filter_new(&r->filter, &o, e) != 0)
		return -1;
	return receiver_filter_use(r, r->o, e);
}

int
receiver_filter_use(struct receiver *r, const struct receiver_options *o,
		    struct err *e)
{
	struct milter_setup *setup = NULL;

	if (read_setup(&setup, "configuration", o, e) != 0)
		return -1;
	milter_filter_use(r->filter, &setup);
	return 0;
}
