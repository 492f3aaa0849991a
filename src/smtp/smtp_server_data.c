#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "mail/dot.h"
#include "smtp/smtp_server_private.h"

/*
 * DATA (RFC 5321 4.1.1.4).
 *
 * The text is decoded from the stream's buffer into one of our own and handed
 * to the policy in large pieces.  Three things can be wrong with a message:
 *
 *  - It is too large, or the policy cannot take more of it.  The protocol has
 *    no way to interrupt a client, so the rest is read and thrown away, and the
 *    end of data is answered by the refusal.  The transaction is reset at once:
 *    a client that goes on sending for long holds nothing.
 *  - It holds a bare CR, a bare LF or a NUL.  Where a message ends would then
 *    be a matter of opinion between two servers, which is what SMTP smuggling
 *    lives on, so nothing behind that byte may be taken for a command: 550 and
 *    close.  (5.6.11 is the code other servers use for exactly this; RFC 3463's
 *    5.6.0 says no more than "something about the content".)
 *  - It never ends: the connection breaks or the time is up.  Nothing is kept.
 *    Three limits in time: data_timeout_ms for all of it; idle_timeout_ms for
 *    each wait (RFC 5321 4.5.3.2.5 asks for no more); and, for clients that
 *    send a byte now and then to hold a thread, SMTP_DATA_RATE_MIN, which is
 *    looked at once idle_timeout_ms are over.
 *
 * on_end is called only after a whole CRLF.CRLF within the limits.
 */
enum {
	PIECE_MAX = 64 * 1024,
	PIECE_GOOD = 32 * 1024, /* hand on when this much has come */
	WAKE_EVERY = 64,        /* fills between two looks at the kill */
};

struct intake {
	struct dot_decoder decoder;
	struct buf piece;
	int64_t bytes; /* decoded */
	int64_t come;  /* from the client */
	int64_t started_ms;
	int64_t deadline_ms; /* of the whole message */
	unsigned recipients; /* that were accepted */
	bool dropping;
	struct smtp_reply refusal; /* when dropping */
};

static void
start_dropping(struct smtp_session *s, struct intake *in)
{
	in->dropping = true;
	smtp_server_txn_reset(s);
}

/* Give the policy what has been decoded. */
static void
hand_on(struct smtp_session *s, struct intake *in)
{
	const struct smtp_server *server = s->server;
	int64_t max = server->o.size_max_bytes;
	struct err why = { 0 };

	in->bytes += (int64_t)in->piece.n;
	if (!in->dropping && max > 0 && in->bytes > max) {
		reply_set(&in->refusal, 552, "5.3.4",
			  "Message too big: the limit is %lld", (long long)max);
		start_dropping(s, in);
	}
	if (!in->dropping && in->piece.n > 0 &&
	    server->ops.on_bytes(server->ctx, &s->txn, buf_span(&in->piece),
				 &why) != 0) {
		reply_from_err(&in->refusal, &why);
		start_dropping(s, in);
	}
	buf_clear(&in->piece);
}

/* When the next bytes must be here. */
static int64_t
wait_until(const struct smtp_session *s, const struct intake *in)
{
	int64_t idle = s->server->o.idle_timeout_ms;
	int64_t next = clock_mono_ms() + idle;
	int64_t earned =
	    in->started_ms + idle + in->come * 1000 / SMTP_DATA_RATE_MIN;

	next = next < earned ? next : earned;
	return next < in->deadline_ms ? next : in->deadline_ms;
}

static int
next_bytes(struct smtp_session *s, struct intake *in, unsigned turn,
	   struct span *have, struct err *e)
{
	if (stream_fill(s->stream, wait_until(s, in), have, e) != 0)
		return -1;
	/* A client that never lets us wait must not escape the clock or the
	 * shutdown. */
	if (turn % WAKE_EVERY != 0)
		return 0;
	if (clock_mono_ms() > in->deadline_ms)
		return err_set(e, ERR_TIMEOUT, 0, "timed out");
	if (s->peer->kill != NULL && wake_is_raised(s->peer->kill))
		return err_set(e, ERR_STOP, 0, "shutting down");
	return 0;
}

