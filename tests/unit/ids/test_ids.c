#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/durable.h"
#include "base/log.h"
#include "base/siphash.h"
#include "ids/ids.h"
#include "ids/ids_day.h"

/* The clocks, at some time of 2026-11-23. */
enum { DAY_S = 24 * 3600 };
static int64_t wall_s, mono_ms;

static int64_t
get_wall_s(void)
{
	return wall_s;
}

static int64_t
get_mono_ms(void)
{
	return mono_ms;
}

static void
pass(unsigned days)
{
	wall_s += (int64_t)days * DAY_S;
	mono_ms += (int64_t)days * DAY_S * 1000;
}

/* So many names are read, then EIO; 0: none fails. */
static int readdir_after;
struct dirent *__real_readdir(DIR *d);
struct dirent *__wrap_readdir(DIR *d);

struct dirent *
__wrap_readdir(DIR *d)
{
	if (readdir_after == 1) {
		errno = EIO;
		return NULL;
	}
	if (readdir_after > 1)
		readdir_after--;
	return __real_readdir(d);
}

static const char bob[] = "bob@xyz.com", carol[] = "carol@xyz.com";

struct world {
	char path[64];
	int dirfd;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	wall_s = 1795400000;
	mono_ms = 5000;
	readdir_after = 0;
	(void)snprintf(w->path, sizeof(w->path), "/tmp/pp-ids-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	w->dirfd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->dirfd >= 0);
	*state = w;
	return 0;
}

static void
day_name(unsigned ago, char name[16])
{
	(void)snprintf(name, 16, "%08u", (unsigned)ids_day_number(wall_s, ago));
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char name[16];

	wall_s = 1795400000 + 60 * DAY_S;
	for (unsigned ago = 0; ago < 90; ago++) {
		day_name(ago, name);
		(void)unlinkat(w->dirfd, name, 0);
	}
	(void)close(w->dirfd);
	(void)rmdir(w->path);
	free(w);
	return 0;
}

/* As the receiver has it: what is behind "/." is a folder. */
static struct span
owner_of(const char *recipient)
{
	const char *folder = strstr(recipient, "/.");

	return folder == NULL
		   ? span_of(recipient)
		   : span_make(recipient, (size_t)(folder - recipient));
}

static struct ids *
open_ids(const struct world *w, size_t max)
{
	struct ids_options o = { .dirfd = w->dirfd,
				 .max = max,
				 .days = 7,
				 .owner = owner_of,
				 .wall_s = get_wall_s,
				 .mono_ms = get_mono_ms };
	struct ids *ids = NULL;
	struct err e;

	if (ids_open(&ids, &o, &e) != 0)
		fail_msg("%s", e.msg);
	return ids;
}

static void
put_file(const struct world *w, const char *name, struct span text)
{
	struct err e;

	assert_int_equal(durable_replace(w->dirfd, name, text, 0600, &e), 0);
}

static int
put_line(struct buf *text, const char *id)
{
	return ids_day_format(text, span_of(id), span_of(bob));
}

static void
a_pair_is_stored_once(void **state)
{
	struct ids *ids = open_ids(*state, 100);

	assert_int_equal(ids_claim(ids, "a1", bob), IDS_CLAIMED);
	assert_int_equal(ids_claim(ids, "a1", bob), IDS_BUSY);
	assert_int_equal(ids_claim(ids, "a1", carol), IDS_CLAIMED);
	ids_keep(ids, "a1", bob);
	ids_drop(ids, "a1", carol);
	assert_int_equal(ids_claim(ids, "a1", bob), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "a1", carol), IDS_CLAIMED);
	ids_drop(ids, "a1", bob); /* what is kept stays */
	assert_int_equal(ids_claim(ids, "a1", bob), IDS_KNOWN);
	ids_free(&ids);
}

static void
a_restart_knows_what_was_flushed(void **state)
{
	struct ids *ids = open_ids(*state, 100);
	struct err e;

	ids_keep(ids, "a1", bob);
	assert_int_equal(ids_flush(ids, &e), 0);
	ids_keep(ids, "a2", "\"b b\"@xyz.com"); /* a blank in the mailbox */
	assert_int_equal(ids_flush(ids, &e), 0);
	ids_keep(ids, "a3", bob);
	ids_free(&ids);

	ids = open_ids(*state, 100);
	assert_int_equal(ids_claim(ids, "a1", bob), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "a2", "\"b b\"@xyz.com"), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "a3", bob), IDS_CLAIMED);
	ids_free(&ids);
}

