# exports.awk - judge what src/*/*.a export against what others need.
#   awk -v room=mail -f exports.awk words nm-output
# words has one name a line: the undefined symbols of all objects, and what the
# tests name.  nm-output is that of: nm --format=sysv lib<room>.a.
#
# A function that only its own file calls is static; one that nobody calls is
# removed.

function trim(s) {
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

NR == FNR {
	needed[$1] = 1
	next
}

# "Symbols from libmail.a[src_mail_libmail_a-address.o]:"
/^Symbols from / {
	module = $0
	sub(/^.*\[/, "", module)
	sub(/\.o\].*/, "", module)
	sub(/^.*-/, "", module)
	next
}

/\|/ {
	split($0, column, "|")
	name = trim(column[1])
	class = trim(column[3])
	if (name ~ /^(__|\.|_GLOBAL_|_sub_|\*)/ || name == "")
		next # the compiler's own
	if (class ~ /^[TDBRVWC]$/ && !(name in needed)) {
		printf "%s/%s.c: no other file needs %s\n", room, module, name
		bad = 1
	}
}

END {
	exit bad
}
