check_PROGRAMS += tests/unit/journal/test_journal
TESTS += tests/unit/journal/test_journal
tests_unit_journal_test_journal_SOURCES = tests/unit/journal/test_journal.c
tests_unit_journal_test_journal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_journal_test_journal_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdatasync,--wrap=pwrite,--wrap=posix_fallocate
tests_unit_journal_test_journal_LDADD = $(JOURNAL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
