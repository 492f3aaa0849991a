#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "smtp/smtp_server_private.h"

/*
 * A message on its way in, by DATA or by BDAT: decoded from the stream's buffer
 * into one of our own and handed to the policy, the header as a whole and the
 * body in large pieces.  Three things can be wrong with it:
 *
 *  - It is too large, or the policy cannot take more of it.  The protocol has
 *    no way to interrupt a client, so the rest is read and thrown away, and the
 *    end is answered by the refusal.  The transaction is reset at once: a
 *    client that goes on sending for long holds nothing.
 *  - It holds a bare CR, a bare LF or a NUL: never stored, so that none can be
 *    relayed (5.6.11 is the code other servers use for exactly this; RFC 3463's
 *    5.6.0 says no more than "something about the content").
 *  - It never ends: the connection breaks or the time is up.  Nothing is kept.
 *    Three limits in time: data_timeout_ms for all of it; idle_timeout_ms for
 *    each wait (RFC 5321 4.5.3.2.5 asks for no more); and, for clients that
 *    send a byte now and then to hold a thread, SMTP_DATA_RATE_MIN, which is
 *    looked at once idle_timeout_ms are over.
 */
enum {
	PIECE_MAX = 64 * 1024,
	WAKE_EVERY = 64, /* fills between two looks at the kill */
};

void
smtp_server_intake_begin(struct smtp_session *s)
{
	s->intake = (struct smtp_server_intake){
		.recipients = s->txn.n_recipients,
		.started_ms = clock_mono_ms(),
		.deadline_ms =
		    smtp_server_deadline(s, s->server->o.data_timeout_ms),
	};
	buf_init(&s->intake.piece, PIECE_MAX);
	buf_init(&s->intake.kept, PIECE_MAX + AUTH_RESULTS_HELD_MAX);
	buf_init(&s->intake.header, HEADER_BLOCK_MAX);
	auth_results_init(&s->intake.results, s->info.keeps_results
						  ? NULL
						  : s->server->o.authserv_id);
}

void
smtp_server_intake_rest(struct smtp_session *s)
{
	buf_free(&s->intake.piece);
	buf_free(&s->intake.kept);
}

void
smtp_server_intake_refuse(struct smtp_session *s, const struct smtp_reply *r)
{
	s->intake.dropping = true;
	s->intake.refusal = *r;
	smtp_server_txn_reset(s);
}

void
smtp_server_intake_refuse_bare(struct smtp_session *s, enum dot_result what)
{
	const char *name = what == DOT_BARE_CR ? "CR" : "LF";
	struct smtp_reply r;

	reply_set(&r, 550, "5.6.11",
		  "Message with a bare %s refused: lines end in CRLF",
		  what == DOT_NUL ? "NUL" : name);
	smtp_server_intake_refuse(s, &r);
}

/* ---- header and body ------------------------------------------------------
 *
 * A policy looks at the header as a whole, and every chunk of BDAT may be one
 * byte: so its end is looked for once, here, and its pieces are gathered.  One
 * that came in one piece is not copied.
 */

static int
give_header(struct smtp_session *s, struct span block, bool whole,
	    struct err *e)
{
	const struct smtp_server *server = s->server;
	struct smtp_server_intake *in = &s->intake;

	in->has_header = true;
	int rc = server->ops.on_header(server->ctx, &s->txn, block, whole, e);
	buf_free(&in->header);
	return rc;
}

static int
give_body(struct smtp_session *s, struct span bytes, struct err *e)
{
	const struct smtp_server *server = s->server;

	return bytes.n == 0
		   ? 0
		   : server->ops.on_body(server->ctx, &s->txn, bytes, e);
}

/* Bytes of the header; `ends`: the last of it. */
static int
gather(struct smtp_session *s, struct span bytes, bool ends, struct err *e)
{
	struct buf *header = &s->intake.header;

	if (s->intake.has_header) /* it was too long */
		return give_body(s, bytes, e);
	if (ends && header->n == 0 && bytes.n <= header->max)
		return give_header(s, bytes, true, e);
	struct span fits = span_head(bytes, header->max - header->n);
	if (buf_add_span(header, fits) != 0)
		return err_set(e, ERR_TEMP, errno, "message header");
	if (fits.n == bytes.n)
		return ends ? give_header(s, buf_span(header), true, e) : 0;
	if (give_header(s, buf_span(header), false, e) != 0)
		return -1;
	return give_body(s, span_skip(bytes, fits.n), e);
}

/* Take the results that claim to be ours out of bytes of the header, first of
 * all, so that what a filter before the policy adds stays. */
static int
strip(struct smtp_session *s, struct span *bytes, bool ends, struct err *e)
{
	struct smtp_server_intake *in = &s->intake;
	struct auth_results *a = &in->results;

	if (a->id == NULL)
		return 0;
	buf_clear(&in->kept);
	if (auth_results_feed(a, *bytes, &in->kept, e) != 0 ||
	    (ends && auth_results_end(a, &in->kept, e) != 0))
		return -1;
	*bytes = buf_span(&in->kept);
	return 0;
}

