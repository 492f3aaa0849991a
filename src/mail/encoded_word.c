#include "mail/encoded_word.h"

#include "mail/utf8.h"

enum {
	FRAME = 12,           /* "=?UTF-8?B?" and "?=" */
	PLAIN_WORD_MAX = 600, /* a longer word cannot be folded */
};

bool
encoded_word_is_needed(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c > 0x7e ||
		    (c == '=' && i + 1 < text.n && text.p[i + 1] == '?'))
			return true;
	}
	return false;
}

/* RFC 2047 5 (3): what may stand for itself also in a phrase. */
static bool
is_plain(char c)
{
	return span_is_digit(c) ||
	       (span_lower(c) >= 'a' && span_lower(c) <= 'z') ||
	       (c != '\0' && strchr("!*+-/", c) != NULL);
}

/* Characters that the bytes take in Q. */
static size_t
q_size(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += is_plain(s.p[i]) || s.p[i] == ' ' ? 1 : 3;
	return n;
}

static size_t
b_size(size_t bytes)
{
	return (bytes + 2) / 3 * 4;
}

static int
put_q(struct span s, struct buf *out)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s.n; i++) {
		if (s.p[i] == ' ')
			rc = buf_add_char(out, '_');
		else if (is_plain(s.p[i]))
			rc = buf_add_char(out, s.p[i]);
		else
			rc = buf_addf(out, "=%02X",
				      (unsigned)(unsigned char)s.p[i]);
	}
	return rc;
}

static int
put_b(struct span s, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s.n; i += 3) {
		size_t left = s.n - i;
		unsigned v = (unsigned)(unsigned char)s.p[i] << 16;

		if (left > 1)
			v |= (unsigned)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)s.p[i + 2];
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63],
				 left > 1 ? digits[v >> 6 & 63] : '=',
				 left > 2 ? digits[v & 63] : '=' };
		rc = buf_add(out, four, sizeof(four));
	}
	return rc;
}

/* As many whole characters of the text as `most` encoded ones hold; at least
 * one. */
static struct span
take_piece(struct span text, bool q, size_t most)
{
	size_t n = 0;

	while (n < text.n) {
		struct span rest = span_skip(text, n);
		size_t next = utf8_next(rest);

		next = n + (next == 0 ? 1 : next);
		if (n > 0 &&
		    (q ? q_size(span_head(text, next)) : b_size(next)) > most)
			break;
		n = next;
	}
	return span_head(text, n);
}

int
encoded_word_put(struct span text, size_t room, struct buf *out)
{
	bool q = q_size(text) <= b_size(text.n);

	if (room < ENCODED_WORD_ROOM_MIN || room > ENCODED_WORD_MAX)
		room = ENCODED_WORD_MAX;
	for (bool first = true; text.n > 0; first = false) {
		struct span piece = take_piece(text, q, room - FRAME);

		if (buf_addf(out, "%s=?UTF-8?%c?", first ? "" : " ",
			     q ? 'Q' : 'B') != 0 ||
		    (q ? put_q(piece, out) : put_b(piece, out)) != 0 ||
		    buf_add_str(out, "?=") != 0)
			return -1;
		text = span_skip(text, piece.n);
		room = ENCODED_WORD_MAX;
	}
	return 0;
}

/* Offset behind the blanks, and behind the word, that begin at `from`. */
static size_t
blanks_end(struct span s, size_t from)
{
	while (from < s.n && span_is_blank(s.p[from]))
		from++;
	return from;
}

static size_t
word_end(struct span s, size_t from)
{
	while (from < s.n && !span_is_blank(s.p[from]))
		from++;
	return from;
}

static bool
must_encode(struct span word)
{
	return word.n > PLAIN_WORD_MAX || encoded_word_is_needed(word);
}

int
encoded_word_text(struct span text, size_t room, struct buf *out)
{
	for (size_t i = 0; i < text.n;) {
		size_t begin = blanks_end(text, i), end = word_end(text, begin);
		bool encode =
		    must_encode(span_make(text.p + begin, end - begin));

		/* Blanks between encoded words are not seen, so words side by
		 * side are encoded with the blanks between them. */
		while (encode) {
			size_t at = blanks_end(text, end);
			size_t next = word_end(text, at);

			if (!must_encode(span_make(text.p + at, next - at)))
				break;
			end = next;
		}
		struct span word = span_make(text.p + begin, end - begin);
		if (buf_add(out, text.p + i, begin - i) != 0 ||
		    (encode ? encoded_word_put(word, room, out)
			    : buf_add_span(out, word)) != 0)
			return -1;
		room = ENCODED_WORD_MAX;
		i = end;
	}
	return 0;
}
