noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_CFLAGS = $(AM_CFLAGS) $(INIH_CFLAGS)
src_base_libbase_a_SOURCES = \
	src/base/arena.c src/base/arena.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/clock_steady.c src/base/clock_steady.h \
	src/base/conf.c src/base/conf.h \
	src/base/crc32.c src/base/crc32.h \
	src/base/daemon.c src/base/daemon.h \
	src/base/daemon_args.c src/base/daemon_private.h \
	src/base/daemon_data.c \
	src/base/daemon_process.c \
	src/base/descriptors.c src/base/descriptors.h \
	src/base/durable.c src/base/durable.h \
	src/base/err.c src/base/err.h \
	src/base/hash.c src/base/hash.h \
	src/base/heap.c src/base/heap.h \
	src/base/log.c src/base/log.h \
	src/base/log_repeat.c src/base/log_repeat.h \
	src/base/log_writer.c src/base/log_writer.h \
	src/base/memory.c src/base/memory.h \
	src/base/notify.c src/base/notify.h \
	src/base/option.c src/base/option.h \
	src/base/option_value.c src/base/option_value.h \
	src/base/peer.c src/base/peer.h \
	src/base/paths.h \
	src/base/rand.c src/base/rand.h \
	src/base/secret.c src/base/secret.h \
	src/base/siphash.c src/base/siphash.h \
	src/base/span.c src/base/span.h \
	src/base/thread.c src/base/thread.h \
	src/base/visible.c src/base/visible.h
BASE_LIBS = src/base/libbase.a $(INIH_LIBS)
