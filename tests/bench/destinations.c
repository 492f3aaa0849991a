/*
 * What the scheduler costs with many destinations, and how long it holds its
 * lock.
 *
 *   destinations DATA-DIR DELIVERIES
 *
 * Takes the queue of a stopped sender-side server (tests/bench/fill_queue),
 * where each domain is a destination, and makes one login's all of it, as a
 * mailing list's is: half of the workers is all it may have, and what may not
 * go has to be passed over.  Nothing is delivered: each attempt ends untried
 * after a moment.  Times are of the processor and of one thread, so that
 * other work on the machine does not count.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/durable.h"
#include "base/log.h"
#include "queue/scheduler_admin.h"

enum { THREADS = 20, HOUR_MS = 3600000, SAMPLE = 8, LONGEST_US = 10000 };

struct bench {
	struct spool_msg **v;
	size_t n, cap;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	long deliveries, most;
};

static int64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- how long a lock is held --------------------------------------------
 * The linker leads every call here.
 */

static _Atomic bool measuring;
static _Atomic int64_t held_most_ns;
static _Atomic long held;
static _Atomic long held_us[LONGEST_US + 1]; /* so many so long */
static _Thread_local int depth;
static _Thread_local int64_t since_ns; /* 0: not measured */

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);

static void
hold_begins(void)
{
	if (depth++ == 0)
		since_ns = measuring ? cpu_ns() : 0;
}

static void
hold_ends(void)
{
	if (--depth > 0 || since_ns == 0)
		return;
	int64_t ns = cpu_ns() - since_ns, most = held_most_ns;
	held++;
	held_us[ns / 1000 < LONGEST_US ? ns / 1000 : LONGEST_US]++;
	while (ns > most &&
	       !atomic_compare_exchange_weak(&held_most_ns, &most, ns))
		;
}

int
__wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	int rc = __real_pthread_mutex_lock(m);

	hold_begins();
	return rc;
}

int
__wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
	hold_ends();
	return __real_pthread_mutex_unlock(m);
}

static void
bench_wait(void *ctx, pthread_cond_t *c, pthread_mutex_t *m, int64_t until_ms)
{
	hold_ends();
	scheduler_real_clock.wait(ctx, c, m, until_ms);
	hold_begins();
}

/* Interrupts count as ours: one hold in a thousand may be left out. */
static void
say_holds(const char *what)
{
	long left = held - held / 1000, us = -1;

	for (long i = 0; i <= LONGEST_US; i++) {
		if (us < 0 && (left -= held_us[i]) <= 0)
			us = i + 1;
		held_us[i] = 0;
	}
	printf(
	    "  %-8s %7ld holds, 99.9 %% within %5ld us, the longest %.1f us\n",
	    what, held, us, (double)held_most_ns / 1e3);
	held = 0;
	held_most_ns = 0;
}

/* ---- the scheduler's other side -----------------------------------------
 */

static void
bench_route(void *ctx, const char *reverse_path, const char *domain,
	    char key[SCHEDULER_KEY_SIZE])
{
	(void)ctx;
	(void)reverse_path;
	(void)snprintf(key, SCHEDULER_KEY_SIZE, "%s", domain);
}

static void
bench_deliver(void *ctx, const char *key, struct scheduler_batch *b)
{
	struct bench *w = ctx;

	const struct timespec moment = { .tv_nsec = 200000 };

	(void)key;
	scheduler_answered(b);
	(void)nanosleep(&moment, NULL);
	(void)__real_pthread_mutex_lock(&w->lock);
	if (++w->deliveries == w->most)
		(void)pthread_cond_signal(&w->changed);
	(void)__real_pthread_mutex_unlock(&w->lock);
}

static void
bench_item(void *ctx, const struct scheduler_item *i)
{
	(void)ctx;
	(void)i;
}

static int
bench_page(void *ctx)
{
	(void)ctx;
	return 0;
}

static int
keep_message(void *ctx, struct spool_msg *m, struct err *e)
{
	struct bench *w = ctx;
	int rc = 0;

	(void)__real_pthread_mutex_lock(&w->lock); /* from several threads */
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 1024 : w->cap * 2;
		struct spool_msg **v =
		    reallocarray(w->v, cap, sizeof(struct spool_msg *));
		if (v == NULL)
			rc = err_set(e, ERR_TEMP, 0, "out of memory");
		else
			w->v = v;
		w->cap = rc == 0 ? cap : w->cap;
	}
	m->login = "list@abc.com";
	if (rc == 0)
		w->v[w->n++] = m;
	(void)__real_pthread_mutex_unlock(&w->lock);
	return rc;
}

