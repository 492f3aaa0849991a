noinst_LIBRARIES += src/sendmail/libsendmail.a
src_sendmail_libsendmail_a_SOURCES = \
	src/sendmail/sendmail.h \
	src/sendmail/sendmail_args.c \
	src/sendmail/sendmail_drop.c \
	src/sendmail/sendmail_mail.c \
	src/sendmail/sendmail_options.c src/sendmail/sendmail_options.h \
	src/sendmail/sendmail_submit.c
SENDMAIL_LIBS = src/sendmail/libsendmail.a $(SMTP_LIBS) $(AUTH_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)

sbin_PROGRAMS += src/sendmail/postpair-sendmail
src_sendmail_postpair_sendmail_SOURCES = src/sendmail/main.c
src_sendmail_postpair_sendmail_LDADD = $(SENDMAIL_LIBS)

# --enable-sendmail: also under the name that programs look for.
if ENABLE_SENDMAIL
install-exec-hook: install-sbinPROGRAMS
	rm -f $(DESTDIR)$(sbindir)/sendmail
	cd $(DESTDIR)$(sbindir) && $(LN_S) postpair-sendmail sendmail
uninstall-hook:
	rm -f $(DESTDIR)$(sbindir)/sendmail
endif
