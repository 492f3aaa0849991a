#include "base/peer.h"

#include <arpa/inet.h>
#include <string.h>

uint64_t
peer_party(const struct siphash_key *key, const char *address)
{
	enum { IPV6_NETWORK_BYTES = 8, MAPPED_PREFIX = 12 };
	static const unsigned char mapped[MAPPED_PREFIX] = {
		[10] = 0xff, [11] = 0xff
	};
	unsigned char bytes[16];

	if (inet_pton(AF_INET, address, bytes) == 1)
		return siphash(key, bytes, 4);
	if (inet_pton(AF_INET6, address, bytes) != 1)
		return siphash(key, address, strlen(address));
	if (memcmp(bytes, mapped, MAPPED_PREFIX) == 0) /* RFC 4291 2.5.5.2 */
		return siphash(key, bytes + MAPPED_PREFIX, 4);
	return siphash(key, bytes, IPV6_NETWORK_BYTES);
}
