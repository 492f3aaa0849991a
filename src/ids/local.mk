noinst_LIBRARIES += src/ids/libids.a
src_ids_libids_a_SOURCES = \
	src/ids/ids.c src/ids/ids.h \
	src/ids/ids_day.c src/ids/ids_day.h
IDS_LIBS = src/ids/libids.a
