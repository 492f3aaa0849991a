#ifndef PP_SHELL_RUN_PRIVATE_H
#define PP_SHELL_RUN_PRIVATE_H

/*
 * Shared by the parts of the interpreter: run.c (sources and units),
 * run_command.c (one command), run_expand.c (values inside its words) and
 * run_check.c (a script that is only read).
 */
#include "shell/lex.h"
#include "shell/run.h"

enum { RUN_ARENA_MAX = 160 * 1024 * 1024 }; /* of a unit */

/* run_read_unit - whole lines until they make a unit, its commands in *a.  1, 0
 * at the end, -1: failed and reported. */
int run_read_unit(struct shell *sh, struct source *src, struct buf *unit,
		  struct arena *a, struct lex_command **first);

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
