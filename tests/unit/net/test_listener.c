#include "../test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/listener.h"

static const char busy[] = "421 busy\r\n";

/* A family of which this machine shall have no sockets; AF_UNSPEC: it has what
 * it has. */
static int lacking = AF_UNSPEC;

/* In the place of libc's. */
int
socket(int family, int type, int protocol)
{
	if (family == lacking && family != AF_UNSPEC) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return (int)syscall(SYS_socket, family, type, protocol);
}

/*
 * The service of these tests: greets, echoes lines, leaves on the drain (or,
 * when it is stubborn, only on the kill).
 */
struct service {
	bool stubborn;
};

static void
serve(void *ctx, const struct listener_client *c)
{
	const struct service *svc = ctx;
	int64_t never = -1;
	struct line line;
	struct err e;

	stream_watch(c->stream, svc->stubborn ? c->kill : c->drain);
	if (stream_writef(c->stream, never, &e, "hello %s\r\n", c->address) !=
		0 ||
	    stream_flush(c->stream, never, &e) != 0)
		return;
	while (stream_read_line(c->stream, 100, never, &line, &e) == 0) {
		char word[32] = "";
		(void)span_copy(line.text, word, sizeof(word));
		if (strcmp(word, "busy") == 0 || strcmp(word, "idle") == 0)
			listener_place_busy(c, word[0] == 'b');
		if (strcmp(word, "logout") == 0)
			listener_place_logout(c);
		if (strncmp(word, "login ", 6) == 0 &&
		    listener_place_login(c, word + 6) != 0)
			line.text = span_of("full");
		if (stream_writef(c->stream, never, &e, "%.*s\r\n",
				  SPAN_ARG(line.text)) != 0 ||
		    stream_flush(c->stream, never, &e) != 0)
			return;
	}
	(void)stream_writef(c->stream, never, &e, "bye %s\r\n",
			    err_class_name(e.class));
}

/* Clients of 127.0.0.1 are a load balancer's. */
static struct listener *
start_for(struct service *svc, int max_clients, int max_per_address,
	  int64_t grace_ms)
{
	static char here[] = "127.0.0.1", free_net[] = "192.0.2.128/25";
	char *const proxies[] = { here }, *const free_from[] = { free_net };
	const char *const addresses[] = { "127.0.0.1:0" };
	const struct listener_options o = {
		.service = "test",
		.addresses = addresses,
		.n_addresses = 1,
		.proxy_from = proxies,
		.n_proxy_from = 1,
		.free_from = free_from,
		.n_free_from = 1,
		.max_clients = max_clients,
		.max_per_address = max_per_address,
		.max_per_user = 2,
		.grace_ms = grace_ms,
		.busy_reply = busy,
		.serve = serve,
		.ctx = svc,
	};
	struct listener *l = NULL;
	struct err e;

	assert_int_equal(listener_new(&l, &o, &e), 0);
	assert_int_equal(listener_start(l, &e), 0);
	return l;
}

static struct listener *
start(struct service *svc, int max_clients, int max_per_address)
{
	const char *const addresses[] = { "127.0.0.1:0", "127.0.0.2:0" };
	const struct listener_options o = {
		.service = "test",
		.addresses = addresses,
		.n_addresses = 2,
		.max_clients = max_clients,
		.max_per_address = max_per_address,
		.busy_reply = busy,
		.serve = serve,
		.ctx = svc,
	};
	struct listener *l = NULL;
	struct err e;

	assert_int_equal(listener_new(&l, &o, &e), 0);
	assert_int_equal(listener_start(l, &e), 0);
	assert_int_not_equal(listener_port(l, 0), 0);
	assert_int_not_equal(listener_port(l, 1), 0);
	assert_int_equal(listener_port(l, 2), 0);
	return l;
}

static void
stop(struct listener *l)
{
	listener_stop(l, 0);
	assert_int_equal(listener_clients(l), 0);
	listener_free(&l);
	assert_null(l);
}

static int
client_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

/* Connect fd from `source` to 127.0.0.1. */
static void
connect_from(int fd, struct listener *l, const char *source)
{
	struct sockaddr_in at = { .sin_family = AF_INET };

	at.sin_addr.s_addr = inet_addr(source);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	at.sin_addr.s_addr = inet_addr("127.0.0.1");
	at.sin_port = htons(listener_port(l, 0));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
}

