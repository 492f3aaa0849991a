#include "mail/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mail/utf8.h"

/* What may be shown of one character: control characters, C1 ones (U+0080 to
 * U+009F, terminals obey them) and malformed bytes may not. */
static size_t
printable(struct span s)
{
	unsigned char c = (unsigned char)s.p[0];

	if (c < 0x80)
		return c >= ' ' && c != 0x7f ? 1 : 0;
	if (c == 0xc2 && s.n > 1 && (unsigned char)s.p[1] < 0xa0)
		return 0;
	return utf8_next(s);
}

/* Append text to r->text at `at`, made printable; newlines stay when they are
 * ours.  Cuts between characters at the end of the room. */
static void
add_text(struct smtp_reply *r, size_t at, struct span s, bool newlines)
{
	while (s.n > 0) {
		size_t n = printable(s);
		char c = s.p[0];
		bool keep = n > 0 || (newlines && c == '\n');

		if (at + (n > 0 ? n : 1) >= REPLY_TEXT_SIZE)
			break;
		if (n > 1) {
			memcpy(r->text + at, s.p, n);
			at += n;
		} else {
			r->text[at++] = keep ? c : c == '\t' ? ' ' : '?';
		}
		s = span_skip(s, n > 0 ? n : 1);
	}
	r->text[at] = '\0';
}

void
reply_set(struct smtp_reply *r, int code, const char *enhanced, const char *fmt,
	  ...)
{
	char text[REPLY_TEXT_SIZE];
	va_list ap;

	*r = (struct smtp_reply){ .code = code };
	if (enhanced != NULL &&
	    span_copy(span_of(enhanced), r->enhanced, sizeof(r->enhanced)) != 0)
		r->enhanced[0] = '\0';
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		text[0] = '\0';
	add_text(r, 0, span_of(text), true);
}

void
reply_from_err(struct smtp_reply *r, const struct err *e)
{
	/* Texts of TEMP errors name files of this machine: they are for the
	 * log.  Those of PERM and LIMIT are written for the client. */
	if (e->class == ERR_PERM)
		reply_set(r, 554, "5.3.0", "%s", e->msg);
	else if (e->sys == ENOSPC || e->sys == EDQUOT)
		reply_set(r, 452, "4.3.1", "Insufficient system storage");
	else if (e->class == ERR_LIMIT)
		reply_set(r, 452, "4.3.1", "%s", e->msg);
	else
		reply_set(r, 451, "4.3.0",
			  "Local error in processing, try again later");
}

/* Length of "class.subject.detail" at the start of s when it is one for this
 * reply: the class is the first digit of the code (RFC 2034 4) and a blank or
 * the end follows; else 0. */
static size_t
enhanced_length(struct span s, int code)
{
	size_t i = 1;

	if (s.n < 5 || s.p[0] != '0' + code / 100 || s.p[0] == '3')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (i >= s.n || s.p[i++] != '.')
			return 0;
		while (i < s.n && span_is_digit(s.p[i]) && digits <= 3) {
			i++;
			digits++;
		}
		if (digits == 0 || digits > 3) /* RFC 3463 2: 1*3DIGIT */
			return 0;
	}
	if (i < s.n && !span_is_blank(s.p[i]))
		return 0;
	return i;
}

/* Code and separator of one line; 1 last, 0 more, -1 malformed. */
static int
parse_code(struct span line, int *code)
{
	if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' ||
	    !span_is_digit(line.p[1]) || !span_is_digit(line.p[2]))
		return -1;
	*code = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 +
		(line.p[2] - '0');
	if (line.n == 3 || line.p[3] == ' ')
		return 1;
	return line.p[3] == '-' ? 0 : -1;
}

int
reply_add_line(struct smtp_reply *r, struct span line, struct err *e)
{
	int code = 0;
	int last = parse_code(line, &code);

	/* The second digit may be over 5: 571 and 591 are seen in the wild, and
	 * a client goes by the first digit (RFC 5321 4.3.2). */
	if (last < 0)
		return err_set(e, ERR_PROTO, 0, "not a reply line: %.*s",
			       SPAN_ARG(span_head(line, 60)));
	bool first = r->code == 0;
	if (!first && r->code != code)
		return err_set(e, ERR_PROTO, 0,
			       "reply changed its code from %d to %d", r->code,
			       code);
	r->code = code;
	struct span text = span_skip(line, 4);
	size_t n = enhanced_length(text, code);
	if (first && n > 0 &&
	    span_copy(span_head(text, n), r->enhanced, sizeof(r->enhanced)) !=
		0)
		r->enhanced[0] = '\0';
	if (n > 0 && span_eq(span_head(text, n), span_of(r->enhanced)))
		text = span_skip(text, n + 1);
	size_t at = strlen(r->text);
	if (first) {
		add_text(r, 0, text, false);
	} else if (at + 1 + text.n < REPLY_TEXT_SIZE) {
		/* A later line goes in whole or not at all, so that half a
		 * word of an EHLO reply is never taken for an extension. */
		r->text[at] = '\n';
		add_text(r, at + 1, text, false);
	}
	return last;
}

/* The largest size <= n that does not cut a character of s. */
static size_t
whole_characters(const char *s, size_t n)
{
	while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void
reply_one_line(const struct smtp_reply *r, char *buf, size_t size)
{
	char all[2 * REPLY_TEXT_SIZE + 32];
	size_t n;

	if (size == 0)
		return;
	int head = snprintf(all, sizeof(all), "%03d%s%s%s", r->code,
			    r->enhanced[0] != '\0' ? " " : "", r->enhanced,
			    r->text[0] != '\0' ? " " : "");
	n = head < 0 ? 0 : (size_t)head;
	for (const char *p = r->text; *p != '\0' && n + 3 < sizeof(all); p++) {
		if (*p == '\n') {
			all[n++] = ';';
			all[n++] = ' ';
		} else {
			all[n++] = *p;
		}
	}
	all[n] = '\0';
	if (n >= size)
		n = whole_characters(all, size - 1);
	memcpy(buf, all, n);
	buf[n] = '\0';
}
