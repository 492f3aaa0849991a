#include "queue_dir.h"

#include <pthread.h>

#include "base/log.h"
#include "queue/scheduler.h"

/*
 * Who is told what (RFC 3461): a scheduler with one worker on a clock that
 * jumps to whatever the worker waits for, a peer that does as it is told, and
 * the reports that come out, read.
 */
enum { S = 1000, HOUR = 3600 * S, DAY = 24 * HOUR };

/* What the peer does with mail that is no report. */
enum peer {
	PEER_TAKES,        /* 250, and it reports success itself */
	PEER_TAKES_SILENT, /* 250, and it knows no DSN */
	PEER_REFUSES,      /* 550 */
	PEER_BUSY,         /* 451 for ever */
	PEER_BUSY_A_DAY,   /* 451 for a day, then as PEER_TAKES_SILENT */
	PEER_AWAY_A_DAY,   /* no connection for a day, then the same */
	PEER_SPLIT,        /* bob is refused, the others as SILENT */
	PEERS,
};

struct world {
	struct queue_dir dir;
	struct scheduler *s;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	int64_t now_ms;
	bool quiet;
	enum peer peer;
	bool refuse_reports;
	int64_t stop_at_ms; /* the clock stands here; < 0: never */

	int tries, reports;
	enum spool_tls report_tls; /* of the last */
	char party[100];           /* of the last report */
	char to[300];              /* of the last report */
	char actions[400];         /* of all of them, as they came */
	int64_t first_ms;          /* when the first came */
	char text[2200000];        /* the last */
};
static struct world w;

static int64_t
world_mono_ms(void *ctx)
{
	(void)ctx;
	(void)pthread_mutex_lock(&w.lock);
	int64_t now = w.now_ms;
	(void)pthread_mutex_unlock(&w.lock);
	return now;
}

static int64_t
world_wall_s(void *ctx)
{
	return 1795000000 + world_mono_ms(ctx) / 1000;
}

static void
world_wait(void *ctx, pthread_cond_t *c, pthread_mutex_t *m, int64_t until_ms)
{
	(void)ctx;
	(void)pthread_mutex_lock(&w.lock);
	bool jump =
	    until_ms >= 0 && (w.stop_at_ms < 0 || until_ms <= w.stop_at_ms);
	if (jump && w.now_ms < until_ms)
		w.now_ms = until_ms;
	if (!jump) {
		w.quiet = true;
		(void)pthread_cond_broadcast(&w.changed);
	}
	(void)pthread_mutex_unlock(&w.lock);
	if (!jump)
		(void)pthread_cond_wait(c, m);
}

static void
world_route(void *ctx, const char *reverse_path, const char *domain,
	    char key[SCHEDULER_KEY_SIZE])
{
	(void)ctx;
	(void)reverse_path;
	(void)snprintf(key, SCHEDULER_KEY_SIZE, "%s", domain);
}

static void
say(struct scheduler_verdict *v, enum scheduler_outcome outcome,
    const char *reply)
{
	v->outcome = outcome;
	(void)snprintf(v->reply, sizeof(v->reply), "%s", reply);
}

/* The actions of a report, in its order, each with a blank. */
static void
note_actions(void)
{
	for (const char *p = w.text; (p = strstr(p, "\r\nAction: ")) != NULL;) {
		p += strlen("\r\nAction: ");
		size_t n = strlen(w.actions);
		(void)snprintf(w.actions + n, sizeof(w.actions) - n, "%.*s ",
			       (int)strcspn(p, "\r"), p);
	}
}

static void
take_report(struct scheduler_batch *b)
{
	struct spool_reader *r = NULL;
	struct err e;
	size_t n = 0;
	long part;

	assert_int_equal(b->n, 1);
	assert_int_equal(spool_read_open(&r, w.dir.spool, b->msg, &e), 0);
	while ((part = spool_read(r, w.text + n, sizeof(w.text) - 1 - n, &e)) >
	       0)
		n += (size_t)part;
	assert_int_equal(part, 0);
	w.text[n] = '\0';
	spool_read_close(&r);
	w.report_tls = b->msg->tls;
	(void)snprintf(w.party, sizeof(w.party), "%s", spool_msg_party(b->msg));
	if (w.reports++ == 0)
		w.first_ms = w.now_ms;
	(void)snprintf(w.to, sizeof(w.to), "%s", b->msg->recipients[0].address);
	note_actions();
	if (w.refuse_reports)
		say(&b->verdicts[0], SCHEDULER_FAILED, "550 5.1.1 not here");
	else
		say(&b->verdicts[0], SCHEDULER_DELIVERED, "250 2.0.0 ok");
}

