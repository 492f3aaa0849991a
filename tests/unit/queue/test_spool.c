#include "../synced.h"
#include "queue_dir.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/durable.h"
#include "base/log.h"
#include "queue/spool_format.h"
#include "queue/spool_private.h"

static const struct spool_to two[] = {
	{ .address = "bob@xyz.com", .domain = "xyz.com" },
	{ .address = "\"a b\"@abc.com", .domain = "abc.com" }
};
static const char text[] = "Subject: hello\r\n\r\n.dot\r\nend\r\n";
static const char id[] = "0123456789abcdef";
static const char path[] = "queue/msg/0123456789abcdef";

static void
put_two(struct queue_dir *d)
{
	struct spool_msg *m =
	    queue_dir_put(d, id, "alice@abc.com", two, 2, text);

	spool_msg_free(&m);
}

static int
take_one(void *ctx, struct spool_msg *m, struct err *e)
{
	struct spool_msg **out = ctx;

	(void)e;
	assert_null(*out);
	*out = m;
	return 0;
}

/* Start anew and give back the only message, or NULL. */
static struct spool_msg *
restart(struct queue_dir *d)
{
	struct spool_msg *m = NULL;
	struct err e;

	spool_free(&d->spool);
	queue_dir_open_spool(d);
	if (spool_scan(d->spool, take_one, &m, &e) != 0)
		fail_msg("%s", e.msg);
	return m;
}

/* Put back, mended badly, or from a backup: under the name of an earlier one.
 */
static void
what_is_set_aside_replaces_nothing(void **state)
{
	static const char *const bytes[] = { "one", "two", "three" };
	static const char *const at[] = { "queue/damaged/bad",
					  "queue/damaged/bad.2",
					  "queue/damaged/bad.3" };
	struct queue_dir d;
	struct err e;

	(void)state;
	queue_dir_make(&d);
	for (size_t i = 0; i < 3; i++) {
		int fd =
		    openat(d.fd, "queue/msg/bad", O_CREAT | O_WRONLY, 0600);
		assert_int_equal(
		    durable_write(fd, bytes[i], strlen(bytes[i]), &e), 0);
		(void)close(fd);
		assert_null(restart(&d));
		assert_false(queue_dir_has(&d, "queue/msg/bad"));
	}
	for (size_t i = 0; i < 3; i++) {
		char *kept = NULL;
		size_t n = 0;
		assert_int_equal(
		    durable_read_file(d.fd, at[i], 100, &kept, &n, &e), 0);
		assert_string_equal(kept, bytes[i]);
		free(kept);
	}
	queue_dir_remove(&d);
}

static int
count_some(void *ctx, struct spool_msg *m, struct err *e)
{
	unsigned *n = ctx;

	*n += m->id[0] == 'q' && m->id[1] == 'q';
	spool_msg_free(&m);
	return *n < 250 ? 0 : err_set(e, ERR_TEMP, 0, "that will do");
}

/* Many are read by several threads; each comes once, the bad ones go. */
static void
a_long_queue_is_read_whole(void **state)
{
	struct queue_dir d;
	char name[64], one[RAND_ID_SIZE];
	struct err e;
	unsigned n = 0;

	(void)state;
	queue_dir_make(&d);
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(one, sizeof(one), "qq%014u", i);
		struct spool_msg *m =
		    queue_dir_put(&d, one, "a@abc.com", two, 1, text);
		spool_msg_free(&m);
		(void)snprintf(name, sizeof(name), "queue/msg/bad%u", i);
		if (i % 2 == 0)
			(void)close(
			    openat(d.fd, name, O_CREAT | O_WRONLY, 0600));
	}
	spool_free(&d.spool);
	queue_dir_open_spool(&d);
	assert_int_equal(spool_scan(d.spool, count_some, &n, &e), 0);
	assert_int_equal(n, 200);
	assert_true(queue_dir_has(&d, "queue/damaged/bad0"));
	assert_true(queue_dir_has(&d, "queue/damaged/bad198"));
	assert_false(queue_dir_has(&d, "queue/msg/bad198"));
	/* who takes them may say stop */
	n = 100;
	assert_int_equal(spool_scan(d.spool, count_some, &n, &e), -1);
	assert_string_equal(e.msg, "that will do");
	assert_int_equal(n, 250);
	queue_dir_remove(&d);
}

