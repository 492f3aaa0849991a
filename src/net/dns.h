#ifndef PP_NET_DNS_H
#define PP_NET_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/thread.h"
#include "net/dns_rdata.h"

/*
 * dns - questions to the name servers, and whether DNSSEC vouches for the
 * answers; the only user of libunbound.  Answers are remembered as long as they
 * say.  Nothing is started before the first question.  Thread: any.
 */
struct dns;

struct dns_options {
	/* "127.0.0.1:53", "[::1]:5353": who is asked; none: what
	 * /etc/resolv.conf says. */
	const char *const *servers;
	size_t n_servers;
	/* File of keys in which trust begins; NULL: nothing is validated and
	 * no answer is secure. */
	const char *trust_anchor;
};

enum dns_type {
	DNS_A = 1,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_TLSA = 52,
};

enum dns_status {
	DNS_OK,      /* there are records */
	DNS_NO_DATA, /* the name has none of this type */
	DNS_NO_NAME, /* there is no such name */
	DNS_FAILED,  /* SERVFAIL, REFUSED, bogus ...: nothing is known */
};

enum dns_security {
	DNS_INSECURE,
	DNS_SECURE, /* validated, the absence of records too */
	DNS_BOGUS,  /* contradicts DNSSEC; the status is FAILED */
};

enum { DNS_RECORDS_MAX = 32, DNS_ANSWER_BYTES = 16 * 1024, DNS_WHY_SIZE = 200 };

struct dns_answer {
	enum dns_status status;
	enum dns_security security;
	bool cut; /* there were more records than we look at */
	char canonical[DNS_NAME_SIZE]; /* the end of the CNAMEs; or "" */
	char why[DNS_WHY_SIZE];        /* FAILED: the reason */
	int ttl_s;
	unsigned n;
	struct span rdata[DNS_RECORDS_MAX]; /* in bytes[] */
	char bytes[];
};

/* dns_new - options are copied.  -1 (PERM): a server or the file is unfit. */
int dns_new(struct dns **d, const struct dns_options *o, struct err *e);
void dns_free(struct dns **d); /* when nobody asks any more */

/*
 * A question under way: several may be begun before the first is waited for.
 * Each is to be ended with dns_await or dns_drop.
 */
struct dns_question;
int dns_begin(struct dns *d, const char *name, enum dns_type type,
	      struct dns_question **q, struct err *e);
void dns_drop(struct dns_question **q);

/*
 * dns_await - the answer, to be given back with free(3); *q is gone in any
 * case.  -1: TIMEOUT when deadline_ms (of clock_mono_ms) passes, STOP when
 * `stop` (may be NULL) is raised, TEMP.  An answer FAILED is an answer.
 */
int dns_await(struct dns_question **q, int64_t deadline_ms,
	      const struct wake *stop, struct dns_answer **a, struct err *e);

/* dns_ask - both. */
int dns_ask(struct dns *d, const char *name, enum dns_type type,
	    int64_t deadline_ms, const struct wake *stop, struct dns_answer **a,
	    struct err *e);

#endif
