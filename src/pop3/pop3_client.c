#include "pop3/pop3_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/dial.h"
#include "pop3/pop3_client_private.h"

enum {
	REPLY_MAX = 510, /* RFC 2449 4: 512 octets with CRLF */
	CHALLENGE_MAX = 2048,
	LISTING_MAX = 510,
	CAPAS_MAX = 100,
};

int64_t
pop3_client_deadline(int64_t timeout_ms)
{
	return timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
}

void
pop3_client_trace(struct pop3_client *c, char direction, struct span line)
{
	if (c->trace != NULL)
		c->trace(c->trace_ctx, direction, line);
}

/* ---- one line out, one line in --------------------------------------------
 */

/* Buffer `line`; `shown` is what the trace may see of it (NULL: all). */
int
pop3_client_put(struct pop3_client *c, const char *line, const char *shown,
		struct err *e)
{
	int64_t until = pop3_client_deadline(c->command_timeout_ms);
	struct span text = span_of(line);

	/* A line end in an argument would be a second command. */
	if (text.n > 0 && (memchr(text.p, '\r', text.n) != NULL ||
			   memchr(text.p, '\n', text.n) != NULL))
		return err_set(e, ERR_PERM, 0, "line end inside a command");
	pop3_client_trace(c, '>', shown == NULL ? text : span_of(shown));
	if (stream_write(c->s, text.p, text.n, until, e) != 0)
		return -1;
	return stream_write(c->s, "\r\n", 2, until, e);
}

int
pop3_client_flush(struct pop3_client *c, struct err *e)
{
	return stream_flush(c->s, pop3_client_deadline(c->command_timeout_ms),
			    e);
}

static bool
is_code_char(char ch)
{
	return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
	       span_is_digit(ch) || ch == '-' || ch == '/' || ch == '.';
}

/* RFC 2449 8: "[" code *("/" code) "]" at the start of the text. */
static void
take_code(struct pop3_reply *r, struct span text)
{
	size_t n = 1;

	r->resp_code[0] = '\0';
	if (text.n < 2 || text.p[0] != '[')
		return;
	while (n < text.n && is_code_char(text.p[n]))
		n++;
	if (n == 1 || n == text.n || text.p[n] != ']')
		return;
	if (span_copy(span_make(text.p + 1, n - 1), r->resp_code,
		      sizeof(r->resp_code)) != 0)
		r->resp_code[0] = '\0'; /* too long: not one we know */
}

static int
take_reply(struct span line, struct pop3_reply *r, struct err *e)
{
	struct span text;

	if (line.n >= 3 && memcmp(line.p, "+OK", 3) == 0) {
		r->ok = true;
		text = span_skip(line, 3);
	} else if (line.n >= 4 && memcmp(line.p, "-ERR", 4) == 0) {
		r->ok = false;
		text = span_skip(line, 4);
	} else {
		return err_set(e, ERR_PROTO, 0,
			       "not a POP3 status line: '%.*s'",
			       SPAN_ARG(line));
	}
	if (text.n > 0 && !span_is_blank(text.p[0]))
		return err_set(e, ERR_PROTO, 0,
			       "not a POP3 status line: '%.*s'",
			       SPAN_ARG(line));
	text = span_trim(text);
	size_t n = text.n < POP3_REPLY_SIZE - 1 ? text.n : POP3_REPLY_SIZE - 1;
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)text.p[i];
		r->text[i] = ch < 0x20 || ch == 0x7f ? '?' : text.p[i];
	}
	r->text[n] = '\0';
	take_code(r, text);
	return 0;
}

/* One line of at most `max` bytes. */
static int
read_line(struct pop3_client *c, size_t max, int64_t until, struct line *line,
	  struct err *e)
{
	if (stream_read_line(c->s, max, until, line, e) != 0)
		return -1;
	if ((line->flags & LINE_LONG) != 0)
		return err_set(e, ERR_PROTO, 0,
			       "the server sent a line of over %zu bytes", max);
	return 0;
}

