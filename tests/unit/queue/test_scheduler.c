#include "queue_dir.h"

#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "base/log.h"
#include "mail/address.h"
#include "queue/scheduler.h"
#include "queue/scheduler_admin.h"
#include "queue/scheduler_dest.h"

enum { TRIES_MAX = 512, S = 1000, HOUR = 3600 * S, DAY = 24 * HOUR };

/*
 * A scheduler with one worker on a clock that jumps to whatever the worker
 * waits for, and a peer that answers as the test says.
 */
struct world {
	struct queue_dir dir;
	struct scheduler *s;
	pthread_mutex_t
	    lock; /* guards the rest; taken inside the scheduler's */
	pthread_cond_t changed;
	int64_t now_ms;
	int64_t wrong_s; /* of the wall clock */
	bool quiet;      /* the worker has nothing left to wait for */
	bool hold;       /* the clock stands while the test prepares */

	/* what the peer does */
	void (*answer)(struct world *w, struct scheduler_batch *b);
	const char *route_to; /* every domain, or NULL: by domain */
	int fail_first;

	/* what it saw */
	int n_tries;
	char from[TRIES_MAX]; /* first letter of the reverse-path */
	int64_t at_ms[TRIES_MAX];
	char last_key[SCHEDULER_KEY_SIZE];
	int bounces;
	char bounce_text[8192];
	int at_once, at_once_max, waiting_for;
};

static int64_t
world_mono_ms(void *ctx)
{
	struct world *w = ctx;

	(void)pthread_mutex_lock(&w->lock);
	int64_t now = w->now_ms;
	(void)pthread_mutex_unlock(&w->lock);
	return now;
}

static int64_t
world_wall_s(void *ctx)
{
	struct world *w = ctx;

	int64_t now = 1795000000 + world_mono_ms(ctx) / 1000;
	(void)pthread_mutex_lock(&w->lock);
	now += w->wrong_s;
	(void)pthread_mutex_unlock(&w->lock);
	return now;
}

