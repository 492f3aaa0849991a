# tap.sh - sourced by the lint tests: one TAP line for each check, and the
# offences as diagnostics.
tap_n=0
tap_bad=0

# tap_result STATUS NAME [FILE] - FILE holds the offences.
tap_result()
{
	tap_n=$((tap_n + 1))
	if test "$1" -eq 0; then
		echo "ok $tap_n - $2"
	else
		echo "not ok $tap_n - $2"
		tap_bad=1
	fi
	if test "$1" -ne 0 && test -n "$3"; then
		sed 's/^/# /' "$3" | head -n 200
	fi
}

# tap_skip NAME REASON
tap_skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

tap_done()
{
	echo "1..$tap_n"
	exit $tap_bad
}