static void
peer_answers(struct scheduler_batch *b, unsigned i)
{
	struct scheduler_verdict *v = &b->verdicts[i];
	bool busy = w.peer == PEER_BUSY ||
		    (w.peer == PEER_BUSY_A_DAY && w.now_ms < DAY);
	const char *address = b->msg->recipients[v->recipient].address;

	v->peer_said = true;
	if (busy) {
		say(v, SCHEDULER_DEFERRED, "451 4.2.1 mailbox busy");
	} else if (w.peer == PEER_REFUSES ||
		   (w.peer == PEER_SPLIT &&
		    strcmp(address, "bob@xyz.com") == 0)) {
		say(v, SCHEDULER_FAILED, "550 5.1.1 no such user");
	} else {
		say(v, SCHEDULER_DELIVERED, "250 2.0.0 taken");
		v->peer_reports = w.peer == PEER_TAKES;
	}
}

static void
world_deliver(void *ctx, const char *key, struct scheduler_batch *b)
{
	(void)ctx;
	(void)key;
	(void)pthread_mutex_lock(&w.lock);
	if (b->msg->reverse_path[0] == '\0' &&
	    strstr(b->msg->recipients[0].address, "@abc.com") != NULL) {
		take_report(b);
	} else if (w.peer == PEER_AWAY_A_DAY && w.now_ms < DAY) {
		w.tries++;
		b->destination_failed = true;
		(void)snprintf(b->why, sizeof(b->why), "451 4.4.1 refused");
	} else {
		w.tries++;
		for (unsigned i = 0; i < b->n; i++)
			peer_answers(b, i);
	}
	(void)pthread_mutex_unlock(&w.lock);
}

static void
make_scheduler(void)
{
	struct scheduler_options o = {
		.spool = w.dir.spool,
		.hostname = "sender.localhost",
		.postmaster = "Postmaster@abc.com",
		.threads = 1,
		.per_destination = 4,
		.retry_min_ms = 30 * S,
		.retry_max_ms = HOUR,
		.expiry_ms = 5 * (int64_t)DAY,
		.delay_warning_ms = 4 * HOUR,
		.max_messages = 1000,
		.clock = { world_mono_ms, world_wall_s, world_wait, NULL },
		.route = world_route,
		.deliver = world_deliver,
	};
	struct err e;

	assert_int_equal(scheduler_new(&w.s, &o, &e), 0);
}

static void
world_open(enum peer peer)
{
	memset(&w, 0, sizeof(w));
	queue_dir_make(&w.dir);
	(void)pthread_mutex_init(&w.lock, NULL);
	(void)pthread_cond_init(&w.changed, NULL);
	w.peer = peer;
	w.stop_at_ms = -1;
	make_scheduler();
}

static const struct spool_to bob = { .address = "bob@xyz.com",
				     .domain = "xyz.com" };

static struct spool_envelope
envelope(const char *id, const struct spool_to *to, unsigned n)
{
	return (struct spool_envelope){ .id = id,
					.arrival_s = 1795000000,
					.reverse_path = "alice@abc.com",
					.to = to,
					.n_to = n };
}

static void
add(const struct spool_envelope *env, const char *text)
{
	struct spool_writer *writer = NULL;
	struct spool_msg *m = NULL;
	struct err e;

	if (spool_begin(&writer, w.dir.spool, env, &e) != 0 ||
	    spool_write(writer, span_of(text), &e) != 0 ||
	    spool_commit(&writer, &m, &e) != 0 ||
	    scheduler_add(w.s, &m, &e) != 0)
		fail_msg("%s", e.msg);
}

/* Run until nothing is left to wait for before stop_at_ms. */
static void
run(void)
{
	struct err e;

	assert_int_equal(scheduler_start(w.s, &e), 0);
	(void)pthread_mutex_lock(&w.lock);
	while (!w.quiet)
		(void)pthread_cond_wait(&w.changed, &w.lock);
	w.quiet = false;
	(void)pthread_mutex_unlock(&w.lock);
	scheduler_stop(w.s, 1000, NULL);
}

