#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"

void
rand_bytes(void *p, size_t n)
{
	unsigned char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort(); /* no entropy system call: nothing is safe */
		}
		at += got;
		n -= (size_t)got;
	}
}

uint64_t
rand_u64(void)
{
	uint64_t v;

	rand_bytes(&v, sizeof(v));
	return v;
}

void
rand_id(char *buf)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t when = (uint64_t)(clock_wall_us() / 1000);
	uint64_t noise = rand_u64();

	for (int i = 7; i >= 0; i--, when >>= 5)
		buf[i] = digits[when & 31];
	for (int i = 15; i >= 8; i--, noise >>= 5)
		buf[i] = digits[noise & 31];
	buf[16] = '\0';
}
