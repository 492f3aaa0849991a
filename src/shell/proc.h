#ifndef PP_SHELL_PROC_H
#define PP_SHELL_PROC_H

#include <signal.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/thread.h"

/*
 * Other programs: the pager, the editor, the system shell after | and !.
 * They get the usual signal behaviour back (the shell blocks SIGINT and ignores
 * SIGPIPE and SIGXFSZ for itself).
 */
struct proc {
	int pid; /* 0: none */
};

/* proc_shell - run `command` with /bin/sh -c, its input from in_fd and output
 * to out_fd (-1: as ours).  arg becomes $1, may be NULL. 0 or -1. */
int proc_shell(struct proc *p, const char *command, const char *arg, int in_fd,
	       int out_fd, struct err *e);

/* proc_wait - its exit status, 128 + signal number when it was killed. */
int proc_wait(struct proc *p);

/* proc_wait_or_end - the same, but a program is left to itself when a signal
 * that ends the shell waits; the status is then 128 + SIGTERM.
 * proc_end_signals - those which are not ignored. */
int proc_wait_or_end(struct proc *p);
void proc_end_signals(sigset_t *set);

/* proc_pipe_to - run `command`, its output to out_fd (-1: as ours); *in is a
 * stream to its standard input. */
int proc_pipe_to(struct proc *p, const char *command, int out_fd, FILE **in,
		 struct err *e);

/* proc_capture - run it and append its output; LIMIT when out is too small. */
int proc_capture(const char *command, struct buf *out, int *status,
		 struct err *e);

/* proc_pause - wait ms milliseconds; -1 when w was raised before. */
int proc_pause(int ms, const struct wake *w);

#endif
