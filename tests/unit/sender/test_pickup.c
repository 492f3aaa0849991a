/* The maildrop directory: what stands there, and cannot be read. */
#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/durable.h"
#include "base/log.h"
#include "sender/pickup.h"

/* ---- looks at the directory -----------------------------------------------
 */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool failing;
static unsigned ended, failed; /* looks, so far */

struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

struct dirent *
__wrap_readdir(DIR *d)
{
	(void)pthread_mutex_lock(&lock);
	struct dirent *at = failing ? NULL : __real_readdir(d);
	ended += !failing && at == NULL;
	failed += failing;
	int sys = failing ? EIO : errno;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	errno = sys;
	return at;
}

/* The clock is ahead; so long did the program run. */
static _Atomic int64_t later_s, ran_s;

int64_t __real_clock_wall_s(void);
int64_t __wrap_clock_wall_s(void);

int64_t
__wrap_clock_wall_s(void)
{
	return __real_clock_wall_s() + later_s;
}

int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);

int64_t
__wrap_clock_mono_ms(void)
{
	return __real_clock_mono_ms() + ran_s * 1000;
}

static void
set_failing(bool on)
{
	(void)pthread_mutex_lock(&lock);
	failing = on;
	(void)pthread_mutex_unlock(&lock);
}

/* ---- a directory ----------------------------------------------------------
 */

static char top[64], drop[80], log_path[80];
static struct pickup *pickup;

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int
make(void **state)
{
	(void)state;
	failing = false;
	later_s = ran_s = 0;
	ended = failed = 0;
	(void)snprintf(top, sizeof(top), "/tmp/pp-pickup-XXXXXX");
	assert_non_null(mkdtemp(top));
	(void)snprintf(drop, sizeof(drop), "%s/drop", top);
	(void)snprintf(log_path, sizeof(log_path), "%s/log", top);
	assert_int_equal(mkdir(drop, 0700), 0);
	assert_int_equal(log_open(log_path, LOG_INFO, NULL), 0);
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	pickup_free(&pickup);
	(void)log_open("/dev/null", LOG_ERROR, NULL);
	(void)nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static const char *
path_of(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", drop, name);
	return path;
}

static void
put(const char *name, const char *text)
{
	struct err e;

	assert_int_equal(
	    durable_replace_path(path_of(name), span_of(text), 0600, &e), 0);
}

static void
assert_holds(const char *name, const char *text)
{
	char *bytes = NULL;
	size_t n = 0;
	struct err e;

	if (durable_read_file(AT_FDCWD, path_of(name), 10000, &bytes, &n, &e) !=
	    0)
		fail_msg("%s", e.msg);
	assert_string_equal(bytes, text);
	free(bytes);
}

static void
start(void)
{
	const struct pickup_options o = { .path = drop,
					  .hostname = "mx.test",
					  .size_max_bytes = 1 << 20 };
	struct err e;

	if (pickup_new(&pickup, &o, &e) != 0)
		fail_msg("%s", e.msg);
}

/* Until one more look has ended as `count` counts. */
static void
wait_one(const unsigned *count, unsigned more_than)
{
	(void)pthread_mutex_lock(&lock);
	while (*count <= more_than)
		(void)pthread_cond_wait(&changed, &lock);
	(void)pthread_mutex_unlock(&lock);
}

/* Something of no interest arrives, so that the directory is looked at. */
static void
look_again(const unsigned *count)
{
	(void)pthread_mutex_lock(&lock);
	unsigned before = *count;
	(void)pthread_mutex_unlock(&lock);
	put("dead.other", "");
	wait_one(count, before);
}

/* How many lines of the log have all of this. */
static unsigned
said(const char *one, const char *two)
{
	char *text = NULL, *at = NULL;
	size_t size;
	unsigned n = 0;

	assert_int_equal(
	    durable_read_file(AT_FDCWD, log_path, 1 << 20, &text, &size, NULL),
	    0);
	for (char *line = strtok_r(text, "\n", &at); line != NULL;
	     line = strtok_r(NULL, "\n", &at))
		n += strstr(line, one) != NULL && strstr(line, two) != NULL;
	free(text);
	return n;
}

/* ---- tests ----------------------------------------------------------------
 */

#define NAME "dddddddddddddddddddddddddddddddd"
#define NAME2 "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

/* It is no end: what was not seen in that look stands there all the same, and
 * is nothing new in the next. */
static void
an_error_is_not_the_end_of_the_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of(NAME), 0700), 0);
	assert_int_equal(mkdir(path_of(NAME "/below"), 0700), 0);
	start();
	wait_one(&ended, 0);
	set_failing(true);
	look_again(&failed);
	look_again(&failed);
	set_failing(false);
	look_again(&ended);
	pickup_free(&pickup);
	assert_int_equal(said("maildrop-stuck file=. ", "Input/output error"),
			 1);
	assert_int_equal(said("maildrop-stuck file=" NAME, ""), 1);
	assert_int_equal(said("maildrop-refused file=" NAME, ""), 1);
}

