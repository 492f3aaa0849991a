/*
 * A report quotes three things other people wrote: addresses, a peer's reply,
 * and the header of the original message.  All of it goes through the writers
 * below, which let no byte start a line, a field or a MIME part of its own.
 *
 * When an address is not ASCII the report takes the shapes of RFC 6533
 * (message/global-delivery-status, message/global-headers, utf-8 addresses);
 * otherwise those of RFC 3464, and then it is ASCII but for the quoted header.
 */
#include "mail/dsn.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mail/date.h"
#include "mail/dsn_param.h"
#include "mail/header.h"
#include "mail/utf8.h"

enum {
	VALUE_MAX = 2048, /* bytes of one quoted text */
	FOLD_AT = 72,     /* RFC 5322 2.1.1: 78 is what a line should keep */
	LINE_CUT = 900,   /* and 998 what it must */
	QUOTED_LINE = 75, /* RFC 2045 6.7 (5): 76 with the soft break */
};

struct report {
	const struct dsn_facts *f;
	struct buf *out;
	bool global;  /* RFC 6533 */
	bool escapes; /* in a reason: \x{E4} for what is not ASCII */
	bool failed;  /* an append did not fit; the rest is skipped */
};

static void
put(struct report *r, const char *text)
{
	if (!r->failed && buf_add_str(r->out, text) != 0)
		r->failed = true;
}

static unsigned
code_point(struct span s, size_t n)
{
	unsigned v = (unsigned char)s.p[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		v = v << 6 | ((unsigned char)s.p[i] & 0x3fu);
	return v;
}

/* One character (n bytes) of foreign text; how wide it becomes. */
static size_t
put_char(struct report *r, struct span s, size_t n, bool utf8)
{
	char c = s.p[0], escape[16];
	bool ok = n > 1 ? utf8 : n == 1 && c >= ' ' && c != 0x7f;
	struct span text = ok ? span_head(s, n) : span_of("?");

	if (n > 1 && !utf8 && r->escapes) {
		(void)snprintf(escape, sizeof(escape), "\\x{%X}",
			       code_point(s, n));
		text = span_of(escape);
	}
	if (!r->failed && buf_add_span(r->out, text) != 0)
		r->failed = true;
	return text.n;
}

/*
 * put_text - foreign text inside a line that has `column` characters already:
 * folded at blanks, control bytes shown as '?', line ends as blanks, and cut
 * in a word that would not fit a line.
 */
static void
put_text(struct report *r, struct span s, size_t column, bool utf8)
{
	s = span_trim(span_head(s, VALUE_MAX));
	while (s.n > 0) {
		size_t n = utf8_next(s);
		char c = s.p[0];

		if (span_is_blank(c) || c == '\n' || c == '\r') {
			while (s.n > 0 && (span_is_blank(s.p[0]) ||
					   s.p[0] == '\n' || s.p[0] == '\r'))
				s = span_skip(s, 1);
			put(r, column > FOLD_AT ? "\r\n " : " ");
			column = column > FOLD_AT ? 1 : column + 1;
			continue;
		}
		column += column < LINE_CUT ? put_char(r, s, n, utf8) : 1;
		s = span_skip(s, n > 0 ? n : 1);
	}
}

static void
put_field(struct report *r, const char *name, const char *value, bool utf8)
{
	put(r, name);
	put_text(r, span_of(value), strlen(name), utf8);
	put(r, "\r\n");
}

static void
put_date(struct report *r, const char *name, int64_t wall_s)
{
	char date[DATE_SIZE];

	if (wall_s == 0)
		return;
	date_format(wall_s, date);
	put_field(r, name, date, false);
}

/* The boundary is made of the report's id, which nobody knew when the quoted
 * texts were written; '_' and '=' keep it out of every encoding. */
static void
put_boundary(struct report *r, const char *after)
{
	struct span id = span_head(span_of(r->f->id), 40);

	put(r, "=_report_");
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];
		bool plain = span_is_digit(c) ||
			     (span_lower(c) >= 'a' && span_lower(c) <= 'z');
		put_char(r, span_make(plain ? &c : "_", 1), 1, false);
	}
	put(r, after);
}

