#!/bin/sh
# The mail shell and its manual page must tell the same: every command with
# every option of it, and nothing else.
. "$top_srcdir/tests/lint/tap.sh"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# `help all`: a command stands at the margin, its summary is indented by four
# below it, its options by two.
"$top_builddir/src/shell/mailsh" -n -c 'help all' >"$work/help"
tap_result $? "mailsh -c 'help all' works"
"${AWK:-awk}" '
	/^    [^ ]/ { command = before; print command }
	{ before = $1 }
	/^  -/ {
		line = substr($0, 3)
		sub(/   *[^ ].*$/, "", line)
		n = split(line, word, /[ ,]+/)
		for (i = 1; i <= n; i++)
			if (word[i] ~ /^--?[a-z]/) print command, word[i]
	}' "$work/help" | LC_ALL=C sort -u >"$work/program"

"${AWK:-awk}" '
	/^\.Sh / { in_commands = $2 == "COMMANDS" }
	!in_commands || !/^\.It / { next }
	$2 == "Ic" { command = $3; print command }
	{
		for (i = 2; i <= NF; i++)
			if ($i ~ /^--?[a-z]/) print command, $i
	}' "$top_srcdir/man/mailsh.1" | LC_ALL=C sort -u >"$work/page"

diff "$work/program" "$work/page" >"$work/out" 2>&1 && test -s "$work/program"
tap_result $? "every command and its options are in mailsh(1)" "$work/out"
tap_done