static void
world_wait(void *ctx, pthread_cond_t *c, pthread_mutex_t *m, int64_t until_ms)
{
	struct world *w = ctx;

	(void)pthread_mutex_lock(&w->lock);
	bool jump = until_ms >= 0 && !w->hold;
	if (jump && w->now_ms < until_ms)
		w->now_ms = until_ms;
	if (!jump) {
		w->quiet = true;
		(void)pthread_cond_broadcast(&w->changed);
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (!jump)
		(void)pthread_cond_wait(c, m);
}

static void
world_route(void *ctx, const char *reverse_path, const char *domain,
	    char key[SCHEDULER_KEY_SIZE])
{
	struct world *w = ctx;

	(void)reverse_path;
	(void)pthread_mutex_lock(&w->lock);
	(void)snprintf(key, SCHEDULER_KEY_SIZE, "%s",
		       w->route_to != NULL ? w->route_to : domain);
	(void)pthread_mutex_unlock(&w->lock);
}

static void
give_all(struct scheduler_batch *b, enum scheduler_outcome outcome,
	 const char *reply)
{
	for (unsigned i = 0; i < b->n; i++) {
		b->verdicts[i].outcome = outcome;
		(void)snprintf(b->verdicts[i].reply,
			       sizeof(b->verdicts[i].reply), "%s", reply);
	}
}

/* A notification is always taken; its text is kept. */
static void
take_bounce(struct world *w, struct scheduler_batch *b)
{
	struct spool_reader *r = NULL;
	struct err e;
	size_t n = 0;
	long part;

	assert_int_equal(spool_read_open(&r, w->dir.spool, b->msg, &e), 0);
	while ((part = spool_read(r, w->bounce_text + n,
				  sizeof(w->bounce_text) - 1 - n, &e)) > 0)
		n += (size_t)part;
	w->bounce_text[n] = '\0';
	spool_read_close(&r);
	w->bounces++;
	give_all(b, SCHEDULER_DELIVERED, "250 2.0.0 ok");
}

static void
world_deliver(void *ctx, const char *key, struct scheduler_batch *b)
{
	struct world *w = ctx;

	(void)pthread_mutex_lock(&w->lock);
	if (strcmp(b->msg->reverse_path, "") == 0 &&
	    strcmp(b->msg->recipients[0].address, "alice@abc.com") == 0) {
		take_bounce(w, b);
	} else {
		if (w->n_tries < TRIES_MAX)
			w->at_ms[w->n_tries] = w->now_ms;
		if (w->n_tries < TRIES_MAX)
			w->from[w->n_tries] = b->msg->reverse_path[0];
		w->n_tries++;
		(void)snprintf(w->last_key, sizeof(w->last_key), "%s", key);
		w->answer(w, b);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static void
world_open_warning(struct world *w,
		   void (*answer)(struct world *, struct scheduler_batch *),
		   int64_t delay_warning_ms)
{
	struct scheduler_options o = {
		.hostname = "sender.localhost",
		.threads = 1,
		.per_destination = 4,
		.retry_min_ms = 30 * S,
		.retry_max_ms = HOUR,
		.expiry_ms = 5 * (int64_t)DAY,
		.delay_warning_ms = delay_warning_ms,
		.max_messages = 10,
		.clock = { world_mono_ms, world_wall_s, world_wait, w },
		.route = world_route,
		.deliver = world_deliver,
		.ctx = w,
	};
	struct err e;

	memset(w, 0, sizeof(*w));
	queue_dir_make(&w->dir);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	w->answer = answer;
	o.spool = w->dir.spool;
	assert_int_equal(scheduler_new(&w->s, &o, &e), 0);
}

static void
world_open(struct world *w,
	   void (*answer)(struct world *, struct scheduler_batch *))
{
	world_open_warning(w, answer, 0);
}

static void
world_add(struct world *w, const char *id, const char *from,
	  const struct spool_to *to, unsigned n)
{
	struct err e;

	struct spool_msg *m = queue_dir_put(&w->dir, id, from, to, n,
					    "Subject: x\r\n\r\ntext\r\n");
	assert_int_equal(scheduler_add(w->s, &m, &e), 0);
	assert_null(m);
}

/* Start the worker and wait until it has nothing left to wait for. */
static void
world_run(struct world *w)
{
	struct err e;

	assert_int_equal(scheduler_start(w->s, &e), 0);
	(void)pthread_mutex_lock(&w->lock);
	while (!w->quiet)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

static void
world_close(struct world *w)
{
	scheduler_stop(w->s, 1000, NULL);
	scheduler_free(&w->s);
	queue_dir_remove(&w->dir);
	(void)pthread_cond_destroy(&w->changed);
	(void)pthread_mutex_destroy(&w->lock);
}

static const struct spool_to bob[] = { { .address = "bob@xyz.com",
					 .domain = "xyz.com" } };
static const struct spool_to bob_and_carol[] = {
	{ .address = "bob@xyz.com", .domain = "xyz.com" },
	{ .address = "carol@xyz.com", .domain = "xyz.com" }
};
#define ID_A "aaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccc"

/* ---- answers ------------------------------------------------------------
 */

static void
say_yes(struct world *w, struct scheduler_batch *b)
{
	(void)w;
	give_all(b, SCHEDULER_DELIVERED, "250 2.0.0 ok");
}

static void
say_later(struct world *w, struct scheduler_batch *b)
{
	(void)w;
	give_all(b, SCHEDULER_DEFERRED, "451 4.2.1 mailbox busy");
}

static void
say_no(struct world *w, struct scheduler_batch *b)
{
	(void)w;
	give_all(b, SCHEDULER_FAILED, "550 5.1.1 no such user");
}

static void
be_away(struct world *w, struct scheduler_batch *b)
{
	if (w->n_tries > w->fail_first) {
		say_yes(w, b);
		return;
	}
	b->destination_failed = true;
	(void)snprintf(b->why, sizeof(b->why), "451 4.4.1 refused");
}

/* The first recipient never, the second not yet, then yes. */
static void
say_both(struct world *w, struct scheduler_batch *b)
{
	if (b->n == 1) {
		assert_string_equal(
		    b->msg->recipients[b->verdicts[0].recipient].address,
		    "carol@xyz.com");
		say_yes(w, b);
		return;
	}
	say_later(w, b);
	b->verdicts[0].outcome = SCHEDULER_FAILED;
	memcpy(b->verdicts[0].reply, "550 5.1.1 who?", 15);
}

/* ---- tests --------------------------------------------------------------
 */

static void
a_delivered_message_leaves_the_queue(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_yes);
	world_add(&w, ID_A, "alice@abc.com", bob_and_carol, 2);
	assert_int_equal(scheduler_count(w.s), 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 1); /* both recipients at once */
	assert_int_equal(scheduler_count(w.s), 0);
	assert_false(queue_dir_has(&w.dir, "queue/msg/" ID_A));
	assert_int_equal(w.bounces, 0);
	world_close(&w);
}

static void
five_days_of_busy_end_in_a_report(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_later);
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_run(&w);
	int64_t want = 30 * S;
	assert_int_equal(w.at_ms[0], 0);
	for (int i = 1; i < w.n_tries - 1; i++) {
		int64_t got = w.at_ms[i] - w.at_ms[i - 1];
		assert_in_range(got, want - want / 4, want + want / 4);
		want = want * 2 > HOUR ? HOUR : want * 2;
	}
	/* about one an hour: neither silent nor a flood */
	assert_in_range(w.n_tries, 100, 180);
	assert_in_range(w.now_ms, 5 * (int64_t)DAY, 5 * (int64_t)DAY + HOUR);
	assert_int_equal(w.bounces, 1);
	assert_non_null(strstr(w.bounce_text, "bob@xyz.com"));
	assert_non_null(strstr(w.bounce_text, "Action: failed"));
	assert_non_null(strstr(w.bounce_text, "Status: 4.4.7"));
	assert_non_null(strstr(w.bounce_text, "mailbox busy"));
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

/* A machine without a clock of its own: the time of the network comes after the
 * start, when the age was computed. */
static void
a_clock_that_is_put_right_expires_nothing(void **state)
{
	static const int64_t wrong[] = { 6 * DAY / S, 400 * (DAY / S),
					 -(400 * (DAY / S)) };
	static struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		world_open(&w, say_later);
		w.wrong_s = wrong[i];
		world_add(&w, ID_A, "alice@abc.com", bob, 1);
		w.wrong_s = 0;
		world_run(&w);
		assert_in_range(w.n_tries, 100, 180);
		assert_true(w.now_ms >= 5 * (int64_t)DAY);
		assert_int_equal(w.bounces, 1);
		world_close(&w);
	}
}

static void
a_refusal_is_reported_at_once(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_no);
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 1);
	assert_int_equal(w.bounces, 1);
	assert_non_null(strstr(w.bounce_text, "Status: 5.1.1"));
	assert_non_null(strstr(w.bounce_text, "Subject: x"));
	assert_false(queue_dir_has(&w.dir, "queue/msg/" ID_A));
	world_close(&w);
}

