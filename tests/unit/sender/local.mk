check_PROGRAMS += tests/unit/sender/test_verify tests/unit/sender/test_relay \
	tests/unit/sender/test_routes
TESTS += tests/unit/sender/test_verify tests/unit/sender/test_relay \
	tests/unit/sender/test_routes
tests_unit_sender_test_verify_SOURCES = \
	tests/unit/sender/test_verify.c tests/unit/smtp/script_peer.h
tests_unit_sender_test_verify_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_verify_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
tests_unit_sender_test_relay_SOURCES = \
	tests/unit/sender/test_relay.c tests/unit/smtp/script_peer.h \
	tests/unit/queue/queue_dir.h
tests_unit_sender_test_relay_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_relay_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
tests_unit_sender_test_routes_SOURCES = tests/unit/sender/test_routes.c
tests_unit_sender_test_routes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_routes_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/sender/test_mx tests/unit/sender/test_tls_policy
TESTS += tests/unit/sender/test_mx tests/unit/sender/test_tls_policy
tests_unit_sender_test_mx_SOURCES = \
	tests/unit/sender/test_mx.c tests/unit/net/name_server.h
tests_unit_sender_test_mx_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_mx_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
tests_unit_sender_test_tls_policy_SOURCES = \
	tests/unit/sender/test_tls_policy.c tests/unit/queue/queue_dir.h
tests_unit_sender_test_tls_policy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_tls_policy_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_wall_s,--wrap=readdir
tests_unit_sender_test_tls_policy_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/sender/test_reach
TESTS += tests/unit/sender/test_reach
tests_unit_sender_test_reach_SOURCES = \
	tests/unit/sender/test_reach.c tests/unit/net/name_server.h \
	tests/unit/smtp/script_peer.h
tests_unit_sender_test_reach_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_reach_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/sender/test_from_header \
	tests/unit/sender/test_login_limits
TESTS += tests/unit/sender/test_from_header tests/unit/sender/test_login_limits
tests_unit_sender_test_from_header_SOURCES = \
	tests/unit/sender/test_from_header.c
tests_unit_sender_test_from_header_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_from_header_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
tests_unit_sender_test_login_limits_SOURCES = \
	tests/unit/sender/test_login_limits.c
tests_unit_sender_test_login_limits_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_login_limits_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/sender/test_pool
TESTS += tests/unit/sender/test_pool
tests_unit_sender_test_pool_SOURCES = \
	tests/unit/sender/test_pool.c tests/unit/smtp/script_peer.h
tests_unit_sender_test_pool_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_pool_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/sender/test_pickup
TESTS += tests/unit/sender/test_pickup
tests_unit_sender_test_pickup_SOURCES = tests/unit/sender/test_pickup.c
tests_unit_sender_test_pickup_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_pickup_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=readdir \
	-Wl,--wrap=clock_wall_s,--wrap=clock_mono_ms
tests_unit_sender_test_pickup_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/sender/test_control_queue
TESTS += tests/unit/sender/test_control_queue
tests_unit_sender_test_control_queue_SOURCES = \
	tests/unit/sender/test_control_queue.c
tests_unit_sender_test_control_queue_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sender_test_control_queue_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=scheduler_act -Wl,--wrap=scheduler_list
tests_unit_sender_test_control_queue_LDADD = $(SENDER_LIBS) $(CMOCKA_LIBS)
