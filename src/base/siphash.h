#ifndef PP_BASE_SIPHASH_H
#define PP_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * siphash - SipHash-2-4 (Aumasson and Bernstein, 2012) of n bytes: whoever does
 * not know the key cannot make two texts fall together.  Pure; any thread.
 */
struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *p, size_t n);

#endif