static void
assert_reads(int fd, const char *text)
{
	char got[100];
	size_t n = 0, want = strlen(text);

	while (n < want) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&p, 1, 10000), 1);
		ssize_t r = recv(fd, got + n, want - n, 0);
		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_memory_equal(got, text, want);
}

static void
assert_ends(int fd)
{
	char c;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(recv(fd, &c, 1, 0) <= 0);
	(void)close(fd);
}

static int
guest(struct listener *l, const char *source)
{
	int fd = client_socket();

	connect_from(fd, l, source);
	return fd;
}

static void
wait_for_clients(struct listener *l, int n)
{
	int64_t deadline = clock_mono_ms() + 10000;

	while (listener_clients(l) != n) {
		assert_true(clock_mono_ms() < deadline);
		(void)poll(NULL, 0, 1);
	}
}

static void
a_client_over_the_cap_is_told_so(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start(&svc, 2, 2);

	(void)state;
	int a = guest(l, "127.0.0.1"), b = guest(l, "127.0.0.3");
	assert_reads(a, "hello 127.0.0.1\r\n");
	assert_reads(b, "hello 127.0.0.3\r\n");
	int c = guest(l, "127.0.0.4");
	assert_reads(c, busy);
	assert_ends(c);
	/* The others were not disturbed, and a place becomes free again. */
	assert_int_equal(send(a, "echo\r\n", 6, 0), 6);
	assert_reads(a, "echo\r\n");
	(void)close(b);
	wait_for_clients(l, 1);
	c = guest(l, "127.0.0.4");
	assert_reads(c, "hello 127.0.0.4\r\n");
	(void)close(a);
	(void)close(c);
	stop(l);
}

/* ---- places: who may have how many -----------------------------------------
 */

/* A client from anywhere, by way of the balancer. */
static int
stranger(struct listener *l, const char *address)
{
	bool six = strchr(address, ':') != NULL;
	char line[200];

	int fd = guest(l, "127.0.0.1");
	int n = snprintf(line, sizeof(line), "PROXY TCP%c %s %s 40000 25\r\n",
			 six ? '6' : '4', address, six ? "::1" : "127.0.0.1");
	assert_int_equal(send(fd, line, (size_t)n, 0), n);
	return fd;
}

static int
welcome(struct listener *l, const char *address)
{
	char line[100];
	int fd = stranger(l, address);

	(void)snprintf(line, sizeof(line), "hello %s\r\n", address);
	assert_reads(fd, line);
	return fd;
}

static void
refused(struct listener *l, const char *address)
{
	int fd = stranger(l, address);

	assert_reads(fd, busy);
	assert_ends(fd);
}

static void
asks(int fd, const char *line, const char *answer)
{
	assert_int_equal(send(fd, line, strlen(line), 0),
			 (ssize_t)strlen(line));
	assert_reads(fd, answer);
}

static void
close_all(const int fds[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void
one_network_cannot_take_every_place(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 20, 2, 60000);
	int fds[10];
	size_t n = 0;

	(void)state;
	fds[n++] = welcome(l, "192.0.2.7");
	fds[n++] = welcome(l, "192.0.2.7");
	refused(l, "192.0.2.7");
	fds[n++] = welcome(l, "192.0.2.8");
	/* a /64 is one customer's */
	fds[n++] = welcome(l, "2001:db8:0:1::1");
	fds[n++] = welcome(l, "2001:db8:0:1:ffff::2");
	refused(l, "2001:db8:0:1::3");
	fds[n++] = welcome(l, "2001:db8:0:2::1");
	/* a place that is given back can be taken */
	(void)close(fds[0]);
	wait_for_clients(l, (int)n - 1);
	fds[0] = welcome(l, "192.0.2.7");
	close_all(fds, n);
	stop(l);
}

static void
this_machine_and_free_networks_have_no_cap(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 20, 1, 60000);
	int fds[10];
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		fds[n++] = welcome(l, "127.0.0.1");
		fds[n++] = welcome(l, "192.0.2.129");
	}
	for (int i = 0; i < 3; i++)
		asks(fds[(size_t)i * 2], "login alice\r\n", "login alice\r\n");
	close_all(fds, n);
	stop(l);
}

