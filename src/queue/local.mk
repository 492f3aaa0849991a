noinst_LIBRARIES += src/queue/libqueue.a
src_queue_libqueue_a_SOURCES = \
	src/queue/bounce.c src/queue/bounce.h \
	src/queue/scheduler.c src/queue/scheduler.h \
	src/queue/scheduler_add.c \
	src/queue/scheduler_admin.c src/queue/scheduler_admin.h \
	src/queue/scheduler_attempt.c src/queue/scheduler_private.h \
	src/queue/scheduler_share.c src/queue/scheduler_turn.c \
	src/queue/scheduler_wait.c src/queue/scheduler_wait.h \
	src/queue/scheduler_dest.c src/queue/scheduler_dest.h \
	src/queue/spool.c src/queue/spool.h \
	src/queue/spool_checkpoint.c src/queue/spool_journal.c \
	src/queue/spool_recover.c src/queue/spool_scan.c \
	src/queue/spool_stays.c \
	src/queue/spool_text.c src/queue/spool_private.h \
	src/queue/spool_envelope.c \
	src/queue/spool_format.c src/queue/spool_format.h \
	src/queue/trail.c src/queue/trail.h
QUEUE_LIBS = src/queue/libqueue.a $(JOURNAL_LIBS) $(IDS_LIBS)
