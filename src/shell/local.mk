noinst_LIBRARIES += src/shell/libmime.a
src_shell_libmime_a_CFLAGS = $(AM_CFLAGS) $(GMIME_CFLAGS)
src_shell_libmime_a_SOURCES = \
	src/shell/mime.c src/shell/mime.h src/shell/mime_private.h \
	src/shell/mime_address.c \
	src/shell/mime_body.c \
	src/shell/mime_build.c \
	src/shell/mime_charset.c \
	src/shell/mime_decode.c \
	src/shell/mime_decode_uu.c \
	src/shell/mime_file.c \
	src/shell/mime_mailbox.c \
	src/shell/mime_html.c \
	src/shell/mime_leaf.c \
	src/shell/mime_param.c \
	src/shell/mime_part.c \
	src/shell/mime_reply.c \
	src/shell/mime_tag.c \
	src/shell/mime_text.c \
	src/shell/mime_tree.c \
	src/shell/mime_value.c \
	src/shell/mime_w3m.c \
	src/shell/mime_words.c \
	src/shell/when.c src/shell/when.h \
	src/shell/width.c src/shell/width.h
MIME_LIBS = src/shell/libmime.a $(GMIME_LIBS) $(UNISTRING_LIBS)

# The language, the terminal and the commands; mailsh.c is the program.
noinst_LIBRARIES += src/shell/libshell.a
src_shell_libshell_a_CFLAGS = $(AM_CFLAGS) $(READLINE_CFLAGS) $(JANSSON_CFLAGS)
src_shell_libshell_a_SOURCES = \
	src/shell/cmd.h \
	src/shell/cmd_compose.c \
	src/shell/cmd_contact.c \
	src/shell/cmd_delete.c \
	src/shell/cmd_help.c \
	src/shell/cmd_list.c src/shell/cmd_outbox.c \
	src/shell/cmd_login.c \
	src/shell/cmd_read.c \
	src/shell/cmd_save.c \
	src/shell/cmd_send.c \
	src/shell/cmd_set.c \
	src/shell/cmd_shell.c \
	src/shell/command.c src/shell/command.h \
	src/shell/commands.c \
	src/shell/complete.c src/shell/complete.h \
	src/shell/contacts.c src/shell/contacts.h \
	src/shell/draft.c src/shell/draft.h \
	src/shell/draft_edit.c \
	src/shell/draft_keep.c \
	src/shell/draft_place.c \
	src/shell/draft_ready.c \
	src/shell/expand.c src/shell/expand.h \
	src/shell/json.c src/shell/json.h \
	src/shell/lex.c src/shell/lex.h src/shell/lex_private.h \
	src/shell/lex_word.c \
	src/shell/mailbox.c src/shell/mailbox.h \
	src/shell/mailbox_select.c \
	src/shell/output.c src/shell/output.h \
	src/shell/paths.c src/shell/paths.h \
	src/shell/pins.c src/shell/pins.h \
	src/shell/proc.c src/shell/proc.h \
	src/shell/redact.c src/shell/redact.h \
	src/shell/run.c src/shell/run.h src/shell/run_private.h \
	src/shell/run_check.c \
	src/shell/run_command.c \
	src/shell/run_expand.c \
	src/shell/session.c src/shell/session.h \
	src/shell/session_tls.c src/shell/session_tls.h \
	src/shell/set.c src/shell/set.h \
	src/shell/set_parse.c src/shell/set_private.h \
	src/shell/set_value.c \
	src/shell/shell.c src/shell/shell.h \
	src/shell/source.c src/shell/source.h \
	src/shell/status.c src/shell/status.h \
	src/shell/tty.c src/shell/tty.h \
	src/shell/user_file.c src/shell/user_file.h \
	src/shell/vars.c src/shell/vars.h
SHELL_LIBS = src/shell/libshell.a $(MIME_LIBS) $(SMTP_LIBS) $(POP3_LIBS) \
	$(AUTH_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) \
	$(READLINE_LIBS) $(JANSSON_LIBS)
bin_PROGRAMS += src/shell/mailsh
src_shell_mailsh_SOURCES = src/shell/mailsh.c \
	src/shell/mailsh_options.c src/shell/mailsh_options.h \
	src/shell/mailsh_prompt.c src/shell/mailsh_prompt.h
src_shell_mailsh_LDADD = $(SHELL_LIBS)
