#ifndef PP_SHELL_RUN_H
#define PP_SHELL_RUN_H

#include "shell/shell.h"
#include "shell/source.h"

/*
 * The interpreter: units of text from a source, one command after the other.
 * Batch: the first failure that nothing takes care of ends the run, unless
 * --keep-going.  Interactive: never.
 */

/* run_source - until its end, `exit` or a failure; the status of the first
 * failed command. */
int run_source(struct shell *sh, struct source *src);

/* run_check - read only (--check): every mistake that needs no running to be
 * seen is reported.  SHELL_OK or SHELL_USAGE. */
int run_check(struct shell *sh, struct source *src);

/* run_text - a line of text, for -c. */
int run_text(struct shell *sh, const char *name, struct span text);

/* run_report - sh->fail to standard error: "mailsh: file:line: verb: text
 * [symbol]" and a hint line.  verb may be NULL. */
void run_report(struct shell *sh, const char *verb);

#endif
