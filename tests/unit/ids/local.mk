check_PROGRAMS += tests/unit/ids/test_ids
TESTS += tests/unit/ids/test_ids
tests_unit_ids_test_ids_SOURCES = tests/unit/ids/test_ids.c
tests_unit_ids_test_ids_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_ids_test_ids_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=readdir
tests_unit_ids_test_ids_LDADD = $(IDS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
