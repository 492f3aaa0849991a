#include "../test.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/heap.h"

enum { N = 300 };

struct thing {
	struct heap_node node; /* first: a node is its thing */
	unsigned key, number;
	bool in;
};

static const struct thing *
thing_of(const struct heap_node *x)
{
	return (const struct thing *)x;
}

static bool
thing_before(const struct heap_node *a, const struct heap_node *b)
{
	const struct thing *x = thing_of(a), *y = thing_of(b);

	return x->key != y->key ? x->key < y->key : x->number < y->number;
}

/* The same numbers at each run. */
static unsigned
draw(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

/* Every node is where it belongs, and no other is there. */
static void
check_heap(const struct heap *h, const struct thing *v)
{
	size_t in = 0, seen = 0;

	for (unsigned i = 0; i < N; i++)
		in += v[i].in;
	assert_int_equal(h->n, in);
	for (const struct heap_node *x = heap_first(h); x != NULL;
	     x = heap_next(x)) {
		seen++;
		assert_true(thing_of(x)->in);
		if (x->up == NULL)
			assert_ptr_equal(h->top, x);
		else
			assert_false(thing_before(x, x->up));
		assert_true(x->left == NULL || x->left->up == x);
		assert_true(x->right == NULL || x->right->up == x);
		assert_true(x->left != NULL || x->right == NULL);
	}
	assert_int_equal(seen, in);
}

static void
fill(struct heap *h, struct thing *v, unsigned n, unsigned *seed)
{
	*h = (struct heap){ .before = thing_before };
	for (unsigned i = 0; i < N; i++)
		v[i] = (struct thing){ .key = draw(seed) % 50, .number = i };
	for (unsigned i = 0; i < n; i++) {
		heap_push(h, &v[i].node);
		v[i].in = true;
		check_heap(h, v);
	}
}

static void
the_least_comes_first(void **state)
{
	static struct thing v[N];
	unsigned seed = 1;
	struct heap h;

	(void)state;
	fill(&h, v, N, &seed);
	const struct thing *last = NULL;
	for (unsigned i = 0; i < N; i++) {
		struct heap_node *x = h.top;
		assert_true(last == NULL || thing_before(&last->node, x));
		last = thing_of(x);
		heap_take(&h, x);
	}
	assert_null(h.top);
	assert_int_equal(h.n, 0);
}

static void
any_may_leave_and_come_back(void **state)
{
	static struct thing v[N];
	unsigned seed = 7;
	struct heap h;

	(void)state;
	fill(&h, v, N / 2, &seed);
	for (unsigned i = 0; i < 5000; i++) {
		struct thing *t = &v[draw(&seed) % N];
		if (t->in) {
			t->key = draw(&seed) % 50; /* not asked for */
			heap_take(&h, &t->node);
		} else {
			heap_push(&h, &t->node);
		}
		t->in = !t->in;
		check_heap(&h, v);
	}
}

static void
a_new_order_holds(void **state)
{
	static struct thing v[N];
	struct heap h;

	(void)state;
	for (unsigned n = 0; n <= N; n += n < 20 ? 1 : 70) {
		unsigned seed = n;
		fill(&h, v, n, &seed);
		for (unsigned i = 0; i < N; i++)
			v[i].key = draw(&seed) % 50;
		heap_reorder(&h);
		check_heap(&h, v);
	}
}

static bool
is_odd(const void *ctx, const struct heap_node *x)
{
	++*(unsigned *)(uintptr_t)ctx;
	return thing_of(x)->number % 2 == 1;
}

static bool
is_high(const void *ctx, const struct heap_node *x)
{
	++*(unsigned *)(uintptr_t)ctx;
	return thing_of(x)->key >= 10;
}

static const struct heap_node *
least_by_walk(const struct heap *h, heap_may_fn *may)
{
	const struct heap_node *best = NULL;
	unsigned asked = 0;

	for (const struct heap_node *x = heap_first(h); x != NULL;
	     x = heap_next(x)) {
		if (may(&asked, x) && (best == NULL || thing_before(x, best)))
			best = x;
	}
	return best;
}

/* And only those are asked that come before it, and what is below these. */
static void
the_least_that_may_is_found(void **state)
{
	static struct thing v[N];
	struct heap h;

	(void)state;
	for (unsigned n = 0; n <= N; n++) {
		unsigned seed = n, asked = 0, before = 0;
		fill(&h, v, n, &seed);
		assert_ptr_equal(heap_least(&h, is_odd, &asked),
				 least_by_walk(&h, is_odd));
		asked = 0;
		assert_ptr_equal(heap_least(&h, is_high, &asked),
				 least_by_walk(&h, is_high));
		for (unsigned i = 0; i < n; i++)
			before += v[i].key < 10;
		assert_true(asked <= 2 * before + 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_comes_first),
		cmocka_unit_test(any_may_leave_and_come_back),
		cmocka_unit_test(a_new_order_holds),
		cmocka_unit_test(the_least_that_may_is_found),
	};

	return cmocka_run_group_tests_name("base/heap", tests, NULL, NULL);
}