static void
the_null_path_gets_no_report(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_no);
	world_add(&w, ID_A, "", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 1);
	assert_int_equal(w.bounces, 0);
	assert_int_equal(scheduler_count(w.s), 0);
	assert_false(queue_dir_has(&w.dir, "queue/msg/" ID_A));
	world_close(&w);
}

static void
each_recipient_has_its_own_fate(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_both);
	world_add(&w, ID_A, "alice@abc.com", bob_and_carol, 2);
	world_run(&w);
	assert_int_equal(w.n_tries, 2);
	assert_int_equal(w.bounces, 1);
	assert_non_null(strstr(w.bounce_text, "bob@xyz.com"));
	assert_null(strstr(w.bounce_text, "carol@xyz.com"));
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

/* While a destination is away one job a time asks for it, not each. */
static void
a_dead_destination_is_probed_once_a_time(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, be_away);
	w.fail_first = 4;
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_add(&w, ID_B, "alice@abc.com", bob, 1);
	world_add(&w, ID_C, "alice@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 4 + 3);
	for (int i = 1; i <= 4; i++)
		assert_true(w.at_ms[i] - w.at_ms[i - 1] >= 20 * S);
	assert_int_equal(w.at_ms[5], w.at_ms[4]); /* then all at once */
	assert_int_equal(w.at_ms[6], w.at_ms[4]);
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

/* Even those that never were the probe are given up on time. */
static void
a_destination_dead_for_days_fails_all(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, be_away);
	w.fail_first = 100000;
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_add(&w, ID_B, "alice@abc.com", bob, 1);
	world_add(&w, ID_C, "", bob, 1);
	world_run(&w);
	assert_int_equal(w.bounces, 2);
	assert_non_null(strstr(w.bounce_text, "refused"));
	assert_in_range(w.now_ms, 5 * (int64_t)DAY, 5 * (int64_t)DAY + HOUR);
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

static void
an_old_message_is_tried_once_after_a_restart(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_yes);
	w.now_ms = 30 * (int64_t)DAY; /* the server was down for a month */
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 1);
	assert_int_equal(w.bounces, 0);
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

/* Alice is put off, others are served. */
static void
put_off_alice(struct world *w, struct scheduler_batch *b)
{
	if (b->msg->reverse_path[0] == 'a')
		say_later(w, b);
	else
		say_yes(w, b);
}

/* Its warning was due before the machine was started: the time for it is below
 * 0 on a clock that counts from there. */
