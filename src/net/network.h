#ifndef PP_NET_NETWORK_H
#define PP_NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/option.h"
#include "base/span.h"

/*
 * network - lists of addresses that a configuration names: "192.0.2.1",
 * "10.0.0.0/8", "2001:db8::/32", and "unix" for the clients of unix sockets.
 * An IPv4 address and the same one mapped into IPv6 (RFC 4291 2.5.5.2) are one.
 * Made once, then only looked at: any thread.
 */
struct network {
	unsigned char bytes[16];
	unsigned bits;
	bool is_unix;
};
struct network_list {
	struct network *v;
	size_t n;
};

/* network_parse - one word; -1 (PERM) when it is none of these, or has bits set
 * behind its prefix. */
int network_parse(struct span text, struct network *n, struct err *e);

/* network_list_new - from n words; -1: nothing to free. */
int network_list_new(struct network_list *l, char *const *words, size_t n,
		     struct err *e);
void network_list_free(struct network_list *l);

/* network_list_check - are all words of the configuration's `key` good? */
int network_list_check(const char *path, const char *key,
		       const struct option_list *words, struct err *e);

/* network_list_has - is this address, as a listener writes it, in the list? */
bool network_list_has(const struct network_list *l, const char *address);

#endif
