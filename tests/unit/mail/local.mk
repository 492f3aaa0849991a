# One cmocka program per module of src/mail.
mail_tests = \
	tests/unit/mail/test_address \
	tests/unit/mail/test_date \
	tests/unit/mail/test_dot \
	tests/unit/mail/test_downgrade \
	tests/unit/mail/test_dsn \
	tests/unit/mail/test_dsn_param \
	tests/unit/mail/test_header \
	tests/unit/mail/test_status \
	tests/unit/mail/test_submit \
	tests/unit/mail/test_utf8
check_PROGRAMS += $(mail_tests)
TESTS += $(mail_tests)
tests_unit_mail_test_address_SOURCES = tests/unit/mail/test_address.c
tests_unit_mail_test_address_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_address_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_date_SOURCES = tests/unit/mail/test_date.c
tests_unit_mail_test_date_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_date_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_dot_SOURCES = tests/unit/mail/test_dot.c
tests_unit_mail_test_dot_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_dot_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_downgrade_SOURCES = tests/unit/mail/test_downgrade.c
tests_unit_mail_test_downgrade_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_downgrade_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_dsn_SOURCES = tests/unit/mail/test_dsn.c
tests_unit_mail_test_dsn_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_dsn_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_dsn_param_SOURCES = tests/unit/mail/test_dsn_param.c
tests_unit_mail_test_dsn_param_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_dsn_param_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_header_SOURCES = tests/unit/mail/test_header.c
tests_unit_mail_test_header_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_header_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_status_SOURCES = tests/unit/mail/test_status.c
tests_unit_mail_test_status_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_status_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_submit_SOURCES = tests/unit/mail/test_submit.c
tests_unit_mail_test_submit_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_submit_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_mail_test_utf8_SOURCES = tests/unit/mail/test_utf8.c
tests_unit_mail_test_utf8_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_utf8_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/mail/test_release
TESTS += tests/unit/mail/test_release
tests_unit_mail_test_release_SOURCES = tests/unit/mail/test_release.c
tests_unit_mail_test_release_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_release_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/mail/test_auth_results
TESTS += tests/unit/mail/test_auth_results
tests_unit_mail_test_auth_results_SOURCES = tests/unit/mail/test_auth_results.c
tests_unit_mail_test_auth_results_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_auth_results_LDADD = $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/mail/test_mailbox_list
TESTS += tests/unit/mail/test_mailbox_list
tests_unit_mail_test_mailbox_list_SOURCES = tests/unit/mail/test_mailbox_list.c
tests_unit_mail_test_mailbox_list_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_mailbox_list_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/mail/test_drop
TESTS += tests/unit/mail/test_drop
tests_unit_mail_test_drop_SOURCES = tests/unit/mail/test_drop.c
tests_unit_mail_test_drop_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_drop_LDADD = $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/mail/test_encoded_word
TESTS += tests/unit/mail/test_encoded_word
tests_unit_mail_test_encoded_word_SOURCES = tests/unit/mail/test_encoded_word.c
tests_unit_mail_test_encoded_word_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_mail_test_encoded_word_LDADD = $(MAIL_LIBS) $(BASE_LIBS) \
	$(CMOCKA_LIBS)
