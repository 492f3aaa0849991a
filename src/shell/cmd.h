#ifndef PP_SHELL_CMD_H
#define PP_SHELL_CMD_H

#include "shell/set.h"
#include "shell/shell.h"

/*
 * The verbs: cmd_<name>.c holds each or a few that belong together; the table
 * is in commands.c.  All return a status and fill sh->fail.
 */
#define CMD_DECLARE(verb)                                       \
	int cmd_##verb(struct shell *sh, const struct args *a); \
	extern const struct command_option cmd_##verb##_options[]

CMD_DECLARE(login);
CMD_DECLARE(list);
CMD_DECLARE(read);
CMD_DECLARE(save);
CMD_DECLARE(delete);
CMD_DECLARE(compose);
CMD_DECLARE(reply);
CMD_DECLARE(send);
#undef CMD_DECLARE

int cmd_logout(struct shell *sh, const struct args *a);
int cmd_status(struct shell *sh, const struct args *a);
int cmd_trace(struct shell *sh, const struct args *a);
int cmd_count(struct shell *sh, const struct args *a);
int cmd_undelete(struct shell *sh, const struct args *a);
int cmd_preview(struct shell *sh, const struct args *a);
int cmd_edit(struct shell *sh, const struct args *a);
int cmd_outbox(struct shell *sh, const struct args *a);
int cmd_unsend(struct shell *sh, const struct args *a);
int cmd_cancel(struct shell *sh, const struct args *a);
int cmd_contact(struct shell *sh, const struct args *a);
int cmd_help(struct shell *sh, const struct args *a);
int cmd_echo(struct shell *sh, const struct args *a);
int cmd_let(struct shell *sh, const struct args *a);
int cmd_set(struct shell *sh, const struct args *a);
int cmd_source(struct shell *sh, const struct args *a);
int cmd_history(struct shell *sh, const struct args *a);
int cmd_exit(struct shell *sh, const struct args *a);

/*
 * cmd_select - the messages that words mean, loaded and remembered as `last`.
 * *numbers is malloc'ed.  Without words: `standard` (a set word), or the
 * current message when it is NULL.  SHELL_REFUSED (no-match) when there are
 * none, unless `may_be_empty`.
 */
int cmd_select(struct shell *sh, const struct arg *words, size_t n,
	       const char *standard, bool may_be_empty, uint32_t **numbers,
	       uint32_t *count);

/* cmd_..._check - what is wrong with the arguments, whatever the state of the
 * shell; the command itself says the same.  A status.  cmd_contact_check looks
 * at the name of the subcommand and the number of words alone. */
int cmd_contact_check(struct shell *sh, const struct args *a);
int cmd_set_check(struct shell *sh, const struct args *a);
int cmd_help_check(struct shell *sh, const struct args *a);
int cmd_exit_check(struct shell *sh, const struct args *a);
int cmd_let_check(struct shell *sh, const struct args *a);
int cmd_read_check(struct shell *sh, const struct args *a);
int cmd_list_check(struct shell *sh, const struct args *a);

/* cmd_set_name - the i-th setting, NULL behind the last; cmd_set_words - what
 * it can be, NULL when that is not a word; *file: a path. */
const char *cmd_set_name(size_t i);
const char *const *cmd_set_words(size_t i, bool *file);

/* cmd_leave - what logout and the end of the shell do: deletions, QUIT.  A
 * script that failed, and a shell that ends with a status, delete nothing. */
int cmd_leave(struct shell *sh);

#endif
