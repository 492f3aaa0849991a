check_PROGRAMS += tests/unit/pop3/test_pop3_client
TESTS += tests/unit/pop3/test_pop3_client
tests_unit_pop3_test_pop3_client_SOURCES = tests/unit/pop3/test_pop3_client.c
tests_unit_pop3_test_pop3_client_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_pop3_test_pop3_client_LDADD = $(POP3_LIBS) $(NET_LIBS) \
	$(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/pop3/test_pop3_server
TESTS += tests/unit/pop3/test_pop3_server
tests_unit_pop3_test_pop3_server_SOURCES = tests/unit/pop3/test_pop3_server.c \
	tests/wire/pop3_fake.c tests/wire/pop3_fake.h
tests_unit_pop3_test_pop3_server_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_pop3_test_pop3_server_LDADD = tests/wire/libwire.a $(POP3_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/pop3/test_pop3_client_tls
TESTS += tests/unit/pop3/test_pop3_client_tls
tests_unit_pop3_test_pop3_client_tls_SOURCES = \
	tests/unit/pop3/test_pop3_client_tls.c \
	tests/unit/net/tls_play.c tests/unit/net/tls_play.h
tests_unit_pop3_test_pop3_client_tls_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_pop3_test_pop3_client_tls_LDADD = $(POP3_LIBS) $(NET_LIBS) \
	$(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
