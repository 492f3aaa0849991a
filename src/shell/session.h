#ifndef PP_SHELL_SESSION_H
#define PP_SHELL_SESSION_H

#include <stdbool.h>

#include "shell/shell.h"

/*
 * The two connections of an account.  Both are opened when first needed and
 * again when the server closed them; all functions return a status and fill
 * sh->fail.
 */

/* session_need_user - is somebody logged in?  If not, the hint names the server
 * that the command wants: `option` is "smtp" or "pop3". */
int session_need_user(struct shell *sh, const char *option);

/* session_smtp - a usable, logged-in connection to the sender-side server. */
int session_smtp(struct shell *sh);

/*
 * session_pop3 - the same to the receiver-side server; *opened tells that it is
 * a new POP3 session.  A maildrop has one session at a time: when it is in
 * use, SESSION_PATIENT tries again for a while.
 */
enum session_patience { SESSION_AT_ONCE, SESSION_PATIENT };
int session_pop3(struct shell *sh, enum session_patience patience,
		 bool *opened);

/* session_is_in_use - was that the last failure? */
bool session_is_in_use(const struct shell *sh);

/* session_close - politely, nothing deleted; keeps who is logged in. */
void session_close_smtp(struct shell *sh);
void session_close_pop3(struct shell *sh);

/* session_forget - nobody is logged in; the password is wiped. */
void session_forget(struct shell *sh);

/* session_lost - drop the connection after *e and say so. */
int session_lost_smtp(struct shell *sh, const struct err *e);
int session_lost_pop3(struct shell *sh, const struct err *e);

/* session_pop3_refused - the status of an -ERR: [AUTH] 4, [IN-USE],
 * [LOGIN-DELAY] and [SYS/TEMP] 5 (RFC 2449 8, RFC 3206), else 1. */
int session_pop3_refused(struct shell *sh, const struct pop3_reply *r);

/* session_password - from the option, the file descriptor, the command,
 * $MAILSH_PASSWORD or the terminal; malloc'ed.  NULL when there is a
 * certificate instead and nothing else was said. */
int session_password(struct shell *sh, const char *user, char **password);

/* session_login_at_hand - would session_password need no terminal? */
bool session_login_at_hand(const struct shell *sh);

/* session_wipe - overwrite, free and set to NULL. */
void session_wipe(char **secret);

#endif
