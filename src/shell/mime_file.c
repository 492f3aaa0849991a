#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/mime_private.h"
#include "shell/width.h"

/* A file as an attachment: its type, its name, its bytes exactly (base64). */

struct known_type {
	const char *extension, *type, *subtype;
};

static const struct known_type TYPES[] = {
	{ "txt", "text", "plain" },
	{ "text", "text", "plain" },
	{ "log", "text", "plain" },
	{ "md", "text", "markdown" },
	{ "csv", "text", "csv" },
	{ "html", "text", "html" },
	{ "htm", "text", "html" },
	{ "ics", "text", "calendar" },
	{ "vcf", "text", "vcard" },
	{ "c", "text", "x-csrc" },
	{ "h", "text", "x-chdr" },
	{ "patch", "text", "x-diff" },
	{ "diff", "text", "x-diff" },
	{ "pdf", "application", "pdf" },
	{ "json", "application", "json" },
	{ "xml", "application", "xml" },
	{ "zip", "application", "zip" },
	{ "gz", "application", "gzip" },
	{ "tgz", "application", "gzip" },
	{ "xz", "application", "x-xz" },
	{ "tar", "application", "x-tar" },
	{ "odt", "application", "vnd.oasis.opendocument.text" },
	{ "ods", "application", "vnd.oasis.opendocument.spreadsheet" },
	{ "docx", "application",
	  "vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ "xlsx", "application",
	  "vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ "png", "image", "png" },
	{ "jpg", "image", "jpeg" },
	{ "jpeg", "image", "jpeg" },
	{ "gif", "image", "gif" },
	{ "webp", "image", "webp" },
	{ "svg", "image", "svg+xml" },
	{ "mp3", "audio", "mpeg" },
	{ "ogg", "audio", "ogg" },
	{ "mp4", "video", "mp4" },
	{ "webm", "video", "webm" },
};

static struct span
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return span_of(slash == NULL ? path : slash + 1);
}

static bool
is_text(struct span bytes)
{
	return span_find(bytes, '\0', 0) < 0 && width_is_utf8(bytes);
}

static struct known_type
guess_type(struct span name, struct span bytes)
{
	size_t dot = name.n;

	while (dot > 0 && name.p[dot - 1] != '.')
		dot--;
	struct span extension = span_skip(name, dot);
	for (size_t i = 0; dot > 1 && i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
		if (span_eq_nocase(extension, span_of(TYPES[i].extension)))
			return TYPES[i];
	if (is_text(bytes))
		return (struct known_type){ "", "text", "plain" };
	return (struct known_type){ "", "application", "octet-stream" };
}

/* The whole regular file; O_NONBLOCK so that a FIFO cannot hold us up. */
static int
read_file(const char *path, uint64_t *left, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int rc = -1;

	if (fd < 0)
		return err_set(e, ERR_TEMP, errno, "%s", path);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)err_set(e, ERR_TEMP, 0, "%s: not a regular file", path);
		goto out;
	}
	for (;;) {
		if (out->n >= *left || buf_reserve(out, 65536) != 0) {
			(void)err_set(e, ERR_LIMIT, 0,
				      "%s: too big for this message", path);
			goto out;
		}
		ssize_t got = read(fd, out->p + out->n, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			(void)err_set(e, ERR_TEMP, errno, "%s", path);
			goto out;
		}
		if (got == 0)
			break;
		out->n += (size_t)got;
	}
	*left -= out->n;
	rc = 0;
out:
	(void)close(fd);
	return rc;
}

static void
set_name(GMimePart *part, struct span name)
{
	struct buf clean;

	buf_init(&clean, 4096);
	if (width_clean(span_head(name, 1000), 0, &clean) == 0 &&
	    buf_add_char(&clean, '\0') == 0)
		g_mime_part_set_filename(part, clean.p);
	buf_free(&clean);
}

GMimeObject *
mime_file_part(const char *path, uint64_t *left, struct err *e)
{
	struct span name = base_name(path);
	GMimePart *part = NULL;
	struct buf bytes;

	buf_init(&bytes, MIME_MESSAGE_MAX + 65536U);
	if (read_file(path, left, &bytes, e) != 0)
		goto out;
	struct known_type type = guess_type(name, buf_span(&bytes));
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(
	    bytes.p == NULL ? "" : bytes.p, bytes.n);
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(
	    stream, GMIME_CONTENT_ENCODING_DEFAULT);
	part = g_mime_part_new_with_type(type.type, type.subtype);
	if (strcmp(type.type, "text") == 0 && is_text(buf_span(&bytes)))
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part),
							 "charset", "utf-8");
	g_mime_object_set_disposition(GMIME_OBJECT(part), "attachment");
	set_name(part, name);
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	g_object_unref(content);
	g_object_unref(stream);
out:
	buf_free(&bytes);
	return part == NULL ? NULL : GMIME_OBJECT(part);
}
