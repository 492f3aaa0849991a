#ifndef PP_BASE_DAEMON_H
#define PP_BASE_DAEMON_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/option.h"

/*
 * daemon - the life of a server process, the same for every program here:
 *
 *   command line -> configuration (check, dump) -> descriptors raised
 *   -> background (without --foreground) -> bind -> privileges dropped
 *   -> log opened -> run -> pid file, ports file, READY=1
 *   -> SIGHUP: reload ... -> SIGTERM or SIGINT: stop -> exit status 0
 *
 * Started as root it wants to be told whom to become (root, too, must be
 * named), and a configuration that nobody but root can change.
 *
 * In the background form the command returns only when the server is ready
 * (status 0) or has failed (status 1, reason on standard error).
 */

/* Where a server listens, for the ports file. */
enum { DAEMON_PORTS_MAX = 64, DAEMON_PORT_NAME_SIZE = 24 };
struct daemon_ports {
	struct {
		char name[DAEMON_PORT_NAME_SIZE]; /* "submission" */
		uint16_t port;
	} v[DAEMON_PORTS_MAX];
	size_t n;
};

/* daemon_ports_add - note a port; more than fit are left out. */
void daemon_ports_add(struct daemon_ports *p, const char *name, uint16_t port);

/* Settings every server has; strings are borrowed from the option values.
 * "" (or NULL) means: none. */
struct daemon_settings {
	const char *log_file; /* standard error when none */
	enum log_level log_level;
	int64_t log_delay_ms;
	const char *pid_file;
	const char *ports_file; /* "submission 40123\n" lines */
	const char *user; /* to become after binding; root must name one */
};

extern const char *const daemon_log_levels[]; /* as in enum log_level */

/* DAEMON_OPTIONS - their rows in the option table of a program: its struct has
 * members of these names (log_level is an int). */
/* clang-format off */
#define DAEMON_OPTIONS(type) \
	{ "server", "log-file", OPTION_STRING, offsetof(type, log_file), "", 0, 0, \
	  NULL, "Where log lines go; empty: standard error." }, \
	{ "server", "log-level", OPTION_ENUM, offsetof(type, log_level), "info", 0, 0, \
	  daemon_log_levels, "Least level of the lines that are written." }, \
	{ "server", "log-delay", OPTION_TIME, offsetof(type, log_delay), "20ms", 0, 1000, \
	  NULL, "How long a line may wait to be written with others; not warnings." }, \
	{ "server", "pid-file", OPTION_STRING, offsetof(type, pid_file), "", 0, 0, \
	  NULL, "Written with the process id when ready; empty: none." }, \
	{ "server", "ports-file", OPTION_STRING, offsetof(type, ports_file), "", 0, 0, \
	  NULL, "Written with the ports in use, a line each; empty: none." }, \
	{ "server", "user", OPTION_STRING, offsetof(type, user), "", 0, 0, NULL, \
	  "System user to become after binding; as root a server starts with it" \
	  " alone." }
/* clang-format on */

/*
 * What a program brings.  `values` is the struct that `options` describes; the
 * one given to check and bind lives until the process ends, the one given to
 * reload only for the call: copy what you keep.
 */
struct daemon_program {
	const char *name;        /* "postpair-sender" */
	const char *summary;     /* one line for --help */
	const char *config_path; /* default of --config */
	const struct option *options;
	size_t values_size;

	/* check - what the option table cannot say (two keys that exclude each
	 * other, a route that does not parse); used by --check and reload.
	 * `path` is for messages "path:line: key: reason".  May be NULL. */
	int (*check)(const char *path, const void *values, struct err *e);

	/* remark - log what is not wrong and yet not right: --check, the start
	 * and a reload do so, each after check.  May be NULL. */
	void (*remark)(const void *values);

	void (*settings)(const void *values, struct daemon_settings *s);

	/* bind - make the server object and its listening sockets, nothing
	 * that needs or leaves files; note the ports. */
	int (*bind)(void **server, const void *values,
		    struct daemon_ports *ports, struct err *e);
	/* run - open the data and start to serve; returns at once. */
	int (*run)(void *server, struct err *e);
	/* reload - take over new values as far as possible; -1 keeps the old
	 * ones.  SIGHUP also reopens the log. */
	int (*reload)(void *server, const void *values, struct err *e);
	/* live - what reload takes over: "section" or "section/key", up to a
	 * NULL.  The log names every other key that has changed, and
	 * --dump-options says it of each. */
	const char *const *live;
	/* stop - drain, end every thread, free; called once after bind, also
	 * when run failed. */
	void (*stop)(void *server);
};

/*
 * daemon_main - the whole program; returns its exit status: 0 fine, 1 could not
 * start, 2 wrong command line.  Options of every server:
 *   -c FILE, --config=FILE   -f, --foreground   --check   --dump-options
 *   --version   --help
 */
int daemon_main(const struct daemon_program *p, int argc, char **argv);

/*
 * daemon_open_data - open (and make, 0700) the data directory of a server and
 * lock it: refused (PERM) when another process holds it, when it belongs to
 * another user, or when others than its owner may write to it.  The descriptor
 * keeps the lock; *lock_fd and the result are closed by the caller, in this
 * order.  Returns the directory's descriptor or -1.
 */
int daemon_open_data(const char *path, int *lock_fd, struct err *e);

#endif
