#ifndef PP_SENDER_MX_H
#define PP_SENDER_MX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/dns.h"

/*
 * mx - the servers that take a domain's mail and their addresses, in the order
 * in which they are to be tried (RFC 5321 5.1).  Thread: any.
 */
enum {
	MX_HOSTS_MAX = 8,     /* the most preferred; RFC 5321 5.1 asks for 2 */
	MX_ADDRESSES_MAX = 4, /* of one host */
};

struct mx_host {
	char name[DNS_NAME_SIZE]; /* "" for an address literal */
	/* where its CNAMEs lead; the name itself when it has none */
	char canonical[DNS_NAME_SIZE];
	uint16_t preference;
	bool secure; /* DNSSEC vouches for the addresses */
	unsigned n_addresses;
	char addresses[MX_ADDRESSES_MAX][DNS_ADDRESS_SIZE]; /* IPv6 first */
};

struct mx_list {
	bool secure; /* DNSSEC vouches for the records, or for their absence */
	bool implicit; /* there are none: the domain itself (RFC 5321 5.1) */
	unsigned n;    /* >= 1 */
	struct mx_host hosts[MX_HOSTS_MAX];
};

struct mx_options {
	struct dns *dns;
	const char *hostname; /* ours */
	/* Names and addresses that are ours too: an MX that leads back to us is
	 * left out with all that are not better. */
	const char *const *own;
	size_t n_own;
	bool literals;      /* go to user@[192.0.2.1] */
	bool loopback;      /* go to 127.0.0.1 and the like */
	int64_t timeout_ms; /* for all questions together */
};

/* The reply that tells a failure; text is the err's. */
struct mx_fault {
	int code;
	const char *enhanced;
};

/*
 * mx_find - *list is to be given back with free(3).  -1: *fault is set;
 * PERM with 5xx when the domain takes no mail: no such domain (5.1.2), null MX
 * (5.1.10, RFC 7505), it leads back to us (5.4.6), no server of it has an
 * address (5.4.4); else the name servers did not tell (4.4.3), or STOP.
 */
int mx_find(const struct mx_options *o, const char *domain, int64_t deadline_ms,
	    const struct wake *stop, struct mx_list **list,
	    struct mx_fault *fault, struct err *e);

#endif
