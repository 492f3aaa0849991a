#ifndef PP_BASE_HEAP_H
#define PP_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * heap - many things, the least of them at hand.  The nodes are members of the
 * things and form a complete binary tree: nothing is allocated, so nothing
 * fails, and there is no array whose growth would copy everything at one
 * moment.  Push, and take of any node, cost O(log n) at worst.  No locks.
 *
 * before(a, b): does a come before b?
 */
struct heap_node {
	struct heap_node *up, *left, *right;
};

typedef bool heap_before_fn(const struct heap_node *a,
			    const struct heap_node *b);

/* HEAP_THING - whose member the node is. */
#define HEAP_THING(node, type, member) \
	((type *)((uintptr_t)(node)-offsetof(type, member)))

struct heap {
	struct heap_node *top; /* the least; NULL: empty */
	size_t n;
	heap_before_fn *before;
};

void heap_push(struct heap *h, struct heap_node *x);
/* heap_take - x, which is in h, leaves it.  Its own order is not asked for: it
 * may have changed before. */
void heap_take(struct heap *h, struct heap_node *x);

/* heap_first, heap_next - every node, in no order; NULL: that was the last. */
struct heap_node *heap_first(const struct heap *h);
struct heap_node *heap_next(const struct heap_node *x);

/* heap_least - the least of those that may; NULL: none.  It looks below those
 * that may not, and so takes about two steps for each of these before it. */
typedef bool heap_may_fn(const void *ctx, const struct heap_node *x);
struct heap_node *heap_least(const struct heap *h, heap_may_fn *may,
			     const void *ctx);

/* heap_reorder - their order was changed in place: O(n). */
void heap_reorder(struct heap *h);

#endif
