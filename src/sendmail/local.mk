noinst_LIBRARIES += src/sendmail/libsendmail.a
src_sendmail_libsendmail_a_SOURCES = \
	src/sendmail/sendmail.h \
	src/sendmail/sendmail_args.c \
	src/sendmail/sendmail_drop.c \
	src/sendmail/sendmail_header.c \
	src/sendmail/sendmail_lines.c \
	src/sendmail/sendmail_mail.c \
	src/sendmail/sendmail_mime.c \
	src/sendmail/sendmail_options.c src/sendmail/sendmail_options.h \
	src/sendmail/sendmail_submit.c
SENDMAIL_LIBS = src/sendmail/libsendmail.a $(SMTP_LIBS) $(AUTH_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

sbin_PROGRAMS += src/sendmail/postpair-sendmail
src_sendmail_postpair_sendmail_SOURCES = src/sendmail/main.c
src_sendmail_postpair_sendmail_CPPFLAGS = $(AM_CPPFLAGS) \
	-DSBINDIR='"$(sbindir)"'
src_sendmail_postpair_sendmail_LDADD = $(SENDMAIL_LIBS)

# Set-group-id where it is installed (doc/operations.md): the C library alone.
sbin_PROGRAMS += src/sendmail/postpair-drop
src_sendmail_postpair_drop_SOURCES = src/sendmail/postpair_drop.c
src_sendmail_postpair_drop_LDADD =

# --enable-sendmail: also under the names that programs look for.
if ENABLE_SENDMAIL
install-exec-hook: install-sbinPROGRAMS
	$(MKDIR_P) $(DESTDIR)$(bindir)
	rm -f $(DESTDIR)$(sbindir)/sendmail $(DESTDIR)$(bindir)/mailq \
		$(DESTDIR)$(bindir)/newaliases
	cd $(DESTDIR)$(sbindir) && $(LN_S) postpair-sendmail sendmail
	cd $(DESTDIR)$(bindir) && \
		$(LN_S) $(sbindir)/postpair-sendmail mailq && \
		$(LN_S) $(sbindir)/postpair-sendmail newaliases
uninstall-hook:
	rm -f $(DESTDIR)$(sbindir)/sendmail $(DESTDIR)$(bindir)/mailq \
		$(DESTDIR)$(bindir)/newaliases
endif
