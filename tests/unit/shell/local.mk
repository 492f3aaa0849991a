check_PROGRAMS += tests/unit/shell/test_width
TESTS += tests/unit/shell/test_width
tests_unit_shell_test_width_SOURCES = tests/unit/shell/test_width.c
tests_unit_shell_test_width_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_width_LDADD = $(MIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
