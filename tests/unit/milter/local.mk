# milter
milter_unit_libs = $(MILTER_LIBS) $(SMTP_LIBS) $(NET_LIBS) $(MAIL_LIBS) \
	$(BASE_LIBS) $(CMOCKA_LIBS)
milter_unit_tests = tests/unit/milter/test_milter_body \
	tests/unit/milter/test_milter_filter \
	tests/unit/milter/test_milter_header \
	tests/unit/milter/test_milter_packet
check_PROGRAMS += $(milter_unit_tests)
TESTS += $(milter_unit_tests)
tests_unit_milter_test_milter_body_SOURCES = \
	tests/unit/milter/test_milter_body.c
tests_unit_milter_test_milter_body_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_milter_test_milter_body_LDADD = $(milter_unit_libs)
tests_unit_milter_test_milter_header_SOURCES = \
	tests/unit/milter/test_milter_header.c
tests_unit_milter_test_milter_header_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_milter_test_milter_header_LDADD = $(milter_unit_libs)
tests_unit_milter_test_milter_packet_SOURCES = \
	tests/unit/milter/test_milter_packet.c
tests_unit_milter_test_milter_packet_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_milter_test_milter_packet_LDADD = $(milter_unit_libs)
tests_unit_milter_test_milter_filter_SOURCES = \
	tests/unit/milter/test_milter_filter.c \
	tests/wire/milter_play.c tests/wire/milter_play.h \
	tests/wire/smtp_recorder.c tests/wire/smtp_recorder.h
tests_unit_milter_test_milter_filter_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_milter_test_milter_filter_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
tests_unit_milter_test_milter_filter_LDADD = $(milter_unit_libs)
