#!/bin/sh
# Each header of src/ compiles by itself, so that the order of includes never
# matters and a reader finds in it all it needs.
. "$top_srcdir/tests/lint/tap.sh"
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
cd "$top_srcdir" || exit 1

for header in $(find src -name '*.h' | LC_ALL=C sort); do
	# CC and LIB_CFLAGS are lists of words
	# shellcheck disable=SC2086
	printf '#include "%s"\n' "${header#src/}" |
		${CC:-cc} -std=c17 -D_GNU_SOURCE -Isrc $LIB_CFLAGS \
			-Wall -Wextra -Werror -fsyntax-only -x c - >"$out" 2>&1
	tap_result $? "$header compiles alone" "$out"
done
tap_done
