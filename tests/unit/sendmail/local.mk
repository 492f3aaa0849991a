# One cmocka program per module of src/sendmail that needs no server.
sendmail_tests = \
	tests/unit/sendmail/test_sendmail_args \
	tests/unit/sendmail/test_sendmail_header \
	tests/unit/sendmail/test_sendmail_lines
check_PROGRAMS += $(sendmail_tests)
TESTS += $(sendmail_tests)
tests_unit_sendmail_test_sendmail_args_SOURCES = tests/unit/sendmail/test_sendmail_args.c
tests_unit_sendmail_test_sendmail_args_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sendmail_test_sendmail_args_LDADD = $(SENDMAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_sendmail_test_sendmail_header_SOURCES = tests/unit/sendmail/test_sendmail_header.c
tests_unit_sendmail_test_sendmail_header_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sendmail_test_sendmail_header_LDADD = $(SENDMAIL_LIBS) $(CMOCKA_LIBS)
tests_unit_sendmail_test_sendmail_lines_SOURCES = tests/unit/sendmail/test_sendmail_lines.c
tests_unit_sendmail_test_sendmail_lines_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sendmail_test_sendmail_lines_LDADD = $(SENDMAIL_LIBS) $(CMOCKA_LIBS)
