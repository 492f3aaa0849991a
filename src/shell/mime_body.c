#include <errno.h>
#include <string.h>

#include "mail/header.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/* Text to be sent: its line ends, and the encoding it needs. */

/* ---- text ------------------------------------------------------------------
 */

/* LF line ends and one at the end; the empty text stays empty. */
static int
normalise(struct span in, struct mime_text *t)
{
	size_t line = 0;

	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (c == '\r') {
			if (i + 1 < in.n && in.p[i + 1] == '\n')
				continue;
			c = '\n';
		}
		if (buf_add_char(&t->lines, c) != 0)
			return -1;
		t->eight_bit += (unsigned char)c > 0x7e;
		line = c == '\n' ? 0 : line + 1;
		if (line > t->longest)
			t->longest = line;
	}
	return line == 0 ? 0 : buf_add_char(&t->lines, '\n');
}

int
mime_take_text(struct span body, struct mime_text *t, struct err *e)
{
	if (body.n > 0 && memchr(body.p, '\0', body.n) != NULL)
		return err_set(e, ERR_PERM, 0, "body: a NUL byte");
	if (!width_is_utf8(body))
		return err_set(e, ERR_PERM, 0,
			       "body: not UTF-8 (attach it as a file)");
	if (normalise(body, t) != 0)
		return err_set(e, errno == ENOMEM ? ERR_TEMP : ERR_LIMIT, 0,
			       "body: too big");
	return 0;
}

/* quoted-printable stays readable; base64 is shorter for most of the world's
 * scripts. */
static const char *
transfer_encoding(const struct mime_text *t)
{
	return t->eight_bit > t->lines.n / 6 ? "base64" : "quoted-printable";
}

GMimeObject *
mime_text_part(const struct mime_text *t)
{
	GMimePart *part = g_mime_part_new_with_type("text", "plain");
	bool plain = t->eight_bit == 0 && t->longest <= HEADER_LINE_MAX;
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(
	    t->lines.p == NULL ? "" : t->lines.p, t->lines.n);
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(
	    stream, GMIME_CONTENT_ENCODING_DEFAULT);

	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset",
						 t->eight_bit == 0 ? "us-ascii"
								   : "utf-8");
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(
	    part,
	    plain ? GMIME_CONTENT_ENCODING_7BIT
		  : g_mime_content_encoding_from_string(transfer_encoding(t)));
	g_object_unref(content);
	g_object_unref(stream);
	return GMIME_OBJECT(part);
}