/* An earlier one of that name waits for a person, too. */
static void
a_damaged_file_replaces_no_other(void **state)
{
	(void)state;
	put("dead." NAME, "earlier");
	put(NAME, "no such message");
	start();
	wait_one(&ended, 0);
	pickup_free(&pickup);
	assert_holds("dead." NAME, "earlier");
	assert_holds("dead." NAME ".2", "no such message");
	assert_int_equal(said("maildrop-damaged file=" NAME, ""), 1);
}

/* Everybody can have something refused that asks for no report. */
static void
the_damaged_files_of_an_owner_are_bounded(void **state)
{
	char name[64];

	(void)state;
	for (int i = 0; i < 99; i++) {
		(void)snprintf(name, sizeof(name), "dead.%032x", (unsigned)i);
		put(name, "earlier");
	}
	put(NAME, "no such message");
	start();
	wait_one(&ended, 0);
	pickup_free(&pickup);
	assert_holds("dead." NAME, "no such message");
	/* one more */
	put(NAME2, "no such message");
	ended = 0;
	start();
	wait_one(&ended, 0);
	pickup_free(&pickup);
	assert_int_equal(access(path_of(NAME2), F_OK), -1);
	assert_int_equal(access(path_of("dead." NAME2), F_OK), -1);
	assert_int_equal(
	    said("maildrop-dropped file=" NAME2, "set aside already"), 1);
	assert_holds("dead." NAME, "no such message");
}

enum { DAY_S = 24 * 3600 };

/* Looks of which the last began after this call. */
static void
look_anew(void)
{
	look_again(&ended);
	look_again(&ended);
}

static void
a_damaged_file_is_kept_for_a_month(void **state)
{
	(void)state;
	put("dead." NAME, "no such message");
	start();
	later_s = ran_s = 29 * DAY_S;
	look_anew();
	assert_holds("dead." NAME, "no such message");
	later_s = ran_s = 31 * DAY_S;
	look_anew();
	pickup_free(&pickup);
	assert_int_equal(access(path_of("dead." NAME), F_OK), -1);
	assert_int_equal(said("maildrop-dead-removed file=dead." NAME, ""), 1);
}

/* Running, and at a start: what is old by a clock that is wrong stays. */
static void
a_clock_that_jumps_removes_nothing(void **state)
{
	(void)state;
	put("dead." NAME, "no such message");
	put("tmp." NAME, "being written");
	start();
	later_s = 365 * DAY_S;
	look_anew();
	ran_s = DAY_S;
	look_anew();
	pickup_free(&pickup);
	start();
	look_anew();
	later_s = 0;
	ran_s += DAY_S;
	look_anew();
	assert_holds("dead." NAME, "no such message");
	assert_holds("tmp." NAME, "being written");
	/* and goes when that time has passed */
	ran_s += 365 * DAY_S;
	later_s = 31 * DAY_S;
	look_anew();
	pickup_free(&pickup);
	assert_int_equal(access(path_of("dead." NAME), F_OK), -1);
	assert_int_equal(access(path_of("tmp." NAME), F_OK), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_error_is_not_the_end_of_the_directory),
		TEST(a_damaged_file_replaces_no_other),
		TEST(the_damaged_files_of_an_owner_are_bounded),
		TEST(a_damaged_file_is_kept_for_a_month),
		TEST(a_clock_that_jumps_removes_nothing),
	};

	return cmocka_run_group_tests_name("sender/pickup", tests, NULL, NULL);
}
