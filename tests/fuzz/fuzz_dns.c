/*
 * The data of a DNS record.  A name that is taken is a host name and says the
 * same when it is written again; an MX is a preference and nothing but a name;
 * a TLSA's digest has its length; a text is what its strings hold.
 */
#include "fuzz.h"

#include "net/dns_rdata.h"

static void
check_host(const char *name)
{
	size_t n = strlen(name);

	FUZZ_CHECK(n < DNS_NAME_SIZE);
	FUZZ_CHECK(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789"
				     "-_.")] == '\0');
	FUZZ_CHECK(name[0] != '.' && (n == 0 || name[n - 1] != '.'));
	FUZZ_CHECK(strstr(name, "..") == NULL);
}

/* The wire form of a name, and back. */
static void
check_again(const char *name)
{
	char wire[DNS_NAME_SIZE + 2], again[DNS_NAME_SIZE];
	size_t n = 0;

	for (const char *p = name; *p != '\0';) {
		size_t label = strcspn(p, ".");
		wire[n++] = (char)label;
		memcpy(wire + n, p, label);
		n += label;
		p += label + (p[label] == '.');
	}
	wire[n++] = '\0';
	struct span s = span_make(wire, n);
	FUZZ_CHECK(dns_rdata_name(&s, again) == 0);
	FUZZ_CHECK(s.n == 0 && strcmp(name, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size), rest = in;
	char name[DNS_NAME_SIZE], address[DNS_ADDRESS_SIZE];
	char text[DNS_TXT_SIZE];
	struct dns_tlsa tlsa;
	struct dns_mx mx;

	if (dns_rdata_name(&rest, name) == 0) {
		check_host(name);
		check_again(name);
		FUZZ_CHECK(in.n - rest.n >= 1 + strlen(name));
	}
	if (dns_rdata_mx(in, &mx) == 0) {
		check_host(mx.host);
		FUZZ_CHECK(mx.preference == data[0] * 256 + data[1]);
		FUZZ_CHECK(size ==
			   3 + strlen(mx.host) + (mx.host[0] != '\0' ? 1 : 0));
	}
	if (dns_rdata_address(in, address) == 0)
		FUZZ_CHECK(size == 4 || size == 16);
	if (dns_rdata_tlsa(in, &tlsa) == 0)
		FUZZ_CHECK(tlsa.data.n == size - 3 &&
			   (tlsa.matching != 1 || tlsa.data.n == 32) &&
			   (tlsa.matching != 2 || tlsa.data.n == 64));
	if (dns_rdata_txt(in, text) == 0)
		FUZZ_CHECK(strlen(text) < size);
	return 0;
}