static void
world_close(void)
{
	scheduler_free(&w.s);
	queue_dir_remove(&w.dir);
	(void)pthread_cond_destroy(&w.changed);
	(void)pthread_mutex_destroy(&w.lock);
}

#define ID_A "aaaaaaaaaaaaaaaa"
static const char text[] = "Subject: the subject\r\n\r\nthe body\r\n";

/* ---- NOTIFY by outcome --------------------------------------------------
 */

static void
every_notify_with_every_outcome(void **state)
{
	enum {
		SUCCESS = DSN_NOTIFY_SUCCESS,
		FAILURE = DSN_NOTIFY_FAILURE,
		DELAY = DSN_NOTIFY_DELAY,
		NEVER = DSN_NOTIFY_NEVER,
		CELLS = PEER_SPLIT,
	};
	/* taken by a peer with DSN, by one without, refused, busy for five
	 * days, busy for a day, away for a day */
	static const struct {
		unsigned notify;
		const char *actions[CELLS];
	} rows[] = {
		{ 0,
		  { "", "", "failed ", "delayed failed ", "delayed ",
		    "delayed " } },
		{ NEVER, { "", "", "", "", "", "" } },
		{ SUCCESS, { "", "relayed ", "", "", "relayed ", "relayed " } },
		{ FAILURE, { "", "", "failed ", "failed ", "", "" } },
		{ DELAY, { "", "", "", "delayed ", "delayed ", "delayed " } },
		{ SUCCESS | FAILURE,
		  { "", "relayed ", "failed ", "failed ", "relayed ",
		    "relayed " } },
		{ SUCCESS | DELAY,
		  { "", "relayed ", "", "delayed ", "delayed relayed ",
		    "delayed relayed " } },
		{ FAILURE | DELAY,
		  { "", "", "failed ", "delayed failed ", "delayed ",
		    "delayed " } },
		{ SUCCESS | FAILURE | DELAY,
		  { "", "relayed ", "failed ", "delayed failed ",
		    "delayed relayed ", "delayed relayed " } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int peer = 0; peer < CELLS; peer++) {
			struct spool_to to = bob;
			to.notify = (uint8_t)rows[i].notify;
			struct spool_envelope env = envelope(ID_A, &to, 1);
			world_open((enum peer)peer);
			add(&env, text);
			run();
			assert_string_equal(w.actions, rows[i].actions[peer]);
			assert_true(w.reports == 0 ||
				    strcmp(w.to, "alice@abc.com") == 0);
			assert_int_equal(scheduler_count(w.s), 0);
			world_close();
		}
	}
}

/* ---- the warning --------------------------------------------------------
 */

static void
a_warning_comes_on_time_and_once(void **state)
{
	struct spool_envelope env = envelope(ID_A, &bob, 1);

	(void)state;
	world_open(PEER_BUSY);
	add(&env, text);
	run();
	assert_string_equal(w.actions, "delayed failed ");
	assert_int_equal(w.first_ms, 4 * HOUR);
	/* that it was given up is nobody else's word */
	assert_non_null(
	    strstr(w.text, "Diagnostic-Code: x-postpair; 554 4.4.7"));
	assert_null(strstr(w.text, "Remote-MTA"));
	assert_in_range(w.now_ms, 5 * (int64_t)DAY, 5 * (int64_t)DAY + HOUR);
	/* about one try an hour: neither silent nor a flood */
	assert_in_range(w.tries, 100, 180);
	world_close();
}

static int
take_over(void *ctx, struct spool_msg *m, struct err *e)
{
	(void)ctx;
	return scheduler_add(w.s, &m, e);
}

static void
a_restart_does_not_warn_again(void **state)
{
	struct spool_envelope env = envelope(ID_A, &bob, 1);
	struct err e;

	(void)state;
	world_open(PEER_BUSY_A_DAY);
	w.stop_at_ms = 10 * HOUR;
	add(&env, text);
	run();
	assert_string_equal(w.actions, "delayed ");
	scheduler_free(&w.s);
	spool_free(&w.dir.spool);
	queue_dir_open_spool(&w.dir);
	make_scheduler();
	w.stop_at_ms = -1;
	assert_int_equal(spool_scan(w.dir.spool, take_over, NULL, &e), 0);
	run();
	assert_string_equal(w.actions, "delayed ");
	assert_int_equal(scheduler_count(w.s), 0);
	world_close();
}