/* Bytes for the policy; the last may be none. */
static int
give(struct smtp_session *s, struct span bytes, bool last, struct err *e)
{
	struct header_end *end = &s->intake.end;

	if (!end->over) {
		size_t n = header_end_feed(end, bytes);
		struct span header = span_head(bytes, n);
		bool ends = end->over || last;
		if (strip(s, &header, ends, e) != 0 ||
		    gather(s, header, ends, e) != 0)
			return -1;
		bytes = span_skip(bytes, n);
	}
	return give_body(s, bytes, e);
}

/* The policy cannot take it: what went wrong is in the reply by its class
 * alone. */
static void
intake_fail(struct smtp_session *s, const struct err *why)
{
	struct smtp_reply r = { 0 };
	struct log_line l;

	reply_from_err(&r, why);
	smtp_server_log(s, &l, why->class == ERR_PERM ? LOG_WARN : LOG_ERROR,
			"receive-failed");
	log_str(&l, "step", "data");
	log_err(&l, why);
	log_end(&l);
	smtp_server_intake_refuse(s, &r);
}

void
smtp_server_intake_hand_on(struct smtp_session *s)
{
	const struct smtp_server *server = s->server;
	struct smtp_server_intake *in = &s->intake;
	int64_t max = server->o.size_max_bytes;
	struct smtp_reply r = { 0 };
	struct err why = { 0 };

	in->bytes += (int64_t)in->piece.n;
	if (!in->dropping && max > 0 && in->bytes > max) {
		reply_set(&r, 552, "5.3.4",
			  "Message too big: the limit is %lld", (long long)max);
		smtp_server_intake_refuse(s, &r);
	}
	if (!in->dropping && give(s, buf_span(&in->piece), false, &why) != 0)
		intake_fail(s, &why);
	buf_clear(&in->piece);
}

/* When the next bytes must be here. */
static int64_t
wait_until(const struct smtp_session *s)
{
	const struct smtp_server_intake *in = &s->intake;
	int64_t idle = s->server->o.idle_timeout_ms;
	int64_t next = clock_mono_ms() + idle;
	int64_t earned =
	    in->started_ms + idle + in->come * 1000 / SMTP_DATA_RATE_MIN;

	next = next < earned ? next : earned;
	return next < in->deadline_ms ? next : in->deadline_ms;
}

int
smtp_server_intake_fill(struct smtp_session *s, struct span *have,
			struct err *e)
{
	struct smtp_server_intake *in = &s->intake;
	int64_t until = wait_until(s);

	/* Replies of a pipelined group go out before a wait (RFC 2920 3.2). */
	if (stream_buffered(s->stream) == 0 &&
	    stream_flush(s->stream, until, e) != 0)
		return -1;
	if (stream_fill(s->stream, until, have, e) != 0)
		return -1;
	/* A client that never lets us wait must not escape the clock or the
	 * shutdown. */
	if (++in->turn % WAKE_EVERY != 0)
		return 0;
	if (clock_mono_ms() > in->deadline_ms)
		return err_set(e, ERR_TIMEOUT, 0, "timed out");
	if (s->peer->kill != NULL && wake_is_raised(s->peer->kill))
		return err_set(e, ERR_STOP, 0, "shutting down");
	return 0;
}

void
smtp_server_intake_take(struct smtp_session *s, size_t n)
{
	stream_consume(s->stream, n);
	s->intake.come += (int64_t)n;
}

void
smtp_server_intake_log(const struct smtp_session *s, const struct smtp_reply *r)
{
	struct log_line l;

	smtp_server_log(s, &l, LOG_INFO, "smtp-data");
	log_num(&l, "bytes", s->intake.bytes);
	if (s->intake.results.removed > 0)
		log_num(&l, "results-removed", s->intake.results.removed);
	log_num(&l, "code", r->code);
	log_str(&l, "text", r->text);
	log_end(&l);
}

int
smtp_server_intake_finish(struct smtp_session *s, struct err *e)
{
	const struct smtp_server *server = s->server;
	struct err why = { 0 };
	struct smtp_reply r;

	if (!s->intake.dropping && give(s, span_make(NULL, 0), true, &why) != 0)
		intake_fail(s, &why);
	r = s->intake.refusal;
	if (!s->intake.dropping) {
		r = (struct smtp_reply){ 0 };
		server->ops.on_end(server->ctx, &s->info, &s->txn, &r);
		if (smtp_server_accepts(&r)) {
			s->messages++;
			s->errors = s->refused = s->idle = 0;
		}
	}
	smtp_server_intake_log(s, &r);
	int rc = smtp_server_answer_data(s, s->intake.recipients, &r, e);
	smtp_server_txn_reset(s);
	return rc;
}
