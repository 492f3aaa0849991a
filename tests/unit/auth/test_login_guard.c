#include "../test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/login_guard.h"
#include "base/clock.h"
#include "base/durable.h"
#include "base/log.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, CHECK_MS = 30 };
static const int64_t DAY = 24 * (int64_t)HOUR;

static const struct login_guard_options usual = {
	.window_ms = 15 * MINUTE,
	.address_failures = 20,
	.user_failures = 100,
	.delay_ms = 100,
	.delay_max_ms = 1000,
	.key = { 1, 2 },
};

static struct login_guard *
make_with(const struct login_guard_options *o)
{
	struct login_guard *g;
	struct err e;

	assert_int_equal(login_guard_new(&g, o, &e), 0);
	return g;
}

static struct login_guard *
make(void)
{
	return make_with(&usual);
}

static struct login_try
a_try(const char *peer, const char *user, const char *password)
{
	return (struct login_try){ .peer = peer,
				   .user = user,
				   .password = password == NULL
						   ? span_make(NULL, 0)
						   : span_of(password) };
}

/* Would it be let in at once? */
static bool
allows(struct login_guard *g, const char *peer, const char *user, int64_t now)
{
	struct login_try t = a_try(peer, user, NULL);
	struct login_attempt a;

	bool now_at_once = login_guard_begin(g, &a, &t, now);
	(void)login_guard_end(g, &a, LOGIN_NOT_TRIED, now);
	return now_at_once;
}

/* One that is tried, whatever the guard thinks of the time. */
static int64_t
try_once(struct login_guard *g, const char *peer, const char *user,
	 const char *password, enum login_outcome outcome, int64_t now)
{
	struct login_try t = a_try(peer, user, password);
	struct login_attempt a;

	(void)login_guard_begin(g, &a, &t, now);
	return login_guard_end(g, &a, outcome, now);
}

/* Every time with another password. */
static int64_t
fails(struct login_guard *g, const char *peer, const char *user, int64_t now)
{
	static int n;
	char password[32];

	(void)snprintf(password, sizeof(password), "guess %d", n++);
	return try_once(g, peer, user, password, LOGIN_WRONG, now);
}

static void
passes(struct login_guard *g, const char *peer, const char *user, int64_t now)
{
	(void)try_once(g, peer, user, "right", LOGIN_RIGHT, now);
}

/* 20 failures of others, so that the address is over its limit. */
static void
heat_address(struct login_guard *g, const char *peer, int64_t now)
{
	char user[32];

	for (int i = 0; i < 20; i++) {
		(void)snprintf(user, sizeof(user), "other%d@b", i);
		(void)fails(g, peer, user, now);
	}
}

/* 100 failures for the user, each from another address. */
static void
heat_user(struct login_guard *g, const char *user, int64_t now)
{
	char peer[32];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(peer, sizeof(peer), "203.0.113.%d", i);
		(void)fails(g, peer, user, now);
	}
}

/* When it is let go, by looking each time that the guard says; -1: given up. */
static int64_t
waits_until(struct login_guard *g, const char *peer, const char *user,
	    int64_t now, enum login_outcome outcome)
{
	static int n;
	char password[32];
	struct login_attempt a;

	(void)snprintf(password, sizeof(password), "word %d", n++);
	struct login_try t = a_try(peer, user, password);
	(void)login_guard_begin(g, &a, &t, now);
	while (a.seen == LOGIN_WAITS)
		now += login_guard_look(g, &a, now);
	bool may = a.seen == LOGIN_RUNS;
	(void)login_guard_end(g, &a, may ? outcome : LOGIN_NOT_TRIED, now);
	return may ? now : -1;
}

