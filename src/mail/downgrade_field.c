#include "mail/downgrade.h"

#include <errno.h>

#include "mail/header.h"
#include "mail/mailbox_list.h"
#include "mail/utf8.h"

/* RFC 6858 2.1, word for word. */
static const char nobody[] = "invalid@internationalized-address.invalid";

enum {
	WORD_MAX = 75, /* RFC 2047 2 */
	WORD_FRAME = sizeof("=?utf-8?q??"
			    "=") -
		     1,
	PARAM_MAX = 900, /* a line of one, RFC 5322 2.1.1 */
};

/* ---- encoded words --------------------------------------------------------
 */

/* What may stand as it is in an encoded word in a phrase (RFC 2047 5). */
static bool
is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '-' || c == '!' || c == '*' ||
	       c == '/' || c == '+';
}

static size_t
coded_size(struct span character)
{
	return character.n == 1 &&
		       (is_plain(character.p[0]) || character.p[0] == ' ')
		   ? 1
		   : 3 * character.n;
}

static int
put_coded(struct span character, struct buf *out)
{
	for (size_t i = 0; i < character.n; i++) {
		char c = character.p[i];
		int rc = c == ' '      ? buf_add_char(out, '_')
			 : is_plain(c) ? buf_add_char(out, c)
				       : buf_addf(out, "=%02X",
						  (unsigned)(unsigned char)c);
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* The next character; a byte that is none, and a control, is shown as '?'. */
static struct span
take_character(struct span *text)
{
	size_t n = utf8_next(*text);
	struct span c = n == 0 ? span_of("?") : span_head(*text, n);

	if (n == 1 && ((unsigned char)c.p[0] < ' ' || c.p[0] == 0x7f))
		c = span_of("?");
	*text = span_skip(*text, n == 0 ? 1 : n);
	return c;
}

/* Text as encoded words, each of whole characters, one a line. */
static int
put_words(struct span text, struct buf *out)
{
	size_t room = 0;
	bool open = false;

	while (text.n > 0) {
		struct span c = take_character(&text);
		if (coded_size(c) > room) {
			if (open && buf_add_str(out, "?=\n ") != 0)
				return -1;
			if (buf_add_str(out, "=?utf-8?q?") != 0)
				return -1;
			open = true;
			room = WORD_MAX - WORD_FRAME;
		}
		if (put_coded(c, out) != 0)
			return -1;
		room -= coded_size(c);
	}
	return open ? buf_add_str(out, "?=") : 0;
}

/* ---- addresses ------------------------------------------------------------
 */

/* How much of a list is one mailbox, or the name of a group?  Commas count
 * outside quotes, comments, literals and angle brackets only. */
static size_t
element_size(struct span s)
{
	unsigned depth = 0;
	bool quoted = false, literal = false, angle = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\' && (quoted || depth > 0))
			i++;
		else if (quoted)
			quoted = c != '"';
		else if (c == '(')
			depth++;
		else if (depth > 0)
			depth -= c == ')';
		else if (c == '"')
			quoted = true;
		else if (c == '[' || literal)
			literal = c != ']';
		else if (c == '<' || angle)
			angle = c != '>';
		else if (c == ',' || c == ';' || c == ':')
			return i;
	}
	return s.n;
}

/* A display name without its quotes. */
static int
put_display(struct span name, struct buf *out)
{
	struct buf plain;

	buf_init(&plain, DOWNGRADE_FIELD_MAX);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < name.n; i++) {
		if (name.p[i] == '\\' && i + 1 < name.n)
			i++;
		else if (name.p[i] == '"')
			continue;
		rc = buf_add_char(&plain, name.p[i]);
	}
	if (rc == 0)
		rc = put_words(span_trim(buf_span(&plain)), out);
	buf_free(&plain);
	return rc;
}

