#include "../net/name_server.h"
#include "../smtp/script_peer.h"

#include "base/clock.h"
#include "base/log.h"
#include "sender/reach.h"

/*
 * By MX records: 127.0.0.1 is a whole SMTP server; at 127.0.0.2, on the same
 * port, somebody says one greeting and hangs up; nobody is at 127.0.0.3.
 */
struct world {
	struct name_server server;
	struct script_peer peer;
	struct dns *dns;
	struct wake stop;
	struct reach reach;
	struct reach_try try;
	struct smtp_client *client;
	int listener;
	pthread_t greeter;
	pthread_mutex_t lock; /* guards greeting */
	char greeting[64];
	char remarks[2048];
	struct err e;
};
static struct world w;

static int
answer(const char *name, int type, struct name_answer *a)
{
	bool both = strcmp(name, "both.test") == 0;

	if (type == DNS_MX && (both || strcmp(name, "greeter.test") == 0))
		name_server_add_mx(a, 10, "greeter.mx.test");
	if (type == DNS_MX && both)
		name_server_add_mx(a, 20, "whole.mx.test");
	if (type == DNS_MX && strcmp(name, "dead.test") == 0) {
		name_server_add_mx(a, 10, "nobody.mx.test");
		name_server_add_mx(a, 20, "greeter.mx.test");
	}
	if (type == DNS_MX && strcmp(name, "null.test") == 0)
		name_server_add_mx(a, 0, "");
	if (type == DNS_A)
		name_server_add_address(a, name[0] == 'w'   ? "127.0.0.1"
					   : name[0] == 'g' ? "127.0.0.2"
							    : "127.0.0.3");
	return 0;
}

static void
greet(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(w.listener, NULL, NULL)) >= 0) {
		char line[256], greeting[64];
		(void)pthread_mutex_lock(&w.lock);
		memcpy(greeting, w.greeting, sizeof(greeting));
		(void)pthread_mutex_unlock(&w.lock);
		(void)send(fd, greeting, strlen(greeting), MSG_NOSIGNAL);
		/* QUIT, or the end */
		(void)recv(fd, line, sizeof(line), 0);
		(void)close(fd);
	}
}

static void
start_greeter(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(w.peer.port) };

	assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &a.sin_addr), 1);
	w.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w.listener >= 0);
	assert_int_equal(
	    bind(w.listener, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w.listener, 8), 0);
	assert_int_equal(thread_start_joinable(&w.greeter, greet, NULL, &w.e),
			 0);
}

static void
note_line(void *ctx, char direction, struct span line)
{
	size_t n = strlen(w.remarks);

	(void)ctx;
	if (direction == '=')
		(void)snprintf(w.remarks + n, sizeof(w.remarks) - n, "%.*s\n",
			       SPAN_ARG(line));
}

static int
make(void **state)
{
	char server[32];
	const char *servers[] = { server };
	struct dns_options o = { .servers = servers, .n_servers = 1 };

	(void)state;
	memset(&w, 0, sizeof(w));
	(void)pthread_mutex_init(&w.lock, NULL);
	name_server_start(&w.server, answer);
	(void)snprintf(server, sizeof(server), "127.0.0.1:%u",
		       (unsigned)w.server.port);
	script_peer_start(&w.peer);
	start_greeter();
	assert_int_equal(wake_init(&w.stop, &w.e), 0);
	assert_int_equal(dns_new(&w.dns, &o, &w.e), 0);
	w.reach = (struct reach){ .helo = "sender.test",
				  .stop = &w.stop,
				  .dns = w.dns,
				  .mx_port = w.peer.port,
				  .loopback_mx = true,
				  .dns_timeout_ms = 10000,
				  .search_timeout_ms = 20000 };
	w.try = (struct reach_try){ .connect_timeout_ms = 5000,
				    .command_timeout_ms = 1000,
				    .data_timeout_ms = 5000,
				    .trace = note_line };
	return 0;
}

