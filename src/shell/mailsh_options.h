#ifndef PP_SHELL_MAILSH_OPTIONS_H
#define PP_SHELL_MAILSH_OPTIONS_H

#include "shell/shell.h"

/* The command line of mailsh: what is to be run.  How it is run goes straight
 * into the shell. */
enum { MAILSH_SCRIPTS_MAX = 64 };

struct mailsh_script {
	bool is_file;
	const char *text;
};

struct mailsh_options {
	const char *host, *smtp_host, *pop3_host;
	uint16_t smtp_port, pop3_port;
	struct mailsh_script script[MAILSH_SCRIPTS_MAX];
	unsigned n_scripts;
	bool check; /* --check */
	bool login; /* a user is named */
	bool named; /* by a word of its own, not -u */
};

/* mailsh_options_parse - a status, or -1: all is said (--help, --version). */
int mailsh_options_parse(struct shell *sh, int argc, char **argv,
			 struct mailsh_options *in);

/* mailsh_options_script - one more script to run: a file, or the text of a
 * command. */
int mailsh_options_script(struct mailsh_options *in, bool is_file,
			  const char *text);

#endif
