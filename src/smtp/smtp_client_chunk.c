#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "mail/dot.h"
#include "smtp/smtp_client_private.h"

/*
 * One transaction with BDAT (RFC 3030).  What it is good for here: DATA makes
 * client and server wait for each other once more, for the 354.  With BDAT and
 * PIPELINING a message goes out with its envelope in one piece, and all replies
 * come back in one.  Who leaves before the last of these leaves a server that
 * has the whole message, and may still deliver it: a reply to the envelope is
 * waited for as long as one to the message is.  The price is a message sent for
 * nothing when every recipient is refused, so only small ones go this way; a
 * large one has its recipients asked about first, and one more wait is nothing
 * to it.
 */
enum {
	PIECE_BYTES = 16 * 1024,
	CHUNK_BYTES = 64 * 1024,
	CHUNKED_MESSAGE_MAX = CHUNK_BYTES,
};

bool
smtp_client_may_chunk(const struct smtp_client *c, const struct smtp_send *m)
{
	const unsigned both = SMTP_EXT_CHUNKING | SMTP_EXT_PIPELINING;

	return (c->extensions & both) == both && m->size >= 0 &&
	       m->size <= CHUNKED_MESSAGE_MAX;
}

static int
put_chunk(struct smtp_client *c, struct buf *b, bool last, int64_t deadline_ms,
	  struct err *e)
{
	if (smtp_client_put(c, e, "BDAT %zu%s", b->n, last ? " LAST" : "") != 0)
		return -1;
	int rc =
	    b->n == 0 || c->unsent
		? 0
		: stream_write(c->stream, b->p, b->n,
			       smtp_client_deadline_step(c, deadline_ms), e);
	buf_clear(b);
	return rc == 0 || smtp_client_hear_out(c, e) ? 0 : -1;
}

/* The message, in *chunks of them.  A message that turns out larger than it was
 * said to be has more than one. */
static int
put_chunks(struct smtp_client *c, struct smtp_send *m, int64_t deadline_ms,
	   unsigned *chunks, struct err *e)
{
	struct dot_encoder d = { .no_dots = true };
	char *piece = malloc(PIECE_BYTES);
	struct buf out;
	int rc = -1;
	long n = 1;

	buf_init(&out, CHUNK_BYTES + 2 * (size_t)PIECE_BYTES + 2);
	*chunks = 0;
	if (piece == NULL)
		(void)err_set(e, ERR_TEMP, ENOMEM, "sending a message");
	while (piece != NULL && n > 0 && !c->unsent) {
		n = m->read_bytes(m->ctx, piece, PIECE_BYTES, e);
		if (n < 0)
			break;
		if ((n > 0 ? dot_encode(&d, span_make(piece, (size_t)n), &out)
			   : dot_encode_end(&d, &out)) != 0) {
			(void)err_set(e, ERR_TEMP, errno, "sending a message");
			break;
		}
		if (n > 0 && out.n < CHUNK_BYTES)
			continue;
		++*chunks;
		if (put_chunk(c, &out, n == 0, deadline_ms, e) != 0)
			break;
		rc = n == 0 ? 0 : -1;
	}
	if (c->unsent && n >= 0 && piece != NULL) {
		rc = 0; /* what it has said may tell why */
		*chunks += *chunks == 0;
	}
	/* Without LAST the peer drops what it has. */
	if (rc != 0)
		c->dead = true;
	buf_free(&out);
	free(piece);
	return rc;
}

/* The replies to all chunks but the last; the first refusal is in *no. */
static int
read_chunk_replies(struct smtp_client *c, unsigned n, struct smtp_reply *no,
		   struct err *e)
{
	struct smtp_reply r;

	for (unsigned i = 0; i < n; i++) {
		if (smtp_client_verdict(c, smtp_client_deadline_last(c), 0,
					"BDAT", &r, e) != 0)
			return -1;
		if (r.code / 100 != 2 && no->code == 0)
			*no = r;
	}
	return 0;
}

/* The replies to all of it.  -1: nothing is known of who was not refused. */
static int
read_replies(struct smtp_client *c, struct smtp_send *m,
	     struct smtp_client_envelope *v, unsigned chunks,
	     int64_t deadline_ms, struct err *e)
{
	struct smtp_reply no = { 0 }, last = { 0 };

	if (smtp_client_read_envelope(c, m, v, e) != 0)
		return smtp_client_break(m, v);
	smtp_client_refuse_open(m, &last);
	if (read_chunk_replies(c, chunks - 1, &no, e) != 0)
		return -1;
	bool mail_ok = v->mail.code / 100 == 2;
	/* The last reply comes by itself: after the message was stored. */
	if (stream_buffered(c->stream) == 0)
		stream_acknowledge(c->stream);
	int64_t last_ms = smtp_client_deadline_end(c, deadline_ms);
	if (c->lmtp && mail_ok && v->accepted > 0 && no.code == 0)
		return smtp_client_read_verdicts(c, m, e);
	if (smtp_client_final(c, last_ms, "BDAT LAST", &last, e) != 0)
		return -1;
	if (!mail_ok)
		smtp_client_refuse_all(m, &v->mail);
	else
		smtp_client_refuse_open(m, no.code != 0 ? &no : &last);
	/* A refused chunk leaves a state that only RSET ends (2). */
	if (!mail_ok || v->accepted == 0 || no.code != 0 ||
	    last.code / 100 != 2)
		smtp_client_end_transaction(c);
	return 0;
}

int
smtp_client_send_chunks(struct smtp_client *c, struct smtp_send *m,
			struct err *e)
{
	const struct smtp_reply nothing = { 0 };
	struct smtp_client_envelope v = { 0 };
	unsigned chunks;

	if (smtp_client_put_envelope(c, m, &v, e) != 0)
		return smtp_client_break(m, &v);
	if (smtp_client_is_hopeless(&v)) {
		if (v.mail.code / 100 != 2)
			smtp_client_refuse_all(m, &v.mail);
		smtp_client_end_transaction(c);
		return 0;
	}
	smtp_client_refuse_open(m, &nothing); /* nothing is known by now */
	m->text_sent = true; /* in one piece with the end of the envelope */
	c->text_gone = true;
	int64_t deadline_ms = clock_mono_ms() + c->data_timeout_ms;
	if (put_chunks(c, m, deadline_ms, &chunks, e) != 0)
		return -1;
	return read_replies(c, m, &v, chunks, deadline_ms, e);
}