static void
assert_text(struct queue_dir *d, const struct spool_msg *m, const char *want)
{
	struct spool_reader *r = NULL;
	char got[256];
	struct err e;
	size_t n = 0;
	long part;

	assert_int_equal(spool_read_open(&r, d->spool, m, &e), 0);
	/* small pieces, as a slow peer takes them */
	while ((part = spool_read(r, got + n, 5, &e)) > 0)
		n += (size_t)part;
	assert_int_equal(part, 0);
	spool_read_close(&r);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
}

/* First the bytes, then the name: 250 is said after both. */
static void
a_message_is_synced_before_its_entry(void **state)
{
	struct queue_dir d;

	(void)state;
	queue_dir_make(&d);
	synced_forget();
	struct spool_msg *m = queue_dir_put(&d, id, "", two, 2, text);
	int file = synced_at(d.fd, path);
	assert_true(file > 0);
	assert_true(synced_at(d.fd, "queue/msg") > file);
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static void
a_message_survives_a_restart(void **state)
{
	struct queue_dir d;

	(void)state;
	queue_dir_make(&d);
	put_two(&d);
	struct spool_msg *m = restart(&d);
	assert_non_null(m);
	assert_string_equal(m->id, id);
	assert_string_equal(m->reverse_path, "alice@abc.com");
	assert_int_equal(m->arrival_s, 1795000000);
	assert_int_equal(m->n_recipients, 2);
	assert_string_equal(m->recipients[0].address, "bob@xyz.com");
	assert_string_equal(m->recipients[1].address, "\"a b\"@abc.com");
	assert_string_equal(m->recipients[1].domain, "abc.com");
	assert_int_equal(m->recipients[0].state, SPOOL_WAITING);
	assert_false(m->eight_bit);
	assert_text(&d, m, text);
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static void
eight_bit_text_is_noticed(void **state)
{
	struct queue_dir d;

	(void)state;
	queue_dir_make(&d);
	struct spool_msg *m =
	    queue_dir_put(&d, id, "", two, 1, "\r\nna\xc3\xafve\r\n");
	assert_true(m->eight_bit);
	spool_msg_free(&m);
	m = restart(&d);
	assert_non_null(m);
	assert_true(m->eight_bit);
	assert_string_equal(m->reverse_path, "");
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static void
results_survive_a_restart(void **state)
{
	const struct spool_result results[] = {
		{ .recipient = 1,
		  .state = SPOOL_DELIVERED,
		  .wall_s = 1795000010,
		  .reply = "250 2.0.0 ok" },
		{ .recipient = 0,
		  .state = SPOOL_WAITING,
		  .wall_s = 1795000011,
		  .reply = "451 4.3.0 a\r\nb" },
	};
	struct queue_dir d;
	struct err e;

	(void)state;
	queue_dir_make(&d);
	put_two(&d);
	struct spool_msg *m = restart(&d);
	assert_int_equal(spool_results(d.spool, m, results, 2, &e), 0);
	spool_msg_free(&m);
	m = restart(&d);
	assert_int_equal(m->recipients[1].state, SPOOL_DELIVERED);
	assert_int_equal(m->recipients[0].state, SPOOL_WAITING);
	assert_string_equal(m->recipients[0].reply, "451 4.3.0 a??b");
	assert_int_equal(m->recipients[0].attempt_s, 1795000011);
	assert_text(&d, m, text);
	assert_int_equal(spool_remove(d.spool, m, &e), 0);
	spool_msg_free(&m);
	assert_null(restart(&d));
	queue_dir_remove(&d);
}

/* Its name is a directory's, which unlink refuses; the file itself stands
 * beside it, as one of a disk that failed would. */
static void
refuse_removal(const struct queue_dir *d, bool refuse)
{
	if (refuse) {
		assert_int_equal(renameat(d->fd, path, d->fd, "aside"), 0);
		assert_int_equal(mkdirat(d->fd, path, 0700), 0);
	} else {
		assert_int_equal(unlinkat(d->fd, path, AT_REMOVEDIR), 0);
		assert_int_equal(renameat(d->fd, "aside", d->fd, path), 0);
	}
}

/* The same for good, of another one. */
static void
add_one_that_stays(struct queue_dir *d)
{
	static const char other[] = "queue/msg/eeeeeeeeeeeeeeee";
	struct spool_msg *m = queue_dir_put(d, other + strlen("queue/msg/"),
					    "alice@abc.com", two, 2, text);
	struct err e;

	assert_int_equal(unlinkat(d->fd, other, 0), 0);
	assert_int_equal(mkdirat(d->fd, other, 0700), 0);
	assert_int_equal(spool_remove(d->spool, m, &e), -1);
	spool_msg_free(&m);
}

/* Where the result could not be written either, a start would send it again. */
static void
what_could_not_be_removed_goes_when_it_can(void **state)
{
	struct queue_dir d;
	struct err e;

	(void)state;
	for (int stop = 0; stop < 2; stop++) {
		queue_dir_make(&d);
		put_two(&d);
		struct spool_msg *m = restart(&d);
		refuse_removal(&d, true);
		assert_int_equal(spool_remove(d.spool, m, &e), -1);
		assert_int_equal(e.sys, EISDIR);
		spool_msg_free(&m);
		add_one_that_stays(&d);
		refuse_removal(&d, false);
		assert_true(queue_dir_has(&d, path));
		if (stop == 0) {
			m = queue_dir_put(&d, "fedcba9876543210",
					  "alice@abc.com", two, 2, text);
			assert_int_equal(spool_remove(d.spool, m, &e), 0);
			spool_msg_free(&m);
			assert_false(queue_dir_has(&d, path));
		}
		spool_free(&d.spool);
		assert_false(queue_dir_has(&d, path));
		queue_dir_remove(&d);
	}
}

/* RFC 3461: what the client asked for is passed on and honoured days later. */
static void
what_was_asked_for_survives_a_restart(void **state)
{
	static const struct spool_to to[] = {
		{ .address = "bob@xyz.com",
		  .domain = "xyz.com",
		  .notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY,
		  .orcpt = "rfc822;Bob@xyz.com" },
		{ .address = "carol@xyz.com",
		  .domain = "xyz.com",
		  .notify = DSN_NOTIFY_NEVER },
		{ .address = "dave@xyz.com",
		  .domain = "xyz.com",
		  .orcpt = "utf-8;d\xc3\xa4ve@xyz.com" },
		{ .address = "eve@xyz.com", .domain = "xyz.com" },
	};
	const struct spool_envelope env = { .id = id,
					    .reverse_path = "alice@abc.com",
					    .ret = DSN_RET_FULL,
					    .envid = "QQ+2B1",
					    .to = to,
					    .n_to = 4 };
	const struct spool_result late = { .recipient = 3,
					   .state = SPOOL_WAITING,
					   .warned = true,
					   .wall_s = 1795000001,
					   .reply = "451 4.2.1 busy" };
	struct spool_writer *w = NULL;
	struct spool_msg *m = NULL;
	struct queue_dir d;
	struct err e;

	(void)state;
	queue_dir_make(&d);
	assert_int_equal(spool_begin(&w, d.spool, &env, &e), 0);
	assert_int_equal(spool_write(w, span_of(text), &e), 0);
	assert_int_equal(spool_commit(&w, &m, &e), 0);
	assert_int_equal(spool_results(d.spool, m, &late, 1, &e), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(m->ret, DSN_RET_FULL);
		assert_string_equal(m->envid, "QQ+2B1");
		for (unsigned i = 0; i < 4; i++) {
			const struct spool_rcpt *r = &m->recipients[i];
			assert_int_equal(r->notify, to[i].notify);
			if (to[i].orcpt == NULL)
				assert_null(r->orcpt);
			else
				assert_string_equal(r->orcpt, to[i].orcpt);
		}
		spool_msg_free(&m);
		m = restart(&d);
		assert_non_null(m);
	}
	assert_false(m->recipients[0].warned);
	assert_true(m->recipients[3].warned);
	assert_int_equal(m->recipients[3].state, SPOOL_WAITING);
	assert_string_equal(m->recipients[3].reply, "451 4.2.1 busy");
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static void
an_aborted_message_leaves_nothing(void **state)
{
	struct spool_envelope env = {
		.id = id, .reverse_path = "", .to = two, .n_to = 1
	};
	struct spool_writer *w = NULL;
	struct queue_dir d;
	struct err e;

	(void)state;
	queue_dir_make(&d);
	assert_int_equal(spool_begin(&w, d.spool, &env, &e), 0);
	assert_int_equal(spool_write(w, span_of("half"), &e), 0);
	assert_true(queue_dir_has(&d, "queue/tmp/0123456789abcdef"));
	spool_abort(&w);
	assert_false(queue_dir_has(&d, "queue/tmp/0123456789abcdef"));
	assert_false(queue_dir_has(&d, path));
	queue_dir_remove(&d);
}

static void
start_empties_tmp(void **state)
{
	struct queue_dir d;

	(void)state;
	queue_dir_make(&d);
	int fd = openat(d.fd, "queue/tmp/left", O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_null(restart(&d));
	assert_false(queue_dir_has(&d, "queue/tmp/left"));
	queue_dir_remove(&d);
}

/* The file as it is now. */
static char *
slurp(struct queue_dir *d, size_t *n)
{
	char *bytes = NULL;
	struct err e;

	assert_int_equal(durable_read_file(d->fd, path, 1 << 20, &bytes, n, &e),
			 0);
	return bytes;
}

static void
spill(struct queue_dir *d, const char *bytes, size_t n)
{
	int fd = openat(d->fd, path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	(void)close(fd);
}

/*
 * A crash may cut the file at any byte.  Before its end the message never was
 * accepted as this file: it is set aside.  After it, whole records count and a
 * torn one is cut off, so that the next record stands on a line of its own.
 */
static void
a_file_cut_at_any_byte_is_seen_through(void **state)
{
	const struct spool_result first = { .recipient = 0,
					    .state = SPOOL_DELIVERED,
					    .wall_s = 1,
					    .reply = "250 ok" };
	const struct spool_result second = { .recipient = 1,
					     .state = SPOOL_FAILED,
					     .wall_s = 2,
					     .reply = "550 no" };
	struct queue_dir d;
	size_t whole, one, both;
	struct err e;

	(void)state;
	queue_dir_make(&d);
	put_two(&d);
	free(slurp(&d, &whole));
	struct spool_msg *m = restart(&d);
	assert_int_equal(spool_results(d.spool, m, &first, 1, &e), 0);
	free(slurp(&d, &one));
	assert_int_equal(spool_results(d.spool, m, &second, 1, &e), 0);
	spool_msg_free(&m);
	char *bytes = slurp(&d, &both);
	for (size_t n = 0; n <= both; n++) {
		spill(&d, bytes, n);
		m = restart(&d);
		if (n < whole) {
			assert_null(m);
			assert_false(queue_dir_has(&d, path));
			assert_true(queue_dir_has(
			    &d, "queue/damaged/0123456789abcdef"));
			continue;
		}
		assert_non_null(m);
		assert_int_equal(m->recipients[0].state,
				 n >= one ? SPOOL_DELIVERED : SPOOL_WAITING);
		assert_int_equal(m->recipients[1].state,
				 n == both ? SPOOL_FAILED : SPOOL_WAITING);
		size_t left;
		free(slurp(&d, &left));
		assert_int_equal(left, n == both  ? both
				       : n >= one ? one
						  : whole);
		spool_msg_free(&m);
	}
	free(bytes);
	queue_dir_remove(&d);
}

/* One flipped bit anywhere before the message is found at start, one in the
 * message when it is read, one in a record when it is applied. */
static void
a_flipped_bit_is_found(void **state)
{
	const struct spool_result first = { .recipient = 0,
					    .state = SPOOL_DELIVERED,
					    .wall_s = 1,
					    .reply = "250 ok" };
	struct queue_dir d;
	size_t whole, all;
	struct err e;

	(void)state;
	queue_dir_make(&d);
	put_two(&d);
	free(slurp(&d, &whole));
	struct spool_msg *m = restart(&d);
	size_t head = (size_t)m->message_at;
	assert_int_equal(spool_results(d.spool, m, &first, 1, &e), 0);
	spool_msg_free(&m);
	char *bytes = slurp(&d, &all);
	for (size_t i = 0; i < all; i++) {
		bytes[i] = (char)(bytes[i] ^ 1);
		spill(&d, bytes, all);
		m = restart(&d);
		if (i < head) {
			assert_null(m);
		} else if (i < whole) {
			struct spool_reader *r = NULL;
			char got[256];
			assert_non_null(m);
			assert_int_equal(spool_read_open(&r, d.spool, m, &e),
					 0);
			assert_int_equal(spool_read(r, got, sizeof(got), &e),
					 -1);
			assert_int_equal(e.class, ERR_PERM);
			spool_read_close(&r);
		} else {
			assert_non_null(m);
			assert_int_equal(m->recipients[0].state, SPOOL_WAITING);
		}
		spool_msg_free(&m);
		bytes[i] = (char)(bytes[i] ^ 1);
	}
	free(bytes);
	queue_dir_remove(&d);
}

static void
strange_files_are_set_aside(void **state)
{
	struct queue_dir d;

	(void)state;
	queue_dir_make(&d);
	put_two(&d);
	assert_int_equal(symlinkat("/etc/passwd", d.fd, "queue/msg/link"), 0);
	assert_int_equal(mkdirat(d.fd, "queue/msg/dir", 0700), 0);
	assert_int_equal(mkfifoat(d.fd, "queue/msg/fifo", 0600), 0);
	size_t n;
	char *bytes = slurp(&d, &n);
	int fd = openat(d.fd, "queue/msg/copy", O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, bytes, n), (ssize_t)n);
	(void)close(fd);
	free(bytes);
	struct spool_msg *m = restart(&d);
	assert_non_null(m); /* the good one, and only that */
	spool_msg_free(&m);
	assert_true(queue_dir_has(&d, "queue/damaged/link") ||
		    readlinkat(d.fd, "queue/damaged/link", (char[2]){ 0 }, 1) >
			0);
	assert_true(queue_dir_has(&d, "queue/damaged/dir"));
	assert_true(queue_dir_has(&d, "queue/damaged/fifo"));
	assert_true(queue_dir_has(&d, "queue/damaged/copy"));
	queue_dir_remove(&d);
}

/* While the server runs: nobody waits for the other end of a pipe. */
static void
a_pipe_in_the_place_of_a_message_is_waited_for_by_nobody(void **state)
{
	struct spool_reader *r = NULL;
	struct queue_dir d;
	struct err e = { 0 };
	char name[100];

	(void)state;
	queue_dir_make(&d);
	put_two(&d);
	struct spool_msg *m = restart(&d);
	assert_non_null(m);
	(void)snprintf(name, sizeof(name), "queue/msg/%s", m->id);
	assert_int_equal(unlinkat(d.fd, name, 0), 0);
	assert_int_equal(mkfifoat(d.fd, name, 0600), 0);
	(void)alarm(10);
	assert_int_equal(spool_read_open(&r, d.spool, m, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(
	    spool_append_file(d.spool, m->id, span_of("x"), true, &e), -1);
	int fd = openat(d.fd, name, O_RDWR); /* with a reader, too */
	assert_true(fd >= 0);
	assert_int_equal(
	    spool_append_file(d.spool, m->id, span_of("x"), true, &e), -1);
	(void)close(fd);
	(void)alarm(0);
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static void
the_header_is_read_alone(void **state)
{
	struct queue_dir d;
	struct buf header;
	struct err e;

	(void)state;
	queue_dir_make(&d);
	struct spool_msg *m = queue_dir_put(&d, id, "", two, 1, text);
	buf_init(&header, 4096);
	assert_int_equal(spool_read_header(d.spool, m, &header, &e), 0);
	assert_span(buf_span(&header), "Subject: hello\r\n");
	buf_free(&header);
	buf_init(&header, 7); /* no room for all of it */
	assert_int_equal(spool_read_header(d.spool, m, &header, &e), 0);
	assert_span(buf_span(&header), "Subject");
	buf_free(&header);
	spool_msg_free(&m);
	queue_dir_remove(&d);
}

static void
wishes_survive_a_restart(void **state)
{
	static const enum spool_tls wishes[] = { SPOOL_TLS_ANY,
						 SPOOL_TLS_REQUIRED,
						 SPOOL_TLS_OPTIONAL };
	struct spool_envelope env = { .id = id,
				      .arrival_s = 1795000000,
				      .reverse_path = "",
				      .login = "alice@abc.com",
				      .party = "mallory@abc.com",
				      .release_s = 1795086400,
				      .release = "until;2026-11-20T11:06:40Z",
				      .to = two,
				      .n_to = 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct queue_dir d;
		queue_dir_make(&d);
		env.tls = wishes[i];
		struct spool_msg *m = queue_dir_put_envelope(&d, &env, text);
		for (int again = 0; again < 2; again++) {
			assert_string_equal(m->login, "alice@abc.com");
			assert_string_equal(m->party, "mallory@abc.com");
			assert_string_equal(m->release, env.release);
			assert_int_equal(m->release_s, 1795086400);
			assert_int_equal(m->tls, wishes[i]);
			spool_msg_free(&m);
			if (again == 0)
				m = restart(&d);
		}
		queue_dir_remove(&d);
	}
}

/* What a later version might write is no wish to be passed over. */
static void
an_unknown_wish_is_no_envelope(void **state)
{
	static const char *const lines[] = {
		"tls maybe\n",
		"release 0 for;1\n",
		"release 17 in;1\n",
		"release 17\n",
		"release 99999999999999999999 for;1\n",
		"tls require\nlogin a\n"
	};
	char envelope[300];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct spool_msg *m = NULL;
		struct err e;
		(void)snprintf(envelope, sizeof(envelope),
			       "id %s\narrival 1\nfrom \nbody 7bit\n"
			       "smtputf8 no\n%sto bob@xyz.com xyz.com\n\n",
			       id, lines[i]);
		assert_int_equal(
		    spool_parse_envelope(span_of(envelope), &m, &e), -1);
		assert_int_equal(e.class, ERR_PERM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_aside_replaces_nothing),
		cmocka_unit_test(a_long_queue_is_read_whole),
		cmocka_unit_test(a_message_is_synced_before_its_entry),
		cmocka_unit_test(a_message_survives_a_restart),
		cmocka_unit_test(wishes_survive_a_restart),
		cmocka_unit_test(an_unknown_wish_is_no_envelope),
		cmocka_unit_test(eight_bit_text_is_noticed),
		cmocka_unit_test(results_survive_a_restart),
		cmocka_unit_test(what_could_not_be_removed_goes_when_it_can),
		cmocka_unit_test(what_was_asked_for_survives_a_restart),
		cmocka_unit_test(an_aborted_message_leaves_nothing),
		cmocka_unit_test(start_empties_tmp),
		cmocka_unit_test(a_file_cut_at_any_byte_is_seen_through),
		cmocka_unit_test(a_flipped_bit_is_found),
		cmocka_unit_test(strange_files_are_set_aside),
		cmocka_unit_test(
		    a_pipe_in_the_place_of_a_message_is_waited_for_by_nobody),
		cmocka_unit_test(the_header_is_read_alone),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("queue/spool", tests, NULL, NULL);
}
