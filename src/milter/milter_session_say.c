#include <errno.h>

#include "base/clock.h"
#include "milter/milter_session_private.h"

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

static int64_t
deadline(int64_t ms)
{
	return clock_mono_ms() + ms;
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

	if (milter_session_reply(s, deadline_ms, &packet, &r, e) != 0)
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

	if (milter_session_is_silent(s, false, e) != 0)
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
	if (milter_session_write(s, deadline_ms, e) != 0)
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
	if (milter_session_is_silent(s, false, e) != 0)
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
	if (milter_session_is_silent(s, false, e) != 0)
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

	if (put_macros(s, c, f, e) != 0)
		return -1;
	/* also in what has not been read yet: this answer decides */
	if (milter_session_is_silent(s, true, e) != 0)
		return -1;
	if (milter_put(&s->out, MILTER_EOM, NULL, 0) != 0)
		return err_set(e, ERR_TEMP, errno, "milter");
	if (milter_session_write(s, until, e) != 0)
		return -1;
	for (;;) {
		if (milter_session_reply(s, until, &packet, &r, e) != 0)
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
	return milter_session_is_silent(s, false, e);
}

int
milter_session_abort(struct milter_session *s, struct err *e)
{
	if (milter_session_is_silent(s, false, e) != 0)
		return -1;
	if (milter_put(&s->out, MILTER_ABORT, NULL, 0) != 0)
		return err_set(e, ERR_TEMP, errno, "milter");
	int64_t until = deadline(s->at->command_ms);
	return milter_session_write(s, until, e) == 0
		   ? stream_flush(s->stream, until, e)
		   : -1;
}
