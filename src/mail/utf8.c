#include "mail/utf8.h"

/* Length of a sequence by its first byte, and the range of its second byte:
 * that range is what shuts out over-long forms, surrogates and everything
 * above U+10FFFF (RFC 3629 4). */
static size_t
sequence(unsigned char first, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (first < 0x80)
		return 1;
	if (first < 0xc2)
		return 0;
	if (first < 0xe0)
		return 2;
	if (first < 0xf0) {
		if (first == 0xe0)
			*low = 0xa0;
		if (first == 0xed)
			*high = 0x9f;
		return 3;
	}
	if (first > 0xf4)
		return 0;
	if (first == 0xf0)
		*low = 0x90;
	if (first == 0xf4)
		*high = 0x8f;
	return 4;
}

size_t
utf8_next(struct span s)
{
	unsigned char low, high;

	if (s.n == 0)
		return 0;
	size_t n = sequence((unsigned char)s.p[0], &low, &high);
	if (n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < low || c > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

bool
utf8_is_valid(struct span s)
{
	while (s.n > 0) {
		size_t n = utf8_next(s);
		if (n == 0)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

bool
utf8_is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] > 127)
			return false;
	}
	return true;
}
