EXTRA_DIST += tests/tsan.supp
include tests/unit/local.mk
include tests/wire/local.mk
include tests/fuzz/local.mk
include tests/e2e/local.mk
include tests/interop/local.mk
include tests/crash/local.mk
include tests/lint/local.mk
include tests/mutants/local.mk
include tests/bench/local.mk
