#ifndef PP_BASE_VISIBLE_H
#define PP_BASE_VISIBLE_H

#include <stdio.h>

#include "base/span.h"

/*
 * What may go to a terminal as it is.  A terminal obeys control characters,
 * C1 too (U+009B begins an escape sequence), and shows text in another order
 * after bidirectional controls: a stranger's words could then look like ours,
 * or like another stranger's.  Pure; any thread.
 */

/* visible_next - bytes of the character that s begins with (RFC 3629), 1 to 4;
 * 0 when that is no character, a control (C0, DEL, C1), a line or paragraph
 * separator, or one of the Bidi_Control characters of Unicode. */
size_t visible_next(struct span s);

/* visible_defuse - put '?' in place of each byte that is no part of such a
 * character: the length stays. */
void visible_defuse(char *s, size_t n);

/* visible_print - print the text so defused. */
void visible_print(FILE *out, struct span text);

/* visible_json - print JSON with those characters as \uXXXX: the same JSON, fit
 * for a terminal.  Its line ends stay.  0, or -1 when it was not written. */
int visible_json(FILE *out, struct span json);

#endif
