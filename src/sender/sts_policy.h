#ifndef PP_SENDER_STS_POLICY_H
#define PP_SENDER_STS_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * What a domain says about TLS to its mail servers (MTA-STS, RFC 8461): the TXT
 * record that announces a policy and the policy itself.  Both are a stranger's
 * words.  Pure; any thread.
 */
enum {
	STS_ID_SIZE = 33,           /* RFC 8461 3.1: 1 to 32 */
	STS_MX_MAX = 32,            /* patterns */
	STS_MX_SIZE = 256,          /* a domain name */
	STS_POLICY_MAX = 64 * 1024, /* RFC 8461 3.3 */
	STS_AGE_MAX_S = 31557600,   /* 3.2: about a year */
};

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	int64_t max_age_s;
	unsigned n_mx;
	char mx[STS_MX_MAX][STS_MX_SIZE]; /* lower case */
};

/* sts_record_parse - "v=STSv1; id=20160831085700Z;".  -1: it is none. */
int sts_record_parse(struct span text, char id[STS_ID_SIZE]);

/* sts_policy_parse - the body of the policy file (RFC 8461 3.2).  -1 (PERM):
 * why it is none. */
int sts_policy_parse(struct span text, struct sts_policy *p, struct err *e);

/* sts_policy_matches - may mail go to this host (lower case; 4.1)? */
bool sts_policy_matches(const struct sts_policy *p, const char *host);

/* sts_mode_name - "enforce" ... */
const char *sts_mode_name(enum sts_mode mode);

#endif
