#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "mail/dot.h"
#include "smtp/smtp_client_private.h"

/*
 * One transaction.  With PIPELINING (RFC 2920) MAIL, RCPT and DATA go out in
 * groups and the replies are read afterwards; without it each waits for its
 * reply.  Both ways end in the same place: which recipients were accepted and
 * what DATA answered.
 *
 * A group is at most SMTP_RECIPIENTS_MAX + 2 short lines, far below what two
 * socket buffers hold, so writing it all before reading cannot block for
 * longer than a stuck peer deserves (the command deadline).
 *
 * Each reply may take its time (RFC 5321 4.5.3.2), but the hundreds of
 * one transaction would take hours.  So a group has no more recipients than
 * data_timeout_ms allows in the worst case, and none begins after it: who was
 * not asked about is left for the next time, and the message goes to the
 * others.  A server that is slow, and keeps to its limits, gets all of it in
 * the end.
 */

enum { PIECE_BYTES = 16 * 1024, RSET_WAIT_MS = 10000 };

static bool
is_yes(const struct smtp_reply *r)
{
	return r->code / 100 == 2;
}

/* What followed a refused MAIL was refused for its sake. */
void
smtp_client_refuse_all(struct smtp_send *m, const struct smtp_reply *mail)
{
	for (unsigned i = 0; i < m->n_recipients; i++)
		m->recipients[i].reply = *mail;
}

void
smtp_client_refuse_open(struct smtp_send *m, const struct smtp_reply *r)
{
	for (unsigned i = 0; i < m->n_recipients; i++) {
		if (m->recipients[i].reply.code / 100 == 2 ||
		    m->recipients[i].reply.code == 0)
			m->recipients[i].reply = *r;
	}
}

/*
 * RFC 5321 3.8: a server may answer any command with 421, and closes. Commands
 * of the same group behind it (RFC 2920) get no reply then; nobody's message
 * was taken, and the reason is known: the replies say so.
 */
static bool
is_settled(struct smtp_send *m, const struct smtp_reply *mail)
{
	if (mail->code != 0 && !is_yes(mail)) {
		smtp_client_refuse_all(m, mail);
		return true;
	}
	for (unsigned i = 0; i < m->n_recipients; i++) {
		struct smtp_reply bye = m->recipients[i].at_rcpt;

		if (bye.code != 421)
			continue;
		smtp_client_refuse_open(m, &bye);
		return true;
	}
	return false;
}

/* RFC 8689 4.2.1: what is offered in clear text, or by who knows whom, is
 * worth nothing. */
static bool
may_require_tls(const struct smtp_client *c)
{
	return (c->extensions & SMTP_EXT_REQUIRETLS) != 0 &&
	       c->tls.step == TLS_STEP_ON && c->tls.verified;
}

/* What the peer has said it cannot do; true when that settles it. */
static bool
refused_unasked(const struct smtp_client *c, struct smtp_send *m)
{
	struct smtp_reply r;

	if (c->size_max > 0 && m->size > c->size_max)
		/* RFC 1870 6.1 */
		reply_set(&r, 552, "5.3.4",
			  "Message of %lld bytes is over the receiver's limit "
			  "of %lld",
			  (long long)m->size, (long long)c->size_max);
	else if (m->require_tls && m->reverse_path[0] != '\0' &&
		 !may_require_tls(c)) /* RFC 8689 4.2.1, 5 */
		reply_set(&r, 550, "5.7.30",
			  "The receiver cannot protect the message further "
			  "with TLS (REQUIRETLS)");
	else if (m->smtputf8 && (c->extensions & SMTP_EXT_SMTPUTF8) == 0)
		/* RFC 6531 3.5 */
		reply_set(&r, 553, "5.6.7",
			  "The receiver cannot take internationalized "
			  "addresses");
	else if (m->eight_bit && (c->extensions & SMTP_EXT_8BITMIME) == 0)
		/* RFC 6152 3: convert or return; we return */
		reply_set(&r, 554, "5.6.3",
			  "The receiver cannot take 8-bit text");
	else
		return false;
	smtp_client_refuse_open(m, &r);
	return true;
}

/* " KEY=value", or nothing without a value. */
static void
put_param(char *text, size_t size, const char *key, const char *value)
{
	size_t n = strlen(text);

	if (value != NULL && value[0] != '\0')
		(void)snprintf(text + n, size - n, " %s=%s", key, value);
}

