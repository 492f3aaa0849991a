/*
 * The input is what a client says in a whole POP3 session.  Whatever it is: the
 * maildrop is used by its contract and given back, every reply line ends in
 * CRLF, and nothing is removed without a QUIT.
 */
#include "fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../wire/pop3_fake.h"
#include "base/log.h"

/* So much of input that all replies fit into the socket's buffer. */
enum { INPUT_MAX = 2048, REPLIES_MAX = 1 << 20 };

static void
send_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t put = send(fd, data, size, MSG_NOSIGNAL);
		FUZZ_CHECK(put > 0);
		data += put;
		size -= (size_t)put;
	}
	FUZZ_CHECK(shutdown(fd, SHUT_WR) == 0);
}

static void
run_session(struct pop3_fake *fake, int fd)
{
	struct pop3_server_options o = {
		.hostname = "mx.test",
		.service = "pop3",
		.idle_timeout_ms = 5000,
		.session_timeout_ms = 5000,
	};
	struct listener_client c = { .session = "fuzz",
				     .address = "127.0.0.1",
				     .is_loopback = true };
	struct pop3_server *server = NULL;
	struct wake drain, kill;
	struct err e;

	FUZZ_CHECK(wake_init(&drain, &e) == 0 && wake_init(&kill, &e) == 0);
	c.drain = &drain;
	c.kill = &kill;
	FUZZ_CHECK(stream_new(&c.stream, fd, &e) == 0);
	FUZZ_CHECK(pop3_server_new(&server, &o, &pop3_fake_ops, fake, &e) == 0);
	pop3_server_session(server, &c);
	pop3_server_free(&server);
	stream_free(&c.stream);
	wake_close(&drain);
	wake_close(&kill);
}

static void
check_replies(int fd)
{
	static const char greeting[] = "+OK mx.test";
	struct buf all;

	buf_init(&all, REPLIES_MAX);
	for (;;) {
		FUZZ_CHECK(buf_reserve(&all, 4096) == 0);
		ssize_t got = read(fd, all.p + all.n, 4096);
		/* input nobody read resets a connection that is closed */
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			break;
		FUZZ_CHECK(got > 0);
		all.n += (size_t)got;
	}
	FUZZ_CHECK(all.n > sizeof(greeting) &&
		   memcmp(all.p, greeting, sizeof(greeting) - 1) == 0);
	FUZZ_CHECK(all.p[all.n - 1] == '\n');
	for (size_t i = 0; i < all.n; i++) {
		if (all.p[i] == '\n')
			FUZZ_CHECK(i > 0 && all.p[i - 1] == '\r');
		if (all.p[i] == '\r')
			FUZZ_CHECK(i + 1 < all.n && all.p[i + 1] == '\n');
	}
	buf_free(&all);
}

static bool
has_word(struct span text, const char *word)
{
	for (size_t i = 0; i + strlen(word) <= text.n; i++) {
		if (span_starts_nocase(span_skip(text, i), span_of(word)))
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_make((const char *)data, size);
	struct pop3_fake fake;
	struct err e;
	int fd[2];

	if (size > INPUT_MAX)
		return 0;
	(void)log_open("/dev/null", LOG_ERROR, &e);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	pop3_fake_init(&fake);
	send_all(fd[1], data, size);
	run_session(&fake, fd[0]);
	check_replies(fd[1]);
	FUZZ_CHECK(close(fd[1]) == 0);
	FUZZ_CHECK(fake.broken == NULL);
	FUZZ_CHECK(fake.opens == fake.closes);
	FUZZ_CHECK(!has_word(buf_span(&fake.events), "remove") ||
		   has_word(input, "quit"));
	pop3_fake_clear(&fake);
	return 0;
}
