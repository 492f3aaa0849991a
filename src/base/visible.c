#include "base/visible.h"

#include <stdint.h>

/*
 * The character that s begins with; its bytes, 0 when it is not well formed.
 * Over-long forms, surrogates and what is above U+10FFFF are none (RFC 3629 4).
 */
static size_t
decode(struct span s, uint32_t *uc)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = s.n == 0 ? 0xff : (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (c > 0xf4 || (c >= 0x80 && c < 0xc2) || n > s.n)
		return 0;
	*uc = n == 1 ? c : c & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		c = (unsigned char)s.p[i];
		if ((c & 0xc0) != 0x80)
			return 0;
		*uc = *uc << 6 | (c & 0x3f);
	}
	if (*uc < least[n] || *uc > 0x10ffff || (*uc >= 0xd800 && *uc < 0xe000))
		return 0;
	return n;
}

/* Bidi_Control of Unicode's PropList: the marks, embeddings, overrides and
 * isolates. */
static bool
is_bidi(uint32_t uc)
{
	return uc == 0x061c || uc == 0x200e || uc == 0x200f ||
	       (uc >= 0x202a && uc <= 0x202e) || (uc >= 0x2066 && uc <= 0x2069);
}

static bool
is_visible(uint32_t uc)
{
	return uc >= 0x20 && (uc < 0x7f || uc >= 0xa0) && uc != 0x2028 &&
	       uc != 0x2029 && !is_bidi(uc);
}

size_t
visible_next(struct span s)
{
	uint32_t uc = 0;
	size_t n = decode(s, &uc);

	return n > 0 && is_visible(uc) ? n : 0;
}

void
visible_defuse(char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t took = visible_next(span_make(s + i, n - i));

		if (took == 0)
			s[i++] = '?';
		i += took;
	}
}

void
visible_print(FILE *out, struct span text)
{
	while (text.n > 0) {
		size_t n = visible_next(text);

		(void)fwrite(n == 0 ? "?" : text.p, 1, n == 0 ? 1 : n, out);
		text = span_skip(text, n == 0 ? 1 : n);
	}
}

int
visible_json(FILE *out, struct span json)
{
	while (json.n > 0) {
		uint32_t uc = 0xfffd;
		size_t n = decode(json, &uc);

		if (n > 0 && (uc == '\n' || is_visible(uc)))
			(void)fwrite(json.p, 1, n, out);
		else
			(void)fprintf(out, "\\u%04x", (unsigned)uc);
		json = span_skip(json, n == 0 ? 1 : n);
	}
	return ferror(out) != 0 ? -1 : 0;
}
