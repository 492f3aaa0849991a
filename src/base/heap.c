#include "base/heap.h"

/* The place of number i of a complete tree, counted from 1: the bits of i below
 * its highest one say the way, 0 left and 1 right. */
static struct heap_node **
place_of(struct heap *h, size_t i, struct heap_node **up)
{
	struct heap_node **at = &h->top;
	size_t bit = 1;

	*up = NULL;
	while (bit <= i / 2)
		bit *= 2;
	for (bit /= 2; bit > 0; bit /= 2) {
		*up = *at;
		at = (i & bit) != 0 ? &(*at)->right : &(*at)->left;
	}
	return at;
}

/* What points to x. */
static struct heap_node **
link_to(struct heap *h, const struct heap_node *x)
{
	if (x->up == NULL)
		return &h->top;
	return x->up->left == x ? &x->up->left : &x->up->right;
}

static void
adopt_kids(struct heap_node *x)
{
	if (x->left != NULL)
		x->left->up = x;
	if (x->right != NULL)
		x->right->up = x;
}

/* x and its parent change places. */
static void
rise(struct heap *h, struct heap_node *x)
{
	struct heap_node *p = x->up, old = *x;

	*link_to(h, p) = x;
	x->up = p->up;
	if (p->left == x) {
		x->left = p;
		x->right = p->right;
	} else {
		x->left = p->left;
		x->right = p;
	}
	p->left = old.left;
	p->right = old.right;
	adopt_kids(p);
	adopt_kids(x);
}

static void
rise_all(struct heap *h, struct heap_node *x)
{
	while (x->up != NULL && h->before(x, x->up))
		rise(h, x);
}

/* Returns what is in the place of x then. */
static struct heap_node *
sink_all(struct heap *h, struct heap_node *x)
{
	struct heap_node *here = NULL;

	for (;;) {
		struct heap_node *least = x;
		if (x->left != NULL && h->before(x->left, least))
			least = x->left;
		if (x->right != NULL && h->before(x->right, least))
			least = x->right;
		if (here == NULL)
			here = least;
		if (least == x)
			return here;
		rise(h, least);
	}
}

void
heap_push(struct heap *h, struct heap_node *x)
{
	struct heap_node *up, **at = place_of(h, ++h->n, &up);

	*x = (struct heap_node){ .up = up };
	*at = x;
	rise_all(h, x);
}

void
heap_take(struct heap *h, struct heap_node *x)
{
	struct heap_node *up, **at = place_of(h, h->n--, &up), *last = *at;

	*at = NULL;
	if (last == x)
		return;
	*last = *x;
	*link_to(h, x) = last;
	adopt_kids(last);
	(void)sink_all(h, last);
	rise_all(h, last);
}

static struct heap_node *
deepest(struct heap_node *x)
{
	while (x != NULL && x->left != NULL)
		x = x->left;
	return x;
}

struct heap_node *
heap_first(const struct heap *h)
{
	return deepest(h->top);
}

/* Children come before their parent. */
struct heap_node *
heap_next(const struct heap_node *x)
{
	struct heap_node *up = x->up;

	return up != NULL && up->left == x && up->right != NULL
		   ? deepest(up->right)
		   : up;
}

/* Of a walk with parents first, what comes when nothing below x is wanted. */
static struct heap_node *
beside(const struct heap_node *x)
{
	while (x->up != NULL && (x->up->right == x || x->up->right == NULL))
		x = x->up;
	return x->up != NULL ? x->up->right : NULL;
}

struct heap_node *
heap_least(const struct heap *h, heap_may_fn *may, const void *ctx)
{
	struct heap_node *best = NULL;

	for (struct heap_node *x = h->top; x != NULL;) {
		bool below = best == NULL || h->before(x, best);
		if (below && may(ctx, x)) {
			best = x;
			below = false;
		}
		x = below && x->left != NULL ? x->left : beside(x);
	}
	return best;
}

void
heap_reorder(struct heap *h)
{
	for (struct heap_node *x = heap_first(h); x != NULL;)
		x = heap_next(sink_all(h, x));
}
