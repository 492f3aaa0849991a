# Small faults, one at a time: do the tests notice?  See doc/testing.md.
EXTRA_DIST += tests/mutants/mutants.py
MUTANTS = 120
SEED = 1
MUTANTS_FLAGS =
.PHONY: mutants
mutants:
	@$(AM_TESTS_ENVIRONMENT) $(PYTHON) $(top_srcdir)/tests/mutants/mutants.py \
		--points $(MUTANTS) --seed $(SEED) $(MUTANTS_FLAGS)
clean-local: clean-mutants
.PHONY: clean-mutants
clean-mutants:
	-rm -rf tests/mutants/work