/* The same, traced. */
static int
get_line(struct pop3_client *c, size_t max, int64_t until, struct line *line,
	 struct err *e)
{
	if (read_line(c, max, until, line, e) != 0)
		return -1;
	pop3_client_trace(c, '<', line->text);
	return 0;
}

int
pop3_client_reply(struct pop3_client *c, struct pop3_reply *r, struct err *e)
{
	struct line line;

	if (get_line(c, REPLY_MAX, pop3_client_deadline(c->command_timeout_ms),
		     &line, e) != 0)
		return -1;
	return take_reply(line.text, r, e);
}

int
pop3_client_challenge(struct pop3_client *c, struct pop3_reply *r,
		      struct span *challenge, struct err *e)
{
	struct line line;

	*challenge = span_make(NULL, 0);
	if (read_line(c, CHALLENGE_MAX,
		      pop3_client_deadline(c->command_timeout_ms), &line,
		      e) != 0)
		return -1;
	/* RFC 5034 4: "+ " base64, or "+ " alone; some leave the blank out. */
	if (line.text.n == 0 || line.text.p[0] != '+' ||
	    (line.text.n > 1 && line.text.p[1] != ' ')) {
		pop3_client_trace(c, '<', line.text);
		return take_reply(line.text, r, e);
	}
	*challenge = span_trim(span_skip(line.text, 1));
	/* From the challenges of SCRAM a password can be guessed, by whoever
	 * reads the trace. */
	pop3_client_trace(c, '<', span_of(challenge->n > 0 ? "+ ***" : "+"));
	return 0;
}

int
pop3_client_ask(struct pop3_client *c, const char *line, const char *shown,
		struct pop3_reply *r, struct err *e)
{
	if (pop3_client_put(c, line, shown, e) != 0 ||
	    pop3_client_flush(c, e) != 0)
		return -1;
	return pop3_client_reply(c, r, e);
}

/* ---- multi-line replies of short lines: CAPA, LIST, UIDL ------------------
 */

/* Calls take(ctx, line) for each line up to "."; more than max is LIMIT. */
int
pop3_client_listing(struct pop3_client *c, uint32_t max,
		    int (*take)(void *ctx, struct span line, struct err *e),
		    void *ctx, struct err *e)
{
	int64_t until = pop3_client_deadline(c->data_timeout_ms);

	for (uint32_t n = 0;; n++) {
		struct line line;
		if (get_line(c, LISTING_MAX, until, &line, e) != 0)
			return -1;
		struct span text = line.text;
		if (text.n == 1 && text.p[0] == '.')
			return 0;
		if (n >= max)
			return err_set(e, ERR_LIMIT, 0,
				       "the server lists more than %u lines",
				       (unsigned)max);
		if (text.n > 1 && text.p[0] == '.')
			text = span_skip(text, 1); /* RFC 1939 3 */
		if (take(ctx, text, e) != 0)
			return -1;
	}
}

static int
take_capa(void *ctx, struct span line, struct err *e)
{
	static const struct {
		const char *name;
		unsigned cap;
	} known[] = {
		{ "TOP", POP3_CAP_TOP },
		{ "UIDL", POP3_CAP_UIDL },
		{ "USER", POP3_CAP_USER },
		{ "PIPELINING", POP3_CAP_PIPELINING },
		{ "UTF8", POP3_CAP_UTF8 },
		{ "RESP-CODES", POP3_CAP_RESP_CODES },
		{ "STLS", POP3_CAP_STLS },
	};
	struct pop3_client *c = ctx;
	struct span name = span_word(&line);

	(void)e;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_eq_nocase(name, span_of(known[i].name)))
			c->caps |= known[i].cap;
	if (!span_eq_nocase(name, span_of("SASL")))
		return 0;
	c->caps |= POP3_CAP_SASL;
	pop3_client_note_sasl(c, line);
	return 0;
}