static void
what_is_older_than_the_clock_is_tried_at_once(void **state)
{
	static struct world w;
	struct spool_envelope env = { .id = ID_A,
				      .arrival_s = 1795000000 - DAY / S,
				      .reverse_path = "alice@abc.com",
				      .to = bob,
				      .n_to = 1 };
	struct err e;

	(void)state;
	world_open_warning(&w, put_off_alice, 4 * HOUR);
	w.now_ms = 10 * S;
	struct spool_msg *m =
	    queue_dir_put_envelope(&w.dir, &env, "Subject: x\r\n\r\ntext\r\n");
	assert_int_equal(scheduler_add(w.s, &m, &e), 0);
	world_add(&w, ID_B, "gina@abc.com", bob, 1);
	world_run(&w);
	assert_in_range(w.n_tries, 80, 180);
	assert_true(w.from[0] == 'g' || w.from[1] == 'g'); /* in turns */
	assert_int_equal(w.at_ms[0], 10 * S);
	assert_int_equal(w.at_ms[1], 10 * S);
	/* the warning, and the failure when it is five days old */
	assert_int_equal(w.bounces, 2);
	assert_non_null(strstr(w.bounce_text, "Status: 4.4.7"));
	assert_in_range(w.now_ms, 4 * (int64_t)DAY, 4 * (int64_t)DAY + HOUR);
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

static void
new_routes_hold_for_what_waits(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, be_away);
	w.fail_first = 1;
	w.hold = true;
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_run(&w);
	assert_string_equal(w.last_key, "xyz.com");
	assert_int_equal(w.n_tries, 1);
	(void)pthread_mutex_lock(&w.lock);
	w.route_to = "elsewhere";
	w.quiet = false;
	(void)pthread_mutex_unlock(&w.lock);
	scheduler_retry(w.s);
	(void)pthread_mutex_lock(&w.lock);
	while (!w.quiet)
		(void)pthread_cond_wait(&w.changed, &w.lock);
	(void)pthread_mutex_unlock(&w.lock);
	assert_int_equal(w.n_tries, 2);
	assert_string_equal(w.last_key, "elsewhere");
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

/* A few messages at a time: none is left out, and what is empty goes. */
static void
new_routes_hold_for_all_that_wait(void **state)
{
	enum { N = 50 };
	static struct world w;
	struct scheduler_destination d;
	char id[] = "00000000000000a0";

	(void)state;
	world_open(&w, say_yes);
	w.route_to = "old:25";
	for (int i = 0; i < N; i++) {
		id[14] = (char)('a' + i / 10);
		id[15] = (char)('0' + i % 10);
		world_add(&w, id, "alice@abc.com", bob, 1);
	}
	w.route_to = "new:25";
	scheduler_retry(w.s);
	assert_false(scheduler_destination_get(w.s, "old:25", &d));
	assert_true(scheduler_destination_get(w.s, "new:25", &d));
	assert_int_equal(d.waiting, N);
	world_run(&w);
	assert_int_equal(w.n_tries, N);
	assert_string_equal(w.last_key, "new:25");
	world_close(&w);
}

static void
a_destination_seen_alive_is_due_at_once(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, be_away);
	w.fail_first = 1;
	w.hold = true;
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 1);
	(void)pthread_mutex_lock(&w.lock);
	w.quiet = false;
	(void)pthread_mutex_unlock(&w.lock);
	scheduler_destination_up(w.s, "xyz.com");
	(void)pthread_mutex_lock(&w.lock);
	while (!w.quiet)
		(void)pthread_cond_wait(&w.changed, &w.lock);
	(void)pthread_mutex_unlock(&w.lock);
	assert_int_equal(w.n_tries, 2);
	assert_int_equal(w.now_ms, 0);
	world_close(&w);
}

static void
a_full_queue_says_so(void **state)
{
	static struct world w;
	char id[] = "00000000000000a0";

	(void)state;
	world_open(&w, say_yes);
	for (int i = 0; i < 10; i++) {
		assert_true(scheduler_has_room(w.s));
		id[15] = (char)('0' + i);
		world_add(&w, id, "alice@abc.com", bob, 1);
	}
	assert_false(scheduler_has_room(w.s));
	world_run(&w);
	assert_true(scheduler_has_room(w.s));
	world_close(&w);
}

/* ---- bounds, on the real clock ------------------------------------------
 */

static void
meet(void *ctx, const char *key, struct scheduler_batch *b)
{
	struct world *w = ctx;

	(void)key;
	scheduler_answered(b);
	(void)pthread_mutex_lock(&w->lock);
	w->n_tries++;
	if (++w->at_once > w->at_once_max)
		w->at_once_max = w->at_once;
	(void)pthread_cond_broadcast(&w->changed);
	/* Leave only when as many as may are here together, or all came. */
	while (w->at_once_max < w->waiting_for && w->n_tries < 8)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	w->at_once--;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	give_all(b, SCHEDULER_DELIVERED, "250 ok");
}

