#ifndef PP_MAIL_UTF8_H
#define PP_MAIL_UTF8_H

#include <stdbool.h>

#include "base/span.h"

/*
 * utf8_next - bytes of the well-formed character (RFC 3629 4) that `s` begins
 * with: 1 to 4; 0 when it does not begin with one.  Pure; any thread.
 */
size_t utf8_next(struct span s);

/* utf8_is_valid - the whole span is well formed. */
bool utf8_is_valid(struct span s);

/* utf8_is_ascii - no byte over 127. */
bool utf8_is_ascii(struct span s);

#endif
