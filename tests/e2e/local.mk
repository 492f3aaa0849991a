# End-to-end: the real programs, each other and independent clients.  Every
# test_*.py in TESTS is run by tap.py (see PY_LOG_COMPILER).
E2E_SUPPORT = tests/e2e/tap.py tests/e2e/harness.py
E2E_TESTS =
EXTRA_DIST += $(E2E_SUPPORT) $(E2E_TESTS)
TESTS += $(E2E_TESTS)
