#include "smtp/smtp_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/unix_socket.h"
#include "smtp/smtp_client_private.h"

enum {
	COMMAND_SIZE = 2048, /* the longest line we ever send, AUTH too */
	QUIT_WAIT_MS = 1000,
	LAST_WORD_MS = 1000, /* for what was said before a write failed */
};

unsigned
smtp_client_extensions(const struct smtp_client *c)
{
	return c->extensions;
}

int64_t
smtp_client_size_max(const struct smtp_client *c)
{
	return c->size_max;
}

const struct smtp_client_limits *
smtp_client_limits(const struct smtp_client *c)
{
	return &c->limits;
}

bool
smtp_client_is_used_up(const struct smtp_client *c)
{
	return c->limits.mails > 0 && c->mails >= c->limits.mails;
}

void
smtp_client_count_domain(struct smtp_client_domains *d, const char *address)
{
	const char *at = strrchr(address, '@');
	const char *domain = at == NULL ? "" : at + 1;

	if (d->n > 0 && strcasecmp(domain, d->last) == 0)
		return;
	d->n++;
	(void)snprintf(d->last, sizeof(d->last), "%s", domain);
}

const struct smtp_client_domains *
smtp_client_domains(const struct smtp_client *c)
{
	return &c->domains;
}

bool
smtp_client_is_idle(const struct smtp_client *c)
{
	return !c->dead && !smtp_client_is_used_up(c) &&
	       !stream_peer_spoke(c->stream, 0);
}

/* ---- lines --------------------------------------------------------------
 */

void
smtp_client_trace(const struct smtp_client *c, char direction, struct span line)
{
	if (c->trace != NULL)
		c->trace(c->trace_ctx, direction, line);
}

void
smtp_client_set_trace(struct smtp_client *c, smtp_trace_fn *fn, void *ctx)
{
	c->trace = fn;
	c->trace_ctx = ctx;
}

int64_t
smtp_client_deadline(const struct smtp_client *c)
{
	int64_t deadline_ms = clock_mono_ms() + c->command_timeout_ms;
	int64_t last_ms = smtp_client_deadline_last(c);

	return c->text_gone && last_ms > deadline_ms ? last_ms : deadline_ms;
}

int64_t
smtp_client_deadline_last(const struct smtp_client *c)
{
	return clock_mono_ms() + (c->final_timeout_ms > 0 ? c->final_timeout_ms
							  : c->data_timeout_ms);
}

int64_t
smtp_client_deadline_step(const struct smtp_client *c, int64_t deadline_ms)
{
	int64_t last_ms = smtp_client_deadline_last(c);

	return last_ms < deadline_ms ? last_ms : deadline_ms;
}

/* What a trace may see of a command: a delivery id is known to both ends
 * alone. */
static struct span
shown_command(struct span line, bool secret, char copy[COMMAND_SIZE])
{
	static const char key[] = " XPOSTPAIRID=";

	if (secret)
		return span_of("***");
	const char *at =
	    line.n == 0 ? NULL : memmem(line.p, line.n, key, sizeof(key) - 1);
	if (at == NULL)
		return line;
	struct span head = span_make(line.p, (size_t)(at - line.p));
	struct span rest = span_skip(line, head.n + sizeof(key) - 1);
	(void)span_word(&rest);
	int n = snprintf(copy, COMMAND_SIZE, "%.*s%s***%s%.*s", SPAN_ARG(head),
			 key, rest.n > 0 ? " " : "", SPAN_ARG(rest));
	return span_make(copy, n < COMMAND_SIZE ? (size_t)n : COMMAND_SIZE - 1);
}

/*
 * Put one line into the output.  A control byte in it could start a command of
 * its own (an address from a file, a name from a user), so none gets through.
 */
static int
put_line(struct smtp_client *c, struct span line, bool secret, struct err *e)
{
	char copy[COMMAND_SIZE];

	for (size_t i = 0; i < line.n; i++) {
		unsigned char b = (unsigned char)line.p[i];
		if (b < 0x20 || b == 0x7f)
			return err_set(e, ERR_BUG, 0,
				       "control byte in an SMTP command");
	}
	if (c->unsent)
		return 0;
	if (span_starts_nocase(line, span_of("MAIL ")))
		c->mails++;
	smtp_client_trace(c, '>', shown_command(line, secret, copy));
	int64_t deadline = smtp_client_deadline(c);
	struct err why;
	if (stream_write(c->stream, line.p, line.n, deadline, &why) == 0 &&
	    stream_write(c->stream, "\r\n", 2, deadline, &why) == 0)
		return 0;
	c->dead = true;
	if (smtp_client_hear_out(c, &why))
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
}

static int put_linev(struct smtp_client *c, struct err *e, const char *fmt,
		     va_list ap) __attribute__((format(printf, 3, 0)));