static void
answers_get_slower_for_who_fails(void **state)
{
	struct login_guard *g = make();
	static const int64_t delays[] = { 100, 200, 400, 800, 1000, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++)
		assert_int_equal(fails(g, "192.0.2.1", "a@b", 1000), delays[i]);
	/* not for others of that address, nor from elsewhere */
	assert_int_equal(fails(g, "192.0.2.1", "c@b", 1000), 100);
	assert_int_equal(fails(g, "192.0.2.2", "a@b", 1000), 100);
	/* with time it is forgiven, one for each window */
	assert_int_equal(fails(g, "192.0.2.1", "a@b", 4 * 15 * MINUTE + 2000),
			 400);
	passes(g, "192.0.2.1", "a@b", HOUR);
	assert_int_equal(fails(g, "192.0.2.1", "a@b", HOUR), 100);
	login_guard_free(&g);
	login_guard_free(&g);
}

static void
an_address_over_its_limit_waits(void **state)
{
	struct login_guard *g = make();

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_true(allows(g, "192.0.2.1", "a@b", 1000));
		(void)fails(g, "192.0.2.1", "a@b", 1000);
	}
	/* its own share of the window, 45 s, and then the next one */
	assert_int_equal(waits_until(g, "192.0.2.1", "a@b", 1000, LOGIN_WRONG),
			 46000);
	assert_int_equal(
	    waits_until(g, "::ffff:192.0.2.1", "a@b", 46000, LOGIN_WRONG),
	    91000);
	/* an IPv6 network is one */
	for (int i = 0; i < 20; i++)
		(void)fails(g, "2001:db8::1", "a@b", 1000);
	assert_int_equal(
	    waits_until(g, "2001:db8::ffff", "a@b", 1000, LOGIN_WRONG), 46000);
	assert_true(allows(g, "2001:db8:0:1::1", "a@b", 1000));
	login_guard_free(&g);
}

/* 20 typing errors of a class: the others are in at once, and those who made
 * them after a moment. */
static void
a_class_behind_one_address_is_not_locked_out(void **state)
{
	struct login_guard *g = make();

	(void)state;
	heat_address(g, "192.0.2.1", 1000);
	assert_int_equal(waits_until(g, "192.0.2.1", "a@b", 1000, LOGIN_RIGHT),
			 1000);
	assert_int_equal(
	    waits_until(g, "192.0.2.1", "other3@b", 1000, LOGIN_RIGHT), 1100);
	assert_int_equal(waits_until(g, "192.0.2.1", "c@b", 1000, LOGIN_WRONG),
			 1000);
	assert_int_equal(waits_until(g, "192.0.2.1", "c@b", 1000, LOGIN_RIGHT),
			 1100);
	login_guard_free(&g);
}

static void
a_user_who_is_guessed_at_is_not_locked_out(void **state)
{
	struct login_guard *g = make();

	(void)state;
	passes(g, "198.51.100.7", "bob@b", 0);
	heat_user(g, "bob@b", 1000);
	/* from a new address at once, and from where he is known */
	assert_true(allows(g, "192.0.2.99", "bob@b", 1000));
	assert_true(allows(g, "198.51.100.7", "bob@b", 1000));
	assert_true(allows(g, "192.0.2.99", "carol@b", 1000));
	/* who has guessed waits, and by more than one at a time */
	for (int i = 0; i < 3; i++) {
		(void)fails(g, "203.0.113.1", "bob@b", 1000);
		(void)fails(g, "203.0.113.2", "bob@b", 1000);
	}
	assert_int_equal(
	    waits_until(g, "203.0.113.1", "bob@b", 1000, LOGIN_WRONG), 10000);
	assert_int_equal(
	    waits_until(g, "203.0.113.2", "bob@b", 10000, LOGIN_WRONG), 19000);
	/* three slips cost him the delays after them, and no turn of theirs */
	assert_int_equal(
	    waits_until(g, "192.0.2.99", "bob@b", 19000, LOGIN_WRONG), 19000);
	assert_int_equal(
	    waits_until(g, "192.0.2.99", "bob@b", 19000, LOGIN_WRONG), 19100);
	assert_int_equal(
	    waits_until(g, "192.0.2.99", "bob@b", 19100, LOGIN_WRONG), 19300);
	assert_int_equal(
	    waits_until(g, "192.0.2.99", "bob@b", 19300, LOGIN_RIGHT), 19700);
	assert_true(allows(g, "192.0.2.99", "bob@b", 19700)); /* known now */
	login_guard_free(&g);
}