/* Only one of them is ever the probe of a dead destination. */
static void
all_that_wait_for_a_dead_destination_are_warned(void **state)
{
	struct spool_envelope env = envelope(ID_A, &bob, 1);
	char id[] = "00000000000000a0";

	(void)state;
	world_open(PEER_AWAY_A_DAY);
	for (int i = 0; i < 10; i++) {
		id[15] = (char)('0' + i);
		env.id = id;
		add(&env, text);
	}
	w.stop_at_ms = 4 * HOUR;
	run();
	assert_int_equal(w.reports, 10);
	assert_int_equal(w.first_ms, 4 * HOUR);
	assert_non_null(strstr(w.text, "refused"));
	/* being told is no try: the destination was probed as before */
	assert_in_range(w.tries, 8, 20);
	world_close();
}

/* ---- what a report holds ------------------------------------------------
 */

static void
one_report_tells_of_all_recipients(void **state)
{
	static const struct spool_to to[] = {
		{ .address = "bob@xyz.com",
		  .domain = "xyz.com",
		  .orcpt = "rfc822;Bob+2Btag@xyz.com" },
		{ .address = "carol@xyz.com",
		  .domain = "xyz.com",
		  .notify = DSN_NOTIFY_SUCCESS },
		{ .address = "dave@xyz.com", .domain = "xyz.com" },
	};
	struct spool_envelope env = envelope(ID_A, to, 3);

	(void)state;
	env.envid = "QQ+2B1";
	world_open(PEER_SPLIT);
	add(&env, text);
	run();
	assert_int_equal(w.reports, 1);
	assert_string_equal(w.actions, "failed relayed ");
	assert_non_null(strstr(w.text, "Subject: Your message was not"));
	assert_non_null(strstr(w.text, "\r\nOriginal-Envelope-Id: QQ+1\r\n"));
	assert_non_null(strstr(
	    w.text,
	    "Original-Recipient: rfc822;Bob+tag@xyz.com\r\n"
	    "Final-Recipient: rfc822; bob@xyz.com\r\n"
	    "Action: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; xyz.com\r\nDiagnostic-Code: smtp; 550 5.1.1 "));
	assert_non_null(strstr(w.text,
			       "Final-Recipient: rfc822; carol@xyz.com\r\n"
			       "Action: relayed\r\nStatus: 2.0.0\r\n"));
	assert_null(strstr(w.text, "dave@xyz.com"));
	world_close();
}

static void
ret_says_what_comes_back(void **state)
{
	static const struct {
		enum dsn_ret ret;
		enum peer peer;
		bool body;
	} cells[] = {
		{ DSN_RET_NONE, PEER_REFUSES, false },
		{ DSN_RET_HDRS, PEER_REFUSES, false },
		{ DSN_RET_FULL, PEER_REFUSES, true },
		/* RFC 3461 4.3: only of a failure */
		{ DSN_RET_FULL, PEER_TAKES_SILENT, false },
	};
	struct spool_to to = bob;

	(void)state;
	to.notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		struct spool_envelope env = envelope(ID_A, &to, 1);
		env.ret = cells[i].ret;
		world_open(cells[i].peer);
		add(&env, text);
		run();
		assert_int_equal(w.reports, 1);
		assert_non_null(strstr(w.text, "\r\nSubject: the subject\r\n"));
		assert_int_equal(strstr(w.text, "the body") != NULL,
				 cells[i].body);
		assert_non_null(strstr(w.text, cells[i].body
						   ? "message/rfc822\r\n"
						   : "rfc822-headers\r\n"));
		world_close();
	}
}

/* RFC 8689 5: of what must not be read on the way, the header; and its report
 * must not be, either. */
static void
a_report_is_protected_as_its_message(void **state)
{
	static const enum spool_tls wishes[] = { SPOOL_TLS_ANY,
						 SPOOL_TLS_REQUIRED,
						 SPOOL_TLS_OPTIONAL };

	(void)state;
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct spool_envelope env = envelope(ID_A, &bob, 1);
		env.ret = DSN_RET_FULL;
		env.tls = wishes[i];
		world_open(PEER_REFUSES);
		add(&env, text);
		run();
		assert_int_equal(w.reports, 1);
		assert_int_equal(w.report_tls, wishes[i]);
		assert_int_equal(strstr(w.text, "the body") != NULL,
				 wishes[i] != SPOOL_TLS_REQUIRED);
		world_close();
	}
}