static int
put_mail(struct smtp_client *c, const struct smtp_send *m, struct err *e)
{
	char params[SMTP_CMD_MAIL_EXTRA] = "", size[32];

	(void)snprintf(size, sizeof(size), "%lld", (long long)m->size);
	if ((c->extensions & SMTP_EXT_SIZE) != 0)
		put_param(params, sizeof(params), "SIZE", size);
	if ((c->extensions & SMTP_EXT_DSN) != 0) {
		put_param(params, sizeof(params), "RET", dsn_ret_text(m->ret));
		put_param(params, sizeof(params), "ENVID", m->envid);
	}
	if ((c->extensions & SMTP_EXT_FUTURERELEASE) != 0 &&
	    m->release != NULL) {
		bool until =
		    span_starts_nocase(span_of(m->release), span_of("until;"));
		put_param(params, sizeof(params),
			  until ? "HOLDUNTIL" : "HOLDFOR",
			  m->release + (until ? 6 : 4));
	}
	if ((c->extensions & SMTP_EXT_XPOSTPAIRID) != 0)
		put_param(params, sizeof(params), "XPOSTPAIRID",
			  m->delivery_id);
	bool requires = m->require_tls && c->tls.step == TLS_STEP_ON &&
			(c->extensions & SMTP_EXT_REQUIRETLS) != 0;
	return smtp_client_put(c, e, "MAIL FROM:<%s>%s%s%s%s", m->reverse_path,
			       params, m->eight_bit ? " BODY=8BITMIME" : "",
			       m->smtputf8 ? " SMTPUTF8" : "",
			       requires ? " REQUIRETLS" : "");
}

static int
put_rcpt(struct smtp_client *c, const struct smtp_send_rcpt *r, struct err *e)
{
	char params[SMTP_CMD_RCPT_EXTRA] = "", notify[DSN_NOTIFY_SIZE];

	if ((c->extensions & SMTP_EXT_DSN) != 0) {
		dsn_notify_text(r->notify, notify);
		put_param(params, sizeof(params), "NOTIFY", notify);
		put_param(params, sizeof(params), "ORCPT", r->orcpt);
	}
	smtp_client_count_domain(&c->domains, r->address);
	return smtp_client_put(c, e, "RCPT TO:<%s>%s", r->address, params);
}

static bool
is_piped(const struct smtp_client *c)
{
	return (c->extensions & SMTP_EXT_PIPELINING) != 0;
}

static unsigned
group_size(const struct smtp_client *c)
{
	int64_t n = is_piped(c) && c->command_timeout_ms > 0
			? c->data_timeout_ms / c->command_timeout_ms
			: 1;

	if (n > SMTP_RECIPIENTS_MAX)
		n = SMTP_RECIPIENTS_MAX;
	return n < 1 ? 1 : (unsigned)n;
}

static void
leave_unasked(struct smtp_send *m, unsigned from)
{
	for (unsigned i = from; i < m->n_recipients; i++)
		reply_set(&m->recipients[i].reply, 451, "4.5.3",
			  "The server took too long over other recipients");
}

int
smtp_client_put_envelope(struct smtp_client *c, struct smtp_send *m,
			 struct smtp_client_envelope *v, struct err *e)
{
	int64_t end_ms = clock_mono_ms() + c->data_timeout_ms;

	if (put_mail(c, m, e) != 0)
		return -1;
	while (v->put < m->n_recipients) {
		if (v->put > 0 || !is_piped(c)) {
			if (smtp_client_read_envelope(c, m, v, e) != 0)
				return -1;
			if (!is_yes(&v->mail))
				break;
		}
		if (v->put > 0 && clock_mono_ms() >= end_ms) {
			leave_unasked(m, v->put);
			break;
		}
		for (unsigned n = group_size(c);
		     n > 0 && v->put < m->n_recipients; n--, v->put++) {
			if (put_rcpt(c, &m->recipients[v->put], e) != 0)
				return -1;
		}
	}
	return 0;
}

int
smtp_client_read_envelope(struct smtp_client *c, struct smtp_send *m,
			  struct smtp_client_envelope *v, struct err *e)
{
	if (v->mail.code == 0 &&
	    smtp_client_verdict(c, smtp_client_deadline(c), 0, "MAIL", &v->mail,
				e) != 0)
		return -1;
	for (; v->read < v->put; v->read++) {
		struct smtp_send_rcpt *to = &m->recipients[v->read];
		if (smtp_client_verdict(c, smtp_client_deadline(c), 0, "RCPT",
					&to->reply, e) != 0) {
			memset(&to->reply, 0, sizeof(to->reply));
			return -1;
		}
		to->at_rcpt = to->reply;
		v->accepted += is_yes(&to->reply) ? 1 : 0;
	}
	return 0;
}

