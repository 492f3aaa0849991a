#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/visible.h"
#include "net/unix_socket.h"
#include "sendmail/sendmail.h"
#include "smtp/smtp_client.h"

/*
 * Over the server's socket.  Every recipient is asked about before anything is
 * sent: when one is refused nobody gets the message, and who called us can mend
 * it and send it again without giving the others a second copy.
 */

static void
show(void *ctx, char direction, struct span line)
{
	(void)ctx;
	(void)fprintf(stderr, "%c ", direction);
	visible_print(stderr, line);
	(void)fputc('\n', stderr);
}

/* Which exit status a refusal is (RFC 3463 3). */
static enum sendmail_status
status_of(const struct smtp_reply *r)
{
	if (r->code / 100 == 4)
		return SENDMAIL_TEMPFAIL;
	if (strcmp(r->enhanced, "5.1.2") == 0)
		return SENDMAIL_NOHOST;
	if (strncmp(r->enhanced, "5.1.", 4) == 0)
		return SENDMAIL_NOUSER;
	if (strncmp(r->enhanced, "5.7.", 4) == 0)
		return SENDMAIL_NOPERM;
	if (strcmp(r->enhanced, "5.3.4") == 0 ||
	    strncmp(r->enhanced, "5.6.", 4) == 0)
		return SENDMAIL_DATAERR;
	return SENDMAIL_REFUSED;
}

static enum sendmail_status
refused(const struct smtp_reply *r, const char *who, struct err *e)
{
	char text[300];

	reply_one_line(r, text, sizeof(text));
	(void)err_set(e, r->code / 100 == 4 ? ERR_TEMP : ERR_PERM, 0, "%s: %s",
		      who, text);
	return status_of(r);
}

static enum sendmail_status
open_server(const struct sendmail_args *a, const struct sendmail_options *o,
	    struct smtp_client **c, struct err *e)
{
	struct smtp_reply r;
	struct smtp_client_options way = {
		.host = "localhost",
		.path = o->socket,
		.connect_timeout_ms = o->connect_timeout,
		.command_timeout_ms = o->command_timeout,
		.data_timeout_ms = o->data_timeout,
		.trace = a->verbose ? show : NULL,
	};

	if (smtp_client_open(c, &way, &r, e) != 0)
		return SENDMAIL_TEMPFAIL;
	if (*c == NULL) {
		(void)refused(&r, o->socket, e);
		return SENDMAIL_TEMPFAIL;
	}
	return SENDMAIL_OK;
}

/* ---- asking ---------------------------------------------------------------
 */

static enum sendmail_status
ask_all(struct smtp_client *c, const struct sendmail_mail *m, struct err *e)
{
	struct smtp_reply r;

	if (smtp_client_command(c, &r, e, "MAIL FROM:<%s>%s", m->from,
				m->smtputf8 ? " SMTPUTF8" : "") != 0)
		return SENDMAIL_TEMPFAIL;
	if (r.code / 100 != 2)
		return refused(&r, m->from[0] != '\0' ? m->from : "<>", e);
	for (size_t i = 0; i < m->n_to; i++) {
		if (smtp_client_command(c, &r, e, "RCPT TO:<%s>", m->to[i]) !=
		    0)
			return SENDMAIL_TEMPFAIL;
		if (r.code / 100 != 2)
			return refused(&r, m->to[i], e);
	}
	if (smtp_client_command(c, &r, e, "RSET") != 0)
		return SENDMAIL_TEMPFAIL;
	if (r.code / 100 == 2)
		return SENDMAIL_OK;
	(void)refused(&r, "RSET", e); /* that is about no recipient */
	return SENDMAIL_TEMPFAIL;
}

/* One recipient; no transaction is left open. */
static int
ask_one(struct smtp_client *c, const struct sendmail_mail *m, const char *to,
	struct smtp_reply *r, struct err *e)
{
	struct smtp_reply end;

	if (smtp_client_command(c, r, e, "MAIL FROM:<>%s",
				m->smtputf8 ? " SMTPUTF8" : "") != 0)
		return -1;
	if (r->code / 100 == 2 &&
	    smtp_client_command(c, r, e, "RCPT TO:<%s>", to) != 0)
		return -1;
	return smtp_client_command(c, &end, e, "RSET");
}

enum sendmail_status
sendmail_submit_verify(const struct sendmail_mail *m,
		       const struct sendmail_args *a,
		       const struct sendmail_options *o, struct err *e)
{
	struct smtp_client *c = NULL;
	struct smtp_reply r;
	char text[300];
	enum sendmail_status rc = open_server(a, o, &c, e), worst = rc;

	for (size_t i = 0; rc == SENDMAIL_OK && i < m->n_to; i++) {
		if (ask_one(c, m, m->to[i], &r, e) != 0) {
			worst = rc = SENDMAIL_TEMPFAIL;
			break;
		}
		if (r.code / 100 != 2 && worst == SENDMAIL_OK)
			worst = status_of(&r);
		reply_one_line(&r, text, sizeof(text));
		(void)printf("%s... ", m->to[i]);
		visible_print(stdout, span_of(text));
		(void)putchar('\n');
	}
	smtp_client_close(&c, rc == SENDMAIL_OK);
	if (worst != SENDMAIL_OK && rc == SENDMAIL_OK)
		(void)err_set(e, ERR_PERM, 0, "not all of them can have mail");
	return worst;
}

