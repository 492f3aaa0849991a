#ifndef PP_TESTS_UNIT_SMTP_SCRIPT_PEER_H
#define PP_TESTS_UNIT_SMTP_SCRIPT_PEER_H

#include "../test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * An SMTP server on a loopback port that answers what the test says: for each
 * verb the raw bytes of its reply (NULL: a plain yes; "": hang up there; with a
 * last '\f': hang up behind it).  LHLO counts as EHLO.  A thread for each
 * connection.
 */
enum peer_verb {
	PEER_GREETING,
	PEER_EHLO,
	PEER_HELO,
	PEER_MAIL,
	PEER_RCPT,
	PEER_DATA,
	PEER_END,
	PEER_RSET,
	PEER_AUTH,
	PEER_BDAT,
	PEER_OTHER,
	PEER_VERBS,
};

struct script_peer {
	int listener;
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	const char *reply[PEER_VERBS];
	/* rcpt - overrides reply[PEER_RCPT]; lock held. */
	const char *(*rcpt)(struct script_peer *p, const char *line);
	bool hold; /* RCPT is not answered while set */
	int seen[PEER_VERBS];
	int connections, open;
	char commands[16384];
	char message[8192];
	size_t message_n;
	bool chunks_ended;
	int messages;
};

static inline enum peer_verb
script_peer_verb(const char *line)
{
	static const char *const names[] = { "",     "EHLO", "HELO", "MAIL",
					     "RCPT", "DATA", "",     "RSET",
					     "AUTH", "BDAT" };

	if (strncasecmp(line, "LHLO", 4) == 0)
		return PEER_EHLO;
	for (int i = 0; i < PEER_OTHER; i++) {
		if (names[i][0] != '\0' && strncasecmp(line, names[i], 4) == 0)
			return (enum peer_verb)i;
	}
	return PEER_OTHER;
}

/* False: hang up. */
static inline bool
script_peer_say(struct script_peer *p, int fd, enum peer_verb verb,
		const char *line)
{
	static const char ehlo[] =
	    "250-peer\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n"
	    "250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 SMTPUTF8\r\n";
	static const char *const plain[] = {
		"220 peer ready\r\n",  ehlo,
		"250 peer\r\n",        "250 2.1.0 ok\r\n",
		"250 2.1.5 ok\r\n",    "354 go on\r\n",
		"250 2.0.0 taken\r\n", "250 2.0.0 ok\r\n",
		"235 2.7.0 ok\r\n",    "250 2.0.0 chunk taken\r\n",
		"250 ok\r\n",
	};

	(void)pthread_mutex_lock(&p->lock);
	p->seen[verb]++;
	(void)pthread_cond_broadcast(&p->changed);
	while (verb == PEER_RCPT && p->hold)
		(void)pthread_cond_wait(&p->changed, &p->lock);
	const char *text = p->reply[verb];
	if (verb == PEER_RCPT && p->rcpt != NULL)
		text = p->rcpt(p, line);
	if (text == NULL)
		text = plain[verb];
	(void)pthread_mutex_unlock(&p->lock);
	size_t n = strlen(text);
	bool last = n > 0 && text[n - 1] == '\f';
	n -= last ? 1 : 0;
	return n > 0 && send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n && !last;
}

static inline void
script_peer_note(struct script_peer *p, const char *line)
{
	(void)pthread_mutex_lock(&p->lock);
	size_t n = strlen(p->commands);
	(void)snprintf(p->commands + n, sizeof(p->commands) - n, "%s", line);
	(void)pthread_mutex_unlock(&p->lock);
}

/* Everything up to the lone dot, as it came. */
static inline bool
script_peer_take(struct script_peer *p, FILE *in)
{
	char line[2048];

	(void)pthread_mutex_lock(&p->lock);
	p->message_n = 0;
	p->message[0] = '\0';
	(void)pthread_mutex_unlock(&p->lock);
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strcmp(line, ".\r\n") == 0) {
			(void)pthread_mutex_lock(&p->lock);
			p->messages++;
			(void)pthread_mutex_unlock(&p->lock);
			return true;
		}
		size_t n = strlen(line);
		(void)pthread_mutex_lock(&p->lock);
		if (p->message_n + n < sizeof(p->message)) {
			memcpy(p->message + p->message_n, line, n + 1);
			p->message_n += n;
		}
		(void)pthread_mutex_unlock(&p->lock);
	}
	return false;
}

/* The octets of "BDAT n [LAST]"; the message begins anew after a LAST. */
static inline bool
script_peer_take_chunk(struct script_peer *p, FILE *in, const char *line)
{
	char *rest;
	unsigned long n = strtoul(line + 5, &rest, 10);
	bool whole = true;

	(void)pthread_mutex_lock(&p->lock);
	if (p->chunks_ended)
		p->message_n = 0;
	for (; n > 0 && whole; n--) {
		int c = getc(in);
		whole = c != EOF;
		if (whole && p->message_n + 1 < sizeof(p->message))
			p->message[p->message_n++] = (char)c;
	}
	p->message[p->message_n] = '\0';
	p->chunks_ended = strncmp(rest, " LAST", 5) == 0;
	p->messages += whole && p->chunks_ended;
	(void)pthread_mutex_unlock(&p->lock);
	return whole;
}

