#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shell/mime_private.h"
#include "shell/width.h"

/* Decoded content: names and sizes of parts. */

static int
write_object(GMimeObject *object, GMimeStream *stream)
{
	if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *inner =
		    g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
		return inner == NULL ||
			       g_mime_object_write_to_stream(
				   GMIME_OBJECT(inner), NULL, stream) >= 0
			   ? 0
			   : -1;
	}
	if (!GMIME_IS_PART(object))
		return 0;
	GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(object));
	return content == NULL ||
		       g_mime_data_wrapper_write_to_stream(content, stream) >= 0
		   ? 0
		   : -1;
}

int
mime_leaf_bytes(GMimeObject *object, struct buf *out, struct err *e)
{
	GMimeStream *stream = g_mime_stream_mem_new();
	int rc = write_object(object, stream);

	if (rc != 0) {
		(void)err_set(e, ERR_TEMP, 0, "cannot decode the part");
	} else {
		const GByteArray *bytes =
		    g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
		rc = buf_add(out, bytes->data, bytes->len);
		if (rc != 0)
			(void)err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_LIMIT,
				      0, "part too big");
	}
	g_object_unref(stream);
	return rc;
}

/* Bytes without keeping them. */
static uint64_t
decoded_size(GMimeObject *object)
{
	GMimeStream *stream = g_mime_stream_null_new();
	uint64_t size = 0;

	if (write_object(object, stream) == 0)
		size = (uint64_t)GMIME_STREAM_NULL(stream)->written;
	g_object_unref(stream);
	return size;
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
safe_name(const char *given, char buf[MIME_NAME_SIZE])
{
	struct span s = span_of(given);
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

static void
describe_type(GMimeObject *object, char buf[MIME_TYPE_SIZE])
{
	GMimeContentType *t = g_mime_object_get_content_type(object);
	char *text = t == NULL ? NULL : g_mime_content_type_get_mime_type(t);
	size_t n = 0;

	for (const char *p = text == NULL ? "text/plain" : text;
	     *p != '\0' && n + 1 < MIME_TYPE_SIZE; p++) {
		bool odd = *p <= ' ' || *p > '~';
		buf[n++] = odd ? '?' : (char)span_lower(*p);
	}
	buf[n] = '\0';
	g_free(text);
}

/* Shown, or kept for `save`? */
static bool
is_attachment(GMimeObject *object, const struct mime_part *part)
{
	GMimeContentDisposition *d =
	    g_mime_object_get_content_disposition(object);

	if (d != NULL && g_mime_content_disposition_is_attachment(d))
		return true;
	if (!GMIME_IS_PART(object) || !mime_type_is(object, "text", "*"))
		return true;
	/* a calendar or a table with a name is a file; text is text */
	return part->name[0] != '\0' &&
	       !mime_type_is(object, "text", "plain") &&
	       !mime_type_is(object, "text", "html");
}

int
mime_part_describe(GMimeObject *object, struct mime_part *part, struct err *e)
{
	(void)e;
	describe_type(object, part->type);
	if (GMIME_IS_PART(object)) {
		const char *name = g_mime_part_get_filename(GMIME_PART(object));
		if (name != NULL)
			safe_name(name, part->name);
	}
	part->size = decoded_size(object);
	part->is_attachment = is_attachment(object, part);
	return 0;
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
mime_part_line(const struct mime_part *p, struct buf *out)
{
	char name[MIME_NAME_SIZE];

	mime_part_file_name(p, name);
	if (buf_addf(out, "[%u] %s %s ", p->number, name, p->type) != 0)
		return -1;
	if (p->size < 1024)
		return buf_addf(out, "%u B", (unsigned)p->size);
	if (p->size < 1024 * 1024)
		return buf_addf(out, "%.1f KiB", (double)p->size / 1024);
	return buf_addf(out, "%.1f MiB", (double)p->size / (1024 * 1024));
}
