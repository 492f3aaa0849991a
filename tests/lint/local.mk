# Checks on the sources and the objects themselves.
lint_tests = \
	tests/lint/commands.sh \
	tests/lint/headers.sh \
	tests/lint/objects.sh \
	tests/lint/options.sh \
	tests/lint/selftest.sh \
	tests/lint/source.sh
dist_check_SCRIPTS += $(lint_tests)
TESTS += $(lint_tests)
EXTRA_DIST += \
	tests/lint/code.awk \
	tests/lint/cppcheck.suppress \
	tests/lint/exports.awk \
	tests/lint/layers.awk \
	tests/lint/objects.awk \
	tests/lint/options.awk \
	tests/lint/tap.sh