static int
put_mailbox(struct span element, struct buf *out)
{
	char address[MAILBOX_SIZE];
	struct span rest = element;
	struct err ignored;

	int found = mailbox_list_next(&rest, address, &ignored);
	long angle = span_find(element, '<', 0);
	bool keep = found == 1 && angle > 0 && utf8_is_ascii(span_of(address));
	struct span shown = keep ? span_head(element, (size_t)angle) : element;
	if (put_display(shown, out) != 0)
		return -1;
	return buf_addf(out, "\n <%s>", keep ? address : nobody);
}

static int
put_list(struct span name, struct span list, struct buf *out)
{
	if (buf_add_span(out, name) != 0 || buf_add_char(out, ':') != 0)
		return -1;
	while (list.n > 0) {
		size_t n = element_size(list);
		struct span one = span_trim(span_head(list, n));
		char end = n < list.n ? list.p[n] : '\0';
		list = span_skip(list, n + 1);
		if (one.n > 0 && buf_add_char(out, ' ') != 0)
			return -1;
		int rc = utf8_is_ascii(one) ? buf_add_span(out, one)
			 : end == ':'       ? put_display(one, out)
					    : put_mailbox(one, out);
		if (rc != 0 || (end != '\0' && buf_add_char(out, end) != 0) ||
		    (list.n > 0 && buf_add_char(out, '\n') != 0))
			return -1;
		if (list.n > 0 && span_trim(list).n == 0)
			list = span_skip(list, list.n);
	}
	/* nothing may end in a line of blanks, and one line end closes it */
	while (out->n > 0 && (out->p[out->n - 1] == '\n'))
		out->n--;
	return buf_add_char(out, '\n');
}

/* ---- parameters -----------------------------------------------------------
 */

static bool
is_token(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && c != ';' && c != '"' &&
	       c != '=' && c != '(' && c != ')' && c != ',';
}

bool
downgrade_param(struct span *rest, struct span *name, struct span *value)
{
	size_t i = 0, from;

	while (i < rest->n && !is_token(rest->p[i]))
		i++;
	for (from = i; i < rest->n && is_token(rest->p[i]);)
		i++;
	*name = span_head(span_skip(*rest, from), i - from);
	while (i < rest->n && (span_is_blank(rest->p[i]) ||
			       rest->p[i] == '\r' || rest->p[i] == '\n'))
		i++;
	*value = span_make(rest->p, 0);
	if (i < rest->n && rest->p[i] == '=') {
		i++;
		while (i < rest->n && span_is_blank(rest->p[i]))
			i++;
		bool quoted = i < rest->n && rest->p[i] == '"';
		for (from = i += quoted;
		     i < rest->n &&
		     (quoted ? rest->p[i] != '"' : is_token(rest->p[i]));
		     i++)
			i += quoted && rest->p[i] == '\\' && i + 1 < rest->n;
		*value = span_head(span_skip(*rest, from), i - from);
		i += quoted;
	}
	*rest = span_skip(*rest, i);
	return name->n > 0;
}

/* name*=utf-8''%C3%A9 (RFC 2231 4). */
static int
put_extended(struct span name, struct span value, struct buf *out)
{
	if (buf_add_span(out, name) != 0 || buf_add_str(out, "*=utf-8''") != 0)
		return -1;
	while (value.n > 0) {
		if (value.p[0] == '\\' && value.n > 1)
			value = span_skip(value, 1);
		struct span c = take_character(&value);
		for (size_t i = 0; i < c.n; i++) {
			bool as_it_is =
			    c.p[i] == '.' || (is_plain(c.p[i]) &&
					      c.p[i] != '*' && c.p[i] != '/');
			int rc =
			    as_it_is
				? buf_add_char(out, c.p[i])
				: buf_addf(out, "%%%02X",
					   (unsigned)(unsigned char)c.p[i]);
			if (rc != 0)
				return -1;
		}
	}
	return 0;
}

