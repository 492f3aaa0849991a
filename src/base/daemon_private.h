#ifndef PP_BASE_DAEMON_PRIVATE_H
#define PP_BASE_DAEMON_PRIVATE_H

#include <stdbool.h>

#include "base/daemon.h"

/*
 * Shared by the parts of a server's life: daemon.c (its course), daemon_args.c
 * (command line and configuration) and daemon_process.c (background, user).
 */
enum daemon_status {
	DAEMON_FINE = 0,
	DAEMON_FAILED = 1,
	DAEMON_USAGE = 2,
	DAEMON_GO_ON = -1, /* nothing to end with yet */
};

struct daemon_args {
	const char *config;
	bool config_given, foreground, check, dump;
};

/* daemon_is_set - a path or name of the settings is given. */
static inline bool
daemon_is_set(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* daemon_read_args - fill *a; DAEMON_GO_ON, or the status to end with (all is
 * said). */
int daemon_read_args(const struct daemon_program *p, int argc, char **argv,
		     struct daemon_args *a);

/* daemon_load - read and check a configuration; *values is for
 * daemon_unload, which takes NULL, too. */
int daemon_load(const struct daemon_program *p, const char *path, void **values,
		struct err *e);
void daemon_unload(const struct daemon_program *p, void *values);

/* daemon_dump - every option with its value, to standard output. */
int daemon_dump(const struct daemon_program *p, const struct daemon_args *a,
		struct err *e);

/* daemon_note_restart - a line in the log for each key that differs from the
 * values of the start and is not taken over by a reload. */
void daemon_note_restart(const struct daemon_program *p, const void *started,
			 const void *now);

/* daemon_check_root - what a start as root demands: a user to become, and a
 * configuration in nobody else's hands.  0, or -1 (PERM); always 0 for others.
 */
int daemon_check_root(const char *config, const char *user, struct err *e);

void daemon_raise_descriptors(void);

/* daemon_go_background - fork; the parent waits for daemon_leave_terminal (or
 * the end of the child) and never returns.  Before any thread exists. */
int daemon_go_background(int *ready_fd, struct err *e);
void daemon_leave_terminal(int *ready_fd);

/* daemon_become - this user for good; nothing to do without a name or when
 * not root. */
int daemon_become(const char *user, struct err *e);

#endif