static void
torn_and_damaged_lines_are_passed_over(void **state)
{
	const struct world *w = *state;
	struct buf text;
	char name[16];
	struct err e;

	buf_init(&text, 4096);
	assert_int_equal(put_line(&text, "a1"), 0);
	assert_int_equal(buf_add_str(&text, "00000000 a2 bob@xyz.com\n\n"), 0);
	assert_int_equal(put_line(&text, "a3"), 0);
	assert_int_equal(put_line(&text, "a4"), 0);
	day_name(0, name);
	put_file(w, name, span_make(text.p, text.n - 3)); /* torn */
	struct ids *ids = open_ids(w, 100);
	assert_int_equal(ids_claim(ids, "a1", bob), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "a2", bob), IDS_CLAIMED);
	assert_int_equal(ids_claim(ids, "a3", bob), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "a4", bob), IDS_CLAIMED);
	/* what is written behind the torn line is not torn with it */
	ids_keep(ids, "a5", bob);
	assert_int_equal(ids_flush(ids, &e), 0);
	ids_free(&ids);
	ids = open_ids(w, 100);
	assert_int_equal(ids_claim(ids, "a5", bob), IDS_KNOWN);
	ids_free(&ids);
	buf_free(&text);
}

/* Days that `ids` has not; each has a pair: "d<days ago>" and bob. */
static void
put_days(const struct world *w, unsigned from_ago, unsigned to_ago)
{
	struct buf text;
	char id[16], name[16];

	buf_init(&text, 4096);
	for (unsigned ago = from_ago + 1; ago-- > to_ago;) {
		buf_clear(&text);
		(void)snprintf(id, sizeof(id), "d%u", ago);
		assert_int_equal(put_line(&text, id), 0);
		day_name(ago, name);
		put_file(w, name, buf_span(&text));
	}
	buf_free(&text);
}

static unsigned
count_days(const struct world *w)
{
	unsigned n = 0;
	char name[16];

	for (unsigned ago = 0; ago < 60; ago++) {
		day_name(ago, name);
		n += faccessat(w->dirfd, name, F_OK, 0) == 0;
	}
	return n;
}

static bool
knows(struct ids *ids, const char *id)
{
	return ids_is_known(ids, id, bob);
}

static void
old_days_are_forgotten_and_removed(void **state)
{
	const struct world *w = *state;
	struct err e;

	put_days(w, 9, 1); /* nine files; the first two are too old */
	struct ids *ids = open_ids(w, 100);
	assert_false(knows(ids, "d9"));
	assert_true(knows(ids, "d8"));
	assert_true(knows(ids, "d1"));
	assert_int_equal(count_days(w), 8);
	/* the next goes a day later: it is over then, and a later one is there
	 */
	ids_keep(ids, "new", bob);
	assert_int_equal(ids_flush(ids, &e), 0);
	assert_true(knows(ids, "d8"));
	pass(1);
	assert_int_equal(ids_flush(ids, &e), 0);
	assert_false(knows(ids, "d8"));
	assert_true(knows(ids, "d7"));
	assert_true(knows(ids, "new"));
	assert_int_equal(count_days(w), 8);
	ids_free(&ids);
}

/* The first of some days is not the first: none goes, and the log says so. */
static void
days_that_cannot_be_listed_stay(void **state)
{
	const struct world *w = *state;
	char path[96], *text = NULL;
	size_t n = 0;
	struct err e;

	put_days(w, 9, 1);
	struct ids *ids = open_ids(w, 100);
	ids_keep(ids, "new", bob);
	assert_int_equal(ids_flush(ids, &e), 0);
	assert_int_equal(count_days(w), 9);
	(void)snprintf(path, sizeof(path), "%s/log", w->path);
	assert_int_equal(log_open(path, LOG_WARN, NULL), 0);
	pass(1);
	readdir_after = 11;
	assert_int_equal(ids_flush(ids, &e), 0);
	assert_int_equal(ids_flush(ids, &e), 0);
	(void)log_open("/dev/null", LOG_ERROR, NULL);
	assert_true(knows(ids, "d8"));
	assert_int_equal(count_days(w), 9);
	readdir_after = 0;
	assert_int_equal(durable_read_file(AT_FDCWD, path, 9999, &text, &n, &e),
			 0);
	const char *line = strstr(text, "delivery-ids-not-tidied");
	assert_non_null(line);
	assert_non_null(strstr(line, "Input/output error"));
	assert_null(strstr(line + 1, "delivery-ids-not-tidied"));
	free(text);
	assert_int_equal(unlink(path), 0);
	ids_free(&ids);
	/* nor does it start with some of them */
	struct ids_options o = { .dirfd = w->dirfd, .max = 100, .days = 7 };
	readdir_after = 5;
	assert_int_equal(ids_open(&ids, &o, &e), -1);
	assert_int_equal(e.sys, EIO);
	readdir_after = 0;
}

