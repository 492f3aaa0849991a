#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "mail/dsn.h"
#include "mail/header.h"
#include "mail/utf8.h"
#include "net/listener.h"
#include "sender/pickup_private.h"

/*
 * One message from the maildrop goes to the local service as if its owner had
 * connected: two ends of a socket pair, a thread for the server's end.
 */
enum {
	STEP_MS = 60 * 1000,
	MESSAGE_MS = 10 * 60 * 1000,
	ORIGINAL_MAX = 64 * 1024, /* of the header, in a report */
	REPORT_MAX = 512 * 1024,
	STATUS_SIZE = REPLY_ENHANCED_SIZE,
};

/* ---- a session in the owner's name ----------------------------------------
 */
struct session {
	struct smtp_server *smtp;
	struct listener_client peer;
	pthread_t thread;
	struct smtp_client *client;
};

static void
serve(void *arg)
{
	struct session *s = arg;

	smtp_server_session(s->smtp, &s->peer);
	stream_free(&s->peer.stream); /* the client sees the end */
}

/* Two streams, joined; 0 or -1. */
static int
make_pair(struct stream **server, struct stream **client, struct err *e)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) != 0)
		return err_set(e, ERR_TEMP, errno, "socket pair");
	*server = *client = NULL;
	if (stream_new(server, fd[0], e) != 0) {
		(void)close(fd[0]);
		(void)close(fd[1]);
		return -1;
	}
	if (stream_new(client, fd[1], e) != 0) {
		(void)close(fd[1]);
		stream_free(server);
		return -1;
	}
	return 0;
}

static int
open_session(struct pickup *p, uid_t uid, struct session *s, struct err *e)
{
	struct stream *client = NULL;
	struct smtp_reply r;
	char text[400];
	struct smtp_client_options o = {
		.host = "maildrop",
		.stream = &client,
		.helo = p->o.hostname,
		.connect_timeout_ms = STEP_MS,
		.command_timeout_ms = STEP_MS,
		.data_timeout_ms = MESSAGE_MS,
		.stop = &p->stop,
	};

	*s = (struct session){ .smtp = p->o.smtp };
	if (make_pair(&s->peer.stream, &client, e) != 0)
		return -1;
	stream_watch(client, &p->stop);
	rand_id(s->peer.session);
	memcpy(s->peer.address, "unix", 5);
	s->peer.is_loopback = s->peer.is_unix = true;
	s->peer.uid = uid;
	s->peer.drain = s->peer.kill = &p->stop;
	if (thread_start_joinable(&s->thread, serve, s, e) != 0) {
		stream_free(&client);
		stream_free(&s->peer.stream);
		return -1;
	}
	int rc = smtp_client_open(&s->client, &o, &r, e);
	if (rc == 0 && s->client != NULL)
		return 0;
	if (rc == 0) {
		reply_one_line(&r, text, sizeof(text));
		(void)err_set(e, ERR_TEMP, 0, "%s", text);
	}
	(void)pthread_join(s->thread, NULL);
	return -1;
}

static void
close_session(struct session *s)
{
	smtp_client_close(&s->client, true);
	(void)pthread_join(s->thread, NULL);
}

/* ---- the message ----------------------------------------------------------
 */
struct source {
	const struct pickup_file *file; /* or, when NULL, the text */
	struct span text;
	int64_t at;
};

static long
read_bytes(void *ctx, char *p, unsigned long size, struct err *e)
{
	struct source *s = ctx;

	if (s->file != NULL) {
		ssize_t n =
		    pread(s->file->fd, p, size,
			  (off_t)(s->at + (int64_t)s->file->head_bytes));
		if (n < 0)
			return err_set(e, ERR_TEMP, errno, "%s", s->file->name);
		s->at += n;
		return n;
	}
	struct span part = span_head(span_skip(s->text, (size_t)s->at), size);
	if (part.n > 0)
		memcpy(p, part.p, part.n);
	s->at += (int64_t)part.n;
	return (long)part.n;
}

/* Texts of the envelope, as C strings for the client; in one piece of memory.
 */
