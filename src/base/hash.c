#include "base/hash.h"

uint32_t
hash_span(struct span s)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return h;
}

uint32_t
hash_text(const char *s)
{
	return hash_span(span_of(s));
}

uint64_t
hash_wide(struct span s, uint64_t basis)
{
	uint64_t h = basis;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	return h;
}
