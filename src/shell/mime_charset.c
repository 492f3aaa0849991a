#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "mail/utf8.h"
#include "shell/mime_private.h"
#include "shell/width.h"

/*
 * Bytes in the charset that a stranger named, as UTF-8.  Names come misspelt,
 * are those of a smaller set than was meant (gb2312 for GBK, iso-8859-1 for
 * windows-1252), or say nothing at all.  No byte goes without a trace: what has
 * no meaning becomes U+FFFD.
 */
enum { NAME_MAX_BYTES = 40, REPLACEMENT_BYTES = 3 };
static const char REPLACEMENT[REPLACEMENT_BYTES + 1] = "\xEF\xBF\xBD";

/* ---- names ----------------------------------------------------------------
 */

/* The lower-case letters and digits of a name -> iconv's, where that would not
 * know it or knows a smaller set; NULL: the name says nothing. */
static const struct {
	const char *name, *iconv;
} ALIASES[] = {
	{ "utf8", "UTF-8" },
	{ "unicode11utf8", "UTF-8" },
	{ "unicode20utf8", "UTF-8" },
	{ "utf8mb4", "UTF-8" },
	{ "cp65001", "UTF-8" },
	{ "utf7", "UTF-7" },
	{ "unicode11utf7", "UTF-7" },
	{ "unicode20utf7", "UTF-7" },
	{ "csunicode11utf7", "UTF-7" },
	{ "usascii", NULL },
	{ "ascii", NULL },
	{ "ansix341968", NULL },
	{ "iso646us", NULL },
	{ "unknown", NULL },
	{ "unknown8bit", NULL },
	{ "userdefined", NULL },
	{ "default", NULL },
	{ "defaultcharset", NULL },
	{ "none", NULL },
	{ "null", NULL },
	{ "auto", NULL },
	{ "binary", NULL },
	{ "7bit", NULL },
	{ "8bit", NULL },
	{ "charset", NULL },
	{ "ansi", "CP1252" },
	{ "cp1252", "CP1252" },
	{ "win1252", "CP1252" },
	{ "windows1252", "CP1252" },
	{ "iso88591", "CP1252" },
	{ "iso8859", "CP1252" },
	{ "iso885911987", "CP1252" },
	{ "88591", "CP1252" },
	{ "latin1", "CP1252" },
	{ "latin", "CP1252" },
	{ "iso88599", "CP1254" },
	{ "iso885911", "CP874" },
	{ "tis620", "CP874" },
	{ "iso88598i", "ISO-8859-8" },
	{ "iso88598e", "ISO-8859-8" },
	{ "gb2312", "GB18030" },
	{ "gb231280", "GB18030" },
	{ "gb23121980", "GB18030" },
	{ "gbk", "GB18030" },
	{ "gb", "GB18030" },
	{ "cp936", "GB18030" },
	{ "euccn", "GB18030" },
	{ "chinese", "GB18030" },
	{ "big5", "BIG5-HKSCS" },
	{ "cnbig5", "BIG5-HKSCS" },
	{ "cp950", "BIG5-HKSCS" },
	{ "ksc5601", "CP949" },
	{ "ksc56011987", "CP949" },
	{ "ksc56011989", "CP949" },
	{ "ksc56011992", "CP949" },
	{ "korean", "CP949" },
	{ "euckr", "CP949" },
	{ "cp949", "CP949" },
	{ "windows949", "CP949" },
	{ "uhc", "CP949" },
	{ "shiftjis", "CP932" },
	{ "sjis", "CP932" },
	{ "mskanji", "CP932" },
	{ "cp932", "CP932" },
	{ "windows31j", "CP932" },
	{ "eucjp", "EUC-JP-MS" },
	{ "ujis", "EUC-JP-MS" },
	{ "iso2022jp", "ISO-2022-JP-3" },
	{ "iso2022jpms", "ISO-2022-JP-3" },
	{ "csiso2022jp", "ISO-2022-JP-3" },
	{ "cp50220", "ISO-2022-JP-3" },
	{ "cp50221", "ISO-2022-JP-3" },
	{ "mac", "MACINTOSH" },
	{ "macroman", "MACINTOSH" },
	{ "utf16", "UTF-16BE" },
	{ "ucs2", "UTF-16BE" },
	{ "iso10646ucs2", "UTF-16BE" },
	{ "unicode", "UTF-16BE" },
	{ "utf32", "UTF-32BE" },
	{ "ucs4", "UTF-32BE" },
	{ "iso10646ucs4", "UTF-32BE" },
};

