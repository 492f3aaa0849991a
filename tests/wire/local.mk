# Transcripts: one program per protocol, one TAP point per file.
EXTRA_DIST += tests/wire/smtp
check_LIBRARIES += tests/wire/libwire.a
tests_wire_libwire_a_SOURCES = \
	tests/wire/wire.c tests/wire/wire.h tests/wire/wire_session.c \
	tests/wire/wire_text.c tests/wire/wire_tls.c \
	tests/unit/net/issue.c tests/unit/net/issue.h
tests_wire_libwire_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
WIRE_LIBS = tests/wire/libwire.a
check_PROGRAMS += tests/wire/wire_smtp
TESTS += tests/wire/wire_smtp
tests_wire_wire_smtp_SOURCES = \
	tests/wire/wire_smtp.c tests/wire/smtp_recorder.c \
	tests/wire/smtp_recorder.h
tests_wire_wire_smtp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_wire_wire_smtp_LDADD = $(WIRE_LIBS) $(SMTP_LIBS) $(NET_LIBS) \
	$(MAIL_LIBS) $(BASE_LIBS)

EXTRA_DIST += tests/wire/pop3
check_PROGRAMS += tests/wire/wire_pop3
TESTS += tests/wire/wire_pop3
tests_wire_wire_pop3_SOURCES = \
	tests/wire/wire_pop3.c tests/wire/pop3_fake.c tests/wire/pop3_fake.h
tests_wire_wire_pop3_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_wire_wire_pop3_LDADD = $(WIRE_LIBS) $(POP3_LIBS) $(NET_LIBS) \
	$(MAIL_LIBS) $(BASE_LIBS)
