# receiver
check_PROGRAMS += tests/unit/receiver/test_receiver_rules
TESTS += tests/unit/receiver/test_receiver_rules
tests_unit_receiver_test_receiver_rules_SOURCES = \
	tests/unit/receiver/test_receiver_rules.c
tests_unit_receiver_test_receiver_rules_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_receiver_test_receiver_rules_LDADD = $(RECEIVER_LIBS) $(CMOCKA_LIBS)