/* Letters and digits alone; without "x-" in front. */
static void
squeeze(struct span name, char out[NAME_MAX_BYTES])
{
	static const struct span x = { "x-", 2 };
	size_t n = 0;

	name = span_trim(name);
	if (span_starts_nocase(name, x))
		name = span_skip(name, x.n);
	for (size_t i = 0; i < name.n && n + 1 < NAME_MAX_BYTES; i++) {
		unsigned char c = span_lower(name.p[i]);
		if (span_is_digit((char)c) || (c >= 'a' && c <= 'z'))
			out[n++] = (char)c;
	}
	out[n] = '\0';
}

/* Bytes that no name holds, "//TRANSLIT" above all, are not for iconv. */
static iconv_t
open_named(struct span name)
{
	char text[NAME_MAX_BYTES];

	name = span_trim(name);
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = span_lower(name.p[i]);
		if (!span_is_digit((char)c) && (c < 'a' || c > 'z') &&
		    strchr("-_.:()+", c) == NULL)
			return (iconv_t)-1;
	}
	if (name.n == 0 || span_copy(name, text, sizeof(text)) != 0)
		return (iconv_t)-1;
	return iconv_open("UTF-8", text);
}

/* "cp-1251", "windows_1251", "win1251", "iso8859_15": the squeezed name as
 * iconv spells it. */
static iconv_t
open_respelt(const char *name)
{
	static const struct {
		const char *begin, *iconv;
	} families[] = {
		{ "", "" },
		{ "windows", "cp" },
		{ "win", "cp" },
		{ "iso8859", "iso8859-" },
	};
	iconv_t cd = (iconv_t)-1;

	for (size_t i = 0;
	     i < sizeof(families) / sizeof(families[0]) && cd == (iconv_t)-1;
	     i++) {
		size_t n = strlen(families[i].begin);
		char whole[NAME_MAX_BYTES + 10];
		if (strncmp(name, families[i].begin, n) != 0)
			continue;
		(void)snprintf(whole, sizeof(whole), "%s%s", families[i].iconv,
			       name + n);
		cd = open_named(span_of(whole));
	}
	return cd;
}

/* ---- what the bytes say ---------------------------------------------------
 */

static bool
has_prefix(struct span text, const char *bytes, size_t n)
{
	return text.n >= n && memcmp(text.p, bytes, n) == 0;
}

static bool
has_eight_bit(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] >= 0x80)
			return true;
	return false;
}

/* For a text whose charset is not named: UTF-8 when it is that, else the
 * superset of Latin-1 that mail mostly means. */
static const char *
guess(struct span text)
{
	if (has_prefix(text, "\xFF\xFE", 2))
		return "UTF-16LE";
	if (has_prefix(text, "\xFE\xFF", 2))
		return "UTF-16BE";
	return width_is_utf8(text) ? "UTF-8" : "CP1252";
}

/* UTF-16 or UTF-32 without a byte order in its name: by its mark, else by where
 * the zero bytes of its ASCII letters stand (RFC 2781 4.3 says big endian, much
 * of Windows writes little). */
static const char *
guess_order(struct span text, bool wide)
{
	size_t zeros[2] = { 0, 0 };

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\0')
			zeros[wide ? (i % 4) / 2 : i % 2]++;
	if (zeros[0] + zeros[1] == 0 && width_is_utf8(text))
		return "UTF-8"; /* the label is wrong: not one of its letters */
	bool little = has_prefix(text, "\xFF\xFE", 2) ||
		      (!has_prefix(text, "\xFE\xFF", 2) && zeros[1] > zeros[0]);
	if (wide)
		return little ? "UTF-32LE" : "UTF-32BE";
	return little ? "UTF-16LE" : "UTF-16BE";
}

