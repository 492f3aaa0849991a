# net
check_PROGRAMS += tests/unit/net/test_stream tests/unit/net/test_listener
TESTS += tests/unit/net/test_stream tests/unit/net/test_listener
tests_unit_net_test_stream_SOURCES = tests/unit/net/test_stream.c
tests_unit_net_test_stream_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_stream_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_net_test_listener_SOURCES = tests/unit/net/test_listener.c
tests_unit_net_test_listener_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_listener_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_dial
TESTS += tests/unit/net/test_dial
tests_unit_net_test_dial_SOURCES = tests/unit/net/test_dial.c
tests_unit_net_test_dial_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_dial_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
