# objects.awk - judge the symbols of src/*/*.a against src/LAYERS.
#   awk -v room=mail -f objects.awk src/LAYERS nm-output
# nm-output is that of: nm --format=sysv lib<room>.a.
#
# 1. What module.c exports begins with "module_"; smtp_server_rcpt.c may also
#    export what begins with a shorter run of its words ("smtp_server_"), the
#    file being a part of that module.  Lines "prefix room/file.c p_ ..." of
#    src/LAYERS name other families a module owns.
# 2. No writable object at file scope.  Lines "writable room/file.c name ..."
#    name the exceptions.

function offence(what) {
	printf "%s/%s.c: %s\n", room, module, what
	bad = 1
}

function trim(s) {
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

function has_prefix(name,    stem, i, n, list) {
	for (stem = module; stem != ""; ) {
		if (name == stem || index(name, stem "_") == 1)
			return 1
		if (!sub(/_[^_]*$/, "", stem))
			break
	}
	n = split(prefix[room "/" module ".c"], list, " ")
	for (i = 1; i <= n; i++)
		if (index(name, list[i]) == 1)
			return 1
	return 0
}

NR == FNR {
	sub(/#.*/, "")
	if ($1 == "prefix")
		for (i = 3; i <= NF; i++)
			prefix[$2] = prefix[$2] " " $i
	if ($1 == "writable")
		for (i = 3; i <= NF; i++)
			writable[$2, $i] = 1
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
	type = trim(column[4])
	section = trim(column[7])
	if (name ~ /^(__|\.|_GLOBAL_|_sub_|\*)/ || name == "")
		next # the compiler's own
	if (class ~ /^[TDBRVWC]$/ && !has_prefix(name))
		offence("exports " name)
	# constants with addresses in them are in .data.rel.ro: not writable
	# once the program runs
	if (type == "OBJECT" || type == "TLS") {
		base = name
		sub(/\.[0-9]+$/, "", base)
		if (section ~ /^\.(data|bss|tdata|tbss)/ &&
		    section !~ /^\.data\.rel\.ro/ &&
		    !((room "/" module ".c", base) in writable))
			offence("writable object " name " (" section ")")
	}
}

END {
	exit bad
}