/* CAPA (RFC 2449 5). */
static int
learn(struct pop3_client *c, struct err *e)
{
	struct pop3_reply r;

	c->caps = 0;
	c->mechanisms[0] = '\0';
	c->caps_known = false;
	if (pop3_client_ask(c, "CAPA", NULL, &r, e) != 0)
		return -1;
	if (!r.ok)
		return 0; /* an old server: try and see */
	c->caps_known = true;
	return pop3_client_listing(c, CAPAS_MAX, take_capa, c, e);
}

/* UTF8 where it is offered, and after STLS (RFC 6856 2.1): the shell reads
 * UTF-8 header fields, and without it such a message is refused. */
static int
ask_for_utf8(struct pop3_client *c, struct err *e)
{
	struct pop3_reply r;

	if ((c->caps & POP3_CAP_UTF8) == 0)
		return 0;
	return pop3_client_ask(c, "UTF8", NULL, &r, e); /* no: no matter */
}

/* ---- session ---------------------------------------------------------------
 */

/* All up to the login.  *r is the greeting. */
static int
begin(struct pop3_client *c, const struct pop3_client_options *o,
      struct pop3_reply *r, struct err *e)
{
	if (o->tls == POP3_TLS_IMPLICIT && pop3_client_encrypt(c, o, e) != 0)
		return -1;
	if (pop3_client_reply(c, r, e) != 0)
		return -1;
	if (!r->ok)
		return 0;
	if (learn(c, e) != 0)
		return -1;
	if (o->tls == POP3_TLS_MAY || o->tls == POP3_TLS_MUST) {
		if (pop3_client_stls(c, o, e) != 0)
			return -1;
		if (c->tls.step == TLS_STEP_ON && learn(c, e) != 0)
			return -1;
	}
	return ask_for_utf8(c, e);
}

int
pop3_client_open(struct pop3_client **out, const struct pop3_client_options *o,
		 struct pop3_reply *r, struct err *e)
{
	struct pop3_client *c = calloc(1, sizeof(*c));
	int rc = -1;

	*out = NULL;
	if (o->tls_outcome != NULL)
		memset(o->tls_outcome, 0, sizeof(*o->tls_outcome));
	if (c == NULL)
		return err_set(e, ERR_TEMP, ENOMEM, "POP3 session");
	c->command_timeout_ms = o->command_timeout_ms;
	c->data_timeout_ms = o->data_timeout_ms;
	c->trace = o->trace;
	c->trace_ctx = o->trace_ctx;
	if (net_dial(&c->s, o->host, o->port,
		     pop3_client_deadline(o->connect_timeout_ms), o->stop,
		     e) == 0)
		rc = begin(c, o, r, e);
	if (o->tls_outcome != NULL)
		*o->tls_outcome = c->tls;
	if (rc == 0 && r->ok) {
		*out = c;
		c = NULL;
	}
	pop3_client_free(&c);
	return rc;
}

unsigned
pop3_client_capabilities(const struct pop3_client *c)
{
	return c->caps;
}

void
pop3_client_free(struct pop3_client **c)
{
	if (*c == NULL)
		return;
	stream_free(&(*c)->s);
	free(*c);
	*c = NULL;
}

int
pop3_client_quit(struct pop3_client **c, struct pop3_reply *r, struct err *e)
{
	if (*c == NULL)
		return err_set(e, ERR_CLOSED, 0, "not connected");
	int rc = pop3_client_ask(*c, "QUIT", NULL, r, e);
	pop3_client_free(c);
	return rc;
}

int
pop3_client_command(struct pop3_client *c, struct pop3_reply *r, struct err *e,
		    const char *fmt, ...)
{
	struct buf line;
	va_list ap;
	int rc = -1;

	buf_init(&line, POP3_CLIENT_COMMAND_MAX + 1);
	va_start(ap, fmt);
	int added = buf_addv(&line, fmt, ap);
	va_end(ap);
	if (added != 0 || buf_add_char(&line, '\0') != 0)
		(void)err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_PERM, 0,
			      "POP3 command too long");
	else
		rc = pop3_client_ask(c, line.p, NULL, r, e);
	buf_free(&line);
	return rc;
}
