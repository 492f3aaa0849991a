#include "milter/milter_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/dial.h"
#include "net/stream.h"
#include "net/unix_socket.h"

/*
 * Each command is written with its macros before it and, unless the milter has
 * said that it will not answer it, its answer is awaited.  Unanswered ones
 * collect in the stream's buffer, so that a header of fifty fields is one
 * write.
 *
 * Answers are not numbered: one too many would be taken for the answer to the
 * next command, and a message accepted that was never looked at.  So nothing
 * may have come before we ask; a milter that speaks out of turn has failed.
 */
enum {
	OUT_MAX = MILTER_DATA_MAX + 16 * 1024,
	IN_MAX = MILTER_HEAD_BYTES + MILTER_REPLY_MAX + STREAM_IN_BYTES,
	PROGRESS_MAX = 1000, /* notices for one answer */
	LAST_WORD_MS = 100,
};

struct milter_session {
	const struct milter_endpoint *at;
	struct stream *stream;
	uint32_t version, actions, steps;
	bool wants[MILTER_STAGES];
	char symbols[MILTER_STAGES][MILTER_SYMBOLS_MAX + 1];
	int64_t content_deadline_ms;
	struct buf out;
	struct buf in;
	size_t used; /* of in: the packet that was given out last */
};

/* ---- packets over the stream ----------------------------------------------
 */

static int64_t
deadline(int64_t ms)
{
	return clock_mono_ms() + ms;
}

static int
write_out(struct milter_session *s, int64_t deadline_ms, struct err *e)
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

/* The next answer but notices of progress. */
static int
next_reply(struct milter_session *s, int64_t deadline_ms, struct span *packet,
	   struct milter_reply *r, struct err *e)
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