static void
deliveries_at_once_are_bounded(void **state)
{
	static struct world w;
	struct err e;
	char id[] = "00000000000000a0";

	(void)state;
	world_open(&w, say_yes);
	scheduler_free(&w.s);
	struct scheduler_options o = {
		.spool = w.dir.spool,
		.hostname = "x",
		.threads = 8,
		.per_destination = 3,
		.retry_min_ms = 1000,
		.retry_max_ms = 1000,
		.expiry_ms = 100000 * (int64_t)DAY,
		.max_messages = 100,
		.clock = scheduler_real_clock,
		.route = world_route,
		.deliver = meet,
		.ctx = &w,
	};
	w.waiting_for = 3;
	assert_int_equal(scheduler_new(&w.s, &o, &e), 0);
	assert_int_equal(scheduler_start(w.s, &e), 0);
	for (int i = 0; i < 8; i++) {
		id[15] = (char)('0' + i);
		world_add(&w, id, "alice@abc.com", bob, 1);
	}
	(void)pthread_mutex_lock(&w.lock);
	while (w.n_tries < 8 || w.at_once > 0)
		(void)pthread_cond_wait(&w.changed, &w.lock);
	(void)pthread_mutex_unlock(&w.lock);
	assert_int_equal(w.at_once_max, 3);
	world_close(&w);
}

/* alice has sent eight before zoe sends one. */
static void
no_sender_keeps_others_waiting(void **state)
{
	static struct world w;
	char id[] = "00000000000000a0";

	(void)state;
	world_open(&w, say_yes);
	for (int i = 0; i < 8; i++) {
		id[15] = (char)('0' + i);
		world_add(&w, id, "alice@abc.com", bob, 1);
	}
	world_add(&w, ID_A, "zoe@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 9);
	assert_true(w.from[0] == 'z' || w.from[1] == 'z');
	world_close(&w);
}

/* One message to n domains, which are destinations of their own. */
static void
world_add_many(struct world *w, const char *id, const char *from, unsigned n)
{
	enum { MOST = 300 };
	static char domain[MOST][32];
	static struct spool_to to[MOST];

	assert_true(n <= MOST);
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(domain[i], sizeof(domain[i]), "d%u.%s", i,
			       strchr(from, '@') + 1);
		to[i] =
		    (struct spool_to){ .address = "x@y", .domain = domain[i] };
	}
	world_add(w, id, from, to, n);
}

/* Nor by many destinations: one delivery is all that zoe waits for. */
static void
no_list_keeps_others_waiting(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_yes);
	world_add_many(&w, "00000000000000a0", "alice@abc.com", 300);
	world_add(&w, ID_A, "zoe@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 301);
	assert_memory_equal(w.from, "aza", 3);
	world_close(&w);
}

static void
lists_take_turns(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_yes);
	world_add_many(&w, "00000000000000a0", "alice@abc.com", 100);
	world_add_many(&w, "00000000000000b0", "bob@xyz.com", 100);
	world_run(&w);
	assert_int_equal(w.n_tries, 200);
	for (int i = 0; i < 200; i += 2)
		assert_memory_equal(w.from + i, "ab", 2);
	world_close(&w);
}

static void
deliveries_at_once_are_found_out(void **state)
{
	struct scheduler_dest d = { 0 };

	(void)state;
	int first = scheduler_dest_limit(&d, 100);
	assert_int_equal(scheduler_dest_limit(&d, 2), 2);
	for (int i = 0; i < 200; i++)
		scheduler_dest_learn(&d, true, 20);
	assert_int_equal(scheduler_dest_limit(&d, 20), 20);
	scheduler_dest_learn(&d, false, 20);
	assert_int_equal(scheduler_dest_limit(&d, 20), 10);
	/* from now on it grows slowly */
	scheduler_dest_learn(&d, true, 20);
	assert_int_equal(scheduler_dest_limit(&d, 20), 10);
	for (int i = 0; i < 10; i++)
		scheduler_dest_learn(&d, true, 20);
	assert_int_equal(scheduler_dest_limit(&d, 20), 11);
	for (int i = 0; i < 10; i++)
		scheduler_dest_learn(&d, false, 20);
	assert_int_equal(scheduler_dest_limit(&d, 20), 1);
	assert_true(first > 1);
}

/* A new message for a dead destination does not knock at once. */
static void
the_dead_are_remembered(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, be_away);
	w.fail_first = 100;
	w.hold = true;
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_run(&w);
	int tries = w.n_tries;
	struct scheduler_destination d;
	assert_true(scheduler_destination_get(w.s, "xyz.com", &d));
	assert_true(d.failures > 0);
	world_add(&w, ID_B, "zoe@abc.com", bob, 1);
	assert_true(scheduler_destination_get(w.s, "xyz.com", &d));
	assert_int_equal(d.waiting, 2);
	assert_int_equal(w.n_tries, tries);
	world_close(&w);
}

/* ---- a time to wait for (RFC 4865) --------------------------------------
 */

static void
world_add_for(struct world *w, const char *id, const char *from,
	      int64_t after_s)
{
	const struct spool_envelope env = { .id = id,
					    .arrival_s = 1795000000,
					    .reverse_path = from,
					    .release_s = 1795000000 + after_s,
					    .release = "for;1",
					    .to = bob,
					    .n_to = 1 };
	struct err e;

	struct spool_msg *m =
	    queue_dir_put_envelope(&w->dir, &env, "Subject: x\r\n\r\ntext\r\n");
	assert_int_equal(scheduler_add(w->s, &m, &e), 0);
}

