#include "../test.h"

#include <string.h>

#include "receiver/received_count.h"

static void
counts_only_the_header(void **state)
{
	struct received_count c = { 0 };

	(void)state;
	received_count_feed(&c, span_of("Received: a\r\n\tReceived: fold\r\n"
					"RECEIVED : b\r\nX-Received: c\r\n"
					"Received-SPF: d\r\nreceived:\r\n"
					"Subject: Received: e\r\n\r\n"
					"Received: body\r\n\r\nReceived: x"));
	assert_int_equal(c.n, 3);
}

static void
pieces_of_any_size_count_the_same(void **state)
{
	static const char text[] = "Received: a\r\nReceiver: b\r\n"
				   "Received: c\r\n\r\nReceived: d\r\n";

	(void)state;
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct received_count c = { 0 };
		struct span all = span_of(text);
		received_count_feed(&c, span_head(all, cut));
		received_count_feed(&c, span_skip(all, cut));
		assert_int_equal(c.n, 2);
	}
}

static void
an_empty_header_is_over_at_once(void **state)
{
	struct received_count c = { 0 };

	(void)state;
	received_count_feed(&c, span_of("\r\nReceived: a\r\n"));
	assert_int_equal(c.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_only_the_header),
		cmocka_unit_test(pieces_of_any_size_count_the_same),
		cmocka_unit_test(an_empty_header_is_over_at_once),
	};

	return cmocka_run_group_tests_name("receiver/received_count", tests,
					   NULL, NULL);
}
