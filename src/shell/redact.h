#ifndef PP_SHELL_REDACT_H
#define PP_SHELL_REDACT_H

#include "base/buf.h"
#include "base/span.h"

/* redact_line - a command line with *** in place of whatever may be a password,
 * appended to *out: what the history and -v may show.  0 or -1. */
int redact_line(struct span line, struct buf *out);

#endif
