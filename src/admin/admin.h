#ifndef PP_ADMIN_ADMIN_H
#define PP_ADMIN_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/paths.h"

/*
 * postpair-admin: a table of verbs (admin.c), one function each.  A verb prints
 * what was asked for on standard output, a reason on standard error, and
 * returns the exit status.
 */
enum admin_status { /* the numbers of sysexits(3) */
		    ADMIN_OK = 0,
		    ADMIN_USAGE = 64,    /* the command line is wrong */
		    ADMIN_DATA = 65,     /* what it asks for makes no sense */
		    ADMIN_NO_INPUT = 66, /* a file is not there */
		    ADMIN_NO_USER = 67,
		    ADMIN_UNAVAILABLE = 69, /* the server does not run */
		    ADMIN_OS = 71,          /* the system says no */
		    ADMIN_TEMP = 75,        /* try again */
		    ADMIN_NO_PERMISSION = 77,
		    ADMIN_CONFIG = 78, /* a file has a wrong line */
};

/* Where both servers look when nothing else is said. */
#define ADMIN_USERS_FILE PATHS_CONF "/users"
#define ADMIN_SENDER_CONFIG PATHS_CONF "/sender.conf"
#define ADMIN_RECEIVER_CONFIG PATHS_CONF "/receiver.conf"
#define ADMIN_SENDER_DATA PATHS_DATA "/sender"
#define ADMIN_MAILDIRS PATHS_DATA "/maildirs"
#define ADMIN_CERT_DIR PATHS_CONF "/tls"

enum { ADMIN_ALIASES_MAX = 64, ADMIN_CERT_DAYS_MAX = 36500 };

struct admin_options {
	const char *users_file;  /* --users */
	const char *config_file; /* --config */
	const char *quota;
	const char *aliases[ADMIN_ALIASES_MAX];
	size_t n_aliases;
	int password_fd;    /* -1: not given */
	const char *scheme; /* --scheme, --plain */
	const char *iterations;
	bool json;
	/* which messages of the queue; NULL: not given */
	const char *sender, *recipient, *destination, *older_than;
	bool all;
	/* certificates */
	const char *dir, *name;
	int days; /* 0: not given */
	bool force;
};

/* The words after the verb, NULL after the last; their number was checked by
 * the table. */
typedef int admin_fn(const struct admin_options *o, char **args);

admin_fn admin_user_add, admin_user_passwd, admin_user_list, admin_user_remove,
    admin_user_check, admin_user_secret;
admin_fn admin_config_check;
admin_fn admin_queue_list, admin_queue_show, admin_queue_hold,
    admin_queue_release, admin_queue_retry, admin_queue_remove,
    admin_queue_cancel, admin_queue_flush;
admin_fn admin_trail, admin_why, admin_journal_check, admin_store_init;
admin_fn admin_tls_list, admin_tls_forget;
admin_fn admin_cert_ca, admin_cert_host, admin_cert_user, admin_cert_renew,
    admin_cert_show, admin_cert_check;

/* admin_fail - "postpair-admin: reason" on standard error; returns status. */
int admin_fail(enum admin_status status, const struct err *e);

/*
 * admin_config_users - the users file that configuration `path` names, into
 * malloc'ed *users; the default when it names none.  -1 with a reason.
 */
int admin_config_users(const char *path, char **users, struct err *e);

/*
 * admin_config_unknown - on standard error, what postpair-receiver remarks of
 * configuration `path` when it uses this users file: aliases that lead to
 * nobody.  Nothing where it does not, or is no configuration of it.
 */
void admin_config_unknown(const char *path, const char *users);

/* admin_config_data_dir - the same for the data directory of the sender; path
 * NULL: the file it reads when nothing else is said. */
int admin_config_data_dir(const char *path, char **dir, struct err *e);
/* admin_config_maildirs - and for the mailboxes of the receiver. */
int admin_config_maildirs(const char *path, char **dir, struct err *e);

#endif
