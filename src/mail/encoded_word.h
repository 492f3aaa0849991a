#ifndef PP_MAIL_ENCODED_WORD_H
#define PP_MAIL_ENCODED_WORD_H

#include "base/buf.h"
#include "base/span.h"

/*
 * Text beyond ASCII in header fields, for writing (RFC 2047).  A word is at
 * most 75 characters long and holds whole characters (2, 5); words stand with
 * one blank between, where the caller may fold.  Text is UTF-8 on one line.
 * Pure; any thread.
 */
enum {
	ENCODED_WORD_MAX = 75,
	ENCODED_WORD_LINE_MAX = 76, /* of a line that holds one */
	ENCODED_WORD_ROOM_MIN = 32, /* less than this is no room for one */
};

/* encoded_word_put - all of `text` as encoded words, appended to *out; fit for
 * a phrase.  The first takes at most `room` characters, unless that is less
 * than ENCODED_WORD_ROOM_MIN: fold before it then.  0 or -1 (errno of buf_add).
 */
int encoded_word_put(struct span text, size_t room, struct buf *out);

/* encoded_word_text - the same of an unstructured value: words that can stand
 * as they are do. */
int encoded_word_text(struct span text, size_t room, struct buf *out);

/* encoded_word_is_needed - is this no ASCII, or does it look like an encoded
 * word? */
bool encoded_word_is_needed(struct span text);

#endif
