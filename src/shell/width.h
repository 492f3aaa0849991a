#ifndef PP_SHELL_WIDTH_H
#define PP_SHELL_WIDTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * Text on a terminal: what a mail says must never be able to steer the
 * terminal it is shown on, and tables must stay aligned whatever the script.
 * Input is any bytes, meant as UTF-8; an invalid byte counts as U+FFFD.
 * Pure; any thread.  Cost: O(length).
 */
enum width_flag {
	WIDTH_LINES = 1, /* width_clean: LF and TAB stay (CRLF becomes LF) */
	WIDTH_RIGHT = 2, /* width_fit: blanks in front, for numbers */
	WIDTH_CUT = 4,   /* width_fit: cut only, no blanks added */
};

/*
 * width_clean - append `in` to *out as valid UTF-8 that is safe to print.
 * C0 controls and DEL are shown as "^[" and the like, C1 controls and invalid
 * bytes become U+FFFD, and so do the characters that reorder text (U+202A..
 * U+202E, U+2066..U+2069).  Without WIDTH_LINES a run of blanks and line ends
 * becomes one space, and the marks U+061C, U+200E and U+200F become U+FFFD too:
 * one field must not disguise the next.
 * 0, or -1 (errno of buf_add).
 */
int width_clean(struct span in, unsigned flags, struct buf *out);

/* width_columns - columns that `s` takes; a control character counts as 0. */
size_t width_columns(struct span s);

/*
 * width_fit - append `s` (already clean) in exactly `columns` columns: cut
 * between graphemes, with U+2026 as the last character when something was
 * cut, or padded.  0 or -1.
 */
int width_fit(struct span s, size_t columns, unsigned flags, struct buf *out);

/*
 * width_head - the longest prefix of `s` of whole graphemes that fits in
 * `columns`; *used (may be NULL) is the columns it takes.
 */
struct span width_head(struct span s, size_t columns, size_t *used);

/* width_is_utf8 - every byte belongs to a valid UTF-8 character. */
bool width_is_utf8(struct span s);

#endif