/* ---- sending --------------------------------------------------------------
 */

struct source {
	struct span text;
	size_t at;
};

static long
read_bytes(void *ctx, char *p, unsigned long size, struct err *e)
{
	struct source *s = ctx;
	struct span part = span_head(span_skip(s->text, s->at), size);

	(void)e;
	if (part.n > 0)
		memcpy(p, part.p, part.n);
	s->at += part.n;
	return (long)part.n;
}

static enum sendmail_status
send_all(struct smtp_client *c, const struct sendmail_mail *m,
	 const struct sendmail_args *a, struct err *e)
{
	struct smtp_send_rcpt *to = calloc(m->n_to, sizeof(*to));
	struct source source = { .text = buf_span(&m->text) };
	struct smtp_send send = { .reverse_path = m->from,
				  .recipients = to,
				  .n_recipients = (unsigned)m->n_to,
				  .eight_bit = m->eight_bit,
				  .smtputf8 = m->smtputf8,
				  .ret = a->ret,
				  .envid = a->envid,
				  .delivery_id = m->id,
				  .size = (int64_t)m->text.n,
				  .read_bytes = read_bytes,
				  .ctx = &source };
	enum sendmail_status rc = SENDMAIL_OK;
	bool served = false;

	if (to == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "recipients");
		return SENDMAIL_TEMPFAIL;
	}
	for (size_t i = 0; i < m->n_to; i++) {
		to[i].address = m->to[i];
		to[i].notify = a->notify;
	}
	if (smtp_client_send(c, &send, e) != 0)
		rc = SENDMAIL_TEMPFAIL;
	/* some taken: the others cannot be tried again without a second copy */
	for (size_t i = 0; i < m->n_to; i++)
		served = served || to[i].reply.code / 100 == 2;
	for (size_t i = 0; i < m->n_to && rc == SENDMAIL_OK; i++) {
		if (to[i].reply.code / 100 != 2)
			rc = refused(&to[i].reply, to[i].address, e);
	}
	if (served && rc == SENDMAIL_TEMPFAIL)
		rc = SENDMAIL_REFUSED;
	free(to);
	return rc;
}

enum sendmail_status
sendmail_submit(const struct sendmail_mail *m, const struct sendmail_args *a,
		const struct sendmail_options *o, struct err *e)
{
	struct smtp_client *c = NULL;
	enum sendmail_status rc = open_server(a, o, &c, e);

	if (rc == SENDMAIL_OK)
		rc = ask_all(c, m, e);
	if (rc == SENDMAIL_OK)
		rc = send_all(c, m, a, e);
	smtp_client_close(&c, rc == SENDMAIL_OK);
	return rc;
}

/* ---- -bs ------------------------------------------------------------------
 */

/* Bytes there and back, until the server ends it. */
static int
pump(int server, int from, struct err *e)
{
	char piece[4096];
	ssize_t n = read(from, piece, sizeof(piece));
	int to = from == server ? STDOUT_FILENO : server;

	if (n <= 0)
		return n < 0 && errno == EINTR ? 1 : 0;
	for (ssize_t at = 0; at < n;) {
		ssize_t w = write(to, piece + at, (size_t)(n - at));
		if (w < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = to, .events = POLLOUT };
			(void)poll(&p, 1, -1);
		} else if (w < 0 && errno != EINTR) {
			return err_set(e, ERR_TEMP, errno, "write");
		}
		at += w > 0 ? w : 0;
	}
	return 1;
}

enum sendmail_status
sendmail_relay(const struct sendmail_options *o, struct err *e)
{
	struct stream *s = NULL;
	bool input = true, greeted = false; /* RFC 5321 3.1: wait for it */

	if (unix_socket_dial(&s, o->socket,
			     clock_mono_ms() + o->connect_timeout, NULL,
			     e) != 0) {
		(void)printf("421 4.3.2 %s: no server, try again later\r\n",
			     o->domain);
		return SENDMAIL_TEMPFAIL;
	}
	int fd = stream_fd(s), rc = 1;
	while (rc > 0) {
		struct pollfd p[2] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = input && greeted ? STDIN_FILENO : -1,
			  .events = POLLIN },
		};
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0 && pump(fd, STDIN_FILENO, e) == 0) {
			/* the client says no more; the server may, and ends */
			input = false;
			(void)shutdown(fd, SHUT_WR);
		}
		if (p[0].revents != 0) {
			rc = pump(fd, fd, e);
			greeted = true;
		}
	}
	stream_free(&s);
	return rc < 0 ? SENDMAIL_TEMPFAIL : SENDMAIL_OK;
}