/* encoding: NULL for 7bit. */
static void
put_part_encoded(struct report *r, const char *type, const char *encoding)
{
	put(r, "\r\n--");
	put_boundary(r, "\r\nContent-Type: ");
	put(r, type);
	if (encoding != NULL) {
		put(r, "\r\nContent-Transfer-Encoding: ");
		put(r, encoding);
	}
	put(r, "\r\n\r\n");
}

static void
put_part(struct report *r, const char *type, bool eight_bit)
{
	put_part_encoded(r, type, eight_bit ? "8bit" : NULL);
}

static bool
has_action(const struct dsn_facts *f, enum dsn_action a)
{
	for (size_t i = 0; i < f->n_recipients; i++) {
		if (f->recipients[i].action == a)
			return true;
	}
	return false;
}

/* The worst thing that happened names the report. */
static const char *
subject(const struct dsn_facts *f)
{
	if (f->to_postmaster)
		return "A message without a sender was not delivered";
	if (has_action(f, DSN_FAILED))
		return "Your message was not delivered";
	if (has_action(f, DSN_DELAYED))
		return "Your message is delayed";
	return has_action(f, DSN_RELAYED) ? "Your message was handed on"
					  : "Your message was delivered";
}

static struct span
returned(const struct dsn_facts *f)
{
	return f->original_message.n > 0 ? f->original_message
					 : f->original_header;
}

static void
put_header(struct report *r)
{
	const struct dsn_facts *f = r->f;

	put(r, "From: Mail Delivery System <MAILER-DAEMON@");
	put_text(r, span_of(f->host), 0, r->global);
	put(r, ">\r\n");
	put(r, "To: <");
	put_text(r, span_of(f->to), 0, r->global);
	put(r, ">\r\n");
	put_field(r, "Subject: ", subject(f), false);
	put_date(r, "Date: ", f->now_s);
	put(r, "Message-ID: <");
	put_text(r, span_of(f->id), 0, false);
	put(r, "@");
	put_text(r, span_of(f->host), 0, r->global);
	/* RFC 3834 5: nobody's vacation program shall answer */
	put(r, ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	       "Content-Type: multipart/report; report-type=");
	put(r,
	    r->global ? "global-delivery-status;\r\n" : "delivery-status;\r\n");
	put(r, "\tboundary=\"");
	put_boundary(r, "\"\r\n");
	if (r->global || !utf8_is_ascii(returned(f)))
		put(r, "Content-Transfer-Encoding: 8bit\r\n");
	put(r,
	    "\r\nThis is a delivery report in several parts (RFC 6522).\r\n");
}

static const char *
action_sentence(enum dsn_action a)
{
	switch (a) {
	case DSN_FAILED:
		return "not delivered; no further attempt will be made";
	case DSN_DELAYED:
		return "not delivered yet; attempts go on, nothing to do "
		       "for you";
	case DSN_DELIVERED:
		return "delivered";
	case DSN_RELAYED:
		return "handed on to a server that sends no reports";
	}
	return "unknown";
}

static const char *
action_name(enum dsn_action a)
{
	switch (a) {
	case DSN_FAILED:
		return "failed";
	case DSN_DELAYED:
		return "delayed";
	case DSN_DELIVERED:
		return "delivered";
	case DSN_RELAYED:
		return "relayed";
	}
	return "failed";
}

static bool
is_set(const char *s)
{
	return s != NULL && s[0] != '\0';
}

static bool
has_utf8_reason(const struct dsn_facts *f)
{
	for (size_t i = 0; i < f->n_recipients; i++) {
		const char *reason = f->recipients[i].diagnostic;
		if (is_set(reason) && !utf8_is_ascii(span_of(reason)) &&
		    utf8_is_valid(span_of(reason)))
			return true;
	}
	return false;
}

