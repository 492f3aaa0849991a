# smtp
smtp_rig = tests/unit/smtp/rig.c tests/unit/smtp/rig.h \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h
smtp_rig_libs = tests/wire/libwire.a $(SMTP_LIBS) $(NET_LIBS) $(MAIL_LIBS) \
	$(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/smtp/test_smtp_server \
	tests/unit/smtp/test_smtp_memory
TESTS += tests/unit/smtp/test_smtp_server tests/unit/smtp/test_smtp_memory
tests_unit_smtp_test_smtp_server_SOURCES = \
	tests/unit/smtp/test_smtp_server.c $(smtp_rig)
tests_unit_smtp_test_smtp_server_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_smtp_test_smtp_server_LDADD = $(smtp_rig_libs)
tests_unit_smtp_test_smtp_memory_SOURCES = \
	tests/unit/smtp/test_smtp_memory.c $(smtp_rig)
tests_unit_smtp_test_smtp_memory_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_smtp_test_smtp_memory_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
tests_unit_smtp_test_smtp_memory_LDADD = $(smtp_rig_libs)
check_PROGRAMS += tests/unit/smtp/test_smtp_client
TESTS += tests/unit/smtp/test_smtp_client
tests_unit_smtp_test_smtp_client_SOURCES = \
	tests/unit/smtp/test_smtp_client.c tests/unit/smtp/script_peer.h
tests_unit_smtp_test_smtp_client_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_smtp_test_smtp_client_LDADD = $(SMTP_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/smtp/test_smtp_extension
TESTS += tests/unit/smtp/test_smtp_extension
tests_unit_smtp_test_smtp_extension_SOURCES = \
	tests/unit/smtp/test_smtp_extension.c
tests_unit_smtp_test_smtp_extension_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_smtp_test_smtp_extension_LDADD = $(SMTP_LIBS) $(AUTH_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/smtp/test_smtp_client_lmtp
TESTS += tests/unit/smtp/test_smtp_client_lmtp
tests_unit_smtp_test_smtp_client_lmtp_SOURCES = \
	tests/unit/smtp/test_smtp_client_lmtp.c tests/unit/smtp/script_peer.h
tests_unit_smtp_test_smtp_client_lmtp_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_smtp_test_smtp_client_lmtp_LDADD = $(SMTP_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/smtp/test_smtp_client_tls
TESTS += tests/unit/smtp/test_smtp_client_tls
tests_unit_smtp_test_smtp_client_tls_SOURCES = \
	tests/unit/smtp/test_smtp_client_tls.c \
	tests/unit/net/tls_play.c tests/unit/net/tls_play.h
tests_unit_smtp_test_smtp_client_tls_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_smtp_test_smtp_client_tls_LDADD = $(SMTP_LIBS) \
	$(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
