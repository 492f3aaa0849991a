#include <errno.h>

#include "base/buf.h"
#include "smtp/smtp_server_private.h"

/*
 * DATA (RFC 5321 4.1.1.4): the text up to CRLF.CRLF.  With a bare CR, a bare LF
 * or a NUL in it, where the message ends would be a matter of opinion between
 * two servers, which is what SMTP smuggling lives on, so nothing behind that
 * byte may be taken for a command: 550, 421 and close.
 *
 * on_end is called only after a whole CRLF.CRLF within the limits.
 */
enum { PIECE_GOOD = 32 * 1024 }; /* hand on when this much has come */

/* Read up to the end of data: DOT_END, or what is wrong; -1 as the verb. */
static int
read_text(struct smtp_session *s, struct err *e)
{
	struct dot_decoder decoder = { 0 };
	struct buf *piece = &s->intake.piece;

	for (;;) {
		struct span have;
		size_t used = 0;
		if (smtp_server_intake_fill(s, &have, e) != 0)
			return -1;
		enum dot_result got = dot_decode(&decoder, have, &used, piece);
		smtp_server_intake_take(s, used);
		switch (got) {
		case DOT_MORE:
			if (piece->n >= PIECE_GOOD)
				smtp_server_intake_hand_on(s);
			break;
		case DOT_FULL:
			if (piece->n == 0 && used == 0)
				return err_set(e, ERR_TEMP, ENOMEM, "message");
			smtp_server_intake_hand_on(s);
			break;
		case DOT_END:
			smtp_server_intake_hand_on(s);
			return DOT_END;
		case DOT_BARE_CR:
		case DOT_BARE_LF:
		case DOT_NUL:
			return (int)got;
		}
	}
}

static int
refuse_bare(struct smtp_session *s, int what, struct err *e)
{
	smtp_server_intake_refuse_bare(s, (enum dot_result)what);
	smtp_server_intake_log(s, &s->intake.refusal);
	s->closing = true;
	s->reason = "bare-control";
	if (smtp_server_answer_data(s, s->intake.recipients, &s->intake.refusal,
				    e) != 0)
		return -1;
	return smtp_server_announce(s, e);
}

static int
receive(struct smtp_session *s, struct err *e)
{
	int rc = -1;

	stream_watch(s->stream, s->peer->kill);
	listener_place_busy(s->peer, true);
	int got = read_text(s, e);
	if (got == DOT_END)
		rc = smtp_server_intake_finish(s, e);
	else if (got >= 0)
		rc = refuse_bare(s, got, e);
	listener_place_busy(s->peer, false);
	smtp_server_intake_rest(s);
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
	smtp_server_intake_begin(s);
	if (server->ops.on_data != NULL)
		server->ops.on_data(server->ctx, &s->info, &s->txn, &r);
	if (!smtp_server_accepts(&r)) {
		smtp_server_intake_log(s, &r);
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
