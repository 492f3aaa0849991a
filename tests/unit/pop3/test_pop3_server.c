#include "../test.h"

#include <string.h>
#include <sys/socket.h>

#include "../../wire/pop3_fake.h"
#include "../../wire/wire.h"
#include "base/log.h"

/*
 * The same dialogue, cut at every byte in every way a connection can end.
 * Messages go only when the whole QUIT has come.
 */
static const char dialogue[] = "UTF8\r\n"
			       "AUTH PLAIN\r\n"
			       "AGJvYkB4eXouY29tAHNlY3JldA==\r\n"
			       "UIDL\r\n"
			       "RETR 1\r\n"
			       "DELE 1\r\n"
			       "TOP 2 1\r\n"
			       "DELE 3\r\n"
			       "QUIT\r\n";

struct rig {
	struct pop3_fake fake;
	struct pop3_server *server;
};

static void
serve(void *service, const struct listener_client *c)
{
	pop3_server_session(((struct rig *)service)->server, c);
}

enum ending { HANG_UP, HALF_CLOSE, KILL, DRAIN };

static void
end_session(struct wire_session *w, enum ending how)
{
	struct span line;
	struct err e;

	switch (how) {
	case HANG_UP:
		break;
	case HALF_CLOSE:
		(void)shutdown(w->fd, SHUT_WR);
		while (wire_line(w, &line, &e) == 0)
			;
		break;
	case KILL:
		wake_raise(&w->drain);
		wake_raise(&w->kill);
		break;
	case DRAIN:
		wake_raise(&w->drain);
		while (wire_line(w, &line, &e) == 0)
			;
		break;
	}
	wire_join(w);
}

/* Were messages removed? */
static bool
cut(size_t n, enum ending how)
{
	static const struct pop3_server_options o = {
		.hostname = "mx.test",
		.service = "pop3",
		.idle_timeout_ms = 20000,
		.session_timeout_ms = 20000,
	};
	struct wire_session w;
	struct rig rig = { .server = NULL };
	struct err e;

	pop3_fake_init(&rig.fake);
	assert_int_equal(
	    pop3_server_new(&rig.server, &o, &pop3_fake_ops, &rig.fake, &e), 0);
	assert_int_equal(wire_open(&w, &rig, serve, NULL), 0);
	assert_int_equal(wire_send(&w, span_make(dialogue, n)), 0);
	end_session(&w, how);
	pop3_server_free(&rig.server);

	if (rig.fake.broken != NULL)
		fail_msg("cut at %zu: %s", n, rig.fake.broken);
	assert_int_equal(rig.fake.opens, rig.fake.closes);
	bool removed = false, all = false;
	struct span events = buf_span(&rig.fake.events);
	for (size_t i = 0; i < events.n; i++) {
		struct span at = span_skip(events, i);
		removed = removed || span_starts_nocase(at, span_of("remove "));
		all = all || span_starts_nocase(
				 at, span_of("remove 1\nremove 3\nsync\n"));
	}
	assert_int_equal(removed, all);
	pop3_fake_clear(&rig.fake);
	return removed;
}

static void
nothing_goes_before_quit(void **state)
{
	size_t whole = sizeof(dialogue) - 1;

	(void)state;
	for (size_t n = 0; n < whole; n++) {
		for (int how = HANG_UP; how <= DRAIN; how++)
			assert_false(cut(n, (enum ending)how));
	}
}

static void
a_whole_quit_is_obeyed_though_the_client_is_leaving(void **state)
{
	(void)state;
	assert_true(cut(sizeof(dialogue) - 1, HALF_CLOSE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_goes_before_quit),
		cmocka_unit_test(
		    a_whole_quit_is_obeyed_though_the_client_is_leaving),
	};
	struct err e;

	(void)log_open("/dev/null", LOG_ERROR, &e);
	return cmocka_run_group_tests_name("pop3/pop3_server", tests, NULL,
					   NULL);
}
