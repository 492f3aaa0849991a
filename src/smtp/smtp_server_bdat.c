#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "smtp/smtp_server_private.h"

/*
 * BDAT size [LAST] (RFC 3030 2): a part of the message, so many octets as the
 * line says.  BINARYMIME is not offered, so the octets are lines that end in
 * CRLF; a bare CR, LF or NUL among them would reach the next hop in a DATA,
 * where it is a smuggler's tool, and gets the message refused.
 *
 * The octets belong to the command whatever becomes of it: a chunk that is
 * refused is read and thrown away before the answer, or its text would be taken
 * for commands.  So the state is looked at here, not in the table; a size that
 * is no number closes the connection, since nobody can say where the next
 * command begins; and one that is too large to be thrown away does, too.
 *
 * A refused chunk ends the transaction.  What a client had sent behind it
 * (RFC 2920) finds none and is thrown away as well; a RCPT between two chunks
 * cannot revive a message that has lost its first one.
 */

/* 0, or -1: not "1*DIGIT [SP LAST]".  A number that fits nowhere is INT64_MAX.
 */
static int
parse(struct span args, int64_t *size, bool *last)
{
	struct span digits = span_word(&args), word = span_word(&args);
	uint64_t n = 0;

	for (size_t i = 0; i < digits.n; i++) {
		if (!span_is_digit(digits.p[i]))
			return -1;
	}
	if (digits.n == 0 || span_trim(args).n > 0)
		return -1;
	*last = span_eq_nocase(word, span_of("LAST"));
	if (word.n > 0 && !*last)
		return -1;
	*size =
	    span_u64(digits, &n) != 0 || n > INT64_MAX ? INT64_MAX : (int64_t)n;
	return 0;
}

/* May a first chunk come now?  The refusal is in the intake if not. */
static void
begin(struct smtp_session *s)
{
	const struct smtp_server *server = s->server;
	struct smtp_reply r = { .code = 250 };

	smtp_server_intake_begin(s);
	s->intake.chunks.no_dots = true;
	if (server->o.tls_required && s->info.tls == NULL) /* RFC 3207 4 */
		reply_set(&r, 530, "5.7.0", "STARTTLS first");
	else if ((s->state & SMTP_ST_TXN) == 0 || !s->info.esmtp)
		reply_set(&r, 503, "5.5.1", "Bad sequence, BDAT: %s first",
			  !s->info.esmtp ? "EHLO" : "MAIL");
	else if (s->txn.n_recipients == 0) /* RFC 5321 3.3, RFC 2033 4.2 */
		reply_set(&r, server->o.lmtp ? 503 : 554, "5.5.1",
			  "No valid recipients");
	else if (server->ops.on_data != NULL)
		server->ops.on_data(server->ctx, &s->info, &s->txn, &r);
	if (!smtp_server_accepts(&r))
		smtp_server_intake_refuse(s, &r);
}

/* Would the message be too big with this chunk? */
static void
check_size(struct smtp_session *s, int64_t size)
{
	int64_t max = s->server->o.size_max_bytes;
	struct smtp_reply r;

	if (max <= 0)
		max = INT64_MAX - 1;
	if (size <= max - s->intake.bytes)
		return;
	reply_set(&r, 552, "5.3.4", "Message too big: the limit is %lld",
		  (long long)max);
	smtp_server_intake_refuse(s, &r);
}

/* Take these octets of the chunk. */
static int
decode(struct smtp_session *s, struct span part, struct err *e)
{
	struct smtp_server_intake *in = &s->intake;
	enum dot_result got = DOT_MORE;
	size_t used;

	while (part.n > 0 && !in->dropping) {
		got = dot_decode(&in->chunks, part, &used, &in->piece);
		part = span_skip(part, used);
		if (got == DOT_FULL && in->piece.n == 0 && used == 0)
			return err_set(e, ERR_TEMP, ENOMEM, "message");
		if (got != DOT_MORE && got != DOT_FULL)
			smtp_server_intake_refuse_bare(s, got);
		if (got == DOT_FULL)
			smtp_server_intake_hand_on(s);
	}
	return 0;
}

