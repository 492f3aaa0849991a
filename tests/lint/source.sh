#!/bin/sh
# The text of the sources: layers, banned calls, long functions, format.
. "$top_srcdir/tests/lint/tap.sh"
here=$top_srcdir/tests/lint
: "${AWK:=awk}"
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
cd "$top_srcdir" || exit 1

find src -name '*.[ch]' | LC_ALL=C sort |
	xargs "$AWK" -f "$here/layers.awk" src/LAYERS >"$out" 2>&1
tap_result $? "every include follows src/LAYERS" "$out"

find src tests -name '*.[ch]' | LC_ALL=C sort |
	xargs "$AWK" -f "$here/code.awk" >"$out" 2>&1
tap_result $? "no banned call and no function over 90 lines" "$out"

# A guard names its file, so that no two headers shut each other out; a file
# that repeats its room's name does not repeat it in the guard.
find src tests -name '*.h' | LC_ALL=C sort | while read -r header; do
	guard=PP_$(echo "${header#src/}" | tr 'a-z/.' 'A-Z__')
	short=PP_$(basename "$header" | tr 'a-z.' 'A-Z_')
	grep -q -e "^#ifndef $guard\$" -e "^#ifndef $short\$" "$header" ||
		echo "$header: no guard $guard"
done >"$out"
test ! -s "$out"
tap_result $? "every header is guarded by its own name" "$out"

# Other versions set some lines differently; the one the project uses decides.
case $("${CLANG_FORMAT:-clang-format}" --version 2>/dev/null) in
*"version 14."*)
	find src tests -name '*.[ch]' | LC_ALL=C sort |
		xargs "$CLANG_FORMAT" --dry-run -Werror >"$out" 2>&1
	tap_result $? "every C file is formatted (make format)" "$out" ;;
*)
	tap_skip "every C file is formatted" "clang-format 14 is not here" ;;
esac
# Where things are is told by ./configure, and known in one place.
grep -n -E '"[^"]*/(etc|run|var/[a-z]+)/postpair' -r src --include='*.[ch]' \
	>"$out"
test ! -s "$out"
tap_result $? "no directory of an installation is written in the code" "$out"
for file in sender/sender.c receiver/receiver.c sender/sender_options.c \
	receiver/receiver_options.c sendmail/sendmail_options.c admin/admin_user.c
do
	"${CC:-cc}" -E -D_GNU_SOURCE -Isrc -DPP_SYSCONFDIR='"/opt/a"' \
		-DPP_LOCALSTATEDIR='"/opt/b"' -DPP_RUNSTATEDIR='"/opt/c"' \
		$LIB_CFLAGS "src/$file" 2>&1 | grep -q '"/opt/[abc]" "/[a-z/]*postpair' ||
		echo "src/$file: does not go by --sysconfdir and its like"
done >"$out"
test ! -s "$out"
tap_result $? "defaults go by the directories of configure" "$out"
tap_done