static void
who_has_logged_in_takes_places_of_the_user(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 20, 1, 60000);
	int fds[10];
	size_t n = 0;

	(void)state;
	for (; n < 2; n++) {
		fds[n] = welcome(l, "192.0.2.7");
		asks(fds[n], "login alice\r\n", "login alice\r\n");
	}
	/* another address is no way around it */
	fds[n++] = welcome(l, "192.0.2.9");
	asks(fds[2], "login alice\r\n", "full\r\n");
	asks(fds[2], "login bob\r\n", "login bob\r\n");
	/* and the address has places for others */
	fds[n++] = welcome(l, "192.0.2.9");
	refused(l, "192.0.2.9");
	/* who is nobody again counts for his address again */
	asks(fds[1], "logout\r\n", "logout\r\n");
	refused(l, "192.0.2.7");
	asks(fds[3], "login alice\r\n", "login alice\r\n");
	close_all(fds, n);
	stop(l);
}

static void
silent_sessions_give_way(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 4, 4, 60000);
	int fds[4], more[2];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		fds[i] = welcome(l, "192.0.2.7");
	asks(fds[0], "login alice\r\n", "login alice\r\n");
	asks(fds[1], "busy\r\n", "busy\r\n");
	/* the third and the fourth have neither login nor message */
	more[0] = welcome(l, "192.0.2.8");
	assert_reads(fds[2], busy);
	assert_ends(fds[2]);
	/* one for one: nobody has more than a newcomer would have */
	wait_for_clients(l, 4);
	asks(fds[1], "idle\r\n", "idle\r\n");
	more[1] = welcome(l, "2001:db8::1");
	assert_reads(fds[3], busy);
	assert_ends(fds[3]);
	wait_for_clients(l, 4);
	int c = guest(l, "127.0.0.1"); /* for somebody: there is no place */
	assert_reads(c, busy);
	assert_ends(c);
	asks(fds[0], "still\r\n", "still\r\n");
	asks(fds[1], "here\r\n", "here\r\n");
	(void)close(fds[0]);
	(void)close(fds[1]);
	close_all(more, 2);
	stop(l);
}

static void
ten_seconds_are_enough_when_places_are_few(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 2, 2, 1);
	int fds[2];

	(void)state;
	fds[0] = welcome(l, "192.0.2.7");
	fds[1] = welcome(l, "192.0.2.8");
	int64_t come = clock_mono_ms();
	while (clock_mono_ms() < come + 2)
		;
	int c = welcome(l, "192.0.2.9");
	assert_reads(fds[0], busy);
	assert_ends(fds[0]);
	(void)close(fds[1]);
	(void)close(c);
	stop(l);
}

/* Send `n` octets every 20 ms, for so long. */
static void
sends(const int fds[], const size_t n[], size_t count, int64_t for_ms)
{
	static char octets[100];
	int64_t end = clock_mono_ms() + for_ms;

	memset(octets, 'x', sizeof(octets));
	while (clock_mono_ms() < end) {
		for (size_t i = 0; i < count; i++)
			assert_int_equal(
			    send(fds[i], octets, n[i], MSG_NOSIGNAL),
			    (ssize_t)n[i]);
		(void)poll(NULL, 0, 20);
	}
}

static void
a_message_has_its_place_while_it_moves(void **state)
{
	enum { GRACE_MS = 600 };
	static const size_t moves[] = { 100, 1 };
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 3, 3, GRACE_MS);
	int fds[3], more[2];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fds[i] = welcome(l, "192.0.2.7");
		asks(fds[i], "busy\r\n", "busy\r\n");
	}
	refused(l, "192.0.2.8"); /* all have just begun */
	/* the first moves, the second trickles, the third is silent */
	sends(fds, moves, 2, GRACE_MS + 100);
	more[0] = welcome(l, "192.0.2.8");
	assert_reads(fds[2], busy);
	assert_ends(fds[2]);
	wait_for_clients(l, 3);
	asks(more[0], "busy\r\n", "busy\r\n");
	sends((const int[]){ fds[0], fds[1], more[0] },
	      (const size_t[]){ 100, 1, 100 }, 3, 4 * (int64_t)GRACE_MS);
	more[1] = welcome(l, "192.0.2.9");
	assert_reads(fds[1], busy);
	assert_ends(fds[1]);
	wait_for_clients(l, 3);
	/* and now there is nobody else */
	asks(more[1], "busy\r\n", "busy\r\n");
	sends((const int[]){ fds[0], more[0], more[1] },
	      (const size_t[]){ 100, 100, 100 }, 3, GRACE_MS);
	refused(l, "2001:db8::1");
	(void)close(fds[0]);
	close_all(more, 2);
	stop(l);
}

