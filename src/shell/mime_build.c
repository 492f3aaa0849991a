#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/encoded_word.h"
#include "mail/header.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/*
 * From a draft to bytes.  The header is written here, in the order people
 * expect to read it; GMime encodes words, bodies and attachments.  Two things
 * about GMime decided how: GMimeTextPart chooses a charset by itself, so text
 * goes in as a plain GMimePart with charset utf-8 said; and its parts may not
 * be cut into lines by us, so 8-bit text inside a multipart is always encoded
 * (the container would have to declare 8bit too, RFC 2045 6.4).
 *
 * Nothing typed can add a field: every value is refused when it holds a line
 * end or another control character.
 */
enum { FOLD_COLUMN = ENCODED_WORD_LINE_MAX, ARENA_BYTES = 4 * 1024 * 1024 };

/* ---- fields ----------------------------------------------------------------
 */

static int
full(struct err *e)
{
	return err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_LIMIT, 0,
		       "message too big");
}

int
mime_check_value(const char *name, struct span value, struct err *e)
{
	for (size_t i = 0; i < value.n; i++)
		if (mime_is_control(value.p[i]))
			return err_set(
			    e, ERR_PERM, 0,
			    "%s: a line end or control character in the value",
			    name);
	return 0;
}

static int
check_value(const char *name, const char *value, struct err *e)
{
	if (mime_check_value(name, span_of(value), e) != 0)
		return -1;
	if (!width_is_utf8(span_of(value)))
		return err_set(e, ERR_PERM, 0, "%s: not UTF-8", name);
	return 0;
}

/* Write "name: value" folded at blanks; no line may pass 998 octets. */
static int
put_folded(struct buf *out, const char *name, struct span value, struct err *e)
{
	size_t column = strlen(name) + 1;
	size_t i = 0;

	if (buf_addf(out, "%s:", name) != 0)
		return full(e);
	while (i < value.n) {
		size_t end = i;
		while (end < value.n && span_is_blank(value.p[end]))
			end++;
		while (end < value.n && !span_is_blank(value.p[end]))
			end++;
		size_t n = end - i;
		/* the blank that begins a word is kept: it is the fold's */
		bool blank = span_is_blank(value.p[i]);
		if (blank && column > strlen(name) + 1 &&
		    column + n > FOLD_COLUMN &&
		    !span_is_blank(value.p[end - 1])) {
			if (buf_add_str(out, "\r\n") != 0)
				return full(e);
			column = 0;
		}
		if (!blank && i == 0) {
			/* an encoded word keeps its line short (RFC 2047 2) */
			bool fold = span_starts_nocase(value, span_of("=?")) &&
				    column + 1 + n > FOLD_COLUMN;
			if (buf_add_str(out, fold ? "\r\n " : " ") != 0)
				return full(e);
			column = fold ? 0 : column;
		}
		if (buf_add(out, value.p + i, n) != 0)
			return full(e);
		column += n + (i == 0);
		if (column > HEADER_LINE_MAX)
			return err_set(e, ERR_PERM, 0, "%s: too long", name);
		i = end;
	}
	return buf_add_str(out, "\r\n") == 0 ? 0 : full(e);
}

/* What the first line has left behind the field's name. */
static size_t
room_in(const char *name)
{
	size_t n = strlen(name) + 2;

	return n < ENCODED_WORD_LINE_MAX ? ENCODED_WORD_LINE_MAX - n : 0;
}

static int
put_unstructured(struct buf *out, const char *name, const char *value,
		 struct err *e)
{
	if (check_value(name, value, e) != 0)
		return -1;
	struct buf encoded;
	buf_init(&encoded, MIME_HEADER_MAX);
	int rc = encoded_word_text(span_trim(span_of(value)), room_in(name),
				   &encoded) == 0
		     ? put_folded(out, name, buf_span(&encoded), e)
		     : full(e);
	buf_free(&encoded);
	return rc;
}

static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s > 0x7e)
			return false;
	return true;
}

static int
put_one(struct buf *out, const struct mime_address *x, size_t room)
{
	if (!encoded_word_is_needed(span_of(x->name)))
		return mime_address_text(x, out);
	return encoded_word_put(span_of(x->name), room, out) != 0
		   ? -1
		   : buf_addf(out, " <%s>", x->address);
}