/* What fresh parties fail fills no bucket that is hot: who has failed often is
 * not kept out by a crowd of them. */
static void
fresh_parties_do_not_keep_out_who_failed_often(void **state)
{
	struct login_guard *g = make();
	int64_t now = 1000;
	struct login_attempt mine;
	struct login_try t = a_try("192.0.2.99", "bob@b", "right");
	char peer[32];

	(void)state;
	heat_user(g, "bob@b", now);
	for (int i = 0; i < 4; i++)
		(void)fails(g, "192.0.2.99", "bob@b", now);
	assert_false(login_guard_begin(g, &mine, &t, now));
	for (int i = 0; i < 2000 && mine.seen == LOGIN_WAITS; i++) {
		(void)snprintf(peer, sizeof(peer), "10.1.%d.%d", i / 250,
			       i % 250);
		(void)fails(g, peer, "bob@b", now);
		now += CHECK_MS;
		(void)login_guard_look(g, &mine, now);
	}
	assert_int_equal(mine.seen, LOGIN_RUNS);
	assert_in_range(now, 10000, 10000 + CHECK_MS);
	(void)login_guard_end(g, &mine, LOGIN_RIGHT, now);
	login_guard_free(&g);
}

static void
a_wrong_password_counts_once(void **state)
{
	struct login_guard *g = make();

	(void)state;
	for (int i = 0; i < 500; i++)
		assert_int_equal(try_once(g, "192.0.2.1", "a@b", "old",
					  LOGIN_WRONG, i * 1000),
				 100);
	assert_true(allows(g, "192.0.2.1", "a@b", 500000));
	assert_true(allows(g, "192.0.2.1", "c@b", 500000));
	/* the same word for others are other guesses */
	for (int i = 0; i < 20; i++) {
		char user[32];
		(void)snprintf(user, sizeof(user), "user%d@b", i);
		(void)try_once(g, "192.0.2.1", user, "old", LOGIN_WRONG,
			       500000);
	}
	assert_false(allows(g, "192.0.2.1", "user1@b", 500000));
	/* and where no password is seen each counts */
	for (int i = 0; i < 20; i++)
		(void)try_once(g, "192.0.2.7", "a@b", NULL, LOGIN_WRONG,
			       500000);
	assert_false(allows(g, "192.0.2.7", "a@b", 500000));
	login_guard_free(&g);
}

/* Nobody hears, by a delay that did not double or a limit that is not reached,
 * what another party has said. */
static void
what_others_mistyped_is_not_told(void **state)
{
	struct login_guard *g = make();
	char peer[32];

	(void)state;
	(void)try_once(g, "192.0.2.1", "a@b", "old", LOGIN_WRONG, 0);
	assert_int_equal(fails(g, "192.0.2.2", "a@b", 0), 100);
	assert_int_equal(try_once(g, "192.0.2.2", "a@b", "old", LOGIN_WRONG, 0),
			 200);
	assert_int_equal(try_once(g, "192.0.2.2", "a@b", "old", LOGIN_WRONG, 0),
			 200);
	for (int i = 0; i < 97; i++) {
		assert_true(allows(g, "192.0.2.9", "a@b", 0));
		(void)snprintf(peer, sizeof(peer), "10.0.0.%d", i);
		(void)try_once(g, peer, "a@b", "old", LOGIN_WRONG, 0);
	}
	for (int i = 0; i < 4; i++)
		(void)fails(g, "192.0.2.9", "a@b", 0);
	assert_false(allows(g, "192.0.2.9", "a@b", 0));
	login_guard_free(&g);
}

static void
who_is_known_does_not_wait(void **state)
{
	struct login_guard *g = make();

	(void)state;
	passes(g, "192.0.2.1", "a@b", 0);
	heat_address(g, "192.0.2.1", 0);
	heat_user(g, "a@b", 0);
	assert_true(allows(g, "192.0.2.1", "a@b", 0));
	/* ten times the limit of an address, and that is lost */
	for (int i = 0; i < 200; i++) {
		assert_true(allows(g, "192.0.2.1", "a@b", 0));
		(void)fails(g, "192.0.2.1", "a@b", 0);
	}
	assert_false(allows(g, "192.0.2.1", "a@b", 0));
	login_guard_free(&g);
}