static void
what_has_a_release_time_is_tried_then(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_yes);
	world_add_for(&w, ID_A, "zoe@abc.com", 7200);
	world_add(&w, ID_B, "alice@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.n_tries, 2);
	assert_int_equal(w.at_ms[0], 0);
	assert_int_equal(w.at_ms[1], 7200 * S);
	assert_int_equal(w.from[1], 'z');
	assert_int_equal(w.bounces, 0);
	world_close(&w);
}

/* A dead destination, its return, and new routes do not bring it forward. */
static void
nothing_is_released_before_its_time(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, be_away);
	w.fail_first = 12;
	world_add_for(&w, ID_A, "zoe@abc.com", 600);
	world_add(&w, ID_B, "alice@abc.com", bob, 1);
	scheduler_retry(w.s);
	scheduler_destination_up(w.s, "xyz.com");
	world_run(&w);
	assert_true(w.n_tries > 12);
	int released = 0;
	for (int i = 0; i < w.n_tries; i++) {
		if (w.from[i] != 'z')
			continue;
		released++;
		assert_true(w.at_ms[i] >= 600 * S);
	}
	assert_true(released > 0);
	assert_int_equal(scheduler_count(w.s), 0);
	world_close(&w);
}

static void
age_counts_from_the_release(void **state)
{
	static struct world w;

	(void)state;
	world_open(&w, say_later);
	world_add_for(&w, ID_A, "alice@abc.com", 6 * (DAY / S));
	world_run(&w);
	assert_int_equal(w.at_ms[0], 6 * (int64_t)DAY);
	assert_in_range(w.n_tries, 100, 180);
	assert_in_range(w.now_ms, 11 * (int64_t)DAY, 11 * (int64_t)DAY + HOUR);
	assert_int_equal(w.bounces, 1);
	assert_non_null(
	    strstr(w.bounce_text, "Future-Release-Request: for;1\r\n"));
	world_close(&w);
}

/* ---- silence ------------------------------------------------------------
 * Destinations that hold a worker until the test lets them go.
 */
struct crowd {
	struct queue_dir dir;
	struct scheduler *s;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int silent, slow, good, kept; /* the first two: there now */
	unsigned routed;
};

static void
crowd_route(void *ctx, const char *reverse_path, const char *domain,
	    char key[SCHEDULER_KEY_SIZE])
{
	struct crowd *w = ctx;
	struct scheduler_destination ignored;

	(void)reverse_path;
	w->routed++;
	/* takes the lock: nobody who asks for a route may hold it */
	(void)scheduler_destination_get(w->s, domain, &ignored);
	(void)snprintf(key, SCHEDULER_KEY_SIZE, "%s", domain);
}

static void
crowd_deliver(void *ctx, const char *key, struct scheduler_batch *b)
{
	struct crowd *w = ctx;
	int *inside = strncmp(key, "silent", 6) == 0 ? &w->silent
		      : strncmp(key, "slow", 4) == 0 ? &w->slow
						     : NULL;

	if (inside != &w->silent)
		scheduler_answered(b);
	(void)pthread_mutex_lock(&w->lock);
	if (strncmp(key, "keep", 4) == 0) {
		w->kept++; /* and comes again: its destination stays known */
		give_all(b, SCHEDULER_DEFERRED, "451 4.2.1 later");
	} else if (inside == NULL) {
		w->good++;
		give_all(b, SCHEDULER_DELIVERED, "250 2.0.0 ok");
	} else {
		++*inside;
	}
	(void)pthread_cond_broadcast(&w->changed);
	while (inside != NULL && !w->open)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	if (inside != NULL) {
		--*inside;
		b->destination_failed = true;
		(void)snprintf(b->why, sizeof(b->why), "451 4.4.1 silent");
	}
	(void)pthread_mutex_unlock(&w->lock);
}

static void
crowd_open(struct crowd *w)
{
	struct scheduler_options o = { .hostname = "sender.localhost",
				       .threads = 4,
				       .per_destination = 4,
				       .retry_min_ms = HOUR,
				       .retry_max_ms = HOUR,
				       .expiry_ms = 5 * (int64_t)DAY,
				       .max_messages = 100,
				       .clock = scheduler_real_clock,
				       .route = crowd_route,
				       .deliver = crowd_deliver,
				       .ctx = w };
	struct err e;

	memset(w, 0, sizeof(*w));
	queue_dir_make(&w->dir);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->changed, NULL);
	o.spool = w->dir.spool;
	assert_int_equal(scheduler_new(&w->s, &o, &e), 0);
}