static void
silent_logins_give_way_last(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 3, 3, 1);
	int fds[3], more[2];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		fds[i] = welcome(l, "192.0.2.7");
	asks(fds[0], "login alice\r\n", "login alice\r\n");
	asks(fds[1], "login alice\r\n", "login alice\r\n");
	asks(fds[2], "busy\r\n", "busy\r\n");
	(void)poll(NULL, 0, 10);
	more[0] = welcome(l, "192.0.2.8");
	assert_reads(fds[2], busy);
	assert_ends(fds[2]);
	wait_for_clients(l, 3);
	asks(more[0], "login bob\r\n", "login bob\r\n");
	(void)poll(NULL, 0, 10);
	more[1] = welcome(l, "192.0.2.9");
	assert_reads(fds[0], busy);
	assert_ends(fds[0]);
	(void)close(fds[1]);
	close_all(more, 2);
	stop(l);
}

static void
silent_clients_of_this_machine_give_way(void **state)
{
	enum { GRACE_MS = 600 };
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 4, 4, GRACE_MS);
	int fds[4], more[2];

	(void)state;
	/* its addresses are one party; it is asked for patience, too */
	fds[0] = welcome(l, "192.0.2.7");
	fds[1] = welcome(l, "127.0.0.1");
	fds[2] = guest(l, "127.0.0.2");
	assert_reads(fds[2], "hello 127.0.0.2\r\n");
	fds[3] = guest(l, "127.0.0.3");
	assert_reads(fds[3], "hello 127.0.0.3\r\n");
	asks(fds[1], "busy\r\n", "busy\r\n");
	refused(l, "192.0.2.8");
	(void)poll(NULL, 0, GRACE_MS + 50);
	more[0] = welcome(l, "192.0.2.8");
	assert_reads(fds[2], busy);
	assert_ends(fds[2]);
	wait_for_clients(l, 4);
	more[1] = guest(l, "127.0.0.9"); /* not that of a smaller party */
	assert_reads(more[1], "hello 127.0.0.9\r\n");
	asks(more[0], "still\r\n", "still\r\n");
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(fds[3]);
	close_all(more, 2);
	stop(l);
}

static void
at_the_cap_silent_sessions_of_the_party_give_way(void **state)
{
	enum { GRACE_MS = 600 };
	struct service svc = { 0 };
	struct listener *l = start_for(&svc, 20, 2, GRACE_MS);
	int fds[5];

	(void)state;
	fds[0] = welcome(l, "2001:db8:0:1::1");
	fds[1] = welcome(l, "192.0.2.7");
	asks(fds[1], "login alice\r\n", "login alice\r\n");
	fds[2] = welcome(l, "192.0.2.7");
	fds[3] = welcome(l, "192.0.2.7");
	refused(l, "192.0.2.7");
	(void)poll(NULL, 0, GRACE_MS + 50);
	asks(fds[2], "moves\r\n", "moves\r\n");
	fds[4] = welcome(l, "192.0.2.7");
	assert_reads(fds[3], busy);
	assert_ends(fds[3]);
	refused(l, "192.0.2.7"); /* nobody else is silent */
	for (size_t i = 0; i < 3; i++)
		asks(fds[i], "here\r\n", "here\r\n");
	close_all(fds, 3);
	(void)close(fds[4]);
	stop(l);
}

static void
a_drain_lets_sessions_say_goodbye(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start(&svc, 10, 10);

	(void)state;
	int a = guest(l, "127.0.0.1");
	assert_reads(a, "hello 127.0.0.1\r\n");
	listener_drain(l);
	assert_reads(a, "bye stopping\r\n");
	assert_ends(a);
	listener_stop(l, 10000);
	assert_int_equal(listener_clients(l), 0);
	listener_free(&l);
}