static void
a_good_login_is_forgotten_at_last(void **state)
{
	struct login_guard *g = make();

	(void)state;
	passes(g, "192.0.2.1", "a@b", 0);
	for (int d = 1; d <= 30; d++) {
		heat_user(g, "a@b", d * DAY);
		for (int i = 0; i < 4; i++)
			(void)fails(g, "192.0.2.1", "a@b", d * DAY);
		assert_int_equal(allows(g, "192.0.2.1", "a@b", d * DAY),
				 d < 30);
	}
	login_guard_free(&g);
}

static void
an_exempt_address_has_no_limit_but_the_users(void **state)
{
	struct login_guard *g = make();
	struct login_try t = a_try("127.0.0.1", "new@b", "x");
	struct login_attempt a;
	char user[32], password[32];

	(void)state;
	t.exempt = true;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(user, sizeof(user), "user%d@b", i);
		t.user = user;
		assert_true(login_guard_begin(g, &a, &t, 0));
		assert_int_equal(login_guard_end(g, &a, LOGIN_WRONG, 0), 100);
	}
	t.user = "a@b";
	for (int i = 0; i < 100; i++) {
		(void)snprintf(password, sizeof(password), "%d", i);
		t.password = span_of(password);
		assert_true(login_guard_begin(g, &a, &t, 0));
		(void)login_guard_end(g, &a, LOGIN_WRONG, 0);
	}
	assert_false(login_guard_begin(g, &a, &t, 0));
	(void)login_guard_end(g, &a, LOGIN_NOT_TRIED, 0);
	login_guard_free(&g);
}

/* A thousand at once are not a thousand guesses. */
static void
those_under_way_count(void **state)
{
	enum { N = 300 };
	static struct login_attempt a[N];
	struct login_guard *g = make();
	int running = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		struct login_try t = a_try("192.0.2.1", "a@b", NULL);
		running += login_guard_begin(g, &a[i], &t, 0);
	}
	assert_int_equal(running, 20);
	for (int i = 0; i < N; i++)
		(void)login_guard_end(
		    g, &a[i], a[i].seen == LOGIN_RUNS ? LOGIN_WRONG : 0, 0);
	assert_false(allows(g, "192.0.2.1", "a@b", 0));
	login_guard_free(&g);
}

/* ---- crowds ---------------------------------------------------------------
 * A machine of one processor on which a check takes CHECK_MS, and a clock that
 * moves by nothing else.
 */

struct machine {
	struct login_guard *g;
	struct login_attempt *a;
	const char **user;
	char (*peer)[32];
	size_t n;
	int64_t now;
	size_t tried; /* guesses that were looked at */
};

static void
arrive(struct machine *m, size_t i, const char *user)
{
	char password[32];

	m->user[i] = user;
	(void)snprintf(password, sizeof(password), "guess %zu", i);
	struct login_try t = a_try(m->peer[i], user, password);
	(void)login_guard_begin(m->g, &m->a[i], &t, m->now);
}

static bool
is_running(const struct login_attempt *a)
{
	return a->event != -2 && a->state == LOGIN_RUNS;
}

/* One that runs ends, after the time of a check; else the clock goes on for a
 * second at most, and one that waits looks at it for all. */
static void
step_machine(struct machine *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (!is_running(&m->a[i]))
			continue;
		m->now += CHECK_MS;
		(void)login_guard_end(m->g, &m->a[i], LOGIN_WRONG, m->now);
		m->a[i].event = -2; /* gone */
		m->tried++;
		return;
	}
	int64_t next = 1000;
	for (size_t i = 0; i < m->n; i++) {
		if (m->a[i].event == -2 || m->a[i].state != LOGIN_WAITS)
			continue;
		int64_t ms = login_guard_look(m->g, &m->a[i], m->now);
		next = ms < next ? ms : next;
		break;
	}
	m->now += next;
}