static void
crowd_close(struct crowd *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->open = true;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	scheduler_stop(w->s, 1000, NULL);
	scheduler_free(&w->s);
	queue_dir_remove(&w->dir);
}

static void
crowd_add_from(struct crowd *w, const char *from, const char *login,
	       const char *domain)
{
	char id[RAND_ID_SIZE];
	struct spool_to to = { .address = "x@y", .domain = domain };
	struct spool_envelope env = { .id = id,
				      .arrival_s = 1795000000,
				      .reverse_path = from,
				      .login = login,
				      .to = &to,
				      .n_to = 1 };
	struct err e;

	rand_id(id);
	struct spool_msg *m =
	    queue_dir_put_envelope(&w->dir, &env, "Subject: x\r\n");
	assert_int_equal(scheduler_add(w->s, &m, &e), 0);
}

static void
crowd_add(struct crowd *w, const char *domain)
{
	crowd_add_from(w, "a@abc.com", NULL, domain);
}

static void
crowd_wait(struct crowd *w, const int *what, int n)
{
	(void)pthread_mutex_lock(&w->lock);
	while (*what < n)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

static void
the_silent_leave_half_of_the_workers_to_others(void **state)
{
	static struct crowd w;
	char domain[16];
	struct err e;

	(void)state;
	crowd_open(&w);
	assert_int_equal(scheduler_start(w.s, &e), 0);
	crowd_add(&w, "keep.example"); /* it waits, and so is remembered */
	crowd_wait(&w, &w.kept, 1);
	for (int i = 0; i < 8; i++) {
		(void)snprintf(domain, sizeof(domain), "silent%d", i);
		crowd_add_from(&w, domain, NULL, domain);
	}
	crowd_wait(&w, &w.silent, 2);
	for (int i = 0; i < 10; i++)
		crowd_add(&w, "keep.example");
	crowd_wait(&w, &w.kept, 11);
	assert_int_equal(w.silent, 2);
	crowd_close(&w);
}

static void
who_has_answered_may_have_all_workers(void **state)
{
	static struct crowd w;
	char domain[16];
	struct err e;

	(void)state;
	crowd_open(&w);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(domain, sizeof(domain), "slow%d", i);
		crowd_add_from(&w, domain, NULL, domain);
	}
	assert_int_equal(scheduler_start(w.s, &e), 0);
	crowd_wait(&w, &w.slow, 4);
	crowd_close(&w);
}

/* Its servers answer, and are then silent for as long as they may. */
static void
one_login_leaves_workers_to_others(void **state)
{
	static struct crowd w;
	char domain[16];
	struct err e;

	(void)state;
	crowd_open(&w);
	for (int i = 0; i < 48; i++) {
		(void)snprintf(domain, sizeof(domain), "slow%d", i % 8);
		crowd_add_from(&w, domain, "mallory@abc.com", domain);
	}
	assert_int_equal(scheduler_start(w.s, &e), 0);
	crowd_wait(&w, &w.slow, 2);
	for (int i = 0; i < 10; i++)
		crowd_add_from(&w, "zoe@abc.com", "zoe@abc.com", "good");
	crowd_wait(&w, &w.good, 10);
	assert_int_equal(w.slow, 2);
	crowd_add_from(&w, "zoe@abc.com", "zoe@abc.com", "slow0");
	crowd_wait(&w, &w.slow, 3);
	crowd_close(&w);
}

/* Whoever comes later waits behind those that wait already. */
static void
destinations_are_served_in_their_order(void **state)
{
	static struct world w;
	char id[] = "00000000000000a0", from[] = "a@abc.com", domain[] = "a";

	(void)state;
	world_open(&w, say_yes);
	for (int i = 0; i < 8; i++) {
		struct spool_to to = { .address = "x@y", .domain = domain };
		id[15] = (char)('0' + i);
		from[0] = domain[0] = (char)('a' + i);
		world_add(&w, id, from, &to, 1);
	}
	world_run(&w);
	assert_int_equal(w.n_tries, 8);
	assert_memory_equal(w.from, "abcdefgh", 8);
	world_close(&w);
}

/* A party has half of the half that may go where nobody has answered. */
static void
one_login_leaves_new_destinations_to_others(void **state)
{
	static struct crowd w;
	char domain[16];
	struct err e;

	(void)state;
	crowd_open(&w);
	for (int i = 0; i < 8; i++) {
		(void)snprintf(domain, sizeof(domain), "silent%d", i);
		crowd_add_from(&w, domain, "mallory@abc.com", domain);
	}
	assert_int_equal(scheduler_start(w.s, &e), 0);
	crowd_wait(&w, &w.silent, 1);
	for (int i = 0; i < 4; i++) {
		(void)snprintf(domain, sizeof(domain), "good%d", i);
		crowd_add_from(&w, "zoe@abc.com", "zoe@abc.com", domain);
	}
	crowd_wait(&w, &w.good, 4);
	crowd_close(&w);
}

