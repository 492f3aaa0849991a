/* The small modules of base: arena, err, rand, secret, thread. */
#include "../test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log_repeat.h"
#include "base/rand.h"
#include "base/secret.h"
#include "base/thread.h"

static void
an_arena_keeps_to_its_budget(void **state)
{
	struct arena a;
	size_t got = 0;

	(void)state;
	arena_init(&a, 10000);
	assert_null(arena_alloc(&a, 10001));
	assert_null(arena_alloc(&a, SIZE_MAX));
	for (unsigned char *p; (p = arena_alloc(&a, 100)) != NULL; got++) {
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (int i = 0; i < 100; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xee, 100);
	}
	assert_in_range(got, 80, 100);
	arena_reset(&a);
	assert_string_equal(arena_str(&a, span_of("again")), "again");
	assert_string_equal(arena_str(&a, span_make(NULL, 0)), "");
	assert_non_null(arena_alloc(&a, 9000)); /* larger than a chunk */
	arena_reset(&a);
}

static void
an_error_is_printable_and_bounded(void **state)
{
	char big[2000];
	struct err e;

	(void)state;
	assert_int_equal(err_set(&e, ERR_PROTO, 0, "got \"%s\"", "a\r\nb\x7f"),
			 -1);
	assert_string_equal(e.msg, "got \"a??b?\"");
	assert_int_equal(err_set(&e, ERR_TEMP, ENOSPC, "write"), -1);
	assert_int_equal(e.sys, ENOSPC);
	assert_non_null(strstr(e.msg, "write: "));
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(err_set(&e, ERR_PERM, ENOENT, "%s", big), -1);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(err_prefix(&e, "%s", big), -1);
	assert_int_equal(err_prefix(&e, "file:%d", 7), -1);
	assert_int_equal(strncmp(e.msg, "file:7: x", 9), 0);
	assert_true(strlen(e.msg) < sizeof(e.msg));
	assert_int_equal(err_set(NULL, ERR_PERM, 0, "nobody asks"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
	for (int c = ERR_TEMP; c <= ERR_BUG; c++)
		assert_string_not_equal(err_class_name((enum err_class)c),
					"unknown");
}

static void
ids_sort_by_time_and_do_not_repeat(void **state)
{
	char a[RAND_ID_SIZE], b[RAND_ID_SIZE];

	(void)state;
	rand_id(a);
	assert_int_equal(strlen(a), 16);
	for (int i = 0; i < 1000; i++) {
		rand_id(b);
		assert_string_not_equal(a, b);
		assert_true(memcmp(a, b, 8) <= 0);
		memcpy(a, b, sizeof(a));
	}
}

struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int came;
};

static void
come(void *arg)
{
	struct meeting *m = arg;
	char stack[4096];

	memset(stack, 1, sizeof(stack));
	(void)pthread_mutex_lock(&m->lock);
	m->came += stack[sizeof(stack) - 1];
	(void)pthread_cond_signal(&m->changed);
	(void)pthread_mutex_unlock(&m->lock);
}

static void
threads_and_timed_waits(void **state)
{
	struct meeting m = { .came = 0 };
	pthread_t t;
	struct err e;

	(void)state;
	(void)pthread_mutex_init(&m.lock, NULL);
	cond_init_mono(&m.changed);
	int64_t start = clock_mono_ms();
	(void)pthread_mutex_lock(&m.lock);
	assert_int_equal(cond_wait_until(&m.changed, &m.lock, start + 30), 1);
	assert_true(clock_mono_ms() >= start + 30);
	assert_int_equal(thread_start_joinable(&t, come, &m, &e), 0);
	while (m.came == 0)
		assert_int_equal(
		    cond_wait_until(&m.changed, &m.lock, start + 10000), 0);
	(void)pthread_mutex_unlock(&m.lock);
	assert_int_equal(pthread_join(t, NULL), 0);
	(void)pthread_cond_destroy(&m.changed);
	(void)pthread_mutex_destroy(&m.lock);
}

static void
a_wake_stays_raised(void **state)
{
	struct wake w;
	struct err e;

	(void)state;
	assert_int_equal(wake_init(&w, &e), 0);
	assert_false(wake_is_raised(&w));
	for (int i = 0; i < 3; i++) {
		errno = 77;
		wake_raise(&w);
		assert_int_equal(errno, 77);
		assert_true(wake_is_raised(&w));
	}
	wake_close(&w);
	wake_close(&w);
}

static void
a_secret_is_for_its_owner_and_group(void **state)
{
	static const struct {
		mode_t mode;
		bool fine;
	} modes[] = { { 0600, true },  { 0400, true },  { 0640, true },
		      { 0440, true },  { 0660, false }, { 0620, false },
		      { 0644, false }, { 0604, false }, { 0602, false },
		      { 0601, false } };
	char path[] = "/tmp/secret-XXXXXX";
	struct err e;

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(fchmod(fd, modes[i].mode), 0);
		assert_int_equal(secret_check(path, &e),
				 modes[i].fine ? 0 : -1);
		if (!modes[i].fine)
			assert_non_null(strstr(e.msg, path));
	}
	(void)close(fd);
	(void)unlink(path);
	assert_int_equal(secret_check(path, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(e.sys, ENOENT);
}

/* The vectors of draft-eastlake-fnv. */
static void
a_hash_is_fnv_1a(void **state)
{
	(void)state;
	assert_int_equal(hash_text(""), 0x811c9dc5u);
	assert_int_equal(hash_text("a"), 0xe40c292cu);
	assert_int_equal(hash_text("foobar"), 0xbf9cf968u);
	assert_int_equal(hash_span(span_of("foobar")), 0xbf9cf968u);
	assert_true(hash_text("\x80") != hash_text("\xff"));
	assert_true(hash_wide(span_of(""), HASH_WIDE_BASIS) ==
		    UINT64_C(0xcbf29ce484222325));
	assert_true(hash_wide(span_of("a"), HASH_WIDE_BASIS) ==
		    UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(hash_wide(span_of("foobar"), HASH_WIDE_BASIS) ==
		    UINT64_C(0x85944171f73967e8));
}

static void
an_age_is_not_negative(void **state)
{
	(void)state;
	assert_int_equal(clock_age_s(1795000060, 1795000000), 60);
	assert_int_equal(clock_age_s(1795000000, 1795000060), 0);
}

/* Each failing try of ten minutes, ten a second. */
static void
a_failure_that_goes_on_is_said_less_and_less(void **state)
{
	static const int64_t at[] = { 7,     1007,  3007,   7007,   15007,
				      31007, 63007, 127007, 255007, 511007 };
	struct log_repeat said = { 0 };
	size_t n = 0;

	(void)state;
	for (int64_t now = 7; now < 600 * 1000; now += 100) {
		if (!log_repeat_is_due(&said, now))
			continue;
		assert_true(n < sizeof(at) / sizeof(at[0]));
		assert_int_equal(now, at[n++]);
	}
	assert_int_equal(n, sizeof(at) / sizeof(at[0]));
	/* no longer than five minutes */
	assert_false(log_repeat_is_due(&said, 511007 + 299999));
	assert_true(log_repeat_is_due(&said, 511007 + 300000));
	assert_false(log_repeat_is_due(&said, 511007 + 300001));
	log_repeat_end(&said);
	assert_true(log_repeat_is_due(&said, 511007 + 300002));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_for_its_owner_and_group),
		cmocka_unit_test(a_hash_is_fnv_1a),
		cmocka_unit_test(an_age_is_not_negative),
		cmocka_unit_test(a_failure_that_goes_on_is_said_less_and_less),
		cmocka_unit_test(an_arena_keeps_to_its_budget),
		cmocka_unit_test(an_error_is_printable_and_bounded),
		cmocka_unit_test(ids_sort_by_time_and_do_not_repeat),
		cmocka_unit_test(threads_and_timed_waits),
		cmocka_unit_test(a_wake_stays_raised),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
