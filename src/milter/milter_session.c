#include "milter/milter_session_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/unix_socket.h"

enum {
	OUT_MAX = MILTER_DATA_MAX + 16 * 1024,
	IN_MAX = MILTER_HEAD_BYTES + MILTER_REPLY_MAX + STREAM_IN_BYTES,
	PROGRESS_MAX = 1000, /* notices for one answer */
	LAST_WORD_MS = 100,
};

/* ---- packets over the stream ----------------------------------------------
 */

static int64_t
deadline(int64_t ms)
{
	return clock_mono_ms() + ms;
}

int
milter_session_write(struct milter_session *s, int64_t deadline_ms,
		     struct err *e)
{
	int rc = stream_write(s->stream, s->out.p, s->out.n, deadline_ms, e);

	buf_clear(&s->out);
	return rc;
}

static int
next_packet(struct milter_session *s, int64_t deadline_ms, struct span *packet,
	    struct err *e)
{
	buf_consume(&s->in, s->used);
	s->used = 0;
	for (;;) {
		struct span rest = buf_span(&s->in), have;
		int got = milter_packet_take(&rest, packet, e);
		if (got != 0) {
			s->used = s->in.n - rest.n;
			return got < 0 ? -1 : 0;
		}
		if (stream_fill(s->stream, deadline_ms, &have, e) != 0)
			return -1;
		if (buf_add_span(&s->in, have) != 0)
			return err_set(e, ERR_TEMP, errno, "milter's answer");
		stream_consume(s->stream, have.n);
	}
}

int
milter_session_reply(struct milter_session *s, int64_t deadline_ms,
		     struct span *packet, struct milter_reply *r, struct err *e)
{
	if (stream_flush(s->stream, deadline_ms, e) != 0)
		return -1;
	for (int i = 0; i < PROGRESS_MAX; i++) {
		if (next_packet(s, deadline_ms, packet, e) != 0 ||
		    milter_reply_parse(*packet, r, e) != 0)
			return -1;
		if (r->what != MILTER_PROGRESS)
			return 0;
		if (clock_mono_ms() > deadline_ms)
			return err_set(e, ERR_TIMEOUT, 0, "timed out");
	}
	return err_set(e, ERR_PROTO, 0, "progress without end");
}

int
milter_session_is_silent(struct milter_session *s, bool look, struct err *e)
{
	if (s->in.n == s->used && stream_buffered(s->stream) == 0 &&
	    !(look && stream_peer_spoke(s->stream, 0)))
		return 0;
	return err_set(e, ERR_PROTO, 0, "an answer without a question");
}

/* ---- opening --------------------------------------------------------------
 */

static int
dial(struct milter_session *s, int64_t deadline_ms, const struct wake *stop,
     struct err *e)
{
	const struct milter_endpoint *at = s->at;

	return at->host != NULL ? net_dial(&s->stream, at->host, at->port,
					   deadline_ms, stop, e)
				: unix_socket_dial(&s->stream, at->path,
						   deadline_ms, stop, e);
}

static int
negotiate(struct milter_session *s, int64_t deadline_ms, struct err *e)
{
	struct milter_options o;
	struct span packet;

	if (milter_put_optneg(&s->out, MILTER_VERSION, MILTER_ACTIONS,
			      MILTER_STEPS) != 0)
		return err_set(e, ERR_TEMP, errno, "milter");
	if (milter_session_write(s, deadline_ms, e) != 0 ||
	    stream_flush(s->stream, deadline_ms, e) != 0 ||
	    next_packet(s, deadline_ms, &packet, e) != 0 ||
	    milter_options_parse(packet, &o, e) != 0)
		return -1;
	s->version = o.version;
	s->actions = o.actions;
	s->steps = o.steps;
	for (int i = 0; i < MILTER_STAGES; i++) {
		s->wants[i] = o.symbols[i].p != NULL;
		if (s->wants[i] && span_copy(o.symbols[i], s->symbols[i],
					     sizeof(s->symbols[i])) != 0)
			return err_set(e, ERR_PROTO, 0, "bad list of macros");
	}
	return 0;
}

int
milter_session_open(struct milter_session **out,
		    const struct milter_endpoint *at, const struct wake *stop,
		    struct err *e)
{
	int64_t until = deadline(at->connect_ms);
	struct milter_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "milter");
	s->at = at;
	buf_init(&s->out, OUT_MAX);
	buf_init(&s->in, IN_MAX);
	if (dial(s, until, stop, e) != 0 || negotiate(s, until, e) != 0) {
		milter_session_close(&s);
		return -1;
	}
	*out = s;
	return 0;
}

void
milter_session_close(struct milter_session **out)
{
	struct milter_session *s = *out;
	struct err e;

	*out = NULL;
	if (s == NULL)
		return;
	if (s->stream != NULL && s->version != 0) {
		buf_clear(&s->out);
		if (milter_put(&s->out, MILTER_QUIT, NULL, 0) == 0 &&
		    milter_session_write(s, deadline(LAST_WORD_MS), &e) == 0)
			(void)stream_flush(s->stream, deadline(LAST_WORD_MS),
					   &e);
	}
	stream_free(&s->stream);
	buf_free(&s->out);
	buf_free(&s->in);
	free(s);
}

bool
milter_session_is_spaced(const struct milter_session *s)
{
	return (s->steps & MILTER_LEADING_SPACE) != 0;
}
