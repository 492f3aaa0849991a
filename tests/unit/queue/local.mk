check_PROGRAMS += tests/unit/queue/test_reports \
	tests/unit/queue/test_spool tests/unit/queue/test_spool_journal \
	tests/unit/queue/test_scheduler \
	tests/unit/queue/test_scheduler_admin tests/unit/queue/test_trail \
	tests/unit/queue/test_turns
TESTS += tests/unit/queue/test_reports \
	tests/unit/queue/test_spool tests/unit/queue/test_spool_journal \
	tests/unit/queue/test_scheduler \
	tests/unit/queue/test_scheduler_admin tests/unit/queue/test_trail \
	tests/unit/queue/test_turns
tests_unit_queue_test_spool_SOURCES = \
	tests/unit/queue/test_spool.c tests/unit/queue/queue_dir.h
tests_unit_queue_test_spool_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_queue_test_spool_LDADD = \
	$(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_queue_test_scheduler_SOURCES = \
	tests/unit/queue/test_scheduler.c tests/unit/queue/queue_dir.h
tests_unit_queue_test_scheduler_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_queue_test_scheduler_LDADD = \
	$(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_queue_test_scheduler_admin_SOURCES = \
	tests/unit/queue/test_scheduler_admin.c tests/unit/queue/queue_dir.h
tests_unit_queue_test_scheduler_admin_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_queue_test_scheduler_admin_LDADD = \
	$(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_queue_test_reports_SOURCES = \
	tests/unit/queue/test_reports.c tests/unit/queue/queue_dir.h
tests_unit_queue_test_reports_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_queue_test_reports_LDADD = \
	$(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_queue_test_spool_journal_SOURCES = \
	tests/unit/queue/test_spool_journal.c tests/unit/queue/queue_dir.h
tests_unit_queue_test_spool_journal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_queue_test_spool_journal_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdatasync,--wrap=posix_fallocate
tests_unit_queue_test_spool_journal_LDADD = \
	$(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_queue_test_trail_SOURCES = \
	tests/unit/queue/test_trail.c tests/unit/queue/queue_dir.h
tests_unit_queue_test_trail_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_queue_test_trail_LDADD = \
	$(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_unit_queue_test_turns_SOURCES = tests/unit/queue/test_turns.c
tests_unit_queue_test_turns_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_queue_test_turns_LDADD = \
	$(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
