#include "queue_dir.h"

#include "base/log.h"
#include "queue/trail.h"

#define A "aaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbb"

/* What reading gave: "> text\n" for each line. */
struct read {
	unsigned n, damaged;
	char text[64 * 1024];
};

static void
see(void *ctx, int64_t wall_ms, char direction, struct span text)
{
	struct read *r = ctx;
	size_t at = strlen(r->text);

	assert_true(wall_ms > 1700000000000);
	r->n++;
	(void)snprintf(r->text + at, sizeof(r->text) - at, "%c %.*s\n",
		       direction, (int)text.n, text.p);
}

static struct read *
read_all(struct trail *t, const char *id)
{
	struct read *r = calloc(1, sizeof(*r));
	struct err e;

	assert_non_null(r);
	if (trail_read(t, id, see, r, &r->damaged, &e) != 0)
		fail_msg("%s", e.msg);
	return r;
}

static struct trail *
open_trail(const struct queue_dir *d, int64_t file_bytes)
{
	struct trail *t = NULL;
	struct err e;

	if (trail_open(&t, d->fd, file_bytes, &e) != 0)
		fail_msg("%s", e.msg);
	return t;
}

static void
write_hop(struct trail *t, const char *id, const char *text)
{
	struct trail_hop h;

	trail_hop_begin(&h);
	trail_hop_line(&h, '>', span_of(text));
	trail_write(t, id, &h);
}

static void
each_message_has_its_own_lines_in_order(void **state)
{
	struct queue_dir d;
	struct trail_hop h;

	(void)state;
	queue_dir_make(&d);
	struct trail *t = open_trail(&d, TRAIL_FILE_BYTES);
	trail_hop_begin(&h);
	trail_hop_linef(&h, '=', "hop %d", 1);
	trail_hop_line(&h, '>', span_of("RCPT TO:<x " B " y>\r\n"));
	trail_hop_line(&h, '<', span_of("250 \x1b[31mred\n" A " "));
	trail_write(t, A, &h);
	write_hop(t, B, "other");
	write_hop(t, A, "later");
	trail_free(&t);
	t = open_trail(&d, TRAIL_FILE_BYTES); /* as after a restart */
	write_hop(t, A, "last");
	struct read *r = read_all(t, A);
	assert_string_equal(r->text, "= hop 1\n> RCPT TO:<x " B " y>\n"
				     "< 250 ?[31mred?" A "\n> later\n> last\n");
	assert_int_equal(r->damaged, 0);
	free(r);
	r = read_all(t, B);
	assert_string_equal(r->text, "> other\n");
	free(r);
	r = read_all(t, "cccccccccccccccc");
	assert_int_equal(r->n, 0);
	free(r);
	trail_free(&t);
	queue_dir_remove(&d);
}

static void
the_ring_is_bounded_and_keeps_the_newest(void **state)
{
	struct queue_dir d;
	char id[RAND_ID_SIZE], name[32];
	struct stat st;
	int64_t size = 0;

	(void)state;
	queue_dir_make(&d);
	struct trail *t = open_trail(&d, 4096);
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(id, sizeof(id), "%016u", i);
		write_hop(t, id, "EHLO a host with a longer name");
	}
	for (int i = 0; i < TRAIL_FILES; i++) {
		(void)snprintf(name, sizeof(name), "trails/trail-%d", i);
		assert_int_equal(fstatat(d.fd, name, &st, 0), 0);
		size += st.st_size;
	}
	assert_in_range(size, 6 * 4096, TRAIL_FILES * 4096);
	struct read *r = read_all(t, "0000000000001999");
	assert_int_equal(r->n, 1);
	free(r);
	r = read_all(t, "0000000000000001");
	assert_int_equal(r->n, 0);
	free(r);
	trail_free(&t);
	queue_dir_remove(&d);
}

static void
a_talkative_message_is_cut_short(void **state)
{
	struct queue_dir d;
	struct trail_hop h;

	(void)state;
	queue_dir_make(&d);
	struct trail *t = open_trail(&d, TRAIL_FILE_BYTES);
	for (int hop = 0; hop < 6; hop++) {
		trail_hop_begin(&h);
		for (int i = 0; i < 1000; i++)
			trail_hop_linef(&h, '>', "hop %d line %d", hop, i);
		trail_hop_linef(&h, '=', "hop %d ends", hop);
		trail_write(t, A, &h);
	}
	struct read *r = read_all(t, A);
	assert_in_range(strlen(r->text), 4096, TRAIL_MESSAGE_MAX);
	assert_non_null(strstr(r->text, "= hop 0 ends\n"));
	assert_null(strstr(r->text, "hop 5 line"));
	assert_non_null(strstr(r->text, "= hop 5 ends\n"));
	free(r);
	trail_free(&t);
	queue_dir_remove(&d);
}

static void
damage_is_passed_over(void **state)
{
	static const char torn[] = "0badc0de " A " 17950000";
	struct queue_dir d;

	(void)state;
	queue_dir_make(&d);
	struct trail *t = open_trail(&d, TRAIL_FILE_BYTES);
	write_hop(t, A, "one");
	write_hop(t, A, "two");
	trail_free(&t);
	int fd = openat(d.fd, "trails/trail-0", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "#", 1, 35), 1);
	assert_true(lseek(fd, 0, SEEK_END) > 0);
	assert_int_equal(write(fd, torn, sizeof(torn) - 1), sizeof(torn) - 1);
	(void)close(fd);
	t = open_trail(&d, TRAIL_FILE_BYTES);
	write_hop(t, A, "three");
	struct read *r = read_all(t, A);
	assert_string_equal(r->text, "> two\n> three\n");
	assert_int_equal(r->damaged, 2);
	free(r);
	trail_free(&t);
	queue_dir_remove(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_has_its_own_lines_in_order),
		cmocka_unit_test(the_ring_is_bounded_and_keeps_the_newest),
		cmocka_unit_test(a_talkative_message_is_cut_short),
		cmocka_unit_test(damage_is_passed_over),
	};

	(void)log_open(NULL, LOG_ERROR, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