/* An address field; `least` addresses are wanted. */
static int
put_addresses(const struct mime_draft *d, struct buf *out, const char *name,
	      const char *value, struct mime_built *built, struct err *e)
{
	struct mime_address *list;
	struct arena arena;
	struct buf line;
	unsigned n;
	int rc = -1;

	arena_init(&arena, ARENA_BYTES);
	buf_init(&line, MIME_HEADER_MAX);
	if (mime_addresses(span_of(value), &arena, &list, &n, e) != 0) {
		(void)err_prefix(e, "%s", name);
		goto out;
	}
	if (n == 0) {
		(void)err_set(e, ERR_PERM, 0, "%s: no address", name);
		goto out;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!is_ascii(list[i].address)) {
			built->utf8 = true;
			if (!d->server_utf8) {
				(void)err_set(e, ERR_PERM, 0,
					      "%s: <%s> needs SMTPUTF8, which "
					      "the server does not offer",
					      name, list[i].address);
				goto out;
			}
		}
		if ((i > 0 && buf_add_str(&line, ", ") != 0) ||
		    put_one(&line, &list[i],
			    i == 0 ? room_in(name) : ENCODED_WORD_MAX) != 0) {
			(void)full(e);
			goto out;
		}
	}
	rc = put_folded(out, name, buf_span(&line), e);
out:
	arena_reset(&arena);
	buf_free(&line);
	return rc;
}

static bool
given(const char *s)
{
	return s != NULL && *s != '\0';
}

/* "<id> <id>": a token each, ASCII. */
static int
put_ids(struct buf *out, const char *name, const char *value, struct err *e)
{
	if (!given(value))
		return 0;
	if (check_value(name, value, e) != 0)
		return -1;
	if (value[0] != '<' || !is_ascii(value))
		return err_set(e, ERR_PERM, 0, "%s: '%s' is not <id>", name,
			       value);
	return put_folded(out, name, span_of(value), e);
}

static int
put_extra(const struct mime_draft *d, const struct mime_field *f,
	  struct buf *out, struct mime_built *built, struct err *e)
{
	static const char *const ours[] = {
		"From",       "To",       "Cc",          "Bcc",
		"Subject",    "Date",     "Message-ID",  "In-Reply-To",
		"References", "Received", "Return-Path", "MIME-Version",
	};
	struct span name = span_of(f->name);

	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
			name.n = 0; /* RFC 5322 3.6.8 */
	if (name.n == 0 || name.n > 70)
		return err_set(e, ERR_PERM, 0, "'%s' is not a field name",
			       f->name);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (span_eq_nocase(name, span_of(ours[i])) ||
		    span_starts_nocase(name, span_of("Content-")))
			return err_set(e, ERR_PERM, 0,
				       "%s: not to be set as a header field",
				       f->name);
	if (span_eq_nocase(name, span_of("Reply-To")) ||
	    span_eq_nocase(name, span_of("Sender")))
		return put_addresses(d, out, f->name, f->value, built, e);
	return put_unstructured(out, f->name, f->value, e);
}

static int
put_header(const struct mime_draft *d, struct buf *out,
	   struct mime_built *built, struct err *e)
{
	const char *const lists[][2] = { { "From", d->from },
					 { "To", d->to },
					 { "Cc", d->cc },
					 { "Reply-To", d->reply_to } };
	char date[DATE_SIZE];

	if (!given(d->from))
		return err_set(e, ERR_PERM, 0, "From: no address");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (given(lists[i][1]) &&
		    put_addresses(d, out, lists[i][0], lists[i][1], built, e) !=
			0)
			return -1;
	if (given(d->subject) &&
	    put_unstructured(out, "Subject", d->subject, e) != 0)
		return -1;
	if (d->has_date) {
		date_format(d->date_s, date);
		if (put_folded(out, "Date", span_of(date), e) != 0)
			return -1;
	}
	if (put_ids(out, "Message-ID", d->message_id, e) != 0 ||
	    put_ids(out, "In-Reply-To", d->in_reply_to, e) != 0 ||
	    put_ids(out, "References", d->references, e) != 0)
		return -1;
	for (unsigned i = 0; i < d->n_fields; i++)
		if (put_extra(d, &d->fields[i], out, built, e) != 0)
			return -1;
	return 0;
}

/* ---- body -----------------------------------------------------------------
 */

/* LF lines as CRLF lines. */
static int
put_lines(struct buf *out, struct span lines)
{
	while (lines.n > 0) {
		long lf = span_find(lines, '\n', 0);
		size_t n = lf < 0 ? lines.n : (size_t)lf;
		if (buf_add(out, lines.p, n) != 0 ||
		    buf_add_str(out, "\r\n") != 0)
			return -1;
		lines = span_skip(lines, n + 1);
	}
	return 0;
}

