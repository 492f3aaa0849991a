#include <errno.h>
#include <string.h>

#include "wire.h"

/* The texts of a transcript, and what is claimed of them. */

enum { TEXT_MAX = 64 * 1024 * 1024 };

static int
hex(char c)
{
	if (span_is_digit(c))
		return c - '0';
	c = (char)span_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \{N:text}: returns bytes of `in` used, 0 when malformed. */
static size_t
repeat(struct span in, struct buf *out)
{
	long colon = span_find(in, ':', 0), end = span_find(in, '}', 0);
	uint64_t n = 0;

	if (colon < 2 || end < colon ||
	    span_u64(span_make(in.p + 2, (size_t)colon - 2), &n) != 0)
		return 0;
	struct span part =
	    span_make(in.p + colon + 1, (size_t)(end - colon) - 1);
	struct buf piece;
	buf_init(&piece, TEXT_MAX);
	int bad = wire_unescape(part, &piece);
	for (uint64_t i = 0; i < n && !bad; i++)
		bad = buf_add_span(out, buf_span(&piece));
	buf_free(&piece);
	return bad ? 0 : (size_t)end + 1;
}

static size_t
escape(struct span in, struct buf *out)
{
	char c = in.n > 1 ? in.p[1] : 0;

	switch (c) {
	case 'r':
		return buf_add_char(out, '\r') == 0 ? 2 : 0;
	case 'n':
		return buf_add_char(out, '\n') == 0 ? 2 : 0;
	case 't':
		return buf_add_char(out, '\t') == 0 ? 2 : 0;
	case '\\':
		return buf_add_char(out, '\\') == 0 ? 2 : 0;
	case '{':
		return repeat(in, out);
	case 'x':
		if (in.n < 4 || hex(in.p[2]) < 0 || hex(in.p[3]) < 0)
			return 0;
		c = (char)(hex(in.p[2]) * 16 + hex(in.p[3]));
		return buf_add_char(out, c) == 0 ? 4 : 0;
	default:
		return 0;
	}
}

int
wire_unescape(struct span in, struct buf *out)
{
	buf_clear(out);
	while (in.n > 0) {
		size_t used = 1;
		if (in.p[0] == '\\')
			used = escape(in, out);
		else if (buf_add_char(out, in.p[0]) != 0)
			used = 0;
		if (used == 0)
			return -1;
		in = span_skip(in, used);
	}
	return 0;
}

bool
wire_match(struct span pattern, struct span text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.n && pattern.p[p] == text.p[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

int
wire_next_is(struct span events, size_t *at, struct span want, struct err *e)
{
	struct span rest = span_skip(events, *at);

	if (span_eq(want, span_of("none")))
		return rest.n == 0 ? 0
				   : err_set(e, ERR_PROTO, 0, "was: %.*s",
					     SPAN_ARG(rest));
	long lf = span_find(rest, '\n', 0);
	if (lf < 0)
		return err_set(e, ERR_PROTO, 0, "it was asked nothing more");
	struct span have = span_head(rest, (size_t)lf);
	*at += have.n + 1;
	return wire_match(want, have)
		   ? 0
		   : err_set(e, ERR_PROTO, 0, "was: %.*s", SPAN_ARG(have));
}
