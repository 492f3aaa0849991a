noinst_LIBRARIES += src/mail/libmail.a
src_mail_libmail_a_CFLAGS = $(AM_CFLAGS) $(IDN2_CFLAGS)
src_mail_libmail_a_SOURCES = \
	src/mail/address.c src/mail/address.h src/mail/address_private.h \
	src/mail/address_form.c \
	src/mail/auth_results.c src/mail/auth_results.h \
	src/mail/date.c src/mail/date.h \
	src/mail/dot.c src/mail/dot.h \
	src/mail/downgrade.c src/mail/downgrade.h \
	src/mail/downgrade_field.c \
	src/mail/drop.c src/mail/drop.h \
	src/mail/dsn.c src/mail/dsn.h \
	src/mail/dsn_param.c src/mail/dsn_param.h \
	src/mail/encoded_word.c src/mail/encoded_word.h \
	src/mail/header.c src/mail/header.h \
	src/mail/mailbox_list.c src/mail/mailbox_list.h \
	src/mail/release.c src/mail/release.h \
	src/mail/status.c src/mail/status.h \
	src/mail/submit.c src/mail/submit.h \
	src/mail/utf8.c src/mail/utf8.h
MAIL_LIBS = src/mail/libmail.a $(IDN2_LIBS)