/* RFC 2045 6.7, of text that ends in CRLF. */
static void
put_quoted_printable(struct report *r, struct span text)
{
	size_t column = 0;

	for (size_t i = 0; i < text.n && !r->failed; i++) {
		unsigned char c = (unsigned char)text.p[i];
		char code[4] = { (char)c };

		if (c == '\r' || c == '\n') {
			column = 0;
		} else {
			bool ends = i + 1 < text.n && text.p[i + 1] == '\r';
			if (c >= 0x7f || c == '=' || (c == ' ' && ends))
				(void)snprintf(code, sizeof(code), "=%02X", c);
			if (column + strlen(code) > QUOTED_LINE) {
				put(r, "=\r\n");
				column = 0;
			}
			column += strlen(code);
		}
		put(r, code);
	}
}

static void
put_human_text(struct report *r, bool utf8)
{
	const struct dsn_facts *f = r->f;

	put_field(r, "This is the mail server ", f->host, r->global);
	put(r, f->to_postmaster
		   ? "\r\nA message from the null address, which gets no "
		     "report,\r\ncould not be delivered.\r\n"
		   : "\r\nHere is what became of the message you sent.\r\n");
	for (size_t i = 0; i < f->n_recipients; i++) {
		const struct dsn_recipient *d = &f->recipients[i];

		put_field(r, "\r\n  ", d->address, r->global);
		put_field(r, "    ", action_sentence(d->action), false);
		if (is_set(d->remote_host))
			put_field(r, "    The server asked was ",
				  d->remote_host, r->global);
		if (is_set(d->diagnostic))
			put_field(r, "    It said: ", d->diagnostic, utf8);
	}
}

/*
 * A server may give its reason in any language (RFC 6531 3.7.4.2), and who
 * reads the report reads it as it was said.  A report that needs no SMTPUTF8
 * must pass every next hop, so this part is ASCII on the way.
 */
static void
put_human_part(struct report *r)
{
	struct buf text, *out = r->out;

	if (r->global || !has_utf8_reason(r->f)) {
		put_part(r,
			 r->global ? "text/plain; charset=utf-8"
				   : "text/plain; charset=us-ascii",
			 r->global);
		put_human_text(r, r->global);
		return;
	}
	put_part_encoded(r, "text/plain; charset=utf-8", "quoted-printable");
	buf_init(&text, out->max);
	r->out = &text;
	put_human_text(r, true);
	r->out = out;
	put_quoted_printable(r, buf_span(&text));
	buf_free(&text);
}

/* What xtext stands for; what is none is shown as it is. */
static void
put_xtext(struct report *r, const char *name, const char *value)
{
	char text[DSN_ORCPT_MAX + 1];

	if (dsn_xtext_decode(span_of(value), text, sizeof(text)) != 0)
		put_field(r, name, value, r->global);
	else
		put_field(r, name, text, r->global);
}

/* Original-Recipient comes with its type from the client (RFC 3461 4.2); when
 * it has none the field is left out rather than guessed. */
static void
put_recipient(struct report *r, const struct dsn_recipient *d)
{
	bool utf8 = !utf8_is_ascii(span_of(d->address));

	put(r, "\r\n");
	if (is_set(d->orcpt) && span_find(span_of(d->orcpt), ';', 1) > 0)
		put_xtext(r, "Original-Recipient: ", d->orcpt);
	/* RFC 6533 3: the type says how to read the address */
	put_field(
	    r, utf8 ? "Final-Recipient: utf-8; " : "Final-Recipient: rfc822; ",
	    d->address, r->global);
	put_field(r, "Action: ", action_name(d->action), false);
	put_field(r, "Status: ", is_set(d->status) ? d->status : "4.0.0",
		  false);
	if (is_set(d->remote_host))
		put_field(r, "Remote-MTA: dns; ", d->remote_host, r->global);
	/* RFC 3464 2.3.6 has ASCII here, and a message/global-delivery-status
	 * is for addresses that need it (RFC 6533 3): few programs know it. Its
	 * escape for a character keeps the reason readable in both. */
	r->escapes = true;
	if (is_set(d->diagnostic))
		put_field(r,
			  is_set(d->remote_host)
			      ? "Diagnostic-Code: smtp; "
			      : "Diagnostic-Code: x-postpair; ",
			  d->diagnostic, r->global);
	r->escapes = false;
	put_date(r, "Last-Attempt-Date: ", d->last_attempt_s);
}