/* `parties` x `each` guesses for bob, then bob himself: when he is let go. */
static int64_t
bob_among(size_t parties, size_t each, bool known, size_t *left)
{
	size_t n = parties * each;
	struct machine m = { .g = make(),
			     .a = calloc(n, sizeof(*m.a)),
			     .user = calloc(n, sizeof(*m.user)),
			     .peer = calloc(n, sizeof(*m.peer)),
			     .n = n };
	struct login_try t = a_try("192.0.2.99", "bob@b", "right");
	struct login_attempt bob;

	assert_true(m.a != NULL && m.user != NULL && m.peer != NULL);
	if (known)
		passes(m.g, "192.0.2.99", "bob@b", 0);
	heat_user(m.g, "bob@b", 0);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(m.peer[i], sizeof(m.peer[i]), "10.0.%zu.%zu",
			       i % parties / 250, i % parties % 250);
		arrive(&m, i, "bob@b");
	}
	(void)login_guard_begin(m.g, &bob, &t, m.now);
	while (bob.state == LOGIN_WAITS) {
		step_machine(&m);
		(void)login_guard_look(m.g, &bob, m.now);
	}
	assert_int_equal(bob.state, LOGIN_RUNS);
	(void)login_guard_end(m.g, &bob, LOGIN_RIGHT, m.now);
	*left = m.n - m.tried;
	for (size_t i = 0; i < n; i++) {
		if (m.a[i].event != -2)
			(void)login_guard_end(m.g, &m.a[i], LOGIN_NOT_TRIED,
					      m.now);
	}
	login_guard_free(&m.g);
	free(m.a);
	free(m.user);
	free(m.peer);
	return m.now;
}

static void
bob_is_in_while_others_guess(void **state)
{
	size_t left;

	(void)state;
	assert_true(bob_among(200, 10, false, &left) <= 15000);
	assert_in_range(left, 1800, 2000);
	assert_int_equal(bob_among(200, 10, true, &left), 0);
	assert_int_equal(left, 2000);
	assert_true(bob_among(500, 4, false, &left) <= 15000);
	assert_int_equal(bob_among(500, 4, true, &left), 0);
	/* where checks are so slow that one at a time would take too long */
	assert_true(bob_among(1000, 1, false, &left) <= 15000);
	assert_in_range(left, 1, 1000);
}

/* Parties that guess at bob, each with one connection and always again. */
static struct machine
make_crowd(size_t parties)
{
	struct machine m = { .g = make(),
			     .a = calloc(parties, sizeof(*m.a)),
			     .user = calloc(parties, sizeof(*m.user)),
			     .peer = calloc(parties, sizeof(*m.peer)),
			     .n = parties };

	assert_true(m.a != NULL && m.user != NULL && m.peer != NULL);
	for (size_t i = 0; i < parties; i++) {
		(void)snprintf(m.peer[i], sizeof(m.peer[i]), "10.0.%zu.%zu",
			       i / 250, i % 250);
		m.a[i].event = -2;
	}
	return m;
}

static void
free_crowd(struct machine *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->a[i].event != -2)
			(void)login_guard_end(m->g, &m->a[i], LOGIN_NOT_TRIED,
					      m->now);
	}
	login_guard_free(&m->g);
	free(m->a);
	free(m->user);
	free(m->peer);
}

/* All that are gone come again, and so do those who have waited too long for
 * their patience: they hang up. */
static void
come_again(struct machine *m, int64_t patience)
{
	static size_t word;
	char password[32];

	for (size_t i = 0; i < m->n; i++) {
		struct login_attempt *a = &m->a[i];
		bool here = a->event != -2;
		int64_t waited = m->now - a->begun_ms;
		if (here && a->state == LOGIN_WAITS && waited >= patience)
			login_guard_leave(m->g, a, m->now);
		if (here && waited >= LOGIN_GUARD_WAIT_MS)
			(void)login_guard_look(m->g, a, m->now);
		if (here && a->state != LOGIN_GIVEN_UP)
			continue;
		if (here)
			(void)login_guard_end(m->g, a, LOGIN_NOT_TRIED, m->now);
		(void)snprintf(password, sizeof(password), "%zu", word++);
		struct login_try t = a_try(m->peer[i], "bob@b", password);
		(void)login_guard_begin(m->g, a, &t, m->now);
	}
}

