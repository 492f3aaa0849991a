#include "../test.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/listener.h"
#include "net/unix_socket.h"

/* A directory of its own for each test, and the path of a socket in it. */
static char dir[40], path[60];

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s", "/tmp/postpair-unix-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(name, &st), 0);
	return st.st_mode & 07777;
}

static void
who_may_connect_is_as_asked_for(void **state)
{
	static const mode_t modes[] = { 0600, 0660, 0666 };
	struct unix_socket s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		mode_t before = umask(i == 0 ? 0777 : 027);
		assert_int_equal(unix_socket_listen(&s, path, modes[i], "", &e),
				 0);
		assert_int_equal(umask(before), i == 0 ? 0777 : 027);
		assert_int_equal(mode_of(path), modes[i]);
		unix_socket_close(&s);
		assert_int_equal(access(path, F_OK), -1);
		unix_socket_close(&s); /* again: harmless */
	}
	assert_int_equal(
	    unix_socket_listen(&s, path, 0660, "no such group", &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(access(path, F_OK), -1);
}

/*
 * Root binds in a directory of the user that it becomes, who puts a link in the
 * place of the socket: nothing that is done by name may follow.  The moment is
 * hit by a thread that does so all the time.
 */
struct racer {
	char victim[60];
	atomic_bool stop;
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	char link[70];

	(void)snprintf(link, sizeof(link), "%s/link", dir);
	while (!atomic_load(&r->stop)) {
		struct stat st;
		if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
		    symlink(r->victim, link) == 0)
			(void)rename(link, path);
	}
	(void)unlink(link);
	return NULL;
}