/* ISO-2022 and UTF-7 have no 8-bit bytes; where there are such, the label is
 * wrong. */
static const char *
check_seven_bit(const char *iconv_name, struct span text)
{
	static const struct span iso = { "ISO-2022", 8 },
				 jp = { "ISO-2022-JP", 11 };
	struct span name = span_of(iconv_name);
	bool japanese = span_starts_nocase(name, jp);
	bool seven =
	    span_starts_nocase(name, iso) || span_eq(name, span_of("UTF-7"));

	if (seven && has_eight_bit(text)) {
		if (width_is_utf8(text))
			return "UTF-8";
		if (japanese)
			return "CP932";
	}
	/* JIS X 0212 is only in the older extension */
	if (japanese && text.n > 4 &&
	    memmem(text.p, text.n, "\033$(D", 4) != NULL)
		return "ISO-2022-JP-2";
	return iconv_name;
}

/* The converter for `text`; -1 only when iconv knows nothing at all.
 * *by_line: it has a state that ends with the line (RFC 1468). */
static iconv_t
open_for(struct span text, const char *charset, bool *by_line)
{
	char name[NAME_MAX_BYTES];
	const char *known = NULL;
	bool found = false;
	iconv_t cd;

	squeeze(span_of(charset), name);
	for (size_t i = 0; i < sizeof(ALIASES) / sizeof(ALIASES[0]); i++)
		if (strcmp(name, ALIASES[i].name) == 0) {
			known = ALIASES[i].iconv;
			found = true;
		}
	*by_line = strncmp(name, "iso2022", 7) == 0 ||
		   strncmp(name, "csiso2022", 9) == 0 ||
		   strncmp(name, "cp5022", 6) == 0;
	if (known == NULL && !found && name[0] != '\0') {
		cd = open_named(span_of(charset));
		if (cd == (iconv_t)-1)
			cd = open_respelt(name);
		if (cd != (iconv_t)-1)
			return cd;
	}
	if (known == NULL)
		known = guess(text);
	else if (strcmp(known, "UTF-16BE") == 0 ||
		 strcmp(known, "UTF-32BE") == 0)
		known = guess_order(text, known[4] == '3');
	return iconv_open("UTF-8", check_seven_bit(known, text));
}

/* ---- conversion -----------------------------------------------------------
 */

/* One call of iconv with room made for it; its errno, 0 when it is through. */
static int
step(iconv_t cd, char **in, size_t *left, struct buf *out)
{
	if (buf_reserve(out, 4096) != 0 && buf_reserve(out, 64) != 0)
		return ENOMEM;
	char *to = out->p + out->n;
	size_t room = out->cap - out->n, before = room;
	size_t rc = iconv(cd, in, left, &to, &room);
	int why = rc == (size_t)-1 ? errno : 0;

	out->n += before - room;
	return why;
}

/* All of `text`; what the converter holds back for a combining character (as
 * windows-1258 does) comes out at the end. */
static int
convert(iconv_t cd, struct span text, struct buf *out)
{
	char *in = (char *)(uintptr_t)text.p; /* iconv(3) only reads it */
	size_t left = text.n;

	while (left > 0) {
		int why = step(cd, &in, &left, out);
		if (why == 0 || why == E2BIG)
			continue;
		if (why == ENOMEM)
			return -1;
		/* EILSEQ, or EINVAL: cut off at the end */
		in++;
		left--;
		if (buf_add(out, REPLACEMENT, REPLACEMENT_BYTES) != 0)
			return -1;
	}
	int why;
	while ((why = step(cd, NULL, NULL, out)) == E2BIG)
		continue;
	return why == ENOMEM ? -1 : 0;
}

/* Each line for itself: a sender who forgets to shift back spoils one line. */
static int
convert_lines(iconv_t cd, struct span text, struct buf *out)
{
	while (text.n > 0) {
		long lf = span_find(text, '\n', 0);
		size_t n = lf < 0 ? text.n : (size_t)lf;
		size_t end = n > 0 && text.p[n - 1] == '\r' ? n - 1 : n;
		if (convert(cd, span_head(text, end), out) != 0 ||
		    (lf >= 0 && buf_add_char(out, '\n') != 0))
			return -1;
		text = span_skip(text, n + 1);
	}
	return 0;
}

