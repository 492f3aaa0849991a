#ifndef PP_BASE_BUF_H
#define PP_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/span.h"

/*
 * struct buf - a growing byte buffer that is born with a cap.
 * Reaching the cap or running out of memory makes the add fail and leaves the
 * content as it was before that add.  One thread at a time.
 */
struct buf {
	char *p;    /* NULL while empty; no terminator */
	size_t n;   /* bytes used */
	size_t cap; /* bytes allocated */
	size_t max; /* never more than this many bytes used */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_free(struct buf *b);  /* back to the state after buf_init */
void buf_clear(struct buf *b); /* n = 0, memory kept */

/* All adds: 0, or -1 with errno EMSGSIZE (cap) or ENOMEM; nothing added. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_add_span(struct buf *b, struct span s);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int buf_addv(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* buf_reserve - room for n more bytes at b->p + b->n. */
int buf_reserve(struct buf *b, size_t n);

/* buf_consume - drop the first n bytes (n <= b->n). */
void buf_consume(struct buf *b, size_t n);

static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->p, b->n };
}

#endif
