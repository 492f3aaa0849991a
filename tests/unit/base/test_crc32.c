#include "../test.h"

#include "base/crc32.h"

/* The check value that every description of this CRC gives. */
static void
the_known_value(void **state)
{
	(void)state;
	assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_add(0, "", 0), 0);
}

static void
pieces_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; i <= 9; i++) {
		uint32_t crc = crc32_add(0, "123456789", i);
		assert_int_equal(crc32_add(crc, &"123456789"[i], 9 - i),
				 0xcbf43926);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_value),
		cmocka_unit_test(pieces_add_up),
	};

	return cmocka_run_group_tests_name("base/crc32", tests, NULL, NULL);
}