/* RFC 3464 2: fields of the message, then a group for each recipient. */
static void
put_status_part(struct report *r)
{
	const struct dsn_facts *f = r->f;

	put_part(r,
		 r->global ? "message/global-delivery-status"
			   : "message/delivery-status",
		 r->global);
	if (is_set(f->envid))
		put_xtext(r, "Original-Envelope-Id: ", f->envid);
	put_field(r, "Reporting-MTA: dns; ", f->host, r->global);
	put_date(r, "Arrival-Date: ", f->arrival_s);
	if (is_set(f->release))
		put_field(r, "Future-Release-Request: ", f->release, false);
	for (size_t i = 0; i < f->n_recipients; i++)
		put_recipient(r, &f->recipients[i]);
}

/* Lines as they are, but every line end CRLF, and none missing. */
static void
put_lines(struct report *r, struct span s)
{
	while (s.n > 0 && !r->failed) {
		long lf = span_find(s, '\n', 0);
		struct span line = lf < 0 ? s : span_head(s, (size_t)lf);

		s = span_skip(s, line.n + 1);
		while (line.n > 0 && !r->failed) {
			size_t n = 0;
			while (n < line.n && line.p[n] != '\r' &&
			       line.p[n] != '\0')
				n++;
			if (buf_add(r->out, line.p, n) != 0)
				r->failed = true;
			line = span_skip(line, n + 1);
		}
		put(r, "\r\n");
	}
}

/* The original's header up to its empty line; a part as large as any header we
 * accept. */
static void
put_original_header(struct report *r)
{
	struct span rest = span_head(r->f->original_header, HEADER_BLOCK_MAX);
	bool ascii = utf8_is_ascii(rest);
	struct header_field field;

	/* RFC 6533 5 needs UTF-8; bytes of no known charset stay as they are */
	put_part(r,
		 r->global && !ascii && utf8_is_valid(rest)
		     ? "message/global-headers"
		     : "text/rfc822-headers",
		 !ascii);
	while (!r->failed && header_next(&rest, &field))
		put_lines(r, field.whole);
}

/* All of it.  Our boundary was not known when it was written. */
static void
put_original_message(struct report *r)
{
	struct span text = r->f->original_message;
	bool utf8 = !utf8_is_ascii(r->f->original_header) &&
		    utf8_is_valid(r->f->original_header);

	put_part(r, r->global && utf8 ? "message/global" : "message/rfc822",
		 !utf8_is_ascii(text));
	put_lines(r, text);
}

static bool
is_global(const struct dsn_facts *f)
{
	if (!utf8_is_ascii(span_of(f->to)))
		return true;
	for (size_t i = 0; i < f->n_recipients; i++) {
		if (!utf8_is_ascii(span_of(f->recipients[i].address)) ||
		    !utf8_is_ascii(span_of(f->recipients[i].orcpt)))
			return true;
	}
	return false;
}

int
dsn_format(const struct dsn_facts *f, struct buf *out, struct err *e)
{
	struct report r = { .f = f, .out = out, .global = is_global(f) };
	size_t start = out->n;

	/* RFC 3464 2: one report, at least one recipient.  RFC 5321 4.5.5: a
	 * report never answers a report. */
	if (f->n_recipients == 0 || !is_set(f->to))
		return err_set(e, ERR_BUG, 0,
			       "a report without recipient or addressee");
	put_header(&r);
	put_human_part(&r);
	put_status_part(&r);
	if (f->original_message.n > 0)
		put_original_message(&r);
	else
		put_original_header(&r);
	put(&r, "\r\n--");
	put_boundary(&r, "--\r\n");
	if (r.failed) {
		out->n = start;
		return err_set(e, ERR_TEMP, 0, "no room for the report");
	}
	return 0;
}
