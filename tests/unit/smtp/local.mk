# smtp
check_PROGRAMS += tests/unit/smtp/test_smtp_server
TESTS += tests/unit/smtp/test_smtp_server
tests_unit_smtp_test_smtp_server_SOURCES = \
	tests/unit/smtp/test_smtp_server.c \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h
tests_unit_smtp_test_smtp_server_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_smtp_test_smtp_server_LDADD = tests/wire/libwire.a $(SMTP_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
