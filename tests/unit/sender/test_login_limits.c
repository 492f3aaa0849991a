#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sender/login_limits.h"

static const int64_t HOUR = LOGIN_LIMITS_WINDOW_MS;
/* the beginning of an hour */
static const int64_t T = (int64_t)500000 * LOGIN_LIMITS_WINDOW_MS;

static struct login_limits *
open_limits(int dirfd, int64_t messages, int64_t recipients)
{
	const int64_t most[LOGIN_LIMITS] = { messages, recipients };
	struct login_limits *l = NULL;
	struct err e;

	assert_int_equal(login_limits_open(&l, dirfd, most, &e), 0);
	return l;
}

static int64_t
take(struct login_limits *l, const char *login, int64_t now_ms)
{
	bool first;

	return login_limits_take(l, login, LOGIN_MESSAGES, now_ms, &first);
}

static void
what_is_over_the_limit_is_put_off(void **state)
{
	int dirfd = *(int *)*state;
	struct login_limits *l = open_limits(dirfd, 3, 0);
	bool first = false;

	for (int i = 0; i < 3; i++)
		assert_int_equal(take(l, "alice@abc.com", T + HOUR / 2), 0);
	int64_t wait = login_limits_take(l, "alice@abc.com", LOGIN_MESSAGES,
					 T + HOUR / 2, &first);
	assert_true(wait > 0 && wait <= HOUR);
	assert_true(first);
	(void)login_limits_take(l, "alice@abc.com", LOGIN_MESSAGES,
				T + HOUR / 2, &first);
	assert_false(first); /* one warning */
	/* the time that is told is right, and not a second too long */
	assert_int_not_equal(
	    take(l, "alice@abc.com", T + HOUR / 2 + wait - 1000), 0);
	assert_int_equal(take(l, "alice@abc.com", T + HOUR / 2 + wait), 0);
	/* each login for itself, and no limit is none */
	assert_int_equal(take(l, "bob@abc.com", T), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(login_limits_take(l, "alice@abc.com",
						   LOGIN_RECIPIENTS, T, &first),
				 0);
	login_limits_free(&l);
}

static void
the_window_slides(void **state)
{
	int dirfd = *(int *)*state;
	struct login_limits *l = open_limits(dirfd, 10, 0);
	int taken = 0;

	for (int i = 0; i < 10; i++)
		assert_int_equal(take(l, "slide@abc.com", T + HOUR - 1), 0);
	/* the end of a window and the beginning of the next are no two */
	assert_int_not_equal(take(l, "slide@abc.com", T + HOUR), 0);
	while (take(l, "slide@abc.com", T + HOUR + HOUR / 2) == 0)
		taken++;
	assert_int_equal(taken, 5);
	login_limits_free(&l);
}

static void
what_was_not_used_is_given_back(void **state)
{
	int dirfd = *(int *)*state;
	struct login_limits *l = open_limits(dirfd, 1, 0);

	assert_int_equal(take(l, "back@abc.com", T), 0);
	assert_int_not_equal(take(l, "back@abc.com", T), 0);
	login_limits_give(l, "back@abc.com", LOGIN_MESSAGES, 1, T);
	assert_int_equal(take(l, "back@abc.com", T), 0);
	/* never more than there was */
	login_limits_give(l, "back@abc.com", LOGIN_MESSAGES, 5, T);
	assert_int_equal(take(l, "back@abc.com", T), 0);
	assert_int_not_equal(take(l, "back@abc.com", T), 0);
	login_limits_free(&l);
}

static void
a_restart_forgets_nothing(void **state)
{
	int dirfd = *(int *)*state;
	struct login_limits *l = open_limits(dirfd, 2, 2);
	bool first;

	assert_int_equal(take(l, "j\xc3\xb6rg@abc.com", T), 0);
	assert_int_equal(take(l, "\"a b\"@abc.com", T), 0);
	assert_int_equal(take(l, "\"a b\"@abc.com", T), 0);
	login_limits_free(&l);
	l = open_limits(dirfd, 2, 2);
	assert_int_equal(take(l, "j\xc3\xb6rg@abc.com", T), 0);
	assert_int_not_equal(take(l, "j\xc3\xb6rg@abc.com", T), 0);
	assert_int_not_equal(take(l, "\"a b\"@abc.com", T), 0);
	assert_int_equal(login_limits_take(l, "\"a b\"@abc.com",
					   LOGIN_RECIPIENTS, T, &first),
			 0);
	login_limits_free(&l);
	/* two hours later, and with the clock set back */
	l = open_limits(dirfd, 2, 2);
	assert_int_equal(take(l, "\"a b\"@abc.com", T + 2 * HOUR), 0);
	assert_int_equal(take(l, "j\xc3\xb6rg@abc.com", T - 5 * HOUR), 0);
	login_limits_free(&l);
}

static void
a_spoilt_file_is_no_reason_not_to_start(void **state)
{
	static const char text[] = "no line\n500000 1 0 0 0\n\n"
				   "500000 x 0 0 0 x@abc.com\n"
				   "500000 1 0 0 0 ok@abc.com\n500000 9 9";
	int dirfd = *(int *)*state;

	int fd = openat(dirfd, LOGIN_LIMITS_FILE, O_WRONLY | O_CREAT | O_TRUNC,
			0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1),
			 (ssize_t)sizeof(text) - 1);
	(void)close(fd);
	struct login_limits *l = open_limits(dirfd, 1, 0);
	assert_int_not_equal(take(l, "ok@abc.com", T), 0);
	assert_int_equal(take(l, "x@abc.com", T), 0);
	login_limits_free(&l);
}

static void
a_crowd_does_not_push_out_who_did_most(void **state)
{
	int dirfd = *(int *)*state;
	struct login_limits *l = open_limits(dirfd, 5, 100);
	char login[40];
	bool first;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(take(l, "heavy@abc.com", T), 0);
		assert_int_equal(login_limits_take(l, "heavy@abc.com",
						   LOGIN_RECIPIENTS, T, &first),
				 0);
	}
	for (int i = 0; i < LOGIN_LIMITS_MAX + 10; i++) {
		(void)snprintf(login, sizeof(login), "u%d@abc.com", i);
		assert_int_equal(take(l, login, T), 0);
	}
	assert_int_not_equal(take(l, "heavy@abc.com", T), 0);
	login_limits_free(&l);
}

static int dir_fd;
static char path[] = "/tmp/login-limits-XXXXXX";

static int
set_up(void **state)
{
	if (mkdtemp(path) == NULL)
		return -1;
	dir_fd = open(path, O_RDONLY | O_DIRECTORY);
	*state = &dir_fd;
	return dir_fd < 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlinkat(dir_fd, LOGIN_LIMITS_FILE, 0);
	(void)unlinkat(dir_fd, LOGIN_LIMITS_FILE ".new", 0);
	(void)close(dir_fd);
	return rmdir(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_over_the_limit_is_put_off),
		cmocka_unit_test(the_window_slides),
		cmocka_unit_test(what_was_not_used_is_given_back),
		cmocka_unit_test(a_restart_forgets_nothing),
		cmocka_unit_test(a_spoilt_file_is_no_reason_not_to_start),
		cmocka_unit_test(a_crowd_does_not_push_out_who_did_most),
	};
	struct err e;

	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	return cmocka_run_group_tests_name("sender/login_limits", tests, set_up,
					   tear_down);
}