/* Guesses for one user until then: what doc/operations.md promises. */
static size_t
guesses(size_t parties, int64_t until)
{
	struct machine m = make_crowd(parties);

	while (m.now < until) {
		come_again(&m, DAY);
		step_machine(&m);
	}
	free_crowd(&m);
	return m.tried;
}

/* How long bob waits in the worst of `typos` wrong passwords and the right one,
 * from an address where he is not known, after the crowd was at it so long. */
static int64_t
bob_waits(size_t parties, int64_t patience, int64_t lead, int typos)
{
	struct machine m = make_crowd(parties);
	int64_t worst = 0;

	while (m.now < lead) {
		come_again(&m, patience);
		step_machine(&m);
	}
	for (int i = 0; i <= typos; i++) {
		char password[32];
		struct login_attempt bob;
		(void)snprintf(password, sizeof(password), "bob's %d", i);
		struct login_try t = a_try("192.0.2.99", "bob@b", password);
		int64_t begun = m.now;
		(void)login_guard_begin(m.g, &bob, &t, m.now);
		while (bob.state == LOGIN_WAITS) {
			come_again(&m, patience);
			step_machine(&m);
			(void)login_guard_look(m.g, &bob, m.now);
		}
		assert_int_equal(bob.state, LOGIN_RUNS); /* never a 454 */
		worst = m.now - begun > worst ? m.now - begun : worst;
		m.now += CHECK_MS;
		(void)login_guard_end(
		    m.g, &bob, i < typos ? LOGIN_WRONG : LOGIN_RIGHT, m.now);
	}
	free_crowd(&m);
	return worst;
}

static void
bob_may_mistype_while_others_guess(void **state)
{
	static const size_t parties[] = { 256, 500 };
	static const int64_t leads[] = { 30 * 1000, 10 * MINUTE };

	(void)state;
	for (int i = 0; i < 8; i++) {
		int64_t patience = i & 4 ? DAY : 30 * 1000;
		for (int typos = 0; typos <= 3; typos++)
			assert_in_range(bob_waits(parties[i & 1], patience,
						  leads[i >> 1 & 1], typos),
					0, 15000);
	}
}

/* Who hangs up has had the turn: then it is another's. */
static void
who_hangs_up_has_tried(void **state)
{
	struct login_guard *g = make();
	struct login_try t = a_try("203.0.113.1", "bob@b", "x");
	struct login_attempt a, b;

	(void)state;
	heat_user(g, "bob@b", 1000);
	for (int i = 0; i < 4; i++) {
		(void)fails(g, "203.0.113.1", "bob@b", 1000);
		(void)fails(g, "203.0.113.2", "bob@b", 2000);
	}
	assert_false(login_guard_begin(g, &a, &t, 3000));
	login_guard_leave(g, &a, 4000);
	(void)login_guard_end(g, &a, LOGIN_NOT_TRIED, 4000);
	assert_false(login_guard_begin(g, &a, &t, 4000));
	t = a_try("203.0.113.2", "bob@b", "y");
	assert_false(login_guard_begin(g, &b, &t, 4000));
	(void)login_guard_look(g, &a, 11000);
	assert_int_equal(a.state, LOGIN_WAITS);
	assert_int_equal(b.state, LOGIN_RUNS);
	(void)login_guard_end(g, &b, LOGIN_NOT_TRIED, 11000);
	(void)login_guard_end(g, &a, LOGIN_NOT_TRIED, 11000);
	/* and a party of which all have hung up is not as good as new */
	t = a_try("192.0.2.1", "bob@b", "z");
	assert_true(login_guard_begin(g, &b, &t, 11000));
	t = a_try("192.0.2.2", "bob@b", "z");
	for (int i = 0; i < 3; i++) {
		(void)login_guard_begin(g, &a, &t, 11000);
		login_guard_leave(g, &a, 11000);
		(void)login_guard_end(g, &a, LOGIN_NOT_TRIED, 11000);
	}
	assert_int_equal(fails(g, "192.0.2.2", "bob@b", 11000), 800);
	(void)login_guard_end(g, &b, LOGIN_NOT_TRIED, 11000);
	login_guard_free(&g);
}