/* Each is looked up once, and while nobody has to wait for it. */
static void
a_thousand_domains_are_routed_without_the_lock(void **state)
{
	enum { N = 1000 };
	static struct crowd w;
	static char domain[N][16];
	static struct spool_to to[N];
	struct scheduler_destination d;
	struct err e;

	(void)state;
	crowd_open(&w);
	for (int i = 0; i < N; i++) {
		(void)snprintf(domain[i], sizeof(domain[i]), "d%d", i / 2);
		to[i] =
		    (struct spool_to){ .address = "x@y", .domain = domain[i] };
	}
	struct spool_msg *m = queue_dir_put(&w.dir, ID_A, "a@abc.com", to, N,
					    "Subject: x\r\n\r\n");
	assert_int_equal(scheduler_add(w.s, &m, &e), 0);
	assert_int_equal(w.routed, N);
	assert_true(scheduler_destination_get(w.s, "d0", &d));
	assert_int_equal(d.waiting, 1); /* both recipients go together */
	assert_true(scheduler_destination_get(w.s, "d499", &d));
	assert_int_equal(scheduler_start(w.s, &e), 0);
	crowd_wait(&w, &w.good, N / 2);
	while (queue_dir_has(&w.dir, "queue/msg/" ID_A))
		(void)sched_yield();
	assert_int_equal(w.good, N / 2);
	crowd_close(&w);
}

/* When nothing waits for it any more, and its own wait is over. */
static void
the_dead_are_forgotten_in_the_end(void **state)
{
	static struct world w;
	struct scheduler_destination d;

	(void)state;
	world_open(&w, be_away);
	w.fail_first = 1000;
	world_add(&w, ID_A, "alice@abc.com", bob, 1);
	world_run(&w);
	assert_int_equal(w.bounces, 1);
	(void)pthread_mutex_lock(&w.lock);
	w.now_ms += 2 * HOUR;
	w.quiet = false;
	w.answer = say_yes;
	w.route_to = "elsewhere";
	(void)pthread_mutex_unlock(&w.lock);
	world_add(&w, ID_B, "alice@abc.com", bob, 1);
	(void)pthread_mutex_lock(&w.lock);
	while (!w.quiet)
		(void)pthread_cond_wait(&w.changed, &w.lock);
	(void)pthread_mutex_unlock(&w.lock);
	assert_false(scheduler_destination_get(w.s, "xyz.com", &d));
	world_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delivered_message_leaves_the_queue),
		cmocka_unit_test(five_days_of_busy_end_in_a_report),
		cmocka_unit_test(a_clock_that_is_put_right_expires_nothing),
		cmocka_unit_test(a_refusal_is_reported_at_once),
		cmocka_unit_test(the_null_path_gets_no_report),
		cmocka_unit_test(each_recipient_has_its_own_fate),
		cmocka_unit_test(a_dead_destination_is_probed_once_a_time),
		cmocka_unit_test(a_destination_dead_for_days_fails_all),
		cmocka_unit_test(an_old_message_is_tried_once_after_a_restart),
		cmocka_unit_test(what_is_older_than_the_clock_is_tried_at_once),
		cmocka_unit_test(new_routes_hold_for_what_waits),
		cmocka_unit_test(new_routes_hold_for_all_that_wait),
		cmocka_unit_test(a_destination_seen_alive_is_due_at_once),
		cmocka_unit_test(a_full_queue_says_so),
		cmocka_unit_test(deliveries_at_once_are_bounded),
		cmocka_unit_test(no_sender_keeps_others_waiting),
		cmocka_unit_test(no_list_keeps_others_waiting),
		cmocka_unit_test(lists_take_turns),
		cmocka_unit_test(deliveries_at_once_are_found_out),
		cmocka_unit_test(the_dead_are_remembered),
		cmocka_unit_test(what_has_a_release_time_is_tried_then),
		cmocka_unit_test(nothing_is_released_before_its_time),
		cmocka_unit_test(age_counts_from_the_release),
		cmocka_unit_test(
		    the_silent_leave_half_of_the_workers_to_others),
		cmocka_unit_test(who_has_answered_may_have_all_workers),
		cmocka_unit_test(one_login_leaves_workers_to_others),
		cmocka_unit_test(one_login_leaves_new_destinations_to_others),
		cmocka_unit_test(destinations_are_served_in_their_order),
		cmocka_unit_test(
		    a_thousand_domains_are_routed_without_the_lock),
		cmocka_unit_test(the_dead_are_forgotten_in_the_end),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("queue/scheduler", tests, NULL,
					   NULL);
}