/* The object's own fields, an empty line and its body, as CRLF lines. */
static int
put_object(GMimeObject *object, struct buf *out, struct err *e)
{
	GMimeFormatOptions *format = g_mime_format_options_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	int rc = -1;

	g_mime_format_options_set_newline_format(format,
						 GMIME_NEWLINE_FORMAT_DOS);
	g_mime_format_options_set_param_encoding_method(
	    format, GMIME_PARAM_ENCODING_METHOD_RFC2231);
	if (g_mime_object_write_to_stream(object, format, stream) < 0) {
		(void)err_set(e, ERR_TEMP, 0, "cannot write the message");
	} else {
		const GByteArray *bytes =
		    g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
		rc = buf_add_str(out, "MIME-Version: 1.0\r\n") == 0 &&
			     buf_add(out, bytes->data, bytes->len) == 0
			 ? 0
			 : full(e);
	}
	g_object_unref(stream);
	g_mime_format_options_free(format);
	if (rc == 0 && (out->n < 2 || out->p[out->n - 1] != '\n') &&
	    buf_add_str(out, "\r\n") != 0)
		return full(e);
	return rc;
}

static int
put_text_only(const struct mime_draft *d, const struct mime_text *t,
	      struct buf *out, struct mime_built *built, struct err *e)
{
	bool fits = t->longest <= HEADER_LINE_MAX;

	if (t->eight_bit == 0 && fits)
		return buf_add_str(out, "\r\n") == 0 &&
			       put_lines(out, buf_span(&t->lines)) == 0
			   ? 0
			   : full(e);
	if (d->server_8bit && fits) {
		built->eight_bit = true;
		return buf_add_str(out,
				   "MIME-Version: 1.0\r\n"
				   "Content-Type: text/plain; charset=utf-8\r\n"
				   "Content-Transfer-Encoding: 8bit\r\n"
				   "\r\n") == 0 &&
			       put_lines(out, buf_span(&t->lines)) == 0
			   ? 0
			   : full(e);
	}
	GMimeObject *part = mime_text_part(t);
	int rc = put_object(part, out, e);
	g_object_unref(part);
	return rc;
}

static int
put_multipart(const struct mime_draft *d, const struct mime_text *t,
	      struct buf *out, struct err *e)
{
	GMimeMultipart *multipart = g_mime_multipart_new_with_subtype("mixed");
	GMimeObject *text = mime_text_part(t);
	uint64_t left = out->max - out->n;
	int rc = -1;

	g_mime_multipart_add(multipart, text);
	g_object_unref(text);
	for (unsigned i = 0; i < d->n_attachments; i++) {
		GMimeObject *part = mime_file_part(d->attachments[i], &left, e);
		if (part == NULL)
			goto out;
		g_mime_multipart_add(multipart, part);
		g_object_unref(part);
	}
	rc = put_object(GMIME_OBJECT(multipart), out, e);
out:
	g_object_unref(multipart);
	return rc;
}

int
mime_build(const struct mime_draft *d, struct buf *out,
	   struct mime_built *built, struct err *e)
{
	struct mime_text t = { .longest = 0 };
	size_t start = out->n;
	int rc = -1;

	*built = (struct mime_built){ .eight_bit = false };
	buf_init(&t.lines, MIME_TEXT_MAX);
	errno = 0;
	if (put_header(d, out, built, e) != 0 ||
	    mime_take_text(d->body, &t, e) != 0)
		goto out;
	rc = d->n_attachments == 0 ? put_text_only(d, &t, out, built, e)
				   : put_multipart(d, &t, out, e);
	/* RFC 6532: header fields with UTF-8 are 8-bit content */
	built->eight_bit = built->eight_bit || built->utf8;
out:
	if (rc != 0)
		out->n = start;
	buf_free(&t.lines);
	return rc;
}

void
mime_new_id(const char *domain, char buf[MIME_ID_SIZE])
{
	struct span d = span_of(domain);
	char id[RAND_ID_SIZE];

	if (d.n == 0 || d.n > 100 || !address_domain_is_valid(d, false))
		d = span_of("localhost");
	rand_id(id);
	(void)snprintf(buf, MIME_ID_SIZE, "<%s@%.*s>", id, SPAN_ARG(d));
}
