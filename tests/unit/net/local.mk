# net
check_PROGRAMS += tests/unit/net/test_stream tests/unit/net/test_listener
TESTS += tests/unit/net/test_stream tests/unit/net/test_listener
tests_unit_net_test_stream_SOURCES = tests/unit/net/test_stream.c
tests_unit_net_test_stream_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_stream_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_net_test_listener_SOURCES = tests/unit/net/test_listener.c
tests_unit_net_test_listener_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_listener_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_dns
TESTS += tests/unit/net/test_dns
tests_unit_net_test_dns_SOURCES = \
	tests/unit/net/test_dns.c tests/unit/net/name_server.h
tests_unit_net_test_dns_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_dns_LDADD = $(NET_LIBS) $(BASE_LIBS) $(DNS_LIBS) \
	$(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_dial
TESTS += tests/unit/net/test_dial
tests_unit_net_test_dial_SOURCES = tests/unit/net/test_dial.c
tests_unit_net_test_dial_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_dial_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_resolve
TESTS += tests/unit/net/test_resolve
tests_unit_net_test_resolve_SOURCES = tests/unit/net/test_resolve.c
tests_unit_net_test_resolve_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_resolve_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_unix_socket
TESTS += tests/unit/net/test_unix_socket
tests_unit_net_test_unix_socket_SOURCES = tests/unit/net/test_unix_socket.c
tests_unit_net_test_unix_socket_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_unix_socket_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_tls_cert
TESTS += tests/unit/net/test_tls_cert
tests_unit_net_test_tls_cert_SOURCES = tests/unit/net/test_tls_cert.c
tests_unit_net_test_tls_cert_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_tls_cert_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_stream_tls
TESTS += tests/unit/net/test_stream_tls
tests_unit_net_test_stream_tls_SOURCES = tests/unit/net/test_stream_tls.c \
	tests/unit/net/issue.c tests/unit/net/issue.h
tests_unit_net_test_stream_tls_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_net_test_stream_tls_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_stream_tls_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_network
TESTS += tests/unit/net/test_network
tests_unit_net_test_network_SOURCES = tests/unit/net/test_network.c
tests_unit_net_test_network_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_network_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_rate
TESTS += tests/unit/net/test_rate
tests_unit_net_test_rate_SOURCES = tests/unit/net/test_rate.c
tests_unit_net_test_rate_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_rate_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_proxy
TESTS += tests/unit/net/test_proxy
tests_unit_net_test_proxy_SOURCES = tests/unit/net/test_proxy.c
tests_unit_net_test_proxy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_proxy_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_listener_tls tests/unit/net/test_tls_raw
TESTS += tests/unit/net/test_listener_tls tests/unit/net/test_tls_raw
tests_unit_net_test_listener_tls_SOURCES = \
	tests/unit/net/test_listener_tls.c \
	tests/unit/net/issue.c tests/unit/net/issue.h
tests_unit_net_test_listener_tls_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_net_test_listener_tls_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_listener_tls_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_net_test_tls_raw_SOURCES = tests/unit/net/test_tls_raw.c \
	tests/unit/net/issue.c tests/unit/net/issue.h
tests_unit_net_test_tls_raw_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_net_test_tls_raw_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_tls_raw_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_tls_memory
TESTS += tests/unit/net/test_tls_memory
tests_unit_net_test_tls_memory_SOURCES = tests/unit/net/test_tls_memory.c \
	tests/unit/net/issue.c tests/unit/net/issue.h
tests_unit_net_test_tls_memory_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_net_test_tls_memory_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_tls_memory_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
tests_unit_net_test_tls_memory_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/net/test_services
TESTS += tests/unit/net/test_services
tests_unit_net_test_services_SOURCES = tests/unit/net/test_services.c \
	tests/unit/net/issue.c tests/unit/net/issue.h
tests_unit_net_test_services_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_net_test_services_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_net_test_services_LDADD = $(NET_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
