#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/durable.h"
#include "base/siphash.h"
#include "store/ids.h"
#include "store/ids_day.h"

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
	(void)snprintf(name, 16, "%08u", (unsigned)ids_day_number(ago));
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char name[16];

	for (unsigned ago = 0; ago < 20; ago++) {
		day_name(ago, name);
		(void)unlinkat(w->dirfd, name, 0);
	}
	(void)close(w->dirfd);
	(void)rmdir(w->path);
	free(w);
	return 0;
}

static struct ids *
open_ids(const struct world *w, size_t max)
{
	struct ids_options o = { .dirfd = w->dirfd, .max = max, .days = 7 };
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
	assert_int_equal(ids_day_format(&text, "a1", bob), 0);
	assert_int_equal(buf_add_str(&text, "00000000 a2 bob@xyz.com\n\n"), 0);
	assert_int_equal(ids_day_format(&text, "a3", bob), 0);
	assert_int_equal(ids_day_format(&text, "a4", bob), 0);
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

static void
old_days_are_forgotten_and_removed(void **state)
{
	const struct world *w = *state;
	struct buf text;
	char old[16], young[16];

	buf_init(&text, 4096);
	assert_int_equal(ids_day_format(&text, "a1", bob), 0);
	day_name(9, old);
	put_file(w, old, buf_span(&text));
	buf_clear(&text);
	assert_int_equal(ids_day_format(&text, "a2", bob), 0);
	day_name(6, young);
	put_file(w, young, buf_span(&text));
	struct ids *ids = open_ids(w, 100);
	assert_int_equal(ids_claim(ids, "a1", bob), IDS_CLAIMED);
	assert_int_equal(ids_claim(ids, "a2", bob), IDS_KNOWN);
	assert_int_not_equal(faccessat(w->dirfd, old, F_OK, 0), 0);
	assert_int_equal(faccessat(w->dirfd, young, F_OK, 0), 0);
	ids_free(&ids);
	buf_free(&text);
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
		cmocka_unit_test_setup_teardown(the_oldest_go_when_it_is_full,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_pair_is_of_the_owner_whatever_the_folder, setup,
		    teardown),
		cmocka_unit_test(siphash_is_siphash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
