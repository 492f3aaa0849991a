#ifndef PP_BASE_PEER_H
#define PP_BASE_PEER_H

#include <stdint.h>

#include "base/siphash.h"

/*
 * peer_party - who an address stands for, as a number that nobody can aim at
 * without the key: an IPv4 address for itself, an IPv6 address for its /64,
 * which is what one customer has, any other text for itself.
 */
uint64_t peer_party(const struct siphash_key *key, const char *address);

#endif
