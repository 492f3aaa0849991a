#include <string.h>

#include "shell/mime_private.h"

/*
 * uuencode, and base64 as POSIX's uuencode -m frames it.  Nothing says where it
 * begins and ends but lines that mailers cut, wrap and leave out.
 */

static struct span
without_end(struct span line)
{
	while (line.n > 0 && (line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}

/* "begin 644 name", with any mode or none. */
static bool
is_begin(struct span line)
{
	static const struct span word = { "begin", 5 };

	line = without_end(line);
	return span_starts_nocase(line, word) &&
	       (line.n == word.n || span_is_blank(line.p[word.n]));
}

static bool
is_end(struct span line)
{
	return span_eq_nocase(span_trim(line), span_of("end"));
}

/* "" or "`": a line of no bytes. */
static bool
is_nothing(struct span line)
{
	line = span_trim(line);
	return line.n == 0 || span_eq(line, span_of("`"));
}

/* How many bytes a line says it holds; 0 when it is none. */
static size_t
line_bytes(struct span line)
{
	size_t bytes = 0;

	line = without_end(line);
	if (line.n == 0 || line.p[0] <= ' ' || line.p[0] > '_')
		return 0;
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < ' ' || line.p[i] > '`')
			return 0;
	bytes = (size_t)(line.p[0] - ' ');
	/* blanks at the end may have gone; a check character may have come */
	return line.n <= (bytes + 2) / 3 * 4 + 3 ? bytes : 0;
}

static int
put_uu_line(struct span line, size_t bytes, struct buf *out)
{
	line = without_end(line);
	for (size_t i = 0; bytes > 0; i += 4) {
		unsigned bits = 0;
		for (size_t k = 1; k <= 4; k++) {
			char c = i + k < line.n ? line.p[i + k] : ' ';
			bits = bits << 6 | (((unsigned)c - ' ') & 0x3F);
		}
		char three[3] = { (char)(bits >> 16 & 0xFF),
				  (char)(bits >> 8 & 0xFF),
				  (char)(bits & 0xFF) };
		size_t n = bytes < 3 ? bytes : 3;
		if (buf_add(out, three, n) != 0)
			return -1;
		bytes -= n;
	}
	return 0;
}

/* "begin-base64 644 name" ... "====" (POSIX uuencode -m) at the start of `in`:
 * how long it is, or 0. */
static size_t
base64_block(struct span in, struct buf *out)
{
	static const struct span word = { "begin-base64 ", 13 };
	size_t from = mime_decode_line(in, 0) + 1, at = from;

	if (!span_starts_nocase(in, word) || from >= in.n)
		return 0;
	while (at < in.n) {
		size_t end = mime_decode_line(in, at);
		if (span_eq(span_trim(span_make(in.p + at, end - at)),
			    span_of("====")))
			break;
		at = end + 1;
	}
	if (at > in.n)
		at = in.n;
	if (mime_decode_base64(span_make(in.p + from, at - from), out) != 0)
		return 0;
	at = mime_decode_line(in, at) + 1;
	return at > in.n ? in.n : at;
}

/*
 * Lines of data between "begin" and "end", either of which may be missing; a
 * line that is none of these is text of the sender's and comes out as it is.
 */
int
mime_decode_uu(struct span in, struct buf *out)
{
	bool begun = false, ended = false, any = false;

	for (size_t from = 0; from < in.n;) {
		size_t block = base64_block(span_skip(in, from), out);
		if (block > 0) {
			from += block;
			continue;
		}
		size_t end = mime_decode_line(in, from);
		struct span line = span_make(in.p + from, end - from);
		size_t bytes = ended ? 0 : line_bytes(line);
		from = end + 1;
		if (!begun && is_begin(line)) {
			begun = true;
			ended = false;
		} else if ((begun || any) && is_end(line)) {
			ended = true;
			begun = any = false;
		} else if (bytes > 0 && (begun || any || bytes == 45 ||
					 line.n >= (bytes + 2) / 3 * 4)) {
			any = true;
			if (put_uu_line(line, bytes, out) != 0)
				return -1;
		} else if (!is_nothing(line) &&
			   (buf_add_span(out, line) != 0 ||
			    (end < in.n && buf_add_char(out, '\n') != 0))) {
			return -1;
		}
	}
	return 0;
}

struct span
mime_decode_uu_name(struct span in)
{
	for (size_t from = 0; from < in.n;) {
		size_t end = mime_decode_line(in, from);
		struct span line = span_make(in.p + from, end - from);
		from = end + 1;
		bool base64 =
		    span_starts_nocase(line, span_of("begin-base64 "));
		if (!base64 && !is_begin(line))
			continue;
		(void)span_word(&line);
		(void)span_word(&line); /* its mode */
		return span_trim(line);
	}
	return span_make(NULL, 0);
}
