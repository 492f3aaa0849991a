check_PROGRAMS += tests/unit/shell/test_width
TESTS += tests/unit/shell/test_width
tests_unit_shell_test_width_SOURCES = tests/unit/shell/test_width.c
tests_unit_shell_test_width_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_width_LDADD = $(MIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shell/test_mime
TESTS += tests/unit/shell/test_mime
tests_unit_shell_test_mime_SOURCES = tests/unit/shell/test_mime.c
tests_unit_shell_test_mime_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_mime_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shell/test_mime_build
TESTS += tests/unit/shell/test_mime_build
tests_unit_shell_test_mime_build_SOURCES = tests/unit/shell/test_mime_build.c
tests_unit_shell_test_mime_build_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_mime_build_LDADD = $(MIME_LIBS) $(MAIL_LIBS) \
	$(BASE_LIBS) $(CMOCKA_LIBS)