static void
so_many_guesses_are_left(void **state)
{
	(void)state;
	/* 20 at once, and one each 45 s */
	assert_in_range(guesses(1, DAY), 1900, 1945);
	/* an hour of 300: 100 at once, four of each, and one each 9 s */
	assert_in_range(guesses(300, HOUR), 1300, 100 + 1200 + 401);
}

/* ---- what is kept ---------------------------------------------------------
 */

static char directory[] = "/tmp/test_login_guard.XXXXXX";

static bool
is_known_after(int dirfd, const char *peer)
{
	struct login_guard *g = make();

	login_guard_keep(g, dirfd, 5000);
	heat_user(g, "a@b", 5000);
	for (int i = 0; i < 4; i++)
		(void)fails(g, peer, "a@b", 5000);
	bool known = allows(g, peer, "a@b", 5000);
	login_guard_free(&g);
	return known;
}

static void
who_is_known_stays_so_over_a_restart(void **state)
{
	struct login_guard *g = make();
	struct err e;
	char *text = NULL;
	size_t n = 0;

	(void)state;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	login_guard_keep(g, fd, 1000);
	passes(g, "192.0.2.1", "a@b", 1000);
	passes(g, "2001:db8::1", "a@b", 1000);
	login_guard_free(&g);
	assert_true(is_known_after(fd, "192.0.2.1"));
	assert_true(is_known_after(fd, "2001:db8::2"));
	assert_false(is_known_after(fd, "192.0.2.2"));
	assert_int_equal(
	    durable_read_file(fd, "known-logins", 100000, &text, &n, &e), 0);
	assert_int_equal(n, 8 + 4 + 2 * 16 + 4);
	assert_null(memmem(text, n, "a@b", 3)); /* nobody's name */
	/* any damage: forgotten, and nothing stops */
	for (size_t i = 0; i < n; i++) {
		text[i] ^= 4;
		assert_int_equal(durable_replace(fd, "known-logins",
						 span_make(text, n), 0600, &e),
				 0);
		assert_false(is_known_after(fd, "192.0.2.1"));
		text[i] ^= 4;
	}
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(durable_replace(fd, "known-logins",
						 span_make(text, i), 0600, &e),
				 0);
		assert_false(is_known_after(fd, "192.0.2.1"));
	}
	free(text);
	/* and it is written anew */
	g = make();
	login_guard_keep(g, fd, 1000);
	passes(g, "192.0.2.1", "a@b", 1000);
	login_guard_free(&g);
	assert_true(is_known_after(fd, "192.0.2.1"));
	(void)unlinkat(fd, "known-logins", 0);
	(void)close(fd);
}

static void
what_is_known_is_bounded(void **state)
{
	struct login_guard *g = make();
	struct err e;
	char *text = NULL;
	size_t n = 0;

	(void)state;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 20000; i++) {
		char user[32];
		(void)snprintf(user, sizeof(user), "u%d@b", i);
		passes(g, "192.0.2.1", user, 1000 + i);
	}
	login_guard_keep(g, fd, 30000);
	passes(g, "192.0.2.1", "a@b", 31000);
	assert_int_equal(
	    durable_read_file(fd, "known-logins", 1000000, &text, &n, &e), 0);
	assert_in_range(n, 3000 * 16, 4096 * 16 + 16);
	free(text);
	login_guard_free(&g);
	assert_true(is_known_after(fd, "192.0.2.1"));
	(void)unlinkat(fd, "known-logins", 0);
	(void)close(fd);
}