static int
unmake(void **state)
{
	(void)state;
	smtp_client_close(&w.client, false);
	dns_free(&w.dns);
	(void)shutdown(w.listener, SHUT_RDWR);
	(void)pthread_join(w.greeter, NULL);
	(void)close(w.listener);
	(void)pthread_mutex_destroy(&w.lock);
	wake_close(&w.stop);
	script_peer_stop(&w.peer);
	name_server_stop(&w.server);
	return 0;
}

static int
reach(const char *key, const char *greeting)
{
	struct route way;

	smtp_client_close(&w.client, false);
	(void)pthread_mutex_lock(&w.lock);
	(void)snprintf(w.greeting, sizeof(w.greeting), "%s", greeting);
	(void)pthread_mutex_unlock(&w.lock);
	w.remarks[0] = '\0';
	if (route_parse(span_of(key), &way, &w.e) != 0)
		fail_msg("%s", w.e.msg);
	return reach_open(&w.reach, &way, &w.try, &w.client, &w.e);
}

static void
who_refuses_the_session_is_passed_over(void **state)
{
	static const char *const greetings[] = { "421 4.3.2 later\r\n",
						 "554 5.3.2 not today\r\n",
						 "521 never\r\n",
						 "200 what?\r\n",
						 "x\r\n",
						 "" };

	(void)state;
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
		if (reach("mx:both.test", greetings[i]) != 0)
			fail_msg("%s: %s", greetings[i], w.e.msg);
		assert_non_null(w.client);
		assert_memory_equal(w.try.peer, "whole.mx.test:", 14);
		const char *first = strstr(w.remarks, "MX 10 greeter.mx.test");
		const char *then = strstr(w.remarks, "MX 20 whole.mx.test");
		assert_non_null(first);
		assert_true(then > first);
	}
}

static void
only_one_that_says_never_is_believed(void **state)
{
	(void)state;
	/* RFC 7504 */
	assert_int_equal(reach("mx:greeter.test", "521 no mail here\r\n"), -1);
	assert_int_equal(w.e.class, ERR_PERM);
	assert_int_equal(w.try.code, 550);
	assert_string_equal(w.try.enhanced, "5.3.2");
	assert_non_null(strstr(w.e.msg, "521 no mail here"));
	/* one that may pass is among them: later */
	assert_int_equal(reach("mx:dead.test", "521 no mail here\r\n"), -1);
	assert_int_not_equal(w.e.class, ERR_PERM);
	assert_int_equal(w.try.code, 451);
	assert_string_equal(w.try.enhanced, "4.4.1");
	/* RFC 5321 3.1 */
	assert_int_equal(reach("mx:greeter.test", "554 not today\r\n"), -1);
	assert_int_not_equal(w.e.class, ERR_PERM);
	assert_int_equal(w.try.code, 451);
}

static void
a_domain_that_takes_no_mail_is_refused(void **state)
{
	(void)state;
	assert_int_equal(reach("mx:null.test", ""), -1);
	assert_int_equal(w.e.class, ERR_PERM);
	assert_int_equal(w.try.code, 556);
	assert_string_equal(w.try.enhanced, "5.1.10");
}

static void
the_search_has_an_end(void **state)
{
	int64_t start_ms = clock_mono_ms();

	(void)state;
	script_peer_set(&w.peer, PEER_GREETING, NULL);
	w.reach.search_timeout_ms = 1;
	assert_int_equal(reach("mx:both.test", "421 later\r\n"), -1);
	assert_int_not_equal(w.e.class, ERR_PERM);
	assert_int_equal(w.try.code, 451);
	assert_true(clock_mono_ms() < start_ms + 10000);
	/* and a stop ends it at once */
	w.reach.search_timeout_ms = 60000;
	wake_raise(&w.stop);
	assert_int_equal(reach("mx:both.test", ""), -1);
	assert_int_equal(w.e.class, ERR_STOP);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_refuses_the_session_is_passed_over),
		TEST(only_one_that_says_never_is_believed),
		TEST(a_domain_that_takes_no_mail_is_refused),
		TEST(the_search_has_an_end),
	};

	(void)log_open("/dev/null", LOG_ERROR, NULL);
	return cmocka_run_group_tests_name("sender/reach", tests, NULL, NULL);
}
