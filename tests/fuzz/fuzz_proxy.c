/*
 * The PROXY header: what is read off a socket byte by byte is what the whole
 * says; nothing behind the header changes it, and no part of it is one.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>

#include "net/proxy.h"

struct result {
	int rc;
	size_t used;
	struct proxy_header h;
};

/* As a socket gives it: never more than surely belongs to the header. */
static struct result
read_slowly(struct span in)
{
	struct result r = { 0 };
	struct err e;
	size_t n = 0;

	for (;;) {
		struct span have = span_head(in, n);
		r.rc = proxy_parse(have, &r.h, &r.used, &e);
		if (r.rc != 0 || n == in.n)
			return r;
		size_t more = proxy_wants(have);
		FUZZ_CHECK(more >= 1 && n + more <= PROXY_HEADER_MAX);
		n = more < in.n - n ? n + more : in.n;
	}
}

/* Canonical text of an address. */
static void
check_address(const char *text)
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	char again[PROXY_ADDRESS_SIZE];
	unsigned char bytes[16];

	FUZZ_CHECK(inet_pton(family, text, bytes) == 1);
	FUZZ_CHECK(inet_ntop(family, bytes, again, sizeof(again)) != NULL);
	FUZZ_CHECK(strcmp(text, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make((const char *)data, size);
	struct result whole = { 0 };
	struct err e;

	whole.rc = proxy_parse(in, &whole.h, &whole.used, &e);
	struct result slow = read_slowly(in);
	FUZZ_CHECK(slow.rc == whole.rc);
	FUZZ_CHECK(whole.rc >= 0 || e.class == ERR_PROTO);
	if (whole.rc != 1)
		return 0;
	FUZZ_CHECK(whole.used == slow.used);
	FUZZ_CHECK(whole.used <= size && whole.used <= PROXY_HEADER_MAX);
	FUZZ_CHECK(memcmp(&whole.h, &slow.h, sizeof(whole.h)) == 0);
	FUZZ_CHECK(!(whole.h.local && whole.h.unknown));
	if (whole.h.local || whole.h.unknown)
		FUZZ_CHECK(whole.h.address[0] == '\0');
	else
		check_address(whole.h.address);
	/* one byte less is none yet */
	FUZZ_CHECK(proxy_parse(span_head(in, whole.used - 1), &whole.h,
			       &whole.used, &e) == 0);
	return 0;
}
