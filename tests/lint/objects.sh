#!/bin/sh
# The symbols of the compiled rooms: names, nothing writable to share, and
# nothing exported that no other file needs.
. "$top_srcdir/tests/lint/tap.sh"
out=$(mktemp) || exit 1
symbols=$(mktemp) || exit 1
words=$(mktemp) || exit 1
trap 'rm -f "$out" "$symbols" "$words"' EXIT

# What the programs need of other files, and every word of the tests.
find "$top_builddir/src" -name '*.o' -exec "${NM:-nm}" -P -u {} + |
	"${AWK:-awk}" '$2 == "U" { print $1 }' >"$words"
find "$top_srcdir/tests" -name '*.[ch]' -exec cat {} + |
	tr -cs 'A-Za-z0-9_' '\n' | sort -u >>"$words"

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
	"${AWK:-awk}" -v room="$room" -f "$top_srcdir/tests/lint/exports.awk" \
		"$words" "$symbols" >"$out" 2>&1
	tap_result $? "$room: another file needs what is exported" "$out"
done
tap_done