/* ---- phases -------------------------------------------------------------
 */

/* What the machine itself makes of a lock that is held for two microseconds. */
static void
hold_idly(struct bench *w)
{
	for (size_t i = 0; i < w->n; i++) {
		(void)pthread_mutex_lock(&w->lock);
		for (int64_t end_ns = cpu_ns() + 2000; cpu_ns() < end_ns;)
			;
		(void)pthread_mutex_unlock(&w->lock);
	}
	say_holds("nothing");
}

/* One of SAMPLE is measured for its holds, the others for their time. */
static int
add_all(struct bench *w, struct scheduler *s, struct err *e)
{
	int64_t spent_ns = 0, begin_ns = 0;
	long counted = 0;
	int rc = 0;

	for (size_t i = 0; i < w->n && rc == 0; i++) {
		if (i % SAMPLE == 0) {
			measuring = true;
			rc = scheduler_add(s, &w->v[i], e);
			measuring = false;
			begin_ns = cpu_ns();
			continue;
		}
		rc = scheduler_add(s, &w->v[i], e);
		counted++;
		if (i % SAMPLE == SAMPLE - 1 || i + 1 == w->n)
			spent_ns += cpu_ns() - begin_ns;
	}
	printf("  %.2f us to add a message\n",
	       (double)spent_ns / 1e3 / (double)(counted > 0 ? counted : 1));
	say_holds("add");
	return rc;
}

static int
bench_run(struct bench *w, struct scheduler *s, char (*names)[80],
	  struct err *e)
{
	const struct scheduler_select all = { 0 };
	const struct scheduler_viewer v = { .item = bench_item,
					    .page = bench_page };
	struct scheduler_destination d;

	if (add_all(w, s, e) != 0)
		return -1;
	measuring = true;
	hold_idly(w);
	for (size_t i = 0; i < w->n; i++)
		(void)scheduler_destination_get(s, names[i], &d);
	say_holds("look");
	for (size_t i = 0; i < w->n; i++)
		scheduler_destination_up(s, names[i]);
	say_holds("up");
	if (scheduler_list(s, &all, &v, e) != 0)
		return -1;
	say_holds("list");
	scheduler_retry(s);
	say_holds("retry");
	if (scheduler_start(s, e) != 0)
		return -1;
	(void)__real_pthread_mutex_lock(&w->lock);
	while (w->deliveries < w->most)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)__real_pthread_mutex_unlock(&w->lock);
	say_holds("deliver");
	measuring = false;
	scheduler_stop(s, 10000, NULL);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct bench w = { .lock = PTHREAD_MUTEX_INITIALIZER,
				  .changed = PTHREAD_COND_INITIALIZER };
	struct scheduler *s = NULL;
	struct spool *spool = NULL;
	struct err e = { 0 };

	if (argc != 3) {
		(void)fprintf(stderr,
			      "usage: destinations DATA-DIR DELIVERIES\n");
		return 2;
	}
	(void)log_open("/dev/null", LOG_ERROR, NULL);
	w.most = strtol(argv[2], NULL, 10);
	int data = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = data < 0 ? -1 : spool_open(&spool, data, &e);
	if (rc == 0)
		rc = spool_scan(spool, keep_message, &w, &e);
	struct scheduler_options o = {
		.spool = spool,
		.hostname = "sender.localhost",
		.threads = THREADS,
		.per_destination = THREADS,
		.retry_min_ms = HOUR_MS,
		.retry_max_ms = HOUR_MS,
		.expiry_ms = INT64_C(100000) * HOUR_MS,
		.max_messages = 10000000,
		.clock = scheduler_real_clock,
		.route = bench_route,
		.deliver = bench_deliver,
		.ctx = &w,
	};
	o.clock.wait = bench_wait;
	char(*names)[80] = calloc(w.n + 1, sizeof(*names));
	for (size_t i = 0; i < w.n && names != NULL; i++)
		(void)snprintf(names[i], sizeof(names[i]), "%s",
			       w.v[i]->recipients[0].domain);
	if (rc == 0)
		rc = names == NULL ? -1 : scheduler_new(&s, &o, &e);
	if (rc == 0)
		rc = bench_run(&w, s, names, &e);
	if (rc != 0)
		(void)fprintf(stderr, "destinations: %s\n", e.msg);
	scheduler_free(&s);
	spool_free(&spool);
	free(names);
	free(w.v);
	return rc == 0 ? 0 : 1;
}
