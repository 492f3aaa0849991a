#include "shell/width.h"

#include <stdint.h>
#include <unigbrk.h>
#include <unistr.h>
#include <uniwidth.h>

/*
 * wcwidth(3) answers for the locale of the process, uc_width() for Unicode: a
 * message is the same whatever LANG says, so the second is used.
 */
enum { REPLACEMENT = 0xFFFD, ELLIPSIS = 0x2026, BLANKS = 64 };

/* The next character of s at *i; an invalid byte is U+FFFD. */
static ucs4_t
next_char(struct span s, size_t *i)
{
	ucs4_t uc;
	int n = u8_mbtoucr(&uc, (const uint8_t *)s.p + *i, s.n - *i);

	if (n <= 0) { /* invalid or cut short: one byte at a time */
		*i += 1;
		return REPLACEMENT;
	}
	*i += (size_t)n;
	return uc;
}

static int
put_char(struct buf *out, ucs4_t uc)
{
	uint8_t bytes[6];
	int n = u8_uctomb(bytes, uc, sizeof(bytes));

	return buf_add(out, bytes, n < 0 ? 0 : (size_t)n);
}

bool
width_is_utf8(struct span s)
{
	return s.n == 0 || u8_check((const uint8_t *)s.p, s.n) == NULL;
}

/*
 * Characters that change the order of what stands beside them (Bidi_Control).
 * Those that embed, override or isolate reach as far as a writer likes, and
 * show a text that is not there.  The three marks (LRM, RLM, ALM) belong to
 * Hebrew and Arabic texts and reach one word; in a single field, where the word
 * may be an address, they too are none of a stranger's business.
 */
static bool
reorders(ucs4_t uc, unsigned flags)
{
	if ((uc >= 0x202A && uc <= 0x202E) || (uc >= 0x2066 && uc <= 0x2069))
		return true;
	return (flags & WIDTH_LINES) == 0 &&
	       (uc == 0x061C || uc == 0x200E || uc == 0x200F);
}

static int
put_clean(struct buf *out, ucs4_t uc, unsigned flags)
{
	if (uc < 0x20 || uc == 0x7f) {
		char caret[2] = { '^', (char)(uc ^ 0x40) };
		return buf_add(out, caret, 2);
	}
	/* C1: "CSI" is one character there.  U+2028 and U+2029 end lines. */
	if ((uc >= 0x80 && uc < 0xa0) || uc == 0x2028 || uc == 0x2029 ||
	    reorders(uc, flags))
		uc = REPLACEMENT;
	return put_char(out, uc);
}

/* LF, TAB and CR LF stay. */
static bool
is_line_char(struct span in, size_t i, ucs4_t uc)
{
	return uc == '\n' || uc == '\t' ||
	       (uc == '\r' && i < in.n && in.p[i] == '\n');
}

int
width_clean(struct span in, unsigned flags, struct buf *out)
{
	bool gap = false;

	for (size_t i = 0; i < in.n;) {
		ucs4_t uc = next_char(in, &i);
		if ((flags & WIDTH_LINES) != 0) {
			bool line = is_line_char(in, i, uc);
			if (line && uc == '\r')
				continue;
			if (line ? buf_add_char(out, (char)uc) != 0
				 : put_clean(out, uc, flags) != 0)
				return -1;
			continue;
		}
		if (uc == ' ' || uc == '\t' || uc == '\r' || uc == '\n') {
			gap = true;
			continue;
		}
		if (gap && buf_add_char(out, ' ') != 0)
			return -1;
		gap = false;
		if (put_clean(out, uc, flags) != 0)
			return -1;
	}
	return gap ? buf_add_char(out, ' ') : 0;
}

static bool
is_regional(ucs4_t uc)
{
	return uc >= 0x1F1E6 && uc <= 0x1F1FF;
}

/* Columns of one grapheme: those of its widest character, so that an accent,
 * a joiner or a variation selector adds none; a flag has two letters. */
static size_t
grapheme_width(struct span s, size_t from, size_t to)
{
	size_t widest = 0, letters = 0;

	for (size_t i = from; i < to;) {
		ucs4_t uc = next_char(s, &i);
		int w = uc_width(uc, "UTF-8");
		letters += is_regional(uc) ? 1 : 0;
		if (w > 0 && (size_t)w > widest)
			widest = (size_t)w;
	}
	return letters > widest ? letters : widest;
}

/* uc_is_grapheme_break() sees two characters only; UAX 29 GB11 (emoji joined by
 * U+200D) and GB12 (two letters make a flag) need to know more. */
static bool
is_break(ucs4_t before, ucs4_t uc, unsigned *regional)
{
	if (before == 0x200D && uc_width(uc, "UTF-8") == 2)
		return false;
	if (is_regional(before) && is_regional(uc))
		return ++*regional % 2 == 0;
	return uc_is_grapheme_break(before, uc);
}

/* Offset just past the grapheme that begins at `from` (UAX 29). */
static size_t
grapheme_end(struct span s, size_t from)
{
	unsigned regional = 0;
	size_t i = from;
	ucs4_t before = next_char(s, &i);

	while (i < s.n) {
		size_t next = i;
		ucs4_t uc = next_char(s, &next);
		if (is_break(before, uc, &regional))
			break;
		before = uc;
		i = next;
	}
	return i;
}

size_t
width_columns(struct span s)
{
	size_t columns = 0;

	for (size_t i = 0; i < s.n;) {
		size_t end = grapheme_end(s, i);
		columns += grapheme_width(s, i, end);
		i = end;
	}
	return columns;
}

struct span
width_head(struct span s, size_t columns, size_t *used)
{
	size_t i = 0, taken = 0;

	while (i < s.n) {
		size_t end = grapheme_end(s, i);
		size_t w = grapheme_width(s, i, end);
		if (w > columns - taken)
			break;
		taken += w;
		i = end;
	}
	if (used != NULL)
		*used = taken;
	return span_head(s, i);
}

static int
put_blanks(struct buf *out, size_t n)
{
	static const char blanks[BLANKS + 1] =
	    "                                                                ";

	while (n > 0) {
		size_t part = n < BLANKS ? n : BLANKS;
		if (buf_add(out, blanks, part) != 0)
			return -1;
		n -= part;
	}
	return 0;
}

int
width_fit(struct span s, size_t columns, unsigned flags, struct buf *out)
{
	size_t used = 0;
	struct span head = width_head(s, columns, &used);
	bool cut = head.n < s.n && columns > 0;

	if (cut)
		head = width_head(s, columns - 1, &used);
	size_t pad = columns - used - (cut ? 1 : 0);
	if ((flags & WIDTH_CUT) != 0)
		pad = 0;
	if ((flags & WIDTH_RIGHT) != 0 && put_blanks(out, pad) != 0)
		return -1;
	if (buf_add_span(out, head) != 0 ||
	    (cut && put_char(out, ELLIPSIS) != 0))
		return -1;
	return (flags & WIDTH_RIGHT) != 0 ? 0 : put_blanks(out, pad);
}
