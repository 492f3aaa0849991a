#ifndef PP_NET_DNS_RDATA_H
#define PP_NET_DNS_RDATA_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * The data of DNS records, from the wire (RFC 1035 3.3, without compression) to
 * what mail needs.  Anybody may have written it: whatever is not exactly of its
 * form is refused, with -1.  Pure; any thread.
 */
enum {
	DNS_NAME_SIZE = 256,   /* RFC 1035 2.3.4: 255 octets */
	DNS_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
	DNS_TXT_SIZE = 1024,
};

/*
 * dns_rdata_name - the name at the start of *rdata, which is moved past it, as
 * a host name: lower case, no dot at its end, "" for the root.  A name with
 * other bytes than letters, digits, '-' and '_' is no host.
 */
int dns_rdata_name(struct span *rdata, char name[DNS_NAME_SIZE]);

/* RFC 1035 3.3.9; host "" is a null MX (RFC 7505). */
struct dns_mx {
	uint16_t preference;
	char host[DNS_NAME_SIZE];
};
int dns_rdata_mx(struct span rdata, struct dns_mx *mx);

/* dns_rdata_address - of an A (4 bytes) or AAAA (16) record. */
int dns_rdata_address(struct span rdata, char text[DNS_ADDRESS_SIZE]);

/* RFC 6698 2.1; data borrows from rdata and is of the length that a digest
 * must have. */
struct dns_tlsa {
	uint8_t usage, selector, matching;
	struct span data;
};
int dns_rdata_tlsa(struct span rdata, struct dns_tlsa *tlsa);

/* dns_rdata_txt - the strings of a TXT record in one (RFC 1035 3.3.14). */
int dns_rdata_txt(struct span rdata, char text[DNS_TXT_SIZE]);

#endif