static void
a_stubborn_session_is_killed_after_the_grace(void **state)
{
	struct service svc = { .stubborn = true };
	struct listener *l = start(&svc, 10, 10);

	(void)state;
	int a = guest(l, "127.0.0.1");
	assert_reads(a, "hello 127.0.0.1\r\n");
	listener_drain(l);
	assert_int_equal(send(a, "on\r\n", 4, 0), 4);
	assert_reads(a, "on\r\n");
	int64_t start_ms = clock_mono_ms();
	listener_stop(l, 50);
	assert_true(clock_mono_ms() - start_ms >= 50);
	assert_reads(a, "bye stopping\r\n");
	assert_ends(a);
	listener_free(&l);
}

/* Take every descriptor up to a lowered limit. */
static void
use_up_descriptors(int fds[], int max, int *n)
{
	*n = 0;
	while (*n < max) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			break;
		fds[(*n)++] = fd;
	}
	assert_true(*n < max);
}

static void
without_descriptors_clients_are_told_so(void **state)
{
	struct service svc = { 0 };
	struct listener *l = start(&svc, 10, 10);
	struct rlimit old, low;
	int fds[200], n;

	(void)state;
	int a = guest(l, "127.0.0.1"), b = client_socket();
	assert_reads(a, "hello 127.0.0.1\r\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	use_up_descriptors(fds, 200, &n);
	connect_from(b, l, "127.0.0.1");
	assert_reads(b, busy);
	assert_ends(b);
	assert_int_equal(send(a, "echo\r\n", 6, 0), 6);
	assert_reads(a, "echo\r\n");
	while (n > 0)
		(void)close(fds[--n]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	b = guest(l, "127.0.0.1");
	assert_reads(b, "hello 127.0.0.1\r\n");
	(void)close(a);
	(void)close(b);
	stop(l);
}

static void
an_address_that_cannot_be_bound_is_named(void **state)
{
	const char *const addresses[] = { "127.0.0.1:0", "192.0.2.1:0" };
	struct service svc = { 0 };
	const struct listener_options o = {
		.service = "test",
		.addresses = addresses,
		.n_addresses = 2,
		.max_clients = 1,
		.max_per_address = 1,
		.busy_reply = busy,
		.serve = serve,
		.ctx = &svc,
	};
	struct listener *l = NULL;
	struct err e;

	(void)state;
	assert_int_equal(listener_new(&l, &o, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_non_null(strstr(e.msg, "192.0.2.1:0"));
	assert_null(l);
}

/* Connect to one address of a name, on the listener's port. */
static void
reach(const struct addrinfo *at, uint16_t port)
{
	struct sockaddr_storage where;

	memset(&where, 0, sizeof(where));
	memcpy(&where, at->ai_addr, at->ai_addrlen);
	if (at->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&where)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&where)->sin_port = htons(port);
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		return;
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&where, at->ai_addrlen) == 0)
		assert_reads(fd, "hello ");
	else
		assert_int_equal(errno, EADDRNOTAVAIL); /* not to be had here */
	(void)close(fd);
}

/* Every family of "*", and both addresses of "localhost", on the one port that
 * the kernel chose.  (Without a name getaddrinfo gives those two.) */
static void
a_name_is_listened_on_at_all_its_addresses(void **state)
{
	const char *const addresses[] = { "*:0", "localhost:0" };
	struct service svc = { 0 };
	const struct listener_options o = {
		.service = "test",
		.addresses = addresses,
		.n_addresses = 1,
		.max_clients = 10,
		.max_per_address = 10,
		.busy_reply = busy,
		.serve = serve,
		.ctx = &svc,
	};
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct listener_options one = o;
		struct listener *l = NULL;
		struct err e;
		one.addresses = addresses + i;
		assert_int_equal(listener_new(&l, &one, &e), 0);
		assert_int_equal(listener_start(l, &e), 0);
		assert_int_not_equal(listener_port(l, 0), 0);
		assert_int_equal(listener_port(l, 1), 0);
		assert_int_equal(getaddrinfo(NULL, "1", &hints, &list), 0);
		for (struct addrinfo *at = list; at != NULL; at = at->ai_next)
			reach(at, listener_port(l, 0));
		freeaddrinfo(list);
		stop(l);
	}
}

