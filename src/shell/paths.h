#ifndef PP_SHELL_PATHS_H
#define PP_SHELL_PATHS_H

/*
 * Where the shell keeps its files (XDG base directories).  All fill buf
 * (>= PATHS_SIZE); 0, or -1 when there is no home directory.
 */
enum { PATHS_SIZE = 1024 };

/* paths_config - "$XDG_CONFIG_HOME/mailsh" and, with name, a file in it. */
int paths_config(char buf[PATHS_SIZE], const char *name);

/* paths_state - the same under $XDG_STATE_HOME; the directory is made. */
int paths_state(char buf[PATHS_SIZE], const char *name);

/* paths_data - the same under $XDG_DATA_HOME. */
int paths_data(char buf[PATHS_SIZE], const char *name);

/* paths_expand - "~" and "~/x" become "$HOME" and "$HOME/x"; other paths are
 * copied.  For every path that a user types.  -1 with errno. */
int paths_expand(char buf[PATHS_SIZE], const char *path);

#endif
