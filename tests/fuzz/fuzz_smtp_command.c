/*
 * The input is a state (first byte) and one command line.  Whatever the line,
 * it gets exactly one whole reply, or the session ends; the policy behind the
 * engine is kept to its contract.
 */
#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "../wire/smtp_recorder.h"
#include "base/clock.h"
#include "base/log.h"
#include "smtp/smtp_server_private.h"

static void
check_policy(const struct smtp_recorder *r)
{
	FUZZ_CHECK(r->broken == NULL);
	FUZZ_CHECK(!r->open);
	FUZZ_CHECK(r->mails == r->resets);
	FUZZ_CHECK(r->stored == 0 && r->ends == 0);
}

/* How many replies are in `all`? */
static int
replies(struct span all)
{
	int n = 0;

	while (all.n > 0) {
		long lf = span_find(all, '\n', 0);
		FUZZ_CHECK(lf >= 5 && lf < 512 && all.p[lf - 1] == '\r');
		FUZZ_CHECK(span_is_digit(all.p[0]) && span_is_digit(all.p[1]) &&
			   span_is_digit(all.p[2]));
		FUZZ_CHECK(all.p[3] == ' ' || all.p[3] == '-');
		n += all.p[3] == ' ';
		all = span_skip(all, (size_t)lf + 1);
	}
	return n;
}

static void
go_to(struct smtp_session *s, int state)
{
	static const char *const lines[] = { "EHLO c",
					     "MAIL FROM:<a@abc.com> SMTPUTF8",
					     "RCPT TO:<bob@xyz.com>" };
	struct err e;

	for (int i = 0; i < state; i++)
		FUZZ_CHECK(smtp_server_command(s, span_of(lines[i]), &e) == 0);
}

static void
one_command(struct smtp_session *s, int peer, int state, struct span line)
{
	char answer[4096]; /* 4 replies of one line, or EHLO's */
	struct err e;

	go_to(s, state);
	int rc = smtp_server_command(s, line, &e);
	bool kept = rc == 0;
	if (rc != 0) /* only DATA and AUTH read on, and find the end */
		FUZZ_CHECK(e.class == ERR_CLOSED);
	smtp_server_txn_reset(s);
	/* After the end of input the stream cannot flush; what was written
	 * before that is what counts. */
	if (kept)
		FUZZ_CHECK(
		    stream_flush(s->stream, clock_mono_ms() + 1000, &e) == 0);
	ssize_t n = recv(peer, answer, sizeof(answer), MSG_DONTWAIT);
	if (kept)
		FUZZ_CHECK(n > 0 &&
			   replies(span_make(answer, (size_t)n)) == state + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct smtp_server_options o = {
		.hostname = "mx.test",
		.service = "smtp",
		.sasl = smtp_recorder_quick_sasl(),
		.dsn = true,
		.delivery_ids = true,
		.size_max_bytes = 1000,
		.recipients_max = 2,
	};
	const struct listener_client peer = { .session = "s1",
					      .address = "127.0.0.1",
					      .is_loopback = true };
	struct smtp_recorder recorder;
	static struct smtp_session s; /* large for a stack */
	struct err e;
	int pair[2];

	if (size < 1 || size > SMTP_AUTH_LINE_MAX)
		return 0;
	s = (struct smtp_session){ 0 };
	smtp_recorder_init(&recorder);
	FUZZ_CHECK(log_open("/dev/null", LOG_ERROR, &e) == 0);
	FUZZ_CHECK(smtp_server_new(&s.server, &o, &smtp_recorder_ops, &recorder,
				   &e) == 0);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ==
		   0);
	FUZZ_CHECK(shutdown(pair[1], SHUT_WR) == 0);
	FUZZ_CHECK(stream_new(&s.stream, pair[0], &e) == 0);
	s.peer = &peer;
	s.state = SMTP_ST_NEW;
	s.deadline_ms = clock_mono_ms() + 10000;
	s.info = (struct smtp_client_info){ .session = peer.session,
					    .address = peer.address,
					    .helo = s.helo,
					    .login = "",
					    .mechanism = s.mechanism };
	one_command(&s, pair[1], data[0] % 4,
		    span_make((const char *)data + 1, size - 1));
	stream_free(&s.stream);
	(void)close(pair[1]);
	check_policy(&recorder);
	smtp_server_free(&s.server);
	smtp_recorder_clear(&recorder);
	return 0;
}