/* A month ahead and back, by the clock alone and with restarts in between. */
static void
a_clock_that_jumps_takes_no_ids_along(void **state)
{
	const struct world *w = *state;
	struct err e;

	put_days(w, 7, 0);
	struct ids *ids = open_ids(w, 100);
	wall_s += 30 * (int64_t)DAY_S;
	ids_keep(ids, "ahead", bob);
	assert_int_equal(ids_flush(ids, &e), 0);
	for (const char *id = "d7\0d6\0d1\0d0\0ahead\0"; *id != '\0';
	     id += strlen(id) + 1)
		assert_true(knows(ids, id));
	for (int restart = 0; restart < 20; restart++) {
		ids_free(&ids);
		ids = open_ids(w, 100);
		/* as when a day had passed, and no more */
		assert_true(knows(ids, "d5"));
		assert_true(knows(ids, "d0"));
		assert_true(knows(ids, "ahead"));
	}
	wall_s -= 30 * (int64_t)DAY_S;
	ids_keep(ids, "back", bob);
	assert_int_equal(ids_flush(ids, &e), 0);
	ids_free(&ids);
	ids = open_ids(w, 100);
	for (const char *id = "d5\0d0\0ahead\0back\0"; *id != '\0';
	     id += strlen(id) + 1)
		assert_true(knows(ids, id));
	ids_free(&ids);
}

/* Ids of the version that bound them to the client's address. */
static void
what_follows_a_slash_does_not_count(void **state)
{
	const struct world *w = *state;
	struct buf text;
	char name[16];
	struct err e;

	buf_init(&text, 4096);
	assert_int_equal(put_line(&text, "old.1/192.0.2.7"), 0);
	day_name(1, name);
	put_file(w, name, buf_span(&text));
	buf_free(&text);
	struct ids *ids = open_ids(w, 100);
	assert_true(knows(ids, "old.1"));
	ids_keep(ids, "old.2/2001:db8::1", bob); /* from an old journal */
	assert_true(knows(ids, "old.2"));
	assert_int_equal(ids_flush(ids, &e), 0);
	ids_free(&ids);
	ids = open_ids(w, 100);
	assert_true(knows(ids, "old.2"));
	ids_free(&ids);
}

static void
the_oldest_go_when_it_is_full(void **state)
{
	struct ids *ids = open_ids(*state, 10);
	char id[16];

	for (int i = 0; i < 25; i++) {
		(void)snprintf(id, sizeof(id), "m%d", i);
		assert_int_equal(ids_claim(ids, id, bob), IDS_CLAIMED);
		ids_keep(ids, id, bob);
	}
	assert_int_equal(ids_claim(ids, "m24", bob), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "m16", bob), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "m14", bob), IDS_CLAIMED);
	ids_free(&ids);
}

/* The example of the algorithm's paper. */
static void
siphash_is_siphash(void **state)
{
	struct siphash_key key = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
	unsigned char text[15];

	(void)state;
	for (unsigned char i = 0; i < sizeof(text); i++)
		text[i] = i;
	assert_true(siphash(&key, text, sizeof(text)) == 0xa129ca6149be45e5u);
}

/* The second try of a message may go to another folder of the same owner. */
static void
a_pair_is_of_the_owner_whatever_the_folder(void **state)
{
	const struct world *w = *state;
	struct ids *ids = open_ids(w, 10);
	struct err e;

	assert_int_equal(ids_claim(ids, "1", "bob@xyz.com/.Junk"), IDS_CLAIMED);
	assert_int_equal(ids_claim(ids, "1", bob), IDS_BUSY);
	ids_keep(ids, "1", "bob@xyz.com/.Junk");
	assert_int_equal(ids_claim(ids, "1", bob), IDS_KNOWN);
	assert_int_equal(ids_flush(ids, &e), 0);
	ids_free(&ids);
	ids = open_ids(w, 10);
	assert_int_equal(ids_claim(ids, "1", bob), IDS_KNOWN);
	assert_int_equal(ids_claim(ids, "1", "bob@xyz.com/.Junk"), IDS_KNOWN);
	ids_free(&ids);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pair_is_stored_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
		    a_restart_knows_what_was_flushed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    torn_and_damaged_lines_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    old_days_are_forgotten_and_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(days_that_cannot_be_listed_stay,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_clock_that_jumps_takes_no_ids_along, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_follows_a_slash_does_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(the_oldest_go_when_it_is_full,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_pair_is_of_the_owner_whatever_the_folder, setup,
		    teardown),
		cmocka_unit_test(siphash_is_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
