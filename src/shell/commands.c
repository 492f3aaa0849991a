#include "shell/cmd.h"

/*
 * Every command of the shell.  The order is that of `help`; names are never
 * given up and never change meaning, since scripts use them in full.
 */
static const struct command table[] = {
	{ "login", "session", cmd_login, 0, 1, cmd_login_options,
	  COMPLETE_ADDRESS, COMMAND_SECRET, "[USER@DOMAIN] [OPTIONS]",
	  "log in to a sender-side server, a receiver-side server, or both",
	  "Servers named here are the ones used; without any, those of the\n"
	  "command line (-H, --smtp-port, --pop3-port).  The password is "
	  "asked\n"
	  "for, or comes from --password-fd, --password-command,\n"
	  "$MAILSH_PASSWORD or --password.  Another user is logged out "
	  "first." },
	{ "logout", "session", cmd_logout, 0, 0, NULL, COMPLETE_NONE, 0, "",
	  "delete what is marked and close the connections", NULL },
	{ "status", "session", cmd_status, 0, 0, NULL, COMPLETE_NONE,
	  COMMAND_KEEPS_STATUS, "", "who is logged in, where, and the counts",
	  NULL },
	{ "trace", "session", cmd_trace, 0, 1, NULL, COMPLETE_FILE, 0,
	  "[on|off|FILE]", "show the protocol: `>` sent, `<` received",
	  "Passwords appear as ***; the text of messages is left out." },

	{ "list", "reading", cmd_list, 0, 1000, cmd_list_options,
	  COMPLETE_MESSAGE, 0, "[SET] [OPTIONS]",
	  "look for new mail and list messages",
	  "N new to you in this session, D marked for deletion, @ attachment.\n"
	  "A number keeps its meaning for the whole session." },
	{ "count", "reading", cmd_count, 0, 1000, NULL, COMPLETE_MESSAGE, 0,
	  "[SET]", "print how many messages match", NULL },
	{ "read", "reading", cmd_read, 0, 1000, cmd_read_options,
	  COMPLETE_MESSAGE, 0, "[SET] [OPTIONS]",
	  "show messages: header, empty line, text, attachments",
	  "Without a set: the next message not read yet." },
	{ "save", "reading", cmd_save, 1, 2, cmd_save_options, COMPLETE_MESSAGE,
	  0, "SET [PART|PATTERN] [OPTIONS]",
	  "save messages, or parts of them, as files",
	  "save 3 writes 3.eml; save 3 2 its second part; save 3 '*.pdf' the\n"
	  "attachments whose names match.  SET is one word here (`last` is "
	  "the\n"
	  "set of the command before)." },

	{ "delete", "changing", cmd_delete, 0, 1000, cmd_delete_options,
	  COMPLETE_MESSAGE, 0, "[SET] [OPTIONS]",
	  "mark messages; they are deleted at logout",
	  "Without a set: the current message.  Nothing is deleted when a\n"
	  "script fails." },
	{ "undelete", "changing", cmd_undelete, 0, 1000, cmd_delete_options,
	  COMPLETE_MESSAGE, 0, "[SET] [OPTIONS]", "take the mark away again",
	  "Without a set: from all marked." },

	{ "compose", "writing", cmd_compose, 0, 1000, cmd_compose_options,
	  COMPLETE_ADDRESS, COMMAND_HEREDOC, "[ADDRESS...] [OPTIONS] [<<END]",
	  "write a message; `send` sends it",
	  "Addresses may be names of contacts.  What is not given is asked "
	  "for\n"
	  "on a terminal; a line with only a dot ends the text." },
	{ "reply", "writing", cmd_reply, 0, 1000, cmd_reply_options,
	  COMPLETE_MESSAGE, COMMAND_HEREDOC, "[SET] [OPTIONS] [<<END]",
	  "write an answer to a message",
	  "Without a set: to the current message." },
	{ "send", "writing", cmd_send, 0, 1, cmd_send_options, COMPLETE_FILE,
	  COMMAND_HEREDOC, "[@FILE] [OPTIONS] [<<END]",
	  "send the draft, or a ready message, and say what became of it",
	  "@FILE, @- or <<END is a whole message: header, empty line, text.  "
	  "It\n"
	  "goes to its To, Cc and Bcc, or to --to; the draft stays.\n"
	  "A refused recipient is reported at once in the server's words.\n"
	  "Status 6 when some recipients were refused, 1 when all were." },
	{ "outbox", "writing", cmd_outbox, 0, 0, NULL, COMPLETE_NONE, 0, "",
	  "what you sent and waits in the sender-side server",
	  "When: the time it waits for, `now` while it is being delivered or\n"
	  "tried again, `held` by an administrator." },
	{ "unsend", "writing", cmd_unsend, 0, 1, NULL, COMPLETE_NONE, 0, "[ID]",
	  "take back a message that waits",
	  "Without an id (`outbox` shows them): the one sent last." },
	{ "preview", "writing", cmd_preview, 0, 0, NULL, COMPLETE_NONE, 0, "",
	  "show the draft as it would go out", NULL },
	{ "edit", "writing", cmd_edit, 0, 0, NULL, COMPLETE_NONE, 0, "",
	  "open the draft in $VISUAL or $EDITOR", NULL },
	{ "cancel", "writing", cmd_cancel, 0, 0, NULL, COMPLETE_NONE, 0, "",
	  "drop the draft", NULL },
	{ "contact", "writing", cmd_contact, 0, 100, NULL, COMPLETE_ADDRESS, 0,
	  "[list [TEXT] | add NAME ADDRESS [FULL NAME] | remove NAME...]",
	  "the names you know; each works wherever an address does", NULL },

	{ "echo", "shell", cmd_echo, 0, 1000, NULL, COMPLETE_NONE,
	  COMMAND_RAW | COMMAND_KEEPS_STATUS, "[TEXT...]", "print the words",
	  NULL },
	{ "let", "shell", cmd_let, 2, 2, NULL, COMPLETE_NONE,
	  COMMAND_RAW | COMMAND_KEEPS_STATUS, "NAME VALUE",
	  "set a variable: let n $(count unread)", NULL },
	{ "set", "shell", cmd_set, 0, 2, NULL, COMPLETE_SETTING, 0,
	  "[KEY [VALUE]]", "show or change settings", NULL },
	{ "source", "shell", cmd_source, 1, 1, NULL, COMPLETE_FILE, 0, "FILE",
	  "run the commands in a file", NULL },
	{ "history", "shell", cmd_history, 0, 1, NULL, COMPLETE_NONE, 0,
	  "[TEXT]", "lines typed before", NULL },
	{ "help", "shell", cmd_help, 0, 1, NULL, COMPLETE_COMMAND,
	  COMMAND_KEEPS_STATUS, "[COMMAND | sets | status | all]",
	  "explain commands", NULL },
	{ "exit", "shell", cmd_exit, 0, 1, NULL, COMPLETE_NONE, 0, "[STATUS]",
	  "log out and leave", NULL },
	{ NULL, NULL, NULL, 0, 0, NULL, COMPLETE_NONE, 0, NULL, NULL, NULL },
};

const struct command *
command_table(void)
{
	return table;
}
