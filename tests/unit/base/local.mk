check_PROGRAMS += tests/unit/base/test_span tests/unit/base/test_buf
TESTS += tests/unit/base/test_span tests/unit/base/test_buf
tests_unit_base_test_span_SOURCES = tests/unit/base/test_span.c
tests_unit_base_test_span_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_span_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_buf_SOURCES = tests/unit/base/test_buf.c
tests_unit_base_test_buf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_buf_LDADD = $(BASE_LIBS) $(CMOCKA_LIBS)
