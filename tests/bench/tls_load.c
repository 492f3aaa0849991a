/*
 * TLS sessions for measuring.
 *
 *   tls_load hold PROTOCOL PORT SESSIONS
 *     opens that many, says "ready", keeps them until its input ends
 *   tls_load rate PROTOCOL PORT SECONDS THREADS
 *     opens and closes as many as it can, prints full handshakes a second
 *
 * PROTOCOL: "tls" for TLS from the first byte and a greeting after it; "smtp"
 * and "pop3" for STARTTLS and STLS.  Every session must come about.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "net/dial.h"

enum { WAIT_MS = 30000, SESSIONS_MAX = 20000, THREADS_MAX = 64 };

struct load {
	const char *protocol;
	uint16_t port;
	long sessions;
	int64_t end_ms; /* of the rate */
	struct tls_client *client;
	struct stream **held;
	atomic_long next, done;
	atomic_bool failed;
};

static int64_t
soon(void)
{
	return clock_mono_ms() + WAIT_MS;
}

/* Send a command (or nothing), read a whole reply. */
static int
ask(struct stream *s, const char *command, struct err *e)
{
	struct line line;

	if (command != NULL &&
	    (stream_writef(s, soon(), e, "%s\r\n", command) != 0 ||
	     stream_flush(s, soon(), e) != 0))
		return -1;
	do {
		if (stream_read_line(s, 1000, soon(), &line, e) != 0)
			return -1;
	} while (line.text.n > 3 && line.text.p[3] == '-');
	if (line.text.n > 0 && line.text.p[0] != '2' && line.text.p[0] != '+')
		return err_set(e, ERR_PROTO, 0, "%.*s", SPAN_ARG(line.text));
	return 0;
}

static int
open_one(struct load *l, struct stream **s, struct err *e)
{
	const struct tls_peer peer = { .check = TLS_CHECK_NONE };
	bool smtp = strcmp(l->protocol, "smtp") == 0;
	bool pop3 = strcmp(l->protocol, "pop3") == 0;

	if (net_dial(s, "127.0.0.1", l->port, soon(), NULL, e) != 0)
		return -1;
	if ((smtp && (ask(*s, NULL, e) != 0 || ask(*s, "EHLO load", e) != 0 ||
		      ask(*s, "STARTTLS", e) != 0)) ||
	    (pop3 && (ask(*s, NULL, e) != 0 || ask(*s, "STLS", e) != 0)) ||
	    stream_connect_tls(*s, l->client, &peer, soon(), e) != 0)
		return -1;
	return ask(*s,
		   smtp   ? "EHLO load"
		   : pop3 ? "NOOP x"
			  : NULL,
		   e) == 0 ||
		       pop3
		   ? 0
		   : -1;
}

static void
run(void *arg)
{
	struct load *l = arg;
	struct err e = { 0 };

	for (;;) {
		struct stream *s = NULL;
		long i = atomic_fetch_add(&l->next, 1);
		if (l->held != NULL ? i >= l->sessions
				    : clock_mono_ms() >= l->end_ms)
			return;
		if (open_one(l, &s, &e) != 0) {
			(void)fprintf(stderr, "tls_load: %s\n", e.msg);
			stream_free(&s);
			atomic_store(&l->failed, true);
			return;
		}
		atomic_fetch_add(&l->done, 1);
		if (l->held != NULL)
			l->held[i] = s;
		else
			stream_free(&s);
	}
}

static int
all_threads(struct load *l, int n)
{
	pthread_t t[THREADS_MAX];
	struct err e;

	for (int i = 0; i < n; i++) {
		if (thread_start_joinable(&t[i], run, l, &e) != 0)
			return -1;
	}
	for (int i = 0; i < n; i++)
		(void)pthread_join(t[i], NULL);
	return atomic_load(&l->failed) ? -1 : 0;
}

static int
hold(struct load *l)
{
	char c;

	l->held = calloc((size_t)l->sessions, sizeof(struct stream *));
	if (l->held == NULL || all_threads(l, 8) != 0)
		return 1;
	(void)printf("ready\n");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	for (long i = 0; i < l->sessions; i++)
		stream_free(&l->held[i]);
	free(l->held);
	return 0;
}

static int
rate(struct load *l, long seconds, long threads)
{
	int64_t start_ms = clock_mono_ms();

	l->end_ms = start_ms + seconds * 1000;
	if (all_threads(l, (int)threads) != 0)
		return 1;
	(void)printf("%.1f\n", (double)atomic_load(&l->done) * 1000.0 /
				   (double)(clock_mono_ms() - start_ms));
	return 0;
}

int
main(int argc, char **argv)
{
	static struct load l;
	const struct tls_client_options o = { .ca_dir = "/dev/null/none" };
	struct err e;
	long n = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
	long threads = argc > 5 ? strtol(argv[5], NULL, 10) : 1;

	if (argc < 5 || n < 1 || n > SESSIONS_MAX || threads < 1 ||
	    threads > THREADS_MAX) {
		(void)fprintf(stderr, "usage: tls_load hold|rate PROTOCOL PORT"
				      " SESSIONS|SECONDS [THREADS]\n");
		return 2;
	}
	l.protocol = argv[2];
	l.port = (uint16_t)strtol(argv[3], NULL, 10);
	l.sessions = n;
	if (tls_client_new(&l.client, &o, &e) != 0) {
		(void)fprintf(stderr, "tls_load: %s\n", e.msg);
		return 1;
	}
	int rc = strcmp(argv[1], "hold") == 0 ? hold(&l) : rate(&l, n, threads);
	tls_client_free(&l.client);
	return rc;
}
