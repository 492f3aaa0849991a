#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 4096 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) char data[];
};

void
arena_init(struct arena *a, size_t budget_bytes)
{
	*a = (struct arena){ .budget = budget_bytes };
}

void
arena_reset(struct arena *a)
{
	while (a->chunks != NULL) {
		struct arena_chunk *c = a->chunks;
		a->chunks = c->next;
		free(c);
	}
	a->used = 0;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);

	if (n > a->budget || a->used > a->budget - n)
		return NULL;
	n = (n + align - 1) / align * align;
	struct arena_chunk *c = a->chunks;
	if (c == NULL || c->size - c->used < n) {
		size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;
		c = calloc(1, sizeof(*c) + size);
		if (c == NULL)
			return NULL;
		c->size = size;
		c->next = a->chunks;
		a->chunks = c;
	}
	void *p = c->data + c->used;
	c->used += n;
	a->used += n;
	return p;
}

char *
arena_str(struct arena *a, struct span s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (p != NULL && s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}
