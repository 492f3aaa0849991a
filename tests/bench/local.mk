# make bench: not part of make check; needs what doc/performance.md names.
EXTRA_PROGRAMS = tests/bench/load tests/bench/ceiling tests/bench/fill_queue tests/bench/destinations
tests_bench_load_SOURCES = tests/bench/load.c
tests_bench_load_LDADD = $(SMTP_LIBS) $(NET_LIBS) $(MAIL_LIBS) $(BASE_LIBS)
tests_bench_ceiling_SOURCES = tests/bench/ceiling.c
tests_bench_ceiling_LDADD = $(JOURNAL_LIBS) $(BASE_LIBS)
tests_bench_fill_queue_SOURCES = tests/bench/fill_queue.c
tests_bench_fill_queue_LDADD = $(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS)
tests_bench_destinations_SOURCES = tests/bench/destinations.c
tests_bench_destinations_LDADD = $(QUEUE_LIBS) $(MAIL_LIBS) $(BASE_LIBS)
tests_bench_destinations_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_mutex_lock,--wrap=pthread_mutex_unlock
EXTRA_DIST += tests/bench/queue_scale.py tests/bench/bench.py tests/bench/slow_sync.c
CLEANFILES += tests/bench/slow_sync.so $(EXTRA_PROGRAMS)

tests/bench/slow_sync.so: tests/bench/slow_sync.c
	$(MKDIR_P) tests/bench
	$(CC) -D_GNU_SOURCE -O2 -shared -fPIC -o $@ $< -ldl

.PHONY: bench queue-scale
queue-scale: all tests/bench/fill_queue tests/bench/destinations
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	$(PYTHON) $(srcdir)/tests/bench/queue_scale.py $(BENCH_ARGS)
bench: all $(EXTRA_PROGRAMS) tests/bench/slow_sync.so
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	$(PYTHON) $(srcdir)/tests/bench/bench.py $(BENCH_ARGS)
	@$(MAKE) bench-tls TLS_BENCH_ARGS='$(TLS_BENCH_ARGS)'

# The cost of TLS: memory of idle sessions, handshakes beside the neighbours'.
EXTRA_PROGRAMS += tests/bench/tls_load
tests_bench_tls_load_SOURCES = tests/bench/tls_load.c
tests_bench_tls_load_LDADD = $(NET_LIBS) $(BASE_LIBS)
EXTRA_DIST += tests/bench/idle_tls.py
.PHONY: idle-tls
idle-tls: all tests/bench/tls_load
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	$(PYTHON) $(srcdir)/tests/bench/idle_tls.py $(IDLE_ARGS)
EXTRA_DIST += tests/bench/tls_bench.py
.PHONY: bench-tls
bench-tls: all tests/bench/tls_load
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	$(PYTHON) $(srcdir)/tests/bench/tls_bench.py $(TLS_BENCH_ARGS)

# Whether the time of a refusal tells who exists: minutes, on a quiet machine.
EXTRA_DIST += tests/bench/timing.py
.PHONY: timing
timing: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	$(PYTHON) $(srcdir)/tests/bench/timing.py $(TIMING_ARGS)