/* Read up to the end of data: DOT_END, or what is wrong; -1 as the verb. */
static int
read_text(struct smtp_session *s, struct intake *in, struct err *e)
{
	for (unsigned turn = 1;; turn++) {
		struct span have;
		size_t used = 0;
		if (next_bytes(s, in, turn, &have, e) != 0)
			return -1;
		enum dot_result got =
		    dot_decode(&in->decoder, have, &used, &in->piece);
		stream_consume(s->stream, used);
		in->come += (int64_t)used;
		switch (got) {
		case DOT_MORE:
			if (in->piece.n >= PIECE_GOOD)
				hand_on(s, in);
			break;
		case DOT_FULL:
			if (in->piece.n == 0 && used == 0)
				return err_set(e, ERR_TEMP, ENOMEM, "message");
			hand_on(s, in);
			break;
		case DOT_END:
			hand_on(s, in);
			return DOT_END;
		case DOT_BARE_CR:
		case DOT_BARE_LF:
		case DOT_NUL:
			return (int)got;
		}
	}
}

static void
log_verdict(const struct smtp_session *s, const struct intake *in,
	    const struct smtp_reply *r)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, "smtp-data");
	log_num(&l, "bytes", in->bytes);
	log_num(&l, "code", r->code);
	log_str(&l, "text", r->text);
	log_end(&l);
}

static int
refuse_bare(struct smtp_session *s, const struct intake *in, int what,
	    struct err *e)
{
	const char *name = what == DOT_BARE_CR ? "CR" : "LF";
	struct smtp_reply r;

	reply_set(&r, 550, "5.6.11",
		  "Message with a bare %s refused: lines end in CRLF",
		  what == DOT_NUL ? "NUL" : name);
	log_verdict(s, in, &r);
	smtp_server_txn_reset(s);
	s->closing = true;
	s->reason = "bare-control";
	return smtp_server_answer_data(s, in->recipients, &r, e);
}

/* A whole message has come. */
static int
finish(struct smtp_session *s, struct intake *in, struct err *e)
{
	const struct smtp_server *server = s->server;
	struct smtp_reply r = in->refusal;

	if (!in->dropping) {
		r = (struct smtp_reply){ 0 };
		server->ops.on_end(server->ctx, &s->info, &s->txn, &r);
		if (smtp_server_accepts(&r)) {
			s->messages++;
			s->errors = s->refused = 0;
		}
	}
	log_verdict(s, in, &r);
	int rc = smtp_server_answer_data(s, in->recipients, &r, e);
	smtp_server_txn_reset(s);
	return rc;
}

static int
receive(struct smtp_session *s, struct err *e)
{
	struct intake in = { .started_ms = clock_mono_ms(),
			     .deadline_ms = smtp_server_deadline(
				 s, s->server->o.data_timeout_ms),
			     .recipients = s->txn.n_recipients };
	int rc = -1;

	buf_init(&in.piece, PIECE_MAX);
	stream_watch(s->stream, s->peer->kill);
	int got = read_text(s, &in, e);
	if (got == DOT_END)
		rc = finish(s, &in, e);
	else if (got >= 0)
		rc = refuse_bare(s, &in, got, e);
	buf_free(&in.piece);
	return rc;
}

int
smtp_server_data(struct smtp_session *s, struct span args, struct err *e)
{
	const struct smtp_server *server = s->server;
	int64_t deadline = smtp_server_deadline(s, server->o.idle_timeout_ms);
	struct smtp_reply r = { .code = 250 };

	(void)args;
	if (s->txn.n_recipients == 0) /* 3.3; RFC 2033 4.2 */
		return smtp_server_answerf(s, e, server->o.lmtp ? 503 : 554,
					   "5.5.1", "No valid recipients");
	if (server->ops.on_data != NULL)
		server->ops.on_data(server->ctx, &s->info, &s->txn, &r);
	if (!smtp_server_accepts(&r)) {
		struct intake none = { 0 };
		log_verdict(s, &none, &r);
		int rc = smtp_server_answer(s, &r, e);
		smtp_server_txn_reset(s);
		return rc;
	}
	reply_set(&r, 354, NULL, "End data with <CRLF>.<CRLF>");
	if (smtp_server_send(s, &r, e) != 0 ||
	    stream_flush(s->stream, deadline, e) != 0)
		return -1;
	return receive(s, e);
}
