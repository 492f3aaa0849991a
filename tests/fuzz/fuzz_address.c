/*
 * Byte 0: parser flags; the rest is the text.  What the parser takes must have
 * the sizes of RFC 5321 4.5.3.1, and its canonical form must be an address
 * again whose canonical form is itself: else two lookups could disagree.
 */
#include "fuzz.h"

#include "mail/address.h"
#include "mail/utf8.h"

static void
check_canonical(const struct address *a)
{
	char canonical[ADDRESS_SIZE], again[ADDRESS_SIZE];
	struct span rest, local, domain;
	struct address b;
	char path[ADDRESS_SIZE + 2];

	FUZZ_CHECK(address_canonical(a, canonical) == 0);
	struct span text = span_of(canonical);
	for (size_t i = 0; i < text.n; i++)
		FUZZ_CHECK((unsigned char)text.p[i] >= ' ' &&
			   text.p[i] != 0x7f);
	/* A-labels may be longer than what they were made from */
	if (text.n + 2 > ADDRESS_PATH_MAX)
		return;
	(void)snprintf(path, sizeof(path), "<%s>", canonical);
	FUZZ_CHECK(address_parse_path(span_of(path),
				      ADDRESS_ALLOW_NULL |
					  ADDRESS_ALLOW_POSTMASTER |
					  ADDRESS_ALLOW_UTF8,
				      &b, &rest, NULL) == 0);
	FUZZ_CHECK(rest.n == 0);
	FUZZ_CHECK(address_canonical(&b, again) == 0);
	FUZZ_CHECK(strcmp(canonical, again) == 0);
	address_split(canonical, &local, &domain);
	FUZZ_CHECK(span_eq(local, b.local) && domain.n == b.domain.n);
}

static void
check_address(const struct address *a, struct span text, unsigned flags)
{
	char buf[ADDRESS_SIZE];
	struct span user, tag;

	FUZZ_CHECK(a->local.n <= ADDRESS_LOCAL_MAX);
	FUZZ_CHECK(a->domain.n <= ADDRESS_DOMAIN_MAX);
	FUZZ_CHECK(!a->is_null || (flags & ADDRESS_ALLOW_NULL));
	FUZZ_CHECK(a->is_null == (a->local.n == 0));
	FUZZ_CHECK(!a->is_utf8 || (flags & ADDRESS_ALLOW_UTF8));
	FUZZ_CHECK(utf8_is_valid(a->local) && utf8_is_valid(a->domain));
	FUZZ_CHECK(a->local.n == 0 ||
		   (a->local.p >= text.p && a->local.p < text.p + text.n));
	FUZZ_CHECK(a->domain.n == 0 ||
		   address_domain_is_valid(a->domain, a->is_utf8));
	FUZZ_CHECK(address_text(a, buf) == 0);
	(void)address_tag(a->local, &user, &tag);
	check_canonical(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a;
	struct span rest;
	struct err e;

	if (size == 0)
		return 0;
	unsigned flags = data[0] & 7;
	struct span text = span_make((const char *)data + 1, size - 1);

	if (address_parse_path(text, flags, &a, &rest, &e) == 0) {
		FUZZ_CHECK(rest.p > text.p && rest.p[-1] == '>');
		FUZZ_CHECK(rest.p + rest.n == text.p + text.n);
		FUZZ_CHECK(text.n - rest.n <= ADDRESS_PATH_MAX);
		check_address(&a, text, flags);
	} else {
		FUZZ_CHECK(e.class == ERR_PERM && e.msg[0] != '\0');
	}
	if (address_parse_mailbox(text, flags, &a, &e) == 0) {
		FUZZ_CHECK(a.local.n + 1 + a.domain.n == text.n);
		check_address(&a, text, flags);
	}
	return 0;
}