static int
put_linev(struct smtp_client *c, struct err *e, const char *fmt, va_list ap)
{
	char line[COMMAND_SIZE];

	int n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		return err_set(e, ERR_BUG, 0, "SMTP command too long");
	return put_line(c, span_make(line, (size_t)n), false, e);
}

int
smtp_client_put(struct smtp_client *c, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int rc = put_linev(c, e, fmt, ap);
	va_end(ap);
	return rc;
}

int
smtp_client_put_secret(struct smtp_client *c, struct span line, struct err *e)
{
	return put_line(c, line, true, e);
}

/* "RCPTMAX=100 MAILMAX=10"; what is none of ours, or no number, says nothing
 * (RFC 9422 4). */
static void
note_limits(struct smtp_client *c, struct span list)
{
	const struct {
		const char *name;
		unsigned *value;
	} known[] = {
		{ "RCPTMAX=", &c->limits.recipients },
		{ "RCPTDOMAINMAX=", &c->limits.domains },
		{ "MAILMAX=", &c->limits.mails },
	};
	uint64_t n;

	for (struct span word; (word = span_word(&list)).n > 0;) {
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			struct span name = span_of(known[i].name);
			if (span_starts_nocase(word, name) &&
			    word.n <= name.n + 6 &&
			    span_u64(span_skip(word, name.n), &n) == 0)
				*known[i].value = (unsigned)n;
		}
	}
}

/* One line of the EHLO reply after its first (RFC 5321 4.1.1.1). */
static void
note_extension(struct smtp_client *c, struct span text)
{
	static const struct {
		const char *name;
		enum smtp_ext ext;
	} known[] = {
		{ "SIZE", SMTP_EXT_SIZE },
		{ "PIPELINING", SMTP_EXT_PIPELINING },
		{ "8BITMIME", SMTP_EXT_8BITMIME },
		{ "ENHANCEDSTATUSCODES", SMTP_EXT_ENHANCEDSTATUSCODES },
		{ "SMTPUTF8", SMTP_EXT_SMTPUTF8 },
		{ "DSN", SMTP_EXT_DSN },
		{ "STARTTLS", SMTP_EXT_STARTTLS },
		{ "XPOSTPAIRID", SMTP_EXT_XPOSTPAIRID },
		{ "CHUNKING", SMTP_EXT_CHUNKING },
		{ "REQUIRETLS", SMTP_EXT_REQUIRETLS },
		{ "FUTURERELEASE", SMTP_EXT_FUTURERELEASE },
		{ "XQUEUE", SMTP_EXT_XQUEUE },
	};
	struct span word = span_word(&text);
	uint64_t size;

	if (span_eq_nocase(word, span_of("AUTH"))) {
		smtp_client_note_auth(c, text);
		return;
	}
	if (span_eq_nocase(word, span_of("LIMITS"))) {
		note_limits(c, text);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!span_eq_nocase(word, span_of(known[i].name)))
			continue;
		c->extensions |= known[i].ext;
		/* RFC 1870 4: no number, or 0, states no limit. */
		if (known[i].ext == SMTP_EXT_SIZE &&
		    span_u64(span_trim(text), &size) == 0 && size <= INT64_MAX)
			c->size_max = (int64_t)size;
	}
}

/* What a trace may see: from the challenges of SCRAM (salt, nonces, proof) a
 * password can be guessed, at leisure, by whoever reads the trace. */
static struct span
shown(struct span line)
{
	bool challenge = span_starts_nocase(line, span_of("334")) &&
			 span_trim(span_skip(line, 3)).n > 0;

	return challenge ? span_of("334 ***") : line;
}

/*
 * A server that refuses often does not wait for the end: it says 5xx and closes
 * while we still write.  What it said lies in our socket when the write fails;
 * without it a refusal would be tried again for days.
 */
bool
smtp_client_hear_out(struct smtp_client *c, const struct err *e)
{
	if (e->class != ERR_CLOSED && e->class != ERR_TIMEOUT)
		return false;
	c->dead = c->unsent = true;
	stream_hear_out(c->stream);
	return true;
}

/* One line into *r; 1 when it was the last.  *odd: it is not clean CRLF text.
 */
static int
read_reply_line(struct smtp_client *c, int64_t deadline_ms,
		struct smtp_reply *r, struct line *line, bool *odd,
		struct err *e)
{
	if (stream_read_line(c->stream, SMTP_REPLY_LINE_MAX, deadline_ms, line,
			     e) != 0)
		return -1;
	smtp_client_trace(c, '<', shown(line->text));
	*odd = *odd || (line->flags & ~(unsigned)LINE_LONG) != 0;
	struct span text = line->text;
	if ((line->flags & LINE_LONG) != 0)
		text = span_make(line->head, LINE_HEAD);
	return reply_add_line(r, text, e);
}

