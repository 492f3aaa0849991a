#ifndef PP_SHELL_TTY_H
#define PP_SHELL_TTY_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/thread.h"

/*
 * The terminal: line editing, history and completion, the only user of
 * Readline.  One thread; one struct tty at a time (Readline's own state is the
 * program's).
 */
struct shell;
struct tty;

/* tty_open - line editing for sh; the history file is read (and made 0600). */
int tty_open(struct tty **t, struct shell *sh, struct err *e);
void tty_close(struct tty **t); /* writes the history */

/*
 * tty_line - ask for a line with `prompt`, which may hold colour between \001
 * and \002.  Appended to *out without a line end.  1; 0 at ^D; -1 with
 * *e (STOP after ^C; what was typed of a TTY_TEXT is in *out).
 */
enum tty_mode {
	TTY_COMMAND, /* completion of commands, kept in the history */
	TTY_ADDRESS, /* completion of addresses */
	TTY_TEXT,    /* neither */
};
int tty_line(struct tty *t, const char *prompt, enum tty_mode mode,
	     struct buf *out, struct err *e);

/* tty_history - the lines kept, those with `text` in them when not NULL. */
void tty_history(const char *text, FILE *out);

/* tty_resized - the screen size is asked again (after a program ran). */
void tty_resized(struct tty *t);

/* tty_secret - read a line from the terminal without echo.  1, 0 when there is
 * no terminal, -1 with *e (STOP: ^C).  *secret is malloc'ed. */
int tty_secret(const char *prompt, const struct wake *stop, char **secret,
	       struct err *e);

/* tty_size - of the terminal behind fd; 0, 0 when it is none. */
void tty_size(int fd, unsigned *columns, unsigned *rows);

#endif
