# What is left after kill -9, a power cut, a failing disk: see doc/testing.md.
CRASH_TESTS = \
	tests/crash/test_damage.py \
	tests/crash/test_faults.py \
	tests/crash/test_hostile_receiver.py \
	tests/crash/test_kill_steps.py \
	tests/crash/test_local_road.py \
	tests/crash/test_powercut.py
EXTRA_DIST += $(CRASH_TESTS) \
	tests/crash/faults.py \
	tests/crash/hostile.py \
	tests/crash/kill_steps.py \
	tests/crash/ledger.py \
	tests/crash/local_road.py \
	tests/crash/nomem.c \
	tests/crash/powercut.py \
	tests/crash/steps.c
TESTS += $(CRASH_TESTS)
CLEANFILES += tests/crash/*.so

# The whole of it, with figures; not part of make check.
.PHONY: crash faults powercut
crash: all
	@$(AM_TESTS_ENVIRONMENT) $(PYTHON) $(top_srcdir)/tests/crash/kill_steps.py && \
	$(PYTHON) $(top_srcdir)/tests/crash/local_road.py
faults: all
	@$(AM_TESTS_ENVIRONMENT) for t in hostile_receiver faults; do \
	$(PYTHON) $(top_srcdir)/tests/e2e/tap.py \
		$(top_srcdir)/tests/crash/test_$$t.py -k 'hostile or descriptors' \
		|| exit 1; done; \
	$(PYTHON) $(top_srcdir)/tests/crash/faults.py
powercut: all
	@$(AM_TESTS_ENVIRONMENT) for fs in ext4 xfs; do \
	for durability in journal strict; do \
	for mode in "" --second --down "--second --down"; do \
	$(PYTHON) $(top_srcdir)/tests/crash/powercut.py --cuts 100 --fs $$fs \
		--durability $$durability $$mode || exit 1; done; done; done