/* It takes of the share of who has caused it, not of the reports of all. */
static void
a_report_is_of_the_party_of_its_message(void **state)
{
	static const struct {
		const char *login, *from, *party;
	} rows[] = {
		{ "mallory@abc.com", "al@abc.com", "mallory@abc.com" },
		{ NULL, "al@abc.com", "al@abc.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spool_envelope env = envelope(ID_A, &bob, 1);
		env.login = rows[i].login;
		env.reverse_path = rows[i].from;
		world_open(PEER_REFUSES);
		add(&env, text);
		run();
		assert_int_equal(w.reports, 1);
		assert_string_equal(w.to, rows[i].from);
		assert_string_equal(w.party, rows[i].party);
		world_close();
	}
}

static void
a_large_message_comes_back_as_a_header(void **state)
{
	enum { SIZE = 1024 * 1024 + 100 };
	struct spool_envelope env = envelope(ID_A, &bob, 1);
	char *large = malloc(SIZE + 1);

	(void)state;
	assert_non_null(large);
	env.ret = DSN_RET_FULL;
	for (int add_bytes = 0; add_bytes < 2; add_bytes++) {
		/* exactly the limit, then a byte more */
		size_t n = 1024 * 1024 + (size_t)add_bytes;
		memset(large, 'x', n);
		memcpy(large, "Subject: large\r\n\r\n", 18);
		for (size_t i = 100; i + 2 < n; i += 100)
			memcpy(large + i, "\r\n", 2);
		memcpy(large + n - 2, "\r\n", 3);
		world_open(PEER_REFUSES);
		add(&env, large);
		run();
		assert_int_equal(w.reports, 1);
		assert_non_null(strstr(w.text, "Subject: large\r\n"));
		assert_int_equal(strlen(w.text) > n, add_bytes == 0);
		world_close();
	}
	free(large);
}

/* ---- reports that cannot be delivered -----------------------------------
 */

static void
a_failure_without_a_sender_goes_to_the_postmaster(void **state)
{
	struct spool_envelope env = envelope(ID_A, &bob, 1);

	(void)state;
	env.reverse_path = "";
	world_open(PEER_REFUSES);
	add(&env, text);
	run();
	assert_string_equal(w.actions, "failed ");
	assert_string_equal(w.to, "Postmaster@abc.com");
	assert_non_null(strstr(w.text, "bob@xyz.com"));
	assert_non_null(strstr(w.text, "null address"));
	assert_int_equal(scheduler_count(w.s), 0);
	world_close();
}

static void
a_delay_without_a_sender_is_not_told(void **state)
{
	struct spool_envelope env = envelope(ID_A, &bob, 1);

	(void)state;
	env.reverse_path = "";
	world_open(PEER_BUSY_A_DAY);
	add(&env, text);
	run();
	assert_int_equal(w.reports, 0);
	assert_int_equal(scheduler_count(w.s), 0);
	world_close();
}

/* alice's report is refused, the postmaster's too, and there it ends. */
static void
reports_never_loop(void **state)
{
	struct spool_envelope env = envelope(ID_A, &bob, 1);

	(void)state;
	world_open(PEER_REFUSES);
	w.refuse_reports = true;
	add(&env, text);
	run();
	assert_int_equal(w.tries, 1);
	assert_int_equal(w.reports, 2);
	assert_string_equal(w.to, "Postmaster@abc.com");
	assert_int_equal(scheduler_count(w.s), 0);
	world_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_notify_with_every_outcome),
		cmocka_unit_test(a_warning_comes_on_time_and_once),
		cmocka_unit_test(a_restart_does_not_warn_again),
		cmocka_unit_test(
		    all_that_wait_for_a_dead_destination_are_warned),
		cmocka_unit_test(one_report_tells_of_all_recipients),
		cmocka_unit_test(ret_says_what_comes_back),
		cmocka_unit_test(a_report_is_protected_as_its_message),
		cmocka_unit_test(a_report_is_of_the_party_of_its_message),
		cmocka_unit_test(a_large_message_comes_back_as_a_header),
		cmocka_unit_test(
		    a_failure_without_a_sender_goes_to_the_postmaster),
		cmocka_unit_test(a_delay_without_a_sender_is_not_told),
		cmocka_unit_test(reports_never_loop),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("queue/reports", tests, NULL, NULL);
}
