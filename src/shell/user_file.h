#ifndef PP_SHELL_USER_FILE_H
#define PP_SHELL_USER_FILE_H

#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * A small file of the user that several shells may change at the same time:
 * contacts, pins, the history.  Whoever changes it holds its lock (NAME.lock,
 * beside it), reads it anew and puts another file in its place, so that no
 * change of another shell is undone and no crash leaves half a file.  A
 * symbolic link is followed: the file it leads to is the one that changes.
 * One thread.
 */
enum { USER_FILE_LOCK_MS = 5000 };

struct user_file {
	int dir, lock;  /* -1: not open */
	char name[256]; /* in dir */
	char *text;     /* what the file holds; NUL behind it */
	size_t n;
};

/*
 * user_file_open - make the directories of `path` (0700), take the lock and
 * read at most `max` bytes; a missing file is empty.  0; -1 with *e when it
 * cannot be read, or another shell keeps the lock for USER_FILE_LOCK_MS.
 * user_file_close in both cases.
 */
int user_file_open(struct user_file *f, const char *path, size_t max,
		   struct err *e);

/* user_file_lock - the same without reading. */
int user_file_lock(struct user_file *f, const char *path, struct err *e);

/* user_file_replace - the file becomes these bytes, 0600, at once. */
int user_file_replace(struct user_file *f, struct span bytes, struct err *e);

void user_file_close(struct user_file *f);

/* user_file_line - the next line of *rest without its LF, and off it; its line
 * end in *line too when `whole`.  0 when none is left. */
int user_file_line(struct span *rest, struct span *line, int whole);

#endif
