#!/bin/sh
# The checks themselves: each must see the offence it is there for, and let
# clean code pass.
. "$top_srcdir/tests/lint/tap.sh"
here=$top_srcdir/tests/lint
: "${AWK:=awk}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
mkdir -p src/low src/high
cat >src/LAYERS <<'EOF'
low
side
high   low   # a comment
fence idn2.h     low/idn.c
prefix low/a.c   family_
writable low/a.c allowed
EOF

# judge NAME WANT SCRIPT FILE - WANT is a text in the offence, or "" for none
judge()
{
	name=$1 want=$2
	shift 2
	"$AWK" "$@" >out 2>&1
	status=$?
	if test -z "$want"; then
		test $status -eq 0 && test ! -s out
	else
		test $status -ne 0 && grep -qF "$want" out
	fi
	tap_result $? "$name" out
}

# include NAME WANT FILE LINE
include()
{
	echo "$4" >"src/$3"
	judge "$1" "$2" -f "$here/layers.awk" src/LAYERS "src/$3"
}
include "a lower room may be included" "" high/b.c '#include "low/a.h"'
include "a higher room may not" "may not include" low/a.c '#include "high/b.h"'
include "nor one beside" "may not include" high/b.c '#include "side/c.h"'
include "nor a relative path" "relative" high/b.c '#include "../low/a.h"'
include "nor a bare name" "not written as" high/b.c '#include "b.h"'
include "nor another's private header" "private" high/b.c \
	'#include "low/a_private.h"'
include "the C library is free" "" low/a.c '#include <stdio.h>'
include "a fenced header in its file" "" low/idn.c '#include <idn2.h>'
include "a fenced header elsewhere" "fenced to" low/a.c '#include <idn2.h>'
include "a header nobody fenced" "neither" low/a.c '#include <zlib.h>'

# code NAME WANT TEXT
code()
{
	printf '%s\n' "$3" >src/low/a.c
	judge "$1" "$2" -f "$here/code.awk" src/low/a.c
}
code "a banned call" "strcpy() is banned" '	strcpy(a, b);'
code "a banned call after a string" "sprintf() is banned" \
	'	f("x \" y", sprintf (a, b));'
code "a word in a comment" "" '/* strcpy(a, b) is banned */'
code "a word in a long comment" "" '/* as in
 * strcpy(a, b); */'
code "a word in a string" "" '	say("strcpy(a)");'
code "a longer name" "" '	my_strcpy(a); strcpy_like(b);'
code "a member of that name" "" '	t->system(a); t.rand(b);'
lines=$(i=0; while test $i -lt 91; do echo '	x();'; i=$((i + 1)); done)
code "a function of 91 lines" "more than 90" "f(void)
{
$lines
}"
code "one of 90" "" "f(void)
{
$(echo "$lines" | tail -n 90)
}"

# object NAME WANT SOURCE
object()
{
	echo "$3" >a.c
	# shellcheck disable=SC2086
	if ! ${CC:-cc} -c -o low-a.o a.c 2>out || ! rm -f liblow.a ||
		! "${AR:-ar}" rc liblow.a low-a.o; then
		tap_result 1 "$1" out
		return
	fi
	"${NM:-nm}" --format=sysv liblow.a >symbols
	judge "$1" "$2" -v room=low -f "$here/objects.awk" src/LAYERS symbols
}
object "an export with its module's name" "" 'int a_do(void) { return 0; }'
object "an export of a listed family" "" 'int family_x(void) { return 0; }'
object "an export of another name" "exports go" 'int go(void) { return 0; }'
object "a static function is free" "" \
	'static int go(void) { return 0; } int a_x(void) { return go(); }'
object "a table of constants" "" \
	'static const char *const t[] = { "a" };
	const char *a_x(int i) { return t[i]; }'
object "a writable object" "writable object n" \
	'static int n; int a_x(void) { return ++n; }'
object "one inside a function" "writable object n" \
	'int a_x(void) { static int n = 1; return ++n; }'
object "one for each thread" "writable object n" \
	'static _Thread_local int n; int a_x(void) { return ++n; }'
object "a writable object that is listed" "" \
	'static int allowed; int a_x(void) { return ++allowed; }'

# export_needed NAME WANT WORDS - of the last object, which exports a_x
export_needed()
{
	printf '%s\n' "$3" >words
	judge "$1" "$2" -v room=low -f "$here/exports.awk" words symbols
}
export_needed "an export that another file needs" "" 'a_y
a_x'
export_needed "an export that nobody needs" "no other file needs a_x" 'a_xy'
tap_done
