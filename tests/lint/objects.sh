#!/bin/sh
# The symbols of the compiled rooms: names, and nothing writable to share.
. "$top_srcdir/tests/lint/tap.sh"
out=$(mktemp) || exit 1
symbols=$(mktemp) || exit 1
trap 'rm -f "$out" "$symbols"' EXIT

for library in "$top_builddir"/src/*/lib*.a; do
	room=$(basename "$(dirname "$library")")
	if ! "${NM:-nm}" --format=sysv "$library" >"$symbols" 2>"$out"; then
		tap_result 1 "nm reads $room" "$out"
		continue
	fi
	"${AWK:-awk}" -v room="$room" -f "$top_srcdir/tests/lint/objects.awk" \
		"$top_srcdir/src/LAYERS" "$symbols" >"$out" 2>&1
	tap_result $? "$room: exports carry their module's name, nothing is writable" \
		"$out"
done
tap_done
