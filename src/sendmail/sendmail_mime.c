#include <string.h>

#include "mail/header.h"
#include "sendmail/sendmail.h"

/*
 * What a header says of its body (RFC 2045 5.1, 6.1), with comments and folds
 * wherever the grammar has them.  A value that is none of the grammar says
 * nothing: the body is then what it is without the field.
 */

/* A comment may hold others (RFC 5322 3.2.2); one without an end is all of
 * the rest. */
static struct span
skip_comment(struct span s)
{
	unsigned depth = 0;
	size_t i = 0;

	for (; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			break;
	}
	return span_skip(s, i + 1);
}

static struct span
skip_blanks(struct span s)
{
	while (s.n > 0) {
		if (s.p[0] == '(')
			s = skip_comment(s);
		else if (span_is_blank(s.p[0]) || s.p[0] == '\n')
			s = span_skip(s, 1);
		else
			break;
	}
	return s;
}

/* The next token, "" when there is none; what may stand around it goes. */
static struct span
take_token(struct span *s)
{
	static const char special[] = "()<>@,;:\\\"/[]?=";
	size_t n = 0;

	*s = skip_blanks(*s);
	while (n < s->n && s->p[n] > ' ' && s->p[n] <= '~' &&
	       memchr(special, s->p[n], sizeof(special) - 1) == NULL)
		n++;
	struct span token = span_head(*s, n);
	*s = skip_blanks(span_skip(*s, n));
	return token;
}

static bool
take_char(struct span *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = span_skip(*s, 1);
	return true;
}

/* A token, or what stands between quotes. */
static struct span
take_value(struct span *s)
{
	size_t n = 0;

	*s = skip_blanks(*s);
	if (!take_char(s, '"'))
		return take_token(s);
	while (n < s->n && s->p[n] != '"')
		n += s->p[n] == '\\' ? 2 : 1;
	struct span value = span_head(*s, n);
	*s = skip_blanks(span_skip(*s, n + 1));
	return value;
}

static struct span
boundary_of(struct span parameters)
{
	while (take_char(&parameters, ';')) {
		struct span name = take_token(&parameters);
		if (!take_char(&parameters, '='))
			break;
		struct span value = take_value(&parameters);
		if (span_eq_nocase(name, span_of("boundary")))
			return value;
	}
	return span_make(NULL, 0);
}

static void
read_type(struct span value, struct sendmail_mime *m)
{
	struct span type = take_token(&value);
	struct span sub =
	    take_char(&value, '/') ? take_token(&value) : span_make(NULL, 0);

	if (span_eq_nocase(type, span_of("multipart"))) {
		m->is_multipart = true;
		m->is_sealed = span_eq_nocase(sub, span_of("signed")) ||
			       span_eq_nocase(sub, span_of("encrypted"));
		m->is_digest = span_eq_nocase(sub, span_of("digest"));
		m->boundary = boundary_of(value);
	} else if (span_eq_nocase(type, span_of("message"))) {
		m->is_message = true;
	} else if (span_eq_nocase(type, span_of("application"))) {
		/* RFC 8551 3.2 */
		m->is_sealed = span_eq_nocase(sub, span_of("pkcs7-mime")) ||
			       span_eq_nocase(sub, span_of("x-pkcs7-mime"));
	}
}

static enum sendmail_encoding
encoding_of(struct span value)
{
	static const struct {
		const char *name;
		enum sendmail_encoding encoding;
	} names[] = {
		{ "7bit", SENDMAIL_PLAIN },
		{ "8bit", SENDMAIL_PLAIN },
		{ "binary", SENDMAIL_PLAIN },
		{ "quoted-printable", SENDMAIL_QUOTED },
		{ "base64", SENDMAIL_BASE64 },
	};
	struct span name = take_token(&value);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_eq_nocase(name, span_of(names[i].name)))
			return names[i].encoding;
	}
	return name.n == 0 ? SENDMAIL_PLAIN : SENDMAIL_UNKNOWN;
}

void
sendmail_mime_read(struct span head, struct sendmail_mime *m)
{
	struct header_field f;

	*m = (struct sendmail_mime){ .encoding = SENDMAIL_PLAIN };
	if (header_find(head, "Content-Type", &f)) {
		m->has_type = true;
		read_type(f.value, m);
	}
	if (header_find(head, "Content-Transfer-Encoding", &f))
		m->encoding = encoding_of(f.value);
}