struct script_peer_client {
	struct script_peer *peer;
	int fd;
};

static void *
script_peer_serve(void *arg)
{
	struct script_peer_client c = *(struct script_peer_client *)arg;
	struct script_peer *p = c.peer;
	char line[4096];

	free(arg);
	FILE *in = fdopen(c.fd, "r");
	bool go_on = in != NULL && script_peer_say(p, c.fd, PEER_GREETING, "");
	while (go_on && fgets(line, sizeof(line), in) != NULL) {
		enum peer_verb verb = script_peer_verb(line);
		script_peer_note(p, line);
		if (strncasecmp(line, "QUIT", 4) == 0)
			break;
		go_on = (verb != PEER_BDAT ||
			 script_peer_take_chunk(p, in, line)) &&
			script_peer_say(p, c.fd, verb, line);
		(void)pthread_mutex_lock(&p->lock);
		const char *said = p->reply[PEER_DATA];
		bool text = verb == PEER_DATA &&
			    (said == NULL || strncmp(said, "354", 3) == 0);
		(void)pthread_mutex_unlock(&p->lock);
		if (go_on && text)
			go_on = script_peer_take(p, in) &&
				script_peer_say(p, c.fd, PEER_END, "");
	}
	if (in != NULL)
		(void)fclose(in);
	(void)pthread_mutex_lock(&p->lock);
	p->open--;
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void *
script_peer_accept(void *arg)
{
	struct script_peer *p = arg;
	int fd;

	while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
		struct script_peer_client *c = malloc(sizeof(*c));
		pthread_t t;
		if (c == NULL)
			abort();
		*c = (struct script_peer_client){ p, fd };
		(void)pthread_mutex_lock(&p->lock);
		p->connections++;
		p->open++;
		(void)pthread_mutex_unlock(&p->lock);
		if (pthread_create(&t, NULL, script_peer_serve, c) != 0)
			abort();
		(void)pthread_detach(t);
	}
	return NULL;
}

static inline void
script_peer_start(struct script_peer *p)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);

	memset(p, 0, sizeof(*p));
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->changed, NULL);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->listener >= 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(p->listener, 64), 0);
	assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &n),
			 0);
	p->port = ntohs(at.sin_port);
	assert_int_equal(
	    pthread_create(&p->thread, NULL, script_peer_accept, p), 0);
}

/* What the test changes and looks at while the peer runs. */
static inline void
script_peer_set(struct script_peer *p, enum peer_verb verb, const char *reply)
{
	(void)pthread_mutex_lock(&p->lock);
	p->reply[verb] = reply;
	(void)pthread_mutex_unlock(&p->lock);
}

static inline void
script_peer_answer(struct script_peer *p,
		   const char *(*rcpt)(struct script_peer *, const char *))
{
	(void)pthread_mutex_lock(&p->lock);
	p->rcpt = rcpt;
	(void)pthread_mutex_unlock(&p->lock);
}

static inline void
script_peer_hold(struct script_peer *p, bool hold)
{
	(void)pthread_mutex_lock(&p->lock);
	p->hold = hold;
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
}

static inline int
script_peer_number(struct script_peer *p, const int *which)
{
	(void)pthread_mutex_lock(&p->lock);
	int n = *which;
	(void)pthread_mutex_unlock(&p->lock);
	return n;
}

/* A copy of p->commands or p->message; lives until the next call. */
static inline const char *
script_peer_text(struct script_peer *p, const char *which)
{
	static char copy[sizeof(p->commands)];

	(void)pthread_mutex_lock(&p->lock);
	(void)snprintf(copy, sizeof(copy), "%s", which);
	(void)pthread_mutex_unlock(&p->lock);
	return copy;
}

/* Wait until every connection has ended. */
static inline void
script_peer_await_end(struct script_peer *p)
{
	(void)pthread_mutex_lock(&p->lock);
	while (p->open > 0)
		(void)pthread_cond_wait(&p->changed, &p->lock);
	(void)pthread_mutex_unlock(&p->lock);
}

/* Take no more connections; wait for those there are to end. */
static inline void
script_peer_stop(struct script_peer *p)
{
	(void)shutdown(p->listener, SHUT_RDWR);
	(void)pthread_join(p->thread, NULL);
	(void)close(p->listener);
	script_peer_await_end(p);
	(void)pthread_cond_destroy(&p->changed);
	(void)pthread_mutex_destroy(&p->lock);
}

/* Wait until n of a verb were seen. */
static inline void
script_peer_await(struct script_peer *p, enum peer_verb verb, int n)
{
	(void)pthread_mutex_lock(&p->lock);
	while (p->seen[verb] < n)
		(void)pthread_cond_wait(&p->changed, &p->lock);
	(void)pthread_mutex_unlock(&p->lock);
}

#endif
