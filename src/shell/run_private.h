#ifndef PP_SHELL_RUN_PRIVATE_H
#define PP_SHELL_RUN_PRIVATE_H

/*
 * Shared by the parts of the interpreter: run.c (sources and units),
 * run_command.c (one command) and run_expand.c (values inside its words).
 */
#include "shell/lex.h"
#include "shell/run.h"

/* run_command - expand, redirect, run, judge by its prefix words, report.
 * What it needs lives in *a.  A status. */
int run_command(struct shell *sh, const struct lex_command *c, struct arena *a);

/* run_expand_variable, run_expand_command - an expand_source of the shell:
 * $name, and $(CMD), which the same shell runs. */
int run_expand_variable(void *ctx, struct span name, struct buf *out,
			struct err *e);
int run_expand_command(void *ctx, struct span text, struct buf *out,
		       struct err *e);

#endif
