check_PROGRAMS += tests/unit/shell/test_width
TESTS += tests/unit/shell/test_width
tests_unit_shell_test_width_SOURCES = tests/unit/shell/test_width.c
tests_unit_shell_test_width_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_width_LDADD = $(MIME_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shell/test_mime
TESTS += tests/unit/shell/test_mime
tests_unit_shell_test_mime_SOURCES = tests/unit/shell/test_mime.c \
	tests/unit/shell/mime_test.h
tests_unit_shell_test_mime_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_mime_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shell/test_mime_build
TESTS += tests/unit/shell/test_mime_build
tests_unit_shell_test_mime_build_SOURCES = tests/unit/shell/test_mime_build.c
tests_unit_shell_test_mime_build_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_mime_build_LDADD = $(MIME_LIBS) $(MAIL_LIBS) \
	$(BASE_LIBS) $(CMOCKA_LIBS)

# The language.
shell_tests = \
	tests/unit/shell/test_contacts \
	tests/unit/shell/test_lex \
	tests/unit/shell/test_set
check_PROGRAMS += $(shell_tests)
TESTS += $(shell_tests)
tests_unit_shell_test_contacts_SOURCES = tests/unit/shell/test_contacts.c
tests_unit_shell_test_contacts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_contacts_LDADD = $(SHELL_LIBS) $(CMOCKA_LIBS)
tests_unit_shell_test_lex_SOURCES = tests/unit/shell/test_lex.c
tests_unit_shell_test_lex_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_lex_LDADD = $(SHELL_LIBS) $(CMOCKA_LIBS)
tests_unit_shell_test_set_SOURCES = tests/unit/shell/test_set.c
tests_unit_shell_test_set_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_set_LDADD = $(SHELL_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/shell/test_when
TESTS += tests/unit/shell/test_when
tests_unit_shell_test_when_SOURCES = tests/unit/shell/test_when.c
tests_unit_shell_test_when_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_when_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shell/test_mime_decode
TESTS += tests/unit/shell/test_mime_decode
tests_unit_shell_test_mime_decode_SOURCES = tests/unit/shell/test_mime_decode.c \
	tests/unit/shell/mime_test.h
tests_unit_shell_test_mime_decode_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_mime_decode_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shell/test_mime_words
TESTS += tests/unit/shell/test_mime_words
tests_unit_shell_test_mime_words_SOURCES = tests/unit/shell/test_mime_words.c \
	tests/unit/shell/mime_test.h
tests_unit_shell_test_mime_words_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_mime_words_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/shell/test_mime_tree
TESTS += tests/unit/shell/test_mime_tree
tests_unit_shell_test_mime_tree_SOURCES = tests/unit/shell/test_mime_tree.c \
	tests/unit/shell/mime_test.h
tests_unit_shell_test_mime_tree_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_shell_test_mime_tree_LDADD = $(MIME_LIBS) $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)
