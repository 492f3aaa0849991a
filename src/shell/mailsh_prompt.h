#ifndef PP_SHELL_MAILSH_PROMPT_H
#define PP_SHELL_MAILSH_PROMPT_H

#include "shell/shell.h"

/* mailsh_prompt_line - a line typed at the prompt, for source.typed; ctx is the
 * shell. */
int mailsh_prompt_line(void *ctx, bool more, struct buf *out, struct err *e);

#endif
