#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_writer.h"
#include "base/thread.h"

/* The target is a pipe: what was written can be read, how often is counted. */
static int to[2];
static int writes;

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (fd == to[1])
		__atomic_add_fetch(&writes, 1, __ATOMIC_SEQ_CST);
	return __real_write(fd, p, n);
}

static void
put(const char *line, int now)
{
	log_writer_put(to[1], line, strlen(line), now);
}

/* The next bytes; waits for them. */
static void
assert_comes(const char *text)
{
	char got[4096];
	size_t n = 0;

	while (n < strlen(text)) {
		ssize_t part = read(to[0], got + n, strlen(text) - n);
		assert_true(part > 0);
		n += (size_t)part;
	}
	assert_memory_equal(got, text, n);
}

static int
setup(void **state)
{
	(void)state;
	writes = 0;
	return pipe2(to, O_CLOEXEC);
}

static int
teardown(void **state)
{
	(void)state;
	log_writer_stop();
	(void)close(to[0]);
	(void)close(to[1]);
	return 0;
}

static void
no_line_waits_before_the_start_or_after_the_stop(void **state)
{
	struct err e;

	(void)state;
	put("one\n", 0);
	assert_int_equal(writes, 1);
	assert_int_equal(log_writer_start(1000, &e), 0);
	put("two\n", 0);
	assert_int_equal(writes, 1);
	log_writer_stop();
	assert_int_equal(writes, 2);
	put("three\n", 0);
	assert_int_equal(writes, 3);
	assert_comes("one\ntwo\nthree\n");
}

static void
lines_go_together_by_themselves(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(log_writer_start(50, &e), 0);
	put("one\n", 0);
	put("two\n", 0);
	assert_comes("one\ntwo\n");
	put("three\n", 0); /* and again */
	assert_comes("three\n");
	assert_in_range(__atomic_load_n(&writes, __ATOMIC_SEQ_CST), 2, 3);
}

static void
an_urgent_line_takes_the_others_along(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(log_writer_start(1000, &e), 0);
	put("one\n", 0);
	put("two\n", 1);
	assert_int_equal(writes, 1);
	assert_comes("one\ntwo\n");
}

static void
more_than_fits_is_written_in_order(void **state)
{
	static char line[1000];
	struct err e;

	(void)state;
	assert_int_equal(log_writer_start(1000, &e), 0);
	for (int i = 0; i < 500; i++) {
		memset(line, 'a' + i % 26, sizeof(line) - 1);
		line[sizeof(line) - 2] = '\n';
		put(line, 0);
		if (i % 50 == 49) { /* the pipe holds 64 KiB */
			log_writer_put(to[1], "", 0, 1);
			for (int k = i - 49; k <= i; k++) {
				memset(line, 'a' + k % 26, sizeof(line) - 1);
				line[sizeof(line) - 2] = '\n';
				assert_comes(line);
			}
		}
	}
	assert_in_range(writes, 10, 20);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(no_line_waits_before_the_start_or_after_the_stop),
		T(lines_go_together_by_themselves),
		T(an_urgent_line_takes_the_others_along),
		T(more_than_fits_is_written_in_order),
	};

	return cmocka_run_group_tests_name("base/log_writer", tests, NULL,
					   NULL);
}