static void
a_link_in_its_place_is_not_followed(void **state)
{
	struct racer r;
	pthread_t thread;
	struct unix_socket s;
	struct err e;

	(void)state;
	atomic_init(&r.stop, false);
	(void)snprintf(r.victim, sizeof(r.victim), "%s/victim", dir);
	int fd = open(r.victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(pthread_create(&thread, NULL, race, &r), 0);
	for (int i = 0; i < 3000; i++) {
		if (unix_socket_listen(&s, path, 0666, NULL, &e) == 0)
			unix_socket_close(&s);
		(void)unlink(path);
		assert_int_equal(mode_of(r.victim), 0600);
	}
	atomic_store(&r.stop, true);
	(void)pthread_join(thread, NULL);
	(void)unlink(path);
	(void)unlink(r.victim);
}

static void
root_gives_it_a_group_at_once(void **state)
{
	struct unix_socket s;
	struct group entry, *group = NULL;
	char text[1024];
	struct stat st;
	struct err e;

	(void)state;
	(void)getgrnam_r("tty", &entry, text, sizeof(text), &group);
	if (geteuid() != 0 || group == NULL)
		leave_test("needs root and a group tty");
	assert_int_equal(unix_socket_listen(&s, path, 0660, "tty", &e), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_gid, group->gr_gid);
	assert_int_equal(st.st_mode & 07777, 0660);
	unix_socket_close(&s);
	assert_int_equal(unix_socket_listen(&s, path, 0660, NULL, &e), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
	unix_socket_close(&s);
}

static void
what_a_crash_left_is_replaced(void **state)
{
	struct unix_socket s, next;
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(unix_socket_listen(&s, path, 0600, NULL, &e), 0);
	(void)close(s.fd); /* and its name stays */
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(unix_socket_listen(&next, path, 0600, NULL, &e), 0);
	/* who comes late does not take the name away from its successor */
	s.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s.ino = next.ino + 1;
	unix_socket_close(&s);
	assert_int_equal(lstat(path, &st), 0);
	unix_socket_close(&next);
}

static void
a_socket_in_use_stays(void **state)
{
	struct unix_socket s, other;
	struct stream *client = NULL;
	struct err e;

	(void)state;
	assert_int_equal(unix_socket_listen(&s, path, 0600, NULL, &e), 0);
	assert_int_equal(unix_socket_listen(&other, path, 0600, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "somebody listens on"));
	assert_int_equal(
	    unix_socket_dial(&client, path, clock_mono_ms() + 5000, NULL, &e),
	    0);
	stream_free(&client);
	unix_socket_close(&s);
}

static void
what_is_no_socket_stays(void **state)
{
	struct unix_socket s;
	struct err e;

	(void)state;
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(unix_socket_listen(&s, path, 0600, NULL, &e), -1);
	assert_non_null(strstr(e.msg, "no socket"));
	assert_int_equal(mode_of(path), 0600);
}

static void
a_path_that_does_not_fit_is_refused(void **state)
{
	char longer[UNIX_SOCKET_PATH_SIZE + 1];
	struct stream *client = NULL;
	struct unix_socket s;
	struct err e;

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(unix_socket_listen(&s, longer, 0600, NULL, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
	assert_int_equal(unix_socket_dial(&client, longer, -1, NULL, &e), -1);
	assert_int_equal(e.class, ERR_PERM);
}

static void
a_server_that_is_not_there_is_a_failure_for_now(void **state)
{
	struct stream *client = NULL;
	struct err e;

	(void)state;
	assert_int_equal(unix_socket_dial(&client, path, -1, NULL, &e), -1);
	assert_int_equal(e.class, ERR_TEMP);
}

/* A backlog of one, that nobody accepts from: the third has to wait. */
static void
a_full_backlog_is_waited_for_with_a_deadline(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stream *client[3] = { NULL };
	int got = 0;
	struct err e;

	(void)state;
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 0), 0);
	while (got < 3 && unix_socket_dial(&client[got], path,
					   clock_mono_ms() + 60, NULL, &e) == 0)
		got++;
	assert_in_range(got, 1, 2);
	assert_int_equal(e.class, ERR_TIMEOUT);
	struct wake stop;
	assert_int_equal(wake_init(&stop, &e), 0);
	wake_raise(&stop);
	assert_int_equal(unix_socket_dial(&client[2], path, -1, &stop, &e), -1);
	assert_int_equal(e.class, ERR_STOP);
	assert_string_equal(e.msg, "shutting down"); /* no errno behind it */
	wake_close(&stop);
	for (int i = 0; i < 3; i++)
		stream_free(&client[i]);
	(void)close(fd);
}

/* ---- a listener on a path ---------------------------------------------------
 */

static void
serve(void *ctx, const struct listener_client *c)
{
	int64_t until = clock_mono_ms() + 5000;
	struct err e;

	(void)ctx;
	(void)stream_writef(c->stream, until, &e, "%s %d %d %ld\r\n",
			    c->address, (int)c->port, (int)c->is_loopback,
			    c->is_unix ? (long)c->uid : -1L);
}

static void
a_listener_knows_who_comes_over_a_path(void **state)
{
	const char *const addresses[] = { "127.0.0.1:0", path };
	const struct listener_options o = {
		.service = "test",
		.addresses = addresses,
		.n_addresses = 2,
		.max_clients = 10,
		.max_per_address = 10,
		.socket_mode = 0666,
		.busy_reply = "421 busy\r\n",
		.serve = serve,
	};
	struct listener *l = NULL;
	struct stream *client = NULL;
	char want[64];
	struct line line;
	struct err e;

	(void)state;
	assert_int_equal(listener_new(&l, &o, &e), 0);
	assert_int_equal(listener_start(l, &e), 0);
	assert_int_not_equal(listener_port(l, 0), 0);
	assert_int_equal(listener_port(l, 1), 0);
	assert_int_equal(mode_of(path), 0666);
	int64_t until = clock_mono_ms() + 5000;
	assert_int_equal(unix_socket_dial(&client, path, until, NULL, &e), 0);
	assert_int_equal(stream_read_line(client, 100, until, &line, &e), 0);
	(void)snprintf(want, sizeof(want), "unix 0 1 %ld", (long)geteuid());
	assert_span(line.text, want);
	stream_free(&client);
	listener_stop(l, 1000);
	listener_free(&l);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_may_connect_is_as_asked_for),
		TEST(a_link_in_its_place_is_not_followed),
		TEST(root_gives_it_a_group_at_once),
		TEST(what_a_crash_left_is_replaced),
		TEST(a_socket_in_use_stays),
		TEST(what_is_no_socket_stays),
		TEST(a_path_that_does_not_fit_is_refused),
		TEST(a_server_that_is_not_there_is_a_failure_for_now),
		TEST(a_full_backlog_is_waited_for_with_a_deadline),
		TEST(a_listener_knows_who_comes_over_a_path),
	};
	struct err e;

	if (log_open("/dev/null", LOG_ERROR, &e) != 0)
		return 1;
	return cmocka_run_group_tests_name("net/unix_socket", tests, NULL,
					   NULL);
}
