#include "base/span.h"

struct span
span_of(const char *s)
{
	return (struct span){ s, s == NULL ? 0 : strlen(s) };
}

bool
span_eq_nocase(struct span a, struct span b)
{
	return a.n == b.n && span_starts_nocase(a, b);
}

bool
span_starts_nocase(struct span s, struct span prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++) {
		if (span_lower(s.p[i]) != span_lower(prefix.p[i]))
			return false;
	}
	return true;
}

long
span_find(struct span s, char c, size_t from)
{
	if (from >= s.n)
		return -1;
	const char *hit = memchr(s.p + from, c, s.n - from);
	return hit == NULL ? -1 : (long)(hit - s.p);
}

struct span
span_skip(struct span s, size_t n)
{
	if (n >= s.n)
		return (struct span){ s.p == NULL ? NULL : s.p + s.n, 0 };
	return (struct span){ s.p + n, s.n - n };
}

struct span
span_head(struct span s, size_t n)
{
	return (struct span){ s.p, n < s.n ? n : s.n };
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = span_skip(s, 1);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct span
span_word(struct span *s)
{
	size_t i = 0;

	while (i < s->n && span_is_blank(s->p[i]))
		i++;
	*s = span_skip(*s, i);
	for (i = 0; i < s->n && !span_is_blank(s->p[i]); i++)
		;
	struct span word = span_head(*s, i);
	*s = span_skip(*s, i);
	return word;
}

int
span_u64(struct span s, uint64_t *value)
{
	uint64_t v = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (!span_is_digit(s.p[i]))
			return -1;
		unsigned digit = (unsigned)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return -1;
		v = v * 10 + digit;
	}
	*value = v;
	return 0;
}

int
span_copy(struct span s, char *dst, size_t size)
{
	if (size == 0)
		return -1;
	dst[0] = '\0';
	if (s.n >= size || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
		return -1;
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return 0;
}