/* All lines of a reply: 0; -1 when it has no clear end, *r is what came. */
static int
read_lines(struct smtp_client *c, int64_t deadline_ms, bool is_ehlo,
	   struct smtp_reply *r, bool *odd, struct err *e)
{
	struct line line;
	size_t bytes = 0;

	for (int i = 0;
	     i < SMTP_REPLY_LINES_MAX && bytes < SMTP_REPLY_BYTES_MAX; i++) {
		int rc = read_reply_line(c, deadline_ms, r, &line, odd, e);
		if (rc < 0)
			return -1;
		if (is_ehlo && i > 0 && i <= SMTP_EHLO_LINES_MAX)
			note_extension(c, span_skip(line.text, 4));
		if (rc == 1)
			return 0;
		bytes += line.text.n + 2;
	}
	return err_set(e, ERR_PROTO, 0, "a reply without an end");
}

/*
 * Read one reply.  Everything about it is bounded: the length of a line, how
 * many there are, and the time for all of them.
 *
 * What is not clean CRLF text is never taken for a yes while replies to other
 * commands are still to come, which a line end in the wrong place would shift;
 * the last one of a message is a yes all the same, or the message would be sent
 * again although it was taken.  A no is a no in any form: who refuses
 * with an endless text, or ends it with a bare LF, must not be asked for days.
 * Nothing is read behind either.
 */
static int
read_reply(struct smtp_client *c, int64_t deadline_ms, bool is_ehlo,
	   struct smtp_reply *r, struct err *e)
{
	bool odd = false;
	struct err why;

	memset(r, 0, sizeof(*r));
	if (c->deaf)
		return err_set(e, ERR_PROTO, 0,
			       "malformed reply from the server");
	if (stream_flush(c->stream, deadline_ms, &why) != 0 &&
	    !smtp_client_hear_out(c, &why))
		goto dead;
	if (c->unsent && deadline_ms > clock_mono_ms() + LAST_WORD_MS)
		deadline_ms = clock_mono_ms() + LAST_WORD_MS;
	int rc = read_lines(c, deadline_ms, is_ehlo, r, &odd, &why);
	if (rc == 0 && !odd)
		return 0;
	if (rc == 0)
		(void)err_set(&why, ERR_PROTO, 0,
			      "malformed reply line from the server");
	bool no = r->code >= 400 && why.class != ERR_STOP;
	if (no || (rc == 0 && c->at_end)) {
		c->dead = c->deaf = true;
		return 0;
	}
dead:
	c->dead = true;
	if (e != NULL)
		*e = why;
	return -1;
}

static int
unexpected(struct smtp_client *c, const struct smtp_reply *r, const char *what,
	   struct err *e)
{
	c->dead = true;
	return err_set(e, ERR_PROTO, 0, "unexpected reply %d to %s", r->code,
		       what);
}

static bool
is_class(const struct smtp_reply *r, int hundreds)
{
	return r->code / 100 == hundreds;
}

/* A reply must say yes or no: 2xx, 4xx or 5xx. */
int
smtp_client_verdict(struct smtp_client *c, int64_t deadline_ms, int also,
		    const char *what, struct smtp_reply *r, struct err *e)
{
	if (read_reply(c, deadline_ms, false, r, e) != 0)
		return -1;
	if (!is_class(r, 2) && !is_class(r, 4) && !is_class(r, 5) &&
	    (also == 0 || r->code != also))
		return unexpected(c, r, what, e);
	return 0;
}

int
smtp_client_final(struct smtp_client *c, int64_t deadline_ms, const char *what,
		  struct smtp_reply *r, struct err *e)
{
	c->at_end = true;
	int rc = smtp_client_verdict(c, deadline_ms, 0, what, r, e);
	c->at_end = false;
	if (rc != 0 || !c->unsent || !is_class(r, 2))
		return rc;
	return err_set(e, ERR_PROTO, 0,
		       "reply %d to %s before the message was sent", r->code,
		       what);
}

int
smtp_client_command(struct smtp_client *c, struct smtp_reply *r, struct err *e,
		    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int rc = put_linev(c, e, fmt, ap);
	va_end(ap);
	return rc != 0 ? -1
		       : read_reply(c, smtp_client_deadline(c), false, r, e);
}

/* ---- opening and closing ------------------------------------------------
 */

void
smtp_client_close(struct smtp_client **out, bool politely)
{
	struct smtp_client *c = *out;

	if (c == NULL)
		return;
	if (politely && !c->dead) {
		struct smtp_reply r;
		if (smtp_client_put(c, NULL, "QUIT") == 0)
			(void)read_reply(c, clock_mono_ms() + QUIT_WAIT_MS,
					 false, &r, NULL);
	}
	stream_free(&c->stream);
	free(c);
	*out = NULL;
}