bool
smtp_client_is_hopeless(const struct smtp_client_envelope *v)
{
	return v->read == v->put && (v->accepted == 0 || !is_yes(&v->mail));
}

int
smtp_client_break(struct smtp_send *m, const struct smtp_client_envelope *v)
{
	const struct smtp_reply nothing = { 0 };

	if (is_settled(m, &v->mail))
		return 0;
	/* A yes to RCPT was no promise. */
	smtp_client_refuse_open(m, &nothing);
	return -1;
}

/* The envelope and DATA, with all replies. */
static int
ask(struct smtp_client *c, struct smtp_send *m, struct smtp_client_envelope *v,
    struct smtp_reply *data, struct err *e)
{
	if (smtp_client_put_envelope(c, m, v, e) != 0 ||
	    (!is_piped(c) && smtp_client_read_envelope(c, m, v, e) != 0))
		return -1;
	bool go_on = !smtp_client_is_hopeless(v);
	if ((go_on && smtp_client_put(c, e, "DATA") != 0) ||
	    smtp_client_read_envelope(c, m, v, e) != 0)
		return -1;
	return go_on ? smtp_client_verdict(c, smtp_client_deadline(c), 354,
					   "DATA", data, e)
		     : 0;
}

static int
write_out(struct smtp_client *c, struct buf *b, int64_t deadline_ms,
	  struct err *e)
{
	/* RFC 5321 4.5.3.2.5 */
	int rc = stream_write(c->stream, b->p, b->n,
			      smtp_client_deadline_step(c, deadline_ms), e);

	buf_clear(b);
	if (rc != 0)
		(void)smtp_client_hear_out(c, e);
	return rc;
}

/* It has no word to say before the end of the message, unless it refuses. */
static int
check_silence(struct smtp_client *c, struct err *e)
{
	if (!stream_peer_spoke(c->stream, 0))
		return 0;
	c->dead = c->unsent = true;
	return err_set(e, ERR_CLOSED, 0, "interrupted by the peer");
}

static int
write_message(struct smtp_client *c, struct smtp_send *m, int64_t deadline_ms,
	      struct err *e)
{
	struct dot_encoder d = { 0 };
	char *piece = malloc(PIECE_BYTES);
	struct buf out;
	int rc = -1;
	long n;

	buf_init(&out, 4 * (size_t)PIECE_BYTES); /* an LF becomes CR LF dot */
	if (piece == NULL) {
		(void)err_set(e, ERR_TEMP, ENOMEM, "sending a message");
		goto out;
	}
	while ((n = m->read_bytes(m->ctx, piece, PIECE_BYTES, e)) > 0) {
		if (dot_encode(&d, span_make(piece, (size_t)n), &out) != 0) {
			(void)err_set(e, ERR_TEMP, errno, "sending a message");
			goto out;
		}
		if (check_silence(c, e) != 0 ||
		    write_out(c, &out, deadline_ms, e) != 0)
			goto out;
	}
	if (n < 0)
		goto out;
	if (dot_encode_end(&d, &out) != 0) {
		(void)err_set(e, ERR_TEMP, errno, "sending a message");
		goto out;
	}
	rc = write_out(c, &out, deadline_ms, e);
out:
	/* Without the final dot the peer drops what it has (RFC 5321 4.1.1.4).
	 */
	if (rc != 0)
		c->dead = true;
	buf_free(&out);
	free(piece);
	return rc;
}

/*
 * End what the peer may still hold open.  The verdicts are known already, so a
 * failure here only means that the connection is not used again.
 */
void
smtp_client_end_transaction(struct smtp_client *c)
{
	struct smtp_reply r;

	if (smtp_client_put(c, NULL, "RSET") != 0 ||
	    smtp_client_verdict(c, clock_mono_ms() + RSET_WAIT_MS, 0, "RSET",
				&r, NULL) != 0 ||
	    !is_yes(&r))
		c->dead = true;
}

/*
 * 354 although every recipient was refused: the peer waits for a message, and
 * RFC 2920 3.1 has us send an empty one; a lone dot ends it.  Whatever it then
 * says, nobody was to get it.  In LMTP that 354 is against the protocol (RFC
 * 2033 4.2: 503), and no reply would follow.
 */
static int
send_nothing(struct smtp_client *c, struct err *e)
{
	struct smtp_reply r;

	if (c->lmtp) {
		c->dead = true;
		return err_set(e, ERR_PROTO, 0, "354 without a recipient");
	}
	return smtp_client_put(c, e, ".") != 0 ||
		       smtp_client_verdict(c, smtp_client_deadline(c), 0,
					   "end of data", &r, e) != 0
		   ? -1
		   : 0;
}

