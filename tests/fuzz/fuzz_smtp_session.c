/*
 * The input is what a client sends, whole: commands, AUTH exchanges, messages.
 * A byte 0xFF in the input ends one write; the next begins after the server
 * has answered what it could.  Whatever comes, every line of the answer is a
 * reply line, and the policy behind the engine is kept to its contract.
 */
#include "fuzz.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../wire/smtp_recorder.h"
#include "base/log.h"
#include "smtp/smtp_server.h"

enum { ANSWER_MAX = 1024 * 1024, INPUT_MAX = 256 * 1024 };

/* "250-text\r\n" or "354 text\r\n": RFC 5321 4.2.1. */
static void
check_answer(struct span all)
{
	while (all.n > 0) {
		long lf = span_find(all, '\n', 0);
		FUZZ_CHECK(lf >= 5 && lf < 512);
		FUZZ_CHECK(all.p[lf - 1] == '\r');
		FUZZ_CHECK(all.p[0] >= '2' && all.p[0] <= '5');
		FUZZ_CHECK(span_is_digit(all.p[1]) && span_is_digit(all.p[2]));
		FUZZ_CHECK(all.p[3] == ' ' || all.p[3] == '-');
		for (long i = 4; i < lf - 1; i++)
			FUZZ_CHECK((unsigned char)all.p[i] >= 0x20 &&
				   all.p[i] != 0x7f);
		all = span_skip(all, (size_t)lf + 1);
	}
}

static void
check_policy(const struct smtp_recorder *r)
{
	FUZZ_CHECK(r->broken == NULL);
	FUZZ_CHECK(!r->open);
	FUZZ_CHECK(r->mails == r->resets);
	FUZZ_CHECK(r->connects == r->disconnects);
	FUZZ_CHECK(r->stored <= r->ends && r->ends <= r->mails);
}

static struct smtp_server *
service(struct smtp_recorder *recorder)
{
	const struct smtp_server_options o = {
		.hostname = "mx.test",
		.service = "smtp",
		.sasl = smtp_recorder_quick_sasl(),
		.dsn = true,
		.delivery_ids = true,
		.size_max_bytes = 64 * 1024,
		.recipients_max = 5,
		.errors_max = 50,
	};
	struct smtp_server *s = NULL;
	struct err e;

	FUZZ_CHECK(log_open("/dev/null", LOG_ERROR, &e) == 0);
	FUZZ_CHECK(smtp_server_new(&s, &o, &smtp_recorder_ops, recorder, &e) ==
		   0);
	return s;
}

struct served {
	struct smtp_server *server;
	struct listener_client client;
};

static void
serve(void *arg)
{
	struct served *s = arg;

	smtp_server_session(s->server, &s->client);
	stream_free(&s->client.stream);
}

/* libFuzzer's timer interrupts: that is no answer. */
static int
wait_input(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int rc;

	do {
		rc = poll(&p, 1, wait_ms);
	} while (rc < 0 && errno == EINTR);
	return rc;
}

/* Take what has been answered, waiting for its first byte; or all to_end. */
static void
drain_answer(int fd, struct buf *answer, int wait_ms, bool to_end)
{
	for (;;) {
		if (wait_input(fd, wait_ms) <= 0 ||
		    buf_reserve(answer, 4096) != 0)
			return;
		ssize_t n = read(fd, answer->p + answer->n, 4096);
		if (n <= 0)
			return;
		answer->n += (size_t)n;
		if (!to_end)
			wait_ms = 0;
	}
}

static void
talk(int fd, struct span in, struct buf *answer)
{
	/* The greeting first: an early talker would see nothing else. */
	while (span_find(buf_span(answer), '\n', 0) < 0) {
		FUZZ_CHECK(wait_input(fd, 10000) == 1);
		drain_answer(fd, answer, 0, false);
	}
	while (in.n > 0) {
		const char *ff = memchr(in.p, 0xFF, in.n);
		size_t n = ff == NULL ? in.n : (size_t)(ff - in.p);
		struct span part = span_head(in, n);
		while (part.n > 0) {
			ssize_t put = send(fd, part.p, part.n, MSG_NOSIGNAL);
			if (put <= 0)
				break;
			part = span_skip(part, (size_t)put);
		}
		drain_answer(fd, answer, ff == NULL ? 0 : 1, false);
		in = span_skip(in, n + 1);
	}
	(void)shutdown(fd, SHUT_WR);
	drain_answer(fd, answer, 10000, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_recorder recorder;
	struct served s = { .client = { .session = "s1",
					.address = "127.0.0.1",
					.is_loopback = true } };
	struct buf answer;
	pthread_t t;
	struct err e;
	int pair[2];

	if (size > INPUT_MAX)
		return 0;
	smtp_recorder_init(&recorder);
	buf_init(&answer, ANSWER_MAX);
	s.server = service(&recorder);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ==
		   0);
	FUZZ_CHECK(stream_new(&s.client.stream, pair[1], &e) == 0);
	FUZZ_CHECK(thread_start_joinable(&t, serve, &s, &e) == 0);
	talk(pair[0], span_make((const char *)data, size), &answer);
	(void)close(pair[0]);
	(void)pthread_join(t, NULL);
	check_policy(&recorder);
	check_answer(buf_span(&answer));
	buf_free(&answer);
	smtp_server_free(&s.server);
	smtp_recorder_clear(&recorder);
	return 0;
}
