#ifndef PP_SHELL_SHELL_H
#define PP_SHELL_SHELL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/thread.h"
#include "mail/address.h"
#include "net/dial.h"
#include "net/tls_pin.h"
#include "shell/command.h"
#include "shell/contacts.h"
#include "shell/mailbox.h"
#include "shell/paths.h"
#include "shell/status.h"
#include "shell/vars.h"

/*
 * The state of one mail shell: account, mailbox, draft, and how it talks to
 * its user.  One thread owns it; nothing here is global.
 */
struct smtp_client;
struct pop3_client;
struct tty;

/* How a connection is encrypted: session_tls.h. */
enum endpoint_tls {
	ENDPOINT_AUTO,
	ENDPOINT_TLS,
	ENDPOINT_STARTTLS,
	ENDPOINT_PLAIN,
};

struct endpoint {
	char host[NET_HOST_SIZE];
	uint16_t port; /* 0: not configured */
	enum endpoint_tls tls;
	char pin[TLS_PIN_TEXT_SIZE]; /* that the user has given, or "" */
};

/* The file of a kept draft that a text was read from, as it was then; path is
 * "" when it came from elsewhere. */
struct draft_origin {
	char path[PATHS_SIZE];
	struct stat seen;
};

/* The message being written; strings are malloc'ed, "" or NULL when unset. */
enum { DRAFT_FIELDS_MAX = 64, DRAFT_FILES_MAX = 64 };
struct draft {
	bool exists;
	bool tried;              /* `send` failed, and said why */
	char from[ADDRESS_SIZE]; /* who began it */
	char *to, *cc, *bcc, *subject;
	char *in_reply_to, *references;
	char *body;
	size_t body_n;
	char *field_name[DRAFT_FIELDS_MAX], *field_value[DRAFT_FIELDS_MAX];
	unsigned n_fields;
	char *attachment[DRAFT_FILES_MAX];
	unsigned n_attachments;
	struct draft_origin origin; /* of the body */
};

struct session {
	char user[ADDRESS_SIZE]; /* "" when nobody is logged in */
	char *password;          /* for the next connection; wiped at logout */
	char mechanism[32];      /* "": the strongest */
	struct endpoint smtp_at, pop3_at;
	struct smtp_client *smtp;
	struct pop3_client *pop3;
	int64_t pop3_used_ms; /* when it was last needed */
};

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

enum { SHELL_DEPTH_MAX = 8 }; /* source and $( ) inside each other */

struct shell {
	/* from the command line */
	struct endpoint smtp_default, pop3_default;
	char user_default[ADDRESS_SIZE];
	const char *password_command; /* or NULL */
	int password_fd;              /* or -1 */
	int64_t timeout_ms;
	enum endpoint_tls tls_default;
	/* whom to trust, "": the system; what to show, "": nothing */
	char ca_file[PATHS_SIZE], cert_file[PATHS_SIZE], key_file[PATHS_SIZE];
	struct tls_client *tls_client; /* made of these, or NULL */
	bool keep_going, no_config, quiet, verbose, json_errors;
	const char *const *script_args; /* $1.. */
	size_t n_script_args;

	/* talking to the user */
	bool interactive;
	struct tty *tty; /* NULL in batch mode */
	FILE *out;       /* of the running command */
	bool out_is_tty; /* out is the terminal: tables, pager, colour */
	FILE *trace;     /* NULL: off */
	bool trace_owned;
	enum output_format format;
	enum color_when color;
	struct wake stop; /* a signalfd: readable after ^C */
	int ended_by;     /* the signal that ends the shell, or 0 */

	/* running */
	const char *file; /* what errors call the source; NULL when typed */
	int line;
	unsigned depth;
	bool failed; /* a command did, and no `try` or `not` allowed for it */
	bool exiting, exit_warned;
	bool text_taken; /* << of this command is in the draft */
	bool text_left;  /* one that was typed is nowhere */
	int exit_status;
	struct failure fail;
	struct vars vars;

	/* mail */
	struct session session;
	struct mailbox box;
	struct draft draft;
	char last_queued[40]; /* id in the server's queue, "" */
	struct contacts contacts;
};

/* shell_init - everything empty; nothing connected.  shell_clear cuts the
 * connections, wipes the password and frees. */
int shell_init(struct shell *sh, struct err *e);
void shell_clear(struct shell *sh);

/* shell_hold_end - at a prompt and while there is a draft SIGHUP, SIGTERM and
 * SIGQUIT interrupt as ^C does, and then end the shell: what is being written
 * must be kept first.  Else they end it at once.  To be called when either
 * changes.  shell_die - end by the signal that ended_by names. */
void shell_hold_end(const struct shell *sh);
void shell_die(const struct shell *sh);

/* shell_size - of the terminal that the command writes to; zeroes when there is
 * none. */
struct shell_size {
	unsigned columns, rows;
};
struct shell_size shell_size(const struct shell *sh);

/* shell_color - may the running command's output be coloured? */
bool shell_color(const struct shell *sh);

/* shell_format - what AUTO means for the running command. */
enum output_format shell_format(const struct shell *sh, const struct args *a);

/* shell_say - a line of what was done, to standard output unless --quiet. */
void shell_say(struct shell *sh, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* shell_note - a line to standard error: news that is no result. */
void shell_note(struct shell *sh, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* shell_content - the value of an option that may be @FILE or @- (@@x is the
 * text "@x"); appended to *out.  A status. */
int shell_content(struct shell *sh, const struct arg *v, struct buf *out);

/* shell_read_file - the file behind fd or path, bounded by out->max. */
int shell_read_file(struct shell *sh, const char *path, struct buf *out);

/* shell_parse_time - "500ms", "10s", "2m" or seconds as a bare number; 1 ms to
 * a day.  0 or -1. */
int shell_parse_time(struct span text, int64_t *ms);

/* shell_interrupted - ^C was typed and not yet answered. */
bool shell_interrupted(const struct shell *sh);
/* shell_interrupt_done - forget it; after another signal than ^C the shell is
 * to exit. */
void shell_interrupt_done(struct shell *sh);

/* shell_hang_up - the terminal is gone: exit as after SIGHUP, which may come
 * later or never. */
void shell_hang_up(struct shell *sh);

#endif