static int
fill(const struct drop *d, struct smtp_send *m, char **texts, struct err *e)
{
	size_t bytes = d->reverse_path.n + d->envid.n + 2;

	for (unsigned i = 0; i < d->n_to; i++)
		bytes += d->to[i].n + 1;
	char *at = *texts = calloc(1, bytes);
	if (at == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "envelope");
	m->reverse_path = at;
	(void)span_copy(d->reverse_path, at, d->reverse_path.n + 1);
	at += d->reverse_path.n + 1;
	if (d->envid.p != NULL) {
		m->envid = at;
		(void)span_copy(d->envid, at, d->envid.n + 1);
	}
	at += d->envid.n + 1;
	for (unsigned i = 0; i < d->n_to; i++) {
		m->recipients[i].address = at;
		m->recipients[i].notify = d->notify;
		(void)span_copy(d->to[i], at, d->to[i].n + 1);
		at += d->to[i].n + 1;
	}
	return 0;
}

/* ---- what was refused -----------------------------------------------------
 */

static void
status_of(const struct smtp_reply *r, char status[STATUS_SIZE])
{
	(void)snprintf(status, STATUS_SIZE, "%s",
		       r->enhanced[0] != '\0' ? r->enhanced
		       : r->code >= 500       ? "5.0.0"
					      : "4.0.0");
}

/* The report for `to` about those of m who did not get it. */
static int
format_report(struct pickup *p, const struct pickup_file *f,
	      const struct smtp_send *m, const char *to, struct buf *out,
	      struct err *e)
{
	unsigned n = m->n_recipients, k = 0;
	struct dsn_recipient *r = calloc(n, sizeof(*r));
	char(*status)[STATUS_SIZE] = calloc(n, sizeof(*status));
	char(*said)[300] = calloc(n, sizeof(*said));
	char *header = malloc(ORIGINAL_MAX);
	char id[RAND_ID_SIZE];
	int rc = -1;

	rand_id(id);
	struct dsn_facts d = { .id = id,
			       .host = p->o.hostname,
			       .to = to,
			       .envid = m->envid,
			       .arrival_s = f->written_s,
			       .now_s = clock_wall_s(),
			       .recipients = r };
	if (r == NULL || status == NULL || said == NULL || header == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "report");
		goto out;
	}
	for (unsigned i = 0; i < n; i++) {
		const struct smtp_send_rcpt *to_i = &m->recipients[i];
		if (to_i->reply.code / 100 == 2)
			continue;
		status_of(&to_i->reply, status[k]);
		reply_one_line(&to_i->reply, said[k], sizeof(said[k]));
		r[k] = (struct dsn_recipient){ .address = to_i->address,
					       .action = DSN_FAILED,
					       .status = status[k],
					       .diagnostic = said[k] };
		k++;
	}
	d.n_recipients = k;
	ssize_t got = pread(f->fd, header, ORIGINAL_MAX, (off_t)f->head_bytes);
	struct span text = span_make(header, got < 0 ? 0 : (size_t)got);
	long end = header_block_end(text);
	d.original_header = end < 0 ? text : span_head(text, (size_t)end);
	rc = dsn_format(&d, out, e);
out:
	free(header);
	free(said);
	free(status);
	free(r);
	return rc;
}

/* 1 taken, 0 refused, -1 not now. */
static int
send_report(struct session *s, const char *name, struct span text,
	    const char *to, struct err *e)
{
	struct source source = { .text = text };
	struct smtp_send_rcpt rcpt = { .address = to };
	char id[SMTP_DELIVERY_ID_MAX + 1];
	struct smtp_send m = { .reverse_path = "",
			       .delivery_id = id,
			       .recipients = &rcpt,
			       .n_recipients = 1,
			       .size = (int64_t)text.n,
			       .eight_bit = !utf8_is_ascii(text),
			       .read_bytes = read_bytes,
			       .ctx = &source };

	/* once, also when we are killed before the file is gone */
	(void)snprintf(id, sizeof(id), "%s.report", name);
	if (smtp_client_send(s->client, &m, e) != 0)
		return -1;
	if (rcpt.reply.code / 100 == 4)
		return err_set(e, ERR_TEMP, 0, "report: %s", rcpt.reply.text);
	return rcpt.reply.code / 100 == 2;
}