/* Nothing may be there that we have not asked for. */
static int
check_silence(const struct milter_session *s, struct err *e)
{
	if (s->in.n == s->used && stream_buffered(s->stream) == 0)
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
	if (write_out(s, deadline_ms, e) != 0 ||
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
		    write_out(s, deadline(LAST_WORD_MS), &e) == 0)
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

/* ---- commands -------------------------------------------------------------
 */

/* What is to be known of a command; the flags are 0 where there is none. */
struct command {
	enum milter_command c;
	uint32_t not_wanted, not_answered;
	int stage; /* enum milter_stage of its macros, or -1 */
	uint32_t since_version;
};

static const struct command commands[] = {
	{ MILTER_CONNECT, MILTER_NO_CONNECT, MILTER_NR_CONNECT,
	  MILTER_AT_CONNECT, 2 },
	{ MILTER_HELO, MILTER_NO_HELO, MILTER_NR_HELO, MILTER_AT_HELO, 2 },
	{ MILTER_MAIL, MILTER_NO_MAIL, MILTER_NR_MAIL, MILTER_AT_MAIL, 2 },
	{ MILTER_RCPT, MILTER_NO_RCPT, MILTER_NR_RCPT, MILTER_AT_RCPT, 2 },
	{ MILTER_DATA, MILTER_NO_DATA, MILTER_NR_DATA, MILTER_AT_DATA, 4 },
	{ MILTER_UNKNOWN, MILTER_NO_UNKNOWN, MILTER_NR_UNKNOWN, -1, 3 },
	{ MILTER_HEADER, MILTER_NO_HEADER, MILTER_NR_HEADER, -1, 2 },
	{ MILTER_EOH, MILTER_NO_EOH, MILTER_NR_EOH, MILTER_AT_EOH, 2 },
	{ MILTER_BODY, MILTER_NO_BODY, MILTER_NR_BODY, -1, 2 },
	{ MILTER_EOM, 0, 0, MILTER_AT_EOM, 2 },
};

static const struct command *
find_command(enum milter_command c)
{
	size_t i = 0;

	while (commands[i].c != c)
		i++;
	return &commands[i];
}

static bool
is_wanted(const struct milter_session *s, const struct command *c)
{
	return (s->steps & c->not_wanted) == 0 &&
	       s->version >= c->since_version;
}

static void
refuse(struct milter_verdict *v, int code, const char *enhanced,
       const char *text)
{
	v->what = MILTER_REFUSES;
	reply_set(&v->reply, code, enhanced, "%s", text);
}

/* A last word that may come at every stage; -1 when r is none. */
static int
decide(const struct milter_reply *r, struct milter_verdict *v)
{
	switch (r->what) {
	case MILTER_CONTINUE:
		v->what = MILTER_GOES_ON;
		return 0;
	case MILTER_ACCEPT:
		v->what = MILTER_ACCEPTS;
		return 0;
	case MILTER_DISCARD:
		v->what = MILTER_DISCARDS;
		return 0;
	case MILTER_REJECT:
		refuse(v, 550, "5.7.1", "Refused by a filter");
		return 0;
	case MILTER_TEMPFAIL:
		refuse(v, 451, "4.7.1", "Refused by a filter for now");
		return 0;
	case MILTER_CONN_FAIL:
	case MILTER_SHUTDOWN:
		refuse(v, 421, "4.7.0", "A filter ends the session, closing");
		return 0;
	case MILTER_REPLYCODE:
		v->what = MILTER_REFUSES;
		v->reply = r->reply;
		return 0;
	case MILTER_SKIP:
		v->what = MILTER_SKIPS;
		return 0;
	case MILTER_ADDRCPT:
	case MILTER_DELRCPT:
	case MILTER_ADDRCPT_PAR:
	case MILTER_REPLBODY:
	case MILTER_CHGFROM:
	case MILTER_ADDHEADER:
	case MILTER_INSHEADER:
	case MILTER_CHGHEADER:
	case MILTER_QUARANTINE:
	case MILTER_PROGRESS:
		break;
	}
	return -1;
}

/* SKIP is for the fields of the header and the pieces of the body, and only
 * when it was agreed on. */
static bool
may_skip(const struct milter_session *s, enum milter_command c)
{
	return (s->steps & MILTER_CAN_SKIP) != 0 &&
	       (c == MILTER_HEADER || c == MILTER_BODY);
}

static int
await(struct milter_session *s, enum milter_command c, int64_t deadline_ms,
      struct milter_verdict *v, struct err *e)
{
	struct milter_reply r;
	struct span packet;

	if (next_reply(s, deadline_ms, &packet, &r, e) != 0)
		return -1;
	if (decide(&r, v) != 0 || (v->what == MILTER_SKIPS && !may_skip(s, c)))
		return err_set(e, ERR_PROTO, 0, "'%c' in answer to '%c'",
			       (char)r.what, (char)c);
	return 0;
}

/* Before the command itself is put. */
static int
put_macros(struct milter_session *s, const struct command *c,
	   const struct milter_facts *f, struct err *e)
{
	struct span symbols = { NULL, 0 };

	if (check_silence(s, e) != 0)
		return -1;
	if (c->stage < 0 || f == NULL)
		return 0;
	if (s->wants[c->stage])
		symbols = span_of(s->symbols[c->stage]);
	if (milter_macro_put(&s->out, f, (enum milter_stage)c->stage, c->c,
			     symbols) != 0)
		return err_set(e, ERR_TEMP, errno, "milter's macros");
	return 0;
}

/* What was put goes out; its answer comes in when there is one. */
static int
exchange(struct milter_session *s, const struct command *c, int put,
	 int64_t deadline_ms, struct milter_verdict *v, struct err *e)
{
	if (put != 0)
		return err_set(e, ERR_LIMIT, 0, "too long for a milter");
	if (write_out(s, deadline_ms, e) != 0)
		return -1;
	if ((s->steps & c->not_answered) != 0)
		return 0;
	return await(s, c->c, deadline_ms, v, e);
}

int
milter_session_connect(struct milter_session *s, const struct milter_facts *f,
		       uint16_t port, struct milter_verdict *v, struct err *e)
{
	const struct command *c = find_command(MILTER_CONNECT);

	v->what = MILTER_GOES_ON;
	if (!is_wanted(s, c))
		return 0;
	if (put_macros(s, c, f, e) != 0)
		return -1;
	return exchange(s, c,
			milter_put_connect(&s->out, f->client_name,
					   f->client_address, port),
			deadline(s->at->command_ms), v, e);
}

int
milter_session_say(struct milter_session *s, enum milter_command command,
		   const struct span *text, size_t n,
		   const struct milter_facts *f, struct milter_verdict *v,
		   struct err *e)
{
	const struct command *c = find_command(command);

	v->what = MILTER_GOES_ON;
	if (!is_wanted(s, c))
		return 0;
	if (put_macros(s, c, f, e) != 0)
		return -1;
	return exchange(s, c, milter_put(&s->out, command, text, n),
			deadline(s->at->command_ms), v, e);
}

/* ---- the message ----------------------------------------------------------
 */

void
milter_session_begin_content(struct milter_session *s)
{
	s->content_deadline_ms = deadline(s->at->content_ms);
}

/* The value as libmilter documents it: lines end in LF, and the blank behind
 * the colon belongs to it only when that was agreed on. */
static int
put_field(struct milter_session *s, struct span name, struct span value)
{
	struct buf text;
	int rc = -1;

	if (!milter_session_is_spaced(s) && value.n > 0 &&
	    span_is_blank(value.p[0]))
		value = span_skip(value, 1);
	buf_init(&text, MILTER_DATA_MAX);
	for (size_t i = 0; i < value.n; i++) {
		bool crlf = value.p[i] == '\r' && i + 1 < value.n &&
			    value.p[i + 1] == '\n';
		if (!crlf && buf_add_char(&text, value.p[i]) != 0)
			goto out;
	}
	const struct span both[] = { name, buf_span(&text) };
	rc = milter_put(&s->out, MILTER_HEADER, both, 2);
out:
	buf_free(&text);
	return rc;
}

int
milter_session_header(struct milter_session *s, struct span name,
		      struct span value, struct milter_verdict *v,
		      struct err *e)
{
	const struct command *c = find_command(MILTER_HEADER);

	v->what = MILTER_GOES_ON;
	if (!is_wanted(s, c))
		return 0;
	if (check_silence(s, e) != 0)
		return -1;
	return exchange(s, c, put_field(s, name, value), s->content_deadline_ms,
			v, e);
}

int
milter_session_end_header(struct milter_session *s,
			  const struct milter_facts *f,
			  struct milter_verdict *v, struct err *e)
{
	const struct command *c = find_command(MILTER_EOH);

	v->what = MILTER_GOES_ON;
	if (!is_wanted(s, c))
		return 0;
	if (put_macros(s, c, f, e) != 0)
		return -1;
	return exchange(s, c, milter_put(&s->out, MILTER_EOH, NULL, 0),
			s->content_deadline_ms, v, e);
}

int
milter_session_body(struct milter_session *s, struct span bytes,
		    struct milter_verdict *v, struct err *e)
{
	const struct command *c = find_command(MILTER_BODY);

	v->what = MILTER_GOES_ON;
	if (!is_wanted(s, c))
		return 0;
	if (check_silence(s, e) != 0)
		return -1;
	return exchange(s, c, milter_put_bytes(&s->out, bytes),
			s->content_deadline_ms, v, e);
}

/* Which action a change needs. */
static uint32_t
action_of(enum milter_answer what)
{
	switch (what) {
	case MILTER_ADDHEADER:
	case MILTER_INSHEADER:
		return MILTER_MAY_ADDHDRS;
	case MILTER_CHGHEADER:
		return MILTER_MAY_CHGHDRS;
	case MILTER_REPLBODY:
		return MILTER_MAY_CHGBODY;
	case MILTER_ADDRCPT:
		return MILTER_MAY_ADDRCPT;
	case MILTER_ADDRCPT_PAR:
		return MILTER_MAY_ADDRCPT_PAR;
	case MILTER_DELRCPT:
		return MILTER_MAY_DELRCPT;
	case MILTER_CHGFROM:
		return MILTER_MAY_CHGFROM;
	case MILTER_QUARANTINE:
		return MILTER_MAY_QUARANTINE;
	case MILTER_SHUTDOWN:
	case MILTER_ACCEPT:
	case MILTER_CONTINUE:
	case MILTER_DISCARD:
	case MILTER_CONN_FAIL:
	case MILTER_PROGRESS:
	case MILTER_REJECT:
	case MILTER_SKIP:
	case MILTER_TEMPFAIL:
	case MILTER_REPLYCODE:
		break;
	}
	return 0;
}

int
milter_session_end(struct milter_session *s, const struct milter_facts *f,
		   milter_edit_fn *edit, void *ctx, struct milter_verdict *v,
		   struct err *e)
{
	const struct command *c = find_command(MILTER_EOM);
	int64_t until = deadline(s->at->end_ms);
	struct milter_reply r;
	struct span packet;

	/* also in what has not been read yet: this answer decides */
	if (put_macros(s, c, f, e) != 0)
		return -1;
	if (stream_peer_spoke(s->stream, 0))
		return err_set(e, ERR_PROTO, 0, "an answer without a question");
	if (milter_put(&s->out, MILTER_EOM, NULL, 0) != 0)
		return err_set(e, ERR_TEMP, errno, "milter");
	if (write_out(s, until, e) != 0)
		return -1;
	for (;;) {
		if (next_reply(s, until, &packet, &r, e) != 0)
			return -1;
		if (!milter_answer_is_edit(r.what))
			break;
		if ((s->actions & action_of(r.what)) == 0)
			return err_set(e, ERR_PROTO, 0,
				       "'%c' was not agreed on", (char)r.what);
		if (edit(ctx, packet, &r, e) != 0)
			return -1;
		if (clock_mono_ms() > until)
			return err_set(e, ERR_TIMEOUT, 0, "timed out");
	}
	if (decide(&r, v) != 0 || v->what == MILTER_SKIPS)
		return err_set(e, ERR_PROTO, 0, "'%c' in answer to 'E'",
			       (char)r.what);
	return check_silence(s, e);
}

int
milter_session_abort(struct milter_session *s, struct err *e)
{
	if (check_silence(s, e) != 0)
		return -1;
	if (milter_put(&s->out, MILTER_ABORT, NULL, 0) != 0)
		return err_set(e, ERR_TEMP, errno, "milter");
	int64_t until = deadline(s->at->command_ms);
	return write_out(s, until, e) == 0 ? stream_flush(s->stream, until, e)
					   : -1;
}
