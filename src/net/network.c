#include "net/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 128, MAPPED_BITS = 96, ADDRESS_TEXT = 64 };

/* The 16 bytes of an address; IPv4 as ::ffff:a.b.c.d.  False: neither. */
static bool
to_bytes(const char *text, unsigned char bytes[16], bool *is_v4)
{
	*is_v4 = inet_pton(AF_INET, text, bytes + 12) == 1;
	if (!*is_v4)
		return inet_pton(AF_INET6, text, bytes) == 1;
	memset(bytes, 0, 10);
	bytes[10] = bytes[11] = 0xff;
	return true;
}

/* The first `bits` of both are the same. */
static bool
same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	unsigned mask = (0xff00U >> rest) & 0xffU;

	return memcmp(a, b, whole) == 0 &&
	       (rest == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool
is_clear_behind(const struct network *n)
{
	for (unsigned i = n->bits; i < BITS; i++) {
		if ((n->bytes[i / 8] & (0x80U >> i % 8)) != 0)
			return false;
	}
	return true;
}

int
network_parse(struct span text, struct network *n, struct err *e)
{
	long slash = span_find(text, '/', 0);
	struct span host = slash < 0 ? text : span_head(text, (size_t)slash);
	char address[ADDRESS_TEXT];
	bool is_v4 = false;
	uint64_t bits = 0;

	*n = (struct network){ .is_unix = span_eq(text, span_of("unix")) };
	if (n->is_unix)
		return 0;
	if (span_copy(host, address, sizeof(address)) != 0 ||
	    !to_bytes(address, n->bytes, &is_v4))
		return err_set(e, ERR_PERM, 0,
			       "%.*s is no address and no network",
			       SPAN_ARG(text));
	unsigned most = is_v4 ? BITS - MAPPED_BITS : BITS;
	bits = most;
	if (slash >= 0 &&
	    (span_u64(span_skip(text, (size_t)slash + 1), &bits) != 0 ||
	     bits > most))
		return err_set(e, ERR_PERM, 0, "%.*s: a prefix is 0 to %u",
			       SPAN_ARG(text), most);
	n->bits = (unsigned)bits + (is_v4 ? MAPPED_BITS : 0);
	if (!is_clear_behind(n))
		return err_set(e, ERR_PERM, 0,
			       "%.*s has bits set behind its prefix",
			       SPAN_ARG(text));
	return 0;
}

int
network_list_new(struct network_list *l, char *const *words, size_t n,
		 struct err *e)
{
	l->v = calloc(n + 1, sizeof(*l->v));
	l->n = 0;
	if (l->v == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "networks");
	for (; l->n < n; l->n++) {
		if (network_parse(span_of(words[l->n]), &l->v[l->n], e) != 0) {
			network_list_free(l);
			return -1;
		}
	}
	return 0;
}

void
network_list_free(struct network_list *l)
{
	free(l->v);
	*l = (struct network_list){ .v = NULL };
}

int
network_list_check(const char *path, const char *key,
		   const struct option_list *words, struct err *e)
{
	struct network_list l = { 0 };

	if (network_list_new(&l, words->v, words->n, e) != 0)
		return err_prefix(e, "%s: %s", path, key);
	network_list_free(&l);
	return 0;
}

bool
network_list_has(const struct network_list *l, const char *address)
{
	bool is_unix = strcmp(address, "unix") == 0, is_v4;
	unsigned char bytes[16];

	if (!is_unix && !to_bytes(address, bytes, &is_v4))
		return false;
	for (size_t i = 0; i < l->n; i++) {
		const struct network *n = &l->v[i];
		if (n->is_unix
			? is_unix
			: !is_unix && same_prefix(bytes, n->bytes, n->bits))
			return true;
	}
	return false;
}
