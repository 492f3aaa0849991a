auth_unit_tests = \
	tests/unit/auth/test_login_guard \
	tests/unit/auth/test_login_secret \
	tests/unit/auth/test_scram_message \
	tests/unit/auth/test_password \
	tests/unit/auth/test_sasl \
	tests/unit/auth/test_sasl_client \
	tests/unit/auth/test_scram_key \
	tests/unit/auth/test_turns \
	tests/unit/auth/test_users \
	tests/unit/auth/test_users_edit
check_PROGRAMS += $(auth_unit_tests)
TESTS += $(auth_unit_tests)
auth_unit_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
auth_unit_libs = $(AUTH_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_auth_test_password_SOURCES = tests/unit/auth/test_password.c
tests_unit_auth_test_password_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_password_LDADD = $(auth_unit_libs)
tests_unit_auth_test_sasl_SOURCES = tests/unit/auth/test_sasl.c
tests_unit_auth_test_sasl_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_sasl_LDADD = $(auth_unit_libs)
tests_unit_auth_test_users_SOURCES = tests/unit/auth/test_users.c
tests_unit_auth_test_users_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_users_LDADD = $(auth_unit_libs)
tests_unit_auth_test_users_edit_SOURCES = tests/unit/auth/test_users_edit.c
tests_unit_auth_test_users_edit_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_users_edit_LDADD = $(auth_unit_libs)
tests_unit_auth_test_scram_key_SOURCES = tests/unit/auth/test_scram_key.c
tests_unit_auth_test_scram_key_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_scram_key_LDADD = $(auth_unit_libs)
tests_unit_auth_test_turns_SOURCES = tests/unit/auth/test_turns.c
tests_unit_auth_test_turns_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_turns_LDADD = $(auth_unit_libs)
tests_unit_auth_test_sasl_client_SOURCES = tests/unit/auth/test_sasl_client.c
tests_unit_auth_test_sasl_client_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_sasl_client_LDADD = $(auth_unit_libs)
tests_unit_auth_test_login_guard_SOURCES = tests/unit/auth/test_login_guard.c
tests_unit_auth_test_login_guard_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_login_guard_LDADD = $(auth_unit_libs)
tests_unit_auth_test_scram_message_SOURCES = tests/unit/auth/test_scram_message.c
tests_unit_auth_test_scram_message_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_scram_message_LDADD = $(auth_unit_libs)
tests_unit_auth_test_login_secret_SOURCES = tests/unit/auth/test_login_secret.c
tests_unit_auth_test_login_secret_CFLAGS = $(auth_unit_cflags)
tests_unit_auth_test_login_secret_LDADD = $(auth_unit_libs)
