#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mail/header.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/* Decoded content, names and sizes of parts. */

static bool
is_uu_type(const struct mime_leaf *leaf)
{
	const char *sub = strchr(leaf->part.type, '/');

	return sub != NULL &&
	       (strcmp(sub, "/x-uuencode") == 0 ||
		strcmp(sub, "/uuencode") == 0 || strcmp(sub, "/x-uue") == 0 ||
		strcmp(sub, "/x-uu") == 0);
}

int
mime_leaf_bytes(const struct mime_leaf *leaf, struct buf *out, struct err *e)
{
	struct buf once;
	int rc;

	/* text/x-uuencode is the encoding that a type was made of */
	if (!is_uu_type(leaf) || leaf->encoding == MIME_UUENCODE) {
		rc = mime_decode(leaf->encoding, leaf->body, out);
	} else {
		buf_init(&once, MIME_MESSAGE_MAX + 65536U);
		rc = mime_decode(leaf->encoding, leaf->body, &once);
		if (rc == 0)
			rc = mime_decode(MIME_UUENCODE, buf_span(&once), out);
		buf_free(&once);
	}
	return rc == 0 ? 0
		       : err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_LIMIT, 0,
				 "part too big");
}

bool
mime_leaf_is_message(const struct mime_leaf *leaf)
{
	return strcmp(leaf->part.type, "message/rfc822") == 0 ||
	       strcmp(leaf->part.type, "message/global") == 0 ||
	       strcmp(leaf->part.type, "message/news") == 0;
}

/* ---- names -----------------------------------------------------------------
 */

/* Cut to fit MIME_NAME_SIZE between characters, keeping a short extension. */
static void
shorten(struct span name, char buf[MIME_NAME_SIZE])
{
	size_t room = MIME_NAME_SIZE - 1, ext = 0;

	for (size_t i = name.n; name.n > room && i > 0 && name.n - i < 10; i--)
		if (name.p[i - 1] == '.') {
			ext = name.n - i + 1;
			break;
		}
	size_t head = name.n > room ? room - ext : name.n - ext;
	while (head < name.n && head > 0 && (name.p[head] & 0xC0) == 0x80)
		head--; /* not inside a UTF-8 character */
	memcpy(buf, name.p, head);
	memcpy(buf + head, name.p + name.n - ext, ext);
	buf[head + ext] = '\0';
}

/*
 * What a stranger calls a file is not where it goes: the last path component,
 * no control characters, no leading dot or blank, nothing that a shell or a
 * table would stumble over.
 */
static void
safe_name(struct span s, char buf[MIME_NAME_SIZE])
{
	struct buf clean;

	buf[0] = '\0';
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == '/' || s.p[i - 1] == '\\') {
			s = span_skip(s, i);
			break;
		}
	buf_init(&clean, 4096);
	if (s.n <= 1024 && width_clean(s, 0, &clean) == 0) {
		struct span name = span_trim(buf_span(&clean));
		while (name.n > 0 && (name.p[0] == '.' || name.p[0] == ' ' ||
				      name.p[0] == '-' || name.p[0] == '~'))
			name = span_skip(name, 1);
		if (name.n > 0)
			shorten(name, buf);
	}
	buf_free(&clean);
}

/* ---- what the header says -------------------------------------------------
 */

/* The value of a field on one line; "" when it is not there. */
static int
unfolded(struct span header, const char *name, struct buf *out)
{
	struct header_field f;

	buf_clear(out);
	return header_find(header, name, &f) ? header_unfold(f.value, out) : 0;
}

/* The first encoding that is one: some relays put "8bit" in front. */
static enum mime_encoding
header_encoding(struct span header)
{
	enum mime_encoding found = MIME_IDENTITY;
	struct header_field f;

	while (found == MIME_IDENTITY && header_next(&header, &f))
		if (span_eq_nocase(f.name,
				   span_of("Content-Transfer-Encoding")))
			found = mime_decode_name(f.value);
	return found;
}

/* Parameter `name` as a C string, "" when missing or too long. */
static int
short_param(struct span params, const char *name, char *value, size_t size)
{
	struct buf text;

	buf_init(&text, MIME_HEADER_MAX * 4U); /* in UTF-8 */
	int rc = mime_param(params, name, &text);
	value[0] = '\0';
	if (rc == 1)
		(void)span_copy(span_trim(buf_span(&text)), value, size);
	buf_free(&text);
	return rc < 0 ? -1 : 0;
}