/* Read the chunk; what is refused is only thrown away. */
static int
read_chunk(struct smtp_session *s, int64_t size, struct err *e)
{
	struct span have;

	while (size > 0) {
		if (smtp_server_intake_fill(s, &have, e) != 0)
			return -1;
		if ((int64_t)have.n > size)
			have.n = (size_t)size;
		size -= (int64_t)have.n;
		if (decode(s, have, e) != 0)
			return -1;
		smtp_server_intake_take(s, have.n);
	}
	return 0;
}

/* The message is whole, but for its last line end. */
static void
end(struct smtp_session *s)
{
	struct smtp_server_intake *in = &s->intake;
	enum dot_result got = DOT_END;

	if (!in->dropping)
		got = dot_decode_last(&in->chunks, &in->piece);
	if (got == DOT_FULL) {
		smtp_server_intake_hand_on(s);
		if (!in->dropping)
			got = dot_decode_last(&in->chunks, &in->piece);
	}
	if (got == DOT_BARE_CR) {
		smtp_server_intake_refuse_bare(s, got);
	} else if (got == DOT_FULL && !in->dropping) {
		struct smtp_reply r;
		reply_set(&r, 451, "4.3.0", "Out of memory, try again later");
		smtp_server_intake_refuse(s, &r);
	}
}

/* Answer a chunk that was refused.  The first is an error of the client's like
 * others; those that were already under way behind it are not counted.  LMTP
 * has a reply for each recipient after the last one only (RFC 2033 4.2). */
static int
answer_refused(struct smtp_session *s, bool behind, bool last, struct err *e)
{
	const struct smtp_server_intake *in = &s->intake;

	if (behind)
		return smtp_server_send(s, &in->refusal, e);
	s->chunk_refused = true;
	smtp_server_intake_log(s, &in->refusal);
	if (!last || in->recipients == 0)
		return smtp_server_answer(s, &in->refusal, e);
	return smtp_server_answer_data(s, in->recipients, &in->refusal, e);
}

static int
receive(struct smtp_session *s, int64_t size, bool last, struct err *e)
{
	struct smtp_server_intake *in = &s->intake;
	bool behind = s->chunk_refused;

	if (in->dropping && size > SMTP_CHUNK_DROP_MAX)
		return smtp_server_bye(s, e, "chunk-too-large",
				       in->refusal.code, in->refusal.enhanced,
				       "Too much to be thrown away, closing");
	in->started_ms = clock_mono_ms();
	in->come = 0;
	stream_watch(s->stream, s->peer->kill);
	if (read_chunk(s, size, e) != 0)
		return -1;
	if (last)
		end(s);
	smtp_server_intake_hand_on(s);
	if (in->dropping)
		return answer_refused(s, behind, last, e);
	if (last)
		return smtp_server_intake_finish(s, e);
	s->state = SMTP_ST_CHUNK;
	return smtp_server_answerf(s, e, 250, "2.0.0", "%lld octets received",
				   (long long)size);
}

int
smtp_server_bdat(struct smtp_session *s, struct span args, struct err *e)
{
	int64_t size = 0;
	bool last = false;

	if (parse(args, &size, &last) != 0)
		return smtp_server_bye(s, e, "bad-chunk", 501, "5.5.4",
				       "Syntax: BDAT size [LAST], closing");
	if (s->state != SMTP_ST_CHUNK)
		begin(s);
	if (!s->intake.dropping)
		check_size(s, size);
	/* only while octets come: who waits between two chunks has a place
	 * that others may need */
	listener_place_busy(s->peer, !s->intake.dropping);
	int rc = receive(s, size, last, e);
	listener_place_busy(s->peer, false);
	smtp_server_intake_rest(s);
	return rc;
}
