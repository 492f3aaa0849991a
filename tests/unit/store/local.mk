# store
check_PROGRAMS += tests/unit/store/test_maildir_name
TESTS += tests/unit/store/test_maildir_name
tests_unit_store_test_maildir_name_SOURCES = tests/unit/store/test_maildir_name.c
tests_unit_store_test_maildir_name_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_maildir_name_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/store/test_maildir
TESTS += tests/unit/store/test_maildir
tests_unit_store_test_maildir_SOURCES = tests/unit/store/test_maildir.c \
	tests/unit/store/tree.c tests/unit/store/tree.h
tests_unit_store_test_maildir_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_maildir_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/store/test_delivery
TESTS += tests/unit/store/test_delivery
tests_unit_store_test_delivery_SOURCES = tests/unit/store/test_delivery.c \
	tests/unit/store/tree.c tests/unit/store/tree.h
tests_unit_store_test_delivery_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_delivery_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/store/test_fitness
TESTS += tests/unit/store/test_fitness
tests_unit_store_test_fitness_SOURCES = tests/unit/store/test_fitness.c \
	tests/unit/store/tree.c tests/unit/store/tree.h
tests_unit_store_test_fitness_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_fitness_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=posix_fallocate,--wrap=faccessat
tests_unit_store_test_fitness_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/store/test_maildrop
TESTS += tests/unit/store/test_maildrop
tests_unit_store_test_maildrop_SOURCES = tests/unit/store/test_maildrop.c \
	tests/unit/store/tree.c tests/unit/store/tree.h
tests_unit_store_test_maildrop_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_maildrop_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdopendir,--wrap=statx
tests_unit_store_test_maildrop_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/store/test_ledger
TESTS += tests/unit/store/test_ledger
tests_unit_store_test_ledger_SOURCES = tests/unit/store/test_ledger.c \
	tests/unit/store/tree.c tests/unit/store/tree.h
tests_unit_store_test_ledger_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_ledger_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdatasync,--wrap=syncfs,--wrap=posix_fallocate,--wrap=renameat2,--wrap=readdir
tests_unit_store_test_ledger_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/store/test_directory
TESTS += tests/unit/store/test_directory
tests_unit_store_test_directory_SOURCES = tests/unit/store/test_directory.c \
	tests/unit/store/tree.c tests/unit/store/tree.h
tests_unit_store_test_directory_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_directory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=readdir
tests_unit_store_test_directory_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/store/test_foreign
TESTS += tests/unit/store/test_foreign
tests_unit_store_test_foreign_SOURCES = tests/unit/store/test_foreign.c \
	tests/unit/store/tree.c tests/unit/store/tree.h
tests_unit_store_test_foreign_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_store_test_foreign_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fstat,--wrap=fstatat,--wrap=linkat,--wrap=fsync,--wrap=syncfs
tests_unit_store_test_foreign_LDADD = $(STORE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
