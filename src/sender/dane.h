#ifndef PP_SENDER_DANE_H
#define PP_SENDER_DANE_H

#include "base/err.h"
#include "net/dns.h"
#include "net/tls.h"

/*
 * dane - what DNSSEC says of the certificate of a mail server (RFC 7672): the
 * TLSA records of _<port>._tcp.<host>.  Only for hosts whose own address
 * records are validated (2.2.2): others are not asked about.
 */
enum dane_kind {
	DANE_NONE,     /* nothing, or nothing that is validated */
	DANE_USABLE,   /* the certificate must match one of tlsa */
	DANE_UNUSABLE, /* there are records, of no use: TLS, with whomever (2.2)
			*/
	DANE_UNKNOWN,  /* bogus, or no answer: the host is not to be used now */
};

struct dane {
	enum dane_kind kind;
	char base[DNS_NAME_SIZE]; /* whose records: what the peer is called */
	char why[DNS_WHY_SIZE];   /* UNKNOWN: the reason */
	unsigned n;
	struct tls_tlsa tlsa[DNS_RECORDS_MAX];
	struct dns_answer *answer; /* which tlsa borrows from */
};

struct dane_host {
	const char *name;
	const char *canonical; /* where its CNAMEs lead; asked first (2.2.3) */
	uint16_t port;
};

/* dane_find - into *d, to be given back with dane_clear.  -1: STOP. */
int dane_find(struct dane *d, struct dns *dns, const struct dane_host *host,
	      int64_t deadline_ms, const struct wake *stop, struct err *e);
void dane_clear(struct dane *d);

/* dane_take - the records of one answer; *d is NONE before.  For dane_find. */
void dane_take(struct dane *d, const struct dns_answer *a);

#endif
