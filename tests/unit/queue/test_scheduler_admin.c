#include "queue_dir.h"

#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/scheduler_admin.h"

enum { SEEN_MAX = 700, HOUR_MS = 3600 * 1000 };

/* A scheduler whose receiver says "later" until it is opened, or does not
 * answer while it is shut. */
struct world {
	struct queue_dir dir;
	struct scheduler *s;
	pthread_mutex_t lock; /* guards what deliver uses */
	pthread_cond_t changed;
	bool open, shut, dead;
	unsigned tries, inside;
	/* what a walk saw */
	unsigned seen, pages;
	char ids[SEEN_MAX][RAND_ID_SIZE];
	enum scheduler_did did[SEEN_MAX];
	struct scheduler_item last;
};

static void
route(void *ctx, const char *reverse_path, const char *domain,
      char key[SCHEDULER_KEY_SIZE])
{
	(void)ctx;
	(void)reverse_path;
	(void)snprintf(key, SCHEDULER_KEY_SIZE, "%s:25", domain);
}

static void
deliver(void *ctx, const char *key, struct scheduler_batch *b)
{
	struct world *w = ctx;

	(void)key;
	(void)pthread_mutex_lock(&w->lock);
	w->tries++;
	w->inside++;
	(void)pthread_cond_broadcast(&w->changed);
	while (w->shut)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	b->destination_failed = w->dead;
	if (w->dead)
		(void)snprintf(b->why, sizeof(b->why), "451 4.4.1 nobody");
	for (unsigned i = 0; i < b->n && !w->dead; i++) {
		b->verdicts[i].outcome =
		    w->open ? SCHEDULER_DELIVERED : SCHEDULER_DEFERRED;
		(void)snprintf(b->verdicts[i].reply,
			       sizeof(b->verdicts[i].reply), "%s",
			       w->open ? "250 2.0.0 ok" : "451 4.2.1 later");
	}
	w->inside--;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
}

static void
scheduler_open(struct world *w)
{
	struct scheduler_options o = {
		.spool = w->dir.spool,
		.hostname = "sender.localhost",
		.threads = 2,
		.per_destination = 2,
		.retry_min_ms = HOUR_MS,
		.retry_max_ms = 100 * HOUR_MS,
		.expiry_ms = (int64_t)1000 * 24 * HOUR_MS,
		.max_messages = 10000,
		.clock = scheduler_real_clock,
		.route = route,
		.deliver = deliver,
		.ctx = w,
	};
	struct err e;

	assert_int_equal(scheduler_new(&w->s, &o, &e), 0);
}

static struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	queue_dir_make(&w->dir);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	scheduler_open(w);
	return w;
}

static void
world_start(struct world *w)
{
	struct err e;

	assert_int_equal(scheduler_start(w->s, &e), 0);
}