/* A new EHLO says everything anew. */
static void
forget_offers(struct smtp_client *c)
{
	c->extensions = 0;
	c->size_max = 0;
	c->limits = (struct smtp_client_limits){ 0 };
	c->mechanisms[0] = '\0';
}

/* EHLO or HELO, or LHLO.  0 with *r the last reply. */
static int
say_hello(struct smtp_client *c, const char *helo, struct smtp_reply *r,
	  struct err *e)
{
	char own[NET_LITERAL_SIZE];

	/* RFC 5321 4.1.4: a client without a name of its own gives its address
	 * as a literal. */
	if (helo == NULL) {
		net_own_literal(stream_fd(c->stream), own);
		helo = own;
	}
	forget_offers(c);
	if (smtp_client_put(c, e, "%s %s", c->lmtp ? "LHLO" : "EHLO", helo) !=
		0 ||
	    read_reply(c, smtp_client_deadline(c), true, r, e) != 0)
		return -1;
	/* RFC 5321 3.2: a server that does not know EHLO may know HELO. */
	if (is_class(r, 5) && !c->lmtp) {
		forget_offers(c);
		if (smtp_client_put(c, e, "HELO %s", helo) != 0 ||
		    read_reply(c, smtp_client_deadline(c), false, r, e) != 0)
			return -1;
	}
	if (!is_class(r, 2) && !is_class(r, 4) && !is_class(r, 5))
		return unexpected(c, r, "EHLO", e);
	return 0;
}

/* All up to the first transaction.  0 with *r the last reply. */
static int
begin(struct smtp_client *c, const struct smtp_client_options *o,
      struct smtp_reply *r, struct err *e)
{
	if (o->tls == SMTP_TLS_IMPLICIT && smtp_client_encrypt(c, o, e) != 0)
		return -1;
	int64_t deadline_ms = o->greeting_timeout_ms > 0
				  ? clock_mono_ms() + o->greeting_timeout_ms
				  : smtp_client_deadline(c);
	if (smtp_client_verdict(c, deadline_ms, 0, "connecting", r, e) != 0)
		return -1;
	if (!is_class(r, 2))
		return 0;
	if (say_hello(c, o->helo, r, e) != 0)
		return -1;
	if (!is_class(r, 2) ||
	    (o->tls != SMTP_TLS_MAY && o->tls != SMTP_TLS_MUST))
		return 0;
	if (smtp_client_starttls(c, o, e) != 0)
		return -1;
	return c->tls.step == TLS_STEP_ON ? say_hello(c, o->helo, r, e) : 0;
}

static int
dial(struct smtp_client *c, const struct smtp_client_options *o, struct err *e)
{
	int64_t deadline_ms = clock_mono_ms() + o->connect_timeout_ms;

	if (o->stream != NULL) {
		c->stream = *o->stream;
		*o->stream = NULL;
		return 0;
	}
	if (o->path != NULL)
		return unix_socket_dial(&c->stream, o->path, deadline_ms,
					o->stop, e);
	return net_dial(&c->stream, o->host, o->port, deadline_ms, o->stop, e);
}

int
smtp_client_open(struct smtp_client **out, const struct smtp_client_options *o,
		 struct smtp_reply *r, struct err *e)
{
	struct smtp_client *c = calloc(1, sizeof(*c));

	*out = NULL;
	memset(r, 0, sizeof(*r));
	if (o->tls_outcome != NULL)
		memset(o->tls_outcome, 0, sizeof(*o->tls_outcome));
	if (c == NULL) {
		if (o->stream != NULL)
			stream_free(o->stream);
		return err_set(e, ERR_TEMP, ENOMEM, "SMTP connection");
	}
	c->command_timeout_ms = o->command_timeout_ms;
	c->data_timeout_ms = o->data_timeout_ms;
	c->final_timeout_ms = o->final_timeout_ms;
	c->trace = o->trace;
	c->trace_ctx = o->trace_ctx;
	c->lmtp = o->lmtp;
	if (dial(c, o, e) != 0) {
		free(c);
		return -1;
	}
	int rc = begin(c, o, r, e);
	if (o->tls_outcome != NULL)
		*o->tls_outcome = c->tls;
	if (rc != 0) {
		smtp_client_close(&c, !c->dead);
		return o->path != NULL
			   ? err_prefix(e, "%s", o->path)
			   : err_prefix(e, "%s:%u", o->host, (unsigned)o->port);
	}
	if (!is_class(r, 2)) {
		smtp_client_close(&c, true);
		return 0;
	}
	*out = c;
	return 0;
}