/*
 * RFC 2033 4.2: a reply for each recipient whose RCPT was accepted, in that
 * order.  Where they end early, the rest stay as they are: unknown.
 */
int
smtp_client_read_verdicts(struct smtp_client *c, struct smtp_send *m,
			  struct err *e)
{
	int64_t end_ms = clock_mono_ms() + c->data_timeout_ms;

	/* the first one has all of its own time */
	if (end_ms < smtp_client_deadline_last(c))
		end_ms = smtp_client_deadline_last(c);
	for (unsigned i = 0; i < m->n_recipients; i++) {
		struct smtp_reply r;
		if (!is_yes(&m->recipients[i].at_rcpt))
			continue;
		if (smtp_client_final(c, smtp_client_deadline_step(c, end_ms),
				      "end of data", &r, e) != 0)
			return -1;
		m->recipients[i].reply = r;
	}
	return 0;
}

/*
 * RFC 5321 4.5.3.2.6: the peer's time begins when it has the final dot.  What
 * was written waits in the buffer of this system, on a slow line for long: who
 * counts from there leaves a peer that goes on to take the message and to
 * deliver it, and sends it again.
 */
int64_t
smtp_client_deadline_end(struct smtp_client *c, int64_t deadline_ms)
{
	int64_t last_ms = smtp_client_deadline_last(c);
	int64_t quiet_ms = last_ms - clock_mono_ms();

	if (c->unsent || stream_flush(c->stream, last_ms, NULL) != 0 ||
	    !stream_await_taken(c->stream, quiet_ms,
				deadline_ms > last_ms ? deadline_ms : last_ms))
		return last_ms;
	return smtp_client_deadline_last(c);
}

static int
send_message(struct smtp_client *c, struct smtp_send *m, struct err *e)
{
	int64_t deadline_ms = clock_mono_ms() + c->data_timeout_ms;
	struct smtp_reply last;

	/* Until the last reply is here nothing is known of the accepted. */
	memset(&last, 0, sizeof(last));
	smtp_client_refuse_open(m, &last);
	m->text_sent = true;
	if (write_message(c, m, deadline_ms, e) != 0 && !c->unsent)
		return -1;
	int64_t last_ms = smtp_client_deadline_end(c, deadline_ms);
	if (c->lmtp && !c->unsent)
		return smtp_client_read_verdicts(c, m, e);
	if (smtp_client_final(c, last_ms, "end of data", &last, e) != 0)
		return -1;
	smtp_client_refuse_open(m, &last);
	return 0;
}

static int
send_by_data(struct smtp_client *c, struct smtp_send *m, struct err *e)
{
	struct smtp_client_envelope v = { 0 };
	struct smtp_reply data = { 0 };

	if (ask(c, m, &v, &data, e) != 0)
		return smtp_client_break(m, &v);
	bool hopeless = smtp_client_is_hopeless(&v);
	if (!is_yes(&v.mail))
		smtp_client_refuse_all(m, &v.mail);
	if (!hopeless && data.code == 354)
		return send_message(c, m, e);
	if (data.code == 354 && send_nothing(c, e) != 0)
		return 0; /* every verdict is known; the connection is dead */
	if (data.code != 354 && !hopeless) {
		int code = data.code;
		if (is_yes(&data))
			memset(&data, 0, sizeof(data));
		smtp_client_refuse_open(m, &data);
		if (data.code == 0) {
			c->dead = true;
			return err_set(e, ERR_PROTO, 0,
				       "unexpected reply %d to DATA", code);
		}
	}
	smtp_client_end_transaction(c);
	return 0;
}

int
smtp_client_send(struct smtp_client *c, struct smtp_send *m, struct err *e)
{
	m->text_sent = false;
	for (unsigned i = 0; i < m->n_recipients; i++) {
		memset(&m->recipients[i].reply, 0, sizeof(struct smtp_reply));
		memset(&m->recipients[i].at_rcpt, 0, sizeof(struct smtp_reply));
	}
	if (m->n_recipients == 0 || m->n_recipients > SMTP_HAND_OVER_MAX)
		return err_set(e, ERR_BUG, 0, "%u recipients at once",
			       m->n_recipients);
	if (refused_unasked(c, m))
		return 0;
	int rc = smtp_client_may_chunk(c, m) ? smtp_client_send_chunks(c, m, e)
					     : send_by_data(c, m, e);
	c->text_gone = false;
	return rc;
}
