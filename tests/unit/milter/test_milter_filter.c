/*
 * The filter with a milter that changes everything, once with every allocation
 * of the session failing in its turn: whatever happens, the policy's contract
 * holds and no answer promises what was not done (milter_play aborts else).
 */
#include "../test.h"

#include <stdlib.h>
#include <string.h>

#include "../../wire/milter_play.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "milter/milter_packet.h"

static _Thread_local bool in_session;
static _Thread_local long countdown;
static bool failed;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool
fails_now(void)
{
	if (!in_session || --countdown != 0)
		return false;
	failed = true;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

static void
watch_allocations(bool begins)
{
	in_session = begins;
}

/* ---- scripts --------------------------------------------------------------
 */

/* One packet more in one chunk. */
static void
put(struct buf *script, const char *packet, size_t n)
{
	const char head[] = { (char)(n + 4), 0, 0, 0, (char)n };

	assert_int_equal(buf_add(script, head, sizeof(head)), 0);
	assert_int_equal(buf_add(script, packet, n), 0);
}
#define PUT(script, packet) put(script, packet, sizeof(packet) - 1)

static void
put_times(struct buf *script, const char *letter, int n)
{
	while (n-- > 0)
		put(script, letter, 1);
}

enum {
	TO_DATA = 7, /* CONNECT HELO unknown MAIL RCPT RCPT DATA */
	CONTENT = 5, /* three fields, the header's end, the body */
};

static void
put_options(struct buf *script)
{
	PUT(script, "O\0\0\0\6\0\0\1\xff\0\0\0\0");
}

static void
put_changes(struct buf *script)
{
	PUT(script, "hX-New\0value\0");
	PUT(script, "i\0\0\0\0X-Top\0value\0");
	PUT(script, "m\0\0\0\1X\0\0");
	PUT(script, "-bob@xyz.com\0");
	PUT(script, "+far@xyz.com\0");
	PUT(script, "e<new@abc.com>\0");
	PUT(script, "bnew body\r\n");
	PUT(script, "qreason\0");
	PUT(script, "c");
}

static void
changes_arrive_whole(void **state)
{
	struct milter_play p = { .fallback = "tempfail", .timeout_ms = 20000 };
	struct buf script;

	(void)state;
	buf_init(&script, 10000);
	put_options(&script);
	put_times(&script, "c", TO_DATA + CONTENT);
	put_changes(&script);
	put_times(&script, "c", TO_DATA - 3 + CONTENT);
	put_changes(&script);
	p.script = buf_span(&script);
	milter_play(&p);
	assert_int_equal(p.stored, 2);
	assert_int_equal(p.last_code, 250);
	buf_free(&script);
}

static void
every_allocation_may_fail(void **state)
{
	enum { MORE_THAN_THERE_ARE = 2000 };
	struct milter_play p = { .fallback = "tempfail",
				 .timeout_ms = 20000,
				 .hook = watch_allocations };
	struct buf script;
	long n = 0;

	(void)state;
	buf_init(&script, 10000);
	put_options(&script);
	put_times(&script, "c", TO_DATA + CONTENT);
	put_changes(&script);
	/* one that failed is opened again for the second message */
	put_options(&script);
	put_times(&script, "c", TO_DATA + CONTENT);
	put_changes(&script);
	do {
		p.script = buf_span(&script);
		countdown = ++n;
		failed = false;
		milter_play(&p);
	} while (failed && n < MORE_THAN_THERE_ARE);
	assert_true(n > 20);
	assert_false(failed);
	buf_free(&script);
}

/* ---- a milter that says nothing -------------------------------------------
 */

static int
silent_after(int answers, const char *fallback, const struct wake *stop,
	     int timeout_ms)
{
	struct milter_play p = { .fallback = fallback,
				 .stop = stop,
				 .timeout_ms = timeout_ms };
	struct buf script;

	buf_init(&script, 10000);
	put_options(&script);
	put_times(&script, "c", answers);
	for (int i = 0; i < 50; i++)
		assert_int_equal(buf_add_char(&script, '\0'), 0);
	p.script = buf_span(&script);
	milter_play(&p);
	buf_free(&script);
	/* what it had accepted is no sign for what it has not */
	if (strcmp(fallback, "accept") != 0)
		assert_int_equal(p.stored, 0);
	return p.last_code;
}

static void
silence_is_the_fallback_at_every_step(void **state)
{
	(void)state;
	for (int n = 0; n < TO_DATA + CONTENT; n++) {
		assert_int_equal(silent_after(n, "tempfail", NULL, 5), 451);
		assert_int_equal(silent_after(n, "reject", NULL, 5), 550);
		assert_int_equal(silent_after(n, "accept", NULL, 5), 250);
	}
}

/* We stop: that is no reason to let a message pass unseen. */
static void
a_shutdown_lets_nothing_pass(void **state)
{
	struct wake stop;
	struct err e;

	(void)state;
	assert_int_equal(wake_init(&stop, &e), 0);
	wake_raise(&stop);
	int64_t begin = clock_mono_ms();
	assert_int_equal(silent_after(0, "tempfail", &stop, 60000), 421);
	assert_true(clock_mono_ms() - begin < 30000);
	wake_close(&stop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_arrive_whole),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(silence_is_the_fallback_at_every_step),
		cmocka_unit_test(a_shutdown_lets_nothing_pass),
	};

	return cmocka_run_group_tests_name("milter/milter_filter", tests, NULL,
					   NULL);
}