/* RFC 1843: "~{" begins GB 2312 with the high bits off, "~}" or the end of the
 * line ends it.  iconv does not know it. */
static int
from_hz(struct span text, struct buf *out)
{
	bool chinese = false;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i], next = '\0';
		if (i + 1 < text.n)
			next = text.p[i + 1];
		if (c == '~' &&
		    ((next == '{' && !chinese) || (next == '}' && chinese))) {
			chinese = next == '{';
			i++;
			continue;
		}
		if (c == '~' && !chinese && (next == '~' || next == '\n')) {
			i++;
			if (next == '\n')
				continue; /* a soft line end */
		}
		if (c == '\n')
			chinese = false;
		if (chinese && c > ' ')
			c = (char)((unsigned char)c | 0x80U);
		if (buf_add_char(out, c) != 0)
			return -1;
	}
	return 0;
}

static bool
is_hz(const char *charset)
{
	char name[NAME_MAX_BYTES];

	squeeze(span_of(charset), name);
	return strcmp(name, "hz") == 0 || strcmp(name, "hzgb2312") == 0;
}

int
mime_charset_to_utf8(struct span text, const char *charset, struct buf *out)
{
	size_t start = out->n;
	struct buf plain;
	bool by_line = false;
	int rc = -1;

	buf_init(&plain, text.n + 1);
	if (is_hz(charset) && !has_eight_bit(text)) {
		if (from_hz(text, &plain) != 0)
			goto out;
		text = buf_span(&plain);
		charset = "GB18030";
	}
	iconv_t cd = open_for(text, charset, &by_line);
	if (cd == (iconv_t)-1) { /* cleaned by whoever shows it */
		rc = buf_add_span(out, text);
		goto out;
	}
	rc = by_line ? convert_lines(cd, text, out) : convert(cd, text, out);
	(void)iconv_close(cd);
	/* the mark of its byte order is no text */
	if (rc == 0 && out->n - start >= 3 &&
	    memcmp(out->p + start, "\xEF\xBB\xBF", 3) == 0) {
		memmove(out->p + start, out->p + start + 3, out->n - start - 3);
		out->n -= 3;
	}
out:
	buf_free(&plain);
	return rc;
}

/* ---- is there anything to see? --------------------------------------------
 */

/* Blanks, controls and characters of no width (Unicode's White_Space and
 * Default_Ignorable_Code_Point, as far as mail has them). */
static bool
is_unseen(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} unseen[] = {
		{ 0, 0x20 },        { 0x7F, 0xA0 },     { 0xAD, 0xAD },
		{ 0x34F, 0x34F },   { 0x61C, 0x61C },   { 0x115F, 0x1160 },
		{ 0x1680, 0x1680 }, { 0x17B4, 0x17B5 }, { 0x180B, 0x180F },
		{ 0x2000, 0x200F }, { 0x2028, 0x202F }, { 0x205F, 0x206F },
		{ 0x2800, 0x2800 }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 },
		{ 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF }, { 0xFFA0, 0xFFA0 },
	};

	for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
		if (c >= unseen[i].from && c <= unseen[i].to)
			return true;
	return false;
}

bool
mime_charset_is_blank(struct span utf8)
{
	while (utf8.n > 0) {
		size_t n = utf8_next(utf8);
		if (n == 0)
			return false; /* a byte that is shown as U+FFFD */
		unsigned char c = (unsigned char)utf8.p[0];
		uint32_t code = n == 1   ? c
				: n == 2 ? c & 0x1FU
				: n == 3 ? c & 0x0FU
					 : c & 0x07U;
		for (size_t i = 1; i < n; i++)
			code = code << 6 | ((unsigned char)utf8.p[i] & 0x3FU);
		if (!is_unseen(code))
			return false;
		utf8 = span_skip(utf8, n);
	}
	return true;
}
