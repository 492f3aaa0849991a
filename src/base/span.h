#ifndef PP_BASE_SPAN_H
#define PP_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * struct span - borrowed text: a pointer and a length, no terminator, may hold
 * any byte.  It never owns; whoever owns the bytes must outlive it.
 */
struct span {
	const char *p;
	size_t n;
};

/* Arguments for a "%.*s" conversion. */
#define SPAN_ARG(s) (int)((s).n > 1000 ? 1000 : (s).n), (s).p

static inline struct span
span_make(const char *p, size_t n)
{
	return (struct span){ p, n };
}

/* span_of - the text of a C string (NULL gives the empty span). */
struct span span_of(const char *s);

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII only: locale never changes what a protocol means. */
static inline unsigned char
span_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static inline bool
span_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
span_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* span_eq_nocase, span_starts_nocase - ASCII case-insensitive compares. */
bool span_eq_nocase(struct span a, struct span b);
bool span_starts_nocase(struct span s, struct span prefix);

/* span_find - offset of byte c at or after `from`, or -1. */
long span_find(struct span s, char c, size_t from);

/* span_skip - the span without its first n bytes (n capped at s.n). */
struct span span_skip(struct span s, size_t n);

/* span_head - at most the first n bytes. */
struct span span_head(struct span s, size_t n);

/* span_trim - without leading and trailing space, tab, CR, LF. */
struct span span_trim(struct span s);

/*
 * span_word - take the next word (run of bytes other than space and tab) off
 * *s, skipping blanks before it; empty when none is left.
 */
struct span span_word(struct span *s);

/*
 * span_u64 - whole span as an unsigned decimal; 0, or -1 when it is empty, has
 * another byte, or does not fit.
 */
int span_u64(struct span s, uint64_t *value);

/*
 * span_copy - copy as a C string into dst; -1 when it does not fit or holds a
 * NUL (dst is then "").
 */
int span_copy(struct span s, char *dst, size_t size);

#endif
