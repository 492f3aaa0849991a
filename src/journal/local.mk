noinst_LIBRARIES += src/journal/libjournal.a
src_journal_libjournal_a_SOURCES = \
	src/journal/crc32c.c src/journal/crc32c.h \
	src/journal/journal.c src/journal/journal.h \
	src/journal/journal_group.c src/journal/journal_private.h \
	src/journal/journal_list.c src/journal/journal_list.h \
	src/journal/segment.c src/journal/segment.h
JOURNAL_LIBS = src/journal/libjournal.a