static void
world_free(struct world *w)
{
	scheduler_stop(w->s, 1000, NULL);
	scheduler_free(&w->s);
	queue_dir_remove(&w->dir);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

static void
add(struct world *w, const char *id, const char *from, const char *address,
    const char *domain)
{
	struct spool_to to = { .address = address, .domain = domain };
	struct err e;

	struct spool_msg *m =
	    queue_dir_put(&w->dir, id, from, &to, 1, "Subject: x\r\n\r\nx\r\n");
	assert_int_equal(scheduler_add(w->s, &m, &e), 0);
}

/* ---- walks --------------------------------------------------------------
 */

static void
on_item(void *ctx, const struct scheduler_item *i)
{
	struct world *w = ctx;

	assert_true(w->seen < SEEN_MAX);
	memcpy(w->ids[w->seen++], i->m->id, RAND_ID_SIZE);
	w->last = *i;
}

static void
on_acted(void *ctx, const char *id, enum scheduler_did did,
	 const struct err *why)
{
	struct world *w = ctx;

	(void)why;
	assert_true(w->seen < SEEN_MAX);
	memcpy(w->ids[w->seen], id, RAND_ID_SIZE);
	w->did[w->seen++] = did;
}

static int
on_page(void *ctx)
{
	struct world *w = ctx;

	w->pages++;
	return 0;
}

static struct scheduler_viewer
viewer(struct world *w)
{
	w->seen = w->pages = 0;
	return (struct scheduler_viewer){ on_item, on_acted, on_page, w };
}

static unsigned
list(struct world *w, struct scheduler_select sel)
{
	struct scheduler_viewer v = viewer(w);
	struct err e;

	assert_int_equal(scheduler_list(w->s, &sel, &v, &e), 0);
	return w->seen;
}

static unsigned
act(struct world *w, enum scheduler_action a, struct scheduler_select sel)
{
	struct scheduler_viewer v = viewer(w);
	struct err e;

	assert_int_equal(scheduler_act(w->s, a, &sel, &v, &e), 0);
	return w->seen;
}

/* Until at least n deliveries were begun and none is under way. */
static void
wait_tries(struct world *w, unsigned n)
{
	(void)pthread_mutex_lock(&w->lock);
	while (w->tries < n || w->inside > 0)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

/* Until every message listed waits for a later attempt. */
static void
wait_settled(struct world *w)
{
	do
		(void)list(w, (struct scheduler_select){ 0 });
	while (w->seen > 0 && w->last.due_in_ms < HOUR_MS / 2);
}

static const char id_a[1][RAND_ID_SIZE] = { "aaaaaaaaaaaaaaaa" };
#define A "aaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbb"

static const struct scheduler_select all;

static void
add_two(struct world *w)
{
	add(w, A, "alice@abc.com", "bob@xyz.com", "xyz.com");
	add(w, B, "", "carol@far.example", "far.example");
}

static int
take_over(void *ctx, struct spool_msg *m, struct err *e)
{
	struct world *w = ctx;

	assert_true(m->held);
	return scheduler_add(w->s, &m, e);
}

/* ---- tests --------------------------------------------------------------
 */

static void
filters_choose(void **state)
{
	static const struct {
		struct scheduler_select w;
		const char *found; /* NULL: both, "": none */
	} rows[] = {
		{ { 0 }, NULL },
		{ { .ids = id_a, .n_ids = 1 }, A },
		{ { .sender = "ALICE@abc.com" }, A },
		{ { .sender = "@abc.com" }, A },
		{ { .sender = "<>" }, B },
		{ { .sender = "lice@abc.com" }, "" },
		{ { .recipient = "carol@far.example" }, B },
		{ { .recipient = "@XYZ.com" }, A },
		{ { .recipient = "@yz.com" }, "" },
		{ { .destination = "far.example" }, B },
		{ { .destination = "xyz.com:25" }, A },
		{ { .destination = "abc.com" }, "" },
		{ { .older_than_s = 60 }, NULL },
		{ { .older_than_s = (int64_t)1 << 40 }, "" },
		{ { .sender = "<>", .destination = "xyz.com" }, "" },
	};
	struct world *w = world_new();

	(void)state;
	add_two(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned n = list(w, rows[i].w);
		if (rows[i].found == NULL) {
			assert_int_equal(n, 2);
			assert_string_equal(w->ids[0], B); /* newest first */
			continue;
		}
		assert_int_equal(n, rows[i].found[0] != '\0');
		if (n > 0)
			assert_string_equal(w->ids[0], rows[i].found);
	}
	world_free(w);
}

static void
a_list_says_when_the_next_attempt_is(void **state)
{
	struct world *w = world_new();

	(void)state;
	add(w, A, "alice@abc.com", "bob@xyz.com", "xyz.com");
	(void)list(w, all);
	assert_int_equal(w->last.due_in_ms, 0);
	world_start(w);
	wait_tries(w, 1);
	wait_settled(w);
	assert_in_range(w->last.due_in_ms, HOUR_MS / 2, 2 * HOUR_MS);
	assert_int_equal(w->last.attempts, 1);
	assert_string_equal(w->last.destination, "xyz.com:25");
	world_free(w);
}

static void
a_retry_makes_it_due(void **state)
{
	struct world *w = world_new();

	(void)state;
	add_two(w);
	world_start(w);
	wait_tries(w, 2);
	wait_settled(w);
	assert_int_equal(
	    act(w, SCHEDULER_RETRY,
		(struct scheduler_select){ .ids = id_a, .n_ids = 1 }),
	    1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	wait_tries(w, 3);
	assert_int_equal(w->tries, 3);
	world_free(w);
}

/* An administrator who looks three times is no reason to try more rarely. */
static void
check_no_longer_wait(struct world *w)
{
	const struct scheduler_select a = { .ids = id_a, .n_ids = 1 };
	struct scheduler_destination d;

	add(w, A, "alice@abc.com", "bob@xyz.com", "xyz.com");
	world_start(w);
	wait_tries(w, 1);
	wait_settled(w);
	(void)list(w, a);
	int64_t due_ms = w->last.due_in_ms;
	assert_in_range(due_ms, 1, HOUR_MS * 5 / 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(act(w, SCHEDULER_RETRY, a), 1);
		wait_tries(w, 2 + i);
		wait_settled(w);
	}
	(void)list(w, a);
	assert_in_range(w->last.due_in_ms, 1, due_ms);
	scheduler_retry(w->s); /* as a reload does, which forgets the dead */
	wait_tries(w, 6);
	wait_settled(w);
	(void)list(w, a);
	assert_in_range(w->last.due_in_ms, 1,
			w->dead ? HOUR_MS * 5 / 4 : due_ms);
	assert_int_equal(w->last.attempts, 1);
	if (w->dead) {
		assert_true(scheduler_destination_get(w->s, "xyz.com:25", &d));
		assert_int_equal(d.failures, 1);
	}
}

static void
a_retry_makes_no_wait_longer(void **state)
{
	(void)state;
	for (int dead = 0; dead < 2; dead++) {
		struct world *w = world_new();
		w->dead = dead != 0;
		check_no_longer_wait(w);
		world_free(w);
	}
}

static void
a_release_is_tried_at_once_where_nobody_was(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->dead = true;
	add(w, A, "alice@abc.com", "bob@xyz.com", "xyz.com");
	world_start(w);
	wait_tries(w, 1);
	wait_settled(w);
	assert_int_equal(act(w, SCHEDULER_HOLD, all), 1);
	assert_int_equal(act(w, SCHEDULER_RELEASE, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	wait_tries(w, 2);
	world_free(w);
}

static void
what_is_held_stays_also_after_a_restart(void **state)
{
	struct world *w = world_new();
	struct err e;

	(void)state;
	add_two(w);
	assert_int_equal(
	    act(w, SCHEDULER_HOLD,
		(struct scheduler_select){ .ids = id_a, .n_ids = 1 }),
	    1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	assert_int_equal(
	    act(w, SCHEDULER_HOLD,
		(struct scheduler_select){ .ids = id_a, .n_ids = 1 }),
	    1);
	assert_int_equal(w->did[0], SCHEDULER_DID_HELD);
	w->open = true;
	world_start(w);
	wait_tries(w, 1);
	scheduler_retry(w->s); /* a reload does not free it */
	(void)act(w, SCHEDULER_RETRY, all);
	scheduler_stop(w->s, 1000, NULL);
	scheduler_free(&w->s);
	assert_int_equal(w->tries, 1);
	assert_true(queue_dir_has(&w->dir, "queue/msg/" A));
	assert_false(queue_dir_has(&w->dir, "queue/msg/" B));

	scheduler_open(w);
	assert_int_equal(spool_scan(w->dir.spool, take_over, w, &e), 0);
	world_start(w);
	(void)list(w, all);
	assert_int_equal(w->seen, 1);
	assert_true(w->last.m->held);
	assert_int_equal(w->last.due_in_ms, -1);
	assert_int_equal(act(w, SCHEDULER_RELEASE, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	wait_tries(w, 2);
	/* the file goes last */
	while (queue_dir_has(&w->dir, "queue/msg/" A))
		(void)sched_yield();
	assert_int_equal(scheduler_count(w->s), 0);
	world_free(w);
}

static void
a_removed_message_is_gone_without_a_report(void **state)
{
	struct world *w = world_new();

	(void)state;
	add_two(w);
	assert_int_equal(act(w, SCHEDULER_HOLD, all), 2);
	assert_int_equal(act(w, SCHEDULER_REMOVE,
			     (struct scheduler_select){ .sender = "<>" }),
			 1);
	assert_string_equal(w->ids[0], B);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	assert_int_equal(scheduler_count(w->s), 1);
	assert_false(queue_dir_has(&w->dir, "queue/msg/" B));
	assert_int_equal(act(w, SCHEDULER_REMOVE, all), 1);
	assert_int_equal(list(w, all), 0);
	assert_false(queue_dir_has(&w->dir, "queue/msg/" A));
	world_free(w);
}

static void
one_under_way_is_not_removed_but_held_afterwards(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->shut = true;
	add(w, A, "alice@abc.com", "bob@xyz.com", "xyz.com");
	world_start(w);
	(void)pthread_mutex_lock(&w->lock);
	while (w->inside == 0)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
	assert_int_equal(act(w, SCHEDULER_REMOVE, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID_BUSY);
	(void)list(w, all);
	assert_int_equal(w->last.due_in_ms, -1);
	assert_true(w->last.m->recipients[0].busy);
	assert_int_equal(act(w, SCHEDULER_HOLD, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	(void)pthread_mutex_lock(&w->lock);
	w->shut = false;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	wait_tries(w, 1);
	do
		(void)act(w, SCHEDULER_REMOVE, all);
	while (w->did[0] == SCHEDULER_DID_BUSY);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	assert_int_equal(w->tries, 1);
	world_free(w);
}

static void
many_are_walked_in_pages(void **state)
{
	struct world *w = world_new();
	char id[RAND_ID_SIZE];

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		(void)snprintf(id, sizeof(id), "%016u", i);
		add(w, id, "alice@abc.com", "bob@xyz.com", "xyz.com");
	}
	assert_int_equal(list(w, all), 600);
	assert_string_equal(w->ids[0], "0000000000000599");
	assert_string_equal(w->ids[599], "0000000000000000");
	assert_int_equal(act(w, SCHEDULER_HOLD, all), 600);
	assert_true(w->pages > 2);
	assert_int_equal(act(w, SCHEDULER_RELEASE, all), 600);
	assert_int_equal(w->did[599], SCHEDULER_DID);
	assert_int_equal(act(w, SCHEDULER_REMOVE, all), 600);
	assert_int_equal(scheduler_count(w->s), 0);
	world_free(w);
}

/* ---- a time to wait for (RFC 4865) --------------------------------------
 */

static void
add_scheduled(struct world *w, const char *id, const char *login)
{
	struct spool_to to = { .address = "bob@xyz.com", .domain = "xyz.com" };
	struct spool_envelope env = { .id = id,
				      .arrival_s = clock_wall_s(),
				      .reverse_path = "alice@abc.com",
				      .login = login,
				      .release_s = clock_wall_s() + 86400,
				      .release = "for;86400",
				      .to = &to,
				      .n_to = 1 };
	struct err e;

	struct spool_msg *m =
	    queue_dir_put_envelope(&w->dir, &env, "Subject: x\r\n\r\nx\r\n");
	assert_int_equal(scheduler_add(w->s, &m, &e), 0);
}

/* Taken in while the clock was ahead. */
static void
an_age_is_never_negative(void **state)
{
	struct spool_to to = { .address = "bob@xyz.com", .domain = "xyz.com" };
	struct spool_envelope env = { .id = A,
				      .arrival_s = clock_wall_s() + 86400,
				      .reverse_path = "alice@abc.com",
				      .to = &to,
				      .n_to = 1 };
	struct world *w = world_new();
	struct err e;

	(void)state;
	struct spool_msg *m =
	    queue_dir_put_envelope(&w->dir, &env, "Subject: x\r\n\r\nx\r\n");
	assert_int_equal(scheduler_add(w->s, &m, &e), 0);
	assert_int_equal(
	    list(w, (struct scheduler_select){ .ids = id_a, .n_ids = 1 }), 1);
	assert_int_equal(w->last.age_s, 0);
	world_free(w);
}

static void
a_retry_leaves_what_waits_for_its_time(void **state)
{
	struct world *w = world_new();

	(void)state;
	add_scheduled(w, A, "alice@abc.com");
	add(w, B, "", "carol@far.example", "far.example");
	w->open = true;
	world_start(w);
	wait_tries(w, 1);
	scheduler_retry(w->s);
	assert_int_equal(
	    act(w, SCHEDULER_RETRY,
		(struct scheduler_select){ .ids = id_a, .n_ids = 1 }),
	    1);
	assert_int_equal(w->did[0], SCHEDULER_DID_SCHEDULED);
	assert_int_equal(
	    list(w, (struct scheduler_select){ .ids = id_a, .n_ids = 1 }), 1);
	assert_true(w->last.scheduled);
	assert_in_range(w->last.due_in_ms, 20 * HOUR_MS, 24 * HOUR_MS);
	assert_int_equal(w->tries, 1);
	world_free(w);
}

static int
take_released(void *ctx, struct spool_msg *m, struct err *e)
{
	struct world *w = ctx;

	assert_true(m->release_s > 0);
	assert_true(m->release_s <= clock_wall_s());
	assert_string_equal(m->login, "alice@abc.com");
	return scheduler_add(w->s, &m, e);
}

static void
a_release_ends_the_wait_also_after_a_restart(void **state)
{
	struct world *w = world_new();
	struct err e;

	(void)state;
	add_scheduled(w, A, "alice@abc.com");
	world_start(w);
	assert_int_equal(act(w, SCHEDULER_RELEASE, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	wait_tries(w, 1);
	assert_int_equal(act(w, SCHEDULER_RELEASE, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID_NONE);
	scheduler_stop(w->s, 1000, NULL);
	scheduler_free(&w->s);
	scheduler_open(w);
	assert_int_equal(spool_scan(w->dir.spool, take_released, w, &e), 0);
	w->open = true;
	world_start(w);
	wait_tries(w, 2);
	world_free(w);
}

/* Held and released again: for good, the administrator has the last word. */
static void
a_hold_goes_before_a_release_time(void **state)
{
	struct world *w = world_new();

	(void)state;
	add_scheduled(w, A, "alice@abc.com");
	w->open = true;
	world_start(w);
	assert_int_equal(act(w, SCHEDULER_HOLD, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	assert_int_equal(act(w, SCHEDULER_RELEASE, all), 1);
	assert_int_equal(w->did[0], SCHEDULER_DID);
	wait_tries(w, 1);
	world_free(w);
}

static void
only_what_waits_for_its_time_is_cancelled(void **state)
{
	static const struct scheduler_select hers = { .login =
							  "alice@abc.com" },
					     his = { .login = "bob@abc.com" };
	struct world *w = world_new();

	(void)state;
	add_scheduled(w, A, "alice@abc.com");
	add(w, B, "", "carol@far.example", "far.example");
	assert_int_equal(act(w, SCHEDULER_CANCEL, his), 0);
	assert_int_equal(list(w, hers), 1);
	assert_int_equal(act(w, SCHEDULER_CANCEL, all), 2);
	for (unsigned i = 0; i < 2; i++) {
		bool mine = strcmp(w->ids[i], A) == 0;
		assert_int_equal(w->did[i],
				 mine ? SCHEDULER_DID : SCHEDULER_DID_NONE);
	}
	assert_int_equal(scheduler_count(w->s), 1);
	assert_false(queue_dir_has(&w->dir, "queue/msg/" A));
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_choose),
		cmocka_unit_test(a_list_says_when_the_next_attempt_is),
		cmocka_unit_test(a_retry_makes_it_due),
		cmocka_unit_test(a_retry_makes_no_wait_longer),
		cmocka_unit_test(a_release_is_tried_at_once_where_nobody_was),
		cmocka_unit_test(what_is_held_stays_also_after_a_restart),
		cmocka_unit_test(a_removed_message_is_gone_without_a_report),
		cmocka_unit_test(
		    one_under_way_is_not_removed_but_held_afterwards),
		cmocka_unit_test(many_are_walked_in_pages),
		cmocka_unit_test(an_age_is_never_negative),
		cmocka_unit_test(a_retry_leaves_what_waits_for_its_time),
		cmocka_unit_test(a_release_ends_the_wait_also_after_a_restart),
		cmocka_unit_test(a_hold_goes_before_a_release_time),
		cmocka_unit_test(only_what_waits_for_its_time_is_cancelled),
	};

	(void)log_open(NULL, LOG_ERROR, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
