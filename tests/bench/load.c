/*
 * A load: messages over SMTP from many sessions at once.
 *
 *   load PORT SESSIONS MESSAGES SIZE FROM TO [LOGIN PASSWORD]
 *
 * Every session keeps its connection for all its messages.  Each message must
 * be accepted; the number accepted is printed and anything else is an error.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "smtp/smtp_client.h"

struct load {
	struct smtp_client_options o;
	const char *from, *to, *login, *password;
	char *text;
	size_t size;
	long messages;
	atomic_long next, done;
};

struct reader {
	const struct load *load;
	size_t at;
};

static long
read_text(void *ctx, char *buf, unsigned long size, struct err *e)
{
	struct reader *r = ctx;
	size_t left = r->load->size - r->at;
	size_t n = left < size ? left : size;

	(void)e;
	memcpy(buf, r->load->text + r->at, n);
	r->at += n;
	return (long)n;
}

static int
session(struct load *l, struct err *e)
{
	struct smtp_client *c = NULL;
	struct sasl_login login = { .login = l->login,
				    .password = l->password,
				    .mechanism = "PLAIN" };
	struct smtp_reply reply;
	int rc = -1;

	if (smtp_client_open(&c, &l->o, &reply, e) != 0)
		return -1;
	if (c == NULL)
		return err_set(e, ERR_TEMP, 0, "%d %s", reply.code, reply.text);
	if (l->login != NULL && (smtp_client_auth(c, &login, &reply, e) != 0 ||
				 reply.code / 100 != 2))
		goto out;
	while (atomic_fetch_add(&l->next, 1) < l->messages) {
		struct reader r = { .load = l };
		struct smtp_send_rcpt to = { .address = l->to };
		struct smtp_send m = { .reverse_path = l->from,
				       .recipients = &to,
				       .n_recipients = 1,
				       .size = (int64_t)l->size,
				       .read_bytes = read_text,
				       .ctx = &r };
		if (smtp_client_send(c, &m, e) != 0)
			goto out;
		if (to.reply.code / 100 != 2) {
			(void)err_set(e, ERR_TEMP, 0, "%d %s", to.reply.code,
				      to.reply.text);
			goto out;
		}
		atomic_fetch_add(&l->done, 1);
	}
	rc = 0;
out:
	smtp_client_close(&c, rc == 0);
	return rc;
}

static void
run(void *arg)
{
	struct err e = { 0 };

	if (session(arg, &e) != 0)
		(void)fprintf(stderr, "load: %s\n", e.msg);
}

static char *
make_text(const struct load *l)
{
	char *text = malloc(l->size + 256);

	if (text == NULL)
		exit(1);
	size_t n = (size_t)snprintf(
	    text, 256, "From: %s\r\nTo: %s\r\nSubject: load\r\n\r\n", l->from,
	    l->to);
	while (n < l->size) {
		size_t line = l->size - n < 72 ? l->size - n : 72;
		memset(text + n, 'x', line);
		n += line;
		text[n - 1] = '\n';
		if (line > 1)
			text[n - 2] = '\r';
	}
	return text;
}

int
main(int argc, char **argv)
{
	enum { SESSIONS_MAX = 1000 };
	static struct load l;
	static pthread_t t[SESSIONS_MAX];
	struct err e;

	if (argc != 7 && argc != 9) {
		(void)fprintf(stderr, "usage: load PORT SESSIONS MESSAGES SIZE "
				      "FROM TO [LOGIN PASSWORD]\n");
		return 2;
	}
	long sessions = strtol(argv[2], NULL, 10);
	if (sessions < 1 || sessions > SESSIONS_MAX)
		return 2;
	l.o = (struct smtp_client_options){ .host = "127.0.0.1",
					    .port = (uint16_t)strtol(argv[1],
								     NULL, 10),
					    .helo = "load.example",
					    .connect_timeout_ms = 30000,
					    .command_timeout_ms = 60000,
					    .data_timeout_ms = 120000 };
	l.messages = strtol(argv[3], NULL, 10);
	l.size = strtoul(argv[4], NULL, 10);
	l.from = argv[5];
	l.to = argv[6];
	l.login = argc == 9 ? argv[7] : NULL;
	l.password = argc == 9 ? argv[8] : NULL;
	l.text = make_text(&l);
	for (long i = 0; i < sessions; i++) {
		if (thread_start_joinable(&t[i], run, &l, &e) != 0)
			return 1;
	}
	for (long i = 0; i < sessions; i++)
		(void)pthread_join(t[i], NULL);
	free(l.text);
	(void)printf("%ld\n", atomic_load(&l.done));
	return atomic_load(&l.done) == l.messages ? 0 : 1;
}