/* RFC 2183 2.3; else the older name=, else that of uuencode. */
static int
take_name(struct mime_leaf *leaf, struct span disposition, struct span params)
{
	struct buf text;
	int rc;

	buf_init(&text, MIME_HEADER_MAX * 4U); /* in UTF-8 */
	rc = mime_param(disposition, "filename", &text);
	if (rc == 0)
		rc = mime_param(params, "name", &text);
	if (rc == 0 && (leaf->encoding == MIME_UUENCODE || is_uu_type(leaf)))
		rc = buf_add_span(
		    &text, span_head(mime_decode_uu_name(leaf->body), 1000));
	if (rc >= 0)
		safe_name(buf_span(&text), leaf->part.name);
	buf_free(&text);
	return rc < 0 ? -1 : 0;
}

static int
take_type(struct mime_leaf *leaf, struct span params)
{
	char format[16], delsp[8];

	if (short_param(params, "charset", leaf->charset, MIME_CHARSET_SIZE) !=
		0 ||
	    short_param(params, "format", format, sizeof(format)) != 0 ||
	    short_param(params, "delsp", delsp, sizeof(delsp)) != 0)
		return -1;
	leaf->flowed = span_eq_nocase(span_of(format), span_of("flowed"));
	leaf->delsp = span_eq_nocase(span_of(delsp), span_of("yes"));
	return 0;
}

/* Shown, or kept for `save`? */
static bool
is_attachment(const struct mime_leaf *leaf, struct span disposition)
{
	const struct mime_part *part = &leaf->part;

	if (span_starts_nocase(disposition, span_of("attachment")))
		return true;
	if (strncmp(part->type, "text/", 5) != 0 || is_uu_type(leaf))
		return true;
	/* a calendar or a table with a name is a file; text is text */
	return part->name[0] != '\0' && strcmp(part->type, "text/plain") != 0 &&
	       strcmp(part->type, "text/html") != 0;
}

static int
take_size(struct mime_leaf *leaf, struct err *e)
{
	struct buf bytes;

	buf_init(&bytes, MIME_MESSAGE_MAX * 2U);
	int rc = mime_leaf_bytes(leaf, &bytes, e);
	leaf->part.size = bytes.n;
	buf_free(&bytes);
	return rc;
}

int
mime_part_describe(struct mime_leaf *leaf, struct span params, struct err *e)
{
	struct buf field;
	int rc = 0;

	buf_init(&field, MIME_HEADER_MAX);
	leaf->encoding = header_encoding(leaf->header);
	if (unfolded(leaf->header, "Content-Disposition", &field) != 0 ||
	    take_type(leaf, params) != 0 ||
	    take_name(leaf, buf_span(&field), params) != 0)
		goto memory;
	struct span disposition = span_trim(buf_span(&field));
	leaf->part.is_attachment = is_attachment(leaf, disposition);
	rc = take_size(leaf, e);
	goto out;
memory:
	rc = err_set(e, ERR_TEMP, errno, "message");
out:
	buf_free(&field);
	return rc;
}

void
mime_part_file_name(const struct mime_part *p, char buf[MIME_NAME_SIZE])
{
	static const struct {
		const char *type, *extension;
	} known[] = {
		{ "text/plain", "txt" },        { "text/html", "html" },
		{ "text/csv", "csv" },          { "text/calendar", "ics" },
		{ "message/rfc822", "eml" },    { "application/pdf", "pdf" },
		{ "application/json", "json" }, { "application/zip", "zip" },
		{ "image/png", "png" },         { "image/jpeg", "jpg" },
		{ "image/gif", "gif" },         { "image/svg+xml", "svg" },
	};
	const char *extension = "bin";

	if (p->name[0] != '\0') {
		(void)snprintf(buf, MIME_NAME_SIZE, "%s", p->name);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(p->type, known[i].type) == 0)
			extension = known[i].extension;
	(void)snprintf(buf, MIME_NAME_SIZE, "part-%u.%s", p->number, extension);
}

int
mime_part_size(uint64_t bytes, struct buf *out)
{
	if (bytes < 1024)
		return buf_addf(out, "%u B", (unsigned)bytes);
	if (bytes < 1024 * 1024)
		return buf_addf(out, "%.1f KiB", (double)bytes / 1024);
	return buf_addf(out, "%.1f MiB", (double)bytes / (1024 * 1024));
}

int
mime_part_line(const struct mime_part *p, struct buf *out)
{
	char name[MIME_NAME_SIZE];

	mime_part_file_name(p, name);
	if (buf_addf(out, "[%u] %s %s ", p->number, name, p->type) != 0)
		return -1;
	return mime_part_size(p->size, out);
}
