#include "net/dns_rdata.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

enum {
	LABEL_MAX = 63,
	SHA256_BYTES = 32,
	SHA512_BYTES = 64,
};

static bool
is_host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || span_is_digit(c) || c == '-' ||
	       c == '_';
}

int
dns_rdata_name(struct span *rdata, char name[DNS_NAME_SIZE])
{
	struct span s = *rdata;
	size_t n = 0;

	name[0] = '\0';
	for (;;) {
		if (s.n == 0)
			return -1;
		size_t label = (unsigned char)s.p[0];
		s = span_skip(s, 1);
		if (label == 0)
			break;
		/* the name, a dot, this label and the NUL */
		if (label > LABEL_MAX || label > s.n ||
		    n + 1 + label + 1 > DNS_NAME_SIZE)
			return -1;
		if (n > 0)
			name[n++] = '.';
		for (size_t i = 0; i < label; i++) {
			char c = (char)span_lower(s.p[i]);
			if (!is_host_byte(c))
				return -1;
			name[n++] = c;
		}
		s = span_skip(s, label);
	}
	name[n] = '\0';
	*rdata = s;
	return 0;
}

int
dns_rdata_mx(struct span rdata, struct dns_mx *mx)
{
	if (rdata.n < 3)
		return -1;
	mx->preference = (uint16_t)((unsigned char)rdata.p[0] << 8 |
				    (unsigned char)rdata.p[1]);
	rdata = span_skip(rdata, 2);
	return dns_rdata_name(&rdata, mx->host) == 0 && rdata.n == 0 ? 0 : -1;
}

int
dns_rdata_address(struct span rdata, char text[DNS_ADDRESS_SIZE])
{
	if (rdata.n != 4 && rdata.n != 16)
		return -1;
	return inet_ntop(rdata.n == 4 ? AF_INET : AF_INET6, rdata.p, text,
			 DNS_ADDRESS_SIZE) != NULL
		   ? 0
		   : -1;
}

int
dns_rdata_tlsa(struct span rdata, struct dns_tlsa *tlsa)
{
	if (rdata.n < 4)
		return -1;
	tlsa->usage = (uint8_t)rdata.p[0];
	tlsa->selector = (uint8_t)rdata.p[1];
	tlsa->matching = (uint8_t)rdata.p[2];
	tlsa->data = span_skip(rdata, 3);
	if ((tlsa->matching == 1 && tlsa->data.n != SHA256_BYTES) ||
	    (tlsa->matching == 2 && tlsa->data.n != SHA512_BYTES))
		return -1;
	return 0;
}

int
dns_rdata_txt(struct span rdata, char text[DNS_TXT_SIZE])
{
	size_t n = 0;

	text[0] = '\0';
	if (rdata.n == 0)
		return -1;
	while (rdata.n > 0) {
		size_t part = (unsigned char)rdata.p[0];
		rdata = span_skip(rdata, 1);
		if (part > rdata.n || part > DNS_TXT_SIZE - 1 - n ||
		    memchr(rdata.p, '\0', part) != NULL)
			return -1;
		memcpy(text + n, rdata.p, part);
		n += part;
		rdata = span_skip(rdata, part);
	}
	text[n] = '\0';
	return 0;
}