static bool
has_loopback6(void)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok =
	    fd >= 0 && bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0;

	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* What the machine has of a name is listened on; nothing of it is an error. */
static void
a_family_that_the_machine_lacks_is_left_out(void **state)
{
	static const char *const names[] = { "*:0", "localhost:0" };
	struct service svc = { 0 };
	struct listener_options o = {
		.service = "test",
		.n_addresses = 1,
		.max_clients = 10,
		.max_per_address = 10,
		.busy_reply = busy,
		.serve = serve,
		.ctx = &svc,
	};
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *at = NULL;
	const bool six = has_loopback6();
	struct listener *l = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bool lacks_six = i % 2 == 0;
		if (!lacks_six && !six)
			continue;
		o.addresses = &names[i / 2];
		lacking = lacks_six ? AF_INET6 : AF_INET;
		assert_int_equal(listener_new(&l, &o, &e), 0);
		lacking = AF_UNSPEC;
		assert_int_equal(listener_start(l, &e), 0);
		uint16_t port = listener_port(l, 0);
		assert_int_not_equal(port, 0);
		/* the loopback of the family that is left */
		hints.ai_family = lacks_six ? AF_INET : AF_INET6;
		assert_int_equal(getaddrinfo(NULL, "1", &hints, &at), 0);
		reach(at, port);
		freeaddrinfo(at);
		stop(l);
	}
	static const char *const only[] = { "127.0.0.1:0" };
	o.addresses = only;
	lacking = AF_INET;
	assert_int_equal(listener_new(&l, &o, &e), -1);
	lacking = AF_UNSPEC;
	assert_int_equal(e.sys, EAFNOSUPPORT);
	assert_non_null(strstr(e.msg, only[0]));
}

/* Both families of one port are ours, or none. */
static void
a_port_that_is_taken_in_one_family_is_named(void **state)
{
	struct service svc = { 0 };
	char text[16];
	const char *const addresses[] = { text };
	const struct listener_options o = {
		.service = "test",
		.addresses = addresses,
		.n_addresses = 1,
		.max_clients = 1,
		.max_per_address = 1,
		.busy_reply = busy,
		.serve = serve,
		.ctx = &svc,
	};
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t size = sizeof(six);
	struct listener *l = NULL;
	struct err e;

	(void)state;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&six, sizeof(six)) != 0)
		leave_test("no IPv6 on this machine");
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&six, &size), 0);
	(void)snprintf(text, sizeof(text), "*:%u",
		       (unsigned)ntohs(six.sin6_port));
	assert_int_equal(listener_new(&l, &o, &e), -1);
	assert_int_equal(e.sys, EADDRINUSE);
	assert_non_null(strstr(e.msg, text));
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_listened_on_at_all_its_addresses),
		cmocka_unit_test(a_family_that_the_machine_lacks_is_left_out),
		cmocka_unit_test(a_port_that_is_taken_in_one_family_is_named),
		cmocka_unit_test(a_client_over_the_cap_is_told_so),
		cmocka_unit_test(one_network_cannot_take_every_place),
		cmocka_unit_test(this_machine_and_free_networks_have_no_cap),
		cmocka_unit_test(who_has_logged_in_takes_places_of_the_user),
		cmocka_unit_test(silent_sessions_give_way),
		cmocka_unit_test(ten_seconds_are_enough_when_places_are_few),
		cmocka_unit_test(a_message_has_its_place_while_it_moves),
		cmocka_unit_test(silent_logins_give_way_last),
		cmocka_unit_test(silent_clients_of_this_machine_give_way),
		cmocka_unit_test(
		    at_the_cap_silent_sessions_of_the_party_give_way),
		cmocka_unit_test(a_drain_lets_sessions_say_goodbye),
		cmocka_unit_test(a_stubborn_session_is_killed_after_the_grace),
		cmocka_unit_test(without_descriptors_clients_are_told_so),
		cmocka_unit_test(an_address_that_cannot_be_bound_is_named),
	};
	struct err e;

	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	return cmocka_run_group_tests_name("net/listener", tests, NULL, NULL);
}
