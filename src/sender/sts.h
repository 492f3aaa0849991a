#ifndef PP_SENDER_STS_H
#define PP_SENDER_STS_H

#include "base/err.h"
#include "net/dns.h"
#include "sender/sts_policy.h"

/*
 * sts - the MTA-STS policies of domains (RFC 8461): announced by a TXT record,
 * fetched over HTTPS, kept in <data-dir>/sts, a file a domain, for as long as
 * they say.  A file that is damaged or not the domain's own counts for nothing.
 * Thread: any.
 */
struct sts;

enum {
	STS_DOMAINS_MAX = 2000, /* files kept; the oldest go first */
};

struct sts_options {
	struct dns *dns;        /* lives on */
	int data_fd;            /* lives on */
	int64_t timeout_ms;     /* for one fetch */
	const char *ca_file;    /* NULL: the system's; lives on */
	const char *connect_to; /* host:port instead of the policy host's, for
				   tests; NULL; lives on */
};

int sts_new(struct sts **s, const struct sts_options *o, struct err *e);
void sts_free(struct sts **s); /* when nobody asks any more */

/*
 * sts_find - the policy of a domain, to be given back with free(3); NULL when
 * it has none, or none can be had: mail then goes as without MTA-STS (5.1).
 * -1: STOP.
 */
int sts_find(struct sts *s, const char *domain, int64_t deadline_ms,
	     const struct wake *stop, struct sts_policy **p, struct err *e);

#endif