/* To the owner; to the postmaster when that cannot be.  It is our own word, so
 * it is handed in as root, who may speak for MAILER-DAEMON.  One that cannot be
 * made now is made later, with the same id, and with as much time again as the
 * message had; who has the message is not given it again (sender_handed.c). */
static enum pickup_result
report(struct pickup *p, const struct pickup_file *f, const struct smtp_send *m,
       struct err *e)
{
	char login[ADDRESS_SIZE] = "";
	const char *to[2] = { login, p->o.postmaster };
	struct session s;
	struct buf text;
	int rc = 0;
	int64_t age_s = clock_wall_s() - f->written_s;
	/* then it is for a person: some may have got it */
	const enum pickup_result not_now =
	    age_s * 1000 < 2 * p->o.expiry_ms ? PICKUP_LATER : PICKUP_DAMAGED;

	if (open_session(p, 0, &s, e) != 0)
		return not_now;
	if (!local_users_login(p->o.users, f->uid, login))
		to[0] = p->o.postmaster;
	buf_init(&text, REPORT_MAX);
	for (int i = 0; i < 2 && rc == 0; i++) {
		buf_clear(&text);
		rc = format_report(p, f, m, to[i], &text, e) != 0
			 ? -1
			 : send_report(&s, f->name, buf_span(&text), to[i], e);
	}
	buf_free(&text);
	close_session(&s);
	if (rc == 1)
		return PICKUP_TAKEN;
	if (rc < 0)
		return not_now;
	(void)err_set(e, ERR_PERM, 0, "refused, and nobody to be told: %s",
		      m->recipients[0].reply.text);
	return PICKUP_DAMAGED;
}

/* ---- all together ---------------------------------------------------------
 */

static enum pickup_result
settle(struct pickup *p, struct pickup_file *f, const struct smtp_send *m,
       struct err *e)
{
	const struct smtp_reply *no = NULL, *later = NULL;
	int64_t age_s = clock_wall_s() - f->written_s;

	for (unsigned i = 0; i < m->n_recipients; i++) {
		const struct smtp_reply *r = &m->recipients[i].reply;
		if (r->code / 100 != 2 && no == NULL)
			no = r;
		if (r->code / 100 == 4 && later == NULL)
			later = r;
	}
	if (no == NULL)
		return PICKUP_TAKEN;
	/* who has it is not given it again (sender_handed.c) */
	if (later != NULL && age_s * 1000 < p->o.expiry_ms) {
		(void)err_set(e, ERR_TEMP, 0, "%s", later->text);
		/* sender_author_take */
		f->over_limit =
		    later->code == 452 && strcmp(later->enhanced, "4.7.1") == 0;
		return PICKUP_LATER;
	}
	if (f->d.reverse_path.n == 0) { /* RFC 5321 6.1: no report on one */
		(void)err_set(e, ERR_PERM, 0, "refused: %s", no->text);
		return PICKUP_DAMAGED;
	}
	if ((f->d.notify & DSN_NOTIFY_NEVER) != 0)
		return PICKUP_TAKEN;
	return report(p, f, m, e);
}

enum pickup_result
pickup_send(struct pickup *p, struct pickup_file *f, struct err *e)
{
	struct smtp_send_rcpt *to = calloc(f->d.n_to, sizeof(*to));
	struct source source = { .file = f };
	struct smtp_send m = { .recipients = to,
			       .n_recipients = f->d.n_to,
			       .eight_bit = f->eight_bit,
			       .smtputf8 = f->d.smtputf8,
			       .ret = f->d.ret,
			       .delivery_id = f->name,
			       .size = f->d.size_bytes,
			       .read_bytes = read_bytes,
			       .ctx = &source };
	enum pickup_result got = PICKUP_LATER;
	struct session *s = calloc(1, sizeof(*s));
	char *texts = NULL;

	if (to == NULL || s == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "maildrop");
		goto out;
	}
	if (fill(&f->d, &m, &texts, e) != 0 ||
	    open_session(p, f->uid, s, e) != 0)
		goto out;
	if (smtp_client_send(s->client, &m, e) == 0)
		got = settle(p, f, &m, e);
	close_session(s);
out:
	free(texts);
	free(s);
	free(to);
	return got;
}