static int
put_params(struct span name, struct span value, struct buf *out)
{
	struct span param, text;
	long semicolon = span_find(value, ';', 0);
	struct span main = span_trim(
	    semicolon < 0 ? value : span_head(value, (size_t)semicolon));
	struct span rest = semicolon < 0 ? span_skip(value, value.n)
					 : span_skip(value, (size_t)semicolon);

	if (!utf8_is_ascii(main))
		return 0;
	if (buf_add_span(out, name) != 0 || buf_add_str(out, ": ") != 0 ||
	    buf_add_span(out, main) != 0)
		return -1;
	while (downgrade_param(&rest, &param, &text)) {
		if (text.n == 0 || !utf8_is_ascii(param) ||
		    3 * text.n > PARAM_MAX || span_find(text, '\n', 0) >= 0)
			continue;
		int rc = buf_add_str(out, ";\n ");
		if (rc == 0 && !utf8_is_ascii(text))
			rc = put_extended(param, text, out);
		else if (rc == 0 && (rc = buf_add_span(out, param)) == 0 &&
			 (rc = buf_add_str(out, "=\"")) == 0 &&
			 (rc = buf_add_span(out, text)) == 0)
			rc = buf_add_char(out, '"');
		if (rc != 0)
			return -1;
	}
	return buf_add_char(out, '\n');
}

/* ---- one field ------------------------------------------------------------
 */

static int
put_text(struct span name, struct span value, struct buf *out)
{
	struct buf line;

	buf_init(&line, DOWNGRADE_FIELD_MAX);
	int rc = header_unfold(value, &line);
	if (rc == 0)
		rc = buf_add_span(out, name);
	if (rc == 0)
		rc = buf_add_str(out, ": ");
	if (rc == 0)
		rc = put_words(buf_span(&line), out);
	buf_free(&line);
	return rc == 0 ? buf_add_char(out, '\n') : -1;
}

static int
put_unfolded_list(struct span name, struct span value, struct buf *out)
{
	struct buf line;

	buf_init(&line, DOWNGRADE_FIELD_MAX);
	int rc = header_unfold(value, &line);
	if (rc == 0)
		rc = put_list(name, buf_span(&line), out);
	buf_free(&line);
	return rc;
}

static int
put_nobody(struct span name, struct span value, struct buf *out)
{
	(void)value;
	if (buf_add_span(out, name) != 0)
		return -1;
	return buf_addf(out, ": <%s>\n", nobody);
}

/* What is done with a field that is not ASCII; one that is not here goes. */
static const struct {
	const char *name;
	int (*put)(struct span name, struct span value, struct buf *out);
} ways[] = {
	{ "From", put_unfolded_list },
	{ "Sender", put_unfolded_list },
	{ "Reply-To", put_unfolded_list },
	{ "To", put_unfolded_list },
	{ "Cc", put_unfolded_list },
	{ "Bcc", put_unfolded_list },
	{ "Resent-From", put_unfolded_list },
	{ "Resent-Sender", put_unfolded_list },
	{ "Resent-To", put_unfolded_list },
	{ "Resent-Cc", put_unfolded_list },
	{ "Resent-Bcc", put_unfolded_list },
	{ "Return-Path", put_nobody }, /* it has no display name */
	{ "Content-Type", put_params },
	{ "Content-Disposition", put_params },
	{ "Subject", put_text },
	{ "Comments", put_text },
	{ "Content-Description", put_text },
};

int
downgrade_field(struct span field, struct buf *out)
{
	struct header_field f;
	struct span rest = field;
	size_t start = out->n;
	int rc = 0;

	if (utf8_is_ascii(field))
		return buf_add_span(out, field);
	(void)header_next(&rest, &f);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (span_eq_nocase(f.name, span_of(ways[i].name)))
			rc = ways[i].put(f.name, f.value, out);
	}
	if (rc != 0 && errno != EMSGSIZE)
		return -1;
	/* A thousand one-letter addresses make fifty times as much text. */
	if (rc != 0 || out->n - start > DOWNGRADE_OUT_MAX / 2)
		out->n = start;
	return 0;
}