/* A flood makes no room among those who are known. */
static void
the_tables_are_bounded(void **state)
{
	struct login_guard *g = make();

	(void)state;
	passes(g, "198.51.100.7", "a@b", 0);
	heat_user(g, "a@b", 0);
	for (int i = 0; i < 200000; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "2001:db8:%x:%x::1",
			       i / 65536, i % 65536);
		(void)fails(g, text, text, 1);
	}
	for (int i = 0; i < 4; i++)
		(void)fails(g, "198.51.100.7", "a@b", 1);
	assert_true(allows(g, "198.51.100.7", "a@b", 1));
	login_guard_free(&g);
}

static void *
use_often(void *arg)
{
	struct login_guard *g = arg;

	for (int i = 0; i < 50; i++) {
		struct login_try t =
		    a_try(i % 2 ? "192.0.2.1" : "192.0.2.2", "a@b", NULL);
		struct login_attempt a;
		if (!login_guard_wait(g, &a, &t, NULL, 0))
			return arg;
		(void)login_guard_end(g, &a,
				      i % 7 == 0 ? LOGIN_RIGHT
				      : i % 3    ? LOGIN_NOT_TRIED
						 : LOGIN_WRONG,
				      i);
	}
	return NULL;
}

static void
threads_share_one(void **state)
{
	struct login_guard_options o = usual;
	pthread_t t[8];

	(void)state;
	o.address_failures = o.user_failures = 4;
	o.window_ms = 400;
	o.delay_ms = 1;
	struct login_guard *g = make_with(&o);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&t[i], NULL, use_often, g), 0);
	for (int i = 0; i < 8; i++) {
		void *failed;
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	login_guard_free(&g);
}

static void
a_wait_ends_when_server_or_client_goes(void **state)
{
	struct login_guard *g = make();
	struct login_try t = a_try("192.0.2.1", "a@b", NULL);
	struct login_attempt a;
	struct wake stop;
	struct err e;

	(void)state;
	assert_int_equal(wake_init(&stop, &e), 0);
	wake_raise(&stop);
	for (int i = 0; i < 20; i++)
		(void)fails(g, "192.0.2.1", "a@b", clock_mono_ms());
	assert_false(login_guard_wait(g, &a, &t, &stop, 0));
	(void)login_guard_end(g, &a, LOGIN_NOT_TRIED, clock_mono_ms());
	wake_close(&stop);
	/* or the client hangs up */
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)close(pair[1]);
	assert_false(login_guard_wait(g, &a, &t, NULL, pair[0]));
	(void)login_guard_end(g, &a, LOGIN_NOT_TRIED, clock_mono_ms());
	(void)close(pair[0]);
	login_guard_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_get_slower_for_who_fails),
		cmocka_unit_test(an_address_over_its_limit_waits),
		cmocka_unit_test(a_class_behind_one_address_is_not_locked_out),
		cmocka_unit_test(a_user_who_is_guessed_at_is_not_locked_out),
		cmocka_unit_test(
		    fresh_parties_do_not_keep_out_who_failed_often),
		cmocka_unit_test(a_wrong_password_counts_once),
		cmocka_unit_test(what_others_mistyped_is_not_told),
		cmocka_unit_test(who_is_known_does_not_wait),
		cmocka_unit_test(a_good_login_is_forgotten_at_last),
		cmocka_unit_test(an_exempt_address_has_no_limit_but_the_users),
		cmocka_unit_test(those_under_way_count),
		cmocka_unit_test(bob_is_in_while_others_guess),
		cmocka_unit_test(bob_may_mistype_while_others_guess),
		cmocka_unit_test(who_hangs_up_has_tried),
		cmocka_unit_test(so_many_guesses_are_left),
		cmocka_unit_test(who_is_known_stays_so_over_a_restart),
		cmocka_unit_test(what_is_known_is_bounded),
		cmocka_unit_test(the_tables_are_bounded),
		cmocka_unit_test(threads_share_one),
		cmocka_unit_test(a_wait_ends_when_server_or_client_goes),
	};
	struct err e;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (mkdtemp(directory) == NULL ||
	    log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(directory) != 0 ? 1 : rc;
}
